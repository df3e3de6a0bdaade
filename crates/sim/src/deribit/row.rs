//! One instrument: its channels, its sums, and what was last told of it.

use super::fields::Fields;
use super::names::{DEPTHS, GROUPS, INTERVALS, Kind, RESOLUTIONS, currency};
use super::quotes::Fill;
use crate::clock::Now;
use crate::market::{Instrument, Step, Tally};

/// The channels of one interval.
#[derive(Debug)]
pub(super) struct Interval {
    pub(super) book: String,
    /// Ticks and levels, and the name.
    pub(super) grouped: Vec<((u64, usize), String)>,
    /// Of the instrument, and of the kinds and currencies it belongs to.
    pub(super) trades: Vec<String>,
    pub(super) ticker: String,
    pub(super) perpetual: String,
    /// Trades that were not told of yet.
    pub(super) fills: Vec<Fill>,
    /// Whether something happened since the last ticker.
    pub(super) stirred: bool,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) tally: Tally,
    /// By cadence.
    pub(super) intervals: [Interval; 3],
    pub(super) quote: String,
    pub(super) incremental: String,
    /// By place in [`RESOLUTIONS`].
    pub(super) candles: Vec<String>,
    /// What the subscribers of the incremental ticker know.
    pub(super) told: Option<Fields>,
    /// Whether the venue says that it is halted.
    pub(super) halted: bool,
}

impl Row {
    pub(super) fn of(instrument: &Instrument, now: Now) -> Self {
        let name = &instrument.symbol;
        let periods = RESOLUTIONS.iter().map(|(_, period)| *period);
        Self {
            kind: Kind::of(name),
            tally: Tally::new(instrument.top().middle(), now.unix_ms(), periods),
            intervals: INTERVALS.map(|interval| Interval::of(name, interval)),
            quote: format!("quote.{name}"),
            incremental: format!("incremental_ticker.{name}"),
            candles: RESOLUTIONS
                .iter()
                .map(|(resolution, _)| format!("chart.trades.{name}.{resolution}"))
                .collect(),
            told: None,
            halted: false,
        }
    }

    /// As tickers and states have it.
    pub(super) fn state(&self) -> &'static str {
        if self.halted { "halted" } else { "open" }
    }

    /// Takes in an event.
    pub(super) fn add(&mut self, step: &Step, now: Now) {
        let unix_ms = now.unix_ms();
        let directions = self.tally.add(step, unix_ms);
        let fills = step.trades.iter().zip(directions).map(|(trade, direction)| Fill {
            trade: trade.clone(),
            direction,
            taker_sold: step.buyer_is_maker,
            unix_ms,
        });
        let fills: Vec<_> = fills.collect();
        for interval in &mut self.intervals {
            interval.fills.extend(fills.iter().cloned());
            interval.stirred |= step.top.is_some() || !fills.is_empty();
        }
    }
}

impl Interval {
    fn of(name: &str, interval: &str) -> Self {
        let grouped = GROUPS.iter().flat_map(|&(group, ticks)| {
            DEPTHS.map(|(depth, levels)| ((ticks, levels), format!("book.{name}.{group}.{depth}.{interval}")))
        });
        let (kind, settled) = (Kind::of(name).name(), currency(name));
        let of_all = [(kind, settled), (kind, "any"), ("any", settled), ("any", "any")];
        let of_all = of_all.map(|(kind, currency)| format!("trades.{kind}.{currency}.{interval}"));
        Self {
            book: format!("book.{name}.{interval}"),
            grouped: if interval == INTERVALS[0] { Vec::new() } else { grouped.collect() },
            trades: std::iter::once(format!("trades.{name}.{interval}")).chain(of_all).collect(),
            ticker: format!("ticker.{name}.{interval}"),
            perpetual: format!("perpetual.{name}.{interval}"),
            fills: Vec::new(),
            stirred: false,
        }
    }
}
