//! From bytes to events.

use super::{Connection, Event, Role, State};
use crate::assembly::Next;
use crate::close::{self, Close};
use crate::code::CloseCode;
use crate::deflate::Flaw;
use crate::error::{Error, Exceeded, Violation};
use crate::handshake::server;
use crate::header::{self, Header, Opcode, RSV1};
use crate::mask;
use crate::message::Kind;
use crate::utf8;
use std::ops::Range;

impl Connection {
    /// The next event in what has arrived; `None` when more bytes are needed. Releases the message handed out before.
    ///
    /// # Errors
    /// An [`Error`] ends the connection and is repeated by every later call. A Close frame that tells the peer is
    /// queued where RFC 6455 7.1.7 asks for one: transmit it.
    #[inline]
    pub fn poll(&mut self) -> Result<Option<Event>, Error> {
        if self.is_used_up() {
            self.release();
            return Ok(None);
        }
        self.poll_some()
    }

    /// Whether it is certain that [`poll`](Self::poll) would find nothing before more is read, told in few instructions.
    #[inline]
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.plain && self.inbox.is_parsed() && !self.end_of_stream
    }

    /// The usual case of [`poll`](Self::poll) alone, in few instructions: true is an [`Event::Message`] that came in one
    /// frame, unmasked and not compressed. False says nothing, not even that there is no such message: `poll` is next.
    // Inlined: a call and an answer in memory would cost more than the rest.
    #[expect(clippy::inline_always, reason = "measured, see the instruction counts in benches")]
    #[inline(always)]
    pub fn poll_single(&mut self) -> bool {
        if !self.plain || !self.assembly.is_free() {
            return false;
        }
        let Some(bytes) = self.inbox.unparsed_or_none() else { return false };
        let Some((first, size, len)) = header::plain(bytes) else { return false };
        let kind = match first {
            0x81 => Kind::Text,
            0x82 => Kind::Binary,
            _ => return false,
        };
        if len > self.single_bytes_max {
            return false;
        }
        let Some(payload) = bytes.get(size..size + len) else { return false };
        if kind == Kind::Text && !utf8::is_valid(payload) {
            return false;
        }
        let span = self.inbox.take(size, len);
        self.assembly.single(kind, span);
        true
    }

    #[inline(never)]
    fn poll_some(&mut self) -> Result<Option<Event>, Error> {
        self.release();
        match self.take_plain() {
            Ok(Next::Message) => Ok(Some(Event::Message)),
            Ok(Next::Bytes(_)) if !self.end_of_stream => Ok(None),
            Ok(_) => self.poll_any(),
            Err(violation) => Err(self.fail(violation.into())),
        }
    }

    /// The usual frames in few instructions: unmasked and not compressed. Stops in front of everything else, faults of a
    /// header included.
    #[inline]
    fn take_plain(&mut self) -> Result<Next, Violation> {
        if !self.plain || self.assembly.is_compressed() {
            return Ok(Next::Frame);
        }
        let (bytes, position) = (self.inbox.unparsed(), self.inbox.position());
        let (taken, next) = self.assembly.take_plain(bytes, position, &self.limits)?;
        self.inbox.advance(taken);
        if let Next::Bytes(missing) = next {
            self.inbox.expect(missing);
        }
        Ok(next)
    }

    #[inline(never)]
    fn poll_any(&mut self) -> Result<Option<Event>, Error> {
        // Whoever asks for whole messages does not want the rest of one that was begun in parts.
        self.assembly.let_go();
        self.poll_by(|connection| connection.after_let_go(Self::frames))
    }

    /// Polls, by `frames` where frames may come.
    pub(super) fn poll_by(
        &mut self,
        frames: impl FnOnce(&mut Self) -> Result<Option<Event>, Error>,
    ) -> Result<Option<Event>, Error> {
        let polled = match &self.state {
            State::Open | State::CloseSent => frames(self),
            State::Failed(error) => return Err(error.clone()),
            _ => self.outside_messages(),
        };
        self.look_whether_plain();
        match polled {
            Ok(None) if self.end_of_stream => self.on_end_of_stream(),
            Ok(event) => Ok(event),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Frames of any kind until there is something to report or bytes run out.
    fn frames(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let Some((header, size, available)) = self.next_header()? else { return Ok(None) };
            if header.opcode.is_control() {
                return self.control_frame(header, size, available);
            }
            let kind = self.assembly.admit(&header, &self.limits)?;
            let next = if header.rsv != 0 || self.assembly.is_compressed() {
                self.compressed_frame(kind, header, size, available)?
            } else {
                self.data_frame(kind, header, size, available)?
            };
            match next {
                Next::Message => return Ok(Some(Event::Message)),
                Next::Frame => {}
                Next::Bytes(missing) => {
                    self.inbox.expect(missing);
                    return Ok(None);
                }
            }
        }
    }

    /// The next header, if it is whole and may come from this peer; its size, and how many bytes lie behind it.
    #[inline]
    pub(super) fn next_header(&self) -> Result<Option<(Header, usize, usize)>, Violation> {
        let unparsed = self.inbox.unparsed();
        let Some((header, size)) = Header::parse(unparsed)? else { return Ok(None) };
        self.check(&header)?;
        Ok(Some((header, size, unparsed.len() - size)))
    }

    fn data_frame(
        &mut self,
        kind: Kind,
        header: Header,
        size: usize,
        available: usize,
    ) -> Result<Next, Violation> {
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        let start = self.inbox.position() + size;
        let new = self.unmask(header.mask, start, available.min(len));
        if kind == Kind::Text {
            self.assembly.text(self.inbox.bytes().get(new).unwrap_or_default())?;
        }
        if available < len {
            return Ok(Next::Bytes(len - available));
        }
        self.inbox.advance(size + len);
        let ends = self.assembly.push(kind, start..start + len, header.fin)?;
        Ok(if ends { Next::Message } else { Next::Frame })
    }

    /// What depends on the role and the extensions: RFC 6455 5.1 and 5.2.
    #[inline]
    fn check(&self, header: &Header) -> Result<(), Violation> {
        if header.rsv != 0 && !self.may_be_compressed(header) {
            return Err(Violation::ReservedBit);
        }
        match (self.role, header.mask) {
            (Role::Client, Some(_)) => Err(Violation::MaskedServerFrame),
            (Role::Server, None) => Err(Violation::UnmaskedClientFrame),
            (Role::Client, None) | (Role::Server, Some(_)) => Ok(()),
        }
    }

    /// Unmasks what is new of the payload that begins at `start`: the frame need not be whole. Where that lies.
    pub(super) fn unmask(&mut self, mask: Option<[u8; 4]>, start: usize, available: usize) -> Range<usize> {
        let new = self.assembly.arrive(available);
        let span = start + new.start..start + new.end;
        if let Some(key) = mask {
            mask::apply(self.inbox.range_mut(span.clone()), key, new.start);
        }
        span
    }

    /// RFC 7692 6: RSV1 on the first frame of a message tells that it is compressed, where that was agreed on.
    #[inline(never)]
    fn may_be_compressed(&self, header: &Header) -> bool {
        self.codec.is_some() && header.rsv == RSV1 && matches!(header.opcode, Opcode::Text | Opcode::Binary)
    }

    /// Inflates what is new of a frame: it need not be whole. Its bytes in the inbox are let go once it is.
    #[inline(never)]
    fn compressed_frame(
        &mut self,
        kind: Kind,
        header: Header,
        size: usize,
        available: usize,
    ) -> Result<Next, Error> {
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        let start = self.inbox.position() + size;
        let new = self.unmask(header.mask, start, available.min(len));
        let Some(codec) = &mut self.codec else { return Err(Violation::ReservedBit.into()) };
        let max = self.limits.message_bytes_max;
        let from = codec.inflated().len();
        let whole = available >= len;
        let mut result = codec.inflate(self.inbox.bytes().get(new).unwrap_or_default(), max);
        if whole && header.fin && result.is_ok() {
            result = codec.finish(max);
        }
        let end = self.inflated(kind, from, result)?;
        if !whole {
            return Ok(Next::Bytes(len - available));
        }
        self.inbox.advance(size + len);
        self.inbox.release();
        let span = self.assembly.end()..end;
        self.assembly.set_compressed();
        let ends = self.assembly.push(kind, span, header.fin)?;
        Ok(if ends { Next::Message } else { Next::Frame })
    }

    /// What has come out of the inflater, from `from` on, as text if it is one: where it ends.
    pub(super) fn inflated(
        &mut self,
        kind: Kind,
        from: usize,
        result: Result<(), Flaw>,
    ) -> Result<usize, Error> {
        let inflated = self.codec.as_ref().map_or(&[][..], |codec| codec.inflated());
        // What did inflate is judged first, so that the verdict does not depend on how the bytes were cut.
        if kind == Kind::Text {
            self.assembly.text(inflated.get(from..).unwrap_or_default())?;
        }
        let max = self.limits.message_bytes_max;
        match result {
            Ok(()) => Ok(inflated.len()),
            Err(Flaw::Corrupt) => Err(Violation::Deflate.into()),
            Err(Flaw::TooLong) => {
                Err(Exceeded::Message { bytes: (max as u64).saturating_add(1), max }.into())
            }
        }
    }

    /// Handshakes, and everything after the closing handshake.
    #[cold]
    fn outside_messages(&mut self) -> Result<Option<Event>, Error> {
        let bytes = self.inbox.unparsed();
        match &self.state {
            State::AwaitResponse(pending) => {
                let Some(opening) = pending.answer(bytes, self.end_of_stream, &self.limits)? else {
                    return Ok(None);
                };
                self.response = Some(opening.response);
                self.agree(opening.agreement);
                self.open(opening.bytes)
            }
            State::AwaitRequest => {
                let Some((received, size)) = server::receive(bytes, &self.limits)? else {
                    return Ok(None);
                };
                self.inbox.advance(size);
                self.transition(State::AwaitAnswer(Box::new(received)));
                Ok(Some(Event::Request))
            }
            // RFC 6455 1.4: after its Close a peer sends nothing. One that does is not waited for any longer.
            State::CloseDone if !bytes.is_empty() => {
                self.inbox.clear();
                self.end();
                Ok(None)
            }
            State::Ended => {
                self.inbox.clear();
                Ok(None)
            }
            // A client sends nothing before the answer; what it sends all the same is bounded.
            State::AwaitAnswer(_) if bytes.len() > self.limits.handshake_bytes_max => {
                Err(Exceeded::HandshakeBytes { max: self.limits.handshake_bytes_max }.into())
            }
            State::CloseDone | State::AwaitAnswer(_) | State::Open | State::CloseSent | State::Failed(_) => {
                Ok(None)
            }
        }
    }

    /// The handshake's head of `size` bytes is done with.
    fn open(&mut self, size: usize) -> Result<Option<Event>, Error> {
        self.inbox.advance(size);
        self.inbox.release();
        self.transition(State::Open);
        Ok(Some(Event::Open))
    }

    /// A refusal whose body is still incomplete, when nothing more will come.
    pub(super) fn refusal_so_far(&self) -> Option<Error> {
        match &self.state {
            State::AwaitResponse(pending) => pending.answer(self.inbox.unparsed(), true, &self.limits).err(),
            _ => None,
        }
    }

    /// Ends the connection: tells the peer why if it can be told (RFC 6455 7.1.7), and remembers the error.
    #[cold]
    pub(super) fn fail(&mut self, error: Error) -> Error {
        match (&self.state, &error) {
            (State::Open, error) => {
                if let Some(code) = error.close_code() {
                    self.outbox.drop_unbegun();
                    self.push_failure(code);
                }
            }
            (State::AwaitRequest, Error::Handshake(handshake)) => {
                let status = server::status_of(handshake);
                self.outbox.push_handshake(&server::refuse(status, &handshake.to_string()));
            }
            (State::AwaitRequest, Error::Limit(_)) => {
                self.outbox.push_handshake(&server::refuse(431, &error.to_string()));
            }
            _ => {}
        }
        self.forget();
        self.transition(State::Failed(error.clone()));
        error
    }

    fn push_failure(&mut self, code: CloseCode) {
        if let Ok(body) = close::body(code, "") {
            self.push_close(Close { code: Some(code), reason: String::new() }, &body);
        }
    }
}
