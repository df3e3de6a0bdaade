//! What a venue is to its clients: how it receives them, and what their sessions say.

use std::time::Instant;

use tungstenite::protocol::frame::coding::CloseCode;

use crate::clock::Now;
use crate::feed::Feed;
use crate::hazard::{Counts, Hazard};
use crate::publisher::{Form, Publisher};

/// One venue's side of a server, shared by its connections.
pub(crate) trait Venue: Publisher {
    type Session: Session<Self>;

    /// Whether its compressor forgets each message, where a client asks for compression.
    fn forgets_window() -> bool;

    /// Answers the head of an HTTP request.
    fn receive(&mut self, request: &Request<'_>, feed: &mut Feed, now: Now) -> Reception<Self::Session>;

    /// For a time, or no longer, requests for snapshots are refused, where there are such requests.
    fn ban_snapshots(&mut self, _ban: Option<Ban>) {}

    /// What its clients have exceeded since the last call.
    fn take_breach(&mut self) -> Option<&'static str>;
}

/// For a time, requests for snapshots are refused.
#[derive(Clone, Debug)]
pub(crate) struct Ban {
    /// By the venue's clock, in milliseconds since 1970.
    pub(crate) until_ms: u64,
    /// With 418 instead of 429.
    pub(crate) banned: bool,
    pub(crate) counts: Counts,
}

/// One connection's side of a venue.
pub(crate) trait Session<V> {
    /// A text has arrived.
    fn on_text(&mut self, text: &str, desk: &mut Desk<V>, now: Now, replies: &mut Replies);

    /// Does what is due by now.
    fn on_time(&mut self, _now: Now, _replies: &mut Replies) {}

    /// When to call [`Session::on_time`].
    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// Whether it wants a stream, and how.
    fn form(&self, stream: &str) -> Option<Form>;

    /// Whether it wants any stream.
    fn has_streams(&self) -> bool;

    /// Whether its messages count against the limit of a rolling second.
    fn is_metered(&self) -> bool;

    /// What is told before a planned end.
    fn announce_end(&mut self, now: Now, replies: &mut Replies);
}

/// What sessions answer from.
#[derive(Debug)]
pub(crate) struct Desk<V> {
    pub(crate) venue: V,
    pub(crate) feed: Feed,
    /// WebSockets that are open.
    pub(crate) open: usize,
    /// Who is turned away, and until when.
    pub(crate) refusal: Option<Refusal>,
    /// Whether a session may want other streams than before.
    pub(crate) changed: bool,
}

impl<V: Venue> Desk<V> {
    pub(crate) fn new(venue: V, feed: Feed) -> Self {
        Self { venue, feed, open: 0, refusal: None, changed: false }
    }

    /// Answers the head of an HTTP request, unless it is turned away.
    pub(crate) fn receive(&mut self, request: &Request<'_>, now: Now) -> Reception<V::Session> {
        match self.refusal.as_ref().filter(|refusal| refusal.concerns(request, now)) {
            Some(refusal) => Reception::Answer(refusal.answer(now)),
            None => self.venue.receive(request, &mut self.feed, now),
        }
    }
}

/// For a time requests are turned away.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) until: Instant,
    pub(crate) status: u16,
    /// Whether the client is told how long to wait.
    pub(crate) tells: bool,
    /// Whether only those for a WebSocket are turned away.
    pub(crate) handshakes_only: bool,
    /// What counts each that is turned away.
    pub(crate) counts: Option<(Hazard, Counts)>,
}

impl Refusal {
    /// Everything is refused, because a connection sent too much.
    pub(crate) fn penalty(until: Instant) -> Self {
        Self { until, status: 429, tells: false, handshakes_only: false, counts: None }
    }

    fn concerns(&self, request: &Request<'_>, now: Now) -> bool {
        now.instant < self.until && (request.upgrade || !self.handshakes_only)
    }

    fn answer(&self, now: Now) -> Answer {
        if let Some((hazard, counts)) = &self.counts {
            counts.add(*hazard);
        }
        let (code, message) = match self.status {
            429 => (-1003, "Too many requests."),
            418 => (-1003, "Way too many requests; banned."),
            503 => (-1, "Service unavailable."),
            _ => (-1, "Forbidden."),
        };
        let mut answer = Answer::new(self.status, format!(r#"{{"code":{code},"msg":"{message}"}}"#));
        if self.tells {
            let left = self.until.saturating_duration_since(now.instant);
            answer.headers.push(("Retry-After", (left.as_secs() + 1).to_string()));
        }
        answer
    }
}

/// What a session has to say, in its order.
#[derive(Debug, Default)]
pub(crate) struct Replies(Vec<Reply>);

#[derive(Debug)]
pub(crate) enum Reply {
    /// To a request.
    Answer(String),
    /// What nobody asked for.
    Notice(String),
    /// A first message of this stream.
    Data { stream: String, text: String },
    /// The end, after everything before.
    Close { code: CloseCode, reason: &'static str },
    /// The end without a word.
    Cut,
}

impl Replies {
    pub(crate) fn answer(&mut self, text: String) {
        self.0.push(Reply::Answer(text));
    }

    pub(crate) fn notice(&mut self, text: String) {
        self.0.push(Reply::Notice(text));
    }

    pub(crate) fn data(&mut self, stream: &str, text: String) {
        self.0.push(Reply::Data { stream: stream.to_owned(), text });
    }

    pub(crate) fn close(&mut self, code: CloseCode, reason: &'static str) {
        self.0.push(Reply::Close { code, reason });
    }

    pub(crate) fn cut(&mut self) {
        self.0.push(Reply::Cut);
    }
}

impl IntoIterator for Replies {
    type Item = Reply;
    type IntoIter = std::vec::IntoIter<Reply>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The head of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// Whether it asks for a WebSocket.
    pub(crate) upgrade: bool,
    /// WebSockets that are open already.
    pub(crate) open: usize,
}

/// What a request gets.
#[derive(Debug)]
pub(crate) enum Reception<S> {
    /// Its WebSocket.
    Upgrade(S),
    /// An HTTP answer, and the end of the connection.
    Answer(Answer),
}

/// An HTTP answer with a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn new(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body }
    }
}
