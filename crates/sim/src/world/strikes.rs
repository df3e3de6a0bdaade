//! When the next of several hazards strikes.

use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::hazard::{Hazard, Hazards};

const DAY: Duration = Duration::from_secs(24 * 3_600);

#[derive(Debug)]
pub(super) struct Strikes {
    kinds: &'static [Hazard],
    next: Option<Instant>,
}

impl Strikes {
    /// None yet.
    pub(super) fn none() -> Self {
        Self { kinds: &[], next: None }
    }

    /// Those of some kinds, as often in a day as each one's rate says.
    pub(super) fn of(kinds: &'static [Hazard], hazards: &Hazards, now: Instant, chance: &mut Chance) -> Self {
        let mut strikes = Self { kinds, next: None };
        strikes.plan(hazards, now, chance);
        strikes
    }

    fn plan(&mut self, hazards: &Hazards, now: Instant, chance: &mut Chance) {
        let total = self.kinds.iter().map(|kind| hazards.rate(*kind)).fold(0, u32::saturating_add);
        self.next = DAY.checked_div(total).map(|mean| now + chance.gap(mean));
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.next
    }

    /// What strikes now, if anything does.
    pub(super) fn take(&mut self, hazards: &Hazards, now: Instant, chance: &mut Chance) -> Option<Hazard> {
        self.next.filter(|next| *next <= now)?;
        self.plan(hazards, now, chance);
        let total: u64 = self.kinds.iter().map(|kind| u64::from(hazards.rate(*kind))).sum();
        let mut place = chance.below(total);
        self.kinds.iter().copied().find(|kind| {
            let rate = u64::from(hazards.rate(*kind));
            let found = place < rate;
            place = place.saturating_sub(rate);
            found
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn each_kind_strikes_as_often_as_its_rate_says() {
        const KINDS: &[Hazard] = &[Hazard::Cut, Hazard::Stall, Hazard::Lag];
        let mut hazards = Hazards::only(Hazard::Cut, 10);
        hazards.set(Hazard::Stall, 30);
        hazards.set(Hazard::Maintenance, 1_000);
        let (start, mut chance) = (clock::now().instant, Chance::new(5, 0));
        let mut strikes = Strikes::of(KINDS, &hazards, start, &mut chance);
        let mut struck = Vec::new();
        while let Some(at) = strikes.next_deadline().filter(|at| *at < start + 100 * DAY) {
            struck.extend(strikes.take(&hazards, at, &mut chance));
        }
        let count = |kind| struck.iter().filter(|struck| **struck == kind).count();
        assert!((900..1_100).contains(&count(Hazard::Cut)), "{}", count(Hazard::Cut));
        assert!((2_800..3_200).contains(&count(Hazard::Stall)), "{}", count(Hazard::Stall));
        assert_eq!(count(Hazard::Lag) + count(Hazard::Maintenance), 0);
    }

    #[test]
    fn without_a_rate_nothing_ever_strikes() {
        let (now, mut chance) = (clock::now().instant, Chance::new(5, 0));
        let strikes = Strikes::of(&[Hazard::Cut], &Hazards::NONE, now, &mut chance);
        assert_eq!(strikes.next_deadline(), None);
    }
}
