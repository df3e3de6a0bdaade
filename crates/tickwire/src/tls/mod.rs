//! TLS over another byte stream: rustls shakes hands, and then records are opened straight into the receive buffer.
//!
//! ```text
//!  stream ── read ──► incoming ── open ──► the caller's buffer        no allocation, no copy besides
//!  stream ◄─ write ── outgoing ◄─ seal ──  the caller's bytes
//! ```

mod aead;
mod buffer;
mod config;
mod handshake;
mod record;
mod session;

pub(crate) use config::{certificates, config};

use crate::error::Error;
use crate::transport::Transport;
use buffer::Incoming;
use handshake::Progress;
use mio::event::Source;
use mio::{Interest, Registry, Token};
use rustls::ClientConfig;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use session::Session;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

/// What may wait to be written before more is refused: bytes that are sealed, or that wait for the handshake.
const OUTGOING_BYTES_MAX: usize = 64 << 10;

/// A TLS session of the client's side over a nonblocking stream.
///
/// rustls does the handshake, with the caller's configuration; tickets and key updates go through it, too. The records
/// are opened and sealed here, with the keys that it hands over.
pub struct Tls<S> {
    stream: S,
    state: State,
    incoming: Incoming,
    /// Content that there was no room for yet.
    opened: Vec<u8>,
    outgoing: Vec<u8>,
    /// How much of `outgoing` is written.
    written: usize,
    /// The session has failed; what was opened before that comes first.
    failed: Option<rustls::Error>,
}

enum State {
    /// Content that was written too early waits in `unsealed`.
    Handshake {
        connection: Box<UnbufferedClientConnection>,
        unsealed: Vec<u8>,
    },
    Open(Box<Session>),
    /// The peer has said that nothing follows; we may still say the same.
    PeerClosed(Box<Session>),
    /// Between two states, and after an error.
    Failed,
}

impl<S: Read + Write> Tls<S> {
    /// Begins a session with `host`, whose name the certificate must bear. The handshake goes on by itself as the
    /// stream is read and written.
    ///
    /// # Errors
    /// [`Error::TlsSettings`] if `host` can be in no certificate, [`Error::Tls`] for a configuration without usable suites.
    pub fn new(stream: S, config: Arc<ClientConfig>, host: &str) -> Result<Self, Error> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::TlsSettings(format!("{host:?} can be in no certificate")))?;
        let connection =
            UnbufferedClientConnection::new(with_extraction(config), name).map_err(Error::Tls)?;
        Ok(Self {
            stream,
            state: State::Handshake { connection: Box::new(connection), unsealed: Vec::new() },
            incoming: Incoming::new(),
            opened: Vec::new(),
            outgoing: Vec::new(),
            written: 0,
            failed: None,
        })
    }

    /// Writes what is sealed.
    fn write_sealed(&mut self) -> io::Result<()> {
        while let rest @ [_, ..] = self.outgoing.get(self.written..).unwrap_or_default() {
            match self.stream.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outgoing.clear();
        self.written = 0;
        Ok(())
    }

    /// Moves the session on with what has arrived; how much content has come out.
    fn advance(&mut self, into: &mut [u8]) -> Result<usize, rustls::Error> {
        if let State::Handshake { connection, .. } = &mut self.state {
            let progress =
                handshake::advance(connection, &mut self.incoming, &mut self.outgoing, &mut self.opened)?;
            if progress == Progress::Blocked {
                return Ok(0);
            }
            self.open_session()?;
        }
        if self.opened.is_empty() {
            let filled = self.open(into);
            if filled > 0 || self.incoming.record_bytes() <= into.len() {
                return Ok(filled);
            }
            // A caller with little room: the next record goes there in parts.
            let mut opened = std::mem::take(&mut self.opened);
            opened.resize(self.incoming.record_bytes(), 0);
            let filled = self.open(&mut opened);
            opened.truncate(filled);
            self.opened = opened;
        }
        let count = self.opened.len().min(into.len());
        for (to, from) in into.iter_mut().zip(self.opened.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }

    /// Opens as many records as there is room for; how much content has come out.
    fn open(&mut self, into: &mut [u8]) -> usize {
        let mut filled = 0;
        let State::Open(session) = &mut self.state else { return 0 };
        match session.open(&mut self.incoming, into, &mut filled, &mut self.outgoing) {
            Ok(false) => {}
            Ok(true) => self.peer_closed(),
            Err(error) => {
                session.fail(&error, &mut self.outgoing);
                self.state = State::Failed;
                self.failed = Some(error);
            }
        }
        filled
    }

    /// The handshake is complete: its keys are taken over, and what waited for them is sealed.
    fn open_session(&mut self) -> Result<(), rustls::Error> {
        let State::Handshake { connection, unsealed } = std::mem::replace(&mut self.state, State::Failed)
        else {
            return Ok(());
        };
        let mut session = Session::new(*connection)?;
        session.seal(&unsealed, &mut self.outgoing)?;
        self.state = State::Open(Box::new(session));
        Ok(())
    }

    fn peer_closed(&mut self) {
        if let State::Open(session) = std::mem::replace(&mut self.state, State::Failed) {
            self.state = State::PeerClosed(session);
        }
    }

    /// Takes as much of `from` as may wait.
    fn take(&mut self, from: &[u8]) -> io::Result<usize> {
        let waiting = match &self.state {
            State::Handshake { unsealed, .. } => unsealed.len(),
            _ => self.outgoing.len() - self.written,
        };
        let count = from.len().min(OUTGOING_BYTES_MAX.saturating_sub(waiting));
        let part = from.get(..count).unwrap_or_default();
        if part.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        match &mut self.state {
            State::Handshake { unsealed, .. } => unsealed.extend_from_slice(part),
            State::Open(session) | State::PeerClosed(session) => {
                session.seal(part, &mut self.outgoing).map_err(io::Error::other)?;
            }
            State::Failed => return Err(ErrorKind::BrokenPipe.into()),
        }
        Ok(count)
    }
}

impl<S: Read + Write> Transport for Tls<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(error) = self.failed.as_ref().filter(|_| self.opened.is_empty()) {
                return Err(io::Error::new(ErrorKind::InvalidData, error.clone()));
            }
            let advanced = self.advance(into);
            // Handshake messages and alerts. What cannot be written waits, and the next flush tells: reading comes first.
            let _ = self.write_sealed();
            match advanced {
                Ok(0) if matches!(self.state, State::PeerClosed(_)) => return Ok(0),
                Ok(0) if self.failed.is_some() => continue,
                Ok(0) => {}
                Ok(count) => return Ok(count),
                Err(error) => {
                    self.state = State::Failed;
                    self.failed = Some(error);
                    continue;
                }
            }
            if self.incoming.fill(&mut self.stream)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        // Room is made first: a full session "would block" only if the stream does, or no readiness would follow.
        match self.write_sealed() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        let count = self.take(from)?;
        // What was taken is sealed and waits in the session; an error comes again with the next call.
        let _ = self.write_sealed();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_sealed()?;
        self.stream.flush()
    }

    fn shutdown(&mut self) {
        if let State::Open(session) | State::PeerClosed(session) = &mut self.state {
            // A key that seals nothing more leaves the end to the stream.
            let _ = session.close(&mut self.outgoing);
        }
        let _ = self.write_sealed();
    }
}

impl<S: Source> Source for Tls<S> {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.stream.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.stream.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.stream.deregister(registry)
    }
}

impl<S: std::fmt::Debug> std::fmt::Debug for Tls<S> {
    /// No keys, no content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("stream", &self.stream)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// The record layer needs the keys: the same configuration, with leave to hand them over.
fn with_extraction(config: Arc<ClientConfig>) -> Arc<ClientConfig> {
    if config.enable_secret_extraction {
        return config;
    }
    let mut config = Arc::unwrap_or_clone(config);
    config.enable_secret_extraction = true;
    Arc::new(config)
}
