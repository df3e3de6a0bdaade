//! The events of one message, until they are taken.

use std::{collections::VecDeque, ops::Range};

use crate::{
    event::Delta,
    event::{Event, Gap, InstrumentState, Rejection, Snapshot, Status},
    level::Level,
};

/// Events without what they lend.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: VecDeque<Queued>,
    words: String,
}

#[derive(Debug)]
struct Queued {
    event: Event<'static>,
    lends: Lends,
}

/// What an event lends, which is put in when it is taken.
#[derive(Debug)]
enum Lends {
    Nothing,
    /// The levels of the message.
    Levels,
    /// A part of the queue's words.
    Words(Range<usize>),
}

impl Queue {
    /// Puts in an event that lends nothing.
    pub(crate) fn push(&mut self, event: Event<'static>) {
        self.events.push_back(Queued { event, lends: Lends::Nothing });
    }

    /// Puts in an event that will lend the levels of the message.
    pub(crate) fn push_with_levels(&mut self, event: Event<'static>) {
        self.events.push_back(Queued { event, lends: Lends::Levels });
    }

    /// Puts in an event that will lend `words`.
    pub(crate) fn push_with_words(&mut self, event: Event<'static>, words: &str) {
        if self.events.is_empty() {
            self.words.clear();
        }
        let from = self.words.len();
        self.words.push_str(words);
        self.events.push_back(Queued { event, lends: Lends::Words(from..self.words.len()) });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Takes the oldest event; `levels` are the bids and asks of the message.
    pub(crate) fn pop<'a>(&'a mut self, levels: (&'a [Level], &'a [Level])) -> Option<Event<'a>> {
        let Queued { event, lends } = self.events.pop_front()?;
        Some(match lends {
            Lends::Nothing => event,
            Lends::Levels => with_levels(event, levels),
            Lends::Words(range) => with_words(event, self.words.get(range).unwrap_or("")),
        })
    }
}

fn with_levels<'a>(event: Event<'static>, (bids, asks): (&'a [Level], &'a [Level])) -> Event<'a> {
    match event {
        Event::Delta(delta) => Event::Delta(Delta { bids, asks, ..delta }),
        Event::Snapshot(snapshot) => Event::Snapshot(Snapshot { bids, asks, ..snapshot }),
        other => other,
    }
}

fn with_words<'a>(event: Event<'static>, words: &'a str) -> Event<'a> {
    match event {
        Event::State(state) => Event::State(InstrumentState { state: words, ..state }),
        Event::Missing { .. } => Event::Missing { stream: words },
        Event::Subscribed { pending, .. } => Event::Subscribed { stream: words, pending },
        Event::Silent { since, .. } => Event::Silent { stream: words, since },
        Event::Unsubscribed { .. } => Event::Unsubscribed { stream: words },
        Event::Gap(gap) => Event::Gap(Gap { stream: words, ..gap }),
        Event::Rejected(rejection) => Event::Rejected(Rejection { message: words, ..rejection }),
        Event::Account { venue_time_ns, .. } => Event::Account { kind: words, venue_time_ns },
        Event::Status(status) => Event::Status(Status { text: words, ..status }),
        Event::Other { .. } => Event::Other { kind: words },
        other => other,
    }
}
