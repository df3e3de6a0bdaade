//! What clients did that they must not do.

use std::time::Instant;

#[derive(Debug)]
pub(super) struct Ledger {
    start: Instant,
    violations: Vec<String>,
}

impl Ledger {
    pub(super) fn new(start: Instant) -> Self {
        Self { start, violations: Vec::new() }
    }

    /// Writes down what was exceeded.
    pub(super) fn note(&mut self, host: &str, what: &str, now: Instant) {
        let seconds = now.saturating_duration_since(self.start).as_secs_f64();
        self.violations.push(format!("{seconds:.6} s, {host}: {what}"));
    }

    pub(super) fn violations(&self) -> &[String] {
        &self.violations
    }
}
