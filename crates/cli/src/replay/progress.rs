//! How far a long file is read, for who waits at a terminal.

use crate::clock;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Between two looks at the clock, in bytes.
const STEP: u64 = 1 << 20;
const PERIOD: Duration = Duration::from_millis(500);

/// Shows a percentage on standard error where that is a terminal and standard output is none.
pub(super) struct Progress {
    length: u64,
    looked: u64,
    next: Instant,
    shows: bool,
    shown: bool,
}

impl Progress {
    pub(super) fn new(length: u64) -> Self {
        let shows = length > 0 && io::stderr().is_terminal() && !io::stdout().is_terminal();
        Self { length, looked: 0, next: clock::now() + PERIOD, shows, shown: false }
    }

    /// So many bytes are read.
    pub(super) fn at(&mut self, position: u64) {
        if !self.shows || position < self.looked + STEP {
            return;
        }
        self.looked = position;
        let now = clock::now();
        if now >= self.next {
            self.next = now + PERIOD;
            self.shown = true;
            // When the terminal is gone there is nobody to show it to.
            let _ = write!(io::stderr(), "\r{:3} %", position.saturating_mul(100) / self.length);
        }
    }

    /// Makes room for other lines.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r     \r");
        }
    }
}
