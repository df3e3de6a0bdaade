//! How often something may happen: in a rolling span, in a minute of the clock, or from a pool of credits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const MINUTE_MS: u64 = 60_000;

/// At most so many in any span of time.
#[derive(Debug)]
pub(crate) struct Window {
    span: Duration,
    most: usize,
    /// Times of those within the last span, not more than `most`.
    times: VecDeque<Instant>,
}

impl Window {
    pub(crate) fn new(most: usize, span: Duration) -> Self {
        Self { span, most, times: VecDeque::new() }
    }

    /// Counts one more, if it is allowed.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        while self.times.front().is_some_and(|&at| now.duration_since(at) >= self.span) {
            self.times.pop_front();
        }
        if self.times.len() >= self.most {
            return false;
        }
        self.times.push_back(now);
        true
    }

    /// One that was counted at this time did not happen.
    pub(crate) fn give_back(&mut self, at: Instant) {
        if let Some(nth) = self.times.iter().rposition(|time| *time == at) {
            self.times.remove(nth);
        }
    }
}

/// A sum of weights that is cleared with each minute of the clock.
#[derive(Debug, Default)]
pub(crate) struct Minute {
    number: u64,
    used: u64,
}

impl Minute {
    /// Adds a weight; returns the sum in this minute.
    pub(crate) fn add(&mut self, weight: u64, unix_ms: u64) -> u64 {
        let number = unix_ms / MINUTE_MS;
        if number != self.number {
            *self = Self { number, used: 0 };
        }
        self.used += weight;
        self.used
    }

    /// When the sum is cleared, milliseconds since 1970.
    pub(crate) fn ends_ms(&self) -> u64 {
        (self.number + 1) * MINUTE_MS
    }
}

/// A pool that each request takes its cost from, and that fills up again with time.
#[derive(Debug)]
pub(crate) struct Credits {
    most: u64,
    cost: u64,
    per_second: u64,
    left: u64,
    counted: Instant,
}

impl Credits {
    pub(crate) fn new(most: u64, cost: u64, per_second: u64, now: Instant) -> Self {
        Self { most, cost, per_second, left: most, counted: now }
    }

    /// Pays for one request, if there is enough.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.counted);
        let earned = elapsed.as_millis() * u128::from(self.per_second) / 1_000;
        if let Ok(earned) = u64::try_from(earned)
            && earned > 0
        {
            self.counted = now;
            self.left = self.left.saturating_add(earned).min(self.most);
        }
        let enough = self.left >= self.cost;
        self.left -= if enough { self.cost } else { 0 };
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn any_span_holds_so_many_and_not_one_more() {
        let start = clock::now().instant;
        let at = |ms| start + Duration::from_millis(ms);
        let mut window = Window::new(2, Duration::from_secs(1));
        let taken = [0, 900, 950, 999, 1_000, 1_001, 1_900].map(|ms| window.take(at(ms)));
        assert_eq!(taken, [true, true, false, false, true, false, true]);
    }

    #[test]
    fn a_minute_of_the_clock_begins_anew() {
        let mut minute = Minute::default();
        let sums =
            [(59_000, 2), (59_999, 250), (60_000, 5), (60_001, 5)].map(|(ms, weight)| minute.add(weight, ms));
        assert_eq!(sums, [2, 252, 5, 10]);
        assert_eq!(minute.ends_ms(), 120_000);
    }

    #[test]
    fn a_pool_allows_a_burst_and_then_what_is_earned() {
        let start = clock::now().instant;
        let mut credits = Credits::new(30_000, 3_000, 10_000, start);
        let burst = (0..20).filter(|_| credits.take(start)).count();
        assert_eq!(burst, 10);
        let later = |ms| start + Duration::from_millis(ms);
        assert!(!credits.take(later(299)) && credits.take(later(300)) && !credits.take(later(301)));
        assert_eq!(
            (0..20).filter(|_| credits.take(later(60_000))).count(),
            10,
            "it never holds more than the pool"
        );
    }
}
