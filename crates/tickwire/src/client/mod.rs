//! One WebSocket connection over one transport.

mod latency;
mod owned;
#[cfg(feature = "tokio")]
mod runtime;
mod sending;
mod waiting;

use crate::clock;
use crate::dial::Socket;
use crate::error::Error;
use crate::stages::Laps;
use crate::transport::Transport;
use crate::wait::{WaitPolicy, Waiter};
use std::io::{self, ErrorKind};
use std::time::Instant;
use tickwire_ws::{
    self as ws, Close, CloseNumber, Connection, Kind, Message, Part, Payload, Response, SendError,
};

/// Reads without a pause between two looks at the timers: some microseconds' worth, or as many full windows.
const READS_PER_LOOK: u32 = 32;

/// What [`Client::next_event`] reports, borrowed until the next call.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The handshake is complete: messages can be sent.
    Open(&'a Response),
    /// A whole message.
    Message(Message<'a>),
    /// A Ping, answered already.
    Ping(&'a [u8]),
    /// A Pong.
    Pong(&'a [u8]),
    /// The peer's Close, answered already; no message follows.
    Close(&'a Close),
}

/// A WebSocket client: nonblocking, one thread, whole messages borrowed from its receive buffer.
///
/// ```no_run
/// # fn main() -> Result<(), tickwire::Error> {
/// let mut client = tickwire::Client::connect("wss://stream.binance.com:9443/ws/btcusdt@trade")?;
/// while !client.is_closed() {
///     client.wait(None)?;
///     while let Some(message) = client.next_message_direct()? {
///         for fragment in message.fragments() {
///             println!("{}", String::from_utf8_lossy(fragment));
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Two messages cannot be held at once; the compiler sees to it:
///
/// ```compile_fail,E0499
/// # fn two(client: &mut tickwire::Client) -> Result<(), tickwire::Error> {
/// let first = client.next_message_direct()?;
/// let second = client.next_message_direct()?;
/// drop(first);
/// # Ok(())
/// # }
/// ```
///
/// It is a `mio::event::Source`: register it with a `Poll` of your own instead of calling [`wait`](Self::wait), call
/// [`next_message_direct`](Self::next_message_direct) until `None` once after registering, at each of its events and
/// at [`next_deadline`](Self::next_deadline).
pub struct Client<T = Socket> {
    transport: T,
    connection: Connection,
    policy: WaitPolicy,
    polled_by: PolledBy,
    /// The last read found nothing: only then can waiting make sense.
    drained: bool,
    /// A [`waker`](Self::waker) was used during a wait of our own.
    woken: bool,
    /// The transport did not take everything at the last write, or holds it itself.
    unwritten: bool,
    /// It has taken something since, which a caller who only sends counts as a sign of life.
    moved: bool,
    /// The time of the latest look at the clock, and whether the next bytes get one of their own.
    now: Instant,
    look: bool,
    pub(crate) laps: Laps,
    /// Reads since the timers were looked at.
    reads: u32,
    /// Nothing more can be read.
    over: bool,
    /// The peer may have stopped reading and still have something to say: reported when there is nothing left to read.
    write_error: Option<Error>,
    failed: Option<Error>,
    shut: bool,
}

#[derive(Debug)]
enum PolledBy {
    Nobody,
    Itself(Waiter),
    Caller,
}

impl<T: Transport> Client<T> {
    pub(crate) fn new(transport: T, connection: Connection, policy: WaitPolicy) -> Self {
        Self {
            transport,
            connection,
            policy,
            polled_by: PolledBy::Nobody,
            drained: false,
            woken: false,
            unwritten: true,
            moved: false,
            now: clock::now(),
            look: true,
            laps: Laps::new(),
            reads: 0,
            over: false,
            write_error: None,
            failed: None,
            shut: false,
        }
    }

    /// The next whole message as the payloads of its frames, straight from the receive buffer; `None` when nothing
    /// more is there for now. Valid until the next call. Control frames on the way are dealt with and not shown.
    ///
    /// # Errors
    /// An [`Error`] ends the connection and is repeated by every later call.
    // Inlined, as poll_single is.
    #[expect(clippy::inline_always, reason = "measured, see the instruction counts in benches")]
    #[inline(always)]
    pub fn next_message_direct(&mut self) -> Result<Option<Message<'_>>, Error> {
        if self.next_single() {
            return Ok(self.connection.message());
        }
        Ok(if self.find_message()? { self.connection.message() } else { None })
    }

    /// The next whole message as one slice. If it came in several frames, they are moved together within the receive
    /// buffer; nothing is allocated. May be mixed freely with [`next_message_direct`](Self::next_message_direct).
    ///
    /// # Errors
    /// An [`Error`] ends the connection and is repeated by every later call.
    #[expect(clippy::inline_always, reason = "measured, see the instruction counts in benches")]
    #[inline(always)]
    pub fn next_message(&mut self) -> Result<Option<Payload<'_>>, Error> {
        if self.next_single() {
            return Ok(self.connection.payload());
        }
        Ok(if self.find_message()? { self.connection.payload() } else { None })
    }

    /// The next event of any kind; `None` when nothing more is there for now.
    ///
    /// # Errors
    /// An [`Error`] ends the connection and is repeated by every later call.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        let Some(event) = self.advance()? else {
            return Ok(None);
        };
        let connection = &self.connection;
        Ok(match event {
            ws::Event::Open => connection.response().map(Event::Open),
            ws::Event::Message => connection.message().map(Event::Message),
            ws::Event::Ping => Some(Event::Ping(connection.control())),
            ws::Event::Pong => Some(Event::Pong(connection.control())),
            ws::Event::Close => connection.received_close().map(Event::Close),
            // Requests come to servers only, parts to who asks for them.
            _ => None,
        })
    }

    /// Queues a text message; [`flush`](Self::flush), [`wait`](Self::wait) or the next read writes it.
    ///
    /// # Errors
    /// [`SendError`]: nothing was queued, the text is still the caller's.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.may_send()?;
        self.connection.send(Kind::Text, text.as_bytes())
    }

    /// Queues a binary message; [`flush`](Self::flush), [`wait`](Self::wait) or the next read writes it.
    ///
    /// # Errors
    /// [`SendError`]: nothing was queued, the bytes are still the caller's.
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.may_send()?;
        self.connection.send(Kind::Binary, bytes)
    }

    /// Queues the next fragment of a message.
    pub(crate) fn send_fragment(&mut self, kind: Kind, payload: &[u8], fin: bool) -> Result<(), SendError> {
        self.may_send()?;
        self.connection.send_fragment(kind, payload, fin)
    }

    /// Queues a Ping of at most 125 bytes ahead of the messages that wait.
    ///
    /// # Errors
    /// [`SendError`]: nothing was queued.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.may_send()?;
        self.connection.ping(payload)
    }

    /// Begins the closing handshake, behind everything that is queued. Go on reading until [`is_closed`](Self::is_closed).
    ///
    /// # Errors
    /// [`SendError`] for a code or a reason (123 bytes at most) that must not be sent, and when the client has failed.
    pub fn close(&mut self, code: impl Into<CloseNumber>, reason: &str) -> Result<(), SendError> {
        self.may_send()?;
        self.connection.close(code, reason, clock::now())
    }

    /// Writes what is queued, as far as the transport takes it. True when nothing is left.
    ///
    /// # Errors
    /// An [`Error`] means that nothing more can be sent, and is repeated by every later call. What the peer has sent
    /// before can still be read.
    pub fn flush(&mut self) -> Result<bool, Error> {
        self.fail_again()?;
        let done = self.write_queued();
        self.write_error.clone().map_or(Ok(done), Err)
    }

    /// When the client wants to be read again even if nothing arrives, for its timers. None once it is closed.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.is_closed() {
            return None;
        }
        [self.connection.next_deadline(), self.transport.next_deadline()].into_iter().flatten().min()
    }

    /// Whether the handshake is complete and nothing has ended the connection.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.connection.is_open() && self.failed.is_none()
    }

    /// Whether the connection is over, well or not.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.failed.is_some() || self.connection.is_ended()
    }

    /// Whether both sides have said Close: theirs has come and the transport has written ours.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.connection.is_clean() && !self.unwritten
    }

    /// The peer's Close frame.
    #[must_use]
    pub fn received_close(&self) -> Option<&Close> {
        self.connection.received_close()
    }

    /// The Close frame that was queued here, by request, in answer or because of an error.
    #[must_use]
    pub fn sent_close(&self) -> Option<&Close> {
        self.connection.sent_close()
    }

    /// When bytes last arrived after a pause; while there is none, a time up to 32 reads before the latest, but with
    /// [kernel timestamps](crate::Builder::kernel_timestamps) that of the latest.
    #[must_use]
    pub fn received_at(&self) -> Instant {
        self.connection.heard_at()
    }

    /// Bytes moved within the receive buffer so far (see [`Connection::moved_bytes`]).
    #[must_use]
    pub fn moved_bytes(&self) -> u64 {
        self.connection.moved_bytes()
    }

    /// The transport.
    #[must_use]
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The message that [`advance`](Self::advance) has just found, as one slice.
    pub(crate) fn payload(&mut self) -> Option<Payload<'_>> {
        self.connection.payload()
    }

    /// Looks for the next message: the usual one, if it is there.
    #[expect(clippy::inline_always, reason = "measured, see the instruction counts in benches")]
    #[inline(always)]
    fn next_single(&mut self) -> bool {
        self.laps.asked();
        self.poll_single()
    }

    /// The usual message, if it is there.
    #[expect(clippy::inline_always, reason = "measured, see the instruction counts in benches")]
    #[inline(always)]
    fn poll_single(&mut self) -> bool {
        let is_there = self.connection.poll_single();
        if is_there {
            self.laps.found();
        }
        is_there
    }

    /// Skips to the next whole message, if there is one.
    #[inline(never)]
    pub(crate) fn find_message(&mut self) -> Result<bool, Error> {
        loop {
            match self.advance()? {
                None => return Ok(false),
                Some(ws::Event::Message) => return Ok(true),
                Some(_) => {}
            }
        }
    }

    /// The part that [`find_part`](Self::find_part) has just found.
    pub(crate) fn part(&self) -> Option<Part<'_>> {
        self.connection.part()
    }

    /// The rest of a message whose beginning was found in parts is not wanted.
    pub(crate) fn let_parts_go(&mut self) {
        self.connection.let_parts_go();
    }

    /// Skips to the next part of a message, if there is one.
    pub(crate) fn find_part(&mut self) -> Result<bool, Error> {
        loop {
            match self.connection.poll_part() {
                Ok(Some(ws::Event::Part)) => return Ok(true),
                Ok(Some(_)) => self.told(),
                Ok(None) if self.fill()? => {}
                Ok(None) => return Ok(false),
                Err(error) => return Err(self.fail(error.into())),
            }
        }
    }

    /// Polls what has arrived, reads more when that is used up, until there is an event or nothing to read.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<Option<ws::Event>, Error> {
        self.laps.asked();
        loop {
            if self.poll_single() {
                return Ok(Some(ws::Event::Message));
            }
            let polled = if self.connection.is_used_up() { Ok(None) } else { self.connection.poll() };
            match polled {
                Ok(Some(ws::Event::Message)) => {
                    self.laps.found();
                    return Ok(Some(ws::Event::Message));
                }
                Ok(Some(event)) => {
                    self.told();
                    return Ok(Some(event));
                }
                Ok(None) => {}
                Err(error) => return Err(self.fail(error.into())),
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Something that is no message was told, and may have been answered.
    fn told(&mut self) {
        self.write_queued();
        // Their rate is limited: those of the next read are not counted with these.
        self.look = true;
    }

    /// Reads once. False when there is nothing to read and nothing was due, or the connection is over.
    #[inline]
    fn fill(&mut self) -> Result<bool, Error> {
        self.fail_again()?;
        if self.unwritten || self.connection.wants_transmit() {
            self.write_queued();
        }
        self.drained = false;
        if self.reads >= READS_PER_LOOK {
            self.reads = 0;
            self.look = true;
            if self.due() {
                return Ok(true);
            }
        }
        if self.connection.is_ended() {
            self.shut();
            return Ok(false);
        }
        match self.transport.read(self.connection.recv_buffer()) {
            Ok(0) => return self.end(),
            Ok(count) => self.received(count),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => {
                    // The read may have ended the handshake of TLS, and no readiness would tell of that.
                    if self.unwritten {
                        self.write_queued();
                    }
                    return self.idle();
                }
                ErrorKind::Interrupted => {}
                // TLS without close_notify: RFC 6455 has a closing handshake of its own, which tells the loss.
                ErrorKind::UnexpectedEof => return self.end(),
                // A peer that has said all it wanted may not wait for our Close.
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
                    if self.connection.sent_close().is_some() =>
                {
                    return self.end();
                }
                _ => return Err(self.fail(error.into())),
            },
        }
        Ok(true)
    }

    /// The clock costs more than a small message: it is read for the first bytes after a pause, and now and then while
    /// there is none, so that a peer that never pauses does not hold the timers up.
    fn received(&mut self, count: usize) {
        self.reads += 1;
        // Beside the kernel's time it is read each time: else it may be the earlier one.
        if self.look || self.transport.kernel_ns().is_some() {
            self.look = false;
            self.now = clock::now();
        }
        self.laps.opened(&self.transport);
        self.connection.received(count, self.now);
    }

    /// Nothing to read: the time for what is due. True when that may have changed something.
    fn idle(&mut self) -> Result<bool, Error> {
        self.drained = true;
        self.reads = 0;
        self.look = true;
        if let Some(error) = &self.write_error {
            let error = error.clone();
            return Err(self.fail(error));
        }
        Ok(self.due())
    }

    /// The stream has ended. A peer that has said Close may still read our answer, behind what is queued.
    #[cold]
    fn end(&mut self) -> Result<bool, Error> {
        self.over = true;
        if self.unwritten && self.write_error.is_none() && self.connection.received_close().is_some() {
            return self.idle();
        }
        self.connection.received_end();
        Ok(true)
    }

    /// Lets the timers do what is due; true if there was something.
    fn due(&mut self) -> bool {
        let Some(deadline) = self.next_deadline() else { return false };
        let now = clock::now();
        let due = deadline <= now;
        if due {
            self.transport.on_deadline(now);
            self.connection.on_deadline(now);
        }
        due
    }

    /// Writes what is queued; true when nothing is left. An error waits in `write_error`.
    fn write_queued(&mut self) -> bool {
        self.unwritten = !self.write_all();
        !self.unwritten
    }

    fn write_all(&mut self) -> bool {
        loop {
            let written = match self.connection.transmit() {
                [] => self.transport.flush().map(|()| None),
                queued => match self.connection.transmit_owned() {
                    None => self.transport.write(queued).map(Some),
                    Some(owned) => self.transport.write_owned(owned).map(Some),
                },
            };
            match written {
                Ok(None) => return true,
                Ok(Some(0)) => return self.write_failed(ErrorKind::WriteZero.into()),
                Ok(Some(count)) => {
                    self.moved |= self.unwritten;
                    self.connection.transmitted(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.write_failed(error),
            }
        }
    }

    /// Nothing more can be written, so the queue is let go; what can still be read comes first.
    fn write_failed(&mut self, error: io::Error) -> bool {
        self.connection.transmit_failed();
        self.write_error.get_or_insert_with(|| error.into());
        false
    }

    /// Ends the stream towards the peer, once.
    fn shut(&mut self) {
        if !std::mem::replace(&mut self.shut, true) {
            self.transport.shutdown();
        }
    }

    fn may_send(&self) -> Result<(), SendError> {
        if self.failed.is_some() { Err(SendError::Closing) } else { Ok(()) }
    }

    fn fail_again(&self) -> Result<(), Error> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        // The Close frame that tells the peer why, if the transport takes it at once.
        self.write_queued();
        self.shut();
        self.failed = Some(error.clone());
        error
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Client<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("transport", &self.transport)
            .field("connection", &self.connection)
            .field("policy", &self.policy)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
