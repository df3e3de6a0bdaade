//! Records opened and sealed by rustls, through its ordinary connection.

use super::stream::{Stream, report};
use crate::error::Error;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;

/// A session of rustls's own, which holds what is to be written, 64 KiB at most.
pub(super) struct Buffered {
    session: ClientConnection,
    /// The session has failed; what was opened before that comes first.
    failed: Option<Error>,
}

impl Buffered {
    pub(super) fn new(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, rustls::Error> {
        Ok(Self { session: ClientConnection::new(config, name)?, failed: None })
    }

    pub(super) fn failed(&self) -> Option<&Error> {
        self.failed.as_ref()
    }

    pub(super) fn read(&mut self, stream: &mut impl Stream, into: &mut [u8]) -> io::Result<usize> {
        loop {
            // An `Ok(0)` is the peer's close_notify, an `UnexpectedEof` the end without one.
            match self.session.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if !self.read_records(stream)? && self.session.is_handshaking() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub(super) fn write(&mut self, stream: &mut impl Stream, from: &[u8]) -> io::Result<usize> {
        // Room is made first: a full session "would block" only if the stream does, or no readiness would follow.
        match self.write_records(stream) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        if self.failed.is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        match self.session.writer().write(from)? {
            // Full: the stream takes no more, or the handshake waits for the peer.
            0 => Err(ErrorKind::WouldBlock.into()),
            count => {
                // What was taken is sealed and waits in the session; an error comes again with the next call.
                let _ = self.write_records(stream);
                Ok(count)
            }
        }
    }

    pub(super) fn flush(&mut self, stream: &mut impl Stream) -> io::Result<()> {
        self.write_records(stream)?;
        stream.flush()
    }

    pub(super) fn shutdown(&mut self, stream: &mut impl Stream) {
        self.session.send_close_notify();
        let _ = self.write_records(stream);
    }

    fn write_records(&mut self, stream: &mut impl Stream) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(stream) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads once and moves the session on. False at the end of the stream and after the peer's close_notify.
    fn read_records(&mut self, stream: &mut impl Stream) -> io::Result<bool> {
        if let Some(error) = &self.failed {
            return Err(report(error));
        }
        // A peer that waits for the handshake's beginning says nothing before. What cannot be written waits, and the next
        // flush tells: reading comes first.
        let _ = self.write_records(stream);
        let count = self.session.read_tls(stream)?;
        let closed = match self.session.process_new_packets() {
            Ok(state) => state.peer_has_closed(),
            Err(error) => {
                self.failed = Some(Error::Tls(error));
                false
            }
        };
        // Handshake messages and alerts.
        let _ = self.write_records(stream);
        Ok((count > 0 && !closed) || self.failed.is_some())
    }
}
