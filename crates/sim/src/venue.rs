//! What a venue is to its clients: how it receives them, and what their sessions say.

use std::time::Instant;

use tungstenite::protocol::frame::coding::CloseCode;

use crate::clock::Now;
use crate::feed::Feed;
use crate::publisher::{Form, Publisher};

/// One venue's side of a server, shared by its connections.
pub(crate) trait Venue: Publisher {
    type Session: Session<Self>;

    /// Whether its compressor forgets each message, where a client asks for compression.
    fn forgets_window() -> bool;

    /// Answers the head of an HTTP request.
    fn receive(&mut self, request: &Request<'_>, feed: &mut Feed, now: Now) -> Reception<Self::Session>;
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
    /// Until when no further ones are opened, because one sent too much.
    pub(crate) refuses_until: Option<Instant>,
}

impl<V> Desk<V> {
    pub(crate) fn new(venue: V, feed: Feed) -> Self {
        Self { venue, feed, open: 0, refuses_until: None }
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
