//! When requests leave, when they are given up, and when to look again.

use std::time::{Duration, Instant};

use super::{Asking, Market, answers::request_of};
#[cfg(feature = "sign")]
use crate::event::{Outcome, Rejection};
use crate::{
    binance::{
        keeper::{Fetch, Keeper},
        link::Asked,
        product::Snapshots,
    },
    event::{Event, Request},
    route::Route,
    session::Now,
    watch::Remedy,
};

/// How long an answer may take before the request is sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Documents that are asked for at a time: they come one after another, and each is to come in its time.
const FETCHES_MAX: usize = 4;

impl Market {
    /// Sends what may be sent, and finds out when to look again. A message that changes nothing of that costs a comparison.
    /// Nothing is given up here: what is missed may have come, on a connection that is not read yet.
    pub(in crate::binance) fn settle(&mut self, moment: Now) {
        if self.restless {
            (0..self.links.len()).for_each(|at| self.settle_gaps(at, moment.instant));
            self.send_all(moment);
        }
    }

    /// The same, and gives up on what is overdue.
    pub(in crate::binance) fn on_deadline(&mut self, moment: Now) {
        let now = moment.instant;
        if !self.restless && self.wake.is_none_or(|wake| now < wake) {
            return;
        }
        for at in 0..self.links.len() {
            self.settle_gaps(at, now);
            self.settle_silence(at, now);
            self.expire_streams(at, now);
        }
        self.expire_snapshots(now);
        #[cfg(feature = "sign")]
        self.expire_accounts(now);
        self.send_all(moment);
    }

    fn send_all(&mut self, moment: Now) {
        let now = moment.instant;
        self.restless = false;
        let until = now + ANSWER_TIMEOUT;
        (0..self.links.len()).for_each(|at| self.settle_streams(at, now, until));
        self.settle_snapshots(now, until);
        #[cfg(feature = "sign")]
        self.settle_accounts(moment, until);
        let free = self.snapshot_pace.free_at(now);
        let can_ask = self.may_ask() > 0;
        let due = |keeper: &Keeper| match keeper.fetch {
            Fetch::Due(at) if can_ask => Some(at.max(free)),
            Fetch::Asked { until, .. } => Some(until),
            _ => None,
        };
        let wake = self.keepers.iter().flatten().filter_map(due);
        let wake = wake.chain(self.links.iter().filter_map(|link| link.deadline(now)));
        #[cfg(feature = "sign")]
        let wake = wake.chain(self.api.as_ref().and_then(|api| api.deadline()));
        self.wake = wake.min();
    }

    /// Holes that nobody fills become gaps.
    fn settle_gaps(&mut self, at: usize, now: Instant) {
        while let Some(gap) = self.links.get_mut(at).and_then(|link| link.streams.order.next_gap(now)) {
            self.tell_gap(at, gap);
            let Self { keepers, queue, .. } = self;
            let mut fed = keepers.iter_mut().flatten();
            if let Some(keeper) = fed.find(|keeper| (keeper.link, keeper.stream) == (at, gap.stream)) {
                keeper.on_hole(gap.hole, now, &mut |event| queue.push(event));
            }
        }
    }

    /// What does not come that should is asked for anew.
    fn settle_silence(&mut self, at: usize, now: Instant) {
        let Self { links, queue, commands, .. } = self;
        let Some(link) = links.get_mut(at) else { return };
        let remedies = link
            .streams
            .look(now, |name, since| queue.push_with_words(Event::Silent { stream: "", since }, name));
        let endpoint = link.endpoint;
        commands.extend(remedies.into_iter().map(|remedy| match remedy {
            Remedy::Replace(leg) => Asking::Replace(Route { endpoint, leg }),
            Remedy::Renew(leg) => Asking::Renew(Route { endpoint, leg }),
        }));
    }

    fn expire_streams(&mut self, at: usize, now: Instant) {
        let Some(link) = self.links.get_mut(at) else { return };
        for Asked { leg, id, aim, .. } in link.expire(now) {
            let waits = |asking: &Asking| matches!(asking, Asking::Streams { id: of, .. } if *of == id);
            if let Some(waiting) = self.commands.iter().position(waits) {
                // Nobody has taken it: it is asked for anew.
                self.commands.remove(waiting);
                link.forget(leg, id);
                continue;
            }
            self.queue.push(Event::Unanswered { request: request_of(aim), instrument: None });
            if link.on_unanswered(leg) {
                self.commands.push_back(Asking::Renew(Route { endpoint: link.endpoint, leg }));
            }
        }
    }

    fn settle_streams(&mut self, at: usize, now: Instant, until: Instant) {
        let Some(link) = self.links.get_mut(at) else { return };
        for leg in link.streams.subscriptions.open_legs() {
            while let Some(Asked { leg, id, aim, .. }) = link.ask(leg, &mut self.next_id, now, until) {
                self.commands.push_back(Asking::Streams { link: at, leg, aim, id });
            }
        }
    }

    #[cfg(feature = "sign")]
    fn expire_accounts(&mut self, now: Instant) {
        let Some(api) = &mut self.api else { return };
        let mut unanswered = Vec::new();
        for (leg, account) in api.accounts_mut() {
            if account.expire(now) {
                self.queue.push(Event::Unanswered { request: Request::SignIn, instrument: None });
                unanswered.push(leg);
            }
        }
        unanswered.into_iter().for_each(|leg| self.on_api_unanswered(leg));
    }

    #[cfg(feature = "sign")]
    fn settle_accounts(&mut self, now: Now, until: Instant) {
        let Some(api) = &mut self.api else { return };
        for (leg, account) in api.accounts_mut() {
            match account.request(self.next_id, now.unix_ns / 1_000_000, now.instant, until) {
                None => continue,
                Some(Ok(text)) => self.commands.push_back(Asking::SignIn { leg, text }),
                Some(Err(error)) => {
                    let (request, outcome) = (Request::SignIn, Outcome::Final);
                    let rejection = Rejection { request, instrument: None, code: 0, message: "", outcome };
                    self.queue.push_with_words(Event::Rejected(rejection), &error.to_string());
                }
            }
            self.next_id += 1;
        }
    }

    /// A connection to the API did not answer a request in time.
    fn on_api_unanswered(&mut self, leg: usize) {
        let Some(api) = &mut self.api else { return };
        if api.on_unanswered(leg) {
            self.commands.push_back(Asking::Renew(Route { endpoint: api.endpoint, leg }));
        }
    }

    /// How many snapshots may be asked for before an answer comes.
    fn may_ask(&self) -> usize {
        let asked = |keeper: &&Keeper| matches!(keeper.fetch, Fetch::Asked { .. });
        let asked = || self.keepers.iter().flatten().filter(asked).count();
        match self.config.snapshots {
            Snapshots::Api if self.newest_api().is_none() => 0,
            // The first answer tells what is left of the minute's weight.
            _ if !self.weight_known => 1_usize.saturating_sub(asked()),
            Snapshots::Rest => FETCHES_MAX.saturating_sub(asked()),
            Snapshots::Api => usize::MAX,
        }
    }

    fn newest_api(&self) -> Option<usize> {
        self.api.as_ref().and_then(|api| api.newest())
    }

    fn expire_snapshots(&mut self, now: Instant) {
        let mut unanswered = Vec::new();
        for keeper in self.keepers.iter_mut().flatten() {
            if let Fetch::Asked { leg, until, .. } = keeper.fetch
                && until <= now
            {
                keeper.on_unanswered(now);
                let (request, instrument) = (Request::Snapshot, Some(keeper.instrument));
                self.queue.push(Event::Unanswered { request, instrument });
                unanswered.extend(leg);
            }
        }
        unanswered.into_iter().for_each(|leg| self.on_api_unanswered(leg));
    }

    fn settle_snapshots(&mut self, now: Instant, until: Instant) {
        let may_ask = self.may_ask();
        let leg = if self.config.snapshots == Snapshots::Api { self.newest_api() } else { None };
        let due = |keeper: &&mut Keeper| matches!(keeper.fetch, Fetch::Due(at) if at <= now);
        for keeper in self.keepers.iter_mut().flatten().filter(due).take(may_ask) {
            if self.snapshot_pace.take(now).is_err() {
                break;
            }
            let id = self.next_id;
            self.next_id += 1;
            keeper.fetch = Fetch::Asked { id, leg, until };
            self.commands.push_back(Asking::Snapshot { instrument: keeper.instrument, leg, id });
        }
    }
}
