//! The random walk of one symbol's book. Nothing here knows the time: one call is one book event.

use chacha20::ChaCha8Rng;
use rand_core::Rng;

use super::Style;
use super::book::{Book, Level, Side};
use super::instrument::{Instrument, Snapshot, Terms, Top};

/// How large the books are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Orders deeper than this many ticks are not placed.
    window_ticks: u64,
    /// Levels a side, between which a book keeps to itself.
    levels_min: usize,
    levels_max: usize,
}

impl Size {
    /// As large as a venue's.
    pub(crate) const FULL: Self = Self::of(500);

    /// Of at least so many levels a side and at most twice as many, which is not below 4.
    pub(crate) const fn of(levels: usize) -> Self {
        let levels_min = if levels < 4 { 4 } else { levels };
        Self { window_ticks: levels_min as u64 * 2, levels_min, levels_max: levels_min * 2 }
    }

    /// The most levels a side.
    #[cfg(test)]
    pub(super) fn levels_max(self) -> usize {
        self.levels_max
    }
}

/// A taker order eats at most this many levels.
const SWEEP_MAX: usize = 4;

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
    /// What became of which level, in the order it happened.
    pub(crate) changed: Vec<(Side, Level)>,
}

impl Step {
    fn at(update_id: u64) -> Self {
        Self {
            update_id,
            buyer_is_maker: false,
            trades: Vec::new(),
            aggregates: Vec::new(),
            top: None,
            changed: Vec::new(),
        }
    }
}

/// A full book around the start price, and counters that begin anywhere.
pub(super) fn list(symbol: &str, style: &Style, rng: &mut ChaCha8Rng) -> Instrument {
    let terms = (style.terms)(symbol);
    let Terms { start, tick, lot } = terms;
    let start = start / tick * tick;
    let mut book = Book::default();
    for distance in 1..style.size.window_ticks {
        if distance > 1 && below(rng, 3) == 0 {
            continue;
        }
        if let Some(price) = start.checked_sub(distance * tick).filter(|&price| price > 0) {
            book.set(Side::Bid, price, lots(rng) * lot);
        }
        book.set(Side::Ask, start + distance * tick, lots(rng) * lot);
    }
    let genesis = Snapshot { last_id: 1_000_000 + below(rng, 1_000_000_000), book };
    let mut instrument = Instrument::new(symbol, Terms { start, ..terms }, genesis, style.cadences);
    instrument.trade_id = below(rng, 1_000_000_000);
    instrument.aggregate_id = below(rng, 1_000_000_000);
    instrument
}

impl Instrument {
    pub(super) fn step(&mut self, rng: &mut ChaCha8Rng, update_id: u64, size: Size) -> Step {
        self.begin_event(update_id);
        let mut step = Step::at(update_id);
        match below(rng, 100) {
            0..15 => self.market_order(rng, size, &mut step),
            15..40 => self.touch_top(rng, size),
            _ => self.touch_deep(rng, size),
        }
        self.conclude(step)
    }

    /// So many levels placed beyond the usual depth at once, or withdrawn if they still stand.
    pub(super) fn burst(&mut self, rng: &mut ChaCha8Rng, update_id: u64, levels: usize) -> Step {
        self.begin_event(update_id);
        if !self.withdraw_wall() {
            self.place_walls(rng, levels);
        }
        self.conclude(Step::at(update_id))
    }

    /// Half of them below the book, as far as there is room, and the others above.
    fn place_walls(&mut self, rng: &mut ChaCha8Rng, levels: usize) {
        let Terms { tick, lot, .. } = self.terms;
        let worst = |side| self.live().book.worst(side).map_or(self.terms.start, |(price, _)| price);
        let (lowest, highest) = (worst(Side::Bid), worst(Side::Ask));
        let below_lowest =
            (1..).map_while(|ticks| lowest.checked_sub(ticks * tick).filter(|&price| price > 0));
        let bids: Vec<_> = below_lowest.take(levels / 2).collect();
        let asks = (1_u64..).map(|ticks| highest + ticks * tick).take(levels - bids.len());
        let asks: Vec<_> = asks.collect();
        for (side, prices) in [(Side::Bid, bids), (Side::Ask, asks)] {
            for price in prices {
                self.place_wall(side, price, lots(rng) * lot);
            }
        }
    }

    fn conclude(&mut self, mut step: Step) -> Step {
        let top = Top::of(&self.live().book);
        if top != self.top {
            self.top = top;
            step.top = Some(top);
        }
        step.changed = self.end_event();
        step
    }

    /// A taker order eats from the top; it leans towards the start price, which keeps the walk in its bounds.
    fn market_order(&mut self, rng: &mut ChaCha8Rng, size: Size, step: &mut Step) {
        let cheap = self.best(Side::Ask).0 < self.terms.start;
        let buys = below(rng, 100) < if cheap { 55 } else { 45 };
        let eaten = if buys { Side::Ask } else { Side::Bid };
        step.buyer_is_maker = !buys;
        let top_lots = self.best(eaten).1 / self.terms.lot;
        let mut remaining = (1 + below(rng, top_lots + top_lots / 2 + 1)) * self.terms.lot;
        for _ in 0..SWEEP_MAX {
            if remaining == 0 || self.levels(eaten) < size.levels_min {
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
            let part = if below(rng, 2) == 0 {
                left
            } else {
                (1 + below(rng, left / self.terms.lot)) * self.terms.lot
            };
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
    fn touch_top(&mut self, rng: &mut ChaCha8Rng, size: Size) {
        let side = any_side(rng);
        let spread_ticks = (self.best(Side::Ask).0 - self.best(Side::Bid).0) / self.terms.tick;
        let (price, quantity) = self.best(side);
        let choice = below(rng, 4);
        if spread_ticks > 1 && (choice < 2 || spread_ticks > 10) {
            let step = (1 + below(rng, spread_ticks - 1)) * self.terms.tick;
            let inside = if side == Side::Bid { price + step } else { price - step };
            self.set(side, inside, lots(rng) * self.terms.lot);
        } else if choice == 3 && self.levels(side) > size.levels_min {
            self.set(side, price, 0);
        } else {
            self.set(side, price, quantity + lots(rng) * self.terms.lot);
        }
    }

    /// An order placed, changed or cancelled away from the top.
    fn touch_deep(&mut self, rng: &mut ChaCha8Rng, size: Size) {
        let side = any_side(rng);
        let levels = self.levels(side);
        if levels > size.levels_max
            && let Some((price, _)) = self.live().book.worst(side)
        {
            return self.set(side, price, 0);
        }
        // Most of the business is near the top: the smaller of two draws.
        let mut ticks = 1 + below(rng, size.window_ticks).min(below(rng, size.window_ticks));
        let best = self.best(side).0;
        let price_at = |ticks: u64| match side {
            Side::Bid => best.checked_sub(ticks * self.terms.tick).filter(|&price| price > 0),
            Side::Ask => best.checked_add(ticks * self.terms.tick),
        };
        let occupied =
            |price: Option<u64>| price.is_some_and(|price| self.live().book.quantity(side, price) > 0);
        while levels < size.levels_min && occupied(price_at(ticks)) {
            ticks += 1;
        }
        let Some(price) = price_at(ticks) else {
            return self.touch_top(rng, size);
        };
        let cancelled = self.live().book.quantity(side, price) > 0 && below(rng, 2) == 0;
        self.set(side, price, if cancelled { 0 } else { lots(rng) * self.terms.lot });
    }
}

/// A number below `bound`; the bias of the remainder is of no interest here.
pub(super) fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    rng.next_u64() % bound.max(1)
}

pub(super) fn index_below(rng: &mut ChaCha8Rng, len: usize) -> usize {
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
