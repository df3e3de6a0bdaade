//! The simulator's own books, for whoever wants to compare: kept back to a bounded number of events.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::market::{Book, Instrument, Level, Side, Step};

/// Touched levels that are remembered of each book.
const LEVELS_MAX: usize = 100_000;
/// Touched levels between two copies of a book, beyond twice its own levels.
const COPY_AFTER: usize = 64;

/// One book at one update id: price and quantity of each level in units of 0.00000001, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// From the highest price down.
    pub bids: Vec<(u64, u64)>,
    /// From the lowest price up.
    pub asks: Vec<(u64, u64)>,
}

impl Levels {
    fn of(book: &Book) -> Self {
        Self { bids: book.all(Side::Bid).collect(), asks: book.all(Side::Ask).collect() }
    }
}

/// What happened to one book since the oldest state that is remembered.
#[derive(Debug)]
struct History {
    oldest_id: u64,
    oldest: Book,
    events: VecDeque<(u64, Vec<(Side, Level)>)>,
    levels: usize,
    /// Whole books after some of the events, so that a question is not answered from the oldest one.
    copies: VecDeque<(u64, Book)>,
    /// Touched levels since the last copy.
    uncopied: usize,
}

impl History {
    fn of(id: u64, book: &Book) -> Self {
        let (events, copies) = (VecDeque::new(), VecDeque::new());
        Self { oldest_id: id, oldest: book.clone(), events, levels: 0, copies, uncopied: 0 }
    }

    /// `book` is what the event made of it.
    fn record(&mut self, step: &Step, book: &Book) {
        self.levels += step.changed.len();
        self.uncopied += step.changed.len();
        self.events.push_back((step.update_id, step.changed.clone()));
        if self.uncopied > COPY_AFTER + 2 * (book.len(Side::Bid) + book.len(Side::Ask)) {
            self.uncopied = 0;
            self.copies.push_back((step.update_id, book.clone()));
        }
        while self.levels > LEVELS_MAX
            && let Some((id, changed)) = self.events.pop_front()
        {
            self.levels -= changed.len();
            self.oldest_id = id;
            apply(&mut self.oldest, &changed);
        }
        while self.copies.front().is_some_and(|(id, _)| *id <= self.oldest_id) {
            self.copies.pop_front();
        }
    }

    fn at(&self, update_id: u64) -> Option<Levels> {
        if update_id == self.oldest_id {
            return Some(Levels::of(&self.oldest));
        }
        let found = self.events.binary_search_by_key(&update_id, |(id, _)| *id).ok()?;
        let copy = self.copies.partition_point(|(id, _)| *id <= update_id).checked_sub(1);
        let (from, book) = match copy.and_then(|at| self.copies.get(at)) {
            Some((id, book)) => (self.events.partition_point(|(event, _)| event <= id), book),
            None => (0, &self.oldest),
        };
        let mut book = book.clone();
        for (_, changed) in self.events.range(from..=found) {
            apply(&mut book, changed);
        }
        Some(Levels::of(&book))
    }
}

fn apply(book: &mut Book, changed: &[(Side, Level)]) {
    for &(side, (price, quantity)) in changed {
        book.set(side, price, quantity);
    }
}

/// Written by the server's thread, read by its owner's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth(Arc<Mutex<BTreeMap<String, History>>>);

impl Truth {
    /// Begins with the books as they stand.
    pub(crate) fn begin(&self, instruments: &[Instrument]) {
        let histories = instruments.iter().map(|instrument| {
            let now = instrument.live();
            (instrument.symbol.clone(), History::of(now.last_id, &now.book))
        });
        *self.lock() = histories.collect();
    }

    /// Remembers an event of an instrument, after which its book is as it is now.
    pub(crate) fn record(&self, instrument: &Instrument, step: &Step) {
        if let Some(history) = self.lock().get_mut(&instrument.symbol) {
            history.record(step, &instrument.live().book);
        }
    }

    /// The book after the event with this id, if there was one and it is remembered.
    pub(crate) fn at(&self, symbol: &str, update_id: u64) -> Option<Levels> {
        self.lock().get(symbol)?.at(update_id)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, History>> {
        // A thread that panicked while it held the lock left a book that is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Ids, Market, ONE, Size, Style, Terms};

    #[test]
    fn each_event_is_remembered_until_too_many_levels_were_touched() {
        let terms = |_: &str| Terms { start: 100 * ONE, tick: ONE / 100, lot: ONE };
        let style = Style { ids: Ids::Shared, cadences: 0, empty_diffs: true, terms, size: Size::of(20) };
        let mut market = Market::new(3, &["ANY".to_owned()], style);
        let truth = Truth::default();
        truth.begin(market.instruments());
        let first = market.instruments()[0].live().last_id;
        assert!(truth.at("ANY", first).is_some());
        let mut seen = Vec::new();
        for _ in 0..8_000 {
            let (_, step) = market.step().expect("a symbol");
            truth.record(&market.instruments()[0], &step);
            seen.push((step.update_id, Levels::of(&market.instruments()[0].live().book)));
        }
        for (id, levels) in &seen {
            assert_eq!(truth.at("ANY", *id).as_ref(), Some(levels), "event {id}");
        }
        assert_eq!(truth.at("ANY", seen[7_999].0 + 1), None);
        assert_eq!(truth.at("OTHER", first), None);
        for _ in 0..LEVELS_MAX / 1_000 {
            let step = market.burst(0, 1_000).expect("a symbol");
            truth.record(&market.instruments()[0], &step);
        }
        assert_eq!(truth.at("ANY", first), None, "it is too long ago");
        assert_eq!(truth.at("ANY", seen[7_999].0).as_ref(), Some(&seen[7_999].1), "the oldest one kept");
    }
}
