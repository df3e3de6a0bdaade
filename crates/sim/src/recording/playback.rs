//! How far a connection is in a recording.

use std::time::{Duration, Instant};

use super::Recording;

/// From the last line to the close: a client may still be waiting for snapshots on its other connection.
const END_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Playback {
    started: Instant,
    next: usize,
    /// When the end of the recording is told.
    over: Option<Instant>,
}

impl Playback {
    pub(crate) fn starting(now: Instant) -> Self {
        Self { started: now, next: 0, over: None }
    }

    /// Whether the end may be told, some time after the last line.
    pub(crate) fn is_over(&mut self, now: Instant) -> bool {
        now >= *self.over.get_or_insert(now + END_PAUSE)
    }

    /// When the next line, or the end, is due; `None` while the end has not been reached.
    pub(crate) fn due(&self, recording: &Recording, speed: f64) -> Option<Instant> {
        let Some(line) = recording.lines().get(self.next) else { return self.over };
        let scaled = line.at.as_secs_f64() / speed;
        // At speed 0 the quotient is no duration, and the line is due at once.
        let after = Duration::try_from_secs_f64(scaled).unwrap_or_default();
        Some(self.started.checked_add(after).unwrap_or(self.started))
    }

    pub(crate) fn advance(&mut self) {
        self.next += 1;
    }

    pub(crate) fn next(&self) -> usize {
        self.next
    }
}
