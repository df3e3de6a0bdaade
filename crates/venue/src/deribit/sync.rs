//! Deribit's rule for keeping the book of one instrument.
//!
//! ```text
//!            followed            snapshot
//!   Closed ───────────► Waiting ──────────► Live ─┐ a change that continues it,
//!     ▲                    ▲                │ ▲───┘ another snapshot
//!     │ followed no more,  └────────────────┘
//!     │ from anywhere        gap, crossed, no connection
//! ```
//!
//! A change continues the book if the id that it names as the one before is at or below the book's, and its own beyond:
//! quantities are absolute, so that it may begin earlier. Nothing can be fetched again, so that after a gap only another
//! snapshot helps, which the venue sends to who subscribes. The book is replaced only by that: the last good one stays
//! readable in every state.

use super::wire::{Action, BookUpdate};
use crate::{
    book::Book,
    level::{Level, Side},
    session::{BookState, BookView},
};

/// Changes that contradict the book: a measure of its health, and of the venue's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Oddities {
    /// New levels that were there.
    pub new_but_there: u64,
    /// Changed levels that were not there.
    pub changed_but_missing: u64,
}

#[derive(Debug)]
pub(super) struct Sync {
    state: State,
    book: Book,
    update_id: u64,
    /// Whether the book was complete at some time.
    loaded: bool,
    oddities: Oddities,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Waiting,
    Live,
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is a snapshot, and the book is complete, for the first time or again.
    Loaded { again: bool },
    /// It changed the book.
    Applied,
    /// It does not continue the book; this id would have.
    Gap { expected: u64 },
    /// After it the book is crossed.
    Crossed,
    /// A snapshot has to come first, or nothing is wanted.
    Unwanted,
}

impl Sync {
    /// Of a book that is followed.
    pub(super) fn new(levels_max: usize) -> Self {
        Self {
            state: State::Waiting,
            book: Book::new(levels_max),
            update_id: 0,
            loaded: false,
            oddities: Oddities::default(),
        }
    }

    pub(super) fn view(&self) -> BookView<'_> {
        let state = match (self.state, self.loaded) {
            (State::Live, _) => BookState::Live,
            (_, true) => BookState::Stale,
            (_, false) => BookState::Empty,
        };
        BookView { book: &self.book, state, update_id: self.update_id }
    }

    pub(super) fn oddities(&self) -> Oddities {
        self.oddities
    }

    pub(super) fn update_id(&self) -> u64 {
        self.update_id
    }

    /// How many levels the book has dropped for being over its bound.
    pub(super) fn trimmed(&self) -> u64 {
        self.book.trimmed()
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// Whether a snapshot is wanted.
    pub(super) fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// Whether nothing is wanted.
    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// The book is followed again.
    pub(super) fn on_followed(&mut self) {
        if self.is_closed() {
            self.state = State::Waiting;
        }
    }

    /// The book is followed no more.
    pub(super) fn on_unfollowed(&mut self) {
        self.state = State::Closed;
    }

    /// The book is not what it should be, or what fed it is gone.
    pub(super) fn give_up(&mut self) {
        if self.is_live() {
            self.state = State::Waiting;
        }
    }

    /// Whether a change follows the book with a smaller id: the venue counts anew.
    pub(super) fn is_count_anew(&self, update: &BookUpdate<'_>) -> bool {
        update.previous_id == Some(self.update_id) && update.change_id < self.update_id
    }

    pub(super) fn on_update(&mut self, update: &BookUpdate<'_>) -> Taken {
        let taken = match (self.state, update.previous_id) {
            (State::Closed, _) | (State::Waiting, Some(_)) => return Taken::Unwanted,
            (State::Waiting | State::Live, None) => self.load(update),
            (State::Live, Some(previous_id))
                if previous_id <= self.update_id && update.change_id > self.update_id =>
            {
                self.apply(update)
            }
            (State::Live, Some(_)) => {
                self.give_up();
                return Taken::Gap { expected: self.update_id };
            }
        };
        if self.book.is_crossed() {
            self.give_up();
            return Taken::Crossed;
        }
        taken
    }

    fn load(&mut self, update: &BookUpdate<'_>) -> Taken {
        self.book.load(update.bids, update.asks);
        self.update_id = update.change_id;
        self.state = State::Live;
        Taken::Loaded { again: std::mem::replace(&mut self.loaded, true) }
    }

    fn apply(&mut self, update: &BookUpdate<'_>) -> Taken {
        // A book that dropped levels cannot know what contradicts it, and a change that begins earlier repeats some.
        let counts = self.book.trimmed() == 0 && update.previous_id == Some(self.update_id);
        self.apply_side(Side::Bid, update.bids, update.bid_actions, counts);
        self.apply_side(Side::Ask, update.asks, update.ask_actions, counts);
        self.update_id = update.change_id;
        Taken::Applied
    }

    fn apply_side(&mut self, side: Side, levels: &[Level], actions: &[Action], counts: bool) {
        for (level, action) in levels.iter().zip(actions) {
            if counts {
                let there = self.book.quantity_at(side, level.price).is_some();
                self.oddities.new_but_there += u64::from(*action == Action::New && there);
                self.oddities.changed_but_missing += u64::from(*action == Action::Change && !there);
            }
            self.book.set(side, *level);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: &str, quantity: &str) -> Level {
        Level { price: price.parse().unwrap(), quantity: quantity.parse().unwrap() }
    }

    fn update<'a>(ids: (Option<u64>, u64), bids: &'a [Level], bid_actions: &'a [Action]) -> BookUpdate<'a> {
        BookUpdate {
            time_ns: 1,
            instrument: "A",
            change_id: ids.1,
            previous_id: ids.0,
            bids,
            bid_actions,
            asks: &[],
            ask_actions: &[],
        }
    }

    fn live() -> Sync {
        let mut sync = Sync::new(100);
        let loaded = sync.on_update(&update((None, 20), &[level("1", "1")], &[Action::New]));
        assert_eq!(loaded, Taken::Loaded { again: false });
        sync
    }

    #[test]
    fn a_live_book_takes_what_reaches_it_and_goes_beyond() {
        let gap = Taken::Gap { expected: 20 };
        let rows = [
            (Some(20), 25, Taken::Applied),
            (Some(19), 25, Taken::Applied),
            (Some(0), 21, Taken::Applied),
            (Some(21), 25, gap),
            (Some(19), 20, gap),
            (Some(20), 20, gap),
            (Some(7), 9, gap),
            (Some(20), 15, gap),
            (None, 5, Taken::Loaded { again: true }),
        ];
        for (previous_id, change_id, expected) in rows {
            let taken = live().on_update(&update((previous_id, change_id), &[], &[]));
            assert_eq!(taken, expected, "{previous_id:?} {change_id}");
        }
        for (previous_id, change_id, anew) in [(Some(20), 15, true), (Some(19), 15, false), (None, 15, false)]
        {
            let change = update((previous_id, change_id), &[], &[]);
            assert_eq!(live().is_count_anew(&change), anew, "{previous_id:?} {change_id}");
        }
    }

    #[test]
    fn a_change_that_begins_earlier_makes_the_book_that_one_that_begins_there_makes() {
        let mut sync = live();
        let two = [level("1", "2"), level("0.5", "3")];
        assert_eq!(sync.on_update(&update((Some(20), 22), &two[..1], &[Action::Change])), Taken::Applied);
        // It repeats what came since 20, as it stands at 25.
        let again = update((Some(20), 25), &two, &[Action::New, Action::Change]);
        assert_eq!(sync.on_update(&again), Taken::Applied);
        assert_eq!(sync.oddities(), Oddities::default(), "it was made for another book");
        assert_eq!(sync.view().book.bids().collect::<Vec<_>>(), two);
        assert_eq!(sync.update_id(), 25);
    }

    #[test]
    fn after_a_gap_the_book_stays_as_it_was_until_a_snapshot_comes() {
        let mut sync = live();
        let nine = [level("1", "9")];
        let lost = update((Some(21), 25), &nine, &[Action::Change]);
        assert_eq!(sync.on_update(&lost), Taken::Gap { expected: 20 });
        assert_eq!((sync.view().state, sync.view().update_id), (BookState::Stale, 20));
        assert_eq!(sync.on_update(&update((Some(25), 26), &[], &[])), Taken::Unwanted);
        assert_eq!(sync.view().book.best_bid(), Some(level("1", "1")));
        assert_eq!(sync.view().state, BookState::Stale);
        assert_eq!(sync.on_update(&update((None, 30), &[], &[])), Taken::Loaded { again: true });
        assert!(sync.view().book.is_empty());
    }

    #[test]
    fn a_book_that_is_not_followed_takes_nothing_and_stays_readable() {
        let mut sync = live();
        sync.on_unfollowed();
        assert_eq!(sync.on_update(&update((Some(20), 31), &[], &[])), Taken::Unwanted);
        assert_eq!(sync.on_update(&update((None, 30), &[], &[])), Taken::Unwanted);
        sync.give_up();
        assert!(sync.is_closed());
        assert_eq!((sync.view().state, sync.view().update_id), (BookState::Stale, 20));
        sync.on_followed();
        assert_eq!(sync.on_update(&update((None, 30), &[], &[])), Taken::Loaded { again: true });
    }

    #[test]
    fn a_book_that_begins_empty_has_the_id_zero() {
        let mut sync = Sync::new(100);
        assert_eq!(sync.on_update(&update((None, 0), &[], &[])), Taken::Loaded { again: false });
        let one = [level("1", "1")];
        assert_eq!(sync.on_update(&update((Some(0), 14_617), &one, &[Action::New])), Taken::Applied);
    }

    #[test]
    fn changes_that_contradict_the_book_are_counted_and_taken() {
        let mut sync = live();
        let bids =
            [level("1", "2"), level("0.5", "1"), level("0.4", "1"), level("0.3", "0"), level("-1", "3")];
        let actions = [Action::New, Action::Change, Action::New, Action::Delete, Action::Other];
        assert_eq!(sync.on_update(&update((Some(20), 21), &bids, &actions)), Taken::Applied);
        assert_eq!(sync.oddities(), Oddities { new_but_there: 1, changed_but_missing: 1 });
        let left: Vec<_> = sync.view().book.bids().collect();
        assert_eq!(left, [level("1", "2"), level("0.5", "1"), level("0.4", "1"), level("-1", "3")]);
    }
}
