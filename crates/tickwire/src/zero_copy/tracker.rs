//! Which sends the kernel may still read the memory of. No socket: numbers in, handles let go.

use std::collections::VecDeque;

/// A handle for each send until its completion, by the number that the kernel gives it: it counts the calls that sent
/// something from 0 on, begins anew behind `u32::MAX`, and tells of ranges, seldom out of order.
pub(super) struct Tracker<T> {
    /// From the number `first` on, which is not complete; `None` where a later one is.
    handles: VecDeque<Option<T>>,
    first: u32,
}

impl<T> Default for Tracker<T> {
    fn default() -> Self {
        Self { handles: VecDeque::new(), first: 0 }
    }
}

impl<T> Tracker<T> {
    /// The kernel has taken a send, whose memory is kept by `handle`.
    pub(super) fn sent(&mut self, handle: T) {
        self.handles.push_back(Some(handle));
    }

    /// The sends from `low` to `high` are complete: their handles are let go. How many of them were not in flight.
    pub(super) fn complete(&mut self, low: u32, high: u32) -> u64 {
        let told = u64::from(high.wrapping_sub(low)) + 1;
        let (from, to) = (low.wrapping_sub(self.first), high.wrapping_sub(self.first));
        let known = if from <= to {
            self.let_go(from, to)
        } else {
            // It begins before the first.
            self.let_go(from, u32::MAX) + self.let_go(0, to)
        };
        while let Some(None) = self.handles.front() {
            self.handles.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        told - known
    }

    /// By their distance from the first; how many there were.
    fn let_go(&mut self, from: u32, to: u32) -> u64 {
        let count = ((to - from) as usize).saturating_add(1);
        let range = self.handles.iter_mut().skip(from as usize).take(count);
        range.filter_map(Option::take).map(|_| 1).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// What is in flight.
    pub(super) fn handles(&self) -> impl Iterator<Item = &T> {
        self.handles.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::{RngAlgorithm, TestRng};
    use std::collections::BTreeSet;

    impl<T> Tracker<T> {
        fn from(first: u32) -> Self {
            Self { first, ..Self::default() }
        }
    }

    fn in_flight(tracker: &Tracker<u32>) -> Vec<u32> {
        tracker.handles().copied().collect()
    }

    #[test]
    fn a_range_lets_go_of_its_sends_and_of_no_other() {
        let mut tracker = Tracker::default();
        (0..5).for_each(|number| tracker.sent(number));
        assert_eq!(tracker.complete(1, 2), 0);
        assert_eq!(in_flight(&tracker), [0, 3, 4]);
        assert_eq!(tracker.complete(0, 0), 0);
        assert_eq!(in_flight(&tracker), [3, 4]);
        assert_eq!(tracker.complete(3, 4), 0);
        assert!(tracker.is_empty());
    }

    #[test]
    fn numbers_begin_anew_behind_the_last() {
        let mut tracker = Tracker::from(u32::MAX - 1);
        (0..4).for_each(|handle| tracker.sent(handle));
        assert_eq!(tracker.complete(u32::MAX, 0), 0);
        assert_eq!(in_flight(&tracker), [0, 3]);
        assert_eq!(tracker.complete(1, 1), 0);
        assert_eq!(tracker.complete(u32::MAX - 1, u32::MAX - 1), 0);
        assert!(tracker.is_empty());
        tracker.sent(4);
        assert_eq!(tracker.complete(2, 2), 0);
        assert!(tracker.is_empty());
    }

    #[test]
    fn what_was_complete_before_or_never_sent_is_counted() {
        let mut tracker = Tracker::default();
        assert_eq!(tracker.complete(0, 0), 1);
        (0..3).for_each(|number| tracker.sent(number));
        assert_eq!(tracker.complete(0, 1), 0);
        assert_eq!(tracker.complete(0, 1), 2, "again");
        assert_eq!(tracker.complete(u32::MAX, 5), 6, "all but one");
        assert!(tracker.is_empty());
        tracker.sent(3);
        assert_eq!(tracker.complete(4, 3), u64::from(u32::MAX), "every number there is");
        assert!(tracker.is_empty());
    }

    /// The rule without arithmetic: a set of numbers, and a range gone through one by one.
    fn naive(in_flight: &mut BTreeSet<u32>, low: u32, high: u32) -> u64 {
        let mut unexpected = 0;
        let mut number = low;
        loop {
            unexpected += u64::from(!in_flight.remove(&number));
            if number == high {
                return unexpected;
            }
            number = number.wrapping_add(1);
        }
    }

    /// Sends and completions in any order, of short ranges in and around what is in flight, and then of all that is left. True if
    /// the numbers began anew.
    fn schedule(chance: &mut TestRng, words: &str) -> bool {
        // Half of them begin where that happens within the schedule.
        let first =
            if chance.random() { 0u32.wrapping_sub(chance.random_range(0..20)) } else { chance.random() };
        let (mut tracker, mut expected, mut next) = (Tracker::from(first), BTreeSet::new(), first);
        for _ in 0..chance.random_range(1..40) {
            if chance.random() {
                tracker.sent(next);
                expected.insert(next);
                next = next.wrapping_add(1);
                continue;
            }
            let low = next.wrapping_sub(chance.random_range(0..24)).wrapping_add(chance.random_range(0..4));
            let high = low.wrapping_add(chance.random_range(0..6));
            let unexpected = tracker.complete(low, high);
            assert_eq!(unexpected, naive(&mut expected, low, high), "{words}");
            let mut left = in_flight(&tracker);
            left.sort_unstable();
            assert!(left.iter().eq(&expected), "{words}: {left:?}, not {expected:?}");
            assert_eq!(tracker.is_empty(), expected.is_empty(), "{words}");
        }
        tracker.complete(first, next.wrapping_sub(1));
        assert!(tracker.is_empty(), "{words}");
        next < first
    }

    #[test]
    fn a_million_schedules_let_go_of_what_a_set_of_numbers_lets_go_of() {
        let mut began_anew = 0;
        for seed in 0..100 {
            let mut chance = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
            let words = format!("seed {seed}");
            began_anew += (0..10_000).filter(|_| schedule(&mut chance, &words)).count();
        }
        assert!(began_anew > 100_000, "{began_anew} of them");
    }
}
