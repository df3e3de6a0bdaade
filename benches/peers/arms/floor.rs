//! The floors: the copy of a read and the least walk over the headers, with or without validating text.

use crate::arm::{Arm, Tally};
use std::hint::black_box;
use std::io::{ErrorKind, Read};

/// The room that a read finds, as in the clients.
const READ: usize = 64 << 10;

/// A header's size, its payload's length, and whether it ends a message; if all of it is there.
#[inline]
pub(crate) fn header(bytes: &[u8]) -> Option<(usize, usize, bool)> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (size, len) = match (second, rest) {
        (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        (127, [_, _, _, _, a, b, c, d, ..]) => (10, u32::from_be_bytes([*a, *b, *c, *d]) as usize),
        (126 | 127, _) => return None,
        (short, _) => (2, usize::from(*short)),
    };
    Some((size, len, first >> 7 == 1))
}

/// Walks over the whole frames at the front of `bytes`; the length of what was walked over, and what it was.
#[inline]
pub(crate) fn walk<const UTF8: bool>(bytes: &[u8]) -> (usize, Tally) {
    let (mut at, mut seen) = (0, Tally::default());
    while let Some((size, len, fin)) = header(&bytes[at..]) {
        let Some(payload) = bytes[at..].get(size..size + len) else { break };
        if UTF8 {
            assert!(simdutf8::basic::from_utf8(payload).is_ok());
        }
        black_box(payload);
        seen.bytes += len as u64;
        seen.messages += u64::from(fin);
        at += size + len;
    }
    (at, seen)
}

/// The floor over a stream. One linear buffer: a message lies in one piece, as the clients hand it out.
pub(crate) struct Floor<S, const UTF8: bool> {
    stream: S,
    buf: Vec<u8>,
    head: usize,
    tail: usize,
}

impl<S: Read, const UTF8: bool> Floor<S, UTF8> {
    /// `longest` is the size of the longest frame that will come.
    pub(crate) fn new(stream: S, longest: usize) -> Self {
        Self { stream, buf: vec![0; (longest + 2 * READ).max(256 << 10)], head: 0, tail: 0 }
    }
}

impl<S: Read, const UTF8: bool> Arm for Floor<S, UTF8> {
    fn drain(&mut self, until: u64) -> Tally {
        let (mut head, mut tail) = (self.head, self.tail);
        let mut seen = Tally::default();
        while seen.messages < until {
            if head == tail {
                (head, tail) = (0, 0);
            } else if self.buf.len() - tail < READ {
                self.buf.copy_within(head..tail, 0);
                (head, tail) = (0, tail - head);
            }
            match self.stream.read(&mut self.buf[tail..][..READ]) {
                Ok(count) => tail += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("floor: {error}"),
            }
            let (walked, more) = walk::<UTF8>(&self.buf[head..tail]);
            head += walked;
            seen += more;
        }
        (self.head, self.tail) = (head, tail);
        seen
    }
}
