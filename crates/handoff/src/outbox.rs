//! What any thread wants to be sent, for the one that sends.

use crate::sync::{Arc, Mutex, lock};
use crate::waker::Waker;
use std::fmt;

/// What a message takes of the room beside its bytes, so that empty ones are bounded, too.
const OVERHEAD: usize = 16;

/// Whole messages in one buffer, in order.
#[derive(Debug)]
struct Batch<M> {
    bytes: Vec<u8>,
    /// What each is, and where it ends.
    ends: Vec<(M, usize)>,
}

#[derive(Debug)]
struct Shared<M> {
    state: Mutex<State<M>>,
    bytes_max: usize,
    wake: Waker,
}

#[derive(Debug)]
struct State<M> {
    batch: Batch<M>,
    /// The outbox was woken since it looked last.
    is_woken: bool,
    is_closed: bool,
}

/// The end of the thread that sends.
pub struct Outbox<M> {
    shared: Arc<Shared<M>>,
    /// What is being sent, and how many messages of it were. The memory of the last batch holds the next.
    batch: Batch<M>,
    sent: usize,
}

/// Puts messages into an [`Outbox`], from any thread. Clones put into the same.
pub struct Writer<M> {
    shared: Arc<Shared<M>>,
}

/// Why a message was not put into an outbox. It is still the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// There is no room now.
    #[error("the outbox is full")]
    Full,
    /// It would not find room in an empty outbox.
    #[error("the message is larger than the outbox")]
    TooLong,
    /// Nobody sends any more.
    #[error("the outbox is gone")]
    Gone,
}

/// An outbox of `bytes_max` bytes, each message with 16 more than it has, and a writer. As much again may be on its way to the
/// connection. `wake` is called when there is something to send.
#[must_use]
pub fn outbox<M>(bytes_max: usize, wake: Waker) -> (Outbox<M>, Writer<M>) {
    let state = State { batch: Batch::new(), is_woken: false, is_closed: false };
    let shared = Arc::new(Shared { state: Mutex::new(state), bytes_max, wake });
    let writer = Writer { shared: Arc::clone(&shared) };
    (Outbox { shared, batch: Batch::new(), sent: 0 }, writer)
}

impl<M> Writer<M> {
    /// Puts in a whole message.
    ///
    /// # Errors
    /// [`WriteError`]: nothing was put in.
    pub fn write(&self, meta: M, message: &[u8]) -> Result<(), WriteError> {
        let mut state = lock(&self.shared.state);
        let size = message.len().saturating_add(OVERHEAD);
        if state.is_closed {
            return Err(WriteError::Gone);
        }
        if size > self.shared.bytes_max {
            return Err(WriteError::TooLong);
        }
        if state.batch.size().saturating_add(size) > self.shared.bytes_max {
            return Err(WriteError::Full);
        }
        state.batch.push(meta, message);
        let wakes = !std::mem::replace(&mut state.is_woken, true);
        drop(state);
        if wakes {
            self.shared.wake.wake();
        }
        Ok(())
    }
}

impl<M: Copy> Outbox<M> {
    /// Hands `send` one message after the other, until there is none or it says that there is no room, which leaves that one
    /// for the next time: flush then, and drain again if everything was written, for nothing else tells that there is room.
    /// What can never be sent is to be dealt with by `send`.
    ///
    /// # Errors
    /// What `send` says.
    pub fn drain<E>(&mut self, mut send: impl FnMut(M, &[u8]) -> Result<(), E>) -> Result<(), E> {
        loop {
            while let Some((meta, message)) = self.batch.get(self.sent) {
                if let Err(error) = send(meta, message) {
                    // Whoever writes next wakes again.
                    lock(&self.shared.state).is_woken = false;
                    return Err(error);
                }
                self.sent += 1;
            }
            self.batch.clear();
            self.sent = 0;
            let mut state = lock(&self.shared.state);
            state.is_woken = false;
            if state.batch.ends.is_empty() {
                return Ok(());
            }
            std::mem::swap(&mut state.batch, &mut self.batch);
        }
    }
}

impl<M> Batch<M> {
    fn new() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new() }
    }

    fn size(&self) -> usize {
        self.bytes.len() + OVERHEAD * self.ends.len()
    }

    fn push(&mut self, meta: M, message: &[u8]) {
        self.bytes.extend_from_slice(message);
        self.ends.push((meta, self.bytes.len()));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

impl<M: Copy> Batch<M> {
    fn get(&self, at: usize) -> Option<(M, &[u8])> {
        let (meta, end) = *self.ends.get(at)?;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(_, end)| *end);
        Some((meta, self.bytes.get(start..end)?))
    }
}

impl<M> Clone for Writer<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<M> Drop for Outbox<M> {
    fn drop(&mut self) {
        lock(&self.shared.state).is_closed = true;
    }
}

impl<M> fmt::Debug for Outbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("bytes_max", &self.shared.bytes_max).finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for Writer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("bytes_max", &self.shared.bytes_max).finish_non_exhaustive()
    }
}
