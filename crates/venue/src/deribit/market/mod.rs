//! What a session follows: its channels, its instruments, its books.

mod books;
mod messages;
mod streams;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

pub(super) use messages::{Odd, Origin};

use super::{
    channel::{Topic, is_busy, only_subject, subject},
    config::Access,
    keeper::Keeper,
    tickers::Kept,
};
use crate::{
    error::ConfigError,
    event::{Event, Gap, Instrument, Status, StatusKind},
    order::{StreamGap, UNKNOWN_SILENCE_MAX},
    queue::Queue,
    streams::{Added, Streams, Wanted},
    symbols::{Symbols, at},
};

/// Channels in one request. The venue documents 500, and has refused requests for being too large.
const BATCH_MAX: u16 = 250;

#[derive(Debug)]
pub(super) struct Market {
    pub(super) symbols: Symbols,
    pub(super) queue: Queue,
    pub(super) streams: Streams,
    /// Something changed that may call for a request.
    pub(super) restless: bool,
    access: Access,
    levels_max: usize,
    /// How long what is busy may be silent.
    silence_max: Option<Duration>,
    /// By instrument, as far as there are any.
    keepers: Vec<Option<Keeper>>,
    /// By instrument, as far as there are any.
    tickers: Vec<Option<Incremental>>,
}

/// A ticker that is told as changes of what was told before.
#[derive(Debug)]
struct Incremental {
    kept: Kept,
    /// Whether it was told whole since there is a connection.
    is_whole: bool,
}

impl Market {
    /// With a book for each channel that feeds one.
    pub(super) fn new(
        instruments: &[String],
        channels: &[Box<str>],
        access: Access,
        silence_max: Option<Duration>,
        levels_max: usize,
    ) -> Self {
        let mut symbols = Symbols::default();
        for name in instruments {
            symbols.intern(name);
        }
        let mut market = Self {
            symbols,
            queue: Queue::default(),
            streams: Streams::new(BATCH_MAX),
            restless: false,
            access,
            levels_max,
            silence_max,
            keepers: Vec::new(),
            tickers: Vec::new(),
        };
        for name in channels {
            market.follow(name, None);
        }
        market
    }

    /// Follows one more channel, by a name that was checked. `now` is there once connections may be.
    pub(super) fn follow(&mut self, name: &str, now: Option<Instant>) {
        let instrument = only_subject(name).and_then(|name| self.symbols.intern(name));
        let wanted = Wanted {
            name,
            group: self.access.need(name).group(),
            subject: instrument,
            silence_max: self.silence_max.filter(|max| is_busy(name) || *max > UNKNOWN_SILENCE_MAX),
        };
        let Some(Added { stream, was_known }) = self.streams.add(wanted, now) else { return };
        self.restless = true;
        let Some(instrument) = instrument.filter(|_| Topic::of(name) == Topic::Book) else { return };
        let levels_max = self.levels_max;
        let keeper = slot(&mut self.keepers, instrument)
            .get_or_insert_with(|| Keeper::new(instrument, stream, levels_max));
        keeper.on_followed(stream, was_known);
        if let Some(now) = now {
            keeper.seek_snapshot(&mut self.streams.subscriptions, now);
        }
    }

    /// Follows a channel no more.
    pub(super) fn unfollow(&mut self, name: &str, now: Instant) {
        let Some(stream) = self.streams.subscriptions.remove(name, now) else { return };
        self.restless = true;
        if let Some(keeper) = fed_by(&mut self.keepers, &self.streams, stream) {
            keeper.on_unfollowed();
        }
        self.tell_if_over(stream);
    }

    /// Whether channels may be followed from now on, with those that are already.
    pub(super) fn check(&self, names: &[&str]) -> Result<(), ConfigError> {
        let mut books = BTreeMap::new();
        for name in names {
            self.access.check(name)?;
            if Topic::of(name) != Topic::Book {
                continue;
            }
            let of = subject(name);
            let feeds = of.and_then(|of| self.keeper(self.symbols.find(of)?)).map(|keeper| keeper.channel);
            let feeds = feeds.filter(|stream| self.streams.subscriptions.is_wanted(*stream));
            let before = feeds.map(|stream| self.streams.subscriptions.name(stream));
            if before.into_iter().chain(books.insert(of, *name)).any(|before| before != *name) {
                return Err(ConfigError::DepthTwice);
            }
        }
        Ok(())
    }

    pub(super) fn on_open(&mut self, leg: usize, now: Instant) {
        self.streams.on_open(leg, now);
        self.restless = true;
    }

    pub(super) fn on_closed(&mut self, leg: usize, in_order: bool, now: Instant) {
        let leftovers = self.streams.subscriptions.leftovers();
        let missing = self.streams.on_closed(leg, in_order, now);
        self.restless = true;
        let Self { streams, keepers, tickers, queue, .. } = self;
        for keeper in keepers.iter_mut().flatten() {
            if streams.subscriptions.is_covered(keeper.channel) {
                keeper.on_left(leg, &mut streams.subscriptions, now);
            } else {
                keeper.on_uncovered(queue);
            }
        }
        if !streams.subscriptions.has_leg() {
            tickers.iter_mut().flatten().for_each(|ticker| ticker.is_whole = false);
        }
        leftovers.into_iter().for_each(|stream| self.tell_if_over(stream));
        missing.into_iter().for_each(|stream| self.tell_missing(stream));
    }

    /// Whether a connection brings all that it should, as far as it is subscribed.
    pub(super) fn is_ready(&self, leg: usize) -> bool {
        let Streams { subscriptions, order, .. } = &self.streams;
        let feeds = |keeper: &&Keeper| !keeper.sync.is_closed() && subscriptions.is_live(leg, keeper.channel);
        let books_are_ready = || self.keepers().filter(feeds).all(|keeper| keeper.is_ready(leg));
        subscriptions.is_settled(leg) && order.is_level(leg) && books_are_ready()
    }

    pub(super) fn keeper(&self, instrument: Instrument) -> Option<&Keeper> {
        self.keepers.get(at(instrument))?.as_ref()
    }

    pub(super) fn keepers(&self) -> impl Iterator<Item = &Keeper> {
        self.keepers.iter().flatten()
    }

    pub(super) fn tell_status(&mut self, kind: StatusKind, text: &str, venue_time_ns: Option<u64>) {
        self.queue.push_with_words(Event::Status(Status { kind, text: "", venue_time_ns }), text);
    }

    pub(super) fn tell_other(&mut self, kind: &str) {
        self.queue.push_with_words(Event::Other { kind: "" }, kind);
    }
}

/// The book that a channel feeds.
fn fed_by<'k>(keepers: &'k mut [Option<Keeper>], streams: &Streams, stream: usize) -> Option<&'k mut Keeper> {
    let keeper = keepers.get_mut(at(streams.subject(stream)?))?.as_mut()?;
    (keeper.channel == stream).then_some(keeper)
}

/// Tells a gap in a stream.
fn tell_gap(queue: &mut Queue, streams: &Streams, StreamGap { stream, instrument, hole }: StreamGap) {
    let told = Gap { stream: "", instrument, after: hole.after, through: hole.through };
    queue.push_with_words(Event::Gap(told), streams.subscriptions.name(stream));
}

/// The place of an instrument in a list, which grows as far as needed: it is bounded as names are.
fn slot<T>(list: &mut Vec<Option<T>>, instrument: Instrument) -> &mut Option<T> {
    let at = at(instrument);
    if list.len() <= at {
        list.resize_with(at + 1, || None);
    }
    #[expect(clippy::indexing_slicing, reason = "it was made long enough just now")]
    &mut list[at]
}
