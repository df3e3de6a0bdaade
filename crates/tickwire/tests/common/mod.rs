//! What the tests of this crate share: hand-made frames, a stream that is a script, and servers on real sockets.
#![allow(
    dead_code,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "shared by tests, each uses a part"
)]

pub mod server;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use tickwire::ws::{Header, Opcode};
use tickwire::{Client, Plain};

/// A nonblocking stream in memory: each step of the script is one read; an empty one finds nothing yet.
#[derive(Debug, Default)]
pub struct Script {
    pub reads: VecDeque<Vec<u8>>,
    pub written: Vec<u8>,
    /// After the script: the end of the stream instead of "nothing yet".
    pub ends: bool,
    /// After the script: the peer is gone.
    pub reset: bool,
    /// How many bytes a write takes, after which there is no room for one; all that there are if it is `None`.
    pub takes: Option<usize>,
    pub full: bool,
}

impl Script {
    pub fn new(reads: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { reads: reads.into_iter().collect(), ..Self::default() }
    }
}

impl Read for Script {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.reads.pop_front() {
            Some(bytes) if bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            Some(mut bytes) => {
                let count = bytes.len().min(into.len());
                into[..count].copy_from_slice(&bytes[..count]);
                if count < bytes.len() {
                    self.reads.push_front(bytes.split_off(count));
                }
                Ok(count)
            }
            None if self.reset => Err(io::ErrorKind::ConnectionReset.into()),
            None if self.ends => Ok(0),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Script {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let count = from.len().min(self.takes.unwrap_or(usize::MAX));
        self.full = !self.full && self.takes.is_some();
        if count == 0 || (!self.full && self.takes.is_some()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.written.extend_from_slice(&from[..count]);
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Header { fin, rsv: 0, opcode, mask: None, len: payload.len() as u64 }.encode(&mut out);
    out.extend_from_slice(payload);
    out
}

pub fn text(payload: &str) -> Vec<u8> {
    frame(true, Opcode::Text, payload.as_bytes())
}

/// A message in one frame for each part.
pub fn fragmented(opcode: Opcode, parts: &[&[u8]]) -> Vec<u8> {
    let last = parts.len() - 1;
    let opcode = |i| if i == 0 { opcode } else { Opcode::Continuation };
    parts.iter().enumerate().flat_map(|(i, part)| frame(i == last, opcode(i), part)).collect()
}

/// Content of which no part looks like the next.
pub fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

pub fn client(reads: impl IntoIterator<Item = Vec<u8>>) -> Client<Plain<Script>> {
    Client::builder().upgraded(Script::new(reads), b"").unwrap()
}

/// The frames that a client wrote: opcode and unmasked payload.
pub fn written(client: &Client<Plain<Script>>) -> Vec<(Opcode, Vec<u8>)> {
    let mut bytes = client.transport().0.written.as_slice();
    let mut frames = Vec::new();
    while let Ok(Some((header, size))) = Header::parse(bytes) {
        let end = size + usize::try_from(header.len).unwrap();
        let key = header.mask.expect("a client masks");
        let payload = bytes[size..end].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        frames.push((header.opcode, payload));
        bytes = &bytes[end..];
    }
    frames
}
