//! Heads of any bytes to either role: the same outcome in any cut, within the limits, and no upgrade without the right key.

use crate::drive::{Outcome, SEED, Seen, deflate, drain, now, read_size, run, transmitted};
use tickwire_ws::{Config, Connection, Error, HandshakeError, Limits, Request, Response, Role};
use tungstenite::handshake::derive_accept_key;

/// Small enough for the fuzzer to pass them.
const BYTES_MAX: usize = 1024;

/// Input: role and wishes, the windows of compression, how large the reads are, what arrives.
pub fn handshake(input: &[u8]) {
    let [kind, windows, read, bytes @ ..] = input else { return };
    let role = if kind & 1 == 0 { Role::Client } else { Role::Server };
    let limits = Limits { handshake_bytes_max: BYTES_MAX, handshake_headers_max: 12, ..Limits::default() };
    let deflate = (kind & 2 != 0).then(|| deflate(*windows, kind >> 4));
    let config = Config { limits, deflate, ..Config::default() };
    let ends = kind & 4 != 0;
    let whole = opened(role, &config, bytes, bytes.len().max(1), ends);
    let cut = opened(role, &config, bytes, read_size(*read), ends);
    assert_eq!(cut, whole);
}

/// What came of it: the outcome, what the client keeps of the answer, and what goes out.
type Opened = (Outcome, Option<Response>, Vec<u8>);

fn opened(role: Role, config: &Config, bytes: &[u8], read: usize, ends: bool) -> Opened {
    let request = Request::new("a", "/").unwrap().subprotocol("chat").unwrap();
    let mut connection = match role {
        Role::Client => Connection::client(request, config.clone(), SEED, now()),
        Role::Server => Connection::server(config.clone(), now()),
    };
    let asked = transmitted(&mut connection, usize::MAX);
    let mut outcome = run(&mut connection, bytes, read);
    if ends && outcome.error.is_none() {
        connection.received_end();
        drain(&mut connection, &mut outcome);
    }
    let response = connection.response().cloned();
    // A client's frames are masked by chance that is the same for the same seed.
    let answered = transmitted(&mut connection, usize::MAX);
    match role {
        Role::Client => check_client(&outcome, response.as_ref(), &asked),
        Role::Server => check_server(&outcome, &answered),
    }
    (outcome, response, answered)
}

/// RFC 6455 4.1: only an answer to our key opens. What is kept of a refusal is within the limit.
fn check_client(outcome: &Outcome, response: Option<&Response>, asked: &[u8]) {
    let asked = std::str::from_utf8(asked).unwrap();
    assert_eq!(outcome.seen.contains(&Seen::Open), response.is_some());
    if let Some(response) = response {
        let key = asked.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        assert_eq!(response.status, 101);
        assert_eq!(response.headers.first("sec-websocket-accept"), Some(&*derive_accept_key(key.as_bytes())));
        assert!(response.subprotocol().is_none_or(|chosen| chosen == "chat"));
        let offered = asked.contains("\r\nSec-WebSocket-Extensions: ");
        assert!(offered || response.extensions().is_none_or(|answer| answer.trim().is_empty()));
    }
    if let Some(Error::Handshake(HandshakeError::Refused(refusal))) = &outcome.error {
        assert_ne!(refusal.status, 101);
        assert!(refusal.body.len() <= BYTES_MAX);
    }
}

/// RFC 6455 4.2.2: the answer proves that the key was read. An answer of any kind is one head of HTTP.
fn check_server(outcome: &Outcome, answered: &[u8]) {
    let Some(Seen::Request(request)) = outcome.seen.first() else {
        assert!(answered.is_empty() || answered.starts_with(b"HTTP/1.1 4"), "refused");
        return;
    };
    let key = request.headers().first("sec-websocket-key").unwrap();
    let line = format!("\r\nSec-WebSocket-Accept: {}\r\n", derive_accept_key(key.as_bytes()));
    assert!(answered.starts_with(b"HTTP/1.1 101 "));
    assert!(answered.windows(line.len()).any(|window| window == line.as_bytes()), "the key is answered");
    assert!(answered.windows(4).any(|end| end == b"\r\n\r\n"), "a whole head");
}
