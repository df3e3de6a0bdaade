//! The one place of this crate that reads the clock and draws chance.

use std::io;
use std::time::{Duration, Instant, SystemTime};

pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "everything else gets its time from here")]
    Instant::now()
}

/// Nanoseconds since the Unix epoch; 0 on a clock that stands before it.
pub(crate) fn unix_ns() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "everything else gets its time from here")]
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The time `after` from `now`; one that no clock can show is as good as a century.
pub(crate) fn later(now: Instant, after: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    now + after.min(CENTURY)
}

/// A seed from the operating system, for one connection.
pub(crate) fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    #[expect(clippy::disallowed_methods, reason = "everything else gets its randomness from here")]
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    Ok(seed)
}
