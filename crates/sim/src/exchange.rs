//! The market on the clock: how many events are due, when diffs end, and which faults spoil them.

use std::time::{Duration, Instant};

use crate::clock::Now;
use crate::hazard::{Counts, Hazard};
use crate::market::{Instrument, Market, Snapshot, Step};
use crate::options::{Bursts, Faults};
use crate::pace::{Pace, TICK};
use crate::publisher::{Cut, Publish, Publisher};
use crate::truth::Truth;

/// Ticks in the tenth of a second that bursts are counted in.
const BURST_UNIT: u64 = 2;
/// Ticks in a quarter of a second.
const QUARTER: u64 = 5;

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
    pace: Pace,
    ticks: u64,
    /// For each cadence, whether there were events since its last diffs.
    stirred: Vec<bool>,
    spoiling: Spoiling,
    counts: Counts,
}

/// What is kept for one symbol besides its market.
#[derive(Clone, Debug)]
struct Listing {
    answered: u32,
    /// Diffs so far, by cadence.
    diffs: Vec<u64>,
    /// What requests are answered with, for a time.
    cached: Option<Snapshot>,
}

impl Exchange {
    pub(crate) fn new(market: Market, truth: Truth, pace: Pace, faults: &Faults) -> Self {
        truth.begin(market.instruments());
        let listing = Listing { answered: 0, diffs: Vec::new(), cached: None };
        let listings = vec![listing; market.instruments().len()];
        Self {
            market,
            listings,
            truth,
            pace,
            ticks: 0,
            stirred: Vec::new(),
            spoiling: Spoiling {
                stale_snapshots: faults.stale_snapshots,
                snapshots_inside_intervals: faults.snapshots_inside_intervals,
                drop_diff_every: faults.drop_diff_every,
                bursts: faults.bursts,
            },
            counts: Counts::default(),
        }
    }

    /// From now on, or no longer, requests for books are answered with those of this moment.
    pub(crate) fn cache_snapshots(&mut self, caches: bool, counts: &Counts) {
        self.counts = counts.clone();
        for (listing, instrument) in self.listings.iter_mut().zip(self.market.instruments()) {
            listing.cached = caches.then(|| instrument.published(0).clone());
        }
    }

    pub(crate) fn market(&self) -> &Market {
        &self.market
    }

    /// When to call [`Exchange::advance`] next.
    pub(crate) fn next_deadline(&self) -> Instant {
        self.pace.next_deadline()
    }

    /// Makes the events that are due.
    pub(crate) fn advance<V: Publisher>(&mut self, venue: &mut V, now: Now, publish: &mut Publish<'_>) {
        self.pace.look(now.instant);
        while self.pace.take_event(now.instant) {
            let Some((at, step)) = self.market.step() else {
                break;
            };
            self.publish_step(venue, at, &step, now, publish);
        }
        if let Some(tick) = self.pace.take_tick(self.ticks, now.instant) {
            self.ticks = tick;
            self.tick(venue, now, publish);
        }
        let passed = self.pace.ticks_by(now.instant).max(self.ticks);
        self.pace.plan_tick(self.next_tick::<V>(passed));
    }

    /// The next tick behind this one that something may come of.
    fn next_tick<V: Publisher>(&self, passed: u64) -> u64 {
        let bursts = self.spoiling.bursts.map(|bursts| bursts.every.saturating_mul(BURST_UNIT));
        let cadences = V::cadences().iter().enumerate();
        let ends = cadences.filter(|(at, _)| self.is_awaited::<V>(*at)).map(|(_, period)| ticks_in(*period));
        let periods = ends.chain([QUARTER]).chain(bursts).filter(|period| *period > 0);
        periods.map(|period| (passed / period + 1) * period).min().unwrap_or(passed + 1)
    }

    /// Whether something may come of the end of a cadence's diffs.
    fn is_awaited<V: Publisher>(&self, cadence: usize) -> bool {
        V::is_steady(cadence) || self.stirred.get(cadence).copied().unwrap_or_default()
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
            self.truth.record(instrument, step);
        }
        venue.on_step(at, &self.market, step, now, publish);
        self.stirred.clear();
        self.stirred.resize(V::cadences().len(), true);
        for (cadence, period) in V::cadences().iter().enumerate() {
            if period.is_zero() {
                self.cut(venue, at, cadence, now, publish);
            }
        }
    }

    /// What the clock alone brings about: bursts, the ends of diffs, statistics.
    fn tick<V: Publisher>(&mut self, venue: &mut V, now: Now, publish: &mut Publish<'_>) {
        if let Some(bursts) = self.spoiling.bursts
            && self.ticks.is_multiple_of(bursts.every.saturating_mul(BURST_UNIT))
        {
            for at in 0..self.listings.len() {
                if let Some(step) = self.market.burst(at, bursts.levels) {
                    self.publish_step(venue, at, &step, now, publish);
                }
            }
        }
        for (cadence, period) in V::cadences().iter().enumerate() {
            let period = ticks_in(*period);
            if period > 0 && self.ticks.is_multiple_of(period) && self.is_awaited::<V>(cadence) {
                for at in 0..self.listings.len() {
                    self.cut(venue, at, cadence, now, publish);
                }
                if let Some(stirred) = self.stirred.get_mut(cadence) {
                    *stirred = false;
                }
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
        if let Some(cached) = &listing.cached {
            self.counts.add(Hazard::SnapshotsStale);
            return Some((instrument, cached));
        }
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

fn ticks_in(period: Duration) -> u64 {
    u64::try_from(period.as_nanos() / TICK.as_nanos()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::Spot;
    use crate::chance::Chance;
    use crate::clock;
    use crate::deribit::Deribit;
    use crate::options::{BinanceRules, DeribitRules};

    /// A market of one symbol with 100 events a second, and the time it was made at.
    fn exchange(faults: &Faults) -> (Exchange, Spot, Now) {
        let now = clock::now();
        let market = Market::new(1, &["BTCUSDT".to_owned()], Spot::style());
        let spot = Spot::new(BinanceRules::default(), market.instruments(), now);
        let pace = Pace::elapsed(100, now.instant);
        (Exchange::new(market, Truth::default(), pace, faults), spot, now)
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

    /// A market that is moved, and what it published in a minute: when, and how often it wanted to be looked at.
    fn moved<V: Publisher>(
        per_second: u64,
        make: impl FnOnce(&[Instrument], Now) -> V,
    ) -> (Vec<(u128, String)>, usize, u64) {
        let now = clock::now();
        let market = Market::new(1, &["BTC-PERPETUAL".to_owned()], V::style());
        let mut venue = make(market.instruments(), now);
        let pace = Pace::seeded(per_second, Chance::new(4, 0), now.instant);
        let mut exchange = Exchange::new(market, Truth::default(), pace, &Faults::default());
        let (mut published, mut looks, first) = (Vec::new(), 0, live_id(&exchange));
        while let Some(after) = exchange.next_deadline().checked_duration_since(now.instant)
            && after <= Duration::from_secs(60)
        {
            let at = Now { instant: now.instant + after, ..now };
            exchange.advance(&mut venue, at, &mut |stream, _| {
                published.push((after.as_micros(), stream.to_owned()));
            });
            looks += 1;
        }
        (published, looks, live_id(&exchange) - first)
    }

    #[test]
    fn a_moved_market_has_its_rate_and_its_diffs_end_on_the_grid() {
        let spot = |listed: &[Instrument], now| Spot::new(BinanceRules::default(), listed, now);
        let (published, looks, events) = moved(5, spot);
        assert!((260..340).contains(&events), "{events}");
        assert!(published.is_sorted_by_key(|(at, _)| *at));
        let at = |name: &str| -> Vec<u128> {
            published.iter().filter(|(_, stream)| stream == name).map(|(at, _)| *at).collect()
        };
        let (fast, slow) = (at("btc-perpetual@depth@100ms"), at("btc-perpetual@depth"));
        assert!(fast.iter().all(|at| at.is_multiple_of(100_000)) && fast.is_sorted());
        assert!(slow.iter().all(|at| at.is_multiple_of(1_000_000)) && (55..=60).contains(&slow.len()));
        // Each event, the diff after it, and the quarters of the minute.
        assert!(looks <= 2 * usize::try_from(events).expect("few") + 240, "{looks}");
    }

    #[test]
    fn a_moved_market_without_events_is_looked_at_four_times_a_second() {
        let spot = |listed: &[Instrument], now| Spot::new(BinanceRules::default(), listed, now);
        let (published, looks, events) = moved(0, spot);
        assert_eq!((looks, events), (240 + 1, 0), "the first look learns what to wait for");
        assert!(!published.iter().any(|(_, stream)| stream.contains("@depth")));
        let deribit = |listed: &[Instrument], now| Deribit::new(DeribitRules::default(), listed, now);
        let (published, _, _) = moved(0, deribit);
        let tickers = published.iter().filter(|(_, stream)| stream == "ticker.BTC-PERPETUAL.agg2").count();
        assert_eq!(tickers, 60, "the slow ones come all the same");
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
