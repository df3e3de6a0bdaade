//! What a session tells about the market and about itself.

use std::time::Instant;

use crate::{decimal::Decimal, level::Level};

/// An instrument of a session: an index into the symbols it was configured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instrument(pub u32);

/// Something that happened. Events that lend levels or text are valid until the next call on the session.
///
/// Times are nanoseconds since the Unix epoch by the venue's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A trade, or several fills told as one.
    Trade(Trade),
    /// The best bid and ask.
    Quote(Quote),
    /// Changes of a book as they arrived, whatever the state of the book kept here.
    Delta(Delta<'a>),
    /// The best levels of a book.
    Depth(Depth<'a>),
    /// The book kept by the session changed, or changed its state.
    Book(BookEvent),
    /// The top of the book was compared with a quote of the same update id.
    Check(TopCheck),
    /// The venue confirmed a subscription request.
    Subscribed {
        /// Streams the request named.
        streams: usize,
        /// Streams of the session that are still not confirmed.
        pending: usize,
    },
    /// The venue refused a request.
    Rejected(Rejection<'a>),
    /// A request was not answered in time; it is sent again.
    Unanswered {
        /// What was asked.
        request: Request,
        /// For whom, where it concerns one instrument.
        instrument: Option<Instrument>,
    },
    /// The venue announced that it will close the connection.
    ServerShutdown {
        /// When it said so.
        event_time_ns: u64,
    },
    /// A message of a kind that has no event of its own, such as a kline, or an answer that nobody waits
    /// for any more.
    Other {
        /// The venue's name of the kind.
        kind: &'a str,
    },
}

/// Who took liquidity in a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggressor {
    /// The buyer.
    Buy,
    /// The seller.
    Sell,
}

/// A trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// What was traded.
    pub instrument: Instrument,
    /// The trade's id, or the aggregate's (`fills`).
    pub id: u64,
    /// The price.
    pub price: Decimal,
    /// The quantity, of all fills together.
    pub quantity: Decimal,
    /// Who took.
    pub taker: Aggressor,
    /// For an aggregate the ids of the trades it stands for; `None` for a single trade.
    pub fills: Option<Fills>,
    /// When it was traded.
    pub venue_time_ns: u64,
    /// When the venue sent it.
    pub event_time_ns: u64,
}

/// The trades that an aggregate stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fills {
    /// Id of the first.
    pub first_id: u64,
    /// Id of the last.
    pub last_id: u64,
}

/// The best bid and ask after an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Of what.
    pub instrument: Instrument,
    /// The id of the book update after which they stood.
    pub update_id: u64,
    /// The best bid.
    pub bid: Level,
    /// The best ask.
    pub ask: Level,
}

/// Changes of a book: absolute quantities, zero removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delta<'a> {
    /// Of what.
    pub instrument: Instrument,
    /// The first book update they cover.
    pub first_id: u64,
    /// The last book update they cover.
    pub last_id: u64,
    /// Changed bids, in the venue's order.
    pub bids: &'a [Level],
    /// Changed asks, in the venue's order.
    pub asks: &'a [Level],
    /// When the venue sent them.
    pub venue_time_ns: u64,
}

/// The best levels of a book, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth<'a> {
    /// Of what.
    pub instrument: Instrument,
    /// The id of the last book update in it.
    pub update_id: u64,
    /// The best bids.
    pub bids: &'a [Level],
    /// The best asks.
    pub asks: &'a [Level],
}

/// Something about a book that the session keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookEvent {
    /// Of what.
    pub instrument: Instrument,
    /// What about it.
    pub change: BookChange,
}

/// What happened to a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BookChange {
    /// The book is complete for the first time.
    Synced {
        /// The update id it stands at.
        update_id: u64,
    },
    /// The book is complete again.
    Resynced {
        /// The update id it stands at.
        update_id: u64,
    },
    /// A diff was applied.
    Updated {
        /// The update id it stands at.
        update_id: u64,
    },
    /// A diff brought nothing new and was left out.
    Ignored {
        /// The last id of the diff.
        last_id: u64,
        /// The id that was reached before.
        update_id: u64,
    },
    /// Updates are missing. The last good book stays readable, stale, until a new one is complete.
    Gap {
        /// The id that would have continued the book, or the diffs collected for it.
        expected: u64,
        /// The first id of the diff that came.
        got: u64,
    },
    /// A snapshot was older than the first diff collected; it is fetched again.
    StaleSnapshot {
        /// The id of the snapshot.
        snapshot_id: u64,
        /// The first id collected.
        first_id: u64,
    },
    /// Too much was collected while waiting for a snapshot; collecting starts over.
    Overflow {
        /// Levels that were thrown away.
        levels: usize,
    },
    /// A side was over its bound and lost its worst levels.
    Trimmed {
        /// Levels dropped by this update.
        levels: u64,
    },
    /// The stream was lost: the book stays readable, stale, until it is complete again.
    Stale {
        /// The update id it stands at.
        update_id: u64,
    },
}

/// A comparison of the book with a quote of the same update id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopCheck {
    /// Of what.
    pub instrument: Instrument,
    /// The update id of both.
    pub update_id: u64,
    /// Whether price and quantity are equal on both sides; a quote of quantity zero stands for no level.
    pub agrees: bool,
    /// The bid and ask of the quote.
    pub quote: (Level, Level),
    /// The best bid and ask of the book.
    pub book: (Option<Level>, Option<Level>),
}

/// A request that the venue refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection<'a> {
    /// What was asked.
    pub request: Request,
    /// For whom, where it concerns one instrument.
    pub instrument: Option<Instrument>,
    /// The venue's code.
    pub code: i64,
    /// The venue's words.
    pub message: &'a str,
    /// What the session does about it.
    pub outcome: Outcome,
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// A subscription.
    Subscribe,
    /// A book snapshot.
    Snapshot,
    /// The venue did not say which request it refused.
    Unknown,
}

/// What a session does about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more on this connection; a new connection asks again.
    Final,
    /// It asks again, not before this time.
    Retry(Instant),
}
