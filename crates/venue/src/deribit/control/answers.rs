//! What the venue's answers mean for what was asked.

use std::time::Instant;

use rustc_hash::FxHashSet;

use super::{Control, HOLD};
use crate::{
    deribit::{
        leg::{Asked, Heart, What},
        market::{Market, Odd},
        reaction::Reaction,
        wire::{Answer, Body, Id, Names, Refusal},
    },
    event::{Event, Outcome, Rejection, Request},
    subscriptions::Became,
};

impl Control {
    pub(in crate::deribit) fn on_answer(
        &mut self,
        leg: usize,
        answer: &Answer<'_>,
        now: Instant,
        market: &mut Market,
    ) -> Result<(), Odd> {
        self.pay(leg, answer.id, now);
        market.restless = true;
        let asked = self.leg_mut(leg).and_then(|leg| {
            leg.patience.on_answer();
            leg.take(answer.id)
        });
        let Some(asked) = asked else {
            match answer.body {
                Body::Refused(refusal) => self.on_unknown_refused(refusal, now, market),
                _ => market.tell_other("answer"),
            }
            return Ok(());
        };
        match (asked.what, answer.body) {
            (_, Body::Refused(refusal)) => self.on_refused(leg, asked, refusal, now, market),
            (What::Subscribe(_), Body::Channels(named)) => {
                self.backoff.reset();
                self.maintenance.reset();
                self.account.on_use();
                self.on_done(leg, asked.id, Some(named), now, market);
            }
            (What::Unsubscribe, Body::Channels(_)) => self.on_done(leg, asked.id, None, now, market),
            (What::SignIn, Body::Login(login)) => {
                let Self { legs, account, .. } = self;
                if let Some(leg) = legs.get_mut(leg).and_then(Option::as_mut) {
                    leg.sign_in.on_login(account, login, now);
                }
                market.queue.push(Event::SignedIn);
            }
            (What::Heartbeat, Body::Done) => self.set_heart(leg, Heart::Settled),
            (What::Test, _) => {}
            _ => {
                let again_at = now + self.backoff.take();
                self.put_off(leg, asked, again_at, market);
                return Err("an answer that does not fit its request");
            }
        }
        Ok(())
    }

    /// Pays for what an answer shows to have arrived.
    fn pay(&mut self, leg: usize, id: Id<'_>, now: Instant) {
        let Id::Number(id) = id else { return };
        let Ok(id) = u64::try_from(id) else { return };
        self.for_subscriptions.on_answer(leg, id, now);
        self.for_others.on_answer(leg, id, now);
    }

    /// Request `id` did what it was for. A subscription is of the channels that are `named`; the others are missing.
    fn on_done(&mut self, leg: usize, id: u64, named: Option<Names<'_>>, now: Instant, market: &mut Market) {
        let named: FxHashSet<&str> = named.iter().flat_map(|named| named.iter()).collect();
        let subscriptions = &mut market.streams.subscriptions;
        let became = subscriptions.on_done(leg, id, now, |name| named.contains(name));
        let firsts = became.iter().filter(|(_, became)| *became == Became::First).count();
        let mut pending = subscriptions.pending() + firsts;
        for (stream, became) in became {
            match became {
                Became::First => {
                    pending -= 1;
                    market.tell_subscribed(stream, pending);
                    market.on_joined(leg, stream, now);
                }
                Became::Live => market.on_joined(leg, stream, now),
                Became::Missing | Became::Left => market.on_without(leg, stream, became, now),
            }
        }
    }

    fn on_refused(
        &mut self,
        leg: usize,
        asked: Asked,
        refusal: Refusal<'_>,
        now: Instant,
        market: &mut Market,
    ) {
        let reaction = Reaction::to(refusal.code);
        self.hold_back(reaction, now);
        let outcome = self.outcome(leg, asked.what, reaction, now);
        if let Outcome::Retry(at) = outcome {
            if asked.what != What::SignIn {
                self.put_off(leg, asked, at, market);
            }
            tell_refused(asked.what.request(), refusal, outcome, market);
            return;
        }
        let (outcome, gone) = self.refuse_for_good(leg, asked, reaction, now, market);
        tell_refused(asked.what.request(), refusal, outcome, market);
        let became = if asked.what == What::Unsubscribe { Became::Left } else { Became::Missing };
        for stream in gone {
            market.on_without(leg, stream, became, now);
        }
    }

    /// What becomes of a request that was refused for good, and the channels that the connection is without by it.
    fn refuse_for_good(
        &mut self,
        leg: usize,
        asked: Asked,
        reaction: Reaction,
        now: Instant,
        market: &mut Market,
    ) -> (Outcome, Vec<usize>) {
        let subscriptions = &mut market.streams.subscriptions;
        let about: Vec<_> = subscriptions.of(leg, asked.id).map(|(stream, _)| stream).collect();
        match asked.what {
            What::SignIn | What::Test => {}
            What::Heartbeat => self.set_heart(leg, Heart::Settled),
            What::Unsubscribe => {
                return match subscriptions.on_refused(leg, asked.id, now) {
                    Some(left) => (Outcome::Final, vec![left]),
                    None => (Outcome::Retry(now), Vec::new()),
                };
            }
            What::Subscribe(_) if matches!(reaction, Reaction::Bug | Reaction::Drop | Reaction::Scope) => {
                if let Some(to_blame) = subscriptions.on_refused(leg, asked.id, now) {
                    return (Outcome::Final, vec![to_blame]);
                }
                // It was one of several: who is to blame will turn out.
                let unwanted = |stream: &usize| !subscriptions.is_wanted(*stream);
                return (Outcome::Retry(now), about.into_iter().filter(unwanted).collect());
            }
            What::Subscribe(group) => {
                // So would be all that needs the same.
                subscriptions.on_put_off(leg, asked.id, now);
                return (Outcome::Final, subscriptions.give_up(leg, |of| of == group));
            }
        }
        (Outcome::Final, Vec::new())
    }

    /// Nobody knows what to ask again.
    fn on_unknown_refused(&mut self, refusal: Refusal<'_>, now: Instant, market: &mut Market) {
        self.hold_back(Reaction::to(refusal.code), now);
        tell_refused(Request::Unknown, refusal, Outcome::Final, market);
    }

    fn hold_back(&mut self, reaction: Reaction, now: Instant) {
        if reaction == Reaction::BackOff {
            self.for_others.hold(now + HOLD);
            self.for_subscriptions.hold(now + HOLD);
        }
    }

    /// Whether and when what was refused is asked again.
    fn outcome(&mut self, leg: usize, what: What, reaction: Reaction, now: Instant) -> Outcome {
        let Self { legs, account, .. } = self;
        let Some(leg) = legs.get_mut(leg).and_then(Option::as_mut) else { return Outcome::Final };
        match (what, reaction) {
            (What::SignIn, _) => leg.sign_in.on_refused(account, reaction, now),
            (_, Reaction::Bug | Reaction::Fatal | Reaction::Drop | Reaction::Scope) => Outcome::Final,
            (_, Reaction::BackOff) => Outcome::Retry(now + HOLD),
            (_, Reaction::Maintenance) => Outcome::Retry(now + self.maintenance.take()),
            (_, Reaction::RetryLater | Reaction::Retry | Reaction::Resubscribe) => {
                Outcome::Retry(now + self.backoff.take())
            }
            (_, Reaction::LogIn) => leg.sign_in.again(account, now),
        }
    }

    /// A request came to nothing for now; it is made again at a time.
    pub(super) fn put_off(&mut self, leg: usize, asked: Asked, again_at: Instant, market: &mut Market) {
        match asked.what {
            What::Heartbeat => self.set_heart(leg, Heart::Due(again_at)),
            What::Subscribe(_) | What::Unsubscribe => {
                market.streams.subscriptions.on_put_off(leg, asked.id, again_at);
            }
            What::SignIn => {
                if let Some(leg) = self.leg_mut(leg) {
                    leg.sign_in.on_unanswered(again_at);
                }
            }
            // The venue will ask for another test.
            What::Test => {}
        }
    }

    fn set_heart(&mut self, leg: usize, heart: Heart) {
        if let Some(leg) = self.leg_mut(leg) {
            leg.heart = heart;
        }
    }
}

pub(super) fn tell_refused(request: Request, refusal: Refusal<'_>, outcome: Outcome, market: &mut Market) {
    let rejection = Rejection { request, instrument: None, code: refusal.code, message: "", outcome };
    let words = [Some(refusal.message), refusal.param, refusal.reason];
    let words: Vec<_> = words.into_iter().flatten().collect();
    market.queue.push_with_words(Event::Rejected(rejection), &words.join(": "));
}
