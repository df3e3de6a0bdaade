//! An order book of price levels.

mod fault;
mod grid;
mod ladder;
#[cfg(test)]
mod tests;

use std::fmt;

pub use fault::BookFault;
use fault::check_order;
use grid::Grid;
use ladder::Ladder;

use crate::{
    decimal::Decimal,
    level::{Level, Side},
};

/// How many times the chunks of a side may be moved by a diff, before it is cheaper to sort it in.
const MOVES_MAX: usize = 16;

/// Two sides of price levels, each in order, with at most `levels_max` levels a side.
///
/// A side that grows over the bound loses its worst levels; [`Book::trimmed`] counts them. Levels are
/// never zero and no price stands twice on a side. The book does not judge its content: it can be
/// crossed if the diffs say so ([`Book::is_crossed`], [`Book::check`]).
///
/// Prices are kept as whole numbers of the finest step that they have needed so far, which a finer one
/// makes finer. Every [`Decimal`] has its place, whatever the others are. A price comes out with the
/// digits of the longest spelling the book has seen, or as many of them as its mantissa can hold; a
/// quantity as it came.
///
/// ```
/// use tickwire_venue::{Book, Level, Side};
///
/// let level = |price: &str, quantity: &str| {
///     Ok::<_, tickwire_venue::DecimalError>(Level { price: price.parse()?, quantity: quantity.parse()? })
/// };
/// let mut book = Book::new(1000);
/// book.set(Side::Bid, level("9.99", "3")?);
/// book.set(Side::Bid, level("10.00", "1")?);
/// book.set(Side::Bid, level("10.0", "0.00")?);
/// assert_eq!(book.best_bid(), Some(level("9.99", "3")?));
/// assert_eq!(book.quantity_at(Side::Bid, "9.990".parse()?), Some("3".parse()?));
/// # Ok::<(), tickwire_venue::DecimalError>(())
/// ```
#[derive(Clone)]
pub struct Book {
    grid: Grid,
    bids: Ladder,
    asks: Ladder,
    levels_max: usize,
    trimmed: u64,
}

impl Book {
    /// An empty book that keeps the best `levels_max` levels a side (at least one).
    ///
    /// A side takes up to a kilobyte for each of them where prices are far apart, a tenth of it where
    /// they are not.
    pub fn new(levels_max: usize) -> Self {
        Self {
            grid: Grid::new(),
            bids: Ladder::new(),
            asks: Ladder::new(),
            levels_max: levels_max.max(1),
            trimmed: 0,
        }
    }

    /// Makes `level.quantity` the whole quantity at `level.price`; zero removes the level, and removing
    /// one that is not there is normal.
    pub fn set(&mut self, side: Side, level: Level) {
        self.apply_side(side, &[level]);
    }

    /// [Sets](Book::set) every level of a diff, in order, then trims each side.
    pub fn apply(&mut self, bids: &[Level], asks: &[Level]) {
        self.apply_side(Side::Bid, bids);
        self.apply_side(Side::Ask, asks);
    }

    /// Replaces the content by a snapshot. Any order is accepted; of levels with the same price the last
    /// one counts.
    pub fn load(&mut self, bids: &[Level], asks: &[Level]) {
        self.clear();
        self.grid = Grid::new();
        self.sort_in(Side::Bid, bids);
        self.sort_in(Side::Ask, asks);
    }

    /// Removes all levels; the memory and the count of trimmed levels stay.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// The highest bid.
    #[inline]
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.best().map(|best| self.level(Side::Bid, best))
    }

    /// The lowest ask.
    #[inline]
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.best().map(|best| self.level(Side::Ask, best))
    }

    /// The bids, highest first.
    pub fn bids(&self) -> impl ExactSizeIterator<Item = Level> + DoubleEndedIterator {
        self.bids.levels().map(|level| self.level(Side::Bid, level))
    }

    /// The asks, lowest first.
    pub fn asks(&self) -> impl ExactSizeIterator<Item = Level> + DoubleEndedIterator {
        self.asks.levels().map(|level| self.level(Side::Ask, level))
    }

    /// The quantity at a price, `None` if no level stands there.
    pub fn quantity_at(&self, side: Side, price: Decimal) -> Option<Decimal> {
        self.ladder(side).get(key(side, self.grid.ticks(price)?))
    }

    /// Number of levels on a side.
    pub fn len(&self, side: Side) -> usize {
        self.ladder(side).len()
    }

    /// Whether neither side has a level.
    pub fn is_empty(&self) -> bool {
        self.len(Side::Bid) == 0 && self.len(Side::Ask) == 0
    }

    /// Whether the best bid is at or above the best ask, which a book in order never is.
    pub fn is_crossed(&self) -> bool {
        matches!((self.best_bid(), self.best_ask()), (Some(bid), Some(ask)) if bid.price >= ask.price)
    }

    /// Looks through the whole book for what must never be. It costs what reading every level costs.
    ///
    /// # Errors
    /// The first fault there is.
    pub fn check(&self) -> Result<(), BookFault> {
        self.check_count(Side::Bid, check_order(Side::Bid, self.bids())?)?;
        self.check_count(Side::Ask, check_order(Side::Ask, self.asks())?)?;
        match (self.best_bid(), self.best_ask()) {
            (Some(bid), Some(ask)) if bid.price >= ask.price => Err(BookFault::Crossed { bid, ask }),
            _ => Ok(()),
        }
    }

    /// The most levels a side keeps.
    pub fn levels_max(&self) -> usize {
        self.levels_max
    }

    /// How many levels were dropped since the book was made, because a side was over `levels_max`.
    pub fn trimmed(&self) -> u64 {
        self.trimmed
    }

    #[inline]
    fn apply_side(&mut self, side: Side, changes: &[Level]) {
        if changes.len() > self.levels_max {
            return self.sort_in(side, changes);
        }
        let mut moves_left = (self.ladder(side).chunks() + changes.len()).saturating_mul(MOVES_MAX);
        let mut rest = changes;
        loop {
            rest = self.apply_usual(side, rest, &mut moves_left);
            let Some((change, after)) = rest.split_first() else { break };
            if moves_left == 0 {
                return self.sort_in(side, rest);
            }
            if let Some(ticks) = self.unusual_ticks(change) {
                let moved = self.ladder_mut(side).set(key(side, ticks), change.quantity);
                moves_left = moves_left.saturating_sub(moved);
            }
            rest = after;
        }
        let levels_max = self.levels_max;
        self.trimmed += self.ladder_mut(side).trim(levels_max);
    }

    /// Sets what comes before the first price that is not spelt like most, while there are moves left,
    /// and returns the rest.
    #[inline]
    fn apply_usual<'a>(&mut self, side: Side, changes: &'a [Level], moves_left: &mut usize) -> &'a [Level] {
        let Self { grid, bids, asks, .. } = self;
        let (ladder, flip) = match side {
            Side::Bid => (bids, 0),
            Side::Ask => (asks, -1),
        };
        let mut rest = changes.iter();
        while let Some(change) = rest.as_slice().first()
            && let Some(ticks) = grid.usual_ticks(change.price)
        {
            rest.next();
            let moved = ladder.set(i128::from(ticks ^ flip), change.quantity);
            if moved > 0 {
                *moves_left = moves_left.saturating_sub(moved);
                if *moves_left == 0 {
                    break;
                }
            }
        }
        rest.as_slice()
    }

    /// Does what [`apply`](Book::apply) does, at a price that depends on the number of levels only.
    fn sort_in(&mut self, side: Side, changes: &[Level]) {
        let mut sorted = Vec::with_capacity(self.len(side) + changes.len());
        let cover = changes.iter().filter(|change| !change.quantity.is_zero());
        cover.for_each(|change| {
            self.cover(change.price);
        });
        sorted.extend(self.ladder(side).levels());
        for change in changes {
            if let Some(ticks) = self.grid.ticks(change.price) {
                sorted.push((key(side, ticks), change.quantity));
            }
        }
        let levels_max = self.levels_max;
        self.trimmed += self.ladder_mut(side).replace(sorted, levels_max);
    }

    /// The ticks of a price that is not spelt like most or too fine for the grid; `None` when it would
    /// take a finer grid to find nothing to remove.
    #[inline(never)]
    fn unusual_ticks(&mut self, change: &Level) -> Option<i128> {
        if change.quantity.is_zero() { self.grid.ticks(change.price) } else { Some(self.cover(change.price)) }
    }

    /// The ticks of a price, on a grid that is fine enough for it.
    fn cover(&mut self, price: Decimal) -> i128 {
        let (ticks, factor) = self.grid.cover(price);
        if factor > 1 {
            for side in [Side::Bid, Side::Ask] {
                let finer = |(old, quantity)| (key(side, key(side, old) * factor), quantity);
                let levels = self.ladder(side).levels().map(finer).collect();
                self.ladder_mut(side).replace(levels, usize::MAX);
            }
        }
        ticks
    }

    fn check_count(&self, side: Side, counted: usize) -> Result<(), BookFault> {
        let (len, levels_max) = (self.len(side), self.levels_max);
        if counted == len && len <= levels_max {
            return Ok(());
        }
        Err(BookFault::Count { side, counted, len, levels_max })
    }

    #[inline]
    fn level(&self, side: Side, (of, quantity): (i128, Decimal)) -> Level {
        Level { price: self.grid.price(key(side, of)), quantity }
    }

    #[inline]
    fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    #[inline]
    fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }
}

/// The key of ticks on a side, which is greater for a better price; and the ticks of a key.
#[inline]
fn key(side: Side, ticks: i128) -> i128 {
    match side {
        Side::Bid => ticks,
        Side::Ask => !ticks,
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { levels_max, trimmed, .. } = self;
        let (bids, asks): (Vec<_>, Vec<_>) = (self.bids().collect(), self.asks().collect());
        f.debug_struct("Book")
            .field("bids", &bids)
            .field("asks", &asks)
            .field("levels_max", levels_max)
            .field("trimmed", trimmed)
            .finish()
    }
}
