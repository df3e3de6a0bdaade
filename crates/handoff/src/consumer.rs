//! The end of a consumer, on its own thread.

use crate::lanes::{Lanes, Taken, What};
use crate::room::Room;
use crate::stream::{End, Name};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, lock};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// What a reader and a consumer share.
#[derive(Debug)]
pub(crate) struct Shared<M> {
    pub(crate) state: Mutex<State<M>>,
    /// There is something to take, or the reader is gone.
    pub(crate) filled: Condvar,
    /// The reader waits for it, of any of its consumers.
    pub(crate) room: Arc<Room>,
}

#[derive(Debug)]
pub(crate) struct State<M> {
    pub(crate) lanes: Lanes<M>,
    pub(crate) consumer_waits: bool,
    pub(crate) reader_waits: bool,
    pub(crate) consumer_is_gone: bool,
    pub(crate) reader_is_gone: bool,
}

/// A consumer takes so many messages at a time, because the lock costs more than a small message.
const BATCH: usize = 32;
/// It looks so often, with the processor left to others in between, before it sleeps.
const LOOKS: usize = 32;

/// Takes what a [`Registry`](crate::Registry) hands to it, on any thread: up to 32 messages at a time, and one alone where the
/// latest is wanted ([`Overflow::Conflate`](crate::Overflow)).
pub struct Consumer<M> {
    shared: Arc<Shared<M>>,
    names: Names,
    /// What was taken and is not told yet.
    batch: VecDeque<(Taken<M>, Vec<u8>)>,
    /// The message that was lent last, and buffers of those before.
    bytes: Vec<u8>,
    spent: Vec<Vec<u8>>,
}

/// The names of the streams by their places, and which tenant of its place each is.
#[derive(Debug, Default)]
struct Names(Vec<Option<(u32, Name)>>);

/// What a consumer is told, borrowed until the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery<'a, M> {
    /// A message of a stream, in the order of that. Streams with messages that wait take turns.
    Message(Message<'a, M>),
    /// A stream has ended: nothing more comes of it. So many messages that waited were dropped, or found no room.
    Ended {
        /// Its name.
        stream: &'a str,
        /// How.
        end: End,
        /// Messages that are not told.
        missed: u64,
    },
}

/// A message of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a, M> {
    /// The name of its stream.
    pub stream: &'a str,
    /// Its number in its stream, from 0. It grows by one and by what was missed, except where a newer message may stand in for
    /// one that waits ([`Overflow::Conflate`](crate::Overflow)).
    pub sequence: u64,
    /// How many of the stream were dropped before this one, or replaced by it.
    pub missed: u64,
    /// What the reader said about it.
    pub meta: M,
    /// The message.
    pub bytes: &'a [u8],
}

/// The reader is gone, and everything that waited was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reader is gone")]
pub struct Gone;

impl<M> State<M> {
    /// Nothing is there for the consumer.
    fn is_idle(&self) -> bool {
        !self.lanes.has_any() && !self.reader_is_gone
    }
}

impl<M> Shared<M> {
    pub(crate) fn new(bytes_max: usize, room: Arc<Room>) -> Self {
        let state = State {
            lanes: Lanes::new(bytes_max),
            consumer_waits: false,
            reader_waits: false,
            consumer_is_gone: false,
            reader_is_gone: false,
        };
        Self { state: Mutex::new(state), filled: Condvar::new(), room }
    }

    /// Lets the reader do something, and wakes the consumer if it waits for that.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut State<M>) -> R) -> R {
        let mut state = lock(&self.state);
        let result = act(&mut state);
        let wakes = !state.is_idle() && std::mem::take(&mut state.consumer_waits);
        drop(state);
        if wakes {
            self.filled.notify_one();
        }
        result
    }

    /// Takes the lock, and if there is nothing, a little later once more: to sleep and be woken takes both ends far longer than
    /// a busy reader needs for its next message.
    fn look(&self, timeout: Option<Duration>) -> MutexGuard<'_, State<M>> {
        let mut state = lock(&self.state);
        let looks = if cfg!(loom) || timeout == Some(Duration::ZERO) { 0 } else { LOOKS };
        for _ in 0..looks {
            if !state.is_idle() {
                break;
            }
            drop(state);
            std::thread::yield_now();
            state = lock(&self.state);
        }
        state
    }

    #[cfg(not(loom))]
    fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State<M>>,
        timeout: Option<Duration>,
    ) -> MutexGuard<'a, State<M>> {
        let is_idle = |state: &mut State<M>| state.is_idle();
        let Some(timeout) = timeout else {
            return self.filled.wait_while(state, is_idle).unwrap_or_else(|lock| lock.into_inner());
        };
        let waited = self.filled.wait_timeout_while(state, timeout, is_idle);
        waited.unwrap_or_else(|lock| lock.into_inner()).0
    }

    #[cfg(loom)]
    fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<M>>,
        timeout: Option<Duration>,
    ) -> MutexGuard<'a, State<M>> {
        // A model has no time: who has any waits no longer.
        while timeout.is_none() && state.is_idle() {
            state = self.filled.wait(state).unwrap_or_else(|lock| lock.into_inner());
        }
        state
    }
}

impl Names {
    fn knows<M>(&self, taken: &Taken<M>) -> bool {
        matches!(self.0.get(taken.lane), Some(Some((tenant, _))) if *tenant == taken.tenant)
    }

    #[cold]
    fn learn<M>(&mut self, taken: &Taken<M>, name: Option<Name>) {
        if self.0.len() <= taken.lane {
            self.0.resize(taken.lane + 1, None);
        }
        if let Some(place) = self.0.get_mut(taken.lane) {
            *place = name.map(|name| (taken.tenant, name));
        }
    }

    fn get(&self, lane: usize) -> &str {
        self.0.get(lane).and_then(Option::as_ref).map_or("", |(_, name)| name)
    }
}

impl<M> Consumer<M> {
    pub(crate) fn new(shared: Arc<Shared<M>>) -> Self {
        let (batch, spent) = (VecDeque::with_capacity(BATCH), Vec::with_capacity(BATCH));
        Self { shared, names: Names::default(), batch, bytes: Vec::new(), spent }
    }

    /// What is next; waits for it up to `timeout`, or as long as it takes. `None` when the time is up.
    ///
    /// # Errors
    /// [`Gone`] when nothing more will come.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Delivery<'_, M>>, Gone> {
        if self.batch.is_empty() {
            self.fill(timeout)?;
        }
        let Some((taken, bytes)) = self.batch.pop_front() else { return Ok(None) };
        self.spent.push(std::mem::replace(&mut self.bytes, bytes));
        Ok(Some(self.lend(taken)))
    }

    /// Takes what is there, for the buffers that are not needed any more.
    fn fill(&mut self, timeout: Option<Duration>) -> Result<(), Gone> {
        let mut state = self.shared.look(timeout);
        if state.is_idle() {
            state.consumer_waits = true;
            state = self.shared.wait(state, timeout);
            state.consumer_waits = false;
        }
        let goes_on = |taken: usize, lanes: &Lanes<M>| taken < BATCH && !lanes.is_latest_next();
        while state.lanes.has_any() && (self.batch.is_empty() || goes_on(self.batch.len(), &state.lanes)) {
            let mut bytes = self.spent.pop().unwrap_or_default();
            let Some(taken) = state.lanes.take(&mut bytes) else { break };
            if !self.names.knows(&taken) {
                self.names.learn(&taken, state.lanes.name(taken.lane));
            }
            self.batch.push_back((taken, bytes));
        }
        if self.batch.is_empty() && state.reader_is_gone {
            return Err(Gone);
        }
        let makes_room = !self.batch.is_empty() && std::mem::take(&mut state.reader_waits);
        drop(state);
        if makes_room {
            self.shared.room.make();
        }
        Ok(())
    }

    fn lend(&self, taken: Taken<M>) -> Delivery<'_, M> {
        let stream = self.names.get(taken.lane);
        let missed = taken.missed;
        match taken.what {
            What::Message { sequence, meta } => {
                Delivery::Message(Message { stream, sequence, missed, meta, bytes: &self.bytes })
            }
            What::Ended(end) => Delivery::Ended { stream, end, missed },
        }
    }
}

impl<M> Drop for Consumer<M> {
    /// The reader is told when it hands over the next message.
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.consumer_is_gone = true;
        state.lanes = Lanes::new(0);
        let reader_waits = std::mem::take(&mut state.reader_waits);
        drop(state);
        if reader_waits {
            self.shared.room.make();
        }
    }
}

impl<M> fmt::Debug for Consumer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("names", &self.names).finish_non_exhaustive()
    }
}
