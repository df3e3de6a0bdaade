//! An order book of price levels.

use std::cmp::Ordering;

use crate::level::{Level, Side};

/// Two sides of price levels, each sorted, with at most `levels_max` levels a side.
///
/// A side that grows over the bound loses its worst levels; [`Book::trimmed`] counts them. Levels are
/// never zero and no price stands twice on a side. The book does not judge its content: it can be
/// crossed if the diffs say so ([`Book::is_crossed`]).
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
/// assert_eq!(book.best_bid(), Some(&level("9.99", "3")?));
/// # Ok::<(), tickwire_venue::DecimalError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Book {
    /// Ascending and descending: the best level is the last, since most changes are near it.
    bids: Vec<Level>,
    asks: Vec<Level>,
    levels_max: usize,
    trimmed: u64,
}

impl Book {
    /// An empty book that keeps the best `levels_max` levels a side (at least one).
    pub fn new(levels_max: usize) -> Self {
        Self { bids: Vec::new(), asks: Vec::new(), levels_max: levels_max.max(1), trimmed: 0 }
    }

    /// Makes `level.quantity` the whole quantity at `level.price`; zero removes the level, and removing
    /// one that is not there is normal.
    pub fn set(&mut self, side: Side, level: Level) {
        match side {
            Side::Bid => self.apply(&[level], &[]),
            Side::Ask => self.apply(&[], &[level]),
        }
    }

    /// [Sets](Book::set) every level of a diff, in order, then trims each side.
    pub fn apply(&mut self, bids: &[Level], asks: &[Level]) {
        self.trimmed += apply_side(&mut self.bids, Side::Bid, bids, self.levels_max)
            + apply_side(&mut self.asks, Side::Ask, asks, self.levels_max);
    }

    /// Replaces the content by a snapshot. Any order is accepted; of levels with the same price the last
    /// one counts.
    pub fn load(&mut self, bids: &[Level], asks: &[Level]) {
        self.trimmed += load_side(&mut self.bids, Side::Bid, bids, self.levels_max)
            + load_side(&mut self.asks, Side::Ask, asks, self.levels_max);
    }

    /// Removes all levels; the memory and the count of trimmed levels stay.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// The highest bid.
    pub fn best_bid(&self) -> Option<&Level> {
        self.bids.last()
    }

    /// The lowest ask.
    pub fn best_ask(&self) -> Option<&Level> {
        self.asks.last()
    }

    /// The bids, highest first.
    pub fn bids(&self) -> impl ExactSizeIterator<Item = &Level> + DoubleEndedIterator {
        self.bids.iter().rev()
    }

    /// The asks, lowest first.
    pub fn asks(&self) -> impl ExactSizeIterator<Item = &Level> + DoubleEndedIterator {
        self.asks.iter().rev()
    }

    /// Number of levels on a side.
    pub fn len(&self, side: Side) -> usize {
        match side {
            Side::Bid => self.bids.len(),
            Side::Ask => self.asks.len(),
        }
    }

    /// Whether neither side has a level.
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    /// Whether the best bid is at or above the best ask, which a book in order never is.
    pub fn is_crossed(&self) -> bool {
        matches!((self.best_bid(), self.best_ask()), (Some(bid), Some(ask)) if bid.price >= ask.price)
    }

    /// The most levels a side keeps.
    pub fn levels_max(&self) -> usize {
        self.levels_max
    }

    /// How many levels were dropped since the book was made, because a side was over `levels_max`.
    pub fn trimmed(&self) -> u64 {
        self.trimmed
    }
}

/// How good `level` is next to `other` on `side`: `Greater` is better.
fn rank(side: Side, level: &Level, other: &Level) -> Ordering {
    match side {
        Side::Bid => level.price.cmp(&other.price),
        Side::Ask => other.price.cmp(&level.price),
    }
}

fn apply_side(levels: &mut Vec<Level>, side: Side, changes: &[Level], levels_max: usize) -> u64 {
    let mut trimmed = 0;
    for change in changes {
        place(levels, side, *change);
        // A diff of any size must not make the side, and with it the cost of an insertion, grow.
        if levels.len() >= levels_max.saturating_mul(2) {
            trimmed += trim(levels, levels_max);
        }
    }
    trimmed + trim(levels, levels_max)
}

fn load_side(levels: &mut Vec<Level>, side: Side, snapshot: &[Level], levels_max: usize) -> u64 {
    levels.clear();
    // Backwards, because snapshots come best first; the stable sort then leaves the last of equal prices
    // in front of the others.
    levels.extend(snapshot.iter().rev());
    levels.sort_by(|level, other| rank(side, level, other));
    levels.dedup_by(|level, kept| level.price == kept.price);
    levels.retain(|level| !level.quantity.is_zero());
    trim(levels, levels_max)
}

fn place(levels: &mut Vec<Level>, side: Side, level: Level) {
    let found = levels.binary_search_by(|standing| rank(side, standing, &level));
    match (found, level.quantity.is_zero()) {
        (Ok(at), true) => {
            levels.remove(at);
        }
        (Ok(at), false) => {
            if let Some(standing) = levels.get_mut(at) {
                *standing = level;
            }
        }
        (Err(_), true) => {}
        (Err(at), false) => levels.insert(at, level),
    }
}

fn trim(levels: &mut Vec<Level>, levels_max: usize) -> u64 {
    let excess = levels.len().saturating_sub(levels_max);
    if excess > 0 {
        levels.drain(..excess);
    }
    excess as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::decimal::Decimal;

    fn level(price: i64, quantity: i64) -> Level {
        Level { price: Decimal::new(price, 2).unwrap(), quantity: Decimal::new(quantity, 3).unwrap() }
    }

    fn pairs<'a>(levels: impl Iterator<Item = &'a Level>) -> Vec<(i64, i64)> {
        levels.map(|level| (level.price.mantissa(), level.quantity.mantissa())).collect()
    }

    /// The last quantity of each price, without zeros.
    fn standing(changes: &[(i64, i64)]) -> BTreeMap<i64, i64> {
        let mut map: BTreeMap<i64, i64> = changes.iter().copied().collect();
        map.retain(|_, quantity| *quantity != 0);
        map
    }

    #[test]
    fn removing_an_absent_level_changes_nothing() {
        let mut book = Book::new(10);
        book.set(Side::Ask, level(100, 5));
        book.set(Side::Ask, level(99, 0));
        assert_eq!(pairs(book.asks()), [(100, 5)]);
    }

    #[test]
    fn equal_prices_of_different_scale_are_one_level() {
        let mut book = Book::new(10);
        book.set(Side::Bid, level(1000, 5));
        let coarse = Level { price: "10".parse().unwrap(), quantity: "7".parse().unwrap() };
        book.set(Side::Bid, coarse);
        assert_eq!(book.bids().copied().collect::<Vec<_>>(), [coarse]);
    }

    #[test]
    fn a_full_side_loses_its_worst_levels_and_counts_them() {
        let mut book = Book::new(2);
        book.apply(
            &[level(10, 1), level(11, 1), level(12, 1)],
            &[level(20, 1), level(21, 1), level(22, 1), level(23, 1)],
        );
        assert_eq!(pairs(book.bids()), [(12, 1), (11, 1)]);
        assert_eq!(pairs(book.asks()), [(20, 1), (21, 1)]);
        assert_eq!(book.trimmed(), 3);
        book.set(Side::Bid, level(9, 1));
        assert_eq!((pairs(book.bids()), book.trimmed()), (vec![(12, 1), (11, 1)], 4));
    }

    #[test]
    fn a_book_is_crossed_when_the_sides_touch() {
        let mut book = Book::new(10);
        assert!(!book.is_crossed());
        book.apply(&[level(10, 1)], &[level(11, 1)]);
        assert!(!book.is_crossed());
        book.set(Side::Bid, level(11, 1));
        assert!(book.is_crossed());
    }

    proptest! {
        #[test]
        fn a_book_agrees_with_a_sorted_map(
            snapshot in proptest::collection::vec((1_i64..60, 0_i64..5), 0..40),
            diffs in proptest::collection::vec((1_i64..60, 0_i64..5), 0..80),
        ) {
            let levels = |pairs: &[(i64, i64)]| pairs.iter().map(|(p, q)| level(*p, *q)).collect::<Vec<_>>();
            let mut book = Book::new(100);
            book.set(Side::Bid, level(59, 9));
            book.load(&levels(&snapshot), &levels(&snapshot));
            let oracle = standing(&snapshot);
            prop_assert_eq!(pairs(book.asks()), oracle.into_iter().collect::<Vec<_>>());
            book.apply(&levels(&diffs), &levels(&diffs));
            let all: Vec<_> = snapshot.iter().chain(&diffs).copied().collect();
            let oracle = standing(&all);
            prop_assert_eq!(book.len(Side::Bid), oracle.len());
            prop_assert_eq!(pairs(book.bids()), oracle.clone().into_iter().rev().collect::<Vec<_>>());
            prop_assert_eq!(pairs(book.asks()), oracle.into_iter().collect::<Vec<_>>());
        }
    }
}
