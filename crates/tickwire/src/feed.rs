//! A venue session over its connections: one thread, typed events out.

use crate::builder::Builder;
use crate::client::Client;
use crate::clock;
use crate::error::Error;
use crate::rest::{Answer, Fetcher};
use crate::wait::Waiter;
use mio::event::Source;
use mio::{Interest, Registry, Token};
use std::io;
use std::time::{Duration, Instant};
use tickwire_venue::{Command, Event, Fetched, Now, Route, Session};
use tickwire_ws::{self as ws, CloseCode, Kind};

/// Messages that one connection may bring before the others and the timers are looked at.
const TURNS_MAX: u32 = 256;

/// The thread that fetches documents; no connection has this number.
const REST: Token = Token(usize::MAX >> 1);

/// Drives a [`Session`] over one client for each of its endpoints.
///
/// ```no_run
/// use tickwire::venue::binance::{Binance, Config, Stream};
/// use tickwire::venue::Event;
/// use tickwire::{Client, Feed};
///
/// # fn main() -> Result<(), tickwire::Error> {
/// let streams = vec![Stream::AggTrade];
/// let session = Binance::new(Config { symbols: vec!["BTCUSDT".into()], streams, ..Config::usd_m() })?;
/// let mut feed = Feed::connect(session, &Client::builder())?;
/// while !feed.is_closed() {
///     match feed.next(None) {
///         Ok(Some(arrival)) => {
///             if let Event::Trade(trade) = arrival.event {
///                 println!("{} x {}", trade.price, trade.quantity);
///             }
///         }
///         Ok(None) => {}
///         // A message is left out, or one connection is over: the others go on.
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Several feeds share a thread by a poll: a feed is a [`Source`](mio::event::Source). Ask each for all it has, with a timeout
/// of zero, before the first wait, when it is ready and when its [deadline](Self::next_deadline) has come.
///
/// A connection that ends stays ended, and [`next`](Self::next) says so; its books become stale, with an event for each.
pub struct Feed<S> {
    session: S,
    links: Vec<Link>,
    waiter: Waiter,
    /// The link that is being read, and how often it may go on before the others have their turn.
    reading: usize,
    turns: u32,
    counts: Counts,
    /// The end of connections is what the user asked for.
    closing: bool,
    /// Where and when the message came that brought the events that wait.
    origin: Option<Origin>,
    /// The same moment by both clocks, as the last wait left them.
    moment: Now,
    builder: Builder,
    /// There once a session has asked for a document.
    fetcher: Option<Fetcher>,
}

/// An event, and the message that brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// What happened.
    pub event: Event<'a>,
    /// The message as the venue sent it; empty for an event that none brought, such as an answer that did not come.
    pub raw: &'a [u8],
    /// When the message was read, in nanoseconds since the Unix epoch by our clock.
    pub received_ns: Option<u64>,
    /// Over which connection the message came: an index into [`Feed::connections`].
    pub connection: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Origin {
    link: usize,
    received_ns: u64,
}

/// What a feed has received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Messages of all connections.
    pub messages: u64,
    /// Their payload in bytes.
    pub bytes: u64,
}

/// One connection of a feed.
#[derive(Debug)]
struct Link {
    name: &'static str,
    client: Client,
    /// There may be something to read: the poll or a deadline said so, and no read has found nothing since.
    ready: bool,
    /// The session has been told that the connection is gone.
    told_closed: bool,
}

impl<S: Session> Feed<S> {
    /// Begins to connect to every endpoint of the session, with the builder's settings.
    ///
    /// # Errors
    /// As [`Builder::connect`]. What the network does is reported by [`next`](Self::next).
    pub fn connect(session: S, builder: &Builder) -> Result<Self, Error> {
        let mut waiter = Waiter::new(builder.policy())?;
        let mut links = Vec::new();
        for (token, endpoint) in session.endpoints().iter().enumerate() {
            let with_header = |builder: Builder, (name, value): &(&str, String)| builder.header(name, value);
            let own = endpoint.headers.iter().fold(builder.clone(), with_header);
            let mut client = own.connect(&endpoint.url)?;
            waiter.add(&mut client, Token(token))?;
            links.push(Link { name: endpoint.name, client, ready: true, told_closed: false });
        }
        Ok(Self {
            session,
            links,
            waiter,
            reading: 0,
            turns: TURNS_MAX,
            counts: Counts::default(),
            closing: false,
            origin: None,
            moment: moment(),
            builder: builder.clone(),
            fetcher: None,
        })
    }

    /// The next event; waits for it up to `timeout`, or as long as it takes. With a timeout of zero it looks what is there
    /// and does not wait. `None` when the time is up or the last connection is over.
    ///
    /// # Errors
    /// [`Error::Link`] once for each connection that is over without [`close`](Self::close), [`Error::Venue`] for a
    /// message that the venue does not document. The feed can be asked for more after either: the other connections go on.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Arrival<'_>>, Error> {
        let until = timeout.and_then(|timeout| clock::now().checked_add(timeout));
        let mut looked = false;
        while !self.session.has_event() {
            self.origin = None;
            self.carry_out()?;
            if self.session.has_event() || self.receive()? || self.take_document()? || self.on_deadline() {
                // While messages bring no events, the time of the last wait is near enough.
                if until.is_some_and(|until| until <= self.moment.instant) && !self.session.has_event() {
                    return Ok(None);
                }
                continue;
            }
            if self.is_closed() || (looked && until.is_some_and(|until| until <= clock::now())) {
                return Ok(None);
            }
            self.wait(until)?;
            looked = true;
        }
        let Some(event) = self.session.poll_event() else { return Ok(None) };
        let Some(Origin { link, received_ns }) = self.origin else {
            return Ok(Some(Arrival { event, raw: &[], received_ns: None, connection: None }));
        };
        // The client was not asked for more since: its message is still there.
        let payload = self.links.get_mut(link).and_then(|link| link.client.payload());
        let raw = payload.map_or(&[][..], |payload| payload.bytes);
        Ok(Some(Arrival { event, raw, received_ns: Some(received_ns), connection: Some(link) }))
    }

    /// When to call [`next`](Self::next) at the latest, for who waits by a poll of their own.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let clients = self.links.iter().filter(|link| !link.told_closed);
        let deadlines = clients.filter_map(|link| link.client.next_deadline());
        deadlines.chain(self.session.next_deadline()).min()
    }

    /// The message that was read last, as the venue sent it: the one that an [`Error::Venue`] is about. Empty when the
    /// last thing that happened was none.
    pub fn raw(&mut self) -> &[u8] {
        let link = self.origin.and_then(|origin| self.links.get_mut(origin.link));
        let payload = link.and_then(|link| link.client.payload());
        payload.map_or(&[], |payload| payload.bytes)
    }

    /// The session: its books, its symbols.
    #[must_use]
    pub fn session(&self) -> &S {
        &self.session
    }

    /// What has been received.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The connections: name and client, in the order of the session's endpoints.
    pub fn connections(&self) -> impl Iterator<Item = (&'static str, &Client)> {
        self.links.iter().map(|link| (link.name, &link.client))
    }

    /// Whether every connection is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.links.iter().all(|link| link.told_closed)
    }

    /// Begins to close every connection; go on with [`next`](Self::next) until [`is_closed`](Self::is_closed).
    pub fn close(&mut self) {
        self.closing = true;
        for link in &mut self.links {
            // Refused only by a client that has failed, and its end is told.
            let _ = link.client.close(CloseCode::NORMAL, "");
            // The next turn writes it.
            link.ready = true;
        }
    }

    /// Takes one event of the links that are ready. True if there was one.
    fn receive(&mut self) -> Result<bool, Error> {
        if self.turns == 0 {
            // Neither the other links nor documents nor the timers are held up by one that never pauses.
            self.wait(Some(clock::now()))?;
            self.next_link();
            if self.take_document()? || self.on_deadline() {
                // What that brought is told before another message comes.
                return Ok(true);
            }
        }
        for _ in 0..self.links.len() {
            if self.receive_from(self.reading)? {
                self.turns -= 1;
                return Ok(true);
            }
            self.next_link();
        }
        Ok(false)
    }

    fn next_link(&mut self) {
        self.reading = (self.reading + 1) % self.links.len().max(1);
        self.turns = TURNS_MAX;
    }

    /// Takes one event of a link. True if there was one.
    fn receive_from(&mut self, at: usize) -> Result<bool, Error> {
        let Some(link) = self.links.get_mut(at) else { return Ok(false) };
        let route = Route(at);
        if !link.ready || link.told_closed {
            return Ok(false);
        }
        match link.client.advance() {
            Ok(Some(ws::Event::Open)) => self.session.on_open(route, at_once(&mut self.moment)),
            Ok(Some(ws::Event::Message)) => {
                let now = moment_of(self.moment, link.client.received_at());
                if let Some(payload) = link.client.payload() {
                    self.counts.messages += 1;
                    self.counts.bytes += payload.bytes.len() as u64;
                    self.origin = Some(Origin { link: route.0, received_ns: now.unix_ns });
                    match payload.kind {
                        Kind::Text => self.session.on_message(route, payload.bytes, now)?,
                        Kind::Binary => self.session.on_binary(route, payload.bytes, now)?,
                    }
                }
            }
            Ok(Some(_)) => {}
            Ok(None) if link.client.is_closed() => {
                let close = link.client.received_close().cloned();
                return self.ended(at, Error::Closed(close)).map(|()| true);
            }
            Ok(None) => {
                link.ready = false;
                return Ok(false);
            }
            Err(error) => return self.ended(at, error).map(|()| true),
        }
        Ok(true)
    }

    /// Tells the session that a link is over, and the user unless that is the user's wish.
    fn ended(&mut self, at: usize, error: Error) -> Result<(), Error> {
        let Some(link) = self.links.get_mut(at) else { return Ok(()) };
        link.told_closed = true;
        self.session.on_closed(Route(at), at_once(&mut self.moment));
        match error {
            Error::Closed(_) if self.closing => Ok(()),
            error => Err(Error::Link { name: link.name, source: Box::new(error) }),
        }
    }

    /// Does what the session wants done.
    fn carry_out(&mut self) -> Result<(), Error> {
        while let Some(command) = self.session.poll_command() {
            match command {
                Command::Send { route, text } => send(&mut self.links, route, text)?,
                Command::Fetch { id, url } => {
                    let fetcher = match &mut self.fetcher {
                        Some(fetcher) => fetcher,
                        None => {
                            let mut fetcher = Fetcher::start(self.builder.roots())?;
                            self.waiter.add(&mut fetcher, REST)?;
                            self.fetcher.insert(fetcher)
                        }
                    };
                    if !fetcher.get(id, url) {
                        let now = at_once(&mut self.moment);
                        self.session.on_fetched(id, Fetched::Failed, now)?;
                        if self.session.has_event() {
                            // What that brought is told before anything else is done.
                            return Ok(());
                        }
                    }
                }
                // A session of a newer kind wants what this feed does not know.
                _ => {}
            }
        }
        Ok(())
    }

    /// Brings the session a document that it asked for. True if there was one.
    fn take_document(&mut self) -> Result<bool, Error> {
        let Some(Answer { id, document }) = self.fetcher.as_mut().and_then(Fetcher::answer) else {
            return Ok(false);
        };
        let now = at_once(&mut self.moment);
        let fetched = match &document {
            Some(document) => Fetched::Answer {
                status: document.status,
                retry_after_s: document.retry_after_s,
                body: &document.body,
            },
            None => Fetched::Failed,
        };
        self.session.on_fetched(id, fetched, now)?;
        Ok(true)
    }

    /// True if the session had something to do.
    fn on_deadline(&mut self) -> bool {
        let Some(deadline) = self.session.next_deadline() else { return false };
        let due = deadline <= clock::now();
        if due {
            let now = at_once(&mut self.moment);
            self.session.on_deadline(now);
        }
        due
    }

    /// Waits until a link is ready or something is due.
    fn wait(&mut self, until: Option<Instant>) -> Result<(), Error> {
        self.waiter.wait(self.next_deadline().into_iter().chain(until).min())?;
        for Token(at) in self.waiter.ready() {
            if let Some(link) = self.links.get_mut(at) {
                link.ready = true;
            }
        }
        self.moment = moment();
        let now = self.moment.instant;
        for link in &mut self.links {
            link.ready |= link.client.next_deadline().is_some_and(|deadline| deadline <= now);
        }
        Ok(())
    }
}

impl<S> Source for Feed<S> {
    /// Registers for reading, whatever `interests` says.
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.waiter.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.waiter.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.waiter.deregister(registry)
    }
}

/// Queues and writes a text; a link that is closing is told so by its end.
fn send(links: &mut [Link], route: Route, text: &str) -> Result<(), Error> {
    let Some(link) = links.get_mut(route.0).filter(|link| link.client.is_open()) else { return Ok(()) };
    link.client
        .send_text(text)
        .map_err(|error| Error::Link { name: link.name, source: Box::new(error.into()) })?;
    // An error of writing is told by reading, behind what can still be read.
    let _ = link.client.flush();
    Ok(())
}

/// This moment by both clocks.
fn moment() -> Now {
    Now { instant: clock::now(), unix_ns: clock::unix_ns() }
}

/// This moment, which is kept.
fn at_once(kept: &mut Now) -> Now {
    *kept = moment();
    *kept
}

/// Another moment, reckoned from one that both clocks told.
fn moment_of(moment: Now, instant: Instant) -> Now {
    let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let unix_ns = match instant.checked_duration_since(moment.instant) {
        Some(after) => moment.unix_ns.saturating_add(nanos(after)),
        None => moment.unix_ns.saturating_sub(nanos(moment.instant.saturating_duration_since(instant))),
    };
    Now { instant, unix_ns }
}

impl<S> std::fmt::Debug for Feed<S> {
    /// Neither books nor URLs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("links", &self.links)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
