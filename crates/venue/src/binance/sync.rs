//! Binance's rules for keeping the book of one symbol: one for spot, one for futures and options.
//!
//! ```text
//!            open                    snapshot, not older than the diffs
//!   Closed ────────► Collecting ────────────────────────────────────────► Live
//!     ▲               │  ▲  │ ▲                                            │ │
//!     │    closed     │  │  │ └── gap, overflow: collect anew              │ │
//!     ├───────────────┘  │  └──── stale snapshot: keep collecting          │ │
//!     │                  └──────────────── gap, crossed ───────────────────┘ │
//!     ├─────────────────────────────── closed ───────────────────────────────┘
//!     └── no snapshot is to be had: from Collecting; a live book stays live and collects no more
//! ```
//!
//! A live book that is suspect goes on and collects at the same time, so that another snapshot can replace it.
//! The book itself is replaced only when a new one is complete, so that the last good one stays readable
//! in every state.

use crate::{
    book::Book,
    level::Level,
    session::{BookState, BookView},
};

/// Levels, plus one a diff, that are collected while waiting for a snapshot.
const COLLECTED_MAX: usize = 200_000;

/// How diffs continue a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Spot: a diff begins right behind the one before.
    Contiguous,
    /// Futures and options: a diff names the last id of the one before (`pu`). Ids in between are not ours.
    Chained,
}

/// Where a book stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the id of a snapshot, which may be inside the span of a diff.
    Snapshot(u64),
    /// At the last id of a diff.
    Diff(u64),
}

/// What a diff is to a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Old,
    Next,
    Gap { expected: u64, got: u64 },
}

impl At {
    fn id(self) -> u64 {
        let (Self::Snapshot(id) | Self::Diff(id)) = self;
        id
    }
}

impl Rule {
    fn judge(self, at: At, update: Update<'_>) -> Verdict {
        let Update { first_id, last_id, previous_id, .. } = update;
        match (self, at, previous_id) {
            // A futures diff that ends at the id of the snapshot is applied: its quantities are absolute.
            (Self::Chained, At::Snapshot(id), _) if last_id < id => Verdict::Old,
            (Self::Chained, At::Snapshot(id), Some(previous)) if previous <= id => Verdict::Next,
            (Self::Chained, At::Snapshot(id), _) if first_id <= id => Verdict::Next,
            (Self::Chained, At::Snapshot(id), Some(previous)) => Verdict::Gap { expected: id, got: previous },
            (_, at, _) if last_id <= at.id() => Verdict::Old,
            // Quantities are absolute, so that a diff that begins earlier continues the book as well.
            (Self::Chained, At::Diff(id), Some(previous)) if previous <= id => Verdict::Next,
            (Self::Chained, At::Diff(id), Some(previous)) => Verdict::Gap { expected: id, got: previous },
            // The last diff of a book at its largest id has no next.
            (_, at, _) if first_id <= at.id().saturating_add(1) => Verdict::Next,
            (_, at, _) => Verdict::Gap { expected: at.id().saturating_add(1), got: first_id },
        }
    }

    /// Whether a snapshot leaves out updates before the first diff collected.
    fn is_stale(self, snapshot_id: u64, first: &CollectedDiff) -> bool {
        let reaches = matches!(first.previous_id, Some(previous) if previous <= snapshot_id);
        snapshot_id < first.first_id && !(self == Self::Chained && reaches)
    }
}

#[derive(Debug)]
pub(super) struct Sync {
    rule: Rule,
    state: State,
    book: Book,
    at: At,
    /// Whether the book was complete at some time.
    loaded: bool,
}

#[derive(Debug)]
enum State {
    Closed,
    Collecting(Collected),
    /// With what is collected for a book that will replace a suspect one.
    Live(Option<Collected>),
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
    Gap { expected: u64, got: u64 },
    /// With it too much was collected; all before it was thrown away.
    Overflow { levels: usize },
}

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loaded {
    /// Nobody waits for one.
    Unwanted,
    /// It is older than the first diff collected, or than the live book it was to replace.
    Stale { first_id: u64 },
    /// The book is live, for the first time or again.
    Live { again: bool },
}

/// The ids and levels of a diff.
#[derive(Debug, Clone, Copy)]
pub(super) struct Update<'a> {
    pub(super) first_id: u64,
    pub(super) last_id: u64,
    pub(super) previous_id: Option<u64>,
    pub(super) bids: &'a [Level],
    pub(super) asks: &'a [Level],
}

impl Sync {
    pub(super) fn new(rule: Rule, levels_max: usize) -> Self {
        let (state, book) = (State::Closed, Book::new(levels_max));
        Self { rule, state, book, at: At::Snapshot(0), loaded: false }
    }

    pub(super) fn view(&self) -> BookView<'_> {
        let state = match (&self.state, self.loaded) {
            (State::Live(_), _) => BookState::Live,
            (_, true) => BookState::Stale,
            (_, false) => BookState::Empty,
        };
        BookView { book: &self.book, state, update_id: self.at.id() }
    }

    /// The book and its id, if it is live.
    pub(super) fn live(&self) -> Option<(u64, &Book)> {
        matches!(self.state, State::Live(_)).then_some((self.at.id(), &self.book))
    }

    /// Whether no diffs are wanted.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Ids begin anew: what was collected by others is of no use.
    pub(super) fn on_new_count(&mut self) {
        if !self.is_closed() {
            self.on_open();
        }
    }

    /// Diffs may arrive from now on.
    pub(super) fn on_open(&mut self) {
        self.state = State::Collecting(Collected::default());
    }

    /// No diffs arrive any more.
    pub(super) fn on_closed(&mut self) {
        self.state = State::Closed;
    }

    /// No snapshot will come: nothing is collected for one any more. A live book goes on.
    pub(super) fn stop_collecting(&mut self) {
        self.state = match self.state {
            State::Live(_) => State::Live(None),
            State::Collecting(_) | State::Closed => State::Closed,
        };
    }

    /// A live book shows what cannot be: it is live no more, and another is collected for.
    pub(super) fn give_up(&mut self) {
        if matches!(self.state, State::Live(_)) {
            self.on_open();
        }
    }

    /// A live book may be wrong: it goes on, and another is collected for. Whether that is new.
    pub(super) fn suspect(&mut self) -> bool {
        let unsuspected = matches!(self.state, State::Live(None));
        if unsuspected {
            self.state = State::Live(Some(Collected::default()));
        }
        unsuspected
    }

    pub(super) fn on_diff(&mut self, update: Update<'_>) -> Taken {
        match &mut self.state {
            State::Closed => Taken::Unwanted,
            State::Collecting(collected) => collected.take(self.rule, update),
            State::Live(suspect) => match self.rule.judge(self.at, update) {
                Verdict::Old => Taken::Old { update_id: self.at.id() },
                Verdict::Next => {
                    self.book.apply(update.bids, update.asks);
                    self.at = At::Diff(update.last_id);
                    if let Some(collected) = suspect {
                        // What overflows here begins anew, as any collection does.
                        collected.take(self.rule, update);
                    }
                    Taken::Applied
                }
                Verdict::Gap { expected, got } => {
                    self.state = State::Collecting(Collected::starting_with(update));
                    Taken::Gap { expected, got }
                }
            },
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
        // With nothing collected since, an older one cannot be brought up to where the book is.
        let behind = snapshot_id < self.at.id();
        if behind && matches!(&self.state, State::Live(Some(collected)) if collected.diffs.is_empty()) {
            return Loaded::Stale { first_id: self.at.id() };
        }
        let (State::Collecting(collected) | State::Live(Some(collected))) = &mut self.state else {
            return Loaded::Unwanted;
        };
        if let Some(first) = collected.diffs.first().filter(|first| self.rule.is_stale(snapshot_id, first)) {
            return Loaded::Stale { first_id: first.first_id };
        }
        let collected = std::mem::take(collected);
        self.book.load(bids, asks);
        self.at = At::Snapshot(snapshot_id);
        on_step(snapshot_id, &self.book);
        // What was collected has no gaps and begins at or before the snapshot, so every diff that is not old
        // continues it.
        for update in collected.updates() {
            if self.rule.judge(self.at, update) != Verdict::Old {
                self.book.apply(update.bids, update.asks);
                self.at = At::Diff(update.last_id);
                on_step(update.last_id, &self.book);
            }
        }
        self.state = State::Live(None);
        let again = std::mem::replace(&mut self.loaded, true);
        Loaded::Live { again }
    }

    /// How many levels the book has dropped for being over its bound.
    pub(super) fn trimmed(&self) -> u64 {
        self.book.trimmed()
    }
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
    previous_id: Option<u64>,
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

    fn has_room(&self, update: Update<'_>) -> bool {
        let cost = 1 + update.bids.len() + update.asks.len();
        self.diffs.len() + self.levels.len() + cost <= COLLECTED_MAX
    }

    fn push(&mut self, update: Update<'_>) {
        self.levels.extend_from_slice(update.bids);
        self.levels.extend_from_slice(update.asks);
        let Update { first_id, last_id, previous_id, bids, asks } = update;
        self.diffs.push(CollectedDiff { first_id, last_id, previous_id, bids: bids.len(), asks: asks.len() });
    }

    fn take(&mut self, rule: Rule, update: Update<'_>) -> Taken {
        if let Some(last_id) = self.diffs.last().map(|diff| diff.last_id) {
            match rule.judge(At::Diff(last_id), update) {
                Verdict::Old => return Taken::Old { update_id: last_id },
                Verdict::Gap { expected, got } => {
                    *self = Self::starting_with(update);
                    return Taken::Gap { expected, got };
                }
                Verdict::Next => {}
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
            let CollectedDiff { first_id, last_id, previous_id, .. } = *diff;
            Update { first_id, last_id, previous_id, bids, asks }
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
        sync.on_diff(Update { first_id, last_id, previous_id: None, bids, asks: &[] })
    }

    fn load(sync: &mut Sync, id: u64) -> (Loaded, Vec<u64>) {
        let mut steps = Vec::new();
        let loaded = sync.on_snapshot(id, &[level("1", "1")], &[level("2", "1")], |id, _| steps.push(id));
        (loaded, steps)
    }

    fn collecting(diffs: &[(u64, u64)]) -> Sync {
        let mut sync = Sync::new(Rule::Contiguous, 100);
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
            (22, 25, Taken::Gap { expected: 21, got: 22 }),
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
        assert_eq!(diff(&mut sync, 30, 31, &[level("1", "9")]), Taken::Gap { expected: 21, got: 30 });
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
        assert_eq!(diff(&mut sync, 16, 18, &[]), Taken::Gap { expected: 15, got: 16 });
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
        let mut sync = Sync::new(Rule::Contiguous, 100);
        assert_eq!(diff(&mut sync, 1, 1, &[]), Taken::Unwanted);
        assert_eq!(load(&mut sync, 1).0, Loaded::Unwanted);
    }

    /// A futures diff: the last id of the one before, its first, its last.
    fn chained(sync: &mut Sync, previous_id: u64, first_id: u64, last_id: u64) -> Taken {
        sync.on_diff(Update { first_id, last_id, previous_id: Some(previous_id), bids: &[], asks: &[] })
    }

    fn futures(diffs: &[(u64, u64, u64)]) -> Sync {
        let mut sync = Sync::new(Rule::Chained, 100);
        sync.on_open();
        for (previous_id, first_id, last_id) in diffs {
            assert_eq!(chained(&mut sync, *previous_id, *first_id, *last_id), Taken::Collected);
        }
        sync
    }

    #[test]
    fn a_futures_snapshot_is_placed_by_the_chain() {
        // Diffs 10..=14, 17..=19, 25..=29, with ids in between that are not ours.
        let live = |steps: &[u64]| (Loaded::Live { again: false }, steps.to_vec());
        let rows = [
            (7, (Loaded::Stale { first_id: 10 }, vec![])),
            (8, live(&[8, 14, 19, 29])),
            (12, live(&[12, 14, 19, 29])),
            (14, live(&[14, 14, 19, 29])),
            (16, live(&[16, 19, 29])),
            (29, live(&[29, 29])),
            (33, live(&[33])),
        ];
        for (snapshot_id, expected) in rows {
            let mut sync = futures(&[(8, 10, 14), (14, 17, 19), (19, 25, 29)]);
            assert_eq!(load(&mut sync, snapshot_id), expected, "snapshot {snapshot_id}");
        }
    }

    #[test]
    fn a_live_futures_book_follows_the_chain_alone() {
        let mut sync = futures(&[]);
        assert_eq!(load(&mut sync, 20).0, Loaded::Live { again: false });
        assert_eq!(chained(&mut sync, 12, 13, 19), Taken::Old { update_id: 20 });
        assert_eq!(chained(&mut sync, 19, 19, 24), Taken::Applied);
        assert_eq!(chained(&mut sync, 19, 20, 24), Taken::Old { update_id: 24 });
        assert_eq!(chained(&mut sync, 24, 30, 31), Taken::Applied);
        assert_eq!(chained(&mut sync, 32, 32, 35), Taken::Gap { expected: 31, got: 32 });
        let mut sync = futures(&[]);
        load(&mut sync, 20);
        assert_eq!(chained(&mut sync, 22, 23, 24), Taken::Gap { expected: 20, got: 22 });
    }

    #[test]
    fn a_suspect_book_goes_on_until_another_replaces_it() {
        let mut sync = futures(&[]);
        load(&mut sync, 20);
        assert!(sync.suspect());
        assert!(!sync.suspect());
        assert_eq!(chained(&mut sync, 20, 21, 25), Taken::Applied);
        assert_eq!(sync.view().state, BookState::Live);
        assert_eq!(load(&mut sync, 19).0, Loaded::Stale { first_id: 21 });
        assert_eq!(load(&mut sync, 23), (Loaded::Live { again: true }, vec![23, 25]));
        assert_eq!(load(&mut sync, 23).0, Loaded::Unwanted);
    }

    #[test]
    fn a_snapshot_behind_a_live_book_does_not_take_it_back() {
        let mut sync = futures(&[]);
        load(&mut sync, 20);
        assert_eq!(chained(&mut sync, 20, 21, 25), Taken::Applied);
        assert!(sync.suspect());
        assert_eq!(load(&mut sync, 24).0, Loaded::Stale { first_id: 25 });
        assert_eq!((sync.view().state, sync.view().update_id), (BookState::Live, 25));
        assert_eq!(load(&mut sync, 25).0, Loaded::Live { again: true });
    }
}
