//! Events as JSON, one object a line: what `record` shows and `replay` prints.

mod describe;

pub(crate) use describe::{level, status, trade};

use describe::Line;
use serde_json::{Value, json};
use std::io::{self, Write};
use tickwire::venue::{BookChange, Error, Event, Instrument, Session};

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Every event of the market.
    Events,
    /// The top of a book after each update.
    Books,
}

/// The lines, for the help.
pub(crate) const LINES: &str = "\
Lines, one JSON object each; numbers of the market are exact decimals in strings, times are nanoseconds since the Unix
epoch, null is what the venue does not tell:
  events  trade, quote, delta, snapshot, ticker, mark, funding, index, candle, liquidation, state, account, other
  books   book: the top after each update that was applied, [\"price\",\"quantity\"] or null for an empty side
  both    gap (expected, got), check (only of a quote that disagrees with the book of its update id), status (synced,
          resynced, ignored, stale_snapshot, overflow, trimmed, crossed, suspect, stale, subscribed, missing, rejected,
          unanswered, signed_in, shutdown, maintenance, ...), error (line, stream, offset, detail)";

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
    pub(crate) errors: u64,
}

impl Tally {
    /// In words.
    pub(crate) fn line(&self) -> String {
        let Self { messages, events, books, updates, agree, differ, suspects, gaps, errors } = self;
        format!(
            "{messages} messages, {events} events, {books} books with {updates} updates, {agree} comparisons agree, \
             {differ} differ ({suspects} suspect books), {gaps} gaps, {errors} errors"
        )
    }
}

/// Prints events. An event borrows its session, whose names and books a line needs too: so it is
/// [taken](Self::take) first and [printed](Self::print) when the session is free again.
#[derive(Debug)]
pub(crate) struct Printer<W> {
    format: Format,
    out: W,
    pub(crate) tally: Tally,
}

/// What is left of an event until it is printed.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    line: Option<Line>,
    /// The book to show, and its update id.
    book: Option<(Instrument, u64)>,
}

impl<W: Write> Printer<W> {
    pub(crate) fn new(format: Format, out: W) -> Self {
        Self { format, out, tally: Tally::default() }
    }

    /// Counts an event and keeps what is to be printed of it.
    pub(crate) fn take(&mut self, event: &Event<'_>, received_ns: Option<u64>) -> Taken {
        self.tally.events += 1;
        let mut book = None;
        let mut tell = true;
        match event {
            Event::Book(event) => match event.change {
                BookChange::Updated { update_id } => {
                    self.tally.updates += 1;
                    book = Some((event.instrument, update_id));
                    // The delta has told it.
                    tell = false;
                }
                BookChange::Synced { update_id } => {
                    self.tally.books += 1;
                    book = Some((event.instrument, update_id));
                }
                BookChange::Resynced { update_id } => book = Some((event.instrument, update_id)),
                BookChange::Gap { .. } => self.tally.gaps += 1,
                BookChange::Suspect { .. } => self.tally.suspects += 1,
                _ => {}
            },
            Event::Check(check) if check.agrees => {
                self.tally.agree += 1;
                tell = false;
            }
            Event::Check(_) => self.tally.differ += 1,
            event => tell = self.format == Format::Events || is_news(event),
        }
        let line = tell.then(|| Line::of(event, received_ns));
        Taken { line, book: book.filter(|_| self.format == Format::Books) }
    }

    /// Prints what was taken.
    pub(crate) fn print(&mut self, taken: Taken, session: &impl Session) -> io::Result<()> {
        if let Some(line) = taken.line {
            writeln!(self.out, "{}", line.named(session))?;
        }
        let Some((instrument, update_id)) = taken.book else { return Ok(()) };
        let Some(view) = session.book(instrument) else { return Ok(()) };
        let line = json!({
            "event": "book", "symbol": session.symbol(instrument), "update_id": update_id,
            "bid": level(view.book.best_bid()), "ask": level(view.book.best_ask()),
        });
        writeln!(self.out, "{line}")
    }

    /// Prints that a message could not be used; `line` counts lines or, of a recording, records from 1.
    pub(crate) fn error(&mut self, line: Option<u64>, error: &Error) -> io::Result<()> {
        self.tally.errors += 1;
        let (stream, offset) = match error {
            Error::Malformed { stream, offset, .. } => (stream.as_deref(), *offset),
            _ => (None, None),
        };
        let detail = Value::from(error.to_string());
        let line =
            json!({"event": "error", "line": line, "stream": stream, "offset": offset, "detail": detail});
        writeln!(self.out, "{line}")
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Whether an event is about the session, not the market.
fn is_news(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Subscribed { .. }
            | Event::Missing { .. }
            | Event::Rejected(_)
            | Event::Unanswered { .. }
            | Event::SignedIn
            | Event::Status(_)
    )
}
