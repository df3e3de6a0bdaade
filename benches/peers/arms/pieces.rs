//! The floor of large frames: payloads are passed on as they are read, so that one cached buffer is enough.

use crate::arm::{Arm, Tally};
use crate::arms::floor::header;
use std::hint::black_box;
use std::io::{ErrorKind, Read};

const READ: usize = 64 << 10;

/// Unlike the clients it never has a frame in one piece.
pub(crate) struct Pieces<S, const UTF8: bool> {
    stream: S,
    buf: Vec<u8>,
    /// The beginning of a header, at the front of the buffer.
    kept: usize,
    /// What the present frame's payload still lacks, and whether its message ends with it.
    owed: usize,
    fin: bool,
}

impl<S: Read, const UTF8: bool> Pieces<S, UTF8> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buf: vec![0; READ + 16], kept: 0, owed: 0, fin: false }
    }

    /// Goes through one read's bytes.
    fn walk(&mut self, tail: usize) -> Tally {
        let (mut at, mut seen) = (0, Tally::default());
        loop {
            let count = self.owed.min(tail - at);
            let piece = &self.buf[at..at + count];
            if UTF8 {
                // The workloads are ASCII: no character is cut.
                assert!(simdutf8::basic::from_utf8(piece).is_ok());
            }
            seen.bytes += black_box(piece).len() as u64;
            self.owed -= count;
            at += count;
            if count > 0 && self.owed == 0 {
                seen.messages += u64::from(self.fin);
            }
            match header(&self.buf[at..tail]) {
                Some((size, len, fin)) if self.owed == 0 => {
                    (self.owed, self.fin) = (len, fin);
                    at += size;
                }
                _ => break,
            }
        }
        self.buf.copy_within(at..tail, 0);
        self.kept = tail - at;
        seen
    }
}

impl<S: Read, const UTF8: bool> Arm for Pieces<S, UTF8> {
    fn drain(&mut self, until: u64) -> Tally {
        let mut seen = Tally::default();
        while seen.messages < until {
            match self.stream.read(&mut self.buf[self.kept..][..READ]) {
                Ok(count) => seen += self.walk(self.kept + count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("floor: {error}"),
            }
        }
        seen
    }
}
