//! What the channels tell of the market, and when.

use std::time::Duration;

use super::quotes::{self, Marks};
use super::row::Row;
use super::rpc::notification;
use super::{CADENCES, Deribit, style};
use crate::clock::Now;
use crate::market::{Instrument, Market, Step, Style};
use crate::publisher::{Cut, Publish, Publisher};

/// The place of the tenth of a second among the cadences.
const TENTH: usize = 1;

impl Publisher for Deribit {
    fn style() -> Style {
        style()
    }

    fn cadences() -> &'static [Duration] {
        &CADENCES
    }

    fn is_steady(cadence: usize) -> bool {
        cadence > TENTH
    }

    fn on_step(&mut self, at: usize, market: &Market, step: &Step, now: Now, publish: &mut Publish<'_>) {
        let spelling = self.spelling();
        let (Some(row), Some(instrument)) = (self.rows.get_mut(at), market.instrument(at)) else {
            return;
        };
        row.add(step, now);
        if let Some(top) = &step.top {
            say(publish, &row.quote, || quotes::quote(instrument, top, spelling, now.unix_ms()));
        }
    }

    fn on_cut(&mut self, cut: &Cut<'_>, market: &Market, now: Now, publish: &mut Publish<'_>) {
        self.publish_book(cut, now, publish);
        self.publish_trades(cut, market, publish);
        self.publish_ticker(cut, market, now, publish);
        if cut.cadence == TENTH {
            self.publish_incremental(cut, market, now, publish);
        }
    }

    fn on_quarter(&mut self, quarter: u64, market: &Market, now: Now, publish: &mut Publish<'_>) {
        self.publish_candles(quarter, now, publish);
        if !quarter.is_multiple_of(4) {
            return;
        }
        let spelling = self.spelling();
        for (name, at) in &self.indexes {
            if let Some(instrument) = market.instrument(*at) {
                let channel = format!("deribit_price_index.{name}");
                let marks = Marks::of(instrument, market);
                say(publish, &channel, || quotes::index(name, marks, spelling, now.unix_ms()));
            }
        }
        self.halt(quarter / 4, market, now, publish);
    }
}

impl Deribit {
    fn publish_book(&self, cut: &Cut<'_>, now: Now, publish: &mut Publish<'_>) {
        let (Some(diff), Some(names)) = (cut.diff, self.interval(cut)) else {
            return;
        };
        let instrument = cut.instrument;
        if !cut.lost {
            say(publish, &names.book, || self.books.change(instrument, diff, now.unix_ms()));
        }
        for (group, name) in &names.grouped {
            let snapshot = instrument.published(cut.cadence);
            say(publish, name, || self.books.grouped(instrument, snapshot, *group, now.unix_ms()));
        }
    }

    fn publish_trades(&mut self, cut: &Cut<'_>, market: &Market, publish: &mut Publish<'_>) {
        let spelling = self.spelling();
        let interval = self.rows.get_mut(cut.at).and_then(|row| row.intervals.get_mut(cut.cadence));
        let Some(interval) = interval.filter(|interval| !interval.fills.is_empty()) else {
            return;
        };
        let fills = std::mem::take(&mut interval.fills);
        let marks = Marks::of(cut.instrument, market);
        for name in &interval.trades {
            say(publish, name, || quotes::trades(cut.instrument, &fills, marks, spelling));
        }
    }

    fn publish_ticker(&mut self, cut: &Cut<'_>, market: &Market, now: Now, publish: &mut Publish<'_>) {
        let interval = self.rows.get_mut(cut.at).and_then(|row| row.intervals.get_mut(cut.cadence));
        // Raw and fast tickers come with changes, slow ones always.
        let is_due = interval
            .is_some_and(|interval| std::mem::take(&mut interval.stirred) || Self::is_steady(cut.cadence));
        let (true, Some(row)) = (is_due, self.rows.get(cut.at)) else {
            return;
        };
        let Some(names) = row.intervals.get(cut.cadence) else {
            return;
        };
        let (spelling, marks) = (self.spelling(), Marks::of(cut.instrument, market));
        say(publish, &names.ticker, || {
            quotes::ticker(cut.instrument, &row.tally, marks, row.state(), now.unix_ms()).write(spelling)
        });
        if row.kind == super::Kind::Perpetual {
            say(publish, &names.perpetual, || quotes::perpetual(marks, spelling, now.unix_ms()));
        }
    }

    /// Tells what changed in the ticker since the last time.
    fn publish_incremental(&mut self, cut: &Cut<'_>, market: &Market, now: Now, publish: &mut Publish<'_>) {
        let spelling = self.spelling();
        let Some(row) = self.rows.get_mut(cut.at) else {
            return;
        };
        // Nobody was told anything that could have changed.
        let Some(told) = row.told.take() else {
            return;
        };
        let state = ticker(row, cut.instrument, market, now);
        row.told = Some(state.clone());
        let mut changed = state.since(&told);
        changed.0.retain(|(name, _)| !matches!(*name, "timestamp" | "instrument_name"));
        if changed.0.is_empty() {
            return;
        }
        say(publish, &row.incremental, || {
            let (ms, name, changed) = (now.unix_ms(), &cut.instrument.symbol, changed.members(spelling));
            format!(r#"{{"type":"change","timestamp":{ms},"instrument_name":"{name}",{changed}}}"#)
        });
    }

    fn publish_candles(&mut self, quarter: u64, now: Now, publish: &mut Publish<'_>) {
        let spelling = self.spelling();
        for row in &mut self.rows {
            for (at, candle) in row.tally.take_ended(now.unix_ms()) {
                if let Some(name) = row.candles.get(at) {
                    say(publish, name, || quotes::candle(&candle, spelling));
                }
            }
            for (at, name) in row.candles.iter().enumerate() {
                if let Some(candle) = row.tally.candle(at).filter(|_| quarter.is_multiple_of(4)) {
                    say(publish, name, || quotes::candle(candle, spelling));
                }
            }
        }
    }

    /// Now and then says of the first instrument that it is halted, or open again.
    fn halt(&mut self, seconds: u64, market: &Market, now: Now, publish: &mut Publish<'_>) {
        let due = self.rules.halt_every.is_some_and(|every| seconds.is_multiple_of(every.max(1)));
        let (true, Some(row), Some(instrument)) = (due, self.rows.first_mut(), market.instrument(0)) else {
            return;
        };
        row.halted = !row.halted;
        let (kind, name) = (row.kind.name(), &instrument.symbol);
        let settled = super::names::currency(name);
        for (kind, currency) in [(kind, settled), (kind, "any"), ("any", settled), ("any", "any")] {
            say(publish, &format!("instrument.state.{kind}.{currency}"), || {
                let (ms, state) = (now.unix_ms(), row.state());
                format!(r#"{{"timestamp":{ms},"state":"{state}","instrument_name":"{name}"}}"#)
            });
        }
    }

    fn interval(&self, cut: &Cut<'_>) -> Option<&super::row::Interval> {
        self.rows.get(cut.at)?.intervals.get(cut.cadence)
    }
}

/// The ticker of now.
pub(super) fn ticker(row: &Row, instrument: &Instrument, market: &Market, now: Now) -> super::fields::Fields {
    quotes::ticker(instrument, &row.tally, Marks::of(instrument, market), row.state(), now.unix_ms())
}

/// Publishes data of a channel.
fn say(publish: &mut Publish<'_>, channel: &str, data: impl Fn() -> String) {
    publish(channel, &|_| notification(channel, &data()));
}
