//! When the market moves: as a clock goes by that nobody moves, or at times of its own on one that is moved.

use std::time::{Duration, Instant};

use crate::chance::Chance;

/// What all cadences are multiples of.
pub(crate) const TICK: Duration = Duration::from_millis(50);
/// Events are made in small portions, so that they do not come in bursts of a diff interval's length.
const PORTION: Duration = Duration::from_millis(5);
/// After a longer pause (no client, a busy machine) the rest of the past does not happen.
const CATCH_UP_MAX: Duration = Duration::from_millis(250);
/// Whatever the rate, so many events are made before the connections get their turn.
const EVENTS_PER_TURN: u128 = 20_000;
const NANOS_PER_SECOND: u128 = 1_000_000_000;

#[derive(Debug)]
pub(crate) enum Pace {
    /// Every few milliseconds as much as the time since is worth.
    Elapsed {
        per_second: u64,
        /// Billionths of an event that are due but not yet whole.
        credit: u128,
        looked: Instant,
        next_tick: Instant,
    },
    /// Each event at a time of its own, and only those ticks that something comes of.
    Seeded {
        chance: Box<Chance>,
        /// Between two events; zero if there are none.
        mean: Duration,
        next: Option<Instant>,
        began: Instant,
        /// The next tick that something may come of.
        tick: u64,
    },
}

impl Pace {
    pub(crate) fn elapsed(per_second: u64, now: Instant) -> Self {
        Self::Elapsed { per_second, credit: 0, looked: now, next_tick: now + TICK }
    }

    pub(crate) fn seeded(per_second: u64, mut chance: Chance, now: Instant) -> Self {
        let mean = Duration::from_nanos(1_000_000_000_u64.checked_div(per_second).unwrap_or_default());
        let next = (!mean.is_zero()).then(|| now + chance.gap(mean));
        Self::Seeded { chance: Box::new(chance), mean, next, began: now, tick: 1 }
    }

    /// Looks at the clock; what is due by then can be taken after that.
    pub(crate) fn look(&mut self, now: Instant) {
        if let Self::Elapsed { per_second, credit, looked, .. } = self {
            let elapsed = now.saturating_duration_since(*looked).min(CATCH_UP_MAX);
            *looked = now;
            let earned = *credit + elapsed.as_nanos() * u128::from(*per_second);
            *credit = earned.min(EVENTS_PER_TURN * NANOS_PER_SECOND);
        }
    }

    /// Whether one more event is due.
    pub(crate) fn take_event(&mut self, now: Instant) -> bool {
        match self {
            Self::Elapsed { credit, .. } => {
                let due = *credit >= NANOS_PER_SECOND;
                *credit -= if due { NANOS_PER_SECOND } else { 0 };
                due
            }
            Self::Seeded { chance, mean, next, .. } => {
                let Some(at) = next.filter(|at| *at <= now) else {
                    return false;
                };
                *next = Some(at + chance.gap(*mean));
                true
            }
        }
    }

    /// The tick that is due, if one is; `before` was the last one.
    pub(crate) fn take_tick(&mut self, before: u64, now: Instant) -> Option<u64> {
        match self {
            Self::Elapsed { next_tick, .. } => {
                let due = now >= *next_tick;
                if due {
                    *next_tick = (*next_tick + TICK).max(now);
                }
                due.then_some(before + 1)
            }
            Self::Seeded { began, tick, .. } => (now >= time_of(*began, *tick)).then_some(*tick),
        }
    }

    /// How many ticks have passed, something or nothing having come of them.
    pub(crate) fn ticks_by(&self, now: Instant) -> u64 {
        match self {
            Self::Elapsed { .. } => 0,
            Self::Seeded { began, .. } => {
                let ticks = now.saturating_duration_since(*began).as_nanos() / TICK.as_nanos();
                u64::try_from(ticks).unwrap_or(u64::MAX)
            }
        }
    }

    /// Says which tick is the next that something may come of.
    pub(crate) fn plan_tick(&mut self, next: u64) {
        if let Self::Seeded { tick, .. } = self {
            *tick = next;
        }
    }

    /// When to look again.
    pub(crate) fn next_deadline(&self) -> Instant {
        match self {
            Self::Elapsed { looked, .. } => *looked + PORTION,
            Self::Seeded { next, began, tick, .. } => {
                let tick = time_of(*began, *tick);
                next.map_or(tick, |next| next.min(tick))
            }
        }
    }
}

fn time_of(began: Instant, tick: u64) -> Instant {
    began + TICK * u32::try_from(tick).unwrap_or(u32::MAX)
}
