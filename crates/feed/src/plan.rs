//! How connections are kept.

use std::time::{Duration, Instant};

/// Connections that are kept to an endpoint, at most: with a successor for each there are as many as can be told apart.
pub const LEGS_WANTED_MAX: usize = tickwire_venue::LEGS_MAX / 2;

/// How the connections of a feed are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Connections to each endpoint that [can race](tickwire_venue::Terms::races), `1..=4`; what is outside is taken as the
    /// nearest. Default 1.
    pub legs: usize,
    /// The age at which a connection is renewed, counted from when it was ready, less up to a tenth so that not all are
    /// renewed at once; not before the overlap with the one before it is over, so that no place is renewed more often than
    /// [`overlap`](Self::overlap) lasts. `None`, the default, is an hour before the venue would end it, where it does.
    pub renew_after: Option<Duration>,
    /// How long a connection goes on beside its successor once that is ready. Default 12 s: with less than 10, streams
    /// whose ids do not count one by one tell a gap if they were silent meanwhile, since something may have been under way,
    /// and the update that shows it may fall into that gap.
    pub overlap: Duration,
    /// How far one of several connections may lag behind the first, as a median of 10 s, three times in a row, before it is
    /// renewed; `None` is any distance. Default 250 ms.
    pub lag_max: Option<Duration>,
    /// The longest delay between two attempts to connect, where the venue does not ask for a longer one. Default 30 s.
    pub retry_max: Duration,
    /// After a connection was ready for so long, the first new attempt is made at once. Default 10 s.
    pub stable_after: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            legs: 1,
            renew_after: None,
            overlap: Duration::from_secs(12),
            lag_max: Some(Duration::from_millis(250)),
            retry_max: Duration::from_secs(30),
            stable_after: Duration::from_secs(10),
        }
    }
}

/// How long before its end a connection is renewed, unless it lives so short that it is a quarter of that.
const MARGIN: Duration = Duration::from_secs(3600);

/// What no clock can show is as good as this.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl Plan {
    /// How many connections are kept to an endpoint.
    pub(crate) fn legs(&self, races: bool) -> usize {
        if races { self.legs.clamp(1, LEGS_WANTED_MAX) } else { 1 }
    }

    /// The age at which a connection is renewed, if it is; `chance` in `0.0..1.0` spreads them.
    pub(crate) fn renewal(&self, lifetime: Option<Duration>, chance: f64) -> Option<Duration> {
        let end = lifetime.map(|lifetime| lifetime - MARGIN.min(lifetime / 4));
        let age = match (self.renew_after, end) {
            (Some(wanted), Some(end)) => wanted.min(end),
            (Some(wanted), None) => wanted,
            (None, end) => end?,
        };
        Some(age - age.mul_f64(chance / 10.0))
    }

    /// Until when a connection goes on beside its successor, which is ready now.
    pub(crate) fn overlap_until(&self, now: Instant) -> Instant {
        now + self.overlap.min(CENTURY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_age_is_not_too_long() {
        let plan = Plan { renew_after: Some(Duration::MAX), ..Plan::default() };
        assert_eq!(plan.renewal(None, 0.0), Some(Duration::MAX));
        let least = Duration::MAX.mul_f64(0.9);
        assert!(plan.renewal(None, 0.999).is_some_and(|age| age >= least && age < Duration::MAX));
        assert_eq!(plan.renewal(Some(Duration::ZERO), 0.0), Some(Duration::ZERO));
    }
}
