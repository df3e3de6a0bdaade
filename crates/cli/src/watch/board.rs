//! What there is to see: a row for each instrument, kept up to date from events.

use std::time::Duration;
use tickwire::venue::{BookChange, BookState, Decimal, Event, Instrument, Level, Session};

/// Totals since the beginning.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) updates: u64,
    pub(crate) quotes: u64,
    pub(crate) trades: u64,
    pub(crate) gaps: u64,
    pub(crate) resyncs: u64,
    pub(crate) checks: u64,
    pub(crate) agreed: u64,
    pub(crate) other: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, more: &Self) {
        self.updates += more.updates;
        self.quotes += more.quotes;
        self.trades += more.trades;
        self.gaps += more.gaps;
        self.resyncs += more.resyncs;
        self.checks += more.checks;
        self.agreed += more.agreed;
        self.other += more.other;
    }
}

/// One instrument.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) symbol: String,
    pub(crate) state: BookState,
    pub(crate) bid: Option<Level>,
    pub(crate) ask: Option<Level>,
    pub(crate) last: Option<(Decimal, Decimal)>,
    pub(crate) tally: Tally,
    /// The totals at the last look, for rates.
    seen: Tally,
    /// Updates, quotes and trades a second between the last two looks.
    pub(crate) rates: [f64; 3],
}

/// All instruments.
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) rows: Vec<Row>,
    /// What belongs to no instrument.
    loose: Tally,
}

impl Board {
    pub(crate) fn new(session: &impl Session) -> Self {
        let row = |symbol: &str| Row {
            symbol: symbol.to_owned(),
            state: BookState::Empty,
            bid: None,
            ask: None,
            last: None,
            tally: Tally::default(),
            seen: Tally::default(),
            rates: [0.0; 3],
        };
        let symbols = (0..session.instruments()).filter_map(|at| session.symbol(Instrument(at)));
        Self { rows: symbols.map(row).collect(), loose: Tally::default() }
    }

    pub(crate) fn row(&self, instrument: Instrument) -> Option<&Row> {
        self.rows.get(usize::try_from(instrument.0).ok()?)
    }

    fn row_mut(&mut self, instrument: Instrument) -> Option<&mut Row> {
        self.rows.get_mut(usize::try_from(instrument.0).ok()?)
    }

    /// Counts an event.
    pub(crate) fn count(&mut self, event: &Event<'_>) {
        match event {
            Event::Trade(trade) => {
                if let Some(row) = self.row_mut(trade.instrument) {
                    row.tally.trades += 1;
                    row.last = Some((trade.price, trade.quantity));
                }
            }
            Event::Quote(quote) => {
                if let Some(row) = self.row_mut(quote.instrument) {
                    row.tally.quotes += 1;
                }
            }
            Event::Delta(delta) => {
                if let Some(row) = self.row_mut(delta.instrument) {
                    row.tally.updates += 1;
                }
            }
            Event::Check(check) => {
                if let Some(row) = self.row_mut(check.instrument) {
                    row.tally.checks += 1;
                    row.tally.agreed += u64::from(check.agrees);
                }
            }
            Event::Book(book) => {
                if let Some(row) = self.row_mut(book.instrument) {
                    match book.change {
                        BookChange::Gap { .. } => row.tally.gaps += 1,
                        BookChange::Resynced { .. } => row.tally.resyncs += 1,
                        _ => {}
                    }
                }
            }
            Event::Other { .. } => self.loose.other += 1,
            _ => {}
        }
    }

    /// Copies the top of each book and works out the rates since the last look, `elapsed` ago.
    pub(crate) fn look(&mut self, session: &impl Session, elapsed: Duration) {
        for (at, row) in (0..).zip(&mut self.rows) {
            row.refresh(session, Instrument(at));
            let rate = |now: u64, then: u64| {
                #[expect(clippy::cast_precision_loss, reason = "for the eye")]
                let count = (now - then) as f64;
                count / elapsed.as_secs_f64().max(1e-3)
            };
            row.rates = [
                rate(row.tally.updates, row.seen.updates),
                rate(row.tally.quotes, row.seen.quotes),
                rate(row.tally.trades, row.seen.trades),
            ];
            row.seen = row.tally;
        }
    }

    /// How many books were complete at some time.
    pub(crate) fn synced(&self) -> usize {
        self.rows.iter().filter(|row| row.is_synced()).count()
    }

    pub(crate) fn total(&self) -> Tally {
        let mut total = self.loose;
        for row in &self.rows {
            total.add(&row.tally);
        }
        total
    }
}

impl Row {
    /// Whether the book was complete at some time.
    pub(crate) fn is_synced(&self) -> bool {
        self.state != BookState::Empty
    }

    fn refresh(&mut self, session: &impl Session, instrument: Instrument) {
        if let Some(view) = session.book(instrument) {
            self.state = view.state;
            self.bid = view.book.best_bid();
            self.ask = view.book.best_ask();
        }
    }
}
