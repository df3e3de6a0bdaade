//! Records opened straight into the caller's buffer, once rustls has shaken hands.
//!
//! ```text
//!  stream ── read ──► incoming ── open ──► the caller's buffer        no allocation, no copy besides
//!  stream ◄─ write ── outgoing ◄─ seal ──  the caller's bytes
//! ```

use super::buffer::Incoming;
use super::handshake::{self, Progress};
use super::session::Session;
use super::stream::{Stream, report};
use crate::error::Error;
use rustls::ClientConfig;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// What may wait to be written before more is refused: bytes that are sealed, or that wait for the handshake.
const OUTGOING_BYTES_MAX: usize = 64 << 10;

/// A session whose records are opened and sealed here, with the keys that rustls hands over. Tickets and key updates go
/// through it, too.
pub(super) struct Direct {
    state: State,
    incoming: Incoming,
    /// Content that there was no room for yet.
    opened: Vec<u8>,
    /// How much of `opened` is read.
    given: usize,
    outgoing: Vec<u8>,
    /// How much of `outgoing` is written.
    written: usize,
    /// The session has failed; what was opened before that comes first.
    failed: Option<Error>,
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

impl Direct {
    pub(super) fn new(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, rustls::Error> {
        let connection = UnbufferedClientConnection::new(with_extraction(config), name)?;
        Ok(Self {
            state: State::Handshake { connection: Box::new(connection), unsealed: Vec::new() },
            incoming: Incoming::new(),
            opened: Vec::new(),
            given: 0,
            outgoing: Vec::new(),
            written: 0,
            failed: None,
        })
    }

    pub(super) fn failed(&self) -> Option<&Error> {
        self.failed.as_ref()
    }

    pub(super) fn read(&mut self, stream: &mut impl Stream, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(error) = self.failed.as_ref().filter(|_| self.opened.is_empty()) {
                return Err(report(error));
            }
            let advanced = self.advance(into);
            // Handshake messages and alerts. What cannot be written waits, and the next flush tells: reading comes first.
            let _ = self.write_sealed(stream);
            match advanced {
                Ok(0) if matches!(self.state, State::PeerClosed(_)) => return Ok(0),
                Ok(0) if self.failed.is_some() || self.has_record() => continue,
                Ok(0) => {}
                Ok(count) => return Ok(count),
                Err(error) => {
                    self.state = State::Failed;
                    self.failed = Some(error);
                    continue;
                }
            }
            if self.incoming.fill(stream)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub(super) fn write(&mut self, stream: &mut impl Stream, from: &[u8]) -> io::Result<usize> {
        // Room is made first: a full session "would block" only if the stream does, or no readiness would follow.
        match self.write_sealed(stream) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        let count = self.take(from)?;
        // What was taken is sealed and waits in the session; an error comes again with the next call.
        let _ = self.write_sealed(stream);
        Ok(count)
    }

    pub(super) fn flush(&mut self, stream: &mut impl Stream) -> io::Result<()> {
        self.write_sealed(stream)?;
        stream.flush()
    }

    pub(super) fn shutdown(&mut self, stream: &mut impl Stream) {
        if let State::Open(session) | State::PeerClosed(session) = &mut self.state {
            // A key that seals nothing more leaves the end to the stream.
            let _ = session.close(&mut self.outgoing);
        }
        let _ = self.write_sealed(stream);
    }

    /// Writes what is sealed.
    fn write_sealed(&mut self, stream: &mut impl Stream) -> io::Result<()> {
        while let rest @ [_, ..] = self.outgoing.get(self.written..).unwrap_or_default() {
            match stream.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.let_go();
                    return Err(error);
                }
            }
        }
        self.outgoing.clear();
        self.written = 0;
        Ok(())
    }

    /// A stream that never takes everything must not make the buffer grow for ever.
    fn let_go(&mut self) {
        if self.written >= OUTGOING_BYTES_MAX {
            self.outgoing.drain(..self.written);
            self.written = 0;
        }
    }

    /// Moves the session on with what has arrived; how much content has come out.
    fn advance(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        if let State::Handshake { connection, .. } = &mut self.state {
            let progress =
                handshake::advance(connection, &mut self.incoming, &mut self.outgoing, &mut self.opened)
                    .map_err(Error::Tls)?;
            if progress == Progress::Blocked {
                return Ok(0);
            }
            self.open_session()?;
            if progress == Progress::Closed {
                self.peer_closed();
            }
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
        let rest = self.opened.get(self.given..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        if self.given == self.opened.len() {
            self.opened.clear();
            self.given = 0;
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
                self.failed = Some(Error::Tls(error));
            }
        }
        filled
    }

    /// Whether a whole record waits: no readiness will tell of what has arrived already.
    fn has_record(&self) -> bool {
        matches!(self.state, State::Open(_)) && self.incoming.record_bytes() > 0
    }

    /// The handshake is complete: its keys are taken over, and what waited for them is sealed.
    fn open_session(&mut self) -> Result<(), Error> {
        let State::Handshake { connection, unsealed } = std::mem::replace(&mut self.state, State::Failed)
        else {
            return Ok(());
        };
        let mut session = Session::new(*connection).map_err(|error| not_handed_over(&error))?;
        session.seal(&unsealed, &mut self.outgoing).map_err(Error::Tls)?;
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
            // Room or not: no readiness will make it possible.
            State::Failed => return Err(ErrorKind::BrokenPipe.into()),
            State::Handshake { unsealed, .. } => unsealed.len(),
            State::Open(_) | State::PeerClosed(_) => self.outgoing.len() - self.written,
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

/// The record layer needs the keys: the same configuration, with leave to hand them over.
fn with_extraction(config: Arc<ClientConfig>) -> Arc<ClientConfig> {
    if config.enable_secret_extraction {
        return config;
    }
    let mut config = Arc::unwrap_or_clone(config);
    config.enable_secret_extraction = true;
    Arc::new(config)
}

/// The configuration gave no sign of it (see `choice`), and the handshake cannot be taken back.
fn not_handed_over(error: &rustls::Error) -> Error {
    Error::TlsSettings(format!(
        "the session's keys cannot be taken over ({error}): choose TlsRecords::Rustls"
    ))
}
