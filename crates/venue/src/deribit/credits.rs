//! What requests cost: a pool of credits that fills by the time.

use std::time::{Duration, Instant};

/// The venue gives back 10,000 credits a second.
const CREDIT: Duration = Duration::from_micros(100);

/// A pool, and what each request takes out of it: when it arrives, which is not known before it is answered. A network that
/// stalls and goes on brings the venue at once what left apart, so that there has to be enough for all that is under way.
#[derive(Debug)]
pub(super) struct Credits {
    price: u32,
    pool: u32,
    /// Of the pool, before what is under way is paid for.
    left: u32,
    /// The requests of which it is not known whether they have arrived: their legs and ids.
    under_way: Vec<(usize, u64)>,
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
        Self { price, pool, left: pool, under_way: Vec::new(), filled: None, hold: None }
    }

    /// From when a request may leave, `now` if it may at once; `None` until an answer comes.
    pub(super) fn free_at(&self, now: Instant) -> Option<Instant> {
        let needed = self.price_of(self.under_way.len() + 1);
        if needed > self.pool {
            return None;
        }
        let filled = self.filled.unwrap_or(now);
        let missing = needed.saturating_sub(self.left);
        Some((filled + CREDIT * missing).max(self.hold.unwrap_or(now)).max(now))
    }

    /// Counts a request of a leg as under way if it may leave now; the ids of a leg rise.
    pub(super) fn take(&mut self, leg: usize, id: u64, now: Instant) -> bool {
        let is_free = self.free_at(now).is_some_and(|at| at <= now);
        if is_free {
            self.spend(leg, id);
        }
        is_free
    }

    /// The same for a request that leaves in any case.
    pub(super) fn spend(&mut self, leg: usize, id: u64) {
        self.under_way.push((leg, id));
    }

    /// A request of a leg was answered: it has arrived, and so have those before it.
    pub(super) fn on_answer(&mut self, leg: usize, id: u64, now: Instant) {
        let count = self.under_way.len();
        self.under_way.retain(|(of, sent)| *of != leg || *sent > id);
        self.fill(now);
        self.left = self.left.saturating_sub(self.price_of(count - self.under_way.len()));
    }

    /// A leg is gone: what was under way there has arrived, or never will.
    pub(super) fn on_closed(&mut self, leg: usize, now: Instant) {
        self.on_answer(leg, u64::MAX, now);
    }

    fn price_of(&self, requests: usize) -> u32 {
        self.price.saturating_mul(u32::try_from(requests).unwrap_or(u32::MAX))
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

    /// Sends what may be sent now, from this id on, all of it answered at once; how many.
    fn answered(credits: &mut Credits, first: u64, now: Instant) -> usize {
        let ids = first..first + 1000;
        ids.take_while(|id| {
            let is_sent = credits.take(0, *id, now);
            credits.on_answer(0, *id, now);
            is_sent
        })
        .count()
    }

    #[test]
    fn ten_subscriptions_leave_at_once_and_then_ten_in_three_seconds() {
        let start = start();
        let mut credits = Credits::of_subscriptions();
        assert_eq!(answered(&mut credits, 0, start), 10);
        let mut now = start;
        for id in 10..20 {
            let free = credits.free_at(now).unwrap();
            assert_eq!(free, now + Duration::from_millis(300));
            assert!(!credits.take(0, id, free - Duration::from_nanos(1)));
            now = free;
            assert_eq!(answered(&mut credits, id, now), 1);
        }
        assert_eq!(now, start + Duration::from_secs(3));
    }

    #[test]
    fn what_may_arrive_together_never_costs_more_than_there_is() {
        let start = start();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut credits = Credits::of_subscriptions();
        assert_eq!((0..100).take_while(|id| credits.take(0, *id, at(0))).count(), 10);
        assert_eq!(credits.free_at(at(60)), None, "the ten may arrive only now");
        // The first three have: they are paid for now, and as much comes back in 0.9 s.
        credits.on_answer(0, 2, at(60));
        assert_eq!(credits.free_at(at(60)), Some(at(60) + Duration::from_millis(300)));
        assert_eq!((10..100).take_while(|id| credits.take(0, *id, at(61))).count(), 3);
        credits.on_answer(1, 99, at(61));
        assert_eq!(credits.free_at(at(99)), None, "another leg was answered");
        credits.on_closed(0, at(99));
        assert_eq!(credits.free_at(at(99)), Some(at(99) + Duration::from_millis(300)));
    }

    #[test]
    fn a_pool_fills_to_its_size_and_a_hold_ends() {
        let start = start();
        let mut credits = Credits::of_others();
        assert_eq!(answered(&mut credits, 0, start), 100);
        let later = start + Duration::from_secs(3600);
        assert_eq!(answered(&mut credits, 1000, later), 100);
        let until = later + Duration::from_secs(5);
        credits.hold(until);
        assert_eq!(credits.free_at(later + Duration::from_secs(1)), Some(until));
        assert!(!credits.take(0, 2000, later + Duration::from_secs(1)) && credits.take(0, 2000, until));
    }

    #[test]
    fn parts_of_a_credit_are_not_lost() {
        let start = start();
        let mut credits = Credits::new(1, 1);
        let mut taken = 0;
        for step in 0..10_000 {
            taken += answered(&mut credits, step, start + Duration::from_micros(33 * step));
        }
        // A credit each 100 µs, met by steps of 33 µs.
        assert_eq!(taken, 2500);
    }
}
