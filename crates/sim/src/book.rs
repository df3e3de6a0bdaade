//! A full order book and the difference between two of its moments. Prices and quantities are whole
//! numbers of 0.00000001.

use std::collections::BTreeMap;

/// Price and quantity.
pub(crate) type Level = (u64, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Bid,
    Ask,
}

/// Levels by price; a level without quantity is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    bids: BTreeMap<u64, u64>,
    asks: BTreeMap<u64, u64>,
}

impl Book {
    fn side(&self, side: Side) -> &BTreeMap<u64, u64> {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    /// Number of levels.
    pub(crate) fn len(&self, side: Side) -> usize {
        self.side(side).len()
    }

    /// Quantity at a price, 0 where there is no level.
    pub(crate) fn quantity(&self, side: Side, price: u64) -> u64 {
        self.side(side).get(&price).copied().unwrap_or(0)
    }

    /// Sets a level's quantity; 0 removes it.
    pub(crate) fn set(&mut self, side: Side, price: u64, quantity: u64) {
        let levels = match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        };
        if quantity == 0 {
            levels.remove(&price);
        } else {
            levels.insert(price, quantity);
        }
    }

    /// The highest bid or the lowest ask.
    pub(crate) fn best(&self, side: Side) -> Option<Level> {
        let found = match side {
            Side::Bid => self.bids.last_key_value(),
            Side::Ask => self.asks.first_key_value(),
        };
        found.map(|(&price, &quantity)| (price, quantity))
    }

    /// The level farthest from the spread.
    pub(crate) fn worst(&self, side: Side) -> Option<Level> {
        let found = match side {
            Side::Bid => self.bids.first_key_value(),
            Side::Ask => self.asks.last_key_value(),
        };
        found.map(|(&price, &quantity)| (price, quantity))
    }

    /// At most `count` levels, best first.
    pub(crate) fn top(&self, side: Side, count: usize) -> Vec<Level> {
        best_first(side, self.side(side)).take(count).collect()
    }

    pub(crate) fn apply(&mut self, diff: &Diff) {
        for &(price, quantity) in &diff.bids {
            self.set(Side::Bid, price, quantity);
        }
        for &(price, quantity) in &diff.asks {
            self.set(Side::Ask, price, quantity);
        }
    }
}

fn best_first(side: Side, levels: &BTreeMap<u64, u64>) -> Box<dyn Iterator<Item = Level> + '_> {
    let levels = levels.iter().map(|(&price, &quantity)| (price, quantity));
    match side {
        Side::Bid => Box::new(levels.rev()),
        Side::Ask => Box::new(levels),
    }
}

/// The levels that differ between the two ends of a run of update ids, with their quantity at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diff {
    pub(crate) first_id: u64,
    pub(crate) last_id: u64,
    pub(crate) bids: Vec<Level>,
    pub(crate) asks: Vec<Level>,
}

/// A run of update ids that is still growing: which levels were touched and what they held before it.
#[derive(Clone, Debug)]
pub(crate) struct Interval {
    first_id: u64,
    bids_before: BTreeMap<u64, u64>,
    asks_before: BTreeMap<u64, u64>,
}

impl Interval {
    pub(crate) fn starting_at(first_id: u64) -> Self {
        Self { first_id, bids_before: BTreeMap::new(), asks_before: BTreeMap::new() }
    }

    /// Notes what a level held when it is touched for the first time in this interval.
    pub(crate) fn touch(&mut self, side: Side, price: u64, quantity_before: u64) {
        let before = match side {
            Side::Bid => &mut self.bids_before,
            Side::Ask => &mut self.asks_before,
        };
        before.entry(price).or_insert(quantity_before);
    }

    /// Ends the interval at `last_id` and starts the next one. `None` when no id has passed.
    pub(crate) fn cut(&mut self, book: &Book, last_id: u64) -> Option<Diff> {
        if last_id < self.first_id {
            return None;
        }
        let done = std::mem::replace(self, Self::starting_at(last_id + 1));
        let changed = |side, before: &BTreeMap<u64, u64>| {
            best_first(side, before)
                .map(|(price, quantity_before)| (price, quantity_before, book.quantity(side, price)))
                .filter(|&(_, quantity_before, quantity)| quantity_before != quantity)
                .map(|(price, _, quantity)| (price, quantity))
                .collect()
        };
        Some(Diff {
            first_id: done.first_id,
            last_id,
            bids: changed(Side::Bid, &done.bids_before),
            asks: changed(Side::Ask, &done.asks_before),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_lists_only_levels_that_differ_between_its_ends_best_first() {
        let mut book = Book::default();
        book.set(Side::Bid, 90, 5);
        let mut interval = Interval::starting_at(7);
        for (price, quantity) in [(90, 6), (91, 1), (92, 2), (90, 5)] {
            interval.touch(Side::Bid, price, book.quantity(Side::Bid, price));
            book.set(Side::Bid, price, quantity);
        }
        let diff = interval.cut(&book, 10).expect("four ids passed");
        assert_eq!(diff, Diff { first_id: 7, last_id: 10, bids: vec![(92, 2), (91, 1)], asks: vec![] });
        assert_eq!(interval.cut(&book, 10), None);
    }
}
