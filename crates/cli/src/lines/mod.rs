//! Events as JSON, one object a line: what `record` shows, `replay` prints, and `watch --json` tells.

mod describe;
mod link;

pub(crate) use describe::{Origin, level, status};
pub(crate) use link::{nanos, phase};

use describe::Line;
use serde_json::{Value, json};
use std::io::{self, Write};
use tickwire::venue::{BookChange, BookState, Event, Instrument, LinkEvent, Session};

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Every event of the market.
    Events,
    /// The top of a book after each update.
    Books,
    /// That, and trades.
    #[value(skip)]
    BooksAndTrades,
}

/// The lines, for the help.
pub(crate) const LINES: &str = "\
Lines, one JSON object each; numbers of the market are exact decimals in strings, times are nanoseconds since the Unix
epoch and spans are nanoseconds (_ns), null is what the venue does not tell:
  events  trade, quote, delta, snapshot, ticker, mark, funding, index, candle, liquidation, state, account, other
  books   book: the top after each update that was applied, [\"price\",\"quantity\"] or null for an empty side, and the
          state: live, stale
  both    gap (of a book: expected, got), stream_gap (updates of a stream may be missing, after an id or time through
          another), silent (a stream brings nothing), check (only of a quote that disagrees with the book of its update
          id), link (a connection: name, endpoint, leg, place, change: connecting, open, ready, renewing, retiring,
          closed, lost, stopped), status (synced, resynced, ignored, stale_snapshot, overflow, trimmed, crossed, suspect,
          stale, subscribed, unsubscribed, missing, rejected, unanswered, signed_in, shutdown, maintenance, ...), error
          (a message that was left out: line, stream, offset, detail)";

/// What was printed, and what it tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    pub(crate) events: u64,
    /// Books that were complete at some time.
    pub(crate) books: u64,
    pub(crate) updates: u64,
    pub(crate) agree: u64,
    pub(crate) differ: u64,
    pub(crate) suspects: u64,
    pub(crate) gaps: u64,
    pub(crate) stream_gaps: u64,
    pub(crate) errors: u64,
    /// Connections.
    pub(crate) lost: u64,
    pub(crate) renewed: u64,
}

impl Tally {
    /// In words.
    pub(crate) fn line(&self) -> String {
        let Self { messages, events, books, updates, agree, differ, suspects, .. } = self;
        let Self { gaps, stream_gaps, errors, lost, renewed, .. } = self;
        format!(
            "{messages} messages, {events} events, {books} books with {updates} updates, {agree} comparisons agree, \
             {differ} differ ({suspects} suspect books), {gaps} gaps, {errors} errors, {stream_gaps} gaps of streams, \
             {lost} connections lost, {renewed} renewed"
        )
    }
}

/// Prints events. An event borrows its session, whose names and books a line needs too: so it is
/// [taken](Self::take) first and [printed](Self::print) when the session is free again.
#[derive(Debug)]
pub(crate) struct Printer<W> {
    format: Format,
    pub(crate) out: W,
    pub(crate) tally: Tally,
    /// The last change or picture of a book: when it was, if it is what brought the book to where it stands.
    pictured: Option<(Instrument, u64, Option<u64>)>,
}

/// What is left of an event until it is printed.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    line: Option<Line>,
    book: Option<Top>,
}

/// A book to show.
#[derive(Debug)]
struct Top {
    instrument: Instrument,
    update_id: u64,
    venue_time_ns: Option<u64>,
    received_ns: Option<u64>,
}

impl<W: Write> Printer<W> {
    pub(crate) fn new(format: Format, out: W) -> Self {
        Self { format, out, tally: Tally::default(), pictured: None }
    }

    /// Counts an event and keeps what is to be printed of it.
    pub(crate) fn take(&mut self, event: &Event<'_>, from: Origin) -> Taken {
        self.tally.events += 1;
        let mut shown = None;
        let tell = match event {
            Event::Book(event) => {
                shown = self.count_book(event.change).map(|update_id| (event.instrument, update_id));
                // The delta has told it.
                !matches!(event.change, BookChange::Updated { .. })
            }
            Event::Check(check) => {
                let count = if check.agrees { &mut self.tally.agree } else { &mut self.tally.differ };
                *count += 1;
                !check.agrees
            }
            event => {
                self.count(event);
                self.format.tells(event)
            }
        };
        let line = tell.then(|| Line::of(event, from));
        let shown = shown.filter(|_| self.format != Format::Events);
        Taken { line, book: shown.map(|(instrument, update_id)| self.top(instrument, update_id, from)) }
    }

    /// Counts a change of a book; the update id if its top is to be shown.
    fn count_book(&mut self, change: BookChange) -> Option<u64> {
        match change {
            BookChange::Updated { update_id } => {
                self.tally.updates += 1;
                return Some(update_id);
            }
            BookChange::Synced { update_id } => {
                self.tally.books += 1;
                return Some(update_id);
            }
            BookChange::Resynced { update_id } => return Some(update_id),
            BookChange::Gap { .. } => self.tally.gaps += 1,
            BookChange::Suspect { .. } => self.tally.suspects += 1,
            _ => {}
        }
        None
    }

    fn count(&mut self, event: &Event<'_>) {
        match event {
            Event::Delta(delta) => {
                self.pictured = Some((delta.instrument, delta.last_id, Some(delta.venue_time_ns)));
            }
            Event::Snapshot(all) => {
                self.pictured = Some((all.instrument, all.update_id, all.venue_time_ns));
            }
            Event::Gap(_) => self.tally.stream_gaps += 1,
            Event::Unreadable(_) => self.tally.errors += 1,
            _ => {}
        }
    }

    fn top(&self, instrument: Instrument, update_id: u64, from: Origin) -> Top {
        let pictured = self.pictured.filter(|(of, id, _)| (*of, *id) == (instrument, update_id));
        let venue_time_ns = pictured.and_then(|(.., venue_time_ns)| venue_time_ns);
        Top { instrument, update_id, venue_time_ns, received_ns: from.received_ns }
    }

    /// Prints what was taken.
    pub(crate) fn print(&mut self, taken: Taken, session: &impl Session) -> io::Result<()> {
        if let Some(line) = taken.line {
            writeln!(self.out, "{}", line.named(session))?;
        }
        let Some(Top { instrument, update_id, venue_time_ns, received_ns }) = taken.book else {
            return Ok(());
        };
        let Some(view) = session.book(instrument) else { return Ok(()) };
        let line = json!({
            "event": "book", "symbol": session.symbol(instrument), "venue_time_ns": venue_time_ns,
            "state": state(view.state), "update_id": update_id, "bid": level(view.book.best_bid()),
            "ask": level(view.book.best_ask()), "received_ns": received_ns,
        });
        writeln!(self.out, "{line}")
    }

    /// Prints the line of a connection, as [`of_link`] makes it.
    pub(crate) fn link(&mut self, line: &Value) -> io::Result<()> {
        self.tally.events += 1;
        match line["change"].as_str() {
            Some("lost") => self.tally.lost += 1,
            Some("retiring") => self.tally.renewed += 1,
            _ => {}
        }
        writeln!(self.out, "{line}")
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Format {
    /// Whether there is a line for an event that is not about a book kept here.
    fn tells(self, event: &Event<'_>) -> bool {
        match (self, event) {
            (Self::Events, _) | (Self::BooksAndTrades, Event::Trade(_)) => true,
            _ => is_news(event),
        }
    }
}

/// Whether an event is about the session, not the market.
fn is_news(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Gap(_)
            | Event::Link(_)
            | Event::Missing { .. }
            | Event::Rejected(_)
            | Event::SignedIn
            | Event::Silent { .. }
            | Event::Status(_)
            | Event::Subscribed { .. }
            | Event::Unanswered { .. }
            | Event::Unreadable(_)
            | Event::Unsubscribed { .. }
    )
}

/// The line of what happened to a connection, which takes no session to tell.
pub(crate) fn of_link(event: LinkEvent<'_>, received_ns: u64) -> Value {
    Line::of(&Event::Link(event), Origin { received_ns: Some(received_ns), line: None }).unnamed()
}

/// A book's state in a word.
pub(crate) fn state(state: BookState) -> &'static str {
    match state {
        BookState::Empty => "syncing",
        BookState::Live => "live",
        BookState::Stale => "stale",
    }
}
