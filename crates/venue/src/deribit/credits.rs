//! What requests cost: a pool of credits that fills by the time.

use std::time::{Duration, Instant};

/// The venue gives back 10,000 credits a second.
const CREDIT: Duration = Duration::from_micros(100);

/// What is not answered by then is taken to have arrived: no stall outlives the ping and the unacknowledged bytes.
const UNDER_WAY_MAX: Duration = Duration::from_secs(60);

/// A pool, and what each request takes out of it: when it arrives, which is not known before it is answered. A network that
/// stalls and goes on brings the venue at once what left apart, so that there has to be enough for all that is under way: on
/// one leg half of the pool, so that one that answers nothing leaves something to the others.
#[derive(Debug)]
pub(super) struct Credits {
    price: u32,
    pool: u32,
    /// Of the pool, before what is under way is paid for.
    left: u32,
    /// The requests of which it is not known whether they have arrived, oldest first.
    under_way: Vec<Sent>,
    /// Up to when credits were given back.
    filled: Option<Instant>,
    hold: Option<Instant>,
}

#[derive(Debug)]
struct Sent {
    leg: usize,
    id: u64,
    at: Instant,
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

    /// From when a request of a leg may leave; `now` if it may at once. An answer may make it sooner.
    pub(super) fn free_at(&self, leg: usize, now: Instant) -> Instant {
        let of_leg = || self.under_way.iter().filter(|sent| sent.leg == leg);
        let oldest = if self.price_of(self.under_way.len() + 1) > self.pool {
            self.under_way.first()
        } else if self.price_of(of_leg().count() + 1) > self.pool / 2 {
            of_leg().next()
        } else {
            None
        };
        let missing = self.price_of(self.under_way.len() + 1).min(self.pool).saturating_sub(self.left);
        let filled = self.filled.unwrap_or(now) + CREDIT * missing;
        let arrived = oldest.map(|sent| sent.at + UNDER_WAY_MAX);
        [Some(filled), arrived, self.hold].into_iter().flatten().fold(now, Instant::max)
    }

    /// Whether a request of a leg may leave now.
    pub(super) fn is_free(&self, leg: usize, now: Instant) -> bool {
        self.free_at(leg, now) <= now
    }

    /// A request leaves; the ids of a leg rise.
    pub(super) fn on_sent(&mut self, leg: usize, id: u64, now: Instant) {
        self.under_way.push(Sent { leg, id, at: now });
    }

    /// A request of a leg was answered: it has arrived, and so have those before it.
    pub(super) fn on_answer(&mut self, leg: usize, id: u64, now: Instant) {
        self.pay(now, |sent| sent.leg == leg && sent.id <= id);
    }

    /// A leg is gone: what was under way there is taken to arrive now at the latest.
    pub(super) fn on_closed(&mut self, leg: usize, now: Instant) {
        self.pay(now, |sent| sent.leg == leg);
    }

    /// Time has passed.
    pub(super) fn on_time(&mut self, now: Instant) {
        self.pay(now, |sent| sent.at + UNDER_WAY_MAX <= now);
    }

    fn pay(&mut self, now: Instant, has_arrived: impl Fn(&Sent) -> bool) {
        let count = self.under_way.len();
        self.under_way.retain(|sent| !has_arrived(sent));
        let paid = count - self.under_way.len();
        if paid > 0 {
            self.fill(now);
            self.left = self.left.saturating_sub(self.price_of(paid));
        }
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

    /// Sends what a leg may send now, from this id on; how many.
    fn sent(credits: &mut Credits, leg: usize, first: u64, now: Instant) -> usize {
        let ids = first..first + 1000;
        ids.take_while(|id| {
            let is_free = credits.is_free(leg, now);
            if is_free {
                credits.on_sent(leg, *id, now);
            }
            is_free
        })
        .count()
    }

    /// The same, each answered at once.
    fn answered(credits: &mut Credits, first: u64, now: Instant) -> usize {
        let ids = first..first + 1000;
        ids.take_while(|id| {
            let is_sent = credits.is_free(0, now);
            if is_sent {
                credits.on_sent(0, *id, now);
                credits.on_answer(0, *id, now);
            }
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
            let free = credits.free_at(0, now);
            assert_eq!(free, now + Duration::from_millis(300));
            assert!(!credits.is_free(0, free - Duration::from_nanos(1)));
            now = free;
            assert_eq!(answered(&mut credits, id, now), 1);
        }
        assert_eq!(now, start + Duration::from_secs(3));
    }

    #[test]
    fn what_may_arrive_together_never_costs_more_than_there_is_and_one_leg_leaves_half_to_the_others() {
        let start = start();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut credits = Credits::of_subscriptions();
        assert_eq!(sent(&mut credits, 0, 0, at(0)), 5);
        assert_eq!(sent(&mut credits, 1, 5, at(10)), 5);
        assert_eq!(sent(&mut credits, 2, 10, at(20)), 0);
        let free = [0, 1, 2].map(|leg| credits.free_at(leg, at(20)));
        assert_eq!(free, [at(60), at(60), at(60)], "the oldest has arrived by then");
        // Three of the second leg have arrived: they are paid for now, and as much comes back in 0.9 s.
        credits.on_answer(1, 7, at(30));
        let free = [0, 1, 2].map(|leg| credits.free_at(leg, at(30)));
        assert_eq!(free, [at(60), at(30) + Duration::from_millis(300), at(30) + Duration::from_millis(300)]);
        assert_eq!(sent(&mut credits, 2, 10, at(31)), 3);
        // What the first leg sent is given up.
        credits.on_time(at(60));
        assert_eq!(credits.free_at(0, at(60)), at(60) + Duration::from_millis(300));
        credits.on_closed(1, at(70));
        assert_eq!([0, 1, 2].map(|leg| sent(&mut credits, leg, 20, at(80))), [5, 2, 0]);
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
        assert_eq!(credits.free_at(0, later + Duration::from_secs(1)), until);
        assert!(credits.is_free(0, until));
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
