//! The requests of a session, over all its connections: the heartbeat, signing in, subscribing. What they cost is paid
//! from one pool.

mod answers;
mod settle;

use std::time::{Duration, Instant};

use super::{
    auth::{Account, Credentials},
    credits::Credits,
    leg::{Asked, Leg, What},
    market::Market,
    outbox::Outbox,
    requests,
};
use crate::{pace::Backoff, route::LEGS_MAX, session::Now};

/// How long an answer may take before the request is sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long nothing leaves after too many requests.
const HOLD: Duration = Duration::from_secs(10);

/// What a heartbeat may be late by.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Control {
    pub(super) outbox: Outbox,
    pub(super) wake: Option<Instant>,
    legs: [Option<Leg>; LEGS_MAX],
    account: Account,
    heartbeat_s: u64,
    for_subscriptions: Credits,
    for_others: Credits,
    next_id: u64,
    backoff: Backoff,
    maintenance: Backoff,
}

impl Control {
    pub(super) fn new(credentials: Option<Credentials>, heartbeat_s: u64) -> Self {
        Self {
            outbox: Outbox::default(),
            wake: None,
            legs: [const { None }; LEGS_MAX],
            account: Account::new(credentials),
            heartbeat_s,
            for_subscriptions: Credits::of_subscriptions(),
            for_others: Credits::of_others(),
            next_id: 1,
            backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(30)),
            maintenance: Backoff::new(Duration::from_secs(15), Duration::from_secs(300)),
        }
    }

    #[inline]
    pub(super) fn is_open(&self, leg: usize) -> bool {
        self.leg(leg).is_some()
    }

    /// Whether a connection is signed in, or never will be.
    pub(super) fn is_settled(&self, leg: usize) -> bool {
        self.leg(leg).is_some_and(|leg| leg.sign_in.is_settled())
    }

    pub(super) fn on_open(&mut self, leg: usize, now: Now, market: &mut Market) {
        let Some(place) = self.legs.get_mut(leg) else { return };
        *place = Some(Leg::new(&self.account, now.instant));
        market.on_open(leg, now.instant);
        self.settle(now, market);
    }

    pub(super) fn on_closed(&mut self, leg: usize, in_order: bool, now: Now, market: &mut Market) {
        if self.legs.get_mut(leg).and_then(Option::take).is_some() {
            self.outbox.on_closed(leg);
            self.for_subscriptions.on_closed(leg, now.instant);
            self.for_others.on_closed(leg, now.instant);
            market.on_closed(leg, in_order, now.instant);
            self.settle(now, market);
        }
    }

    /// Something arrived.
    #[inline]
    pub(super) fn on_heard(&mut self, leg: usize, now: Instant, market: &mut Market) {
        if let Some(leg) = self.leg_mut(leg) {
            market.restless |= leg.on_heard(now);
        }
    }

    /// The venue wants to hear from us: at once, whatever it costs, but not many times a second.
    pub(super) fn on_test_request(&mut self, leg: usize, now: Instant, market: &mut Market) {
        if !self.leg_mut(leg).is_some_and(|leg| leg.on_test_request(now)) {
            return;
        }
        let id = self.begin(leg, What::Test, now);
        self.outbox.send(leg, |text| requests::test(text, id));
        market.restless = true;
    }

    fn begin(&mut self, leg: usize, what: What, now: Instant) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.credits(matches!(what, What::Subscribe(_))).on_sent(leg, id, now);
        if let Some(leg) = self.leg_mut(leg) {
            leg.begin(Asked { id, what, until: now + ANSWER_TIMEOUT });
        }
        id
    }

    /// What pays for a request: one that subscribes, or another.
    fn credits(&mut self, subscribes: bool) -> &mut Credits {
        if subscribes { &mut self.for_subscriptions } else { &mut self.for_others }
    }

    fn leg(&self, leg: usize) -> Option<&Leg> {
        self.legs.get(leg)?.as_ref()
    }

    fn leg_mut(&mut self, leg: usize) -> Option<&mut Leg> {
        self.legs.get_mut(leg)?.as_mut()
    }
}
