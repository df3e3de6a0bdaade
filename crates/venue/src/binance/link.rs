//! One stream endpoint: its streams, what is asked for on each of its connections, and the order in which they bring it.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::{product::Class, stream::Kind};
use crate::{
    event::Instrument,
    order::{Mark, Order, Verdict, legs_of},
    pace::Pace,
    recent::Recent,
    route::LEGS_MAX,
    subscriptions::{Aim, Subscriptions},
};

/// Streams in one request.
const BATCH_MAX: u16 = 200;

/// Between two looks whether a leg brings what others do.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Link {
    /// Its place among the endpoints.
    pub(super) endpoint: usize,
    /// What the host serves there.
    pub(super) class: Class,
    pub(super) subscriptions: Subscriptions,
    pub(super) order: Order,
    recent: Recent,
    /// By stream: whom it tells of, if it is one instrument.
    subjects: Vec<Option<Instrument>>,
    /// Streams by what their messages are, for messages that do not name theirs.
    kinds: FxHashMap<(Instrument, Kind), usize>,
    /// By stream: how long it may be silent.
    silences_max: Vec<Option<Duration>>,
    /// Streams that were subscribed anew on a leg because it did not bring them, as (stream, leg).
    renewed: Vec<(usize, usize)>,
    /// When to look again which legs are mute, while there are several.
    look_at: Option<Instant>,
    /// Requests on each open leg.
    paces: [Option<Pace>; LEGS_MAX],
    asked: Vec<Asked>,
}

/// What to do about a leg that does not bring what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// It brings nothing: nothing is lost with it.
    Replace(usize),
    /// It brings other things.
    Renew(usize),
}

/// A request that an answer is awaited to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) leg: usize,
    pub(super) id: u64,
    pub(super) aim: Aim,
    until: Instant,
}

impl Link {
    pub(super) fn new(endpoint: usize, class: Class) -> Self {
        Self {
            endpoint,
            class,
            subscriptions: Subscriptions::new(BATCH_MAX),
            order: Order::default(),
            recent: Recent::default(),
            subjects: Vec::new(),
            kinds: FxHashMap::default(),
            silences_max: Vec::new(),
            renewed: Vec::new(),
            look_at: None,
            paces: [const { None }; LEGS_MAX],
            asked: Vec::new(),
        }
    }

    /// Wants a stream; its place, unless it is wanted already.
    pub(super) fn add(
        &mut self,
        name: &str,
        subject: Option<Instrument>,
        silence_max: Option<Duration>,
        now: Option<Instant>,
    ) -> Option<usize> {
        let stream = self.subscriptions.add(name, 0, now)?;
        if self.subjects.len() <= stream {
            self.subjects.resize(stream + 1, None);
            self.silences_max.resize(stream + 1, None);
        }
        if let (Some(of), Some(max)) = (self.subjects.get_mut(stream), self.silences_max.get_mut(stream)) {
            (*of, *max) = (subject, silence_max);
        }
        let kind = name.split_once('@').and_then(|(_, suffix)| Kind::of(suffix));
        if let (Some(subject), Some(kind)) = (subject, kind) {
            self.kinds.insert((subject, kind), stream);
        }
        self.order.forget(stream);
        Some(stream)
    }

    /// The only instrument of a stream.
    #[inline]
    pub(super) fn subject(&self, stream: usize) -> Option<Instrument> {
        self.subjects.get(stream).copied().flatten()
    }

    /// The stream of a message that does not name it.
    pub(super) fn stream_of(&self, instrument: Instrument, kind: Kind) -> Option<usize> {
        self.kinds.get(&(instrument, kind)).copied()
    }

    pub(super) fn on_open(&mut self, leg: usize, requests_per_second: usize, now: Instant) {
        self.subscriptions.on_open(leg, now);
        self.order.open(leg);
        self.watch_legs(now);
        self.recent.on_open(leg);
        if let Some(pace) = self.paces.get_mut(leg) {
            *pace = Some(Pace::new(requests_per_second, Duration::from_secs(1)));
        }
    }

    pub(super) fn on_closed(&mut self, leg: usize, in_order: bool) {
        self.subscriptions.on_closed(leg);
        self.order.close(leg, in_order);
        self.asked.retain(|asked| asked.leg != leg);
        self.renewed.retain(|(_, of)| *of != leg);
        if let Some(pace) = self.paces.get_mut(leg) {
            *pace = None;
        }
    }

    /// What an update of a leg is to its stream.
    #[inline]
    pub(super) fn judge(
        &mut self,
        (stream, instrument): (usize, Instrument),
        leg: usize,
        mark: Mark,
        now: Instant,
    ) -> Verdict {
        let of = self.is_shared(stream, instrument).then_some(instrument);
        self.order.judge(stream, of, leg, mark, now)
    }

    /// Whether what a stream tells of an instrument is not all that it tells.
    #[inline]
    pub(super) fn is_shared(&self, stream: usize, instrument: Instrument) -> bool {
        self.subject(stream) != Some(instrument)
    }

    /// Whether a text that has no place in any order is news.
    pub(super) fn is_news(&mut self, leg: usize, text: &[u8]) -> bool {
        self.recent.is_news(leg, text)
    }

    /// Gives up waiting for answers that are overdue; says how many and of what.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Asked> {
        let (overdue, asked) = self.asked.iter().partition(|asked| asked.until <= now);
        self.asked = asked;
        for Asked { leg, id, .. } in &overdue {
            self.subscriptions.on_put_off(*leg, *id, now);
        }
        overdue
    }

    /// The next request of a leg, if there is one and it may leave now.
    pub(super) fn ask(
        &mut self,
        leg: usize,
        next_id: &mut u64,
        now: Instant,
        until: Instant,
    ) -> Option<Asked> {
        let is_due = |aim: &Aim| self.subscriptions.due_at(leg, *aim).is_some_and(|at| at <= now);
        let aim = [Aim::Subscribe, Aim::Unsubscribe].into_iter().find(is_due)?;
        self.paces.get_mut(leg)?.as_mut()?.take(now).ok()?;
        let id = *next_id;
        *next_id += 1;
        self.subscriptions.ask(leg, aim, id, now)?;
        let asked = Asked { leg, id, aim, until };
        self.asked.push(asked);
        Some(asked)
    }

    /// Takes the request that an answer on a leg is to.
    pub(super) fn answered(&mut self, leg: usize, id: u64) -> Option<Asked> {
        let at = self.asked.iter().position(|asked| (asked.leg, asked.id) == (leg, id))?;
        Some(self.asked.swap_remove(at))
    }

    /// With several legs, each can be measured by the others.
    fn watch_legs(&mut self, now: Instant) {
        self.look_at = (self.subscriptions.open_legs().count() > 1).then(|| now + LOOK);
    }

    /// Looks what does not come that should, and what to do about it. Streams that are silent are told to `tell`.
    pub(super) fn look(&mut self, now: Instant, mut tell: impl FnMut(&str, Duration)) -> Vec<Remedy> {
        let mut remedies = Vec::new();
        if self.look_at.is_some_and(|at| at <= now) {
            self.watch_legs(now);
            self.look_for_mute_legs(now, &mut remedies);
        }
        let Self { order, silences_max, .. } = self;
        let limit = |stream: usize| silences_max.get(stream).copied().flatten();
        if order.silence_deadline(limit).is_none_or(|at| at > now) {
            return remedies;
        }
        let (silent, is_any_heard) = order.silent(now, limit);
        if !is_any_heard {
            // Nothing comes at all, or nothing that should.
            remedies.extend(self.subscriptions.open_legs().map(Remedy::Replace));
            return remedies;
        }
        for (stream, since) in silent {
            tell(self.subscriptions.name(stream), since);
            for leg in self.subscriptions.open_legs() {
                self.subscriptions.renew(leg, stream, now);
            }
        }
        remedies
    }

    fn look_for_mute_legs(&mut self, now: Instant, remedies: &mut Vec<Remedy>) {
        let mut mute = Vec::new();
        let spoke = self.order.look(|stream, legs| mute.extend(legs_of(legs).map(|leg| (stream, leg))));
        for (stream, leg) in mute {
            let remedy = if !legs_of(spoke).any(|spoke| spoke == leg) {
                Remedy::Replace(leg)
            } else if self.renewed.contains(&(stream, leg)) {
                Remedy::Renew(leg)
            } else {
                self.renewed.push((stream, leg));
                self.subscriptions.renew(leg, stream, now);
                continue;
            };
            if !remedies.contains(&remedy) {
                remedies.push(remedy);
            }
        }
    }

    /// When there will be something to do without a message.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let asks = self.subscriptions.open_legs().flat_map(|leg| {
            let free_at = self.paces.get(leg).and_then(Option::as_ref).map_or(now, |pace| pace.free_at(now));
            let due = [Aim::Subscribe, Aim::Unsubscribe].map(|aim| self.subscriptions.due_at(leg, aim));
            due.into_iter().flatten().map(move |at| at.max(free_at))
        });
        let limit = |stream: usize| self.silences_max.get(stream).copied().flatten();
        let looks = [self.look_at, self.order.silence_deadline(limit), self.order.deadline()];
        asks.chain(self.asked.iter().map(|asked| asked.until)).chain(looks.into_iter().flatten()).min()
    }
}
