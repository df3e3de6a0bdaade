//! From calls to bytes.

use super::farewell::Farewell;
use super::{Connection, Role, State};
use crate::close::{self, Close};
use crate::code::{CloseCode, CloseNumber};
use crate::deflate::Deflater;
use crate::error::{Error, HandshakeError, SendError};
use crate::handshake::server;
use crate::header::{Header, Opcode, RSV1};
use crate::message::Kind;
use crate::utf8;
use bytes::BytesMut;
use rand_core::Rng as _;
use std::time::Instant;

impl Connection {
    /// Queues a message in one frame. A text has to be UTF-8: the caller sees to it.
    ///
    /// # Errors
    /// [`SendError`]: nothing was queued, the payload is still the caller's.
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), SendError> {
        if self.sending.is_some() {
            return Err(SendError::InMessage);
        }
        self.push(kind, payload, true)
    }

    /// Queues a message in one frame and takes its payload, which is masked where it lies and not copied: `payload` is empty
    /// afterwards. Of less than `owned_bytes_min` bytes, and where compression is agreed on, it is queued as
    /// [`send`](Self::send) does. A text is checked. Of `Bytes`, `BytesMut::from` makes what is taken here, by a copy only if
    /// they are shared.
    ///
    /// # Errors
    /// [`SendError`]: nothing was queued, and `payload` is as it was.
    pub fn send_bytes(
        &mut self,
        kind: Kind,
        payload: &mut BytesMut,
        owned_bytes_min: usize,
    ) -> Result<(), SendError> {
        if self.sending.is_some() {
            return Err(SendError::InMessage);
        }
        if kind == Kind::Text && !utf8::is_valid(payload) {
            return Err(SendError::NotUtf8);
        }
        let is_compressed = self.codec.as_mut().is_some_and(|codec| codec.deflater().is_some());
        if payload.is_empty() || payload.len() < owned_bytes_min || is_compressed {
            self.push(kind, payload, true)?;
            payload.clear();
            return Ok(());
        }
        self.may_send()?;
        let opcode = self.opcode(kind)?;
        let header = self.header(opcode, true, payload.len());
        self.outbox.push_owned(header, payload)
    }

    /// Queues the next fragment of a message, `fin` for the last one (RFC 6455 5.4). Fragments of a text may split
    /// a code point, but together they must be UTF-8, which is checked.
    ///
    /// # Errors
    /// [`SendError`]: nothing was queued, the payload is still the caller's.
    pub fn send_fragment(&mut self, kind: Kind, payload: &[u8], fin: bool) -> Result<(), SendError> {
        let mut text = self.sending_text.clone();
        if kind == Kind::Text {
            let checked = text.push(payload).and_then(|()| if fin { text.finish() } else { Ok(()) });
            checked.map_err(|_| SendError::NotUtf8)?;
        }
        self.push(kind, payload, fin)?;
        self.sending_text = text;
        Ok(())
    }

    fn push(&mut self, kind: Kind, payload: &[u8], fin: bool) -> Result<(), SendError> {
        self.may_send()?;
        let opcode = self.opcode(kind)?;
        let mut header = self.header(opcode, fin, payload.len());
        match self.codec.as_mut().and_then(|codec| codec.deflater()) {
            None => self.outbox.push(header, payload)?,
            Some(deflater) => {
                // Room is made sure of before: a compressor cannot take a message back.
                self.outbox.admit(opcode, Deflater::bytes_max(payload.len()))?;
                let payload = deflater.push(payload, fin);
                header.len = payload.len() as u64;
                // RFC 7692 6: only the first frame of a message says so.
                header.rsv = if opcode == Opcode::Continuation { 0 } else { RSV1 };
                self.outbox.push(header, payload)?;
            }
        }
        self.sending = (!fin).then_some(kind);
        Ok(())
    }

    fn opcode(&self, kind: Kind) -> Result<Opcode, SendError> {
        match (self.sending, kind) {
            (None, Kind::Text) => Ok(Opcode::Text),
            (None, Kind::Binary) => Ok(Opcode::Binary),
            (Some(begun), kind) if begun == kind => Ok(Opcode::Continuation),
            (Some(_), _) => Err(SendError::InMessage),
        }
    }

    /// Queues a Ping ahead of the data that waits. Its Pong is an [`Event::Pong`](crate::Event::Pong).
    ///
    /// # Errors
    /// [`SendError`], also for more than 125 bytes.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.send_control(Opcode::Ping, payload)
    }

    /// Queues an unsolicited Pong (RFC 6455 5.5.3). Pings are answered without it.
    ///
    /// # Errors
    /// [`SendError`], also for more than 125 bytes.
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.send_control(Opcode::Pong, payload)
    }

    /// Begins the closing handshake, behind everything that is queued. Keep polling until [`is_ended`](Self::is_ended):
    /// messages may still arrive. During the opening handshake the connection just ends; later calls do nothing.
    ///
    /// # Errors
    /// [`SendError::CloseCode`] and [`SendError::ControlTooLong`] for a code or reason that must not be sent.
    pub fn close(
        &mut self,
        code: impl Into<CloseNumber>,
        reason: &str,
        now: Instant,
    ) -> Result<(), SendError> {
        let code = u16::from(code.into());
        let code = CloseCode::new(code).ok_or(SendError::CloseCode(code))?;
        let body = close::body(code, reason)?;
        match self.state {
            State::Open => {
                self.push_close(Close { code: Some(code), reason: reason.to_owned() }, &body);
                self.now = now;
                self.transition(State::CloseSent);
            }
            State::AwaitResponse(_) | State::AwaitRequest | State::AwaitAnswer(_) => self.end(),
            State::CloseSent | State::CloseDone | State::Ended | State::Failed(_) => {}
        }
        Ok(())
    }

    /// Server: upgrades the connection, with one of the subprotocols that the request offers or none.
    ///
    /// # Errors
    /// [`SendError::NoRequest`] unless a request waits and offers that subprotocol.
    pub fn accept(&mut self, subprotocol: Option<&str>) -> Result<(), SendError> {
        let State::AwaitAnswer(received) = &self.state else {
            return Err(SendError::NoRequest);
        };
        let offered = received.request.subprotocols();
        if subprotocol.is_some_and(|name| !offered.iter().any(|offered| offered == name)) {
            return Err(SendError::NoRequest);
        }
        let agreed = self.deflate.as_ref().and_then(|wanted| received.agreement(wanted));
        let answer = received.accept(subprotocol, agreed.as_ref().map(|(_, answer)| answer.as_str()));
        self.agree(agreed.map(|(agreement, _)| agreement));
        self.outbox.push_handshake(&answer);
        self.inbox.release();
        self.transition(State::Open);
        Ok(())
    }

    /// Server: refuses the request with an HTTP status (400 to 599) and a text. Transmit the answer, then drop the transport.
    ///
    /// # Errors
    /// [`SendError::NoRequest`] unless a request waits.
    pub fn reject(&mut self, status: u16, body: &str) -> Result<(), SendError> {
        let State::AwaitAnswer(_) = &self.state else {
            return Err(SendError::NoRequest);
        };
        self.outbox.push_handshake(&server::refuse(status, body));
        self.fail(Error::Handshake(HandshakeError::Rejected(status)));
        Ok(())
    }

    /// Queues a Close frame behind everything else; nothing is sent after it.
    pub(super) fn push_close(&mut self, close: Close, body: &[u8]) {
        let header = self.header(Opcode::Close, true, body.len());
        let behind = self.outbox.has_data();
        // The reserve for control frames may be used up by a peer that reads nothing: then it cannot be told.
        if self.outbox.push(header, body).is_ok() {
            self.sent_close = Some(close);
            self.farewell = Farewell::queued(behind);
        }
    }

    fn send_control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.may_send()?;
        if payload.len() > 125 {
            return Err(SendError::ControlTooLong);
        }
        let header = self.header(opcode, true, payload.len());
        self.outbox.push_control(header, payload)
    }

    fn may_send(&self) -> Result<(), SendError> {
        match self.state {
            State::Open => Ok(()),
            State::AwaitResponse(_) | State::AwaitRequest | State::AwaitAnswer(_) => Err(SendError::NotOpen),
            State::CloseSent | State::CloseDone | State::Ended | State::Failed(_) => Err(SendError::Closing),
        }
    }

    /// RFC 6455 5.3: a client masks every frame with a fresh key, a server none.
    pub(super) fn header(&mut self, opcode: Opcode, fin: bool, len: usize) -> Header {
        let mask = match self.role {
            Role::Client => Some(self.rng.next_u32().to_ne_bytes()),
            Role::Server => None,
        };
        Header { fin, rsv: 0, opcode, mask, len: len as u64 }
    }
}
