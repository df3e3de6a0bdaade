//! The same frames to this library and to tungstenite, in either role: the same events and the same verdict.
//!
//! They differ on purpose in four places, each of which is looked for and judged by its own rule:
//!
//! - RFC 6455 8.1, 5.5, 5.2: we refuse a frame as soon as it cannot be mended, tungstenite when it is whole. So only
//!   whole frames are compared.
//! - RFC 6455 5.2: a length must be in its shortest form. tungstenite takes any.
//! - RFC 6455 7.4: a close code that must not be sent is a violation. tungstenite reports a Close of its own making.
//! - RFC 6455 7.4.2 leaves codes to a registry, which lists 1014. tungstenite does not know it.

use crate::drive::{SEED, Seen, now, read_size, run};
use std::io::{self, Cursor, Read, Write};
use tickwire_ws::{Config, Connection, Error, Kind, Limits, Opcode, Role, Violation};
use tungstenite::protocol::{WebSocket, WebSocketConfig};
use tungstenite::{Error as TheirError, Message, error::ProtocolError, protocol};

const FRAME_BYTES_MAX: usize = 600;
const MESSAGE_BYTES_MAX: usize = 1000;
/// What tungstenite makes of a close code that must not be sent.
const REPLACED: (Option<u16>, &str) = (Some(1002), "Protocol violation");

/// What an implementation reported, and whether it refused to go on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    seen: Vec<Seen>,
    refused: bool,
}

/// Input: role, how large the reads are, what arrives.
pub fn differential(input: &[u8]) {
    let [role, read, bytes @ ..] = input else { return };
    let role = if role & 1 == 0 { Role::Client } else { Role::Server };
    let Frames { comparable, padded } = split(bytes);
    let ours = ours(role, comparable, read_size(*read));
    let theirs = theirs(role, comparable);
    match close_code_apart(&ours, &theirs) {
        Some(code) => judge_close_code(code, &ours, &theirs),
        None => assert_eq!(ours.0, theirs),
    }
    if let Some(padded) = padded {
        judge_padded(role, &ours.0, padded);
    }
}

/// Bytes that both should judge alike, and the frame behind them whose length is not in its shortest form.
struct Frames<'a> {
    comparable: &'a [u8],
    padded: Option<&'a [u8]>,
}

/// Walks over the frames, by their lengths alone.
fn split(bytes: &[u8]) -> Frames<'_> {
    let mut at = 0;
    while let Some(frame) = measure(&bytes[at..]) {
        if !frame.shortest {
            return Frames { comparable: &bytes[..at], padded: Some(&bytes[at..]) };
        }
        // Too long for either: its header is enough for both.
        if frame.payload > FRAME_BYTES_MAX as u64 {
            return Frames { comparable: &bytes[..at + frame.header], padded: None };
        }
        let end = at + frame.header + frame.payload as usize;
        if end > bytes.len() {
            break;
        }
        at = end;
    }
    Frames { comparable: &bytes[..at], padded: None }
}

struct Measure {
    header: usize,
    payload: u64,
    shortest: bool,
}

/// The lengths of a whole header, RFC 6455 5.2.
fn measure(bytes: &[u8]) -> Option<Measure> {
    let second = *bytes.get(1)?;
    let field =
        |len: usize| bytes.get(2..2 + len).map(|field| field.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
    let (len, payload, least) = match second & 0x7F {
        126 => (4, field(2)?, 126),
        127 => (10, field(8)?, 0x1_0000),
        short => (2, u64::from(short), 0),
    };
    let header = len + if second & 0x80 == 0 { 0 } else { 4 };
    (header <= bytes.len()).then_some(Measure { header, payload, shortest: payload >= least })
}

fn ours(role: Role, bytes: &[u8], read: usize) -> (Verdict, Option<Error>) {
    let limits = Limits {
        frame_bytes_max: FRAME_BYTES_MAX,
        message_bytes_max: MESSAGE_BYTES_MAX,
        // tungstenite does not count control frames.
        control_frames_per_second_max: u32::MAX,
        ..Limits::default()
    };
    let mut connection = Connection::upgraded(role, Config { limits, ..Config::default() }, SEED, now());
    let outcome = run(&mut connection, bytes, read);
    let joined = |seen| match seen {
        Seen::Message(kind, fragments) => Seen::Message(kind, vec![fragments.concat()]),
        other => other,
    };
    let seen = outcome.seen.into_iter().map(joined).collect();
    (Verdict { seen, refused: outcome.error.is_some() }, outcome.error)
}

fn theirs(role: Role, bytes: &[u8]) -> Verdict {
    let config = WebSocketConfig::default()
        .max_frame_size(Some(FRAME_BYTES_MAX))
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .read_buffer_size(1024);
    let role = match role {
        Role::Client => protocol::Role::Client,
        Role::Server => protocol::Role::Server,
    };
    let mut socket = WebSocket::from_raw_socket(Wire(Cursor::new(bytes.to_vec())), role, Some(config));
    let mut verdict = Verdict::default();
    loop {
        verdict.seen.push(match socket.read() {
            Ok(Message::Text(text)) => Seen::Message(Kind::Text, vec![text.as_bytes().to_vec()]),
            Ok(Message::Binary(bytes)) => Seen::Message(Kind::Binary, vec![bytes.to_vec()]),
            Ok(Message::Ping(payload)) => Seen::Ping(payload.to_vec()),
            Ok(Message::Pong(payload)) => Seen::Pong(payload.to_vec()),
            Ok(Message::Close(close)) => {
                let close = close.map(|close| (u16::from(close.code), close.reason.to_string()));
                let (code, reason) =
                    close.map_or((None, String::new()), |(code, reason)| (Some(code), reason));
                // RFC 6455 1.4: nothing counts after a Close.
                verdict.seen.push(Seen::Close(code, reason));
                return verdict;
            }
            Ok(Message::Frame(frame)) => panic!("never read: {frame:?}"),
            Err(TheirError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return verdict,
            Err(_) => return Verdict { refused: true, ..verdict },
        });
    }
}

/// The code of a Close on which the two differ. When they both refuse, they do not.
fn close_code_apart(ours: &(Verdict, Option<Error>), theirs: &Verdict) -> Option<u16> {
    if theirs.refused {
        return None;
    }
    if let (_, Some(Error::Protocol(Violation::CloseCode(code)))) = ours {
        return Some(*code);
    }
    match (ours.0.seen.last(), theirs.seen.last()) {
        (Some(Seen::Close(Some(1014), _)), Some(Seen::Close(Some(1002), _))) => Some(1014),
        _ => None,
    }
}

/// RFC 6455 7.4: up to the Close they agree; there, tungstenite puts a Close of its own in the place of the peer's.
fn judge_close_code(code: u16, (ours, _): &(Verdict, Option<Error>), theirs: &Verdict) {
    let (last, before) = theirs.seen.split_last().expect("a Close");
    assert_eq!(*last, Seen::Close(REPLACED.0, REPLACED.1.to_owned()));
    if code == 1014 {
        assert_eq!(ours.seen.split_last().map(|(_, before)| before), Some(before));
        return;
    }
    assert!(ours.refused && !matches!(code, 1000..=1003 | 1007..=1013 | 3000..=4999), "{code}");
    assert_eq!(ours.seen, before);
}

/// RFC 6455 5.2: we refuse a padded length, unless it came too late or its opcode was reason enough.
fn judge_padded(role: Role, before: &Verdict, frame: &[u8]) {
    if before.refused || matches!(before.seen.last(), Some(Seen::Close(..))) {
        return;
    }
    let (verdict, error) = ours(role, frame, frame.len());
    let expected = match Opcode::from_bits(frame[0] & 0xF) {
        Some(_) => Violation::Length,
        None => Violation::ReservedOpcode(frame[0] & 0xF),
    };
    assert_eq!(error, Some(Error::Protocol(expected)));
    assert_eq!(verdict.seen, []);
}

/// A stream that ends behind the bytes and takes whatever is written.
struct Wire(Cursor<Vec<u8>>);

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Wire {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(from.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
