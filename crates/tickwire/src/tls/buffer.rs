//! Ciphertext that has arrived and is not opened yet.

use super::record::RECORD_BYTES_MAX;
use std::io::{self, Read};

/// What a read may bring, as much as the receive buffer takes.
const WINDOW_BYTES: usize = 64 << 10;

/// One linear buffer, with room for a read behind the beginning of a record.
pub(super) struct Incoming {
    buf: Vec<u8>,
    head: usize,
    tail: usize,
}

impl Incoming {
    pub(super) fn new() -> Self {
        Self { buf: vec![0; WINDOW_BYTES + RECORD_BYTES_MAX], head: 0, tail: 0 }
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.buf.get(self.head..self.tail).unwrap_or_default()
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        self.buf.get_mut(self.head..self.tail).unwrap_or_default()
    }

    /// The first `count` bytes are done with.
    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        self.head = (self.head + count).min(self.tail);
    }

    /// Reads once; 0 at the end of the stream, and when the buffer is full of one thing that is never complete.
    pub(super) fn fill(&mut self, stream: &mut impl Read) -> io::Result<usize> {
        if self.head == self.tail {
            (self.head, self.tail) = (0, 0);
        } else if self.buf.len() - self.tail < WINDOW_BYTES {
            self.buf.copy_within(self.head..self.tail, 0);
            (self.head, self.tail) = (0, self.tail - self.head);
        }
        let room = self.buf.get_mut(self.tail..).unwrap_or_default();
        let end = room.len().min(WINDOW_BYTES);
        let count = stream.read(room.get_mut(..end).unwrap_or_default())?;
        self.tail += count.min(end);
        Ok(count)
    }
}
