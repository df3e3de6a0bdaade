//! What a stream is to its consumer.

use std::sync::Arc;

/// The name of a stream, which reader and consumer share.
pub(crate) type Name = Arc<str>;

/// A stream that is handed to a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its name, by which the reader finds it.
    pub name: Arc<str>,
    /// What happens when it has no room.
    pub overflow: Overflow,
    /// How many of its messages may wait; at least one.
    pub messages_max: usize,
}

impl Stream {
    /// A stream of which nothing is dropped, and a thousand messages may wait.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), overflow: Overflow::Block, messages_max: 1024 }
    }

    /// The same with another rule.
    #[must_use]
    pub fn overflow(self, overflow: Overflow) -> Self {
        Self { overflow, ..self }
    }

    /// The same with another number of messages that may wait.
    #[must_use]
    pub fn messages_max(self, messages_max: usize) -> Self {
        Self { messages_max, ..self }
    }
}

/// What happens to a message that finds no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// The reader keeps it and reads no more until there is room: nothing is dropped here, and a consumer that is too slow
    /// holds the connection up.
    #[default]
    Block,
    /// The oldest of its stream is dropped for it, or it itself where other streams take up the room. How many were is told
    /// with the next message of the stream.
    DropOldest,
    /// It takes the place of the one with the same key that waits: what is taken is the latest of each. Where there is none
    /// and no room, the same as [`DropOldest`](Self::DropOldest).
    Conflate,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In order: everything that waited was taken before.
    Closed,
    /// What waited was dropped, but for what the consumer had taken already.
    Failed,
}
