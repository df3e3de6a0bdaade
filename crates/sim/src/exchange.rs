//! The market on the clock: how many events are due, when diffs end, and which faults spoil them.

use std::time::{Duration, Instant};

use crate::clock::Now;
use crate::market::{Instrument, Market, Snapshot, Step};
use crate::options::{Bursts, Faults};
use crate::publisher::{Cut, Publish, Publisher};
use crate::truth::Truth;

/// What all cadences are multiples of.
const TICK: Duration = Duration::from_millis(50);
/// Ticks in the tenth of a second that bursts are counted in.
const BURST_UNIT: u64 = 2;
/// Ticks in a quarter of a second.
const QUARTER: u64 = 5;
/// Events are made in small portions, so that they do not come in bursts of a diff interval's length.
const PORTION: Duration = Duration::from_millis(5);
/// After a longer pause (no client, a busy machine) the rest of the past does not happen.
const CATCH_UP_MAX: Duration = Duration::from_millis(250);
/// Whatever the rate, so many events are made before the connections get their turn.
const EVENTS_PER_TURN: u128 = 20_000;
const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// What an exchange is told of the faults.
#[derive(Clone, Debug)]
struct Spoiling {
    stale_snapshots: u32,
    snapshots_inside_intervals: bool,
    drop_diff_every: Option<u64>,
    bursts: Option<Bursts>,
}

#[derive(Debug)]
pub(crate) struct Exchange {
    market: Market,
    listings: Vec<Listing>,
    truth: Truth,
    /// Of all symbols together.
    events_per_second: u64,
    /// Billionths of an event that are due but not yet whole.
    credit: u128,
    advanced: Instant,
    next_tick: Instant,
    ticks: u64,
    spoiling: Spoiling,
}

/// What is kept for one symbol besides its market.
#[derive(Clone, Debug)]
struct Listing {
    answered: u32,
    /// Diffs so far, by cadence.
    diffs: Vec<u64>,
}

impl Exchange {
    pub(crate) fn new(
        market: Market,
        truth: Truth,
        events_per_second: u32,
        faults: &Faults,
        now: Instant,
    ) -> Self {
        truth.begin(market.instruments());
        let listing = Listing { answered: 0, diffs: Vec::new() };
        let listings = vec![listing; market.instruments().len()];
        Self {
            events_per_second: u64::from(events_per_second) * listings.len() as u64,
            market,
            listings,
            truth,
            credit: 0,
            advanced: now,
            next_tick: now + TICK,
            ticks: 0,
            spoiling: Spoiling {
                stale_snapshots: faults.stale_snapshots,
                snapshots_inside_intervals: faults.snapshots_inside_intervals,
                drop_diff_every: faults.drop_diff_every,
                bursts: faults.bursts,
            },
        }
    }

    pub(crate) fn market(&self) -> &Market {
        &self.market
    }

    /// When to call [`Exchange::advance`] next.
    pub(crate) fn next_deadline(&self) -> Instant {
        self.advanced + PORTION
    }

    /// Makes the events that are due.
    pub(crate) fn advance<V: Publisher>(&mut self, venue: &mut V, now: Now, publish: &mut Publish<'_>) {
        let elapsed = now.instant.saturating_duration_since(self.advanced).min(CATCH_UP_MAX);
        self.advanced = now.instant;
        let credit = self.credit + elapsed.as_nanos() * u128::from(self.events_per_second);
        self.credit = credit.min(EVENTS_PER_TURN * NANOS_PER_SECOND);
        while self.credit >= NANOS_PER_SECOND {
            self.credit -= NANOS_PER_SECOND;
            let Some((at, step)) = self.market.step() else {
                break;
            };
            self.publish_step(venue, at, &step, now, publish);
        }
        if now.instant >= self.next_tick {
            self.next_tick = (self.next_tick + TICK).max(now.instant);
            self.ticks += 1;
            self.tick(venue, now, publish);
        }
    }

    fn publish_step<V: Publisher>(
        &mut self,
        venue: &mut V,
        at: usize,
        step: &Step,
        now: Now,
        publish: &mut Publish<'_>,
    ) {
        if let Some(instrument) = self.market.instrument(at) {
            self.truth.record(&instrument.symbol, step);
        }
        venue.on_step(at, &self.market, step, now, publish);
        for (cadence, period) in V::cadences().iter().enumerate() {
            if period.is_zero() {
                self.cut(venue, at, cadence, now, publish);
            }
        }
    }

    /// What the clock alone brings about: bursts, the ends of diffs, statistics.
    fn tick<V: Publisher>(&mut self, venue: &mut V, now: Now, publish: &mut Publish<'_>) {
        let is_due = |period: &Duration| {
            let ticks = period.as_nanos() / TICK.as_nanos();
            ticks > 0 && u128::from(self.ticks).is_multiple_of(ticks)
        };
        let due: Vec<_> =
            (0..).zip(V::cadences()).filter(|(_, period)| is_due(period)).map(|(at, _)| at).collect();
        if let Some(bursts) = self.spoiling.bursts
            && self.ticks.is_multiple_of(bursts.every.saturating_mul(BURST_UNIT))
        {
            for at in 0..self.listings.len() {
                if let Some(step) = self.market.burst(at, bursts.levels) {
                    self.publish_step(venue, at, &step, now, publish);
                }
            }
        }
        for cadence in due {
            for at in 0..self.listings.len() {
                self.cut(venue, at, cadence, now, publish);
            }
        }
        if self.ticks.is_multiple_of(QUARTER) {
            venue.on_quarter(self.ticks / QUARTER, &self.market, now, publish);
        }
    }

    fn cut<V: Publisher>(
        &mut self,
        venue: &mut V,
        at: usize,
        cadence: usize,
        now: Now,
        publish: &mut Publish<'_>,
    ) {
        let diff = self.market.cut(at, cadence);
        let lost = diff.is_some() && self.is_lost(at, cadence);
        if let Some(instrument) = self.market.instrument(at) {
            let cut = Cut { at, instrument, cadence, diff: diff.as_ref(), lost };
            venue.on_cut(&cut, &self.market, now, publish);
        }
    }

    /// Counts a diff; whether it is one of those that get lost.
    fn is_lost(&mut self, at: usize, cadence: usize) -> bool {
        let (Some(listing), Some(every)) = (self.listings.get_mut(at), self.spoiling.drop_diff_every) else {
            return false;
        };
        if listing.diffs.len() <= cadence {
            listing.diffs.resize(cadence + 1, 0);
        }
        let Some(count) = listing.diffs.get_mut(cadence) else {
            return false;
        };
        *count += 1;
        count.is_multiple_of(every)
    }

    /// The book that answers a request for it, or `None` for an unknown symbol.
    pub(crate) fn snapshot(&mut self, symbol: &str) -> Option<(&Instrument, &Snapshot)> {
        let at = self.market.find(symbol)?;
        let listing = self.listings.get_mut(at)?;
        let instrument = self.market.instrument(at)?;
        listing.answered = listing.answered.saturating_add(1);
        let snapshot = if listing.answered <= self.spoiling.stale_snapshots {
            instrument.genesis()
        } else if self.spoiling.snapshots_inside_intervals {
            instrument.live()
        } else {
            instrument.published(0)
        };
        Some((instrument, snapshot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::Spot;
    use crate::clock;
    use crate::options::BinanceRules;

    /// A market of one symbol with 100 events a second, and the time it was made at.
    fn exchange(faults: &Faults) -> (Exchange, Spot, Now) {
        let now = clock::now();
        let market = Market::new(1, &["BTCUSDT".to_owned()], Spot::style());
        let spot = Spot::new(BinanceRules::default(), market.instruments(), now);
        (Exchange::new(market, Truth::default(), 100, faults, now.instant), spot, now)
    }

    fn later(now: Now, ms: u64) -> Now {
        Now { instant: now.instant + Duration::from_millis(ms), unix_us: now.unix_us + ms * 1_000 }
    }

    fn live_id(exchange: &Exchange) -> u64 {
        exchange.market.instruments()[0].live().last_id
    }

    #[test]
    fn events_and_diffs_follow_the_clock() {
        let (mut exchange, mut spot, start) = exchange(&Faults::default());
        let first = live_id(&exchange);
        let (mut fast, mut slow) = (0, 0);
        for ms in (5..=2_000).step_by(5) {
            exchange.advance(&mut spot, later(start, ms), &mut |stream, _| match stream {
                "btcusdt@depth@100ms" => fast += 1,
                "btcusdt@depth" => slow += 1,
                _ => {}
            });
        }
        assert_eq!(live_id(&exchange) - first, 200);
        assert_eq!((fast, slow), (20, 2));
    }

    #[test]
    fn a_long_pause_is_not_made_up_for() {
        let (mut exchange, mut spot, start) = exchange(&Faults::default());
        let first = live_id(&exchange);
        exchange.advance(&mut spot, later(start, 3_600_000), &mut |_, _| {});
        assert_eq!(live_id(&exchange) - first, 25);
    }

    #[test]
    fn snapshots_stand_at_the_end_of_a_diff_unless_told_otherwise() {
        for (inside, ahead) in [(false, 0), (true, 5)] {
            let faults = Faults { snapshots_inside_intervals: inside, ..Faults::default() };
            let (mut exchange, mut spot, start) = exchange(&faults);
            for ms in [50, 100, 150] {
                exchange.advance(&mut spot, later(start, ms), &mut |_, _| {});
            }
            let end = exchange.market.instruments()[0].published(0).last_id;
            assert_eq!(exchange.snapshot("BTCUSDT").map(|(_, snapshot)| snapshot.last_id), Some(end + ahead));
        }
    }
}
