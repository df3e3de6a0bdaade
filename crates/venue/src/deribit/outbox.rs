//! Requests that wait to be taken, in memory that is kept.

use std::{collections::VecDeque, fmt, ops::Range};

/// Texts, oldest first. They may hold secrets, which [`Debug`](fmt::Debug) does not show.
#[derive(Default)]
pub(super) struct Outbox {
    text: String,
    waiting: VecDeque<Range<usize>>,
}

impl Outbox {
    /// Puts in what `write` appends.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut String)) {
        if self.waiting.is_empty() {
            self.text.clear();
        }
        let from = self.text.len();
        write(&mut self.text);
        self.waiting.push_back(from..self.text.len());
    }

    /// Takes the oldest.
    pub(super) fn pop(&mut self) -> Option<&str> {
        let range = self.waiting.pop_front()?;
        self.text.get(range)
    }

    /// Throws all away.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.text.clear();
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}
