//! The market on the clock: how many events are due, when diffs end, and which faults spoil them.

use std::time::{Duration, Instant};

use crate::binance::names::{DepthNames, Names};
use crate::binance::payload;
use crate::clock::Now;
use crate::market::{Market, Speed, Step};
use crate::options::Faults;

/// Events are made in small portions, so that they do not come in bursts of a diff interval's length.
const PORTION: Duration = Duration::from_millis(5);
/// After a longer pause (no client, a busy machine) the rest of the past does not happen.
const CATCH_UP_MAX: Duration = Duration::from_millis(250);
const DIFF_INTERVAL: Duration = Duration::from_millis(100);
/// The slow streams get every so manyth diff interval.
const SLOW_EVERY: u64 = 10;
/// Whatever the rate, so many events are made before the connections get their turn.
const EVENTS_PER_TURN: u128 = 20_000;
const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Takes a stream's name and a way to write its payload, which is used only if somebody listens.
pub(crate) type Publish<'a> = dyn FnMut(&str, &dyn Fn() -> String) + 'a;

#[derive(Debug)]
pub(crate) struct Exchange {
    market: Market,
    listings: Vec<Listing>,
    /// Of all symbols together.
    events_per_second: u64,
    /// Billionths of an event that are due but not yet whole.
    credit: u128,
    advanced: Instant,
    next_cut: Instant,
    cuts: u64,
    faults: Faults,
}

/// What is kept for one symbol besides its market.
#[derive(Debug)]
struct Listing {
    names: Names,
    answered: u32,
    fast_diffs: u64,
    slow_diffs: u64,
}

impl Exchange {
    pub(crate) fn new(market: Market, events_per_second: u32, faults: Faults, now: Instant) -> Self {
        let listings: Vec<_> = market
            .instruments()
            .iter()
            .map(|i| Listing { names: Names::of(&i.symbol), answered: 0, fast_diffs: 0, slow_diffs: 0 })
            .collect();
        Self {
            events_per_second: u64::from(events_per_second) * listings.len() as u64,
            market,
            listings,
            credit: 0,
            advanced: now,
            next_cut: now + DIFF_INTERVAL,
            cuts: 0,
            faults,
        }
    }

    /// When to call [`Exchange::advance`] next.
    pub(crate) fn next_deadline(&self) -> Instant {
        self.advanced + PORTION
    }

    /// Makes the events that are due.
    pub(crate) fn advance(&mut self, now: Now, publish: &mut Publish<'_>) {
        let elapsed = now.instant.saturating_duration_since(self.advanced).min(CATCH_UP_MAX);
        self.advanced = now.instant;
        let credit = self.credit + elapsed.as_nanos() * u128::from(self.events_per_second);
        self.credit = credit.min(EVENTS_PER_TURN * NANOS_PER_SECOND);
        while self.credit >= NANOS_PER_SECOND {
            self.credit -= NANOS_PER_SECOND;
            let Some((index, step)) = self.market.step() else {
                break;
            };
            self.publish_step(index, &step, now.unix_ms, publish);
        }
        if now.instant >= self.next_cut {
            self.next_cut = (self.next_cut + DIFF_INTERVAL).max(now.instant);
            self.cuts += 1;
            self.publish_depth(Speed::Fast, now.unix_ms, publish);
            if self.cuts.is_multiple_of(SLOW_EVERY) {
                self.publish_depth(Speed::Slow, now.unix_ms, publish);
            }
        }
    }

    /// The text of a snapshot, or `None` for an unknown symbol.
    pub(crate) fn depth(&mut self, symbol: &str, limit: usize) -> Option<String> {
        let mut both = self.market.instruments().iter().zip(&mut self.listings);
        let (instrument, listing) = both.find(|(instrument, _)| instrument.symbol == symbol)?;
        listing.answered = listing.answered.saturating_add(1);
        let snapshot = if listing.answered <= self.faults.stale_snapshots {
            instrument.genesis()
        } else if self.faults.snapshots_inside_intervals {
            instrument.live()
        } else {
            instrument.published()
        };
        Some(payload::snapshot(snapshot, limit))
    }

    fn publish_step(&self, index: usize, step: &Step, unix_ms: u64, publish: &mut Publish<'_>) {
        let (Some(listing), Some(instrument)) =
            (self.listings.get(index), self.market.instruments().get(index))
        else {
            return;
        };
        let (names, symbol) = (&listing.names, instrument.symbol.as_str());
        for trade in &step.trades {
            publish(&names.trade, &|| payload::trade(symbol, trade, step.buyer_is_maker, unix_ms));
        }
        for aggregate in &step.aggregates {
            publish(&names.aggregate_trade, &|| {
                payload::aggregate_trade(symbol, aggregate, step.buyer_is_maker, unix_ms)
            });
        }
        if let Some(top) = &step.top {
            publish(&names.book_ticker, &|| payload::book_ticker(symbol, step.update_id, top));
        }
    }

    fn publish_depth(&mut self, speed: Speed, unix_ms: u64, publish: &mut Publish<'_>) {
        for (instrument, listing) in self.market.instruments_mut().iter_mut().zip(&mut self.listings) {
            let Some(diff) = instrument.cut(speed) else {
                continue;
            };
            let (names, count): (&DepthNames, _) = match speed {
                Speed::Fast => (&listing.names.fast, &mut listing.fast_diffs),
                Speed::Slow => (&listing.names.slow, &mut listing.slow_diffs),
            };
            *count += 1;
            let lost = self.faults.drop_diff_every.is_some_and(|every| count.is_multiple_of(every));
            if !lost {
                publish(&names.diff, &|| payload::depth_update(&instrument.symbol, &diff, unix_ms));
            }
            for (levels, name) in &names.partial {
                publish(name, &|| payload::snapshot(instrument.live(), *levels));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    /// A market of one symbol with 100 events a second, and the time it was made at.
    fn exchange(faults: Faults) -> (Exchange, Now) {
        let now = clock::now();
        let market = Market::new(1, &["BTCUSDT".to_owned()]);
        (Exchange::new(market, 100, faults, now.instant), now)
    }

    fn later(now: Now, ms: u64) -> Now {
        Now { instant: now.instant + Duration::from_millis(ms), unix_ms: now.unix_ms + ms }
    }

    fn last_id(text: &str) -> u64 {
        let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
        let end = digits.find(|c: char| !c.is_ascii_digit()).expect("more follows");
        digits[..end].parse().expect("an id")
    }

    #[test]
    fn events_and_diffs_follow_the_clock() {
        let (mut exchange, start) = exchange(Faults::default());
        let first = exchange.market.instruments()[0].live().last_id;
        let (mut fast, mut slow) = (0, 0);
        for ms in (5..=2_000).step_by(5) {
            exchange.advance(later(start, ms), &mut |stream, _| match stream {
                "btcusdt@depth@100ms" => fast += 1,
                "btcusdt@depth" => slow += 1,
                _ => {}
            });
        }
        assert_eq!(exchange.market.instruments()[0].live().last_id - first, 200);
        assert_eq!((fast, slow), (20, 2));
    }

    #[test]
    fn a_long_pause_is_not_made_up_for() {
        let (mut exchange, start) = exchange(Faults::default());
        let first = exchange.market.instruments()[0].live().last_id;
        exchange.advance(later(start, 3_600_000), &mut |_, _| {});
        assert_eq!(exchange.market.instruments()[0].live().last_id - first, 25);
    }

    #[test]
    fn snapshots_stand_at_the_end_of_a_diff_unless_told_otherwise() {
        for (inside, ahead) in [(false, 0), (true, 5)] {
            let (mut exchange, start) =
                exchange(Faults { snapshots_inside_intervals: inside, ..Faults::default() });
            let mut diff = String::new();
            for ms in [100, 150] {
                exchange.advance(later(start, ms), &mut |stream, write| {
                    if stream == "btcusdt@depth@100ms" {
                        diff = write();
                    }
                });
            }
            let snapshot = exchange.depth("BTCUSDT", 5).expect("a snapshot");
            let (_, end) = diff.split_once("\"u\":").expect("an end");
            assert_eq!(last_id(&snapshot), last_id(end) + ahead);
        }
    }
}
