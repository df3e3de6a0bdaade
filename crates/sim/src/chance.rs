//! Seeded chance, in whole numbers only, so that it is the same on every machine.

use std::ops::RangeInclusive;
use std::time::Duration;

use chacha20::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

#[derive(Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// One of the many independent streams of a seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; the bias of the remainder is of no interest here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }

    /// A size from 1 to `most`.
    pub(crate) fn size(&mut self, most: usize) -> usize {
        1 + usize::try_from(self.below(most as u64)).unwrap_or_default()
    }

    /// Whether one of `of` equal cases has come.
    pub(crate) fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    /// One of several.
    pub(crate) fn pick<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let place = self.size(others.len() + 1) - 1;
        others.get(place).copied().unwrap_or(first)
    }

    /// A time between two others, in whole microseconds.
    pub(crate) fn between(&mut self, range: RangeInclusive<Duration>) -> Duration {
        let span = micros(range.end().saturating_sub(*range.start()));
        *range.start() + Duration::from_micros(self.below(span.saturating_add(1)))
    }

    /// The time to the next of events that are so far apart in the mean: up to twice as long.
    pub(crate) fn gap(&mut self, mean: Duration) -> Duration {
        Duration::from_micros(1 + self.below(micros(mean).saturating_mul(2)))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |seed, stream| {
            let mut chance = Chance::new(seed, stream);
            [(); 4].map(|()| chance.number())
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn gaps_have_their_mean_and_times_their_bounds() {
        let mut chance = Chance::new(3, 0);
        let mean = Duration::from_millis(200);
        let sum: Duration = (0..10_000).map(|_| chance.gap(mean)).sum();
        assert!((1_960..2_040).contains(&sum.as_secs()), "{sum:?}");
        let (low, high) = (Duration::from_millis(1), Duration::from_millis(2));
        assert!((0..1_000).all(|_| (low..=high).contains(&chance.between(low..=high))));
        assert_eq!(chance.between(low..=low), low);
        let mut picked = [0; 3];
        (0..3_000).for_each(|_| picked[chance.pick(0, &[1, 2])] += 1);
        assert!(picked.iter().all(|count| (900..1_100).contains(count)), "{picked:?}");
    }
}
