//! The one place of this program that reads the clock.

use std::time::Instant;

pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "everything else gets its time from here")]
    Instant::now()
}
