//! Time: the one place of this crate that reads the clock, and how people write durations.

use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "everything else gets its time from here")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A time as people type it: `5` or `0.5` seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
