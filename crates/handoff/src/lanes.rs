//! What waits for one consumer: its streams, each with its messages in order, and the buffers that they lie in. No lock, no
//! thread.
//!
//! ```text
//!          close            all is taken              told
//!   Open ─────────► Draining ───────────► Ended(End) ──────► Free
//!    └──────────────────── fail ────────► Ended(Failed) ─────┘
//! ```

#[cfg(test)]
mod tests;

use crate::stream::{End, Name, Overflow, Stream};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// A buffer may be so much larger than its message, beside four times as large.
const SLACK_BYTES: usize = 1024;

/// The streams of one consumer.
#[derive(Debug)]
pub(crate) struct Lanes<M> {
    lanes: Vec<Lane<M>>,
    /// Lanes with something to take, each once, in turn.
    ready: VecDeque<usize>,
    store: Store,
}

/// The bytes of messages that wait, and buffers for more.
#[derive(Debug)]
struct Store {
    /// Buffers that nothing lies in.
    free: Vec<Vec<u8>>,
    free_bytes: usize,
    /// Of all messages that wait.
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Lane<M> {
    name: Name,
    /// Which of the streams that have had this place it is.
    tenant: u32,
    state: State,
    overflow: Overflow,
    messages_max: usize,
    messages: VecDeque<Queued<M>>,
    /// Of those messages.
    bytes: usize,
    /// Which message of each key waits, counted from the first that ever did, if only the latest is wanted.
    latest: FxHashMap<u64, u64>,
    /// How many messages were put in, and how many of those that waited left.
    put: u64,
    left: u64,
    /// How many were dropped behind the last that waits.
    missed: u64,
    is_ready: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// It ends when everything is taken.
    Draining,
    /// To be told.
    Ended(End),
    /// Its place can be another's.
    Free,
}

#[derive(Debug)]
struct Queued<M> {
    key: u64,
    sequence: u64,
    missed: u64,
    meta: M,
    bytes: Vec<u8>,
}

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It waits, or it was dropped by the rule of its stream and is counted.
    Done,
    /// There is no room, and nothing may be dropped.
    Full,
    /// The lane is not open.
    Closed,
}

/// What a consumer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken<M> {
    pub(crate) lane: usize,
    pub(crate) tenant: u32,
    /// Messages of the lane that were dropped before.
    pub(crate) missed: u64,
    pub(crate) what: What<M>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What<M> {
    /// Its bytes are in the buffer; how many messages of the lane were put in before it.
    Message {
        sequence: u64,
        meta: M,
    },
    Ended(End),
}

impl<M> Lanes<M> {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { lanes: Vec::new(), ready: VecDeque::new(), store: Store::new(bytes_max) }
    }

    /// Whether a stream of this name is here, be it only to tell its end.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.lanes.iter().any(|lane| lane.state != State::Free && *lane.name == *name)
    }

    /// How many streams are here, those that have only their end to tell among them.
    pub(crate) fn len(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.state != State::Free).count()
    }

    /// Opens a lane; its place.
    pub(crate) fn open(&mut self, stream: &Stream) -> usize {
        match self.lanes.iter_mut().enumerate().find(|(_, lane)| lane.state == State::Free) {
            Some((at, free)) => {
                *free = Lane::new(stream, free.tenant.wrapping_add(1));
                at
            }
            None => {
                self.lanes.push(Lane::new(stream, 0));
                self.lanes.len() - 1
            }
        }
    }

    /// The name of the stream of a lane.
    pub(crate) fn name(&self, lane: usize) -> Option<Name> {
        Some(self.lanes.get(lane)?.name.clone())
    }

    /// Puts the message in `bytes` into a lane, and leaves an empty buffer in its place unless there is no room.
    pub(crate) fn put(&mut self, at: usize, key: u64, meta: M, bytes: &mut Vec<u8>) -> Put {
        let Self { lanes, store, .. } = self;
        let Some(lane) = lanes.get_mut(at).filter(|lane| lane.state == State::Open) else {
            return Put::Closed;
        };
        if lane.overflow == Overflow::Conflate && lane.could_have_room(store, bytes.len()) {
            while let Some(old) = lane.waiting_len(key) {
                if store.fits(store.bytes - old, bytes.len()) {
                    lane.replace(store, key, meta, bytes);
                    return Put::Done;
                }
                lane.drop_oldest(store);
            }
        }
        if !lane.has_room(store, bytes.len()) {
            if lane.overflow == Overflow::Block {
                return Put::Full;
            }
            if !lane.could_have_room(store, bytes.len()) {
                (lane.put, lane.missed) = (lane.put + 1, lane.missed + 1);
                bytes.clear();
                return Put::Done;
            }
            while !lane.has_room(store, bytes.len()) && lane.drop_oldest(store) {}
        }
        let bytes = store.fill(bytes);
        lane.push(key, meta, bytes);
        self.make_ready(at);
        Put::Done
    }

    /// A stream ends: what waits of it is taken before that is told.
    pub(crate) fn close(&mut self, at: usize) {
        let Some(lane) = self.lanes.get_mut(at).filter(|lane| lane.state == State::Open) else { return };
        lane.state = if lane.messages.is_empty() { State::Ended(End::Closed) } else { State::Draining };
        self.make_ready(at);
    }

    /// A stream has failed: what waits of it is dropped and counted, and that is told at once.
    pub(crate) fn fail(&mut self, at: usize) {
        let Self { lanes, store, .. } = self;
        let Some(lane) = lanes.get_mut(at).filter(|lane| lane.state == State::Open) else { return };
        while lane.drop_oldest(store) {}
        lane.state = State::Ended(End::Failed);
        self.make_ready(at);
    }

    /// Whether there is anything to take.
    pub(crate) fn has_any(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether what is next stands in for older ones, and would be one of those itself if it were taken too early.
    pub(crate) fn is_latest_next(&self) -> bool {
        let lane = self.ready.front().and_then(|at| self.lanes.get(*at));
        lane.is_some_and(|lane| lane.overflow == Overflow::Conflate)
    }

    /// Takes what is next, its bytes into `buffer`, whose memory is used again.
    pub(crate) fn take(&mut self, buffer: &mut Vec<u8>) -> Option<Taken<M>> {
        let at = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(at)?;
        lane.is_ready = false;
        let tenant = lane.tenant;
        let taken = match lane.pop() {
            Some(Queued { sequence, missed, meta, bytes, .. }) => {
                self.store.empty(buffer, bytes);
                if lane.messages.is_empty() && lane.state == State::Draining {
                    lane.state = State::Ended(End::Closed);
                }
                Taken { lane: at, tenant, missed, what: What::Message { sequence, meta } }
            }
            None => {
                let State::Ended(end) = lane.state else { return None };
                lane.state = State::Free;
                let missed = std::mem::take(&mut lane.missed);
                Taken { lane: at, tenant, missed, what: What::Ended(end) }
            }
        };
        self.make_ready(at);
        Some(taken)
    }

    /// A lane with something to take has its turn behind the others.
    fn make_ready(&mut self, at: usize) {
        let Some(lane) = self.lanes.get_mut(at) else { return };
        let has_any = !lane.messages.is_empty() || matches!(lane.state, State::Ended(_));
        if has_any && !lane.is_ready {
            lane.is_ready = true;
            self.ready.push_back(at);
        }
    }
}

impl<M> Lane<M> {
    fn new(stream: &Stream, tenant: u32) -> Self {
        Self {
            name: stream.name.clone(),
            tenant,
            state: State::Open,
            overflow: stream.overflow,
            messages_max: stream.messages_max.max(1),
            messages: VecDeque::new(),
            bytes: 0,
            latest: FxHashMap::default(),
            put: 0,
            left: 0,
            missed: 0,
            is_ready: false,
        }
    }

    /// The message of a key that waits.
    fn waiting(&mut self, key: u64) -> Option<&mut Queued<M>> {
        let place = self.latest.get(&key)?.checked_sub(self.left)?;
        self.messages.get_mut(usize::try_from(place).ok()?)
    }

    /// How long it is.
    fn waiting_len(&mut self, key: u64) -> Option<usize> {
        Some(self.waiting(key)?.bytes.len())
    }

    /// Puts a message in the place of the one with its key that waits.
    fn replace(&mut self, store: &mut Store, key: u64, meta: M, bytes: &mut Vec<u8>) {
        let sequence = self.put;
        let Some(old) = self.waiting(key) else { return };
        let (was, is) = (old.bytes.len(), bytes.len());
        let bytes = store.fill(bytes);
        store.recycle(std::mem::replace(&mut old.bytes, bytes));
        (old.sequence, old.missed, old.meta) = (sequence, old.missed + 1, meta);
        self.bytes = self.bytes - was + is;
        self.put += 1;
    }

    /// Whether a message of so many bytes may wait, too. One that is larger than everything may be waits alone.
    fn has_room(&self, store: &Store, bytes: usize) -> bool {
        self.messages.len() < self.messages_max && store.fits(store.bytes, bytes)
    }

    /// Whether it would have room if all others of its stream were dropped: other streams may take all there is.
    fn could_have_room(&self, store: &Store, bytes: usize) -> bool {
        store.fits(store.bytes - self.bytes, bytes)
    }

    fn push(&mut self, key: u64, meta: M, bytes: Vec<u8>) {
        if self.overflow == Overflow::Conflate {
            self.latest.insert(key, self.left + self.messages.len() as u64);
        }
        let missed = std::mem::take(&mut self.missed);
        self.bytes += bytes.len();
        self.messages.push_back(Queued { key, sequence: self.put, missed, meta, bytes });
        self.put += 1;
    }

    fn pop(&mut self) -> Option<Queued<M>> {
        let queued = self.messages.pop_front()?;
        self.bytes -= queued.bytes.len();
        if self.overflow == Overflow::Conflate {
            self.latest.remove(&queued.key);
        }
        self.left += 1;
        Some(queued)
    }

    /// Drops what has waited longest, and counts it; false if nothing waits.
    fn drop_oldest(&mut self, store: &mut Store) -> bool {
        let Some(Queued { missed, bytes, .. }) = self.pop() else { return false };
        store.recycle(bytes);
        let next = self.messages.front_mut().map_or(&mut self.missed, |next| &mut next.missed);
        *next += missed + 1;
        true
    }
}

impl Store {
    fn new(bytes_max: usize) -> Self {
        Self { free: Vec::new(), free_bytes: 0, bytes: 0, bytes_max }
    }

    /// Whether so many bytes may wait beside those that do.
    fn fits(&self, others: usize, bytes: usize) -> bool {
        others == 0 || others.saturating_add(bytes) <= self.bytes_max
    }

    /// Takes a filled buffer, for which there is an empty one. One that held far more before is made smaller, so that what waits
    /// takes not much more memory than it seems to.
    fn fill(&mut self, bytes: &mut Vec<u8>) -> Vec<u8> {
        if bytes.capacity() > SLACK_BYTES + 4 * bytes.len() {
            bytes.shrink_to_fit();
        }
        let empty = self.free.pop().unwrap_or_default();
        self.free_bytes -= empty.capacity();
        self.bytes += bytes.len();
        std::mem::replace(bytes, empty)
    }

    /// Hands a filled buffer out, for one that is not needed any more.
    fn empty(&mut self, buffer: &mut Vec<u8>, filled: Vec<u8>) {
        self.bytes -= filled.len();
        self.keep(std::mem::replace(buffer, filled));
    }

    /// What lies in a buffer is dropped.
    fn recycle(&mut self, buffer: Vec<u8>) {
        self.bytes -= buffer.len();
        self.keep(buffer);
    }

    fn keep(&mut self, mut buffer: Vec<u8>) {
        if self.free_bytes.saturating_add(buffer.capacity()) <= self.bytes_max {
            buffer.clear();
            self.free_bytes += buffer.capacity();
            self.free.push(buffer);
        }
    }
}
