//! The requests of a session: the heartbeat, signing in, subscribing; what is answered and what is not.

use std::time::{Duration, Instant};

use super::{
    auth::{Credentials, SignIn},
    credits::Credits,
    market::{Market, Odd},
    outbox::Outbox,
    reaction::Reaction,
    requests,
    subscriptions::{Need, Subscriptions},
    wire::{Answer, Body, Id, Names, Refusal},
};
use crate::{
    event::{Event, Outcome, Rejection, Request, StatusKind},
    pace::Backoff,
    session::Now,
};

/// How long an answer may take before the request is sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long nothing leaves after too many requests.
const HOLD: Duration = Duration::from_secs(10);

/// What a heartbeat may be late by.
const GRACE: Duration = Duration::from_secs(5);

/// An answer to a test request is one to those that come so soon after it, too.
const TEST_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Control {
    pub(super) subscriptions: Subscriptions,
    pub(super) outbox: Outbox,
    pub(super) wake: Option<Instant>,
    sign_in: SignIn,
    heart: Heart,
    heartbeat_s: u64,
    for_subscriptions: Credits,
    for_others: Credits,
    asked: Vec<Asked>,
    next_id: u64,
    /// When a test request was answered last.
    tested: Option<Instant>,
    is_open: bool,
    /// Something changed that may call for a request.
    restless: bool,
    /// When the venue was heard last; `None` when its silence was told.
    heard: Option<Instant>,
    backoff: Backoff,
    maintenance: Backoff,
}

/// A request that an answer is awaited to.
#[derive(Debug, Clone, Copy)]
struct Asked {
    id: u64,
    what: What,
    until: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Heartbeat,
    SignIn,
    Subscribe,
    Unsubscribe,
    /// The answer to a test request of the venue's.
    Test,
}

/// Whether the venue sends heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heart {
    /// They are to be asked for, not before this time.
    Due(Instant),
    Asked,
    /// It does, or refused to.
    Settled,
}

impl Control {
    pub(super) fn new(
        subscriptions: Subscriptions,
        credentials: Option<Credentials>,
        heartbeat_s: u64,
    ) -> Self {
        Self {
            subscriptions,
            outbox: Outbox::default(),
            wake: None,
            sign_in: SignIn::new(credentials),
            heart: Heart::Settled,
            heartbeat_s,
            for_subscriptions: Credits::of_subscriptions(),
            for_others: Credits::of_others(),
            asked: Vec::new(),
            next_id: 1,
            tested: None,
            is_open: false,
            restless: false,
            heard: None,
            backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(30)),
            maintenance: Backoff::new(Duration::from_secs(15), Duration::from_secs(300)),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    pub(super) fn on_open(&mut self, now: Instant) {
        self.is_open = true;
        self.tested = None;
        self.restless = true;
        self.heard = Some(now);
        self.heart = Heart::Due(now);
        self.sign_in.on_open(now);
        self.subscriptions.on_open(now);
    }

    pub(super) fn on_closed(&mut self) {
        self.is_open = false;
        self.heard = None;
        self.wake = None;
        self.asked.clear();
        self.outbox.clear();
        self.heart = Heart::Settled;
        self.sign_in.on_closed();
    }

    /// Something arrived.
    pub(super) fn on_heard(&mut self, now: Instant) {
        self.restless |= self.heard.is_none();
        self.heard = Some(now);
    }

    /// Channels are to be subscribed anew.
    pub(super) fn on_lost(&mut self) {
        self.restless = true;
    }

    /// The venue wants to hear from us: at once, whatever it costs, but not many times a second.
    pub(super) fn on_test_request(&mut self, now: Instant) {
        if self.tested.is_some_and(|tested| now < tested + TEST_PAUSE) {
            return;
        }
        self.tested = Some(now);
        let id = self.begin(What::Test, now);
        self.outbox.push(|text| requests::test(text, id));
        self.for_others.spend(now);
        self.restless = true;
    }

    pub(super) fn on_answer(
        &mut self,
        answer: &Answer<'_>,
        now: Instant,
        market: &mut Market,
    ) -> Result<(), Odd> {
        let Some(asked) = self.take(answer.id) else {
            match answer.body {
                Body::Refused(refusal) => self.on_refused(None, refusal, now, market),
                _ => market.tell_other("answer"),
            }
            return Ok(());
        };
        self.restless = true;
        match (asked.what, answer.body) {
            (_, Body::Refused(refusal)) => self.on_refused(Some(asked), refusal, now, market),
            (What::Subscribe, Body::Channels(named)) => self.on_subscribed(asked.id, named, now, market),
            (What::Unsubscribe, Body::Channels(_)) => self.subscriptions.on_unsubscribed(asked.id, now),
            (What::SignIn, Body::Login(login)) => {
                self.sign_in.on_login(login, now);
                market.queue.push(Event::SignedIn);
            }
            (What::Heartbeat, Body::Done) => self.heart = Heart::Settled,
            (What::Test, _) => {}
            _ => {
                let again_at = now + self.backoff.take();
                if asked.what == What::SignIn {
                    self.sign_in.on_unanswered(again_at);
                }
                self.fail(asked, Some(again_at));
                return Err("an answer that does not fit its request");
            }
        }
        Ok(())
    }

    fn on_subscribed(&mut self, id: u64, named: Names<'_>, now: Instant, market: &mut Market) {
        self.backoff.reset();
        self.maintenance.reset();
        self.sign_in.on_use();
        let (mut lost, mut missing) = (Vec::new(), Vec::new());
        let streams = self.subscriptions.on_subscribed(
            id,
            named,
            |channel| {
                let anew_at = market.fed_by(channel).and_then(|keeper| keeper.on_confirmed(now));
                lost.extend(anew_at.map(|at| (channel, at)));
            },
            |name| missing.push(name.to_owned()),
        );
        for (channel, at) in lost {
            self.subscriptions.leave(channel, at);
        }
        market.queue.push(Event::Subscribed { streams, pending: self.subscriptions.pending() });
        for name in missing {
            market.queue.push_with_words(Event::Missing { stream: "" }, &name);
        }
    }

    fn on_refused(&mut self, asked: Option<Asked>, refusal: Refusal<'_>, now: Instant, market: &mut Market) {
        let reaction = Reaction::to(refusal.code);
        let what = asked.map(|asked| asked.what);
        let outcome = match (what, reaction) {
            (Some(What::SignIn), _) => self.sign_in.on_refused(reaction, now),
            (_, Reaction::Bug | Reaction::Fatal | Reaction::Drop | Reaction::Scope) => Outcome::Final,
            (_, Reaction::BackOff) => Outcome::Retry(now + HOLD),
            (_, Reaction::Maintenance) => Outcome::Retry(now + self.maintenance.take()),
            (_, Reaction::RetryLater | Reaction::Retry | Reaction::Resubscribe) => {
                Outcome::Retry(now + self.backoff.take())
            }
            (_, Reaction::LogIn) => self.sign_in.again(now),
        };
        if reaction == Reaction::BackOff {
            self.for_others.hold(now + HOLD);
            self.for_subscriptions.hold(now + HOLD);
        }
        self.restless = true;
        let outcome = match asked {
            Some(asked) => {
                let again_at = if let Outcome::Retry(at) = outcome { Some(at) } else { None };
                self.fail(asked, again_at);
                outcome
            }
            // Nobody knows what to ask again.
            None => Outcome::Final,
        };
        self.tell_refused(what, refusal, outcome, market);
    }

    fn tell_refused(&self, what: Option<What>, refusal: Refusal<'_>, outcome: Outcome, market: &mut Market) {
        let request = what.map_or(Request::Unknown, What::request);
        let rejection = Rejection { request, instrument: None, code: refusal.code, message: "", outcome };
        let words = [Some(refusal.message), refusal.param, refusal.reason];
        let words: Vec<_> = words.into_iter().flatten().collect();
        market.queue.push_with_words(Event::Rejected(rejection), &words.join(": "));
    }

    /// A request came to nothing; it is made again at a time, or never.
    fn fail(&mut self, asked: Asked, again_at: Option<Instant>) {
        match asked.what {
            What::Heartbeat => self.heart = again_at.map_or(Heart::Settled, Heart::Due),
            What::Subscribe | What::Unsubscribe => self.subscriptions.on_failed(asked.id, again_at),
            // It knows itself, and the venue will ask for another test.
            What::SignIn | What::Test => {}
        }
    }

    /// Sends what may be sent, gives up on what is overdue, and finds out when to look again. A message that changes
    /// nothing of that costs a comparison.
    pub(super) fn settle(&mut self, now: Now, market: &mut Market) {
        if !self.is_open || (!self.restless && self.wake.is_none_or(|wake| now.instant < wake)) {
            return;
        }
        self.restless = false;
        self.expire(now.instant, market);
        market.expire(now.instant, &mut self.subscriptions);
        self.settle_heart(now.instant);
        self.settle_sign_in(now, market);
        if self.sign_in.is_settled() {
            self.settle_subscriptions(now.instant, market);
        }
        self.wake = self.next_wake(now.instant, market);
    }

    fn expire(&mut self, now: Instant, market: &mut Market) {
        let (overdue, asked) = self.asked.iter().partition::<Vec<_>, _>(|asked| asked.until <= now);
        if !overdue.is_empty() {
            self.asked = asked;
        }
        for asked in overdue {
            if asked.what == What::SignIn {
                self.sign_in.on_unanswered(now);
            }
            self.fail(asked, Some(now));
            let request = asked.what.request();
            market.queue.push(Event::Unanswered { request, instrument: None });
        }
        if self.silent_at().is_some_and(|at| at <= now) {
            self.heard = None;
            market.tell_status(StatusKind::Other, "silent", None);
        }
    }

    /// When the venue has been silent for too long.
    fn silent_at(&self) -> Option<Instant> {
        Some(self.heard? + Duration::from_secs(self.heartbeat_s) * 2 + GRACE)
    }

    fn settle_heart(&mut self, now: Instant) {
        if matches!(self.heart, Heart::Due(at) if at <= now) && self.for_others.take(now).is_ok() {
            self.heart = Heart::Asked;
            let id = self.begin(What::Heartbeat, now);
            let interval_s = self.heartbeat_s;
            self.outbox.push(|text| requests::set_heartbeat(text, id, interval_s));
        }
    }

    fn settle_sign_in(&mut self, now: Now, market: &mut Market) {
        let due = self.sign_in.due_at().is_some_and(|at| at <= now.instant);
        if due && self.for_others.take(now.instant).is_ok() {
            let id = self.begin(What::SignIn, now.instant);
            if let Err(message) = self.sign_in.ask(&mut self.outbox, id, now) {
                self.asked.retain(|asked| asked.id != id);
                let refusal = Refusal { code: 0, message: &message, reason: None, param: None };
                self.tell_refused(Some(What::SignIn), refusal, Outcome::Final, market);
            }
        }
    }

    fn settle_subscriptions(&mut self, now: Instant, market: &mut Market) {
        if self.sign_in.is_refused() {
            let queue = &mut market.queue;
            self.subscriptions
                .on_never_signed_in(|name| queue.push_with_words(Event::Missing { stream: "" }, name));
        }
        while self.subscriptions.is_due(now).1 && self.for_others.take(now).is_ok() {
            let id = self.begin(What::Unsubscribe, now);
            let Some(need) = self.subscriptions.leave_some(id, now) else { break };
            self.send_channels(
                id,
                if need == Need::Private { "private/unsubscribe" } else { "public/unsubscribe" },
            );
        }
        while self.subscriptions.is_due(now).0 && self.for_subscriptions.take(now).is_ok() {
            let id = self.begin(What::Subscribe, now);
            let Some(need) = self.subscriptions.ask(id, now) else { break };
            self.send_channels(
                id,
                if need == Need::Private { "private/subscribe" } else { "public/subscribe" },
            );
            for (channel, _) in self.subscriptions.of(id) {
                if let Some(keeper) = market.fed_by(channel) {
                    keeper.on_subscribing();
                }
            }
        }
    }

    fn send_channels(&mut self, id: u64, method: &str) {
        let names = self.subscriptions.of(id).map(|(_, name)| name);
        self.outbox.push(|text| requests::channels(text, id, method, names));
    }

    fn next_wake(&self, now: Instant, market: &Market) -> Option<Instant> {
        let heart = if let Heart::Due(at) = self.heart { Some(at) } else { None };
        let (subscribe, leave) =
            if self.sign_in.is_settled() { self.subscriptions.due_at() } else { (None, None) };
        let paid = |at: Option<Instant>, credits: &Credits| at.map(|at| at.max(credits.free_at(now)));
        let answers = self.asked.iter().map(|asked| asked.until);
        let snapshots = market.keepers().filter_map(|keeper| keeper.deadline());
        let others = [
            paid(heart, &self.for_others),
            paid(self.sign_in.due_at(), &self.for_others),
            paid(leave, &self.for_others),
            paid(subscribe, &self.for_subscriptions),
            self.silent_at(),
        ];
        answers.chain(snapshots).chain(others.into_iter().flatten()).min()
    }

    fn begin(&mut self, what: What, now: Instant) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.asked.push(Asked { id, what, until: now + ANSWER_TIMEOUT });
        id
    }

    /// The request that an answer is to. Ours have numbers.
    fn take(&mut self, id: Id<'_>) -> Option<Asked> {
        let Id::Number(id) = id else { return None };
        let at = self.asked.iter().position(|asked| i64::try_from(asked.id) == Ok(id))?;
        Some(self.asked.swap_remove(at))
    }
}

impl What {
    fn request(self) -> Request {
        match self {
            Self::Heartbeat | Self::Test => Request::Heartbeat,
            Self::SignIn => Request::SignIn,
            Self::Subscribe => Request::Subscribe,
            Self::Unsubscribe => Request::Unsubscribe,
        }
    }
}
