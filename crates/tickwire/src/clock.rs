//! The one place of this crate that reads the clock and draws chance.

use std::io;
use std::time::Instant;

pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "everything else gets its time from here")]
    Instant::now()
}

/// A seed from the operating system, for one connection.
pub(crate) fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    #[expect(clippy::disallowed_methods, reason = "everything else gets its randomness from here")]
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    Ok(seed)
}
