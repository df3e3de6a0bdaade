//! Requests on their way to the venue, which counts them when they arrive.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// In which the venue counts.
const SPAN: Duration = Duration::from_secs(1);

/// Requests of one connection, of which no more than `most` arrive within a second even if the network holds some back
/// and lets them go together: one leaves only if so many less one are known to have arrived a second ago.
#[derive(Debug)]
pub(super) struct Flight {
    most: usize,
    /// The latest requests in order, not more than `most`, and since when each is known to have arrived.
    sent: VecDeque<(u64, Option<Instant>)>,
}

impl Flight {
    pub(super) fn new(most: usize) -> Self {
        Self { most, sent: VecDeque::with_capacity(most) }
    }

    /// From when the next request may leave, `now` if it may at once; `None` until an answer comes.
    pub(super) fn free_at(&self, now: Instant) -> Option<Instant> {
        match self.sent.front() {
            Some((_, arrived)) if self.sent.len() >= self.most => arrived.map(|at| now.max(at + SPAN)),
            _ => Some(now),
        }
    }

    /// Counts a request as sent if it may leave now; ids rise.
    pub(super) fn take(&mut self, id: u64, now: Instant) -> bool {
        let is_free = self.free_at(now).is_some_and(|at| at <= now);
        if is_free {
            if self.sent.len() >= self.most {
                self.sent.pop_front();
            }
            self.sent.push_back((id, None));
        }
        is_free
    }

    /// A request has not left, and will not.
    pub(super) fn forget(&mut self, id: u64) {
        self.sent.retain(|(sent, _)| *sent != id);
    }

    /// A request was answered: it has arrived, and so have those before it.
    pub(super) fn on_answer(&mut self, id: u64, now: Instant) {
        for (_, arrived) in self.sent.iter_mut().take_while(|(sent, _)| *sent <= id) {
            arrived.get_or_insert(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::tests::start;

    #[test]
    fn a_request_leaves_a_second_after_the_last_but_two_was_answered() {
        let start = start();
        let at = |millis| start + Duration::from_millis(millis);
        let mut flight = Flight::new(3);
        assert!(flight.take(1, at(0)) && flight.take(2, at(0)) && flight.take(3, at(100)));
        assert!(!flight.take(4, at(60_000)), "all may arrive together by now");
        assert_eq!(flight.free_at(at(60_000)), None, "until an answer comes");
        flight.on_answer(2, at(60_000));
        assert_eq!(flight.free_at(at(60_001)), Some(at(61_000)));
        assert!(!flight.take(4, at(60_999)) && flight.take(4, at(61_000)) && flight.take(5, at(61_000)));
        assert_eq!(
            flight.free_at(at(61_000)),
            None,
            "what was sent before them is not known to have arrived"
        );
        flight.on_answer(5, at(61_200));
        assert_eq!(flight.free_at(at(70_000)), Some(at(70_000)));
    }
}
