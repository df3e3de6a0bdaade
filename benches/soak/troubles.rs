//! What goes wrong at a venue, and when.

use std::time::{Duration, Instant};
use tickwire_sim::Trouble;

/// Between two troubles of a venue, at least and at most. With the renewals they stay below the attempts to connect that a
/// session allows itself in five minutes, so that it is the feed that is measured and not its patience.
const PAUSE: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(15)];

/// In turn; each has a connection of its own to strike.
const KINDS: [(&str, Trouble); 8] = [
    ("cut", Trouble::Cut),
    ("silent", Trouble::Lose(u32::MAX)),
    ("cut", Trouble::Cut),
    ("shutdown", Trouble::Shutdown(Duration::from_secs(1))),
    ("messages lost", Trouble::Lose(3)),
    ("cut", Trouble::Cut),
    ("messages doubled", Trouble::Double(20)),
    ("lag", Trouble::Lag(Duration::from_secs(2))),
];

/// Troubles in turn, at times and places of chance.
#[derive(Debug)]
pub(crate) struct Troubles {
    chance: u64,
    next: Instant,
    struck: usize,
}

impl Troubles {
    pub(crate) fn new(seed: u64, now: Instant) -> Self {
        let mut troubles = Self { chance: seed, next: now, struck: 0 };
        troubles.plan(now);
        troubles
    }

    pub(crate) fn next_deadline(&self) -> Instant {
        self.next
    }

    /// What strikes now, if anything does, and a number for where.
    pub(crate) fn take(&mut self, now: Instant) -> Option<(Trouble, u64)> {
        if now < self.next {
            return None;
        }
        self.plan(now);
        let (_, trouble) = KINDS.get(self.struck % KINDS.len())?;
        self.struck += 1;
        Some((*trouble, self.number()))
    }

    /// How often each kind has struck.
    pub(crate) fn counts(&self) -> Vec<(&'static str, usize)> {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for (name, _) in KINDS.iter().cycle().take(self.struck) {
            match counts.iter_mut().find(|(known, _)| known == name) {
                Some((_, count)) => *count += 1,
                None => counts.push((name, 1)),
            }
        }
        counts
    }

    fn plan(&mut self, now: Instant) {
        let [least, most] = PAUSE.map(|pause| u64::try_from(pause.as_millis()).unwrap_or_default());
        self.next = now + Duration::from_millis(least + self.number() % (most - least + 1));
    }

    /// SplitMix64: any sequence will do, and the same seed gives the same.
    fn number(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
