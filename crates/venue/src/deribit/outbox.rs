//! Commands that wait to be taken, in memory that is kept.

use std::{collections::VecDeque, fmt, ops::Range};

use crate::{route::Route, session::Command};

/// Commands, oldest first. Texts may hold secrets, which [`Debug`](fmt::Debug) does not show.
#[derive(Default)]
pub(super) struct Outbox {
    text: String,
    waiting: VecDeque<(Route, Waiting)>,
}

enum Waiting {
    /// This part of the text is to be sent.
    Send(Range<usize>),
    Renew,
    Replace,
}

impl Outbox {
    /// Puts in a text, which is what `write` appends.
    pub(super) fn send(&mut self, leg: usize, write: impl FnOnce(&mut String)) {
        if self.waiting.is_empty() {
            self.text.clear();
        }
        let from = self.text.len();
        write(&mut self.text);
        self.waiting.push_back((route(leg), Waiting::Send(from..self.text.len())));
    }

    /// Wants another connection in place of this one.
    pub(super) fn replace(&mut self, leg: usize) {
        self.waiting.push_back((route(leg), Waiting::Replace));
    }

    /// Wants another connection beside this one, and this one closed then.
    pub(super) fn renew(&mut self, leg: usize) {
        self.waiting.push_back((route(leg), Waiting::Renew));
    }

    /// Takes the oldest.
    pub(super) fn pop(&mut self) -> Option<Command<'_>> {
        let (route, waiting) = self.waiting.pop_front()?;
        Some(match waiting {
            Waiting::Send(range) => Command::Send { route, text: self.text.get(range)? },
            Waiting::Renew => Command::Renew { route },
            Waiting::Replace => Command::Replace { route },
        })
    }

    /// A connection is gone, and what waits for it of no use.
    pub(super) fn on_closed(&mut self, leg: usize) {
        self.waiting.retain(|(of, _)| *of != route(leg));
    }
}

/// The venue has one endpoint.
fn route(leg: usize) -> Route {
    Route { leg, ..Route::first(0) }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}
