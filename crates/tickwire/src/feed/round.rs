//! When deadlines are judged: once what was there then has been read.

use std::time::{Duration, Instant};

/// A round that took longer was held up by who takes the events, and others may have brought something since it began.
const SPAN_MAX: Duration = Duration::from_secs(1);

/// The links are polled, and each is read up to its end or has its turn.
#[derive(Debug)]
pub(super) struct Round {
    /// When the links were polled.
    polled_at: Instant,
    /// Links that have yet to be read.
    left: usize,
    /// The round before was held up.
    again: bool,
}

impl Round {
    /// One that is over.
    pub(super) fn new(now: Instant) -> Self {
        Self { polled_at: now, left: 0, again: false }
    }

    /// So many links were polled: the next round begins if the last one is over.
    pub(super) fn begin(&mut self, now: Instant, links: usize) {
        if self.left == 0 {
            (self.polled_at, self.left) = (now, links);
        }
    }

    /// One more was read.
    pub(super) fn on_read(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// Whether all was read that was there at this time.
    pub(super) fn is_over_for(&self, deadline: Instant) -> bool {
        self.left == 0 && deadline <= self.polled_at
    }

    /// Whether the round that is over tells who is silent now; one that was held up does not, but the next does in any case,
    /// so that who is always slow has deadlines, too.
    pub(super) fn judges(&mut self, now: Instant) -> bool {
        let is_held_up = now.saturating_duration_since(self.polled_at) > SPAN_MAX;
        self.again = is_held_up && !self.again;
        !self.again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a manual clock needs some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_deadline_waits_until_all_is_read_that_was_there_then() {
        let polled = start();
        let mut round = Round::new(polled);
        let later = polled + Duration::from_nanos(1);
        assert!(round.is_over_for(polled) && !round.is_over_for(later));
        round.begin(later, 2);
        assert!(!round.is_over_for(later), "nothing was read");
        round.on_read();
        // Another poll, for a link that does not pause, begins no round.
        round.begin(later + Duration::from_nanos(1), 2);
        assert!(!round.is_over_for(polled), "one was not");
        round.on_read();
        assert!(round.is_over_for(later) && !round.is_over_for(later + Duration::from_nanos(1)));
    }

    #[test]
    fn a_round_that_was_held_up_leaves_it_to_the_next_once() {
        let polled = start();
        let mut round = Round::new(polled);
        let (quick, late) = (polled + SPAN_MAX, polled + SPAN_MAX + Duration::from_nanos(1));
        assert_eq!(
            [quick, late, late, late, quick].map(|now| round.judges(now)),
            [true, false, true, false, true]
        );
    }
}
