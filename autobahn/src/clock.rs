//! The one place of this program that reads the clock.

use crate::Outcome;
use std::time::{Duration, Instant};

pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "everything else gets its time from here")]
    Instant::now()
}

/// A moment at which somebody gives up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        Self(now() + time)
    }

    pub(crate) fn earlier(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// The time that is left; none left is an error that says what was waited for.
    pub(crate) fn left(self, what: &str) -> Outcome<Duration> {
        match self.0.checked_duration_since(now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(format!("time is up: {what}").into()),
        }
    }
}
