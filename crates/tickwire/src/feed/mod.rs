//! A venue session over its connections: one thread, typed events out.

mod cause;
#[cfg(feature = "stages")]
mod latency;
mod links;
mod options;
mod round;

use crate::builder::Builder;
use crate::client::Client;
use crate::clock;
use crate::error::Error;
use crate::rest::{Answer, Fetcher};
use crate::stages::FeedLaps;
use crate::wait::Waiter;
use cause::cause_of;
use links::{Link, Links, Way, route, slot};
use mio::event::Source;
use mio::{Interest, Registry, Token};
pub use options::{FeedBuilder, Leg};
use round::Round;
use std::io;
use std::time::{Duration, Instant};
use tickwire_feed::{Command, Machine, Phase, Plan, Stats};
use tickwire_handoff::Waker;
use tickwire_venue::{Cause, Ending, Event, Fetched, LegCounts, Misuse, Now, Route, Session};
use tickwire_ws::{self as ws, Kind};

/// Messages that one connection may bring before the others and the timers are looked at.
const TURNS_MAX: u32 = 256;

/// The thread that fetches documents; no connection has this number.
const REST: Token = Token(usize::MAX >> 1);

/// Drives a [`Session`] over the connections that it needs, and keeps them: what is lost is connected again, what is old is
/// renewed without a break, and several connections may bring the same streams ([`builder`](Self::builder)).
///
/// An update is told once and in the venue's order, whichever connection brought it. What may be missing is an [`Event::Gap`],
/// told before the next event of its stream; the last good book stays readable meanwhile, stale. Ask often: there is no queue
/// behind a feed, and a venue cuts who does not read.
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
/// while let Some(arrival) = feed.next(None)? {
///     match arrival.event {
///         Event::Trade(trade) => println!("{} x {}", trade.price, trade.quantity),
///         // Trades may be missing, a connection was lost, another one is ready.
///         Event::Gap(_) | Event::Link(_) => println!("{:?}", arrival.event),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Several feeds share a thread by a poll: a feed is a [`Source`](mio::event::Source). Ask each for all it has, with a timeout
/// of zero, before the first wait, when it is ready and when its [deadline](Self::next_deadline) has come.
pub struct Feed<S> {
    machine: Machine<S>,
    links: Links,
    waiter: Waiter,
    /// The slot that is being read, and how often it may go on before the others have their turn.
    reading: usize,
    turns: u32,
    round: Round,
    /// When the last wait ended.
    waited_at: Instant,
    /// The waker was used since it ended a call.
    is_woken: bool,
    /// The last call ended while there may have been more to do at once.
    is_unfinished: bool,
    /// Where and when the message came that brought the events that wait.
    origin: Option<Origin>,
    laps: FeedLaps,
    /// The same moment by both clocks, as the last wait left them.
    moment: Now,
    builder: Builder,
    legs: Vec<Leg>,
    /// There once a session has asked for a document.
    fetcher: Option<Fetcher>,
    /// Connections that could not begin or send, each once, until the machine is told.
    failed: Vec<(Route, Error)>,
    /// Documents that nobody is there to fetch.
    unfetched: Vec<u64>,
    /// Why connections will not be tried again.
    stopped: Vec<Error>,
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
    /// When the kernel got it, by the same clock, if [that was asked for](Builder::kernel_timestamps); see
    /// [`Client::kernel_ns`].
    pub kernel_ns: Option<u64>,
    /// Over which connection the message came.
    pub route: Option<Route>,
}

#[derive(Debug, Clone, Copy)]
struct Origin {
    slot: usize,
    received_ns: u64,
}

/// A connection of a feed.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'a> {
    /// Its name.
    pub route: Route,
    /// The name of its endpoint.
    pub name: &'static str,
    /// Which of the connections to its endpoint it serves as, from 0.
    pub place: usize,
    /// How far it is. One that is renewed and its successor are both [`Phase::Ready`] during the overlap
    /// ([`Plan::overlap`]), and of the same place. Nothing here tells the one from the other; events do:
    /// [`LinkChange::Renewing`](tickwire_venue::LinkChange::Renewing) has the route of the old one,
    /// [`LinkChange::Ready`](tickwire_venue::LinkChange::Ready) behind it that of the new one.
    pub phase: Phase,
    /// How it fares among those with the same streams.
    pub counts: Option<&'a LegCounts>,
    /// The client.
    pub client: &'a Client,
}

impl<S: Session> Feed<S> {
    /// Begins to connect to every endpoint of the session, with the builder's settings.
    ///
    /// # Errors
    /// As [`Builder::connect`]. What the network does is told by [`Event::Link`].
    pub fn connect(session: S, builder: &Builder) -> Result<Self, Error> {
        Self::builder(session).client(builder.clone()).connect()
    }

    /// Settings other than the default ones: several connections to the same streams, when they are renewed.
    #[must_use]
    pub fn builder(session: S) -> FeedBuilder<S> {
        FeedBuilder::new(session)
    }

    fn begin(session: S, builder: Builder, plan: Plan, legs: Vec<Leg>) -> Result<Self, Error> {
        let moment = moment();
        let [a, b, c, d, e, f, g, h, ..] = clock::seed()?;
        let seed = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let mut feed = Self {
            machine: Machine::new(session, plan, seed, moment),
            links: Links::default(),
            waiter: Waiter::new(builder.policy())?,
            reading: 0,
            turns: TURNS_MAX,
            round: Round::new(moment.instant),
            waited_at: moment.instant,
            is_woken: false,
            is_unfinished: true,
            origin: None,
            laps: FeedLaps::new(),
            moment,
            builder,
            legs,
            fetcher: None,
            failed: Vec::new(),
            unfetched: Vec::new(),
            stopped: Vec::new(),
        };
        feed.order()?;
        match feed.failed.pop() {
            // Settings that cannot work are told at once.
            Some((_, error)) => Err(error),
            None => Ok(feed),
        }
    }

    /// The next event; waits for it up to `timeout`, or as long as it takes. With a timeout of zero it looks what is there
    /// and does not wait. `None` when the time is up, when it was [woken](Self::waker), or when there is no connection and
    /// will be none.
    ///
    /// # Errors
    /// [`Error::Link`] once for each connection that will not be tried again, as when the venue does not take the
    /// credentials: correct that. The others go on, and the feed can be asked for more. [`Error::Io`] when the system has
    /// no descriptors or threads left.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Arrival<'_>>, Error> {
        Ok(if self.find(timeout)? { self.lend() } else { None })
    }

    /// Goes on until there is an event. False if there is none.
    pub(crate) fn find(&mut self, timeout: Option<Duration>) -> Result<bool, Error> {
        let until = timeout.and_then(|timeout| clock::now().checked_add(timeout));
        let mut looked = false;
        self.is_unfinished = true;
        while !self.machine.has_event() {
            if let Some(error) = self.stopped.pop() {
                return Err(error);
            }
            self.origin = None;
            self.carry_out()?;
            if self.machine.has_event() || self.receive()? || self.take_document()? || self.on_deadline() {
                // While messages bring no events, the time of the last wait is near enough.
                let is_up = until.is_some_and(|until| until <= self.moment.instant);
                if (is_up || self.is_woken) && !self.machine.has_event() {
                    self.is_woken = false;
                    return Ok(false);
                }
                continue;
            }
            self.is_unfinished = false;
            if self.is_closed() || (looked && until.is_some_and(|until| until <= clock::now())) {
                return Ok(false);
            }
            if std::mem::take(&mut self.is_woken) {
                return Ok(false);
            }
            self.wait(until)?;
            (looked, self.is_unfinished) = (true, true);
        }
        Ok(true)
    }

    /// Lends the event that was found.
    pub(crate) fn lend(&mut self) -> Option<Arrival<'_>> {
        let event = self.machine.poll_event()?;
        let Some(Origin { slot, received_ns }) = self.origin else {
            return Some(Arrival { event, raw: &[], received_ns: None, kernel_ns: None, route: None });
        };
        self.laps.delivered();
        // The client was not asked for more since: its message is still there, and was brought by the latest read.
        let link = self.links.get_mut(slot);
        let kernel_ns = link.as_ref().and_then(|link| link.client.kernel_ns());
        let payload = link.and_then(|link| link.client.payload());
        let raw = payload.map_or(&[][..], |payload| payload.bytes);
        Some(Arrival { event, raw, received_ns: Some(received_ns), kernel_ns, route: Some(route(slot)) })
    }

    /// For who waits for its descriptor.
    #[cfg(feature = "tokio")]
    pub(crate) fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        self.waiter.descriptor()
    }

    /// What ends [`next`](Self::next) from another thread, the one that waits or else the next that would. It ends no future
    /// of an `AsyncFeed`.
    ///
    /// # Errors
    /// [`Error::Io`] when the system has no descriptors left.
    pub fn waker(&mut self) -> Result<Waker, Error> {
        Ok(self.waiter.waker()?)
    }

    /// When to call [`next`](Self::next) at the latest, for who waits by a poll of their own: at once, if the last call ended
    /// with its time while there was more to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.is_unfinished {
            return Some(self.moment.instant);
        }
        [self.links.next_deadline(), self.machine.next_deadline()].into_iter().flatten().min()
    }

    /// Follows more streams, by the venue's names, such as `btcusdt@trade` or `trades.BTC-PERPETUAL.100ms`.
    ///
    /// Each that is not followed yet is answered: by [`Event::Subscribed`] when the first connection brings it, by
    /// [`Event::Missing`] of each connection that is not given it. One that is followed already stays as it is, without an
    /// event. One that was [unsubscribed](Self::unsubscribe), and is subscribed before that was answered, is told by
    /// `Subscribed` alone, or by nothing: the venue may not have been asked to end it yet.
    ///
    /// A name that the venue refuses is followed all the same, and asked for again on each new connection, renewals
    /// included, until it is unsubscribed. Where the venue refuses the whole request for it (Binance), that is made again
    /// in halves: up to eight [`Event::Rejected`], which name no stream, and then `Missing`, which does. The connection is
    /// not ready before that.
    ///
    /// A book is kept by diffs of the interval that is configured, or of the first that is subscribed where none is
    /// (Binance), and by a channel such as `book.BTC-PERPETUAL.100ms` (Deribit). Diffs of another interval and partial or
    /// grouped books are events only.
    ///
    /// # Errors
    /// [`Error::Venue`] for a name that cannot be served, or after [`close`](Self::close): then nothing changed.
    pub fn subscribe(&mut self, streams: &[&str]) -> Result<(), Error> {
        let now = at_once(&mut self.moment);
        self.machine.subscribe(streams, now).map_err(Error::from)
    }

    /// Follows streams no more, by the venue's names. Each that was followed is answered by [`Event::Unsubscribed`] when
    /// no connection has it any more, unless it is subscribed again before.
    ///
    /// A book that such a stream fed stays readable. It is stale from now on
    /// ([`BookState::Stale`](tickwire_venue::BookState::Stale)), and no event says so.
    pub fn unsubscribe(&mut self, streams: &[&str]) {
        let now = at_once(&mut self.moment);
        self.machine.unsubscribe(streams, now);
    }

    /// Renews every connection now, without a break: the moment may be better than that when they are old enough. One that
    /// is being renewed, up to the end of the overlap ([`Plan::overlap`]), is left as it is; so is one that is not open.
    pub fn renew(&mut self) {
        let now = at_once(&mut self.moment);
        self.machine.renew(now);
    }

    /// The session: its books, its symbols.
    #[must_use]
    pub fn session(&self) -> &S {
        self.machine.session()
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        self.machine.stats()
    }

    /// The connections there are, in the order of the session's endpoints.
    pub fn connections(&self) -> impl Iterator<Item = Connection<'_>> {
        self.links.iter().filter_map(|(route, link)| self.connection(route, link))
    }

    /// Whether there is no connection, and there will be none.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.machine.is_closed()
    }

    /// Begins to close every connection; go on with [`next`](Self::next) until [`is_closed`](Self::is_closed).
    pub fn close(&mut self) {
        self.machine.close();
    }

    /// Takes one event of the links that are ready. True if there was one.
    fn receive(&mut self) -> Result<bool, Error> {
        if self.turns == 0 {
            // Neither the other links nor documents nor the timers are held up by one that never pauses.
            self.next_link();
            let told = self.take_document()? || self.on_deadline();
            self.wait(Some(clock::now()))?;
            if told {
                // What that brought is told before another message comes.
                return Ok(true);
            }
        }
        for _ in 0..self.links.slots() {
            if self.receive_from(self.reading)? {
                self.turns -= 1;
                return Ok(true);
            }
            self.next_link();
        }
        Ok(false)
    }

    fn next_link(&mut self) {
        self.reading = (self.reading + 1) % self.links.slots().max(1);
        self.turns = TURNS_MAX;
        self.round.on_read();
    }

    /// Takes one event of a link. True if there was one.
    #[inline]
    fn receive_from(&mut self, slot: usize) -> Result<bool, Error> {
        let Some(link) = self.links.get_mut(slot).filter(|link| link.ready) else { return Ok(false) };
        match link.client.advance() {
            Ok(Some(ws::Event::Open)) => self.machine.on_open(route(slot), at_once(&mut self.moment)),
            Ok(Some(ws::Event::Message)) => {
                let now = moment_of(self.moment, link.client.received_at());
                if let Some(payload) = link.client.payload() {
                    self.origin = Some(Origin { slot, received_ns: now.unix_ns });
                    let read = match payload.kind {
                        Kind::Text => self.machine.on_text(route(slot), payload.bytes, now),
                        Kind::Binary => self.machine.on_binary(route(slot), payload.bytes, now),
                    };
                    read.map_err(misuse)?;
                    self.laps.decoded(&mut link.client.laps);
                }
            }
            Ok(Some(_)) => {}
            Ok(None) if link.client.is_closed() => {
                let close = link.client.received_close().cloned();
                self.ended(slot, Error::Closed(close));
            }
            Ok(None) => {
                link.ready = false;
                return Ok(false);
            }
            Err(error) => self.ended(slot, error),
        }
        Ok(true)
    }

    /// A link is over: what that means is decided elsewhere.
    fn ended(&mut self, slot: usize, error: Error) {
        let Some(link) = self.links.take(slot) else { return };
        let (ending, cause) = cause_of(&error, link.client.is_clean());
        self.tell_ended(route(slot), ending, cause, error);
    }

    fn tell_ended(&mut self, route: Route, ending: Ending, cause: Cause, error: Error) {
        let now = at_once(&mut self.moment);
        let is_given_up = self.machine.on_ended(route, ending, cause, &error.to_string(), now);
        if is_given_up {
            let name = self.session().endpoints().get(route.endpoint).map_or("", |endpoint| endpoint.name);
            self.stopped.push(Error::Link { name, source: Box::new(error) });
        }
    }

    /// Does what is wanted.
    fn carry_out(&mut self) -> Result<(), Error> {
        self.order()?;
        while let Some((route, error)) = self.failed.pop() {
            let (ending, cause) = cause_of(&error, false);
            self.tell_ended(route, ending, cause, error);
        }
        while let Some(id) = self.unfetched.pop() {
            let now = at_once(&mut self.moment);
            self.machine.on_fetched(id, Fetched::Failed, now).map_err(misuse)?;
            if self.machine.has_event() {
                // What that brought is told before anything else is done.
                break;
            }
        }
        Ok(())
    }

    fn order(&mut self) -> Result<(), Error> {
        let mut refused = Ok(());
        let Self { machine, links, waiter, builder, legs, fetcher, failed, unfetched, moment, .. } = self;
        machine.carry_out(*moment, |command| match command {
            Command::Dial { route, endpoint, place } => {
                let begun = links.dial(route, endpoint, place, Way { builder, legs }, waiter);
                begun.unwrap_or_else(|error| failed.push((route, error)));
            }
            Command::Send { route, text } => {
                if let Err(error) = links.send(route, text) {
                    // At once: there is nothing to send what follows on, and its name may be given to another.
                    links.take(slot(route));
                    failed.push((route, error));
                }
            }
            Command::Fetch { id, url } => match fetch(fetcher, waiter, builder, id, url) {
                Ok(true) => {}
                Ok(false) => unfetched.push(id),
                Err(error) => refused = Err(error),
            },
            Command::Close { route } => links.close(route),
            Command::Drop { route } => {
                links.take(slot(route));
                // Whoever has its name from here on is another.
                failed.retain(|(of, _)| *of != route);
            }
        });
        refused
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
                used_weight: document.used_weight,
                body: &document.body,
            },
            None => Fetched::Failed,
        };
        self.machine.on_fetched(id, fetched, now).map_err(misuse)?;
        Ok(true)
    }

    /// True if the machine had something to do. What is silent is judged once all was read that was there when it was due.
    fn on_deadline(&mut self) -> bool {
        let due = self.machine.next_deadline().is_some_and(|deadline| self.round.is_over_for(deadline));
        if !due {
            return false;
        }
        let now = at_once(&mut self.moment);
        let judges = self.round.judges(now.instant);
        if judges {
            self.machine.on_deadline(now);
        }
        judges
    }

    /// Waits until a link is ready or something is due.
    fn wait(&mut self, until: Option<Instant>) -> Result<(), Error> {
        let began = clock::now();
        self.waiter.wait(self.next_deadline().into_iter().chain(until).min())?;
        self.is_woken |= self.waiter.is_woken();
        self.moment = moment();
        // What came while nobody waited came at the beginning of that, for all that is known.
        let since = self.waited_at + self.moment.instant.saturating_duration_since(began);
        self.waited_at = self.moment.instant;
        for Token(slot) in self.waiter.ready() {
            if let Some(link) = self.links.get_mut(slot).filter(|link| !link.ready) {
                link.ready = true;
                self.machine.on_readable(route(slot), since);
            }
        }
        self.links.on_time(self.moment.instant);
        self.round.begin(self.moment.instant, self.links.slots());
        Ok(())
    }

    fn connection<'a>(&'a self, route: Route, link: &'a Link) -> Option<Connection<'a>> {
        let name = self.session().endpoints().get(route.endpoint)?.name;
        let (place, phase) = (self.machine.place(route)?, self.machine.phase(route)?);
        // Until it opens, they are those of the connection that was there before.
        let counts = self.session().leg_counts(route).filter(|_| phase != Phase::Connecting);
        Some(Connection { route, name, place, phase, counts, client: &link.client })
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

/// Asks for a document, over a thread that begins with the first. False if the thread is gone.
fn fetch(
    fetcher: &mut Option<Fetcher>,
    waiter: &mut Waiter,
    builder: &Builder,
    id: u64,
    url: &str,
) -> Result<bool, Error> {
    let fetcher = match fetcher {
        Some(fetcher) => fetcher,
        None => {
            // All documents of a session come from one venue.
            let mut begun = Fetcher::start(builder.roots(), builder.proxy_of_document(url)?.as_ref())?;
            waiter.add(&mut begun, REST)?;
            fetcher.insert(begun)
        }
    };
    Ok(fetcher.get(id, url))
}

fn misuse(misuse: Misuse) -> Error {
    Error::Venue(misuse.into())
}

impl<S> std::fmt::Debug for Feed<S> {
    /// Neither books nor URLs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("links", &self.links).finish_non_exhaustive()
    }
}
