//! The deadlines of a connection: a new one replaces the old one of its kind, so none leaks.

use std::time::{Duration, Instant};

/// What a connection may be waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Timer {
    /// The end of the opening handshake.
    Handshake,
    /// The next look at whether anything was heard.
    Ping,
    /// The first byte after a Ping of ours.
    Pong,
    /// The end of the byte stream after a Close frame.
    Close,
}

impl Timer {
    const ALL: [Self; 4] = [Self::Handshake, Self::Ping, Self::Pong, Self::Close];
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    at: [Option<Instant>; Timer::ALL.len()],
}

impl Timers {
    /// Sets a deadline `after` a time; one that no clock can show never comes.
    pub(crate) fn set(&mut self, timer: Timer, now: Instant, after: Duration) {
        if let Some(slot) = self.at.get_mut(timer as usize) {
            *slot = now.checked_add(after);
        }
    }

    /// True if it was running.
    pub(crate) fn stop(&mut self, timer: Timer) -> bool {
        self.at.get_mut(timer as usize).is_some_and(|slot| slot.take().is_some())
    }

    pub(crate) fn stop_all(&mut self) {
        *self = Self::default();
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.at.iter().flatten().min().copied()
    }

    /// Takes one timer that is due.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<Timer> {
        let timer = Timer::ALL
            .into_iter()
            .find(|timer| self.at.get(*timer as usize).copied().flatten().is_some_and(|at| at <= now))?;
        self.stop(timer);
        Some(timer)
    }
}
