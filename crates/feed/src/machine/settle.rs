//! What is due: attempts, renewals, successors that take over.

use std::time::{Duration, Instant};

use tickwire_venue::{LinkChange, Now, Renewal, Route, Session};

use super::{LAG_LOOK, Machine, Order, Phase, unit};
use crate::{
    place::{Due, Place, Renew},
    site::{Link, Site, State},
    stats::record,
};

/// Between two looks whether connections are ready.
const LOOK: Duration = Duration::from_millis(50);
/// Looks in a row that find a connection slow before it is renewed for that: one shows a stall that is over.
const LAG_LOOKS: u8 = 3;
/// How long a successor of a connection that lagged is not judged by it.
const LAG_PATIENCE: Duration = Duration::from_secs(600);
/// How long an old connection may take to bring what its successor has brought.
const LAG_PATIENCE_AT_END: Duration = Duration::from_secs(10);

impl<S: Session> Machine<S> {
    /// Does what is due, and finds out when to look again.
    pub(super) fn settle(&mut self, now: Now) {
        if self.closing {
            self.wake = None;
            return;
        }
        for endpoint in self.session.endpoints().get(self.sites.len()..).unwrap_or_default() {
            self.sites.push(Site::new(self.plan.legs(endpoint.terms.races), now.instant));
        }
        // Before the places, so that a renewal begins at once.
        if now.instant >= self.lag_look_at {
            self.lag_look_at = now.instant + LAG_LOOK;
            (0..self.sites.len()).for_each(|endpoint| self.look_for_lag(endpoint, now));
        }
        for endpoint in 0..self.sites.len() {
            self.look(endpoint, now);
            (0..self.places(endpoint)).for_each(|place| self.settle_place(endpoint, place, now));
        }
        if now.instant >= self.look_at {
            self.look_at = now.instant + LOOK;
        }
        let look_at = self.look_at;
        let races = self.sites.iter().any(|site| site.places.len() > 1);
        let wake = self.sites.iter().filter_map(|site| site.deadline(look_at));
        self.wake = wake.chain(races.then_some(self.lag_look_at)).min();
    }

    /// Sees which open connections are ready.
    fn look(&mut self, endpoint: usize, now: Now) {
        if now.instant < self.look_at {
            return;
        }
        let opening: Vec<usize> = self.sites.get(endpoint).map_or(Vec::new(), |site| {
            let is_open = |leg: &usize| site.link(*leg).is_some_and(|link| link.state == State::Open);
            (0..site.links.len()).filter(is_open).collect()
        });
        for leg in opening {
            let route = Route { endpoint, leg };
            if self.session.is_ready(route) {
                self.on_ready(route, now.instant);
            }
        }
    }

    fn on_ready(&mut self, route: Route, now: Instant) {
        let lifetime =
            self.session.endpoints().get(route.endpoint).and_then(|endpoint| endpoint.terms.lifetime);
        let age = self.plan.renewal(lifetime, unit(&mut self.chance));
        let renewal = age.and_then(|age| now.checked_add(age)).map(|at| (at, Renewal::Age));
        let overlap_until = self.plan.overlap_until(now);
        let Some(site) = self.sites.get_mut(route.endpoint) else { return };
        let Some(link) = site.link_mut(route.leg) else { return };
        link.state = State::Ready { since: now };
        let (place, after) = (link.place, now.saturating_duration_since(link.began));
        if let Some(place) = site.places.get_mut(place) {
            if let Some(old) = place.ready(route.leg, renewal, overlap_until) {
                self.session.hand_over(Route { endpoint: route.endpoint, leg: old });
            }
            if let Some(lost_at) = place.lost_at.take() {
                record(&mut self.stats.recovery_us, now.saturating_duration_since(lost_at));
            }
        }
        record(&mut self.stats.ready_us, after);
        self.tell(route, LinkChange::Ready { after }, String::new());
    }

    /// Does what is due for a place.
    fn settle_place(&mut self, endpoint: usize, place: usize, now: Now) {
        let route = |leg| Route { endpoint, leg };
        match self.place_mut(endpoint, place).and_then(|place| place.due(now.instant)) {
            Some(Due::Dial) => {
                let dialed = self.dial(endpoint, place, now.instant);
                self.place_mut(endpoint, place).into_iter().for_each(|place| place.dialed(dialed));
            }
            Some(Due::Renew { leg, why }) => {
                self.renew_link(route(leg), why, now);
                self.settle_place(endpoint, place, now);
            }
            // It may have fallen behind again.
            Some(Due::Retire { old, new, since }) if self.session.is_ready(route(new)) => {
                let lags = !self.session.is_handed_over(route(old));
                if !lags || since + LAG_PATIENCE_AT_END <= now.instant {
                    self.retire(route(old), lags);
                    self.place_mut(endpoint, place).into_iter().for_each(Place::overlap_over);
                    // It may be due for renewal itself.
                    self.settle_place(endpoint, place, now);
                }
            }
            Some(Due::Retire { .. }) | None => {}
        }
    }

    pub(super) fn place_mut(&mut self, endpoint: usize, place: usize) -> Option<&mut Place> {
        self.sites.get_mut(endpoint)?.places.get_mut(place)
    }

    /// How many places an endpoint has.
    pub(super) fn places(&self, endpoint: usize) -> usize {
        self.sites.get(endpoint).map_or(0, |site| site.places.len())
    }

    /// Begins to connect, if the venue's budget allows it; else says when it does.
    fn dial(&mut self, endpoint: usize, place: usize, now: Instant) -> Result<usize, Instant> {
        let Some(site) = self.sites.get_mut(endpoint) else { return Err(now + LOOK) };
        // All are in use only while some retire.
        let leg = site.free_leg().ok_or(now + LOOK)?;
        if site.places.get(place).is_some_and(Place::is_renewing) {
            self.renewals.take(now)?;
        }
        self.attempts.take(now)?;
        if let Some(slot) = site.links.get_mut(leg) {
            *slot = Some(Link::dialing(place, now));
        }
        let attempt = site.places.get(place).map_or(1, |place| place.retry.attempt());
        self.stats.attempts += 1;
        let route = Route { endpoint, leg };
        self.orders.push_back(Order::Dial { route, place });
        self.tell(route, LinkChange::Connecting { attempt }, String::new());
        Ok(leg)
    }

    /// Wants a successor for a connection that is open.
    pub(super) fn renew_link(&mut self, route: Route, why: Renewal, now: Now) {
        let phase = self.phase(route);
        if !matches!(phase, Some(Phase::Open | Phase::Ready)) {
            return;
        }
        let is_ready = self.session.is_ready(route);
        // Since the last look.
        if is_ready && phase == Some(Phase::Open) {
            self.on_ready(route, now.instant);
        }
        let place = self.place(route).and_then(|place| self.place_mut(route.endpoint, place));
        match place.and_then(|place| place.renew(route.leg, why, is_ready, now.instant)) {
            Some(Renew::Tell) => self.tell(route, LinkChange::Renewing { why }, String::new()),
            Some(Renew::GiveUp) => self.give_up(route, now),
            None => {}
        }
    }

    /// A successor is ready: the old connection is closed in order.
    fn retire(&mut self, route: Route, lags: bool) {
        let link = self.sites.get_mut(route.endpoint).and_then(|site| site.link_mut(route.leg));
        if let Some(link) = link {
            link.state = State::Retiring;
            link.lags = lags;
            self.stats.renewed += 1;
            self.orders.push_back(Order::Close(route));
            self.tell(route, LinkChange::Retiring, String::new());
        }
    }

    /// Renews connections that are too far behind the others, look after look. One that finds nothing to judge by changes
    /// nothing.
    fn look_for_lag(&mut self, endpoint: usize, now: Now) {
        let Some(lag_max) = self.plan.lag_max else { return };
        let Some(site) = self.sites.get(endpoint) else { return };
        let ready: Vec<usize> = site.ready_legs().collect();
        for &leg in &ready {
            let route = Route { endpoint, leg };
            let Some(lag) = self.session.take_lag(route) else { continue };
            let Some(site) = self.sites.get_mut(endpoint) else { continue };
            let Some(link) = site.link_mut(leg) else { continue };
            link.slow_looks = if lag > lag_max { link.slow_looks.saturating_add(1) } else { 0 };
            let (at, is_slow) = (link.place, link.slow_looks >= LAG_LOOKS && ready.len() > 1);
            let Some(place) = site.places.get_mut(at).filter(|_| is_slow) else { continue };
            if place.patient_until.is_none_or(|until| until <= now.instant) {
                place.patient_until = Some(now.instant + LAG_PATIENCE);
                self.renew_link(route, Renewal::Slow, now);
            }
        }
    }
}
