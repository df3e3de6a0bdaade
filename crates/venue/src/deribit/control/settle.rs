//! When requests leave, when they are given up, and when to look again.

use std::time::{Duration, Instant};

use super::{Control, GRACE, answers::tell_refused};
use crate::{
    deribit::{
        channel::Need,
        credits::Credits,
        leg::{Heart, Leg, What},
        market::Market,
        requests,
        wire::Refusal,
    },
    event::{Event, Outcome, Request, StatusKind},
    route::LEGS_MAX,
    session::Now,
    subscriptions::{Aim, Became},
    watch::Remedy,
};

impl Control {
    /// Sends what may be sent, and finds out when to look again. A message that changes nothing of that costs a comparison.
    /// Nothing is given up here: what is missed may have come, on a connection that is not read yet.
    #[inline]
    pub(in crate::deribit) fn settle(&mut self, now: Now, market: &mut Market) {
        if market.restless {
            market.settle_gaps(now.instant);
            self.send_all(now, market);
        }
    }

    /// The same, and gives up on what is overdue.
    pub(in crate::deribit) fn on_deadline(&mut self, now: Now, market: &mut Market) {
        if !market.restless && self.wake.is_none_or(|wake| now.instant < wake) {
            return;
        }
        for leg in 0..LEGS_MAX {
            self.expire(leg, now.instant, market);
        }
        market.settle_gaps(now.instant);
        market.settle_snapshots(now.instant);
        self.settle_silence(now.instant, market);
        self.send_all(now, market);
    }

    #[cold]
    fn send_all(&mut self, now: Now, market: &mut Market) {
        market.restless = false;
        self.for_subscriptions.on_time(now.instant);
        self.for_others.on_time(now.instant);
        for leg in 0..LEGS_MAX {
            self.settle_heart(leg, now.instant);
            self.settle_sign_in(leg, now, market);
        }
        for leg in 0..LEGS_MAX {
            if self.is_settled(leg) {
                self.settle_streams(leg, now.instant, market);
            }
        }
        self.wake = self.next_wake(now.instant, market);
    }

    fn expire(&mut self, at: usize, now: Instant, market: &mut Market) {
        let silence = self.silence();
        let Some(leg) = self.leg_mut(at) else { return };
        let (overdue, is_silent) = (leg.expire(now), leg.is_silent(silence, now));
        let is_deaf = overdue.iter().fold(false, |is_deaf, _| leg.patience.on_unanswered() || is_deaf);
        for asked in overdue {
            self.put_off(at, asked, now, market);
            market.queue.push(Event::Unanswered { request: asked.what.request(), instrument: None });
        }
        if is_deaf {
            self.outbox.renew(at);
        }
        if is_silent {
            market.tell_status(StatusKind::Silent, "", None);
            self.outbox.replace(at);
        }
    }

    /// What does not come that should is asked for anew.
    fn settle_silence(&mut self, now: Instant, market: &mut Market) {
        let Market { streams, queue, .. } = market;
        let remedies =
            streams.look(now, |name, since| queue.push_with_words(Event::Silent { stream: "", since }, name));
        for remedy in remedies {
            match remedy {
                Remedy::Replace(leg) => self.outbox.replace(leg),
                Remedy::Renew(leg) => self.outbox.renew(leg),
            }
        }
    }

    /// How long the venue may be silent.
    fn silence(&self) -> Duration {
        Duration::from_secs(self.heartbeat_s) * 2 + GRACE
    }

    fn settle_heart(&mut self, at: usize, now: Instant) {
        let is_due = self.leg(at).is_some_and(|leg| matches!(leg.heart, Heart::Due(at) if at <= now));
        if !is_due || !self.for_others.is_free(at, now) {
            return;
        }
        let id = self.begin(at, What::Heartbeat, now);
        let interval_s = self.heartbeat_s;
        self.outbox.send(at, |text| requests::set_heartbeat(text, id, interval_s));
        if let Some(leg) = self.leg_mut(at) {
            leg.heart = Heart::Asked;
        }
    }

    fn settle_sign_in(&mut self, at: usize, now: Now, market: &mut Market) {
        let due = self.leg(at).and_then(|leg| self.sign_in_at(leg));
        let is_due = due.is_some_and(|due| due <= now.instant);
        if !is_due || !self.for_others.is_free(at, now.instant) {
            return;
        }
        let id = self.begin(at, What::SignIn, now.instant);
        let Self { legs, account, outbox, .. } = self;
        let Some(leg) = legs.get_mut(at).and_then(Option::as_mut) else { return };
        if let Err(message) = leg.sign_in.ask(account, outbox, (at, id), now) {
            leg.forget(id);
            let refusal = Refusal { code: 0, message: &message, reason: None, param: None };
            tell_refused(Request::SignIn, refusal, Outcome::Final, market);
        }
    }

    /// When a connection is to sign in, if it is its turn.
    fn sign_in_at(&self, leg: &Leg) -> Option<Instant> {
        let mut legs = self.legs.iter().flatten();
        let waits = self.account.takes_turns() && legs.any(|leg| leg.sign_in.is_asked());
        leg.sign_in.due_at().filter(|_| !waits)
    }

    fn settle_streams(&mut self, leg: usize, now: Instant, market: &mut Market) {
        if self.leg(leg).is_some_and(|leg| leg.sign_in.is_refused()) {
            let hopeless = market.streams.subscriptions.give_up(leg, |group| group != Need::Nothing.group());
            for stream in hopeless {
                market.on_without(leg, stream, Became::Missing, now);
            }
        }
        while self.ask(leg, Aim::Unsubscribe, now, market).is_some() {}
        while self.ask(leg, Aim::Subscribe, now, market).is_some() {}
    }

    /// Sends the next request of a connection, if there is one and it may leave now.
    fn ask(&mut self, leg: usize, aim: Aim, now: Instant, market: &mut Market) -> Option<()> {
        let subscriptions = &mut market.streams.subscriptions;
        subscriptions.due_at(leg, aim).filter(|at| *at <= now)?;
        if !self.credits(aim == Aim::Subscribe).is_free(leg, now) {
            return None;
        }
        let group = subscriptions.ask(leg, aim, self.next_id, now)?;
        let (what, method) = match (aim, group == Need::Private.group()) {
            (Aim::Subscribe, false) => (What::Subscribe(group), "public/subscribe"),
            (Aim::Subscribe, true) => (What::Subscribe(group), "private/subscribe"),
            (Aim::Unsubscribe, false) => (What::Unsubscribe, "public/unsubscribe"),
            (Aim::Unsubscribe, true) => (What::Unsubscribe, "private/unsubscribe"),
        };
        let id = self.begin(leg, what, now);
        let names = market.streams.subscriptions.of(leg, id).map(|(_, name)| name);
        self.outbox.send(leg, |text| requests::channels(text, id, method, names));
        if aim == Aim::Subscribe {
            market.on_subscribing(leg, id);
        }
        Some(())
    }

    fn next_wake(&self, now: Instant, market: &Market) -> Option<Instant> {
        let legs = self.legs.iter().enumerate().filter_map(|(at, leg)| Some((at, leg.as_ref()?)));
        legs.filter_map(|(at, leg)| self.leg_wake(at, leg, now, market)).chain(market.deadline()).min()
    }

    fn leg_wake(&self, at: usize, leg: &Leg, now: Instant, market: &Market) -> Option<Instant> {
        let paid = |due: Option<Instant>, credits: &Credits| Some(due?.max(credits.free_at(at, now)));
        let heart = if let Heart::Due(at) = leg.heart { Some(at) } else { None };
        let due = |aim| market.streams.subscriptions.due_at(at, aim).filter(|_| leg.sign_in.is_settled());
        let others = [
            paid(heart, &self.for_others),
            paid(self.sign_in_at(leg), &self.for_others),
            paid(due(Aim::Unsubscribe), &self.for_others),
            paid(due(Aim::Subscribe), &self.for_subscriptions),
            leg.silent_at(self.silence()),
        ];
        leg.asked().map(|asked| asked.until).chain(others.into_iter().flatten()).min()
    }
}
