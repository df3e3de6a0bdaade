//! The end of the reader: which stream goes to which consumer.

use crate::consumer::{Consumer, Shared};
use crate::lanes::Put;
use crate::room::Room;
use crate::stream::{Name, Stream};
use crate::sync::Arc;
use crate::waker::Waker;
use rustc_hash::FxHashMap;
use std::fmt;

/// Names of streams that nobody takes are remembered up to so many.
const UNKNOWN_MAX: usize = 64;

/// A consumer, for its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConsumerId(usize);

/// Hands messages to the consumers of their streams. It belongs to the thread that reads.
///
/// `M` is what is said about each message beside its bytes, such as when it was read.
pub struct Registry<M> {
    streams: FxHashMap<Name, Way>,
    streams_max: usize,
    consumers: Vec<Option<Arc<Shared<M>>>>,
    unknown: Unknown,
    room: Arc<Room>,
    /// The buffer that the next message is written into.
    spare: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Way {
    consumer: usize,
    lane: usize,
}

/// What came of a message that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Offer {
    /// Its consumer will take it, or it was dropped by the rule of its stream and is counted there.
    Taken,
    /// There is no room for it, and it must not be dropped: [`try_offer`](Registry::try_offer) it again when the reader is
    /// woken.
    Full,
    /// Nobody takes this stream: it is counted ([`Registry::unknown`]).
    Unknown,
    /// The consumer of this stream is gone. All its streams are unknown from now on, and this message is counted so.
    Gone,
}

/// Why a stream is not handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Somebody takes it already.
    #[error("the stream has a consumer already")]
    Twice,
    /// There are as many as there may be.
    #[error("no more than {0} streams are handed over")]
    Streams(usize),
    /// There is no such stream.
    #[error("there is no such stream")]
    NoStream,
    /// There is no such consumer, or it is gone.
    #[error("the consumer is gone")]
    NoConsumer,
}

/// Messages of streams that nobody takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unknown {
    /// How many there were.
    pub messages: u64,
    /// The names of the first 64 such streams.
    pub names: Vec<String>,
}

impl<M> Registry<M> {
    /// For `streams_max` streams at most.
    #[must_use]
    pub fn new(streams_max: usize) -> Self {
        Self::with_room(streams_max, Room::new(None))
    }

    /// The same for a reader that must not be held up: `wake` is called, by a consumer's thread, when there may be room that
    /// [`try_offer`](Self::try_offer) did not find.
    #[must_use]
    pub fn waking(streams_max: usize, wake: Waker) -> Self {
        Self::with_room(streams_max, Room::new(Some(wake)))
    }

    fn with_room(streams_max: usize, room: Room) -> Self {
        Self {
            streams: FxHashMap::default(),
            streams_max,
            consumers: Vec::new(),
            unknown: Unknown::default(),
            room: Arc::new(room),
            spare: Vec::new(),
        }
    }

    /// Another consumer. Messages of `bytes_max` bytes in all may wait for it; a larger one waits alone.
    pub fn consumer(&mut self, bytes_max: usize) -> (ConsumerId, Consumer<M>) {
        let shared = Arc::new(Shared::new(bytes_max, Arc::clone(&self.room)));
        let consumer = Consumer::new(Arc::clone(&shared));
        let place = self.consumers.iter().position(Option::is_none).unwrap_or(self.consumers.len());
        match self.consumers.get_mut(place) {
            Some(free) => *free = Some(shared),
            None => self.consumers.push(Some(shared)),
        }
        (ConsumerId(place), consumer)
    }

    /// Hands a stream to a consumer from now on.
    ///
    /// # Errors
    /// [`RegistryError`]: nothing has changed.
    pub fn add(&mut self, stream: &Stream, to: ConsumerId) -> Result<(), RegistryError> {
        if self.streams.contains_key(&*stream.name) {
            return Err(RegistryError::Twice);
        }
        if self.streams.len() >= self.streams_max {
            return Err(RegistryError::Streams(self.streams_max));
        }
        let shared = self.consumers.get(to.0).and_then(Option::as_ref).ok_or(RegistryError::NoConsumer)?;
        let lane = shared.with(|state| (!state.consumer_is_gone).then(|| state.lanes.open(stream)));
        let lane = lane.ok_or(RegistryError::NoConsumer)?;
        self.streams.insert(stream.name.clone(), Way { consumer: to.0, lane });
        Ok(())
    }

    /// Ends a stream in order: its consumer takes what waits, and is told then.
    ///
    /// # Errors
    /// [`RegistryError::NoStream`].
    pub fn close(&mut self, name: &str) -> Result<(), RegistryError> {
        let (shared, lane) = self.take(name)?;
        shared.with(|state| state.lanes.close(lane));
        Ok(())
    }

    /// Ends a stream that cannot be trusted any more: what waits is dropped, and its consumer told at once.
    ///
    /// # Errors
    /// [`RegistryError::NoStream`].
    pub fn fail(&mut self, name: &str) -> Result<(), RegistryError> {
        let (shared, lane) = self.take(name)?;
        shared.with(|state| state.lanes.fail(lane));
        Ok(())
    }

    fn take(&mut self, name: &str) -> Result<(Arc<Shared<M>>, usize), RegistryError> {
        let way = self.streams.remove(name).ok_or(RegistryError::NoStream)?;
        let shared = self.consumers.get(way.consumer).and_then(Option::as_ref);
        Ok((Arc::clone(shared.ok_or(RegistryError::NoStream)?), way.lane))
    }

    /// What came for nobody so far.
    #[must_use]
    pub fn unknown(&self) -> &Unknown {
        &self.unknown
    }

    /// How many streams are handed over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether no stream is handed over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    #[cold]
    fn count_unknown(&mut self, name: &str) {
        self.unknown.messages += 1;
        if self.unknown.names.len() < UNKNOWN_MAX && !self.unknown.names.iter().any(|known| known == name) {
            self.unknown.names.push(name.to_owned());
        }
    }

    #[cold]
    fn forget(&mut self, name: &str, consumer: usize) -> Offer {
        self.count_unknown(name);
        self.streams.retain(|_, way| way.consumer != consumer);
        if let Some(place) = self.consumers.get_mut(consumer) {
            *place = None;
        }
        Offer::Gone
    }
}

impl<M: Copy> Registry<M> {
    /// Offers a message, which may lie in several pieces, to who takes its stream. `key` says which of those that wait it
    /// stands in for ([`Overflow::Conflate`](crate::Overflow)). Where nothing may be dropped, it waits for room: the consumer
    /// has to be on another thread. Never [`Offer::Full`].
    pub fn offer<'a>(
        &mut self,
        name: &str,
        key: u64,
        meta: M,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Offer {
        let Some(way) = self.fill(name, pieces) else { return Offer::Unknown };
        loop {
            match self.put(name, way, key, meta) {
                Offer::Full => self.room.wait(),
                offer => return offer,
            }
        }
    }

    /// The same without waiting.
    pub fn try_offer<'a>(
        &mut self,
        name: &str,
        key: u64,
        meta: M,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Offer {
        let Some(way) = self.fill(name, pieces) else { return Offer::Unknown };
        self.put(name, way, key, meta)
    }

    /// Copies a message into the spare buffer, if somebody takes it.
    #[inline]
    fn fill<'a>(&mut self, name: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<Way> {
        let Some(way) = self.streams.get(name).copied() else {
            self.count_unknown(name);
            return None;
        };
        self.spare.clear();
        pieces.into_iter().for_each(|piece| self.spare.extend_from_slice(piece));
        Some(way)
    }

    fn put(&mut self, name: &str, way: Way, key: u64, meta: M) -> Offer {
        let spare = &mut self.spare;
        let shared = self.consumers.get(way.consumer).and_then(Option::as_ref);
        let put = shared.map(|shared| {
            shared.with(|state| {
                if state.consumer_is_gone {
                    return Put::Closed;
                }
                let put = state.lanes.put(way.lane, key, meta, spare);
                state.reader_waits |= put == Put::Full;
                put
            })
        });
        match put {
            Some(Put::Done) => Offer::Taken,
            Some(Put::Full) => Offer::Full,
            Some(Put::Closed) | None => self.forget(name, way.consumer),
        }
    }
}

impl<M> Drop for Registry<M> {
    /// Consumers take what waits and are told then.
    fn drop(&mut self) {
        for shared in self.consumers.iter().flatten() {
            shared.with(|state| state.reader_is_gone = true);
        }
    }
}

impl<M> fmt::Debug for Registry<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("streams", &self.streams.len())
            .field("consumers", &self.consumers.len())
            .field("unknown", &self.unknown)
            .finish_non_exhaustive()
    }
}
