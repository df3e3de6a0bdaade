//! Driving a connection from bytes, with what holds for every run asserted on the way.

use std::time::Instant;
use tickwire_ws::{Ahead, Config, Connection, Deflate, Error, Event, Kind, Request, WindowBits};

pub(crate) const SEED: [u8; 32] = [1; 32];

/// An event with the bytes that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Request(Request),
    Open,
    /// A slice for each frame.
    Message(Kind, Vec<Vec<u8>>),
    /// Whether it is the last.
    Part(Kind, Vec<u8>, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

/// Everything that a connection reported, and the error that ended it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) seen: Vec<Seen>,
    pub(crate) error: Option<Error>,
}

impl Outcome {
    /// The same with each message in one piece, where it ended. What parts do not end is left out.
    pub(crate) fn joined(self) -> Self {
        let mut message = Vec::new();
        let joined = self.seen.into_iter().filter_map(|seen| match seen {
            Seen::Message(kind, fragments) => Some(Seen::Message(kind, vec![fragments.concat()])),
            Seen::Part(kind, bytes, is_last) => {
                message.extend(bytes);
                is_last.then(|| Seen::Message(kind, vec![std::mem::take(&mut message)]))
            }
            other => Some(other),
        });
        Self { seen: joined.collect(), error: self.error }
    }
}

type Poll = fn(&mut Connection) -> Result<Option<Event>, Error>;

pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an Instant can only be made from the clock")]
    Instant::now()
}

/// A byte that says how large the reads are, as a size.
pub(crate) fn read_size(byte: u8) -> usize {
    usize::from(byte) + 1
}

/// Feeds `bytes` in reads of `read` bytes and polls after each, by the short way where there is one.
pub(crate) fn run(connection: &mut Connection, bytes: &[u8], read: usize) -> Outcome {
    run_by(connection, bytes, read, poll)
}

/// The same in one read, polled by the long way alone.
pub(crate) fn run_whole(connection: &mut Connection, bytes: &[u8]) -> Outcome {
    run_by(connection, bytes, bytes.len().max(1), Connection::poll)
}

/// The same in reads of `read` bytes, part by part.
pub(crate) fn run_parts(connection: &mut Connection, bytes: &[u8], read: usize) -> Outcome {
    run_by(connection, bytes, read, Connection::poll_part)
}

/// The same in reads of `read` bytes, with the control frames that come before anything else dealt with alone.
pub(crate) fn run_attended(connection: &mut Connection, bytes: &[u8], read: usize) -> Outcome {
    run_by(connection, bytes, read, |connection| match connection.poll_control()? {
        Ahead::Control(event) => Ok(Some(event)),
        Ahead::Other => connection.poll(),
        Ahead::Nothing => Ok(None),
    })
}

fn run_by(connection: &mut Connection, bytes: &[u8], read: usize, poll: Poll) -> Outcome {
    let now = now();
    let mut outcome = Outcome::default();
    for chunk in bytes.chunks(read) {
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = &rest[connection.feed(rest, now)..];
            match &outcome.error {
                None => drain_by(connection, &mut outcome, poll),
                // Whoever goes on reading gets nothing but the error.
                error => assert_eq!(connection.poll().err(), *error),
            }
            assert!(
                connection.transmit().len() <= bytes.len() * 4 + 4096,
                "answers are no larger than questions"
            );
        }
    }
    outcome
}

/// As a client does.
fn poll(connection: &mut Connection) -> Result<Option<Event>, Error> {
    if connection.poll_single() { Ok(Some(Event::Message)) } else { connection.poll() }
}

pub(crate) fn drain(connection: &mut Connection, outcome: &mut Outcome) {
    drain_by(connection, outcome, poll);
}

/// Polls until there is nothing more. A server accepts whoever asks, with the first subprotocol of the offer.
fn drain_by(connection: &mut Connection, outcome: &mut Outcome, poll: Poll) {
    loop {
        match poll(connection) {
            Ok(None) => return,
            Ok(Some(event)) => {
                outcome.seen.push(look(connection, event));
                if event == Event::Request {
                    let chosen = connection.request().unwrap().subprotocols().first().cloned();
                    connection.accept(chosen.as_deref()).unwrap();
                }
            }
            Err(error) => {
                assert_eq!(connection.poll(), Err(error.clone()), "errors stick");
                outcome.error = Some(error);
                return;
            }
        }
    }
}

fn look(connection: &Connection, event: Event) -> Seen {
    match event {
        Event::Request => Seen::Request(connection.request().unwrap().clone()),
        Event::Open => Seen::Open,
        Event::Message => {
            let message = connection.message().unwrap();
            let fragments: Vec<Vec<u8>> = message.fragments().map(<[u8]>::to_vec).collect();
            let whole = fragments.concat();
            assert_eq!(message.len(), whole.len());
            assert!(message.kind() == Kind::Binary || std::str::from_utf8(&whole).is_ok(), "text is UTF-8");
            Seen::Message(message.kind(), fragments)
        }
        Event::Part => {
            let part = connection.part().unwrap();
            Seen::Part(part.kind, part.bytes.to_vec(), part.is_last)
        }
        Event::Ping => Seen::Ping(connection.control().to_vec()),
        Event::Pong => Seen::Pong(connection.control().to_vec()),
        Event::Close => {
            let close = connection.received_close().unwrap();
            Seen::Close(close.code.map(u16::from), close.reason.clone())
        }
        other => panic!("unknown event {other:?}"),
    }
}

/// Everything that goes out, in writes of `size` bytes at most.
pub(crate) fn transmitted(connection: &mut Connection, size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while !connection.transmit().is_empty() {
        let count = connection.transmit().len().min(size);
        out.extend_from_slice(&connection.transmit()[..count]);
        connection.transmitted(count);
    }
    out
}

/// A client and a server after their opening handshake with each other.
pub(crate) fn pair(config: &Config) -> (Connection, Connection) {
    let mut client = Connection::client(Request::new("a", "/").unwrap(), config.clone(), SEED, now());
    let mut server = Connection::server(config.clone(), now());
    let request = transmitted(&mut client, usize::MAX);
    assert_eq!(run(&mut server, &request, usize::MAX).error, None);
    let answer = transmitted(&mut server, usize::MAX);
    assert_eq!(run(&mut client, &answer, usize::MAX).seen, [Seen::Open]);
    (client, server)
}

/// Two bytes as a wish for compression: windows in the first, takeover and effort in the second.
pub(crate) fn deflate(windows: u8, rest: u8) -> Deflate {
    let bits = |bits: u8| WindowBits::new(8 + bits % 8).unwrap();
    Deflate {
        level: rest >> 2 & 0xF,
        server_no_context_takeover: rest & 1 != 0,
        client_no_context_takeover: rest & 2 != 0,
        server_max_window_bits: bits(windows),
        client_max_window_bits: bits(windows >> 3),
    }
}
