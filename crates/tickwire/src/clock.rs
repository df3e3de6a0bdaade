//! The one place of this crate that reads the clock and draws chance.

use std::io;
use std::time::{Duration, Instant, SystemTime};

pub(crate) fn now() -> Instant {
    #[cfg(all(test, feature = "stages"))]
    if let Some((now, _)) = fake::read() {
        return now;
    }
    #[expect(clippy::disallowed_methods, reason = "everything else gets its time from here")]
    Instant::now()
}

/// Nanoseconds since the Unix epoch; 0 on a clock that stands before it.
pub(crate) fn unix_ns() -> u64 {
    #[cfg(all(test, feature = "stages"))]
    if let Some((_, unix_ns)) = fake::read() {
        return unix_ns;
    }
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

/// A clock that a test has put in place of the machine's, for its own thread: it stands still until the test moves it on.
#[cfg(all(test, feature = "stages"))]
pub(crate) mod fake {
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    thread_local! {
        static TIME: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
    }

    pub(crate) fn start() {
        let time = (super::now(), super::unix_ns());
        TIME.set(Some(time));
    }

    pub(crate) fn pass(ns: u64) {
        let (now, unix_ns) = TIME.get().unwrap();
        TIME.set(Some((now + Duration::from_nanos(ns), unix_ns + ns)));
    }

    pub(super) fn read() -> Option<(Instant, u64)> {
        TIME.get()
    }
}
