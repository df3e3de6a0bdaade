//! The simulator's own books, for whoever wants to compare: kept back to a bounded number of events.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::market::{Book, Instrument, Level, Side, Step};

/// Touched levels that are remembered of each book.
const LEVELS_MAX: usize = 100_000;

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
}

impl History {
    fn record(&mut self, step: &Step) {
        self.levels += step.changed.len();
        self.events.push_back((step.update_id, step.changed.clone()));
        while self.levels > LEVELS_MAX
            && let Some((id, changed)) = self.events.pop_front()
        {
            self.levels -= changed.len();
            self.oldest_id = id;
            apply(&mut self.oldest, &changed);
        }
    }

    fn at(&self, update_id: u64) -> Option<Levels> {
        if update_id == self.oldest_id {
            return Some(Levels::of(&self.oldest));
        }
        let found = self.events.binary_search_by_key(&update_id, |(id, _)| *id).ok()?;
        let mut book = self.oldest.clone();
        for (_, changed) in self.events.iter().take(found + 1) {
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
            let history = History {
                oldest_id: now.last_id,
                oldest: now.book.clone(),
                events: VecDeque::new(),
                levels: 0,
            };
            (instrument.symbol.clone(), history)
        });
        *self.lock() = histories.collect();
    }

    pub(crate) fn record(&self, symbol: &str, step: &Step) {
        if let Some(history) = self.lock().get_mut(symbol) {
            history.record(step);
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
    use crate::market::{Ids, Market, ONE, Style, Terms};

    #[test]
    fn each_event_is_remembered_until_too_many_levels_were_touched() {
        let terms = |_: &str| Terms { start: 100 * ONE, tick: ONE / 100, lot: ONE };
        let style = Style { ids: Ids::Shared, cadences: 0, empty_diffs: true, terms };
        let mut market = Market::new(3, &["ANY".to_owned()], style);
        let truth = Truth::default();
        truth.begin(market.instruments());
        let first = market.instruments()[0].live().last_id;
        assert!(truth.at("ANY", first).is_some());
        let mut seen = Vec::new();
        for _ in 0..200 {
            let (_, step) = market.step().expect("a symbol");
            truth.record("ANY", &step);
            seen.push((step.update_id, Levels::of(&market.instruments()[0].live().book)));
        }
        for (id, levels) in &seen {
            assert_eq!(truth.at("ANY", *id).as_ref(), Some(levels), "event {id}");
        }
        assert_eq!(truth.at("ANY", seen[199].0 + 1), None);
        assert_eq!(truth.at("OTHER", first), None);
        for _ in 0..LEVELS_MAX / 1_000 {
            let step = market.burst(0, 1_000).expect("a symbol");
            truth.record("ANY", &step);
        }
        assert_eq!(truth.at("ANY", first), None, "it is too long ago");
        assert_eq!(truth.at("ANY", seen[199].0).as_ref(), Some(&seen[199].1), "the oldest one kept");
    }
}
