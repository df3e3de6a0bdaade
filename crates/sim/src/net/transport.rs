//! A nonblocking socket with or without TLS, or the end of a simulated connection. It reads only so much at a time, and
//! inflates if that was agreed.

use std::io::{self, Read, Write};

use mio::net::TcpStream;
use rustls::{ServerConnection, StreamOwned};

use super::inflate::Inflater;
use super::wire::End;

/// What one connection may read before the others get their turn.
const BYTES_PER_TURN: usize = 256 * 1024;
/// What is read at once where it must be inflated.
const PART: usize = 8 * 1024;

#[derive(Debug)]
pub(crate) struct Transport {
    socket: Socket,
    budget: usize,
    inflation: Option<Inflation>,
}

#[derive(Debug)]
enum Socket {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    Wire(End),
}

#[derive(Debug)]
struct Inflation {
    inflater: Inflater,
    /// Plain bytes, of which so many were handed out.
    plain: Vec<u8>,
    at: usize,
}

impl Transport {
    pub(super) fn plain(socket: TcpStream) -> Self {
        Self::new(Socket::Plain(socket))
    }

    pub(super) fn tls(session: ServerConnection, socket: TcpStream) -> Self {
        Self::new(Socket::Tls(Box::new(StreamOwned::new(session, socket))))
    }

    pub(super) fn wire(end: End) -> Self {
        Self::new(Socket::Wire(end))
    }

    fn new(socket: Socket) -> Self {
        Self { socket, budget: BYTES_PER_TURN, inflation: None }
    }

    /// From now on compressed frames are read as plain ones.
    pub(super) fn inflate(&mut self, inflater: Inflater) {
        self.inflation = Some(Inflation { inflater, plain: Vec::new(), at: 0 });
    }

    /// Begins a turn.
    pub(super) fn begin_turn(&mut self) {
        self.budget = BYTES_PER_TURN;
    }

    /// Whether this turn's budget is used up: there may be more to read, and the poll will not say so.
    pub(super) fn is_starved(&self) -> bool {
        self.budget == 0
    }

    /// Says goodbye on the TLS layer; the socket is about to be dropped, so a failure changes nothing.
    pub(super) fn finish(&mut self) {
        if let Socket::Tls(stream) = &mut self.socket {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(self.budget);
        let Some(part) = buffer.get_mut(..len).filter(|part| !part.is_empty()) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let read = match &mut self.socket {
            Socket::Plain(socket) => socket.read(part),
            Socket::Tls(stream) => stream.read(part),
            Socket::Wire(end) => end.read(part),
        }?;
        self.budget -= read;
        Ok(read)
    }
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(mut inflation) = self.inflation.take() else {
            return self.read_some(buffer);
        };
        let read = loop {
            let ready = inflation.plain.get(inflation.at..).unwrap_or_default();
            if !ready.is_empty() {
                let len = ready.len().min(buffer.len());
                buffer.iter_mut().zip(ready).for_each(|(to, from)| *to = *from);
                inflation.at += len;
                break Ok(len);
            }
            inflation.plain.clear();
            inflation.at = 0;
            let mut part = [0; PART];
            match self.read_some(&mut part) {
                Ok(len) if len > 0 => {
                    inflation.inflater.push(part.get(..len).unwrap_or_default(), &mut inflation.plain);
                }
                ended => break ended,
            }
        };
        self.inflation = Some(inflation);
        read
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.socket {
            Socket::Plain(socket) => socket.write(bytes),
            Socket::Tls(stream) => stream.write(bytes),
            Socket::Wire(end) => end.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.socket {
            Socket::Plain(socket) => socket.flush(),
            Socket::Tls(stream) => stream.flush(),
            Socket::Wire(end) => end.flush(),
        }
    }
}
