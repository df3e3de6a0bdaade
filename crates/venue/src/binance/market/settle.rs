//! When requests leave, when they are given up, and when to look again.

use std::time::{Duration, Instant};

use super::{Asking, Market};
#[cfg(feature = "sign")]
use crate::{
    binance::account::Account,
    event::{Outcome, Rejection},
};
use crate::{
    binance::{
        keeper::{Fetch, Keeper},
        product::Snapshots,
    },
    event::{Event, Instrument, Request},
    session::Now,
};

/// How long an answer may take before the request is sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Documents that are asked for at a time: they come one after another, and each is to come in its time.
const FETCHES_MAX: usize = 4;

impl Market {
    /// Sends what may be sent, gives up on what is overdue, and finds out when to look again. A message
    /// that changes nothing of that costs a comparison.
    pub(in crate::binance) fn settle(&mut self, moment: Now) {
        let now = moment.instant;
        if !self.restless && self.wake.is_none_or(|wake| now < wake) {
            return;
        }
        self.restless = false;
        let until = now + ANSWER_TIMEOUT;
        for (at, link) in self.links.iter_mut().enumerate().filter(|(_, link)| link.open) {
            for _ in 0..link.subscriptions.expire(now) {
                self.queue.push(Event::Unanswered { request: Request::Subscribe, instrument: None });
            }
            while let Some((chunk, id)) = link.subscriptions.next(&mut self.next_id, now, until) {
                self.commands.push_back(Asking::Subscribe { link: at, chunk, id });
            }
        }
        self.settle_snapshots(now, until);
        #[cfg(feature = "sign")]
        self.settle_account(moment, until);
        let free = self.snapshot_pace.free_at(now);
        let can_ask = self.may_ask() > 0;
        let due = |keeper: &Keeper| match keeper.fetch {
            Fetch::Due(at) if can_ask => Some(at.max(free)),
            Fetch::Asked { until, .. } => Some(until),
            _ => None,
        };
        let open = self.links.iter().filter(|link| link.open);
        let subscribe = open.filter_map(|link| link.subscriptions.deadline(now));
        let wake = self.keepers.iter().filter_map(due).chain(subscribe);
        #[cfg(feature = "sign")]
        let wake = wake.chain(self.account.as_ref().and_then(Account::deadline));
        self.wake = wake.min();
    }

    #[cfg(feature = "sign")]
    fn settle_account(&mut self, now: Now, until: Instant) {
        let Some(account) = &mut self.account else { return };
        if account.expire(now.instant) {
            self.queue.push(Event::Unanswered { request: Request::SignIn, instrument: None });
        }
        match account.request(self.next_id, now.unix_ns / 1_000_000, now.instant, until) {
            None => return,
            Some(Ok(text)) => self.commands.push_back(Asking::SignIn { text }),
            Some(Err(error)) => {
                let (request, outcome) = (Request::SignIn, Outcome::Final);
                let rejection = Rejection { request, instrument: None, code: 0, message: "", outcome };
                self.queue.push_with_words(Event::Rejected(rejection), &error.to_string());
            }
        }
        self.next_id += 1;
    }

    /// How many snapshots may be asked for before an answer comes.
    fn may_ask(&self) -> usize {
        let asked = self.keepers.iter().filter(|keeper| matches!(keeper.fetch, Fetch::Asked { .. })).count();
        match self.snapshots {
            Snapshots::Rest => FETCHES_MAX.saturating_sub(asked),
            Snapshots::Api if self.api_open == Some(true) => usize::MAX,
            Snapshots::Api => 0,
        }
    }

    fn settle_snapshots(&mut self, now: Instant, until: Instant) {
        for (instrument, keeper) in (0..).map(Instrument).zip(&mut self.keepers) {
            if matches!(keeper.fetch, Fetch::Asked { until, .. } if until <= now) {
                keeper.on_unanswered(now);
                let event = Event::Unanswered { request: Request::Snapshot, instrument: Some(instrument) };
                self.queue.push(event);
            }
        }
        let may_ask = self.may_ask();
        let due = |(_, keeper): &(_, &mut Keeper)| matches!(keeper.fetch, Fetch::Due(at) if at <= now);
        let due = (0..).map(Instrument).zip(&mut self.keepers).filter(due);
        for (instrument, keeper) in due.take(may_ask) {
            if self.snapshot_pace.take(now).is_err() {
                break;
            }
            let id = self.next_id;
            self.next_id += 1;
            keeper.fetch = Fetch::Asked { id, until };
            self.commands.push_back(Asking::Snapshot { instrument, id });
        }
    }
}
