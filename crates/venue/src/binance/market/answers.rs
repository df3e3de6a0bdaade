//! What the venue's answers mean for what is asked for.

use std::time::{Duration, Instant};

use super::Market;
use crate::{
    binance::{
        keeper::{Fetch, Keeper},
        wire::{Answer, Body, Id, PartialDepth, Refusal},
    },
    event::{Event, Instrument, Outcome, Rejection, Request},
    pace::Backoff,
    session::Now,
    subscriptions::{Aim, Became},
};

use super::messages::Odd;

/// What our clock may differ by from the venue's.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(1);

impl Market {
    pub(super) fn on_control_answer(
        &mut self,
        at: usize,
        leg: usize,
        answer: Answer<'_>,
        now: Instant,
    ) -> Result<(), Odd> {
        let Some(link) = self.links.get_mut(at) else { return Ok(()) };
        let asked = number(answer.id).and_then(|id| link.answered(leg, id, now));
        let leftovers = link.streams.subscriptions.leftovers();
        self.restless = true;
        match (asked, answer.body) {
            (Some(asked), Body::Done) => self.on_done(at, leg, asked.id, now),
            (Some(asked), Body::Refused(refusal)) => {
                let request = request_of(asked.aim);
                let refused = link.streams.subscriptions.on_refused(leg, asked.id, now);
                // Of several, who is to blame will turn out.
                let outcome = if refused.is_some() { Outcome::Final } else { Outcome::Retry(now) };
                let subscriptions = &link.streams.subscriptions;
                let missing = refused.filter(|stream| {
                    let is_missed = subscriptions.is_wanted(*stream) && !subscriptions.is_covered(*stream);
                    asked.aim == Aim::Subscribe && is_missed
                });
                let missing = missing.map(|stream| subscriptions.name(stream).to_owned());
                self.tell_rejected(request, None, refusal, outcome);
                if let Some(name) = missing {
                    self.queue.push_with_words(Event::Missing { stream: "" }, &name);
                }
                if let Some(stream) = refused.filter(|_| asked.aim == Aim::Unsubscribe) {
                    self.on_left((at, stream), leg, now);
                }
            }
            (None, Body::Refused(refusal)) => {
                self.tell_rejected(Request::Unknown, None, refusal, Outcome::Final);
            }
            (_, Body::Snapshot(_)) => return Err("a snapshot on the stream"),
            (_, Body::Done | Body::Other) => self.tell_other("answer"),
        }
        self.tell_over(at, &leftovers);
        Ok(())
    }

    /// The venue did what request `id` asked for.
    fn on_done(&mut self, at: usize, leg: usize, id: u64, now: Instant) {
        let Some(link) = self.links.get_mut(at) else { return };
        let became = link.streams.subscriptions.on_done(leg, id, now, |_| true);
        let firsts = became.iter().filter(|(_, became)| *became == Became::First).count();
        let pending = self.links.iter().map(|link| link.streams.subscriptions.pending());
        let mut pending = pending.sum::<usize>() + firsts;
        for (stream, became) in became {
            let Self { links, keepers, queue, .. } = self;
            let Some(link) = links.get_mut(at) else { return };
            match became {
                Became::Live => link.streams.order.join(stream, leg, now),
                Became::First => {
                    link.streams.order.join(stream, leg, now);
                    pending -= 1;
                    let event = Event::Subscribed { stream: "", pending };
                    queue.push_with_words(event, link.streams.subscriptions.name(stream));
                    let fed = keepers.iter_mut().flatten();
                    fed.filter(|keeper| (keeper.link, keeper.stream) == (at, stream))
                        .for_each(|keeper| keeper.on_confirmed(now));
                }
                Became::Left => self.on_left((at, stream), leg, now),
                Became::Missing => {}
            }
        }
    }

    /// A leg does not bring a stream any more, perhaps until it is subscribed anew.
    fn on_left(&mut self, (at, stream): (usize, usize), leg: usize, now: Instant) {
        let Self { links, keepers, queue, .. } = self;
        let Some(link) = links.get_mut(at) else { return };
        link.streams.order.leave(stream, leg, true, now);
        let fed = keepers.iter_mut().flatten();
        let mut fed = fed.filter(|keeper| (keeper.link, keeper.stream) == (at, stream));
        if link.streams.subscriptions.is_wanted(stream)
            && !link.streams.subscriptions.is_covered(stream)
            && let Some(keeper) = fed.next()
        {
            // It is subscribed anew.
            keeper.on_stream_closed(&mut |event| queue.push(event));
            keeper.on_stream_open();
        }
    }

    pub(super) fn on_api_answer(&mut self, leg: usize, answer: Answer<'_>, now: Now) -> Result<(), Odd> {
        self.api.iter_mut().for_each(|api| api.on_answer(leg));
        #[cfg(feature = "sign")]
        if self.is_sign_in(leg, &answer) {
            self.on_sign_in(leg, answer, now);
            return Ok(());
        }
        self.on_used_weight(answer.used_weight, now);
        let keeper = number(answer.id).and_then(|id| self.keeper_that_asked(id));
        match (keeper, answer.body) {
            (None, Body::Refused(refusal)) => {
                self.on_unwanted_refused(answer.status, refusal, now);
                self.tell_rejected(Request::Unknown, None, refusal, Outcome::Final);
            }
            (None, _) => self.tell_other("answer"),
            (Some(keeper), Body::Snapshot(snapshot)) => self.on_snapshot(keeper, snapshot, now.instant),
            (Some(keeper), Body::Refused(refusal)) => self.on_refused(keeper, answer.status, refusal, now),
            (Some(_), Body::Done | Body::Other) => return Err("a snapshot without a book"),
        }
        Ok(())
    }

    /// Whether an answer is about the account: to its request, or that it is signed out.
    #[cfg(feature = "sign")]
    fn is_sign_in(&self, leg: usize, answer: &Answer<'_>) -> bool {
        let Some(account) = self.api.as_ref().and_then(|api| api.account(leg)) else { return false };
        number(answer.id).is_some_and(|id| account.asked(id))
            || (answer.id == Id::None && answer.status == Some(401))
    }

    #[cfg(feature = "sign")]
    fn on_sign_in(&mut self, leg: usize, answer: Answer<'_>, now: Now) {
        self.restless = true;
        let Some(account) = self.api.as_mut().and_then(|api| api.account_mut(leg)) else { return };
        match answer.body {
            Body::Refused(refusal) => {
                let (outcome, hold) = account.on_refused(answer.status, refusal, now);
                hold.into_iter().for_each(|until| self.snapshot_pace.hold(until));
                self.tell_rejected(Request::SignIn, None, refusal, outcome);
            }
            _ if account.on_done(now.instant) => self.queue.push(Event::SignedIn),
            _ => {}
        }
    }

    /// Whose snapshot a request asked for; `None` if nobody waits for it any more.
    pub(in crate::binance) fn keeper_that_asked(&self, id: u64) -> Option<Instrument> {
        let asked = |keeper: &&Keeper| matches!(keeper.fetch, Fetch::Asked { id: asked, .. } if asked == id);
        self.keepers.iter().flatten().find(asked).map(|keeper| keeper.instrument)
    }

    pub(in crate::binance) fn on_snapshot(
        &mut self,
        of: Instrument,
        snapshot: PartialDepth<'_>,
        now: Instant,
    ) {
        self.restless = true;
        let Self { keepers, queue, .. } = self;
        if let Some(keeper) = keepers.get_mut(crate::symbols::at(of)).and_then(Option::as_mut) {
            let PartialDepth { update_id, bids, asks, .. } = snapshot;
            keeper.on_snapshot((update_id, bids, asks), now, &mut |event| queue.push(event));
        }
    }

    /// The venue tells what this address has used of its weight, a program that was started before this one included:
    /// nothing more is asked for in this minute if another snapshot would be too much.
    pub(in crate::binance) fn on_used_weight(&mut self, used: Option<u64>, now: Now) {
        const MINUTE_NS: u64 = 60_000_000_000;
        self.restless |= !self.weight_known;
        self.weight_known = true;
        let Some(used) = used else { return };
        let product = self.config.product;
        let weight = product.snapshot_weight(self.config.snapshot_limit) as u64;
        if used.saturating_add(weight) > product.weight_limit() / 20 * 19 {
            // By the venue's clock, which may differ from ours by a little.
            let left = MINUTE_NS - now.unix_ns % MINUTE_NS;
            self.snapshot_pace.hold(now.instant + Duration::from_nanos(left) + CLOCK_DIFFERENCE);
        }
    }

    /// Nothing came of a request for a snapshot.
    pub(in crate::binance) fn on_no_snapshot(&mut self, of: Instrument, now: Instant) {
        self.restless = true;
        if let Some(keeper) = self.keeper_mut(of) {
            keeper.on_failed(now);
            self.queue.push(Event::Unanswered { request: Request::Snapshot, instrument: Some(of) });
        }
    }

    pub(in crate::binance) fn on_refused(
        &mut self,
        of: Instrument,
        status: Option<u64>,
        refusal: Refusal<'_>,
        now: Now,
    ) {
        self.restless = true;
        let Some(keeper) = self.keeper_mut(of) else { return };
        let (outcome, hold) = keeper.on_refused(status, refusal, now);
        hold.into_iter().for_each(|until| self.snapshot_pace.hold(until));
        self.tell_rejected(Request::Snapshot, Some(of), refusal, outcome);
    }

    /// Nobody waits any more for what was refused, but the venue's limit holds.
    pub(in crate::binance) fn on_unwanted_refused(
        &mut self,
        status: Option<u64>,
        refusal: Refusal<'_>,
        now: Now,
    ) {
        let retry_at = refusal.retry_at(status, now, &mut Backoff::new(CLOCK_DIFFERENCE, CLOCK_DIFFERENCE));
        refusal.hold(status, retry_at).into_iter().for_each(|until| self.snapshot_pace.hold(until));
    }

    fn tell_rejected(
        &mut self,
        request: Request,
        instrument: Option<Instrument>,
        refusal: Refusal<'_>,
        outcome: Outcome,
    ) {
        let Refusal { code, message, .. } = refusal;
        let rejection = Rejection { request, instrument, code, message: "", outcome };
        self.queue.push_with_words(Event::Rejected(rejection), message);
    }
}

pub(super) fn request_of(aim: Aim) -> Request {
    match aim {
        Aim::Subscribe => Request::Subscribe,
        Aim::Unsubscribe => Request::Unsubscribe,
    }
}

/// The number of an answer; our requests have no other ids.
fn number(id: Id<'_>) -> Option<u64> {
    match id {
        Id::Number(number) => u64::try_from(number).ok(),
        Id::None | Id::Text(_) => None,
    }
}
