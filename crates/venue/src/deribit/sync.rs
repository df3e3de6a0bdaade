//! Deribit's rule for keeping the book of one instrument.
//!
//! ```text
//!            subscribed            snapshot
//!   Closed ─────────────► Waiting ──────────► Live ─┐ a change that continues it,
//!     ▲                      ▲                │ ▲───┘ another snapshot
//!     │ closed,              │ subscribed     │ gap, crossed
//!     │ from anywhere        └───── Lost ◄────┘
//! ```
//!
//! A change continues the book if it names the book's id as the one before. Nothing can be fetched again, so that after
//! a gap the channel is subscribed anew. The book is replaced only by the next snapshot: the last good one stays
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
    Lost,
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is a snapshot, and the book is complete, for the first time or again.
    Loaded { again: bool },
    /// It changed the book.
    Applied,
    /// The book is beyond it.
    Old,
    /// Changes before it are missing; this id would have continued the book.
    Gap { expected: u64 },
    /// After it the book is crossed.
    Crossed,
    /// It is not wanted until the channel was subscribed anew.
    Unwanted,
}

impl Sync {
    pub(super) fn new(levels_max: usize) -> Self {
        Self {
            state: State::Closed,
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

    /// Whether nothing is wanted until the channel was subscribed anew.
    pub(super) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Whether a snapshot is to come.
    pub(super) fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// The channel is subscribed: a snapshot follows, unless it was subscribed all the time.
    pub(super) fn on_subscribing(&mut self) {
        if self.state != State::Live {
            self.state = State::Waiting;
        }
    }

    /// Nothing arrives any more.
    pub(super) fn on_closed(&mut self) {
        self.state = State::Closed;
    }

    /// The book is not what it should be, or its snapshot does not come.
    pub(super) fn give_up(&mut self) {
        self.state = State::Lost;
    }

    pub(super) fn on_update(&mut self, update: &BookUpdate<'_>) -> Taken {
        let taken = match (self.state, update.previous_id) {
            (State::Closed | State::Lost, _) | (State::Waiting, Some(_)) => return Taken::Unwanted,
            (State::Waiting | State::Live, None) => self.load(update),
            (State::Live, Some(previous_id))
                if previous_id == self.update_id && update.change_id > previous_id =>
            {
                self.apply(update)
            }
            // One that continues the book with a smaller id is no repetition: ids begin anew.
            (State::Live, Some(previous_id))
                if update.change_id == self.update_id
                    || (update.change_id < self.update_id && previous_id != self.update_id) =>
            {
                return Taken::Old;
            }
            (State::Live, Some(_)) => {
                self.state = State::Lost;
                return Taken::Gap { expected: self.update_id };
            }
        };
        if self.book.is_crossed() {
            self.state = State::Lost;
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
        self.apply_side(Side::Bid, update.bids, update.bid_actions);
        self.apply_side(Side::Ask, update.asks, update.ask_actions);
        self.update_id = update.change_id;
        Taken::Applied
    }

    fn apply_side(&mut self, side: Side, levels: &[Level], actions: &[Action]) {
        for (level, action) in levels.iter().zip(actions) {
            // A book that dropped levels cannot know.
            if self.book.trimmed() == 0 {
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
        sync.on_subscribing();
        let loaded = sync.on_update(&update((None, 20), &[level("1", "1")], &[Action::New]));
        assert_eq!(loaded, Taken::Loaded { again: false });
        sync
    }

    #[test]
    fn a_live_book_takes_what_names_it_and_nothing_else() {
        let rows = [
            (Some(20), 25, Taken::Applied),
            (Some(19), 20, Taken::Old),
            (Some(7), 9, Taken::Old),
            (Some(20), 20, Taken::Old),
            (Some(21), 25, Taken::Gap { expected: 20 }),
            (Some(19), 25, Taken::Gap { expected: 20 }),
            (None, 5, Taken::Loaded { again: true }),
        ];
        for (previous_id, change_id, expected) in rows {
            let taken = live().on_update(&update((previous_id, change_id), &[], &[]));
            assert_eq!(taken, expected, "{previous_id:?} {change_id}");
        }
    }

    #[test]
    fn after_a_gap_the_book_stays_as_it_was_until_it_is_subscribed_anew() {
        let mut sync = live();
        let nine = [level("1", "9")];
        let lost = update((Some(21), 25), &nine, &[Action::Change]);
        assert_eq!(sync.on_update(&lost), Taken::Gap { expected: 20 });
        assert_eq!((sync.view().state, sync.view().update_id), (BookState::Stale, 20));
        assert_eq!(sync.on_update(&update((None, 30), &[], &[])), Taken::Unwanted);
        assert_eq!(sync.view().book.best_bid(), Some(level("1", "1")));
        sync.on_subscribing();
        assert_eq!(sync.on_update(&update((Some(25), 26), &[], &[])), Taken::Unwanted);
        assert_eq!(sync.view().state, BookState::Stale);
        assert_eq!(sync.on_update(&update((None, 30), &[], &[])), Taken::Loaded { again: true });
        assert!(sync.view().book.is_empty());
        sync.on_closed();
        assert_eq!(sync.on_update(&update((Some(30), 31), &[], &[])), Taken::Unwanted);
    }

    #[test]
    fn a_book_that_begins_empty_has_the_id_zero() {
        let mut sync = Sync::new(100);
        sync.on_subscribing();
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
