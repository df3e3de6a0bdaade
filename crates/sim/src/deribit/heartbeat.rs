//! The heartbeats that a client asked for, in turn a word and a question.

use std::time::{Duration, Instant};

/// ```text
/// Off ──set──► Beating ──every interval──► a heartbeat, and in turn a test_request
///                 └── a test_request unanswered too long ──► the end
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Heartbeat {
    #[default]
    Off,
    Beating {
        interval: Duration,
        next: Instant,
        /// Whether the next one is a question.
        asks: bool,
        /// Until when the last question must be answered.
        answer_by: Option<Instant>,
    },
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Heartbeat,
    TestRequest,
    /// The client did not answer.
    End,
}

impl Heartbeat {
    pub(super) fn every(interval: Duration, now: Instant) -> Self {
        Self::Beating { interval, next: now + interval, asks: false, answer_by: None }
    }

    pub(super) fn is_off(self) -> bool {
        self == Self::Off
    }

    /// The client has called `public/test`.
    pub(super) fn on_test(&mut self) {
        if let Self::Beating { answer_by, .. } = self {
            *answer_by = None;
        }
    }

    /// What is due by now; `patience` is how long a question may stay unanswered.
    pub(super) fn due(&mut self, now: Instant, patience: Duration) -> Option<Due> {
        let Self::Beating { interval, next, asks, answer_by } = self else {
            return None;
        };
        if answer_by.is_some_and(|by| now >= by) {
            return Some(Due::End);
        }
        if now < *next {
            return None;
        }
        *next = now + *interval;
        let asked = std::mem::replace(asks, !*asks);
        if asked {
            answer_by.get_or_insert(now + patience);
        }
        Some(if asked { Due::TestRequest } else { Due::Heartbeat })
    }

    pub(super) fn next_deadline(self) -> Option<Instant> {
        match self {
            Self::Off => None,
            Self::Beating { next, answer_by, .. } => answer_by.into_iter().chain([next]).min(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn every_second_beat_asks_and_an_answer_in_time_keeps_it_going() {
        let start = clock::now().instant;
        let at = |seconds| start + Duration::from_secs(seconds);
        let patience = Duration::from_secs(15);
        let mut heartbeat = Heartbeat::every(Duration::from_secs(10), start);
        let mut due = |seconds| heartbeat.due(at(seconds), patience);
        assert_eq!([9, 10, 11, 20].map(&mut due), [None, Some(Due::Heartbeat), None, Some(Due::TestRequest)]);
        heartbeat.on_test();
        let mut due = |seconds| heartbeat.due(at(seconds), patience);
        assert_eq!([30, 40].map(&mut due), [Some(Due::Heartbeat), Some(Due::TestRequest)]);
        assert_eq!([54, 55].map(&mut due), [Some(Due::Heartbeat), Some(Due::End)], "asked at 40, until 55");
        assert_eq!(Heartbeat::Off.due(at(99), patience), None);
    }
}
