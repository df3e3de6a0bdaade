//! The difference between two moments of a book.

use std::collections::BTreeMap;

use super::book::{Book, Side, best_first};

/// What became of one level between the two ends of an interval; the quantities differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) price: u64,
    /// At the interval's beginning, 0 where there was no level.
    pub(crate) before: u64,
    /// At its end, 0 where there is none any more.
    pub(crate) quantity: u64,
}

/// The levels that differ between the two ends of a run of update ids, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diff {
    /// Where the run before it ended.
    pub(crate) previous_id: u64,
    pub(crate) first_id: u64,
    pub(crate) last_id: u64,
    pub(crate) bids: Vec<Change>,
    pub(crate) asks: Vec<Change>,
}

impl Diff {
    /// Whether the book is the same at both ends.
    pub(crate) fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    /// Makes the book at the beginning the book at the end.
    pub(crate) fn apply_to(&self, book: &mut Book) {
        for (side, changes) in [(Side::Bid, &self.bids), (Side::Ask, &self.asks)] {
            for change in changes {
                book.set(side, change.price, change.quantity);
            }
        }
    }
}

/// A run of update ids that is still growing: which levels were touched and what they held before it.
#[derive(Clone, Debug)]
pub(crate) struct Interval {
    previous_id: u64,
    /// The first id in it, once there is one.
    first_id: Option<u64>,
    bids_before: BTreeMap<u64, u64>,
    asks_before: BTreeMap<u64, u64>,
}

impl Interval {
    pub(crate) fn after(previous_id: u64) -> Self {
        Self { previous_id, first_id: None, bids_before: BTreeMap::new(), asks_before: BTreeMap::new() }
    }

    /// An event with this id falls into the interval.
    pub(crate) fn begin_event(&mut self, update_id: u64) {
        self.first_id.get_or_insert(update_id);
    }

    /// Notes what a level held when it is touched for the first time in this interval.
    pub(crate) fn touch(&mut self, side: Side, price: u64, quantity_before: u64) {
        let before = match side {
            Side::Bid => &mut self.bids_before,
            Side::Ask => &mut self.asks_before,
        };
        before.entry(price).or_insert(quantity_before);
    }

    /// Ends the interval at `last_id` and starts the next one. `None` when there was no event in it.
    pub(crate) fn cut(&mut self, book: &Book, last_id: u64) -> Option<Diff> {
        let first_id = self.first_id?;
        let done = std::mem::replace(self, Self::after(last_id));
        let changed = |side, before: &BTreeMap<u64, u64>| {
            best_first(side, before)
                .map(|(price, before)| Change { price, before, quantity: book.quantity(side, price) })
                .filter(|change| change.before != change.quantity)
                .collect()
        };
        Some(Diff {
            previous_id: done.previous_id,
            first_id,
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
        let mut interval = Interval::after(6);
        for (id, price, quantity) in [(8, 90, 6), (9, 91, 1), (12, 92, 2), (13, 90, 5)] {
            interval.begin_event(id);
            interval.touch(Side::Bid, price, book.quantity(Side::Bid, price));
            book.set(Side::Bid, price, quantity);
        }
        let diff = interval.cut(&book, 13).expect("four events");
        let new = |price, quantity| Change { price, before: 0, quantity };
        let bids = vec![new(92, 2), new(91, 1)];
        assert_eq!(diff, Diff { previous_id: 6, first_id: 8, last_id: 13, bids, asks: vec![] });
        assert_eq!(interval.cut(&book, 13), None);
    }
}
