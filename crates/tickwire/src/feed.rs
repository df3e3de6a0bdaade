//! A venue session over its connections: one thread, typed events out.

use crate::builder::Builder;
use crate::client::Client;
use crate::clock;
use crate::error::Error;
use crate::wait::Waiter;
use mio::Token;
use std::time::{Duration, Instant};
use tickwire_venue::{Event, Route, Session};
use tickwire_ws::{self as ws, CloseCode};

/// Messages that one connection may bring before the others and the timers are looked at.
const TURNS_MAX: u32 = 256;

/// Drives a [`Session`] over one client for each of its endpoints.
///
/// ```no_run
/// use tickwire::venue::binance::{Binance, Config, Streams};
/// use tickwire::venue::Event;
/// use tickwire::{Client, Feed};
///
/// # fn main() -> Result<(), tickwire::Error> {
/// let streams = Streams { book_ticker: true, ..Streams::default() };
/// let session = Binance::spot(Config { symbols: vec!["BTCUSDT".into()], streams, ..Config::default() })?;
/// let mut feed = Feed::connect(session, &Client::builder())?;
/// while !feed.is_closed() {
///     if let Some(Event::Quote(quote)) = feed.next(None)? {
///         println!("{} / {}", quote.bid.price, quote.ask.price);
///     }
/// }
/// # Ok(())
/// # }
/// ```
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
            let mut client = builder.connect(&endpoint.url)?;
            waiter.register(&mut client, Token(token))?;
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
        })
    }

    /// The next event; waits for it up to `timeout`, or as long as it takes. `None` when the time is up or the last
    /// connection is over.
    ///
    /// # Errors
    /// [`Error::Link`] once for each connection that is over without [`close`](Self::close), [`Error::Venue`] for a
    /// message that the venue does not document. The feed can be asked for more after either: the other connections go on.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Event<'_>>, Error> {
        let until = timeout.and_then(|timeout| clock::now().checked_add(timeout));
        while !self.session.has_event() {
            self.send_commands()?;
            if self.receive()? || self.on_deadline() {
                continue;
            }
            if self.is_closed() || until.is_some_and(|until| until <= clock::now()) {
                return Ok(None);
            }
            self.wait(until)?;
        }
        Ok(self.session.poll_event())
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
            // Neither the other links nor the timers are held up by one that never pauses.
            self.wait(Some(clock::now()))?;
            self.on_deadline();
            self.next_link();
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
            Ok(Some(ws::Event::Open)) => self.session.on_open(route, clock::now()),
            Ok(Some(ws::Event::Message)) => {
                let now = link.client.received_at();
                if let Some(payload) = link.client.payload() {
                    self.counts.messages += 1;
                    self.counts.bytes += payload.bytes.len() as u64;
                    self.session.on_message(route, payload.bytes, now)?;
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
        self.session.on_closed(Route(at), clock::now());
        match error {
            Error::Closed(_) if self.closing => Ok(()),
            error => Err(Error::Link { name: link.name, source: Box::new(error) }),
        }
    }

    /// Queues and writes what the session wants to send; a link that is closing is told so by its end.
    fn send_commands(&mut self) -> Result<(), Error> {
        while let Some(command) = self.session.poll_command() {
            let link = self.links.get_mut(command.route.0).filter(|link| link.client.is_open());
            let Some(link) = link else { continue };
            link.client
                .send_text(command.text)
                .map_err(|error| Error::Link { name: link.name, source: Box::new(error.into()) })?;
            // An error of writing is told by reading, behind what can still be read.
            let _ = link.client.flush();
        }
        Ok(())
    }

    /// True if the session had something to do.
    fn on_deadline(&mut self) -> bool {
        let now = clock::now();
        let due = self.session.next_deadline().is_some_and(|deadline| deadline <= now);
        if due {
            self.session.on_deadline(now);
        }
        due
    }

    /// Waits until a link is ready or something is due.
    fn wait(&mut self, until: Option<Instant>) -> Result<(), Error> {
        let clients = self.links.iter().filter(|link| !link.told_closed);
        let deadlines = clients.filter_map(|link| link.client.next_deadline());
        self.waiter.wait(deadlines.chain(self.session.next_deadline()).chain(until).min())?;
        for Token(at) in self.waiter.ready() {
            if let Some(link) = self.links.get_mut(at) {
                link.ready = true;
            }
        }
        let now = clock::now();
        for link in &mut self.links {
            link.ready |= link.client.next_deadline().is_some_and(|deadline| deadline <= now);
        }
        Ok(())
    }
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
