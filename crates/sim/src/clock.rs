//! The one place that reads the time; everything else is told.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One reading of both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// For deadlines and pacing.
    pub(crate) instant: Instant,
    /// For what is written into messages: microseconds since 1970.
    pub(crate) unix_us: u64,
}

impl Now {
    /// Milliseconds since 1970.
    pub(crate) fn unix_ms(self) -> u64 {
        self.unix_us / 1_000
    }
}

/// Reads both clocks. A wall clock set before 1970 reads as 0.
#[expect(clippy::disallowed_methods, reason = "the one module that reads the time")]
pub(crate) fn now() -> Now {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { instant: Instant::now(), unix_us: u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX) }
}
