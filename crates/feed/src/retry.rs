//! When to try again, by what went wrong.

use std::time::Duration;

use tickwire_venue::Cause;

/// The first delay behind the attempt that is made at once.
const FIRST: Duration = Duration::from_millis(500);
/// How long to stay away from a venue that says nothing more than that it was too much: it counts by the minute.
const RATE_HOLD: Duration = Duration::from_secs(60);
/// The same after a ban or from a firewall, which doubles.
const BAN_HOLD: Duration = Duration::from_secs(120);
/// The longest of those that the venue did not ask for.
const HOLD_UNTOLD_MAX: Duration = Duration::from_secs(3600);
/// The longest of all: what the venues document.
const HOLD_MAX: Duration = Duration::from_secs(3 * 24 * 3600);
/// The least delay after the venue closed a connection for what we did.
const POLICY_DELAY: Duration = Duration::from_secs(5);

/// Attempts in a row that came to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Retry {
    failures: u32,
    /// Those among them that the venue refused because of what we did.
    refusals: u32,
}

/// What to do after an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Try again after a time.
    Again(Duration),
    /// The same, and let nobody else from here connect before.
    Hold(Duration),
    /// No other attempt can succeed.
    Stop,
}

impl Then {
    /// After what time to try again.
    pub(crate) fn delay(self) -> Option<Duration> {
        match self {
            Self::Again(delay) | Self::Hold(delay) => Some(delay),
            Self::Stop => None,
        }
    }
}

impl Retry {
    /// Attempts in a row, with the next.
    pub(crate) fn attempt(self) -> u32 {
        self.failures.saturating_add(1)
    }

    /// A connection was good for long enough.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// What to do after an end, and counts it; `chance` in `0.0..1.0` spreads the attempts of many.
    pub(crate) fn after(&mut self, cause: Cause, retry_max: Duration, chance: f64) -> Then {
        let Self { failures, refusals } = *self;
        self.failures = failures.saturating_add(1);
        let doubled = |first: Duration, times: u32| first.saturating_mul(2_u32.saturating_pow(times.min(31)));
        let mut told = |after_s: Option<u64>, least: Duration| {
            self.refusals = refusals.saturating_add(1);
            let told = Duration::from_secs(after_s.unwrap_or(0));
            told.max(doubled(least, refusals).min(HOLD_UNTOLD_MAX)).min(HOLD_MAX)
        };
        // The first attempt is made at once, the others at any time up to a limit that doubles: full jitter.
        let spread = match failures {
            0 => Duration::ZERO,
            _ => (doubled(FIRST, failures) / 2).min(retry_max).mul_f64(chance),
        };
        match cause {
            Cause::Refused { status: 418, retry_after_s } | Cause::Refused { status: 403, retry_after_s } => {
                Then::Hold(told(retry_after_s, BAN_HOLD) + FIRST.mul_f64(chance))
            }
            Cause::Refused { status: 429, retry_after_s } => {
                Then::Hold(told(retry_after_s, RATE_HOLD) + FIRST.mul_f64(chance))
            }
            Cause::Refused { status: 500.., retry_after_s } => {
                let told = Duration::from_secs(retry_after_s.unwrap_or(0)).min(HOLD_MAX);
                Then::Again(told.max(FIRST) + spread)
            }
            // The URL is wrong, or nobody with these credentials is let in.
            Cause::Refused { .. } => Then::Stop,
            // Policy, try again later.
            Cause::Closed { code: Some(1008 | 1013) } => Then::Again(POLICY_DELAY + spread),
            Cause::Closed { .. }
            | Cause::Connect
            | Cause::Limit
            | Cause::Lost
            | Cause::Protocol
            | Cause::Resolve
            | Cause::Silent
            | Cause::Tls => Then::Again(spread),
            // A cause that is not known here.
            _ => Then::Again(spread.max(FIRST)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(30);

    fn refused(status: u16, retry_after_s: Option<u64>) -> Cause {
        Cause::Refused { status, retry_after_s }
    }

    #[test]
    fn the_first_attempt_is_made_at_once_and_the_bound_of_the_others_doubles() {
        let mut retry = Retry::default();
        let bounds: Vec<_> = (0..9).map(|_| retry.after(Cause::Lost, MAX, 1.0)).collect();
        let expected = [0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
        assert_eq!(bounds, expected.map(|ms| Then::Again(Duration::from_millis(ms))));
        assert_eq!(retry.after(Cause::Lost, MAX, 0.5), Then::Again(Duration::from_secs(15)));
        retry.reset();
        assert_eq!(retry.after(Cause::Lost, MAX, 1.0), Then::Again(Duration::ZERO));
    }

    #[test]
    fn a_venue_that_refuses_is_left_alone_for_as_long_as_it_says() {
        let at_first = |cause| Retry::default().after(cause, MAX, 0.0);
        let hold = |seconds| Then::Hold(Duration::from_secs(seconds));
        assert_eq!(at_first(refused(429, Some(7))), hold(60));
        assert_eq!(at_first(refused(429, Some(700))), hold(700));
        assert_eq!(at_first(refused(418, None)), hold(120));
        assert_eq!(at_first(refused(403, Some(u64::MAX))), hold(3 * 24 * 3600));
        assert_eq!(at_first(refused(503, Some(9))), Then::Again(Duration::from_secs(9)));
        assert_eq!(at_first(refused(401, None)), Then::Stop);
        assert_eq!(at_first(refused(404, None)), Then::Stop);
        assert_eq!(at_first(Cause::Closed { code: Some(1008) }), Then::Again(POLICY_DELAY));
        let mut retry = Retry::default();
        let holds = [(); 6].map(|()| retry.after(refused(418, None), MAX, 0.0));
        assert_eq!(holds, [120, 240, 480, 960, 1920, 3600].map(hold));
    }

    #[test]
    fn chance_adds_to_what_the_venue_asks_for() {
        let again = |cause| {
            let mut retry = Retry::default();
            retry.after(Cause::Lost, MAX, 0.0);
            retry.after(cause, MAX, 0.5)
        };
        let ms = Duration::from_millis;
        assert_eq!(again(refused(418, None)), Then::Hold(ms(120_250)));
        assert_eq!(again(refused(429, None)), Then::Hold(ms(60_250)));
        assert_eq!(again(refused(503, Some(9))), Then::Again(ms(9_250)));
        assert_eq!(again(refused(503, None)), Then::Again(ms(750)));
        assert_eq!(again(Cause::Closed { code: Some(1013) }), Then::Again(ms(5_250)));
    }
}
