//! Tickers as they stand, of whole ones and of changes, and what they tell.

use super::wire::{StatsChange, Ticker as Whole, TickerChange, Told};
use crate::{
    decimal::Decimal,
    event::{Instrument, Mark, Ticker},
    level::Level,
};

/// What is told of a ticker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    time_ns: u64,
    last: Option<Decimal>,
    high: Option<Decimal>,
    low: Option<Decimal>,
    volume: Option<Decimal>,
    volume_usd: Option<Decimal>,
    volume_notional: Option<Decimal>,
    bid_price: Option<Decimal>,
    bid_amount: Option<Decimal>,
    ask_price: Option<Decimal>,
    ask_amount: Option<Decimal>,
    mark: Option<Decimal>,
    mark_volatility: Option<Decimal>,
    index: Option<Decimal>,
    open_interest: Option<Decimal>,
    funding: Option<Decimal>,
}

impl Kept {
    pub(super) fn of(whole: &Whole<'_>) -> Self {
        let stats = whole.stats;
        Self {
            time_ns: whole.time_ns,
            last: whole.last_price,
            high: stats.and_then(|stats| stats.high),
            low: stats.and_then(|stats| stats.low),
            volume: stats.and_then(|stats| stats.volume),
            volume_usd: stats.and_then(|stats| stats.volume_usd),
            volume_notional: stats.and_then(|stats| stats.volume_notional),
            bid_price: whole.bid_price,
            bid_amount: whole.bid_amount,
            ask_price: whole.ask_price,
            ask_amount: whole.ask_amount,
            mark: whole.mark_price,
            mark_volatility: whole.mark_volatility,
            index: whole.index_price,
            open_interest: whole.open_interest,
            funding: whole.current_funding,
        }
    }

    /// Takes over what changes.
    pub(super) fn merge(&mut self, change: &TickerChange<'_>) {
        self.time_ns = change.time_ns;
        merge(&mut self.last, change.last_price);
        merge(&mut self.bid_price, change.bid_price);
        merge(&mut self.bid_amount, change.bid_amount);
        merge(&mut self.ask_price, change.ask_price);
        merge(&mut self.ask_amount, change.ask_amount);
        merge(&mut self.mark, change.mark_price);
        merge(&mut self.mark_volatility, change.mark_volatility);
        merge(&mut self.index, change.index_price);
        merge(&mut self.open_interest, change.open_interest);
        merge(&mut self.funding, change.current_funding);
        match change.stats {
            None => {}
            Some(None) => self.merge_stats(&NO_STATS),
            Some(Some(stats)) => self.merge_stats(&stats),
        }
    }

    fn merge_stats(&mut self, change: &StatsChange) {
        merge(&mut self.high, change.high);
        merge(&mut self.low, change.low);
        merge(&mut self.volume, change.volume);
        merge(&mut self.volume_usd, change.volume_usd);
        merge(&mut self.volume_notional, change.volume_notional);
    }

    pub(super) fn ticker(&self, instrument: Instrument) -> Ticker {
        Ticker {
            instrument,
            last: self.last,
            open: None,
            high: self.high,
            low: self.low,
            volume: self.volume,
            turnover: self.volume_usd.or(self.volume_notional),
            bid: standing(self.bid_price, self.bid_amount),
            ask: standing(self.ask_price, self.ask_amount),
            mark: self.mark,
            index: self.index,
            open_interest: self.open_interest,
            venue_time_ns: self.time_ns,
        }
    }

    pub(super) fn mark(&self, instrument: Instrument) -> Option<Mark> {
        Some(Mark {
            instrument,
            price: self.mark?,
            index: self.index,
            funding_rate: self.funding,
            next_funding_ns: None,
            implied_volatility: self.mark_volatility,
            venue_time_ns: self.time_ns,
        })
    }
}

/// Stats that the venue says are no more.
const NO_STATS: StatsChange = StatsChange {
    volume_usd: Some(None),
    volume_notional: Some(None),
    volume: Some(None),
    price_change: Some(None),
    low: Some(None),
    high: Some(None),
};

fn merge(kept: &mut Option<Decimal>, told: Told<Decimal>) {
    if let Some(told) = told {
        *kept = told;
    }
}

/// A best level; where nobody is, the venue tells a price of null or zero with a quantity of zero.
pub(super) fn standing(price: Option<Decimal>, amount: Option<Decimal>) -> Option<Level> {
    let quantity = amount.filter(|amount| !amount.is_zero())?;
    Some(Level { price: price?, quantity })
}
