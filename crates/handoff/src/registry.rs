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

/// A consumer, for its registry. It is never another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConsumerId(usize);

/// Hands messages to the consumers of their streams. It belongs to the thread that reads.
///
/// `M` is what is said about each message beside its bytes, such as when it was read.
pub struct Registry<M> {
    streams: FxHashMap<Name, To>,
    streams_max: usize,
    /// By their ids; those that are gone leave nothing.
    consumers: Vec<Option<Arc<Shared<M>>>>,
    unknown: Unknown,
    room: Arc<Room>,
    /// The buffer that the next message is written into.
    spare: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct To {
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
    /// Somebody takes it already, or this consumer was not told its end yet.
    #[error("the stream has a consumer already")]
    Twice,
    /// There are as many as there may be, be it that a consumer was not told the end of so many yet.
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

    /// Another consumer. Messages of `bytes_max` bytes in all may wait for it, in buffers that may be four times as long and
    /// 1 KiB each, and as much memory again is kept for more; a larger message waits alone.
    pub fn consumer(&mut self, bytes_max: usize) -> (ConsumerId, Consumer<M>) {
        let shared = Arc::new(Shared::new(bytes_max, Arc::clone(&self.room)));
        let consumer = Consumer::new(Arc::clone(&shared));
        self.consumers.push(Some(shared));
        (ConsumerId(self.consumers.len() - 1), consumer)
    }

    /// Hands a stream to a consumer from now on.
    ///
    /// # Errors
    /// [`RegistryError`]: nothing has changed.
    pub fn add(&mut self, stream: &Stream, to: ConsumerId) -> Result<(), RegistryError> {
        self.forget_gone();
        if self.streams.contains_key(&*stream.name) {
            return Err(RegistryError::Twice);
        }
        let full = RegistryError::Streams(self.streams_max);
        if self.streams.len() >= self.streams_max {
            return Err(full);
        }
        let shared = self.consumers.get(to.0).and_then(Option::as_ref).ok_or(RegistryError::NoConsumer)?;
        let lane = shared.with(|state| match () {
            () if state.consumer_is_gone => Err(RegistryError::NoConsumer),
            () if state.lanes.has(&stream.name) => Err(RegistryError::Twice),
            () if state.lanes.len() >= self.streams_max => Err(full),
            () => Ok(state.lanes.open(stream)),
        })?;
        self.streams.insert(stream.name.clone(), To { consumer: to.0, lane });
        Ok(())
    }

    /// The streams of consumers that are gone can be another's.
    fn forget_gone(&mut self) {
        let is_gone = |shared: &Arc<Shared<M>>| shared.with(|state| state.consumer_is_gone);
        for at in 0..self.consumers.len() {
            if self.consumers.get(at).and_then(Option::as_ref).is_some_and(is_gone) {
                self.forget(at);
            }
        }
    }

    fn forget(&mut self, consumer: usize) {
        self.streams.retain(|_, to| to.consumer != consumer);
        if let Some(place) = self.consumers.get_mut(consumer) {
            *place = None;
        }
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

    /// Ends a stream that cannot be trusted any more: what waits is dropped, and its consumer told so, behind what it has taken
    /// already (up to 32 messages).
    ///
    /// # Errors
    /// [`RegistryError::NoStream`].
    pub fn fail(&mut self, name: &str) -> Result<(), RegistryError> {
        let (shared, lane) = self.take(name)?;
        shared.with(|state| state.lanes.fail(lane));
        Ok(())
    }

    fn take(&mut self, name: &str) -> Result<(Arc<Shared<M>>, usize), RegistryError> {
        let to = self.streams.remove(name).ok_or(RegistryError::NoStream)?;
        let shared = self.consumers.get(to.consumer).and_then(Option::as_ref);
        Ok((Arc::clone(shared.ok_or(RegistryError::NoStream)?), to.lane))
    }

    /// What came for nobody so far.
    #[must_use]
    pub fn unknown(&self) -> &Unknown {
        &self.unknown
    }

    #[cold]
    fn count_unknown(&mut self, name: &str) {
        self.unknown.messages += 1;
        if self.unknown.names.len() < UNKNOWN_MAX && !self.unknown.names.iter().any(|known| known == name) {
            self.unknown.names.push(name.to_owned());
        }
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
        let Some(to) = self.fill(name, pieces) else { return Offer::Unknown };
        loop {
            match self.put(name, to, key, meta) {
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
        let Some(to) = self.fill(name, pieces) else { return Offer::Unknown };
        self.put(name, to, key, meta)
    }

    /// Copies a message into the spare buffer, if somebody takes it.
    #[inline]
    fn fill<'a>(&mut self, name: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<To> {
        let Some(to) = self.streams.get(name).copied() else {
            self.count_unknown(name);
            return None;
        };
        self.spare.clear();
        pieces.into_iter().for_each(|piece| self.spare.extend_from_slice(piece));
        Some(to)
    }

    fn put(&mut self, name: &str, to: To, key: u64, meta: M) -> Offer {
        let spare = &mut self.spare;
        let shared = self.consumers.get(to.consumer).and_then(Option::as_ref);
        let put = shared.map(|shared| {
            shared.with(|state| {
                if state.consumer_is_gone {
                    return Put::Closed;
                }
                let put = state.lanes.put(to.lane, key, meta, spare);
                state.reader_waits |= put == Put::Full;
                put
            })
        });
        match put {
            Some(Put::Done) => Offer::Taken,
            Some(Put::Full) => Offer::Full,
            Some(Put::Closed) | None => {
                self.count_unknown(name);
                self.forget(to.consumer);
                Offer::Gone
            }
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
