//! The floors under TLS: the copy of a read, the bare cipher, the walk over the headers.

use crate::arm::{Arm, Tally};
use crate::arms::floor::walk;
use crate::records::{self, Direction};
use std::io::{ErrorKind, Read};

const READ: usize = 64 << 10;

/// Reads records whose frames are whole in them.
pub(crate) struct Sealed<S, const UTF8: bool> {
    stream: S,
    from_server: Direction,
    buf: Vec<u8>,
    head: usize,
    tail: usize,
}

impl<S: Read, const UTF8: bool> Sealed<S, UTF8> {
    pub(crate) fn new(stream: S, from_server: Direction) -> Self {
        Self { stream, from_server, buf: vec![0; 256 << 10], head: 0, tail: 0 }
    }
}

impl<S: Read, const UTF8: bool> Arm for Sealed<S, UTF8> {
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
            while let Some(size) = records::whole(&self.buf[head..tail]) {
                let plain = self.from_server.open(&mut self.buf[head..head + size]);
                let (walked, more) = walk::<UTF8>(plain);
                assert_eq!(walked, plain.len());
                seen += more;
                head += size;
            }
        }
        (self.head, self.tail) = (head, tail);
        seen
    }
}
