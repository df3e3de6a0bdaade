//! What a session tells: about the market ([`market`](self::market)), about the books it keeps and about
//! its requests.

mod book;
mod link;
mod market;
mod request;

use std::time::Duration;

use crate::error::Error;

pub use book::{BookChange, BookEvent, TopCheck};
pub use link::{Cause, LinkChange, LinkEvent, Renewal};
pub use market::{
    Candle, CandleOf, Delta, Fills, Funding, Index, Instrument, InstrumentState, Interval, Liquidation, Mark,
    Quote, Snapshot, Ticker, Trade,
};
pub use request::{Gap, Outcome, Rejection, Request};

/// Something that happened. Events that lend levels or text are valid until the next call on the session.
///
/// Times are nanoseconds since the Unix epoch by the venue's clock, never by ours.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A trade, or several fills told as one.
    Trade(Trade),
    /// The best bid and ask.
    Quote(Quote),
    /// A picture of a book: all of it, or its best levels.
    Snapshot(Snapshot<'a>),
    /// Changes of a book as they arrived, whatever the state of the book kept here.
    Delta(Delta<'a>),
    /// Statistics of a day or another window.
    Ticker(Ticker),
    /// A mark price, with funding where there is some.
    Mark(Mark),
    /// The funding of a perpetual, without a mark price.
    Funding(Funding),
    /// The price of an index.
    Index(Index),
    /// A candle, which may not be over yet.
    Candle(Candle),
    /// An order of a liquidation.
    Liquidation(Liquidation),
    /// An instrument was opened, halted, closed, ...
    State(InstrumentState<'a>),
    /// The book kept by the session changed, or changed its state.
    Book(BookEvent),
    /// The top of the book was compared with a quote of the same update id.
    Check(TopCheck),
    /// Updates of a stream may be missing: its last connection was lost, or the venue left them out. It comes before the
    /// next event of the stream.
    Gap(Gap<'a>),
    /// The venue confirmed a stream: it is followed from here on. Told again when it had been lost in the meantime.
    Subscribed {
        /// The name of the stream.
        stream: &'a str,
        /// Streams of the session that are still not confirmed.
        pending: usize,
    },
    /// A stream is followed no more, as it was asked for.
    Unsubscribed {
        /// The name of the stream.
        stream: &'a str,
    },
    /// A stream that the venue confirmed brings nothing, for longer than it should: it is subscribed anew.
    Silent {
        /// The name of the stream.
        stream: &'a str,
        /// For how long.
        since: Duration,
    },
    /// A stream is not there: the venue left it out of its confirmation, or refused it by itself. It does not exist, or is
    /// not open for us. Each connection that is not given it tells so (at Deribit unless another brings it). As the
    /// stream stays wanted, each new one asks for it and tells again, until it is unsubscribed.
    Missing {
        /// The name of the stream.
        stream: &'a str,
    },
    /// The venue refused a request. That of a subscription may be for several streams and names none: where it was one
    /// alone and for good, [`Missing`](Self::Missing) is the next event and names it; of several each half is asked for
    /// again.
    Rejected(Rejection<'a>),
    /// A request was not answered in time; it is sent again.
    Unanswered {
        /// What was asked.
        request: Request,
        /// For whom, where it concerns one instrument.
        instrument: Option<Instrument>,
    },
    /// The session signed in.
    SignedIn,
    /// Something about the account; the message itself holds what.
    Account {
        /// The venue's name of the kind.
        kind: &'a str,
        /// When it happened, where the venue tells.
        venue_time_ns: Option<u64>,
    },
    /// Something about the venue as a whole.
    Status(Status<'a>),
    /// Something about a connection.
    Link(LinkEvent<'a>),
    /// A message that was left out: the venue does not document it, or nobody asked for it. Books that miss it report the
    /// gap.
    Unreadable(&'a Error),
    /// A message of a kind that has no event of its own, or an answer that nobody waits for any more.
    Other {
        /// The venue's name of the kind.
        kind: &'a str,
    },
}

impl Event<'_> {
    /// When it happened, or when the venue sent it, where it tells.
    pub fn venue_time_ns(&self) -> Option<u64> {
        match self {
            Self::Trade(trade) => Some(trade.venue_time_ns),
            Self::Quote(quote) => quote.venue_time_ns,
            Self::Snapshot(snapshot) => snapshot.venue_time_ns,
            Self::Delta(delta) => Some(delta.venue_time_ns),
            Self::Ticker(ticker) => Some(ticker.venue_time_ns),
            Self::Mark(mark) => Some(mark.venue_time_ns),
            Self::Funding(funding) => Some(funding.venue_time_ns),
            Self::Index(index) => Some(index.venue_time_ns),
            Self::Candle(candle) => candle.venue_time_ns,
            Self::Liquidation(liquidation) => Some(liquidation.venue_time_ns),
            Self::State(state) => state.venue_time_ns,
            Self::Account { venue_time_ns, .. } => *venue_time_ns,
            Self::Status(status) => status.venue_time_ns,
            _ => None,
        }
    }
}

/// The state of the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status<'a> {
    /// What about it.
    pub kind: StatusKind,
    /// The venue's words, or what it concerns; may be empty.
    pub text: &'a str,
    /// When it was said, where the venue tells.
    pub venue_time_ns: Option<u64>,
}

/// A kind of [`Status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusKind {
    /// The venue is about to close the connection.
    Shutdown,
    /// Maintenance began, or is on.
    Maintenance,
    /// Trading of what `text` names is locked.
    Locked,
    /// Trading of what `text` names is unlocked.
    Unlocked,
    /// A trading session changed its phase.
    TradingSession,
    /// An announcement.
    Announcement,
    /// Nothing at all came over a connection for too long.
    Silent,
    /// Anything else the venue says about itself.
    Other,
}
