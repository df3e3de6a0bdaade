//! What requests cost: a pool of credits that fills by the time.

use std::time::{Duration, Instant};

/// The venue gives back 10,000 credits a second.
const CREDIT: Duration = Duration::from_micros(100);

/// A pool, and what each request takes out of it.
#[derive(Debug)]
pub(super) struct Credits {
    price: u32,
    pool: u32,
    left: u32,
    /// Up to when credits were given back.
    filled: Option<Instant>,
    hold: Option<Instant>,
}

impl Credits {
    /// For subscriptions.
    pub(super) fn of_subscriptions() -> Self {
        Self::new(3000, 30_000)
    }

    /// For requests that the matching engine has no part in.
    pub(super) fn of_others() -> Self {
        Self::new(500, 50_000)
    }

    fn new(price: u32, pool: u32) -> Self {
        Self { price, pool, left: pool, filled: None, hold: None }
    }

    /// From when a request may leave; `now` if it may at once.
    pub(super) fn free_at(&self, now: Instant) -> Instant {
        let filled = self.filled.unwrap_or(now);
        let missing = self.price.saturating_sub(self.left);
        (filled + CREDIT * missing).max(self.hold.unwrap_or(now)).max(now)
    }

    /// Pays for a request if it may leave now; else says from when it may.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let free = self.free_at(now);
        if free > now {
            return Err(free);
        }
        self.spend(now);
        Ok(())
    }

    /// Pays for a request that leaves in any case.
    pub(super) fn spend(&mut self, now: Instant) {
        self.fill(now);
        self.left = self.left.saturating_sub(self.price);
    }

    /// Lets nothing through before `until`.
    pub(super) fn hold(&mut self, until: Instant) {
        self.hold = self.hold.max(Some(until));
    }

    fn fill(&mut self, now: Instant) {
        let filled = self.filled.unwrap_or(now);
        let back = now.saturating_duration_since(filled).as_micros() / CREDIT.as_micros();
        let back = u32::try_from(back).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(back).min(self.pool);
        self.filled = Some(if self.left == self.pool { now } else { filled + CREDIT * back });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::tests::start;

    #[test]
    fn ten_subscriptions_leave_at_once_and_then_ten_in_three_seconds() {
        let start = start();
        let mut credits = Credits::of_subscriptions();
        for _ in 0..10 {
            assert_eq!(credits.take(start), Ok(()));
        }
        let mut now = start;
        for _ in 0..10 {
            let free = credits.take(now).unwrap_err();
            assert_eq!(free, now + Duration::from_millis(300));
            now = free;
            assert_eq!(credits.take(now), Ok(()));
        }
        assert_eq!(now, start + Duration::from_secs(3));
    }

    #[test]
    fn a_pool_fills_to_its_size_and_a_hold_ends() {
        let start = start();
        let mut credits = Credits::of_others();
        let taken = |credits: &mut Credits, now| (0..1000).take_while(|_| credits.take(now).is_ok()).count();
        assert_eq!(taken(&mut credits, start), 100);
        let later = start + Duration::from_secs(3600);
        assert_eq!(taken(&mut credits, later), 100);
        let until = later + Duration::from_secs(5);
        credits.hold(until);
        assert_eq!(credits.take(later + Duration::from_secs(1)), Err(until));
        assert_eq!(credits.take(until), Ok(()));
    }

    #[test]
    fn parts_of_a_credit_are_not_lost() {
        let start = start();
        let mut credits = Credits::new(1, 1);
        let mut taken = 0;
        for step in 0..10_000 {
            taken += usize::from(credits.take(start + Duration::from_micros(33 * step)).is_ok());
        }
        // A credit each 100 µs, met by steps of 33 µs.
        assert_eq!(taken, 2500);
    }
}
