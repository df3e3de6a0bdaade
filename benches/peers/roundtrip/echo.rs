//! The other end of the round trips: a thread that spins on one connection at a time and sends back what comes.

use crate::loopback::{Spin, nothing_yet};
use crate::records::{self, Direction};
use crate::sessions::Keys;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The payload's size.
pub(crate) const LEN: usize = 200;
/// A client's frame: two bytes, the length in two more, the masking key.
const REQUEST_HEAD: usize = 8;
/// A server's frame: the same without a key.
const REPLY_HEAD: [u8; 4] = [0x81, 126, 0, 200];

/// What the connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carries {
    /// The payload and nothing else.
    Payload,
    /// Text frames.
    Frames,
}

impl Carries {
    fn request(self) -> usize {
        match self {
            Self::Payload => LEN,
            Self::Frames => REQUEST_HEAD + LEN,
        }
    }
}

/// The server's side of one connection. It is the same for every client, with the bare cipher under TLS.
pub(crate) struct Echo {
    stream: TcpStream,
    carries: Carries,
    keys: Option<Keys>,
    incoming: Vec<u8>,
    plain: Vec<u8>,
    reply: Vec<u8>,
    sealed: Vec<u8>,
}

impl Echo {
    pub(crate) fn new(stream: TcpStream, carries: Carries, keys: Option<Keys>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let empty = || Vec::with_capacity(1 << 10);
        Ok(Self { stream, carries, keys, incoming: empty(), plain: empty(), reply: empty(), sealed: empty() })
    }

    /// Reads once, and answers what has become whole. False when there was nothing to read.
    fn serve(&mut self) -> io::Result<bool> {
        let mut buf = [0; 1 << 10];
        let Some(count) = nothing_yet(self.stream.read(&mut buf))? else { return Ok(false) };
        match &mut self.keys {
            None => self.plain.extend_from_slice(&buf[..count]),
            Some((_, from_client)) => {
                self.incoming.extend_from_slice(&buf[..count]);
                while let Some(size) = records::whole(&self.incoming) {
                    self.plain.extend_from_slice(from_client.open(&mut self.incoming[..size]));
                    self.incoming.drain(..size);
                }
            }
        }
        let size = self.carries.request();
        if self.plain.len() >= size {
            assert_eq!(self.plain.len(), size, "one request at a time");
            self.answer()?;
        }
        Ok(true)
    }

    fn answer(&mut self) -> io::Result<()> {
        self.reply.clear();
        match self.carries {
            Carries::Payload => self.reply.extend_from_slice(&self.plain),
            Carries::Frames => {
                let [first, second, _, _, k0, k1, k2, k3, masked @ ..] = &self.plain[..] else {
                    unreachable!("a whole request");
                };
                assert_eq!([*first, *second], [0x81, 0x80 | 126], "a masked text of 200 bytes");
                let key = u32::from_ne_bytes([*k0, *k1, *k2, *k3]);
                self.reply.extend_from_slice(&REPLY_HEAD);
                for part in masked.as_chunks::<4>().0 {
                    self.reply.extend_from_slice(&(u32::from_ne_bytes(*part) ^ key).to_ne_bytes());
                }
            }
        }
        self.plain.clear();
        let Some((to_client, _)) = &mut self.keys else {
            return self.stream.write_all(&self.reply);
        };
        self.sealed.clear();
        to_client.seal(&self.reply, &mut self.sealed);
        self.stream.write_all(&self.sealed)
    }
}

/// Which connection is served; past the last one, nobody ever again.
pub(crate) struct Turn(pub(crate) AtomicUsize);

/// Serves whose turn it is until it is nobody's.
pub(crate) fn run(mut echoes: Vec<Echo>, turn: &Turn) -> io::Result<()> {
    let mut spin = Spin::default();
    while let Some(echo) = echoes.get_mut(turn.0.load(Ordering::Acquire)) {
        if echo.serve()? {
            spin = Spin::default();
        } else {
            spin.once();
        }
    }
    Ok(())
}

/// The floor's side of a connection: the payload alone, or sealed.
pub(crate) struct Bare {
    stream: TcpStream,
    keys: Option<(Direction, Direction)>,
    sealed: Vec<u8>,
    incoming: Vec<u8>,
    filled: usize,
}

impl Bare {
    /// `keys`: to the server, and from it.
    pub(crate) fn new(stream: TcpStream, keys: Option<(Direction, Direction)>) -> Self {
        Self { stream, keys, sealed: Vec::with_capacity(1 << 10), incoming: vec![0; 1 << 10], filled: 0 }
    }

    pub(crate) fn call(&mut self, payload: &[u8]) -> io::Result<usize> {
        match &mut self.keys {
            None => self.stream.write_all(payload)?,
            Some((to_server, _)) => {
                self.sealed.clear();
                to_server.seal(payload, &mut self.sealed);
                self.stream.write_all(&self.sealed)?;
            }
        }
        self.filled = 0;
        let mut spin = Spin::default();
        loop {
            let Some(count) = nothing_yet(self.stream.read(&mut self.incoming[self.filled..]))? else {
                spin.once();
                continue;
            };
            self.filled += count;
            match &mut self.keys {
                None if self.filled >= payload.len() => return Ok(self.filled),
                None => {}
                Some((_, from_server)) => {
                    if let Some(size) = records::whole(&self.incoming[..self.filled]) {
                        return Ok(from_server.open(&mut self.incoming[..size]).len());
                    }
                }
            }
        }
    }
}
