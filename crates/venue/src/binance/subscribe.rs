//! The subscriptions of one stream connection: which were asked for, and which the venue confirmed.
//!
//! ```text
//!   Waiting ──send──► Asked ──confirmed──► Confirmed
//!      ▲               │ └───refused─────► Refused
//!      └──no answer────┘        (a new connection: all Waiting again)
//! ```

use std::time::{Duration, Instant};

use crate::pace::Pace;

/// Names in one request.
const NAMES_MAX: usize = 200;

#[derive(Debug)]
pub(super) struct Subscriptions {
    chunks: Vec<Chunk>,
    pace: Pace,
}

/// The names of one request.
#[derive(Debug)]
struct Chunk {
    names: Vec<String>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Asked { id: u64, until: Instant },
    Confirmed,
    Refused,
}

impl Subscriptions {
    pub(super) fn new(names: Vec<String>, requests_per_second: usize) -> Self {
        let chunk = |names: &[String]| Chunk { names: names.to_vec(), state: State::Waiting };
        let chunks = names.chunks(NAMES_MAX).map(chunk).collect();
        Self { chunks, pace: Pace::new(requests_per_second, Duration::from_secs(1)) }
    }

    /// The request that holds the name at this place of the list.
    pub(super) fn chunk_of(position: usize) -> usize {
        position / NAMES_MAX
    }

    pub(super) fn names(&self, chunk: usize) -> &[String] {
        self.chunks.get(chunk).map_or(&[], |chunk| &chunk.names)
    }

    /// The connection is new: nothing is asked for yet.
    pub(super) fn reset(&mut self) {
        self.pace.reset();
        for chunk in &mut self.chunks {
            chunk.state = State::Waiting;
        }
    }

    /// Gives up waiting for answers that are overdue; says how many.
    pub(super) fn expire(&mut self, now: Instant) -> usize {
        let mut expired = 0;
        for chunk in &mut self.chunks {
            if matches!(chunk.state, State::Asked { until, .. } if until <= now) {
                chunk.state = State::Waiting;
                expired += 1;
            }
        }
        expired
    }

    /// The next request to send as (chunk, id), if there is one and it may leave now.
    pub(super) fn next(&mut self, next_id: &mut u64, now: Instant, until: Instant) -> Option<(usize, u64)> {
        let waiting = |(_, chunk): &(usize, &mut Chunk)| chunk.state == State::Waiting;
        let (at, chunk) = self.chunks.iter_mut().enumerate().find(waiting)?;
        self.pace.take(now).ok()?;
        let id = *next_id;
        *next_id += 1;
        chunk.state = State::Asked { id, until };
        Some((at, id))
    }

    /// When there will be something to do without a message.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let due = |chunk: &Chunk| match chunk.state {
            State::Waiting => Some(self.pace.free_at(now)),
            State::Asked { until, .. } => Some(until),
            State::Confirmed | State::Refused => None,
        };
        self.chunks.iter().filter_map(due).min()
    }

    /// The venue answered request `id`; the chunk, if the answer is waited for.
    pub(super) fn answered(&mut self, id: u64, confirmed: bool) -> Option<usize> {
        let asked = |chunk: &Chunk| matches!(chunk.state, State::Asked { id: asked, .. } if asked == id);
        let at = self.chunks.iter().position(asked)?;
        self.chunks.get_mut(at)?.state = if confirmed { State::Confirmed } else { State::Refused };
        Some(at)
    }

    /// Streams that are neither confirmed nor refused.
    pub(super) fn pending(&self) -> usize {
        let open = |chunk: &&Chunk| matches!(chunk.state, State::Waiting | State::Asked { .. });
        self.chunks.iter().filter(open).map(|chunk| chunk.names.len()).sum()
    }
}
