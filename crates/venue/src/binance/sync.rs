//! Binance's spot rule for keeping the book of one symbol.
//!
//! ```text
//!            open                    snapshot, not older than the diffs
//!   Closed ────────► Collecting ────────────────────────────────────────► Live
//!     ▲               │  ▲  │ ▲                                            │ │
//!     │    closed     │  │  │ └── gap, overflow: collect anew              │ │
//!     ├───────────────┘  │  └──── stale snapshot: keep collecting          │ │
//!     │                  └───────────────────── gap ───────────────────────┘ │
//!     └─────────────────────────────── closed ───────────────────────────────┘
//! ```
//!
//! The book itself is replaced only when a new one is complete, so that the last good one stays readable
//! in every state.

use crate::{
    book::Book,
    level::Level,
    session::{BookState, BookView},
};

/// Levels, plus one a diff, that are collected while waiting for a snapshot.
const COLLECTED_MAX: usize = 200_000;

#[derive(Debug)]
pub(super) struct Sync {
    state: State,
    book: Book,
    update_id: u64,
    /// Whether the book was complete at some time.
    loaded: bool,
}

#[derive(Debug)]
enum State {
    Closed,
    Collecting(Collected),
    Live,
}

/// What became of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It changed the book.
    Applied,
    /// It waits for a snapshot.
    Collected,
    /// No stream is open, or the book was given up.
    Unwanted,
    /// Everything in it was known; the last id known is told.
    Old { update_id: u64 },
    /// Updates before it are missing; it is the first one collected for the next book.
    Gap { expected: u64 },
    /// With it too much was collected; all before it was thrown away.
    Overflow { levels: usize },
}

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loaded {
    /// Nobody waits for one.
    Unwanted,
    /// It is older than the first diff collected.
    Stale { first_id: u64 },
    /// The book is live, for the first time or again.
    Live { again: bool },
}

/// The ids and levels of a diff.
#[derive(Debug, Clone, Copy)]
pub(super) struct Update<'a> {
    pub(super) first_id: u64,
    pub(super) last_id: u64,
    pub(super) bids: &'a [Level],
    pub(super) asks: &'a [Level],
}

impl Sync {
    pub(super) fn new(levels_max: usize) -> Self {
        Self { state: State::Closed, book: Book::new(levels_max), update_id: 0, loaded: false }
    }

    pub(super) fn view(&self) -> BookView<'_> {
        let state = match (&self.state, self.loaded) {
            (State::Live, _) => BookState::Live,
            (_, true) => BookState::Stale,
            (_, false) => BookState::Empty,
        };
        BookView { book: &self.book, state, update_id: self.update_id }
    }

    /// The book and its id, if it is live.
    pub(super) fn live(&self) -> Option<(u64, &Book)> {
        matches!(self.state, State::Live).then_some((self.update_id, &self.book))
    }

    /// Diffs may arrive from now on.
    pub(super) fn on_open(&mut self) {
        self.state = State::Collecting(Collected::default());
    }

    /// No diffs arrive any more.
    pub(super) fn on_closed(&mut self) {
        self.state = State::Closed;
    }

    pub(super) fn on_diff(&mut self, update: Update<'_>) -> Taken {
        match &mut self.state {
            State::Closed => Taken::Unwanted,
            State::Collecting(collected) => collected.take(update),
            State::Live if update.last_id <= self.update_id => Taken::Old { update_id: self.update_id },
            State::Live if continues(self.update_id, update.first_id) => {
                self.book.apply(update.bids, update.asks);
                self.update_id = update.last_id;
                Taken::Applied
            }
            State::Live => {
                let expected = self.update_id.saturating_add(1);
                self.state = State::Collecting(Collected::starting_with(update));
                Taken::Gap { expected }
            }
        }
    }

    /// Loads a snapshot and applies the diffs collected; `on_step` sees the book at each id it passes.
    pub(super) fn on_snapshot(
        &mut self,
        snapshot_id: u64,
        bids: &[Level],
        asks: &[Level],
        mut on_step: impl FnMut(u64, &Book),
    ) -> Loaded {
        let State::Collecting(collected) = &mut self.state else {
            return Loaded::Unwanted;
        };
        if let Some(first_id) = collected.first_id().filter(|first_id| snapshot_id < *first_id) {
            return Loaded::Stale { first_id };
        }
        let collected = std::mem::take(collected);
        self.book.load(bids, asks);
        self.update_id = snapshot_id;
        on_step(self.update_id, &self.book);
        // What was collected has no gaps and begins at or before the snapshot, so every diff continues it.
        for update in collected.updates().filter(|update| update.last_id > snapshot_id) {
            self.book.apply(update.bids, update.asks);
            self.update_id = update.last_id;
            on_step(self.update_id, &self.book);
        }
        self.state = State::Live;
        let again = std::mem::replace(&mut self.loaded, true);
        Loaded::Live { again }
    }

    /// How many levels the book has dropped for being over its bound.
    pub(super) fn trimmed(&self) -> u64 {
        self.book.trimmed()
    }
}

/// Whether an update that begins with `first_id` leaves nothing out after `update_id`.
fn continues(update_id: u64, first_id: u64) -> bool {
    first_id <= update_id.saturating_add(1)
}

/// Diffs in order, without a gap between them, levels in one piece of memory.
#[derive(Debug, Default)]
struct Collected {
    diffs: Vec<CollectedDiff>,
    levels: Vec<Level>,
}

#[derive(Debug)]
struct CollectedDiff {
    first_id: u64,
    last_id: u64,
    bids: usize,
    asks: usize,
}

impl Collected {
    fn starting_with(update: Update<'_>) -> Self {
        let mut collected = Self::default();
        if collected.has_room(update) {
            collected.push(update);
        }
        collected
    }

    fn first_id(&self) -> Option<u64> {
        self.diffs.first().map(|diff| diff.first_id)
    }

    fn has_room(&self, update: Update<'_>) -> bool {
        let cost = 1 + update.bids.len() + update.asks.len();
        self.diffs.len() + self.levels.len() + cost <= COLLECTED_MAX
    }

    fn push(&mut self, update: Update<'_>) {
        self.levels.extend_from_slice(update.bids);
        self.levels.extend_from_slice(update.asks);
        let Update { first_id, last_id, bids, asks } = update;
        self.diffs.push(CollectedDiff { first_id, last_id, bids: bids.len(), asks: asks.len() });
    }

    fn take(&mut self, update: Update<'_>) -> Taken {
        if let Some(last_id) = self.diffs.last().map(|diff| diff.last_id) {
            if update.last_id <= last_id {
                return Taken::Old { update_id: last_id };
            }
            if !continues(last_id, update.first_id) {
                *self = Self::starting_with(update);
                return Taken::Gap { expected: last_id.saturating_add(1) };
            }
        }
        if !self.has_room(update) {
            let levels = self.levels.len();
            *self = Self::starting_with(update);
            return Taken::Overflow { levels };
        }
        self.push(update);
        Taken::Collected
    }

    fn updates(&self) -> impl Iterator<Item = Update<'_>> {
        let mut rest = self.levels.as_slice();
        let mut next = move |count| {
            let (head, tail) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            rest = tail;
            head
        };
        self.diffs.iter().map(move |diff| {
            let (bids, asks) = (next(diff.bids), next(diff.asks));
            Update { first_id: diff.first_id, last_id: diff.last_id, bids, asks }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: &str, quantity: &str) -> Level {
        Level { price: price.parse().unwrap(), quantity: quantity.parse().unwrap() }
    }

    fn diff(sync: &mut Sync, first_id: u64, last_id: u64, bids: &[Level]) -> Taken {
        sync.on_diff(Update { first_id, last_id, bids, asks: &[] })
    }

    fn load(sync: &mut Sync, id: u64) -> (Loaded, Vec<u64>) {
        let mut steps = Vec::new();
        let loaded = sync.on_snapshot(id, &[level("1", "1")], &[level("2", "1")], |id, _| steps.push(id));
        (loaded, steps)
    }

    fn collecting(diffs: &[(u64, u64)]) -> Sync {
        let mut sync = Sync::new(100);
        sync.on_open();
        for (first_id, last_id) in diffs {
            assert_eq!(diff(&mut sync, *first_id, *last_id, &[]), Taken::Collected);
        }
        sync
    }

    #[test]
    fn a_snapshot_is_placed_among_the_collected_diffs() {
        // Diffs 10..=14, 15..=19, 20..=24, a snapshot id, what follows.
        let live = |steps: &[u64]| (Loaded::Live { again: false }, steps.to_vec());
        let rows = [
            (8, (Loaded::Stale { first_id: 10 }, vec![])),
            (9, (Loaded::Stale { first_id: 10 }, vec![])),
            (10, live(&[10, 14, 19, 24])),
            (14, live(&[14, 19, 24])),
            (17, live(&[17, 19, 24])),
            (24, live(&[24])),
            (30, live(&[30])),
        ];
        for (snapshot_id, expected) in rows {
            let mut sync = collecting(&[(10, 14), (15, 19), (20, 24)]);
            assert_eq!(load(&mut sync, snapshot_id), expected, "snapshot {snapshot_id}");
        }
    }

    #[test]
    fn a_live_book_takes_what_continues_it_and_nothing_else() {
        let rows = [
            (1, 20, Taken::Old { update_id: 20 }),
            (20, 20, Taken::Old { update_id: 20 }),
            (21, 25, Taken::Applied),
            (15, 25, Taken::Applied),
            (22, 25, Taken::Gap { expected: 21 }),
        ];
        for (first_id, last_id, expected) in rows {
            let mut sync = collecting(&[]);
            assert_eq!(load(&mut sync, 20).0, Loaded::Live { again: false });
            assert_eq!(diff(&mut sync, first_id, last_id, &[]), expected, "diff {first_id}..={last_id}");
        }
    }

    #[test]
    fn the_last_good_book_stays_readable_until_the_next_is_complete() {
        let mut sync = collecting(&[]);
        assert_eq!(sync.view().state, BookState::Empty);
        load(&mut sync, 20);
        assert_eq!(diff(&mut sync, 30, 31, &[level("1", "9")]), Taken::Gap { expected: 21 });
        assert_eq!((sync.view().state, sync.view().update_id), (BookState::Stale, 20));
        assert_eq!(sync.view().book.best_bid(), Some(level("1", "1")));
        assert_eq!(load(&mut sync, 29).0, Loaded::Stale { first_id: 30 });
        assert_eq!(sync.view().update_id, 20);
        assert_eq!(load(&mut sync, 30), (Loaded::Live { again: true }, vec![30, 31]));
        assert_eq!(sync.view().book.best_bid(), Some(level("1", "9")));
    }

    #[test]
    fn a_gap_among_collected_diffs_starts_the_collection_over() {
        let mut sync = collecting(&[(10, 14)]);
        assert_eq!(diff(&mut sync, 12, 14, &[]), Taken::Old { update_id: 14 });
        assert_eq!(diff(&mut sync, 16, 18, &[]), Taken::Gap { expected: 15 });
        assert_eq!(load(&mut sync, 12).0, Loaded::Stale { first_id: 16 });
    }

    #[test]
    fn the_collection_is_bounded_in_levels_and_in_diffs() {
        let many = vec![level("1", "1"); COLLECTED_MAX / 2];
        let mut sync = collecting(&[]);
        assert_eq!(diff(&mut sync, 1, 1, &many), Taken::Collected);
        assert_eq!(diff(&mut sync, 2, 2, &many), Taken::Overflow { levels: many.len() });
        assert_eq!(load(&mut sync, 1).0, Loaded::Stale { first_id: 2 });

        let mut sync = collecting(&[]);
        let overflow = (1..).find(|id| diff(&mut sync, *id, *id, &[]) != Taken::Collected);
        assert_eq!(overflow, Some(COLLECTED_MAX as u64 + 1));
    }

    #[test]
    fn nothing_is_taken_while_closed() {
        let mut sync = Sync::new(100);
        assert_eq!(diff(&mut sync, 1, 1, &[]), Taken::Unwanted);
        assert_eq!(load(&mut sync, 1).0, Loaded::Unwanted);
    }
}
