//! One stream endpoint: its streams, and the requests on each of its connections.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::{flight::Flight, product::Class, stream::Kind};
use crate::{
    event::Instrument,
    patience::Patience,
    route::LEGS_MAX,
    streams::{Added, Streams, Wanted},
    subscriptions::Aim,
};

/// Streams in one request.
const BATCH_MAX: u16 = 200;

#[derive(Debug)]
pub(super) struct Link {
    /// Its place among the endpoints.
    pub(super) endpoint: usize,
    /// What the host serves there.
    pub(super) class: Class,
    pub(super) streams: Streams,
    /// Streams by what their messages are, for messages that do not name theirs.
    kinds: FxHashMap<(Instrument, Kind), usize>,
    /// Requests on each open leg.
    flights: [Option<Flight>; LEGS_MAX],
    patience: [Patience; LEGS_MAX],
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
            streams: Streams::new(BATCH_MAX),
            kinds: FxHashMap::default(),
            flights: [const { None }; LEGS_MAX],
            patience: [Patience::default(); LEGS_MAX],
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
        let wanted = Wanted { name, group: 0, subject, silence_max };
        let Added { stream, .. } = self.streams.add(wanted, now)?;
        // Its place may have been another's.
        self.kinds.retain(|_, of| *of != stream);
        let kind = name.split_once('@').and_then(|(_, suffix)| Kind::of(suffix));
        if let (Some(subject), Some(kind)) = (subject, kind) {
            self.kinds.insert((subject, kind), stream);
        }
        Some(stream)
    }

    /// The stream of a message that does not name it.
    pub(super) fn stream_of(&self, instrument: Instrument, kind: Kind) -> Option<usize> {
        self.kinds.get(&(instrument, kind)).copied()
    }

    pub(super) fn on_open(&mut self, leg: usize, requests_per_second: usize, now: Instant) {
        self.streams.on_open(leg, now);
        if let Some(flight) = self.flights.get_mut(leg) {
            *flight = Some(Flight::new(requests_per_second));
        }
        if let Some(patience) = self.patience.get_mut(leg) {
            *patience = Patience::default();
        }
    }

    /// A connection is gone. The streams that come no more, and that nobody asks for again.
    pub(super) fn on_closed(&mut self, leg: usize, in_order: bool, now: Instant) -> Vec<usize> {
        self.asked.retain(|asked| asked.leg != leg);
        if let Some(flight) = self.flights.get_mut(leg) {
            *flight = None;
        }
        self.streams.on_closed(leg, in_order, now)
    }

    /// Gives up waiting for answers that are overdue; says how many and of what.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Asked> {
        let (overdue, asked) = self.asked.iter().partition(|asked| asked.until <= now);
        self.asked = asked;
        for Asked { leg, id, .. } in &overdue {
            self.streams.subscriptions.on_put_off(*leg, *id, now);
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
        let is_due = |aim: &Aim| self.streams.subscriptions.due_at(leg, *aim).is_some_and(|at| at <= now);
        let aim = [Aim::Subscribe, Aim::Unsubscribe].into_iter().find(is_due)?;
        let id = *next_id;
        if !self.flights.get_mut(leg)?.as_mut()?.take(id, now) {
            return None;
        }
        *next_id += 1;
        self.streams.subscriptions.ask(leg, aim, id, now)?;
        let asked = Asked { leg, id, aim, until };
        self.asked.push(asked);
        Some(asked)
    }

    /// A request of a leg has not left, and will not.
    pub(super) fn forget(&mut self, leg: usize, id: u64) {
        if let Some(flight) = self.flights.get_mut(leg).and_then(Option::as_mut) {
            flight.forget(id);
        }
    }

    /// A leg did not answer a request in time. Whether it is to be renewed for that.
    pub(super) fn on_unanswered(&mut self, leg: usize) -> bool {
        self.patience.get_mut(leg).is_some_and(Patience::on_unanswered)
    }

    /// Takes the request that an answer on a leg is to.
    pub(super) fn answered(&mut self, leg: usize, id: u64, now: Instant) -> Option<Asked> {
        if let Some(flight) = self.flights.get_mut(leg).and_then(Option::as_mut) {
            flight.on_answer(id, now);
        }
        if let Some(patience) = self.patience.get_mut(leg) {
            patience.on_answer();
        }
        let at = self.asked.iter().position(|asked| (asked.leg, asked.id) == (leg, id))?;
        Some(self.asked.swap_remove(at))
    }

    /// When there will be something to do without a message.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let asks = self.streams.subscriptions.open_legs().flat_map(|leg| {
            let free_at =
                self.flights.get(leg).and_then(Option::as_ref).and_then(|flight| flight.free_at(now));
            let due =
                [Aim::Subscribe, Aim::Unsubscribe].map(|aim| self.streams.subscriptions.due_at(leg, aim));
            due.into_iter().filter_map(move |at| Some(at?.max(free_at?)))
        });
        asks.chain(self.asked.iter().map(|asked| asked.until)).chain(self.streams.deadline()).min()
    }
}
