//! Levels of books and lists of strings, in memory that is kept from one message to the next.

use std::{
    cell::{Ref, RefCell, RefMut},
    fmt,
};

use super::names::Texts;
use crate::{decimal::Decimal, level::Level};

/// Where the levels and lists of one message are kept.
#[derive(Default)]
pub(crate) struct Arena {
    levels: RefCell<Vec<Level>>,
    actions: RefCell<Vec<Action>>,
    texts: RefCell<Texts>,
}

/// What a change does to a level of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was not there.
    New,
    /// It was there with another quantity.
    Change,
    /// It is gone.
    Delete,
    /// A word that is not known here; the quantity counts.
    Other,
}

/// A side of a book in an [`Arena`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    from: usize,
    to: usize,
}

/// Changed levels of a side in an [`Arena`], with what each change does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// The levels.
    pub(crate) rows: Rows,
    actions: Rows,
}

/// Levels that are kept for the next message; more are given back.
const LEVELS_KEPT: usize = 16_384;

impl Arena {
    /// Forgets the levels of the message before.
    pub(crate) fn clear(&mut self) {
        empty(self.levels.get_mut());
        empty(self.actions.get_mut());
        self.texts.get_mut().clear();
    }

    /// The levels of two sides.
    pub(crate) fn sides(&mut self, bids: Rows, asks: Rows) -> (&[Level], &[Level]) {
        let levels = self.levels.get_mut();
        (bids.of(levels), asks.of(levels))
    }

    /// The levels, to append to.
    pub(super) fn fill(&self) -> RefMut<'_, Vec<Level>> {
        self.levels.borrow_mut()
    }

    /// The actions, to append to.
    pub(super) fn fill_actions(&self) -> RefMut<'_, Vec<Action>> {
        self.actions.borrow_mut()
    }

    /// The lists, to append to.
    pub(super) fn fill_texts(&self) -> RefMut<'_, Texts> {
        self.texts.borrow_mut()
    }

    /// All levels, of which [`Rows::of`] finds a side.
    pub(crate) fn levels(&self) -> Ref<'_, [Level]> {
        Ref::map(self.levels.borrow(), Vec::as_slice)
    }

    /// All actions, of which [`Changes::of`] finds those of a side.
    pub(crate) fn actions(&self) -> Ref<'_, [Action]> {
        Ref::map(self.actions.borrow(), Vec::as_slice)
    }

    /// All lists, of which [`List::of`](super::List::of) finds one.
    pub(crate) fn texts(&self) -> Ref<'_, Texts> {
        self.texts.borrow()
    }
}

fn empty<T>(list: &mut Vec<T>) {
    list.clear();
    if list.capacity() > LEVELS_KEPT {
        list.shrink_to(LEVELS_KEPT);
    }
}

impl Action {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "new" => Self::New,
            "change" => Self::Change,
            "delete" => Self::Delete,
            _ => Self::Other,
        }
    }

    /// The level that it leaves.
    #[inline(always)]
    pub(super) fn level(self, level: Level) -> Level {
        if self == Self::Delete { Level { quantity: Decimal::ZERO, ..level } } else { level }
    }
}

impl Changes {
    pub(super) fn new(rows: Rows, actions: Rows) -> Self {
        Self { rows, actions }
    }

    /// The actions of the side in those of its arena.
    pub(crate) fn of(self, actions: &[Action]) -> &[Action] {
        actions.get(self.actions.from..self.actions.to).unwrap_or(&[])
    }
}

impl Rows {
    pub(super) fn new(from: usize, to: usize) -> Self {
        Self { from, to }
    }

    /// The side in the levels of its arena.
    pub(crate) fn of(self, levels: &[Level]) -> &[Level] {
        levels.get(self.from..self.to).unwrap_or(&[])
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Arena")
    }
}
