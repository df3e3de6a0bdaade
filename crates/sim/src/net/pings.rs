//! The pings of one connection: when the next is due, and which are still unanswered.

use std::collections::VecDeque;
use std::time::Instant;

use tungstenite::Bytes;

use crate::clock::Now;
use crate::rules::Rules;

/// Unanswered pings kept; with a longer pong timeout than so many intervals, pinging pauses.
const PINGS_MAX: usize = 16;
/// How the payload of a ping between fragments begins.
const BETWEEN: &[u8] = b"between ";

#[derive(Debug)]
struct Ping {
    payload: Bytes,
    deadline: Instant,
}

#[derive(Debug)]
pub(crate) struct Pings {
    unanswered: VecDeque<Ping>,
    next: Instant,
    /// Pings between fragments so far.
    between: u64,
}

impl Pings {
    pub(crate) fn new(now: Instant, rules: &Rules) -> Self {
        Self { unanswered: VecDeque::new(), next: now + rules.ping_interval, between: 0 }
    }

    /// The payload of the ping that is due, if one is: the time in milliseconds.
    pub(crate) fn due(&mut self, now: Now, rules: &Rules) -> Option<Bytes> {
        if now.instant < self.next {
            return None;
        }
        self.next = now.instant + rules.ping_interval;
        if self.unanswered.len() >= PINGS_MAX {
            return None;
        }
        let payload = Bytes::from(now.unix_ms().to_string());
        self.unanswered
            .push_back(Ping { payload: payload.clone(), deadline: now.instant + rules.pong_timeout });
        Some(payload)
    }

    /// The payload of a ping between two fragments, which need not be answered.
    pub(crate) fn between(&mut self) -> Bytes {
        self.between += 1;
        Bytes::from([BETWEEN, self.between.to_string().as_bytes()].concat())
    }

    /// Whether a pong answers a ping between fragments.
    pub(crate) fn is_between(payload: &[u8]) -> bool {
        payload.starts_with(BETWEEN)
    }

    /// Only an echo counts, and it answers the pings before it as well.
    pub(crate) fn on_pong(&mut self, payload: &Bytes) {
        if let Some(at) = self.unanswered.iter().position(|ping| ping.payload == payload) {
            self.unanswered.drain(..=at);
        }
    }

    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.unanswered.front().is_some_and(|ping| now >= ping.deadline)
    }

    pub(crate) fn next_deadline(&self) -> Instant {
        self.unanswered.front().map_or(self.next, |ping| self.next.min(ping.deadline))
    }
}
