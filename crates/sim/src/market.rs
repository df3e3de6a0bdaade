//! A seeded random walk over the full book of each symbol. Nothing here knows the time: one call is one
//! book event, and the same seed gives the same events.

use chacha20::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::book::{Book, Diff, Interval, Level, Side};

/// One unit of price or quantity as the market counts them: 0.00000001.
const ONE: u64 = 100_000_000;
/// Orders deeper than this many ticks are not placed.
const WINDOW_TICKS: u64 = 1_000;
const LEVELS_MIN: usize = 500;
const LEVELS_MAX: usize = 1_000;
/// A taker order eats at most this many levels.
const SWEEP_MAX: usize = 4;
/// Events before the first client sees the market, so that its oldest book lies in the past.
const WARM_UP: u64 = 64;

/// Symbol, start price, tick and lot, the last three in 0.00000001.
const KNOWN: [(&str, u64, u64, u64); 12] = [
    ("BTCUSDT", 91_250 * ONE, ONE / 100, ONE / 100_000),
    ("ETHUSDT", 3_020 * ONE, ONE / 100, ONE / 10_000),
    ("BNBUSDT", 890 * ONE, ONE / 100, ONE / 1_000),
    ("SOLUSDT", 140 * ONE, ONE / 100, ONE / 1_000),
    ("XRPUSDT", 2 * ONE + ONE / 8, ONE / 10_000, ONE / 10),
    ("DOGEUSDT", ONE / 8, ONE / 100_000, ONE),
    ("ADAUSDT", ONE / 2, ONE / 10_000, ONE / 10),
    ("AVAXUSDT", 15 * ONE, ONE / 1_000, ONE / 100),
    ("LINKUSDT", 13 * ONE, ONE / 1_000, ONE / 100),
    ("LTCUSDT", 95 * ONE, ONE / 100, ONE / 1_000),
    ("ETHBTC", ONE / 30 / 1_000 * 1_000, ONE / 100_000, ONE / 10_000),
    ("BNBBTC", ONE / 100, ONE / 1_000_000, ONE / 1_000),
];

/// The symbols a market has unless told otherwise.
pub(crate) fn default_symbols() -> Vec<String> {
    KNOWN.iter().map(|known| known.0.to_owned()).collect()
}

/// One fill of a taker order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trade {
    pub(crate) id: u64,
    pub(crate) price: u64,
    pub(crate) quantity: u64,
}

/// All fills of one taker order at one price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AggregateTrade {
    pub(crate) id: u64,
    pub(crate) price: u64,
    pub(crate) quantity: u64,
    pub(crate) first_trade: u64,
    pub(crate) last_trade: u64,
}

/// Both best levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Top {
    pub(crate) bid: Level,
    pub(crate) ask: Level,
}

/// What one book event published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) update_id: u64,
    /// Whether the trades' seller was the taker.
    pub(crate) buyer_is_maker: bool,
    pub(crate) trades: Vec<Trade>,
    pub(crate) aggregates: Vec<AggregateTrade>,
    /// Both best levels, if either changed.
    pub(crate) top: Option<Top>,
}

/// Which of the two diff streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speed {
    /// Ten times a second.
    Fast,
    /// Once a second.
    Slow,
}

/// A book with the update id it is the state after.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) last_id: u64,
    pub(crate) book: Book,
}

/// One symbol's book and counters.
#[derive(Debug)]
pub(crate) struct Instrument {
    pub(crate) symbol: String,
    start: u64,
    tick: u64,
    lot: u64,
    /// Now.
    live: Snapshot,
    /// At the last end of a fast diff.
    published: Snapshot,
    /// Before the first event.
    genesis: Snapshot,
    top: Top,
    fast: Interval,
    slow: Interval,
    trade_id: u64,
    aggregate_id: u64,
}

impl Instrument {
    fn new(symbol: &str, rng: &mut ChaCha8Rng) -> Self {
        let known = KNOWN.iter().find(|known| known.0 == symbol);
        let &(_, start, tick, lot) = known.unwrap_or(&("", 100 * ONE, ONE / 100, ONE / 1_000));
        let start = start / tick * tick;
        let mut book = Book::default();
        for distance in 1..WINDOW_TICKS {
            if distance > 1 && below(rng, 3) == 0 {
                continue;
            }
            book.set(Side::Bid, start - distance * tick, lots(rng) * lot);
            book.set(Side::Ask, start + distance * tick, lots(rng) * lot);
        }
        let last_id = 1_000_000 + below(rng, 1_000_000_000);
        let genesis = Snapshot { last_id, book };
        Self {
            symbol: symbol.to_owned(),
            start,
            tick,
            lot,
            top: top_of(&genesis.book),
            live: genesis.clone(),
            published: genesis.clone(),
            genesis,
            fast: Interval::starting_at(last_id + 1),
            slow: Interval::starting_at(last_id + 1),
            trade_id: below(rng, 1_000_000_000),
            aggregate_id: below(rng, 1_000_000_000),
        }
    }

    /// The book now, which may lie inside a diff's interval.
    pub(crate) fn live(&self) -> &Snapshot {
        &self.live
    }

    /// The book at the last end of a fast diff.
    pub(crate) fn published(&self) -> &Snapshot {
        &self.published
    }

    /// The book before any event a client can see.
    pub(crate) fn genesis(&self) -> &Snapshot {
        &self.genesis
    }

    /// Ends a diff interval; `None` when there was no event in it.
    pub(crate) fn cut(&mut self, speed: Speed) -> Option<Diff> {
        let Snapshot { last_id, book } = &self.live;
        match speed {
            Speed::Slow => self.slow.cut(book, *last_id),
            Speed::Fast => {
                let diff = self.fast.cut(book, *last_id)?;
                self.published.book.apply(&diff);
                self.published.last_id = diff.last_id;
                Some(diff)
            }
        }
    }

    fn set(&mut self, side: Side, price: u64, quantity: u64) {
        let before = self.live.book.quantity(side, price);
        self.fast.touch(side, price, before);
        self.slow.touch(side, price, before);
        self.live.book.set(side, price, quantity);
    }

    fn best(&self, side: Side) -> Level {
        // Nothing takes a side below LEVELS_MIN - SWEEP_MAX levels, so there is always a best one.
        self.live.book.best(side).unwrap_or((self.start, self.lot))
    }

    fn step(&mut self, rng: &mut ChaCha8Rng) -> Step {
        self.live.last_id += 1;
        let mut step = Step {
            update_id: self.live.last_id,
            buyer_is_maker: false,
            trades: Vec::new(),
            aggregates: Vec::new(),
            top: None,
        };
        match below(rng, 100) {
            0..15 => self.market_order(rng, &mut step),
            15..40 => self.touch_top(rng),
            _ => self.touch_deep(rng),
        }
        let top = top_of(&self.live.book);
        if top != self.top {
            self.top = top;
            step.top = Some(top);
        }
        step
    }

    /// A taker order eats from the top; it leans towards the start price, which keeps the walk in its bounds.
    fn market_order(&mut self, rng: &mut ChaCha8Rng, step: &mut Step) {
        let cheap = self.best(Side::Ask).0 < self.start;
        let buys = below(rng, 100) < if cheap { 55 } else { 45 };
        let eaten = if buys { Side::Ask } else { Side::Bid };
        step.buyer_is_maker = !buys;
        let top_lots = self.best(eaten).1 / self.lot;
        let mut remaining = (1 + below(rng, top_lots + top_lots / 2 + 1)) * self.lot;
        for _ in 0..SWEEP_MAX {
            if remaining == 0 || self.live.book.len(eaten) < LEVELS_MIN {
                break;
            }
            let (price, available) = self.best(eaten);
            let taken = remaining.min(available);
            remaining -= taken;
            self.set(eaten, price, available - taken);
            self.fill(rng, price, taken, step);
        }
    }

    /// Splits what was taken at one price over the resting orders there.
    fn fill(&mut self, rng: &mut ChaCha8Rng, price: u64, taken: u64, step: &mut Step) {
        let first_trade = self.trade_id + 1;
        let mut left = taken;
        while left > 0 {
            let part = if below(rng, 2) == 0 { left } else { (1 + below(rng, left / self.lot)) * self.lot };
            self.trade_id += 1;
            step.trades.push(Trade { id: self.trade_id, price, quantity: part });
            left -= part;
        }
        self.aggregate_id += 1;
        step.aggregates.push(AggregateTrade {
            id: self.aggregate_id,
            price,
            quantity: taken,
            first_trade,
            last_trade: self.trade_id,
        });
    }

    /// A new best price inside the spread, another quantity at the best price, or its removal.
    fn touch_top(&mut self, rng: &mut ChaCha8Rng) {
        let side = any_side(rng);
        let spread_ticks = (self.best(Side::Ask).0 - self.best(Side::Bid).0) / self.tick;
        let (price, quantity) = self.best(side);
        let choice = below(rng, 4);
        if spread_ticks > 1 && (choice < 2 || spread_ticks > 10) {
            let step = (1 + below(rng, spread_ticks - 1)) * self.tick;
            let inside = if side == Side::Bid { price + step } else { price - step };
            self.set(side, inside, lots(rng) * self.lot);
        } else if choice == 3 && self.live.book.len(side) > LEVELS_MIN {
            self.set(side, price, 0);
        } else {
            self.set(side, price, quantity + lots(rng) * self.lot);
        }
    }

    /// An order placed, changed or cancelled away from the top.
    fn touch_deep(&mut self, rng: &mut ChaCha8Rng) {
        let side = any_side(rng);
        let levels = self.live.book.len(side);
        if levels > LEVELS_MAX
            && let Some((price, _)) = self.live.book.worst(side)
        {
            return self.set(side, price, 0);
        }
        // Most of the business is near the top: the smaller of two draws.
        let mut ticks = 1 + below(rng, WINDOW_TICKS).min(below(rng, WINDOW_TICKS));
        let best = self.best(side).0;
        let price_at = |ticks: u64| match side {
            Side::Bid => best.checked_sub(ticks * self.tick).filter(|&price| price > 0),
            Side::Ask => best.checked_add(ticks * self.tick),
        };
        let occupied =
            |price: Option<u64>| price.is_some_and(|price| self.live.book.quantity(side, price) > 0);
        while levels < LEVELS_MIN && occupied(price_at(ticks)) {
            ticks += 1;
        }
        let Some(price) = price_at(ticks) else {
            return self.touch_top(rng);
        };
        let cancelled = self.live.book.quantity(side, price) > 0 && below(rng, 2) == 0;
        self.set(side, price, if cancelled { 0 } else { lots(rng) * self.lot });
    }
}

/// All symbols, driven by one generator.
#[derive(Debug)]
pub(crate) struct Market {
    instruments: Vec<Instrument>,
    rng: ChaCha8Rng,
}

impl Market {
    /// A market that has already seen some events. There must be at least one symbol.
    pub(crate) fn new(seed: u64, symbols: &[String]) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut instruments: Vec<_> = symbols.iter().map(|name| Instrument::new(name, &mut rng)).collect();
        for instrument in &mut instruments {
            for _ in 0..WARM_UP {
                instrument.step(&mut rng);
            }
            instrument.cut(Speed::Fast);
            instrument.cut(Speed::Slow);
        }
        Self { instruments, rng }
    }

    pub(crate) fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    pub(crate) fn instruments_mut(&mut self) -> &mut [Instrument] {
        &mut self.instruments
    }

    /// One book event of one symbol: its index and what it published.
    pub(crate) fn step(&mut self) -> Option<(usize, Step)> {
        let index = index_below(&mut self.rng, self.instruments.len());
        let instrument = self.instruments.get_mut(index)?;
        Some((index, instrument.step(&mut self.rng)))
    }
}

fn top_of(book: &Book) -> Top {
    Top { bid: book.best(Side::Bid).unwrap_or_default(), ask: book.best(Side::Ask).unwrap_or_default() }
}

/// A number below `bound`; the bias of the remainder is of no interest here.
fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    rng.next_u64() % bound.max(1)
}

fn index_below(rng: &mut ChaCha8Rng, len: usize) -> usize {
    usize::try_from(below(rng, len as u64)).unwrap_or(0)
}

/// An order's size in lots: mostly small, at times large.
fn lots(rng: &mut ChaCha8Rng) -> u64 {
    let magnitude = [10, 100, 1_000, 10_000][index_below(rng, 4)];
    1 + below(rng, magnitude)
}

fn any_side(rng: &mut ChaCha8Rng) -> Side {
    if below(rng, 2) == 0 { Side::Bid } else { Side::Ask }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDS: [u64; 3] = [0, 1, 0xfeed];

    fn market(seed: u64) -> Market {
        Market::new(seed, &["BTCUSDT".to_owned(), "ETHBTC".to_owned(), "ANYTHING".to_owned()])
    }

    #[test]
    fn the_same_seed_gives_the_same_events_and_another_seed_does_not() {
        let run = |seed| {
            let mut market = market(seed);
            (0..5_000).map(|_| market.step()).collect::<Vec<_>>()
        };
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }

    #[test]
    fn no_book_is_ever_crossed_or_thin_or_overgrown() {
        for seed in SEEDS {
            let mut market = market(seed);
            for count in 0..100_000 {
                let (index, _) = market.step().expect("there are symbols");
                let instrument = &market.instruments()[index];
                let book = &instrument.live().book;
                let (bid, ask) = (instrument.best(Side::Bid), instrument.best(Side::Ask));
                assert!(bid.0 < ask.0 && bid.0 > 0, "seed {seed}, event {count}: {bid:?} {ask:?}");
                assert_eq!(bid.0 % instrument.tick, 0, "seed {seed}, event {count}");
                assert_eq!(bid.1 % instrument.lot, 0, "seed {seed}, event {count}");
                for side in [Side::Bid, Side::Ask] {
                    let levels = book.len(side);
                    assert!((450..=LEVELS_MAX + 1).contains(&levels), "seed {seed}, event {count}: {levels}");
                }
            }
        }
    }

    #[test]
    fn a_snapshot_and_the_diffs_after_it_give_the_book_and_its_ticker() {
        for seed in SEEDS {
            let mut market = market(seed);
            let mut copies: Vec<Snapshot> =
                market.instruments().iter().map(|i| i.published().clone()).collect();
            let mut tops = vec![None; copies.len()];
            let mut compared = 0;
            for count in 1..30_000_u32 {
                let (index, step) = market.step().expect("there are symbols");
                tops[index] = step.top.map(|top| (step.update_id, top)).or(tops[index]);
                if count % 50 != 0 {
                    continue;
                }
                for ((instrument, copy), top) in
                    market.instruments_mut().iter_mut().zip(&mut copies).zip(&tops)
                {
                    let Some(diff) = instrument.cut(Speed::Fast) else {
                        continue;
                    };
                    assert_eq!(diff.first_id, copy.last_id + 1, "seed {seed}, event {count}");
                    copy.book.apply(&diff);
                    copy.last_id = diff.last_id;
                    assert_eq!(copy.book, instrument.live().book, "seed {seed}, event {count}");
                    assert_eq!(copy.book, instrument.published().book, "seed {seed}, event {count}");
                    if let Some((_, top)) = top.filter(|(id, _)| *id == diff.last_id) {
                        compared += 1;
                        assert_eq!(top_of(&copy.book), top, "seed {seed}, event {count}");
                    }
                }
            }
            assert!(compared > 300, "seed {seed}: only {compared} diffs ended with a change of the top");
        }
    }

    #[test]
    fn fills_add_up_to_their_aggregates_and_ids_have_no_holes() {
        for seed in SEEDS {
            let mut market = Market::new(seed, &["BTCUSDT".to_owned()]);
            let (mut trade_id, mut aggregate_id, mut sweeps) = (None, None, 0);
            for _ in 0..20_000 {
                let (_, step) = market.step().expect("there is a symbol");
                sweeps += usize::from(step.aggregates.len() > 1);
                for trade in &step.trades {
                    assert!(
                        trade_id.is_none_or(|id| trade.id == id + 1) && trade.quantity > 0,
                        "seed {seed}"
                    );
                    trade_id = Some(trade.id);
                }
                let mut fills = step.trades.iter();
                for aggregate in &step.aggregates {
                    assert!(aggregate_id.is_none_or(|id| aggregate.id == id + 1), "seed {seed}");
                    aggregate_id = Some(aggregate.id);
                    let ids = aggregate.first_trade..=aggregate.last_trade;
                    let own: Vec<_> = fills.by_ref().take(ids.clone().count()).collect();
                    assert!(own.iter().map(|t| t.id).eq(ids), "seed {seed}");
                    assert!(own.iter().all(|t| t.price == aggregate.price), "seed {seed}");
                    let sum: u64 = own.iter().map(|t| t.quantity).sum();
                    assert_eq!(sum, aggregate.quantity, "seed {seed}");
                }
                assert!(fills.next().is_none(), "seed {seed}: a fill without an aggregate");
            }
            assert!(sweeps > 100, "seed {seed}: only {sweeps} orders ate more than one level");
        }
    }

    #[test]
    fn about_a_third_of_the_events_change_the_top() {
        let mut market = Market::new(3, &["BTCUSDT".to_owned()]);
        let changes = (0..20_000).filter(|_| market.step().is_some_and(|(_, s)| s.top.is_some())).count();
        assert!((5_000..10_000).contains(&changes), "{changes}");
    }
}
