//! The contract between a venue session and whoever moves its bytes.

use std::time::Instant;

use crate::{
    book::Book,
    error::Error,
    event::{Event, Instrument},
};

/// Something to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What it is for, in a word.
    pub name: &'static str,
    /// Where it is, `ws://` or `wss://`.
    pub url: String,
}

/// A connection of a session: an index into [`Session::endpoints`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route(pub usize);

/// A text message to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'a> {
    /// Over which connection.
    pub route: Route,
    /// The message.
    pub text: &'a str,
}

/// How far a book can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookState {
    /// It was never complete; there is nothing in it.
    Empty,
    /// It is complete and follows the stream.
    Live,
    /// It was complete once and no longer follows the stream.
    Stale,
}

/// A book as it stands.
#[derive(Debug, Clone, Copy)]
pub struct BookView<'a> {
    /// The levels.
    pub book: &'a Book,
    /// How far they can be trusted.
    pub state: BookState,
    /// The id of the last update in them; 0 when empty.
    pub update_id: u64,
}

/// A venue session: text in, events and commands out. The crate's documentation states the drain contract.
pub trait Session {
    /// What to connect to; does not change. A [`Route`] is an index into it.
    fn endpoints(&self) -> &[Endpoint];

    /// The connection of `route` is open, fresh. Ignored for a route that does not exist.
    fn on_open(&mut self, route: Route, now: Instant);

    /// The connection of `route` is gone. Books that it fed become stale; commands for it are dropped.
    /// [`on_open`](Session::on_open) later subscribes and syncs again.
    fn on_closed(&mut self, route: Route, now: Instant);

    /// One text message arrived on `route`.
    ///
    /// # Errors
    /// [`Error::Misuse`] when events are not drained or the route is not open: nothing changed. Other
    /// errors blame the venue and leave the session usable without that message.
    fn on_message(&mut self, route: Route, text: &[u8], now: Instant) -> Result<(), Error>;

    /// Whether [`poll_event`](Session::poll_event) has one to give.
    #[must_use]
    fn has_event(&self) -> bool;

    /// The next event. Call until `None` after each `on_` call.
    #[must_use]
    fn poll_event(&mut self) -> Option<Event<'_>>;

    /// The next message to send. Call until `None` after each `on_` call.
    #[must_use]
    fn poll_command(&mut self) -> Option<Command<'_>>;

    /// When to call [`on_deadline`](Session::on_deadline), at the latest; every `on_` call may change it.
    fn next_deadline(&self) -> Option<Instant>;

    /// Time has passed. Calling early or twice does no harm.
    fn on_deadline(&mut self, now: Instant);

    /// How many instruments there are; they are numbered from 0.
    fn instruments(&self) -> u32;

    /// The venue's name of an instrument, `None` for one that does not exist.
    fn symbol(&self, instrument: Instrument) -> Option<&str>;

    /// The instrument of that name, in the venue's spelling.
    fn instrument(&self, symbol: &str) -> Option<Instrument>;

    /// The book of an instrument, `None` if no book is kept for it.
    fn book(&self, instrument: Instrument) -> Option<BookView<'_>>;
}
