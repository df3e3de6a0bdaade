//! When the next request may leave.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What was in order for so long is made anew at once; otherwise each time later.
const CALM: Duration = Duration::from_secs(60);

/// At most `requests_max` requests in any span of `window`, and none before a hold ends.
#[derive(Debug)]
pub struct Pace {
    window: Duration,
    requests_max: usize,
    sent: VecDeque<Instant>,
    hold: Option<Instant>,
}

impl Pace {
    /// At most `requests_max` in any `window`; at least one.
    pub fn new(requests_max: usize, window: Duration) -> Self {
        Self { window, requests_max: requests_max.max(1), sent: VecDeque::new(), hold: None }
    }

    /// From when the next request may leave; `now` if it may at once.
    pub fn free_at(&self, now: Instant) -> Instant {
        let full = self.sent.len() >= self.requests_max;
        let window = self.sent.front().filter(|_| full).map(|oldest| *oldest + self.window);
        window.max(self.hold).map_or(now, |free| free.max(now))
    }

    /// Counts a request as sent now if it may be.
    ///
    /// # Errors
    /// From when it may.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let free = self.free_at(now);
        if free > now {
            return Err(free);
        }
        if self.sent.len() >= self.requests_max {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        Ok(())
    }

    /// A request that was counted at this time did not leave.
    pub fn give_back(&mut self, taken_at: Instant) {
        if let Some(at) = self.sent.iter().rposition(|sent| *sent == taken_at) {
            self.sent.remove(at);
        }
    }

    /// Lets nothing through before `until`.
    pub fn hold(&mut self, until: Instant) {
        self.hold = self.hold.max(Some(until));
    }
}

/// A delay that doubles from `first` to `last`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    first: Duration,
    last: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, last: Duration) -> Self {
        Self { first, last, next: first }
    }

    /// The delay to wait now.
    pub(crate) fn take(&mut self) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.last);
        delay
    }

    /// Starts again at the first delay.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// When what goes wrong again and again is made anew.
#[derive(Debug)]
pub(crate) struct Repairs {
    backoff: Backoff,
    /// When the last one was due.
    last: Option<Instant>,
}

impl Repairs {
    /// At once after calm, then with delays up to `latest`.
    pub(crate) const fn new(latest: Duration) -> Self {
        Self { backoff: Backoff::new(Duration::from_millis(250), latest), last: None }
    }

    /// When to make it anew.
    pub(crate) fn next(&mut self, now: Instant) -> Instant {
        let mut at = now;
        if self.last.is_none_or(|last| now >= last + CALM) {
            self.backoff.reset();
        } else {
            at += self.backoff.take();
        }
        self.last = Some(at);
        at
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    pub(crate) fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn no_window_holds_more_than_the_maximum() {
        let start = start();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pace = Pace::new(2, Duration::from_secs(1));
        assert_eq!(pace.take(at(0)), Ok(()));
        assert_eq!(pace.take(at(400)), Ok(()));
        assert_eq!(pace.take(at(999)), Err(at(1000)));
        assert_eq!(pace.take(at(1000)), Ok(()));
        assert_eq!(pace.take(at(1001)), Err(at(1400)));
        pace.give_back(at(400));
        pace.give_back(at(401));
        assert_eq!(pace.take(at(1001)), Ok(()));
        assert_eq!(pace.take(at(1002)), Err(at(2000)));
        pace.hold(at(5000));
        pace.hold(at(3000));
        assert_eq!(pace.take(at(4999)), Err(at(5000)));
        assert_eq!(pace.take(at(5000)), Ok(()));
    }

    #[test]
    fn a_delay_doubles_up_to_its_last() {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(1));
        let delays = [(); 4].map(|()| backoff.take().as_millis());
        assert_eq!(delays, [250, 500, 1000, 1000]);
        backoff.reset();
        assert_eq!(backoff.take().as_millis(), 250);
    }
}
