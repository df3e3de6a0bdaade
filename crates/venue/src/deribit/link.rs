//! The channels that are followed, and the order in which the connections bring what they tell.

use std::time::{Duration, Instant};

use super::channel::{Need, Topic};
use crate::{
    event::Instrument,
    order::{Mark, Order, Verdict},
    recent::Recent,
    subscriptions::Subscriptions,
    watch::{Remedy, Watch},
};

/// Channels in one request. The venue documents 500, and has refused requests for being too large.
const BATCH_MAX: u16 = 250;

#[derive(Debug)]
pub(super) struct Link {
    pub(super) subscriptions: Subscriptions,
    pub(super) order: Order,
    recent: Recent,
    watch: Watch,
    /// By stream: whom it tells of, if it is one instrument.
    subjects: Vec<Option<Instrument>>,
    /// How long what is busy may be silent.
    silence_max: Option<Duration>,
}

/// A channel that is wanted from now on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    /// Its place.
    pub(super) stream: usize,
    /// It was wanted before, and may still bring what is old.
    pub(super) was_known: bool,
}

impl Link {
    pub(super) fn new(silence_max: Option<Duration>) -> Self {
        Self {
            subscriptions: Subscriptions::new(BATCH_MAX),
            order: Order::default(),
            recent: Recent::default(),
            watch: Watch::default(),
            subjects: Vec::new(),
            silence_max,
        }
    }

    /// Wants a channel, unless it is wanted already.
    pub(super) fn add(
        &mut self,
        name: &str,
        need: Need,
        subject: Option<Instrument>,
        now: Option<Instant>,
    ) -> Option<Added> {
        let was_known = self.subscriptions.find(name).is_some();
        let stream = self.subscriptions.add(name, need.group(), now)?;
        if self.subjects.len() <= stream {
            self.subjects.resize(stream + 1, None);
        }
        if let Some(place) = self.subjects.get_mut(stream) {
            *place = subject;
        }
        self.watch.set(stream, self.silence_max.filter(|_| is_busy(name)));
        if was_known {
            self.order.resume(stream);
        } else {
            self.order.forget(stream);
        }
        Some(Added { stream, was_known })
    }

    /// The only instrument of a stream.
    #[inline]
    pub(super) fn subject(&self, stream: usize) -> Option<Instrument> {
        self.subjects.get(stream).copied().flatten()
    }

    pub(super) fn on_open(&mut self, leg: usize, now: Instant) {
        self.subscriptions.on_open(leg, now);
        self.watch.on_leg(leg, &self.subscriptions, now);
        self.order.open(leg);
        self.recent.on_open(leg);
    }

    pub(super) fn on_closed(&mut self, leg: usize, in_order: bool, now: Instant) {
        self.subscriptions.on_closed(leg);
        self.watch.on_leg(leg, &self.subscriptions, now);
        self.order.close(leg, in_order, now);
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

    /// Looks what does not come that should, and says what is to be done about it. Streams that are silent are told to
    /// `tell`.
    pub(super) fn look(&mut self, now: Instant, tell: impl FnMut(&str, Duration)) -> Vec<Remedy> {
        self.watch.look(&mut self.order, &mut self.subscriptions, now, tell)
    }

    /// When to look next, or a hole becomes a gap.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.watch.deadline(&self.order), self.order.deadline()].into_iter().flatten().min()
    }
}

/// Whether a channel is hardly ever silent for long: most perpetuals are traded all the time.
fn is_busy(name: &str) -> bool {
    matches!(Topic::of(name), Topic::Book | Topic::Quote | Topic::Ticker) && name.contains("-PERPETUAL")
}
