//! One client: its request, its WebSocket with pings and limits, its end.
//!
//! ```text
//! Request ──complete──► Answer ──for a WebSocket──► Open ──close sent or received, at most 10 s──► Gone
//!    └── unreadable, too late ──┴── HTTP answered ─────┴── broken, cut ──────────────────────────────┘
//! ```

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use tungstenite::Utf8Bytes;
use tungstenite::WebSocket;
use tungstenite::protocol::{Role, WebSocketConfig};

use super::deflate::{Agreement, Deflater};
use super::framing::Framer;
use super::head::{self, Head};
use super::inflate::Inflater;
use super::open::Open;
use super::spoil::Spoil;
use super::transport::Transport;
use crate::clock::Now;
use crate::feed::Feed;
use crate::publisher::Form;
use crate::rules::{Rules, UNSENT_MAX};
use crate::venue::{Desk, Reception, Venue};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const READ_BUFFER: usize = 8 * 1024;
const WRITE_BUFFER: usize = 16 * 1024;
/// Room for the longest list of streams in one request.
const MESSAGE_MAX: usize = 64 * 1024;

/// What a request is read into and answered from.
struct Handshake {
    transport: Transport,
    deadline: Instant,
}

/// What comes after an answer is written.
enum Then<S> {
    Open { session: S, agreed: Option<Agreement>, read: Vec<u8> },
    End,
}

enum State<V: Venue> {
    Request { handshake: Handshake, read: Vec<u8> },
    Answer { handshake: Handshake, unsent: Vec<u8>, then: Then<V::Session> },
    Open(Box<Open<V>>),
    Gone,
}

/// Whether a state is done for now, or the next one has its turn.
type Turn<V> = (State<V>, bool);

pub(super) struct Connection<V: Venue> {
    state: State<V>,
}

impl<V: Venue> Connection<V> {
    /// Begins the handshakes, TLS (inside the transport) and HTTP.
    pub(super) fn accept(transport: Transport, now: Now) -> Self {
        let handshake = Handshake { transport, deadline: now.instant + HANDSHAKE_TIMEOUT };
        Self { state: State::Request { handshake, read: Vec::new() } }
    }

    /// The socket may have become readable or writable.
    pub(super) fn on_ready(&mut self, now: Now, rules: &Rules, desk: &mut Desk<V>) {
        loop {
            let (state, again) = match std::mem::replace(&mut self.state, State::Gone) {
                State::Request { handshake, read } => on_request(handshake, read, now, rules, desk),
                State::Answer { handshake, unsent, then } => on_answer(handshake, unsent, then, now, rules),
                State::Open(mut open) => {
                    open.on_ready(now, rules, desk);
                    (State::Open(open), false)
                }
                State::Gone => (State::Gone, false),
            };
            self.state = state;
            if !again {
                return;
            }
            desk.changed = true;
        }
    }

    /// Does what is due by now: pings, closes, the next lines of a recording.
    pub(super) fn on_time(&mut self, now: Now, rules: &Rules, feed: &Feed) {
        match &mut self.state {
            State::Request { handshake, .. } | State::Answer { handshake, .. } => {
                if now.instant >= handshake.deadline {
                    self.state = State::Gone;
                }
            }
            State::Gone => {}
            State::Open(open) => open.on_time(now, rules, feed),
        }
    }

    /// When to call [`Connection::on_time`] or [`Connection::on_ready`] even if the poll is silent.
    pub(super) fn next_deadline(&self, now: Now, rules: &Rules, feed: &Feed) -> Option<Instant> {
        match &self.state {
            State::Request { handshake, .. } | State::Answer { handshake, .. } => Some(handshake.deadline),
            State::Open(open) => open.next_deadline(now, rules, feed),
            State::Gone => None,
        }
    }

    /// Whether the last turn ended before everything was read.
    pub(super) fn is_starved(&self) -> bool {
        match &self.state {
            State::Request { handshake, .. } | State::Answer { handshake, .. } => {
                handshake.transport.is_starved()
            }
            State::Open(open) => open.is_starved(),
            State::Gone => false,
        }
    }

    /// Whether it is an open WebSocket.
    pub(super) fn is_open(&self) -> bool {
        matches!(&self.state, State::Open(open) if !open.is_gone())
    }

    /// Whether it wants this stream, and how.
    pub(super) fn form(&self, stream: &str, now: Now, rules: &Rules) -> Option<Form> {
        match &self.state {
            State::Open(open) => open.form(stream, now, rules),
            State::Request { .. } | State::Answer { .. } | State::Gone => None,
        }
    }

    /// Queues a message of a stream.
    pub(super) fn send(&mut self, text: Utf8Bytes, now: Now, rules: &Rules) {
        if let State::Open(open) = &mut self.state {
            open.send_data(text, now, rules);
        }
    }

    /// Hands what is unsent to the socket.
    pub(super) fn flush(&mut self) {
        if let State::Open(open) = &mut self.state {
            open.flush();
        }
    }

    /// Where to say what goes wrong on this connection alone, once it is open.
    pub(super) fn spoil(&mut self) -> Option<&mut Option<Box<Spoil>>> {
        match &mut self.state {
            State::Open(open) => Some(open.spoil()),
            State::Request { .. } | State::Answer { .. } | State::Gone => None,
        }
    }

    /// Whether its messages count against the limit of a rolling second.
    pub(super) fn is_metered(&self) -> bool {
        matches!(&self.state, State::Open(open) if open.is_metered())
    }

    /// Tells of the end where the venue does so; it comes so much later. `false` if it is coming already.
    pub(super) fn announce_end(&mut self, notice: Duration, now: Now, rules: &Rules) -> bool {
        match &mut self.state {
            State::Open(open) => open.announce_end(notice, now, rules),
            State::Request { .. } | State::Answer { .. } | State::Gone => false,
        }
    }

    /// The server ends.
    pub(super) fn shut_down(&mut self, now: Now) {
        if let State::Open(open) = &mut self.state {
            open.shut_down(now);
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        match &self.state {
            State::Gone => true,
            State::Open(open) => open.is_gone(),
            State::Request { .. } | State::Answer { .. } => false,
        }
    }
}

/// Reads on, and decides the answer when the head is complete.
fn on_request<V: Venue>(
    mut handshake: Handshake,
    mut read: Vec<u8>,
    now: Now,
    rules: &Rules,
    desk: &mut Desk<V>,
) -> Turn<V> {
    handshake.transport.begin_turn();
    let mut part = [0; 4 * 1024];
    while read.len() <= head::BYTES_MAX {
        match handshake.transport.read(&mut part) {
            Ok(len) if len > 0 => read.extend_from_slice(part.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return (State::Request { handshake, read }, false);
            }
            Ok(_) | Err(_) => return (State::Gone, false),
        }
        match Head::parse(&read) {
            Ok(None) => {}
            Ok(Some(head)) => {
                let (unsent, then) = decide(&head, &read, now, rules, desk);
                return (State::Answer { handshake, unsent, then }, true);
            }
            Err(head::Unreadable) => break,
        }
    }
    handshake.transport.finish();
    (State::Gone, false)
}

fn decide<V: Venue>(
    head: &Head,
    read: &[u8],
    now: Now,
    rules: &Rules,
    desk: &mut Desk<V>,
) -> (Vec<u8>, Then<V::Session>) {
    match desk.receive(&head.request(desk.open), now) {
        Reception::Answer(answer) => (head::bytes(&answer), Then::End),
        Reception::Upgrade(session) => {
            let agreed = if rules.deflate { head.agree(V::forgets_window()) } else { None };
            match head.accept(agreed.as_ref()) {
                Ok(bytes) => {
                    let read = read.get(head.len..).unwrap_or_default().to_vec();
                    (bytes, Then::Open { session, agreed, read })
                }
                Err(bytes) => (bytes, Then::End),
            }
        }
    }
}

/// Writes on; after the last byte comes what comes then.
fn on_answer<V: Venue>(
    mut handshake: Handshake,
    mut unsent: Vec<u8>,
    then: Then<V::Session>,
    now: Now,
    rules: &Rules,
) -> Turn<V> {
    handshake.transport.begin_turn();
    while !unsent.is_empty() {
        match handshake.transport.write(&unsent) {
            Ok(len) if len > 0 => {
                unsent.drain(..len);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return (State::Answer { handshake, unsent, then }, false);
            }
            Ok(_) | Err(_) => return (State::Gone, false),
        }
    }
    match handshake.transport.flush() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            return (State::Answer { handshake, unsent, then }, false);
        }
        Err(_) => return (State::Gone, false),
        Ok(()) => {}
    }
    match then {
        Then::Open { session, agreed, read } => {
            let mut transport = handshake.transport;
            if agreed.is_some() {
                transport.inflate(Inflater::new(MESSAGE_MAX));
            }
            let pieces = rules.fragments.map_or(1, |fragments| fragments.pieces);
            let framer = Framer::new(pieces, agreed.as_ref().map(Deflater::new));
            let socket = WebSocket::from_partially_read(transport, read, Role::Server, Some(config()));
            (State::Open(Box::new(Open::new(socket, session, framer, now, rules))), true)
        }
        Then::End => {
            handshake.transport.finish();
            (State::Gone, false)
        }
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(UNSENT_MAX)
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::Spot;
    use crate::clock;
    use crate::options::{BinanceRules, Options};
    use crate::pace::Pace;
    use crate::publisher::Publisher;
    use crate::truth::Truth;

    #[test]
    fn a_handshake_that_does_not_end_in_time_loses_its_connection() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let socket = mio::net::TcpStream::connect(address).expect("connecting");
        let (_silent, _) = listener.accept().expect("connected");
        let options = Options::default();
        let (rules, now) = (Rules::of(&options), clock::now());
        let pace = |per_second| Pace::elapsed(per_second, now.instant);
        let feed = Feed::new(options.source, Spot::style(), &options.faults, Truth::default(), pace);
        let venue = Spot::new(BinanceRules::default(), feed.instruments(), now);
        let mut desk = Desk::new(venue, feed);
        let mut connection = Connection::accept(Transport::plain(socket), now);
        connection.on_ready(now, &rules, &mut desk);
        let end = now.instant + HANDSHAKE_TIMEOUT;
        assert_eq!(connection.next_deadline(now, &rules, &desk.feed), Some(end));
        connection.on_time(Now { instant: end - Duration::from_nanos(1), ..now }, &rules, &desk.feed);
        assert!(!connection.is_gone());
        connection.on_time(Now { instant: end, ..now }, &rules, &desk.feed);
        assert!(connection.is_gone());
    }
}
