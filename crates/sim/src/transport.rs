//! A nonblocking socket with or without TLS, which reads only so much at a time.

use std::io::{self, Read, Write};

use mio::net::TcpStream;
use rustls::{ServerConnection, StreamOwned};

/// What one connection may read before the others get their turn.
const BYTES_PER_TURN: usize = 256 * 1024;

#[derive(Debug)]
pub(crate) struct Transport {
    socket: Socket,
    budget: usize,
}

#[derive(Debug)]
enum Socket {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Transport {
    pub(crate) fn plain(socket: TcpStream) -> Self {
        Self { socket: Socket::Plain(socket), budget: BYTES_PER_TURN }
    }

    pub(crate) fn tls(session: ServerConnection, socket: TcpStream) -> Self {
        let socket = Socket::Tls(Box::new(StreamOwned::new(session, socket)));
        Self { socket, budget: BYTES_PER_TURN }
    }

    /// Begins a turn.
    pub(crate) fn begin_turn(&mut self) {
        self.budget = BYTES_PER_TURN;
    }

    /// Whether this turn's budget is used up: there may be more to read, and the poll will not say so.
    pub(crate) fn is_starved(&self) -> bool {
        self.budget == 0
    }

    /// Says goodbye on the TLS layer; the socket is about to be dropped, so a failure changes nothing.
    pub(crate) fn finish(&mut self) {
        if let Socket::Tls(stream) = &mut self.socket {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    }
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(self.budget);
        let Some(part) = buffer.get_mut(..len).filter(|part| !part.is_empty()) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let read = match &mut self.socket {
            Socket::Plain(socket) => socket.read(part),
            Socket::Tls(stream) => stream.read(part),
        }?;
        self.budget -= read;
        Ok(read)
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.socket {
            Socket::Plain(socket) => socket.write(bytes),
            Socket::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.socket {
            Socket::Plain(socket) => socket.flush(),
            Socket::Tls(stream) => stream.flush(),
        }
    }
}
