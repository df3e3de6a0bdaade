//! The streams of one endpoint: what is asked for on each of its connections, in which order they bring it, and what does
//! not come.

use std::time::{Duration, Instant};

use crate::{
    event::Instrument,
    order::{Mark, Order, Verdict},
    recent::Recent,
    subscriptions::{Group, Subscriptions},
    watch::{Remedy, Watch},
};

/// What a stream may be silent for at least: what is less would be looked at for ever.
const SILENCE_MIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) subscriptions: Subscriptions,
    pub(crate) order: Order,
    recent: Recent,
    watch: Watch,
    /// By stream: whom it tells of, if it is one instrument.
    subjects: Vec<Option<Instrument>>,
}

/// A stream that is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    /// Streams of different groups are not asked for together.
    pub(crate) group: Group,
    /// Whom it tells of, if it is one instrument.
    pub(crate) subject: Option<Instrument>,
    /// How long it may be silent, where that is known.
    pub(crate) silence_max: Option<Duration>,
}

/// A stream that is wanted from now on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Added {
    /// Its place.
    pub(crate) stream: usize,
    /// It was wanted before, and may still bring what is old.
    pub(crate) was_known: bool,
}

impl Streams {
    /// At most `batch_max` streams are asked for in one request.
    pub(crate) fn new(batch_max: u16) -> Self {
        Self {
            subscriptions: Subscriptions::new(batch_max),
            order: Order::default(),
            recent: Recent::default(),
            watch: Watch::default(),
            subjects: Vec::new(),
        }
    }

    /// Wants a stream, unless it is wanted already.
    pub(crate) fn add(&mut self, wanted: Wanted<'_>, now: Option<Instant>) -> Option<Added> {
        let was_known = self.subscriptions.find(wanted.name).is_some();
        let stream = self.subscriptions.add(wanted.name, wanted.group, now)?;
        if self.subjects.len() <= stream {
            self.subjects.resize(stream + 1, None);
        }
        if let Some(subject) = self.subjects.get_mut(stream) {
            *subject = wanted.subject;
        }
        self.watch.set(stream, wanted.silence_max.map(|max| max.max(SILENCE_MIN)));
        if was_known {
            self.order.resume(stream);
        } else {
            self.order.forget(stream);
        }
        Some(Added { stream, was_known })
    }

    /// The only instrument of a stream.
    #[inline]
    pub(crate) fn subject(&self, stream: usize) -> Option<Instrument> {
        self.subjects.get(stream).copied().flatten()
    }

    pub(crate) fn on_open(&mut self, leg: usize, now: Instant) {
        self.subscriptions.on_open(leg, now);
        self.order.open(leg);
        self.watch.on_leg(leg, &self.subscriptions, now);
        self.recent.on_open(leg);
    }

    /// A connection is gone. The streams that come no more, and that nobody asks for again.
    pub(crate) fn on_closed(&mut self, leg: usize, in_order: bool, now: Instant) -> Vec<usize> {
        let missing = self.subscriptions.on_closed(leg);
        self.order.close(leg, in_order, now);
        self.watch.on_leg(leg, &self.subscriptions, now);
        missing
    }

    /// What an update of a leg is to its stream.
    #[inline]
    pub(crate) fn judge(
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
    pub(crate) fn is_shared(&self, stream: usize, instrument: Instrument) -> bool {
        self.subject(stream) != Some(instrument)
    }

    /// Whether a text that has no place in any order is news.
    pub(crate) fn is_news(&mut self, leg: usize, text: &[u8]) -> bool {
        self.recent.is_news(leg, text)
    }

    /// Looks what does not come that should, and says what is to be done about it. Streams that are silent are told to
    /// `tell`.
    pub(crate) fn look(&mut self, now: Instant, tell: impl FnMut(&str, Duration)) -> Vec<Remedy> {
        self.watch.look(&mut self.order, &mut self.subscriptions, now, tell)
    }

    /// When to look next, or a hole becomes a gap.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.watch.deadline(&self.order), self.order.deadline()].into_iter().flatten().min()
    }
}
