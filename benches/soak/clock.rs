//! The one place that reads the time.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "a program has a clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
