//! What the tests of this crate share: hand-made frames and a loop that drives a connection from bytes.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "shared by tests, each uses a part"
)]

use proptest::prelude::*;
use std::time::Instant;
use tickwire_ws::{Config, Connection, Error, Event, Header, Kind, Opcode, Role};

pub const SEED: [u8; 32] = [42; 32];

/// What a connection reported, with the bytes that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Message(Kind, Vec<Vec<u8>>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Error(Error),
}

/// Frames that a peer may send, right and wrong ones.
pub fn any_frame() -> impl Strategy<Value = (bool, Opcode, Vec<u8>)> {
    let opcode = prop_oneof![
        4 => Just(Opcode::Continuation),
        3 => Just(Opcode::Text),
        2 => Just(Opcode::Binary),
        2 => Just(Opcode::Ping),
        1 => Just(Opcode::Pong),
        1 => Just(Opcode::Close),
    ];
    let payload = prop_oneof![
        4 => "\\PC{0,40}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => Just(vec![b'x'; 70_000]),
    ];
    (proptest::bool::weighted(0.7), opcode, payload)
}

pub fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    encoded(Header { fin, rsv: 0, opcode, mask: None, len: payload.len() as u64 }, payload)
}

pub fn masked(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let masked: Vec<u8> = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    encoded(Header { fin, rsv: 0, opcode, mask: Some(key), len: payload.len() as u64 }, &masked)
}

fn encoded(header: Header, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    header.encode(&mut out);
    out.extend_from_slice(payload);
    out
}

pub fn client(config: Config) -> Connection {
    Connection::upgraded(Role::Client, config, SEED, Instant::now_for_test())
}

pub fn server(config: Config) -> Connection {
    Connection::upgraded(Role::Server, config, SEED, Instant::now_for_test())
}

/// The one place where these tests read the clock; all other times are made from it.
pub trait NowForTest {
    fn now_for_test() -> Self;
}

impl NowForTest for Instant {
    #[expect(clippy::disallowed_methods, reason = "an Instant can only be made from the clock")]
    fn now_for_test() -> Self {
        Self::now()
    }
}

/// Everything that can be polled now, by the short way where there is one.
pub fn drain(connection: &mut Connection) -> Vec<Seen> {
    drain_by(
        connection,
        |connection| {
            if connection.poll_single() { Ok(Some(Event::Message)) } else { connection.poll() }
        },
    )
}

fn drain_by(
    connection: &mut Connection,
    poll: impl Fn(&mut Connection) -> Result<Option<Event>, Error>,
) -> Vec<Seen> {
    let mut seen = Vec::new();
    loop {
        match poll(connection) {
            Ok(None) => return seen,
            Ok(Some(event)) => seen.push(look(connection, event)),
            Err(error) => {
                seen.push(Seen::Error(error));
                return seen;
            }
        }
    }
}

pub fn look(connection: &Connection, event: Event) -> Seen {
    match event {
        Event::Message => {
            let message = connection.message().unwrap();
            Seen::Message(message.kind(), message.fragments().map(<[u8]>::to_vec).collect())
        }
        Event::Ping => Seen::Ping(connection.control().to_vec()),
        Event::Pong => Seen::Pong(connection.control().to_vec()),
        Event::Close => {
            let close = connection.received_close().unwrap();
            Seen::Close(close.code.map(u16::from), close.reason.clone())
        }
        other => panic!("unexpected {other:?}"),
    }
}

/// Feeds all of `bytes` in reads of `read` bytes at most and drains after each.
pub fn run(connection: &mut Connection, bytes: &[u8], read: usize) -> Vec<Seen> {
    run_by(connection, bytes, read, drain)
}

/// The same in one read, polled by the long way alone.
pub fn run_whole(connection: &mut Connection, bytes: &[u8]) -> Vec<Seen> {
    run_by(connection, bytes, bytes.len(), |connection| drain_by(connection, Connection::poll))
}

fn run_by(
    connection: &mut Connection,
    bytes: &[u8],
    read: usize,
    drain: impl Fn(&mut Connection) -> Vec<Seen>,
) -> Vec<Seen> {
    let now = Instant::now_for_test();
    let mut seen = Vec::new();
    for chunk in bytes.chunks(read.max(1)) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let taken = connection.feed(rest, now);
            rest = &rest[taken..];
            seen.extend(drain(connection));
            if matches!(seen.last(), Some(Seen::Error(_))) {
                return seen;
            }
        }
    }
    seen
}

/// The frames that go out, unmasked: opcode and payload.
pub fn sent(connection: &mut Connection) -> Vec<(Opcode, Vec<u8>)> {
    let out = drain_out(connection);
    let mut bytes = out.as_slice();
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (header, size) = Header::parse(bytes).unwrap().unwrap();
        let end = size + usize::try_from(header.len).unwrap();
        let key = header.mask.unwrap_or([0; 4]);
        let payload = bytes[size..end].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        frames.push((header.opcode, payload));
        bytes = &bytes[end..];
    }
    frames
}

/// The bytes that go out.
pub fn drain_out(connection: &mut Connection) -> Vec<u8> {
    let mut out = Vec::new();
    while !connection.transmit().is_empty() {
        out.extend_from_slice(connection.transmit());
        let count = connection.transmit().len();
        connection.transmitted(count);
    }
    out
}
