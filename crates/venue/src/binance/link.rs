//! One stream endpoint: its streams, what is asked for on each of its connections, and the order in which they bring it.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::{flight::Flight, product::Class, stream::Kind};
use crate::{
    event::Instrument,
    order::{Mark, Order, Verdict},
    recent::Recent,
    route::LEGS_MAX,
    subscriptions::{Aim, Subscriptions},
    watch::{Remedy, Watch},
};

/// Streams in one request.
const BATCH_MAX: u16 = 200;

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
    watch: Watch,
    /// Requests on each open leg.
    flights: [Option<Flight>; LEGS_MAX],
    asked: Vec<Asked>,
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
            watch: Watch::default(),
            flights: [const { None }; LEGS_MAX],
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
        let was_known = self.subscriptions.find(name).is_some();
        let stream = self.subscriptions.add(name, 0, now)?;
        if self.subjects.len() <= stream {
            self.subjects.resize(stream + 1, None);
        }
        if let Some(of) = self.subjects.get_mut(stream) {
            *of = subject;
        }
        self.watch.set(stream, silence_max);
        let kind = name.split_once('@').and_then(|(_, suffix)| Kind::of(suffix));
        if let (Some(subject), Some(kind)) = (subject, kind) {
            self.kinds.insert((subject, kind), stream);
        }
        if was_known {
            self.order.resume(stream);
        } else {
            self.order.forget(stream);
        }
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
        self.watch.on_leg(leg, &self.subscriptions, now);
        self.recent.on_open(leg);
        if let Some(flight) = self.flights.get_mut(leg) {
            *flight = Some(Flight::new(requests_per_second));
        }
    }

    pub(super) fn on_closed(&mut self, leg: usize, in_order: bool, now: Instant) {
        self.subscriptions.on_closed(leg);
        self.order.close(leg, in_order, now);
        self.watch.on_leg(leg, &self.subscriptions, now);
        self.asked.retain(|asked| asked.leg != leg);
        if let Some(flight) = self.flights.get_mut(leg) {
            *flight = None;
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
        let id = *next_id;
        if !self.flights.get_mut(leg)?.as_mut()?.take(id, now) {
            return None;
        }
        *next_id += 1;
        self.subscriptions.ask(leg, aim, id, now)?;
        let asked = Asked { leg, id, aim, until };
        self.asked.push(asked);
        Some(asked)
    }

    /// Whether a leg has left so many requests without an answer that no more may be sent.
    pub(super) fn is_deaf(&self, leg: usize, now: Instant) -> bool {
        let flight = self.flights.get(leg).and_then(Option::as_ref);
        flight.is_some_and(|flight| flight.is_full(now)) && !self.asked.iter().any(|asked| asked.leg == leg)
    }

    /// Takes the request that an answer on a leg is to.
    pub(super) fn answered(&mut self, leg: usize, id: u64, now: Instant) -> Option<Asked> {
        if let Some(flight) = self.flights.get_mut(leg).and_then(Option::as_mut) {
            flight.on_answer(id, now);
        }
        let at = self.asked.iter().position(|asked| (asked.leg, asked.id) == (leg, id))?;
        Some(self.asked.swap_remove(at))
    }

    /// Looks what does not come that should, and says what is to be done about it. Streams that are silent are told to
    /// `tell`.
    pub(super) fn look(&mut self, now: Instant, tell: impl FnMut(&str, Duration)) -> Vec<Remedy> {
        self.watch.look(&mut self.order, &mut self.subscriptions, now, tell)
    }

    /// When there will be something to do without a message.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let asks = self.subscriptions.open_legs().flat_map(|leg| {
            let free_at =
                self.flights.get(leg).and_then(Option::as_ref).and_then(|flight| flight.free_at(now));
            let due = [Aim::Subscribe, Aim::Unsubscribe].map(|aim| self.subscriptions.due_at(leg, aim));
            due.into_iter().filter_map(move |at| Some(at?.max(free_at?)))
        });
        let looks = [self.watch.deadline(&self.order), self.order.deadline()];
        asks.chain(self.asked.iter().map(|asked| asked.until)).chain(looks.into_iter().flatten()).min()
    }
}
