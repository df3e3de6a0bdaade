//! Levels of books, in memory that is kept from one message to the next.

use std::{
    cell::{Ref, RefCell, RefMut},
    fmt,
};

use crate::level::Level;

/// Where the levels of one message are kept.
#[derive(Default)]
pub(crate) struct Arena {
    levels: RefCell<Vec<Level>>,
}

/// A side of a book in an [`Arena`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    from: usize,
    to: usize,
}

/// Levels that are kept for the next message; more are given back.
const LEVELS_KEPT: usize = 16_384;

impl Arena {
    /// Forgets the levels of the message before.
    pub(crate) fn clear(&mut self) {
        let levels = self.levels.get_mut();
        levels.clear();
        if levels.capacity() > LEVELS_KEPT {
            levels.shrink_to(LEVELS_KEPT);
        }
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

    /// All levels, of which [`Rows::of`] finds a side.
    pub(crate) fn levels(&self) -> Ref<'_, [Level]> {
        Ref::map(self.levels.borrow(), Vec::as_slice)
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
