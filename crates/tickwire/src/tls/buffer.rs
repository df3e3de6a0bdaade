//! Ciphertext that has arrived and is not opened yet.

use super::record::{self, RECORD_BYTES_MAX};
use super::stream::report;
use crate::error::Error;
use rustls::InvalidMessage;
use std::io::{self, Read};

/// What a read may bring, as much as the receive buffer takes.
const WINDOW_BYTES: usize = 64 << 10;
/// The size of a busy session's buffer: a read behind the beginning of a record.
const BUSY_BYTES: usize = WINDOW_BYTES + RECORD_BYTES_MAX;
/// The size of an idle one's.
const IDLE_BYTES: usize = 4 << 10;
/// After this many returns to empty that needed less than an idle one's, a grown buffer is given back.
const CALM_MAX: u32 = 1024;

/// One linear buffer. It grows while reads fill it, or a record or a message of the handshake does not fit.
pub(super) struct Incoming {
    buf: Vec<u8>,
    head: usize,
    tail: usize,
    calm: u32,
}

impl Incoming {
    pub(super) fn new() -> Self {
        Self { buf: vec![0; IDLE_BYTES], head: 0, tail: 0, calm: 0 }
    }

    /// How long the payload of the record at the front is, if it is there as a whole.
    pub(super) fn record_bytes(&self) -> usize {
        record::split(self.bytes()).ok().flatten().map_or(0, |(_, payload)| payload.len())
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

    /// Reads once; 0 at the end of the stream. An error when the buffer is full of one thing that is not complete: records
    /// are shorter, so it is a message of the handshake.
    pub(super) fn fill(&mut self, stream: &mut impl Read) -> io::Result<usize> {
        let full = self.tail == self.buf.len();
        if self.head == self.tail {
            self.rest();
        } else if self.buf.len() - self.tail < WINDOW_BYTES {
            self.buf.copy_within(self.head..self.tail, 0);
            (self.head, self.tail) = (0, self.tail - self.head);
        }
        if full {
            self.buf.resize((self.buf.len() * 2).min(BUSY_BYTES), 0);
        }
        let room = self.buf.get_mut(self.tail..).unwrap_or_default();
        if room.is_empty() {
            return Err(report(&Error::Tls(InvalidMessage::HandshakePayloadTooLarge.into())));
        }
        let end = room.len().min(WINDOW_BYTES);
        let count = stream.read(room.get_mut(..end).unwrap_or_default())?;
        self.tail += count.min(end);
        Ok(count)
    }

    fn rest(&mut self) {
        // Asking again for what has not come yet is no sign of calm.
        if self.buf.len() > IDLE_BYTES && self.tail > 0 {
            self.calm = if self.tail < IDLE_BYTES { self.calm + 1 } else { 0 };
            if self.calm == CALM_MAX {
                self.calm = 0;
                self.buf.truncate(IDLE_BYTES);
                self.buf.shrink_to_fit();
            }
        }
        (self.head, self.tail) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grown_buffer_is_kept_while_one_only_asks_and_given_back_after_a_long_calm() {
        let mut incoming = Incoming::new();
        let grow = [0; 100_000];
        let mut stream = &grow[..];
        while incoming.fill(&mut stream).unwrap() > 0 {
            incoming.consume(usize::MAX >> 1);
        }
        let grown = incoming.buf.len();
        assert!(grown > IDLE_BYTES);
        let mut silent = io::empty();
        for _ in 0..10 * CALM_MAX {
            incoming.fill(&mut silent).unwrap();
        }
        assert_eq!(incoming.buf.len(), grown);
        for _ in 0..=CALM_MAX {
            incoming.fill(&mut &[0; 100][..]).unwrap();
            incoming.consume(100);
        }
        assert_eq!(incoming.buf.len(), IDLE_BYTES);
    }
}
