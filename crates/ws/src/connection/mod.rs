//! The machine: opening handshake, messages, closing handshake, timers. RFC 6455 4, 5 and 7.
//!
//! ```text
//!  client  AwaitResponse ──┐                          ┌─ our Close ──► CloseSent ──┐ their Close
//!                          ├─► Open ──────────────────┤                            ├────────────► CloseDone ─► Ended
//!  server  AwaitRequest ─► AwaitAnswer ─► Open        └─ their Close, answered ────┘               end of stream
//!                                                                                                  or close timer
//!  any state ── violation, limit, refusal, end of stream, timeout ──► Failed (for good)
//! ```

mod control;
mod farewell;
mod parts;
mod receive;
mod send;
#[cfg(test)]
mod tests;

use crate::assembly::Assembly;
use crate::close::Close;
use crate::deflate::{Agreement, Codec, Deflate};
use crate::error::{Disconnected, Error, Timeout};
use crate::handshake::{client, server};
use crate::http::{Request, Response};
use crate::inbox::Inbox;
use crate::limits::{Config, Limits, Timeouts};
use crate::message::{Kind, Message, Payload};
use crate::outbox::Outbox;
use crate::timer::{Timer, Timers};
use crate::utf8::Utf8;
use bytes::Bytes;
use chacha20::ChaCha12Rng;
use farewell::Farewell;
use rand_core::{Rng as _, SeedableRng as _};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Which end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Opens the connection and masks what it sends.
    Client,
    /// Accepts the connection and demands masked frames.
    Server,
}

/// What [`Connection::poll`] found. The bytes that belong to it are borrowed through the accessor named with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Server: a request has arrived, see [`Connection::request`]; answer it with [`Connection::accept`] or [`Connection::reject`].
    Request,
    /// Client: the handshake is complete, see [`Connection::response`]. A server is open once it has accepted.
    Open,
    /// A whole message, see [`Connection::message`].
    Message,
    /// A part of a message, see [`Connection::part`]; only from [`Connection::poll_part`].
    Part,
    /// A Ping, see [`Connection::control`]. Its Pong is queued already, unless the peer has said Close.
    Ping,
    /// A Pong, see [`Connection::control`].
    Pong,
    /// The peer's Close, see [`Connection::received_close`]. It is answered already.
    Close,
}

/// What [`Connection::poll_control`] found at the front of what has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// A Ping, Pong or Close, which is dealt with: [`poll`](Connection::poll) will not tell of it again.
    Control(Event),
    /// Something else, which only `poll` deals with: a message or some of one, what is no frame, or a Ping whose answer finds no
    /// room.
    Other,
    /// Nothing, or too little to tell: more bytes are needed, unless the connection has ended.
    Nothing,
}

#[derive(Debug)]
enum State {
    AwaitResponse(client::Pending),
    AwaitRequest,
    AwaitAnswer(Box<server::Received>),
    Open,
    CloseSent,
    CloseDone,
    Ended,
    Failed(Error),
}

/// One WebSocket connection without its socket: bytes in, events and bytes out. See the [crate documentation](crate)
/// for the order of calls.
pub struct Connection {
    role: Role,
    state: State,
    limits: Limits,
    timeouts: Timeouts,
    inbox: Inbox,
    assembly: Assembly,
    /// Whether frames come, come unmasked and are not handed out in parts: the usual ones can be taken in few instructions.
    plain: bool,
    /// The largest message that may come in one frame.
    single_bytes_max: usize,
    /// Where the payload of the latest Ping or Pong lies.
    control: Range<usize>,
    control_count: u32,
    control_since: Instant,
    /// The compression that is wanted, and, once it is agreed on, what does it.
    deflate: Option<Deflate>,
    codec: Option<Box<Codec>>,
    outbox: Outbox,
    /// The kind of the fragmented message being sent, and the check of its text.
    sending: Option<Kind>,
    sending_text: Utf8,
    timers: Timers,
    rng: ChaCha12Rng,
    /// The latest time that a call has told.
    now: Instant,
    /// When bytes last arrived.
    heard_at: Instant,
    end_of_stream: bool,
    response: Option<Response>,
    sent_close: Option<Close>,
    farewell: Farewell,
    received_close: Option<Close>,
}

impl Connection {
    /// A client that asks for an upgrade. `seed` must come from a strong source of entropy and be used once: the
    /// handshake key and every masking key are drawn from it (RFC 6455 10.3).
    #[must_use]
    pub fn client(request: Request, config: Config, seed: [u8; 32], now: Instant) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        let (bytes, pending) = client::send(request, config.deflate, nonce);
        let mut connection = Self::new(Role::Client, State::AwaitResponse(pending), config, rng, now);
        connection.outbox.push_handshake(&bytes);
        connection.timers.set(Timer::Handshake, now, connection.timeouts.handshake);
        connection
    }

    /// A server that waits for a request.
    #[must_use]
    pub fn server(config: Config, now: Instant) -> Self {
        let mut connection =
            Self::new(Role::Server, State::AwaitRequest, config, ChaCha12Rng::from_seed([0; 32]), now);
        connection.timers.set(Timer::Handshake, now, connection.timeouts.handshake);
        connection
    }

    /// Either role on a stream that somebody else has upgraded, without extensions. For the seed see
    /// [`client`](Self::client); a server draws nothing from it.
    #[must_use]
    pub fn upgraded(role: Role, config: Config, seed: [u8; 32], now: Instant) -> Self {
        let mut connection = Self::new(role, State::Open, config, ChaCha12Rng::from_seed(seed), now);
        connection.watch();
        connection
    }

    fn new(role: Role, state: State, config: Config, rng: ChaCha12Rng, now: Instant) -> Self {
        Self {
            role,
            inbox: Inbox::new(),
            assembly: Assembly::new(),
            plain: takes_plain(role, &state, &config.limits),
            single_bytes_max: config.limits.frame_bytes_max.min(config.limits.message_bytes_max),
            control: 0..0,
            control_count: 0,
            control_since: now,
            deflate: config.deflate,
            codec: None,
            outbox: Outbox::new(config.limits.outbox_bytes_max),
            sending: None,
            sending_text: Utf8::default(),
            timers: Timers::default(),
            rng,
            now,
            heard_at: now,
            end_of_stream: false,
            response: None,
            sent_close: None,
            farewell: Farewell::None,
            received_close: None,
            state,
            limits: config.limits,
            timeouts: config.timeouts,
        }
    }

    /// Room for the transport to read into: 64 KiB on a busy connection, less on an idle one. The message last handed out is no longer valid.
    #[inline]
    pub fn recv_buffer(&mut self) -> &mut [u8] {
        self.release();
        self.inbox.room(self.assembly.spans_mut())
    }

    /// The transport has read `count` bytes into [`recv_buffer`](Self::recv_buffer).
    #[inline]
    pub fn received(&mut self, count: usize, now: Instant) {
        if count == 0 {
            return;
        }
        self.inbox.received(count);
        if self.is_ended() {
            self.inbox.clear();
        }
        self.now = now;
        self.heard_at = now;
        if self.timers.stop(Timer::Pong) {
            self.watch();
        }
    }

    /// The transport has come to the end of the stream. What has arrived is still polled.
    pub fn received_end(&mut self) {
        self.end_of_stream = true;
    }

    /// Copies as much of `bytes` as there is room for, for callers whose bytes lie elsewhere. Returns how many were taken.
    pub fn feed(&mut self, bytes: &[u8], now: Instant) -> usize {
        let room = self.recv_buffer();
        let count = room.len().min(bytes.len());
        if let (Some(space), Some(taken)) = (room.get_mut(..count), bytes.get(..count)) {
            space.copy_from_slice(taken);
        }
        self.received(count, now);
        count
    }

    /// What is to be written next; empty when nothing waits. More may follow it: write, tell, ask again.
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        self.outbox.pending()
    }

    /// The same, if it lies in a payload that [`send_bytes`](Self::send_bytes) has taken: a handle on the rest of it, which
    /// stays as it is for as long as there is a handle.
    #[inline]
    #[must_use]
    pub fn transmit_owned(&self) -> Option<&Bytes> {
        self.outbox.pending_owned()
    }

    /// Whether [`transmit`](Self::transmit) has something, told in fewer instructions.
    #[inline]
    #[must_use]
    pub fn wants_transmit(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// The transport has written `count` bytes of [`transmit`](Self::transmit).
    pub fn transmitted(&mut self, count: usize) {
        self.outbox.written(count);
        if self.farewell != Farewell::None {
            self.closing_moved();
        }
        self.end_server();
    }

    /// The transport had no room, and has taken something again: so the peer lives, though it may have said nothing, and a
    /// Pong that is waited for has its time anew. For a caller who sends much over a slow link: the Ping, or its answer, may be
    /// behind that.
    pub fn has_room_again(&mut self, now: Instant) {
        if self.timers.stop(Timer::Pong) {
            self.timers.set(Timer::Pong, now, self.timeouts.pong);
        }
    }

    #[cold]
    fn closing_moved(&mut self) {
        let begins = self.farewell.moved(!self.outbox.has_data());
        if begins && matches!(self.state, State::CloseSent | State::CloseDone) {
            // Due at once: the time is known when it is told.
            self.timers.set(Timer::Close, self.now, Duration::ZERO);
        }
    }

    /// The transport takes nothing more: what is queued is let go. What has arrived is still polled.
    pub fn transmit_failed(&mut self) {
        self.outbox.clear();
        if !self.farewell.is_written() {
            self.farewell = Farewell::None;
        }
        self.end_server();
    }

    /// When to call [`on_deadline`](Self::on_deadline); a new answer replaces the old one. Any call may change it.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Does what is due at `now`: pings a silent peer, gives up on a dead one. Poll and transmit afterwards.
    pub fn on_deadline(&mut self, now: Instant) {
        self.now = now;
        while let Some(timer) = self.timers.expired(now) {
            match timer {
                Timer::Handshake => {
                    let error = self.refusal_so_far().unwrap_or(Error::Timeout(Timeout::Handshake));
                    self.fail(error);
                }
                Timer::Ping => self.look(now),
                Timer::Pong => {
                    self.fail(Error::Timeout(Timeout::Pong));
                }
                Timer::Close if self.farewell.goes_on() => {
                    self.timers.set(Timer::Close, now, self.timeouts.close);
                }
                Timer::Close => self.end(),
            }
        }
    }

    /// The whole message of the last [`Event::Message`], until the next call that takes `&mut self`.
    #[inline]
    #[must_use]
    pub fn message(&self) -> Option<Message<'_>> {
        match self.assembly.single_message() {
            Some((kind, spans)) => Message::new(kind, self.inbox.bytes(), spans),
            None => self.message_any(),
        }
    }

    #[inline(never)]
    fn message_any(&self) -> Option<Message<'_>> {
        let (kind, spans) = self.assembly.message()?;
        Message::new(kind, self.message_bytes(), spans)
    }

    /// The same message as one slice. Its fragments are moved together, if there are several; nothing is allocated.
    #[inline]
    pub fn payload(&mut self) -> Option<Payload<'_>> {
        match self.assembly.single_message() {
            Some((kind, [span])) => Some(Payload { kind, bytes: self.inbox.bytes().get(span.clone())? }),
            _ => self.payload_any(),
        }
    }

    #[inline(never)]
    fn payload_any(&mut self) -> Option<Payload<'_>> {
        let (kind, spans) = self.assembly.message()?;
        let several = spans.len() > 1;
        let span = match spans {
            [span] => span.clone(),
            // Inflated fragments lie behind one another.
            [first, .., last] if self.assembly.is_compressed() => first.start..last.end,
            spans => self.inbox.join(spans),
        };
        if several {
            self.assembly.joined(span.clone());
        }
        Some(Payload { kind, bytes: self.message_bytes().get(span)? })
    }

    /// The buffer that the fragments of the message lie in.
    #[inline]
    fn message_bytes(&self) -> &[u8] {
        match &self.codec {
            Some(codec) if self.assembly.is_compressed() => codec.inflated(),
            _ => self.inbox.bytes(),
        }
    }

    /// The payload of the Ping or Pong that [`poll`](Self::poll) returned last, until the next call that takes `&mut self`.
    #[must_use]
    pub fn control(&self) -> &[u8] {
        self.inbox.bytes().get(self.control.clone()).unwrap_or_default()
    }

    /// Server: the request that waits for an answer.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match &self.state {
            State::AwaitAnswer(received) => Some(&received.request),
            _ => None,
        }
    }

    /// Client: the response that opened the connection.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        self.response.as_ref()
    }

    /// The peer's Close frame.
    #[must_use]
    pub fn received_close(&self) -> Option<&Close> {
        self.received_close.as_ref()
    }

    /// The Close frame that we have queued, by request, in answer or because of an error.
    #[must_use]
    pub fn sent_close(&self) -> Option<&Close> {
        self.sent_close.as_ref()
    }

    /// Whether the opening handshake goes on.
    #[must_use]
    pub fn is_opening(&self) -> bool {
        matches!(self.state, State::AwaitResponse(_) | State::AwaitRequest | State::AwaitAnswer(_))
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether the connection is over, well or not: write what [`transmit`](Self::transmit) still holds if that can be
    /// done at once, then drop the transport.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended | State::Failed(_))
    }

    /// Whether both sides have said Close (RFC 6455 7.1.4): theirs has come and ours is written.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.farewell.is_written() && self.received_close.is_some() && !matches!(self.state, State::Failed(_))
    }

    /// When bytes last arrived; before any did, when the connection began.
    #[must_use]
    pub fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// Bytes moved within the receive buffer so far; 0 per message unless it lay across the buffer's end or was joined.
    #[must_use]
    pub fn moved_bytes(&self) -> u64 {
        self.inbox.moved()
    }

    /// Lets the message that was handed out go.
    #[inline]
    fn release(&mut self) {
        if self.assembly.is_compressed() {
            self.release_inflated();
        }
        if self.assembly.release() {
            self.inbox.release();
        }
    }

    #[inline(never)]
    fn release_inflated(&mut self) {
        if !self.assembly.holds_fragments()
            && let Some(codec) = &mut self.codec
        {
            codec.release();
        }
    }

    /// Compression as agreed on in the handshake.
    fn agree(&mut self, agreement: Option<Agreement>) {
        let both = self.deflate.as_ref().zip(agreement);
        self.codec = both
            .map(|(wanted, agreement)| Box::new(Codec::new(wanted, agreement, self.role == Role::Client)));
    }

    /// Every change of state passes here.
    fn transition(&mut self, to: State) {
        match to {
            State::Open => {
                self.timers.stop_all();
                self.state = to;
                self.watch();
            }
            State::CloseSent | State::CloseDone => {
                self.timers.stop_all();
                self.timers.set(Timer::Close, self.now, self.timeouts.close);
                self.state = to;
            }
            State::Ended | State::Failed(_) => {
                self.timers.stop_all();
                self.state = to;
            }
            State::AwaitResponse(_) | State::AwaitRequest | State::AwaitAnswer(_) => self.state = to,
        }
        self.look_whether_plain();
    }

    fn look_whether_plain(&mut self) {
        self.plain = takes_plain(self.role, &self.state, &self.limits) && !self.assembly.is_in_parts();
    }

    fn end(&mut self) {
        self.forget();
        self.transition(State::Ended);
    }

    /// Nothing of what has arrived is wanted any more.
    fn forget(&mut self) {
        self.inbox.clear();
        self.assembly = Assembly::new();
    }

    /// RFC 6455 7.1.1: the server is the one to close the stream, as soon as its Close is written.
    fn end_server(&mut self) {
        if self.role == Role::Server
            && matches!(self.state, State::CloseDone)
            && self.outbox.pending().is_empty()
        {
            self.end();
        }
    }

    /// Starts to watch for silence.
    fn watch(&mut self) {
        if let Some(after) = self.timeouts.ping_after {
            self.timers.set(Timer::Ping, self.now, after);
        }
    }

    /// A look at whether the peer was silent: if so, a Ping asks, and the answer must come in time. The next look is
    /// due after that.
    fn look(&mut self, now: Instant) {
        let Some(after) = self.timeouts.ping_after else { return };
        if now.saturating_duration_since(self.heard_at) < after {
            self.timers.set(Timer::Ping, self.heard_at, after);
            return;
        }
        self.release();
        self.inbox.idle();
        // A full outbox means that the peer does not read: the Pong timer runs all the same.
        let _ = self.ping(b"");
        self.timers.set(Timer::Pong, now, self.timeouts.pong);
    }

    /// The stream is over: how well depends on what had been said.
    fn on_end_of_stream(&mut self) -> Result<Option<Event>, Error> {
        let at = match self.state {
            State::CloseSent | State::CloseDone => {
                self.end();
                return Ok(None);
            }
            State::Ended => return Ok(None),
            State::Open if self.assembly.in_message() || !self.inbox.unparsed().is_empty() => {
                Disconnected::InMessage
            }
            State::Open => Disconnected::BetweenMessages,
            _ => Disconnected::InHandshake,
        };
        let error = self.refusal_so_far().unwrap_or(Error::Disconnected(at));
        Err(self.fail(error))
    }
}

/// A limit of no fragments is the general way's to judge.
fn takes_plain(role: Role, state: &State, limits: &Limits) -> bool {
    role == Role::Client && matches!(state, State::Open | State::CloseSent) && limits.fragments_max > 0
}

impl std::fmt::Debug for Connection {
    /// Neither keys nor payloads.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("role", &self.role)
            .field("state", &self.state)
            .field("unparsed", &self.inbox.unparsed().len())
            .field("unsent", &self.outbox.pending().len())
            .finish_non_exhaustive()
    }
}
