//! One client: its handshake, its open time with pings and limits, its end.
//!
//! ```text
//! Handshake ──accepted──► Open ──close sent or received, at most 10 s──► Gone
//!     └── refused, too late ──┴── broken, cut ───────────────────────────┘
//! ```

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response, ServerHandshake};
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use tungstenite::http::{HeaderValue, StatusCode};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Utf8Bytes, WebSocket, accept_hdr_with_config};

use crate::binance::target::{Refusal, Target};
use crate::clock::Now;
use crate::feed::Feed;
use crate::open::Open;
use crate::rules::{Rules, UNSENT_MAX};
use crate::transport::Transport;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const READ_BUFFER: usize = 8 * 1024;
const WRITE_BUFFER: usize = 16 * 1024;
/// Room for the longest list of streams in one request.
const MESSAGE_MAX: usize = 64 * 1024;

/// Reads the request line during the handshake and leaves what it asks for in the cell.
struct Reception(Rc<OnceCell<Target>>);

impl Callback for Reception {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let uri = request.uri();
        match Target::parse(uri.path(), uri.query().unwrap_or_default()) {
            Ok(target) => {
                // The cell is fresh for each handshake, and this runs once in it.
                let _ = self.0.set(target);
                Ok(response)
            }
            Err(refusal) => Err(error_response(refusal)),
        }
    }
}

fn error_response(refusal: Refusal) -> ErrorResponse {
    let length = HeaderValue::from(refusal.body.len());
    let mut response = ErrorResponse::new(Some(refusal.body));
    *response.status_mut() = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

type Handshake = ServerHandshake<Transport, Reception>;

enum State {
    Handshake { mid: Box<MidHandshake<Handshake>>, target: Rc<OnceCell<Target>>, deadline: Instant },
    Open(Box<Open>),
    Gone,
}

pub(crate) struct Connection {
    state: State,
}

impl Connection {
    /// Begins the handshakes, TLS (inside the transport) and WebSocket.
    pub(crate) fn accept(transport: Transport, now: Now, rules: &Rules) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(UNSENT_MAX)
            .max_message_size(Some(MESSAGE_MAX))
            .max_frame_size(Some(MESSAGE_MAX));
        let target = Rc::new(OnceCell::new());
        let accepted = accept_hdr_with_config(transport, Reception(Rc::clone(&target)), Some(config));
        let deadline = now.instant + HANDSHAKE_TIMEOUT;
        Self { state: after_round(accepted, target, deadline, now, rules) }
    }

    /// The socket may have become readable or writable.
    pub(crate) fn on_ready(&mut self, now: Now, rules: &Rules, feed: &mut Feed) {
        if let State::Handshake { .. } = self.state {
            self.continue_handshake(now, rules);
        }
        if let State::Open(open) = &mut self.state {
            open.on_ready(now, rules, feed);
        }
    }

    fn continue_handshake(&mut self, now: Now, rules: &Rules) {
        let State::Handshake { mut mid, target, deadline } = std::mem::replace(&mut self.state, State::Gone)
        else {
            return;
        };
        mid.get_mut().get_mut().begin_turn();
        self.state = after_round(mid.handshake(), target, deadline, now, rules);
    }

    /// Does what is due by now: pings, closes, the next lines of a recording.
    pub(crate) fn on_time(&mut self, now: Now, rules: &Rules, feed: &Feed) {
        match &mut self.state {
            State::Handshake { deadline, .. } if now.instant >= *deadline => self.state = State::Gone,
            State::Handshake { .. } | State::Gone => {}
            State::Open(open) => open.on_time(now, rules, feed),
        }
    }

    /// When to call [`Connection::on_time`] or [`Connection::on_ready`] even if the poll is silent.
    pub(crate) fn next_deadline(&self, now: Now, rules: &Rules, feed: &Feed) -> Option<Instant> {
        match &self.state {
            State::Handshake { deadline, .. } => Some(*deadline),
            State::Open(open) => open.next_deadline(now, rules, feed),
            State::Gone => None,
        }
    }

    /// Whether the last turn ended before everything was read.
    pub(crate) fn is_starved(&self) -> bool {
        match &self.state {
            State::Handshake { mid, .. } => mid.get_ref().get_ref().is_starved(),
            State::Open(open) => open.is_starved(),
            State::Gone => false,
        }
    }

    /// Whether it is connected to this stream, and if so, whether its payloads are wrapped.
    pub(crate) fn listens(&self, stream: &str) -> Option<bool> {
        match &self.state {
            State::Open(open) => open.listens(stream),
            State::Handshake { .. } | State::Gone => None,
        }
    }

    pub(crate) fn send(&mut self, text: Utf8Bytes, now: Now) {
        if let State::Open(open) = &mut self.state {
            open.send(text, now);
        }
    }

    /// Hands what is unsent to the socket.
    pub(crate) fn flush(&mut self) {
        if let State::Open(open) = &mut self.state {
            open.flush();
        }
    }

    /// The server ends.
    pub(crate) fn shut_down(&mut self, now: Now) {
        if let State::Open(open) = &mut self.state {
            open.shut_down(now);
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        match &self.state {
            State::Gone => true,
            State::Open(open) => open.is_gone(),
            State::Handshake { .. } => false,
        }
    }
}

fn after_round(
    round: Result<WebSocket<Transport>, HandshakeError<Handshake>>,
    target: Rc<OnceCell<Target>>,
    deadline: Instant,
    now: Now,
    rules: &Rules,
) -> State {
    match round {
        Ok(socket) => match target.get() {
            Some(target) => State::Open(Box::new(Open::new(socket, target.clone(), now, rules))),
            None => State::Gone,
        },
        Err(HandshakeError::Interrupted(mid)) => State::Handshake { mid: Box::new(mid), target, deadline },
        // Garbage, a refused path (already answered) or a lost connection: nothing is left to say.
        Err(HandshakeError::Failure(_)) => State::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::options::{Options, Source};

    #[test]
    fn a_handshake_that_does_not_end_in_time_loses_its_connection() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let socket = mio::net::TcpStream::connect(address).expect("connecting");
        let (_silent, _) = listener.accept().expect("connected");
        let (rules, now) = (Rules::of(&Options::default()), clock::now());
        let feed =
            Feed::new(Source::default(), &crate::options::Faults::default(), now.instant).expect("a feed");
        let mut connection = Connection::accept(Transport::plain(socket), now, &rules);
        let end = now.instant + HANDSHAKE_TIMEOUT;
        assert_eq!(connection.next_deadline(now, &rules, &feed), Some(end));
        connection.on_time(Now { instant: end - Duration::from_nanos(1), ..now }, &rules, &feed);
        assert!(!connection.is_gone());
        connection.on_time(Now { instant: end, ..now }, &rules, &feed);
        assert!(connection.is_gone());
    }
}
