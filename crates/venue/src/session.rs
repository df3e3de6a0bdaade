//! The contract between a venue session and whoever moves its bytes.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::{
    book::Book,
    error::Error,
    event::{Event, Instrument},
    order::LegCounts,
    route::Route,
};

/// The time, by both clocks: a session paces itself by the one and signs with the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// By the clock that never jumps.
    pub instant: Instant,
    /// Nanoseconds since the Unix epoch.
    pub unix_ns: u64,
}

/// Something to connect to.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What it is for, in a word.
    pub name: &'static str,
    /// Where it is, `ws://` or `wss://`.
    pub url: String,
    /// Headers of the handshake, name and value. Values may be keys, so that [`Debug`](fmt::Debug) leaves them out.
    pub headers: Vec<(&'static str, String)>,
    /// What the venue makes of its connections.
    pub terms: Terms,
}

impl Endpoint {
    /// An endpoint without headers, with [`Terms::default`].
    pub fn new(name: &'static str, url: String) -> Self {
        Self { name, url, headers: Vec::new(), terms: Terms::default() }
    }
}

impl Default for Terms {
    /// No races, no end, a ping after 30 s of silence and 10 s for its answer.
    fn default() -> Self {
        let (ping_after, pong_within) = (Duration::from_secs(30), Duration::from_secs(10));
        Self { races: false, lifetime: None, ping_after, pong_within }
    }
}

/// What a venue makes of the connections to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Whether several connections may bring the same streams all the time. If not, a second one only ever takes the
    /// place of the first.
    pub races: bool,
    /// When the venue ends a connection, counted from its opening; `None` if it names no time.
    pub lifetime: Option<Duration>,
    /// Silence after which to ask whether the venue is there.
    pub ping_after: Duration,
    /// How long the answer to that may take.
    pub pong_within: Duration,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Endpoint")
            .field("name", &self.name)
            .field("url", &self.url)
            .field("headers", &headers)
            .finish()
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Both sides have said Close: everything that the venue sent before has come.
    InOrder,
    /// In any other way: something may be lost.
    Lost,
}

/// Connection attempts that a venue allows in any span of time, less what is left for others at the same address and for
/// programs that are started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// So many.
    pub max: usize,
    /// In such a span.
    pub span: Duration,
}

/// Something a session wants done.
///
/// Texts may hold signatures and keys; [`Debug`](fmt::Debug) leaves them out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// Send a text message.
    Send {
        /// Over which connection.
        route: Route,
        /// The message.
        text: &'a str,
    },
    /// Get a document over HTTP, and bring it with [`Session::on_fetched`].
    Fetch {
        /// What names it then.
        id: u64,
        /// Where it is, `http://` or `https://`.
        url: &'a str,
    },
    /// Open another connection to the endpoint, and close this one when the other [has caught up](Session::is_ready): it
    /// will end soon, or is not what it should be.
    Renew {
        /// Which connection.
        route: Route,
    },
    /// Give this connection up at once and open another: nothing good is to come from it.
    Replace {
        /// Which connection.
        route: Route,
    },
}

impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { route, text } => {
                write!(f, "Send {{ route: {route:?}, text: {} bytes }}", text.len())
            }
            Self::Fetch { id, url } => write!(f, "Fetch {{ id: {id}, url: {url:?} }}"),
            Self::Renew { route } => write!(f, "Renew {{ route: {route:?} }}"),
            Self::Replace { route } => write!(f, "Replace {{ route: {route:?} }}"),
        }
    }
}

/// The answer to a [`Command::Fetch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched<'a> {
    /// The server answered.
    Answer {
        /// The HTTP status.
        status: u16,
        /// Seconds after which it wants to be asked again, from `Retry-After`.
        retry_after_s: Option<u64>,
        /// What this address has used of its budget in the current minute, from `X-MBX-USED-WEIGHT-1M`.
        used_weight: Option<u64>,
        /// The document.
        body: &'a [u8],
    },
    /// It did not: no connection, an answer cut short, time out.
    Failed,
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
///
/// Several connections may lead to one endpoint, its legs. Each is subscribed by itself; of what several bring, the first
/// copy is told.
pub trait Session {
    /// What to connect to. It only grows, by [`subscribe`](Session::subscribe).
    fn endpoints(&self) -> &[Endpoint];

    /// How often the venue lets us connect.
    fn attempts(&self) -> Attempts;

    /// Follows more streams, by the venue's names. Those followed already stay as they are, without an event; the others are
    /// answered one by one with [`Event::Subscribed`] when the first connection brings them, and with [`Event::Missing`] by
    /// each connection that is not given them. What is missing stays wanted: each new connection asks for it again.
    ///
    /// # Errors
    /// [`Error::Config`] for a name that cannot be served: then nothing changed.
    fn subscribe(&mut self, streams: &[&str], now: Now) -> Result<(), Error>;

    /// Follows streams no more, by the venue's names; each that was followed is answered with [`Event::Unsubscribed`] when no
    /// connection has it any more, unless it is wanted again before. Their books stay readable, stale, which no event tells.
    fn unsubscribe(&mut self, streams: &[&str], now: Now);

    /// The connection of `route` is open, fresh. Ignored for a route that does not exist.
    fn on_open(&mut self, route: Route, now: Now);

    /// The connection of `route` is gone. Books that only it fed become stale; commands for it are dropped.
    /// [`on_open`](Session::on_open) later subscribes and syncs again.
    fn on_closed(&mut self, route: Route, ending: Ending, now: Now);

    /// Whether the connection of `route` brings all that it should, without a hole behind what the others brought: they can
    /// be closed and nothing is lost.
    fn is_ready(&self, route: Route) -> bool;

    /// Another connection is [ready](Session::is_ready) to take the place of that of `route`: it is noted where the streams
    /// stand.
    fn hand_over(&mut self, route: Route);

    /// Whether the connection of `route` has brought everything up to where the streams stood when it was handed over: it
    /// does not lag, and what is sent on it before it is closed is all that it had.
    fn is_handed_over(&mut self, route: Route) -> bool;

    /// How the connection of `route` has fared among those with the same streams since it opened.
    fn leg_counts(&self, route: Route) -> Option<&LegCounts>;

    /// How far the connection of `route` lags behind the first of those with the same streams: the median of what was
    /// sampled since this was asked last, at most a minute; `None` when nothing was. What has not come after 10 s counts as
    /// 10 s.
    fn take_lag(&mut self, route: Route) -> Option<Duration>;

    /// The connection of `route` was found to have something to read, which came at `since` at the earliest. So may have all
    /// that it brings before this is told again: that it was not read at once is not its [lag](Session::take_lag). Where this
    /// is never told, each message has come when it is told.
    fn on_readable(&mut self, route: Route, since: Instant) {
        let _ = (route, since);
    }

    /// One text message arrived on `route`.
    ///
    /// # Errors
    /// [`Error::Misuse`] when events are not drained or the route is not open: nothing changed. Other
    /// errors blame the venue and leave the session usable without that message.
    fn on_message(&mut self, route: Route, text: &[u8], now: Now) -> Result<(), Error>;

    /// One binary message arrived on `route`.
    ///
    /// # Errors
    /// As [`on_message`](Session::on_message); a session that expects no binary messages says so.
    fn on_binary(&mut self, route: Route, bytes: &[u8], now: Now) -> Result<(), Error> {
        let _ = (route, now);
        Err(Error::unexpected("a binary message", bytes))
    }

    /// The document of [`Command::Fetch`] `id`, or that there is none.
    ///
    /// # Errors
    /// As [`on_message`](Session::on_message).
    fn on_fetched(&mut self, id: u64, fetched: Fetched<'_>, now: Now) -> Result<(), Error> {
        let _ = (id, fetched, now);
        Ok(())
    }

    /// Whether [`poll_event`](Session::poll_event) has one to give.
    #[must_use]
    fn has_event(&self) -> bool;

    /// The next event. Call until `None` after each `on_` call.
    #[must_use]
    fn poll_event(&mut self) -> Option<Event<'_>>;

    /// The next thing to do. Call until `None` after each `on_` call.
    #[must_use]
    fn poll_command(&mut self) -> Option<Command<'_>>;

    /// When to call [`on_deadline`](Session::on_deadline), at the latest; every `on_` call may change it.
    fn next_deadline(&self) -> Option<Instant>;

    /// Time has passed, and what came meanwhile was told: requests without an answer and streams and connections that are
    /// silent are judged here and nowhere else. Calling early or twice does no harm.
    fn on_deadline(&mut self, now: Now);

    /// How many instruments are known; they are numbered from 0, the configured ones first.
    fn instruments(&self) -> u32;

    /// The venue's name of an instrument, `None` for one that does not exist.
    fn symbol(&self, instrument: Instrument) -> Option<&str>;

    /// The instrument of that name, in the venue's spelling.
    fn instrument(&self, symbol: &str) -> Option<Instrument>;

    /// The book of an instrument, `None` if no book is kept for it.
    fn book(&self, instrument: Instrument) -> Option<BookView<'_>>;
}
