//! The decisions of a feed.

mod settle;

use std::{
    collections::VecDeque,
    fmt,
    time::{Duration, Instant},
};

use chacha20::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use tickwire_venue::{
    BookChange, Cause, Command as Wish, Ending, Endpoint, Error, Event, Fetched, LEGS_MAX, LinkChange,
    LinkEvent, Misuse, Now, Pace, Renewal, Route, Session,
};

use crate::{
    place::Place,
    plan::Plan,
    retry::{Retry, Then},
    site::{Link, Site, State},
    stats::{Stats, record},
};

/// Between two looks whether connections lag.
const LAG_LOOK: Duration = Duration::from_secs(10);
/// One event in so many that have a venue's time has its latency recorded.
const LATENCY_SAMPLE: u64 = 64;

/// What a feed wants done.
///
/// Texts may hold signatures and keys; [`Debug`](fmt::Debug) leaves them out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// Begin to connect, and tell [`on_open`](Machine::on_open) or [`on_ended`](Machine::on_ended).
    Dial {
        /// What the connection is called.
        route: Route,
        /// Where it leads.
        endpoint: &'a Endpoint,
        /// Which of the connections to there it serves as: others may be sent to other addresses.
        place: usize,
    },
    /// Send a text message.
    Send {
        /// Over which connection.
        route: Route,
        /// The message.
        text: &'a str,
    },
    /// Get a document over HTTP, and bring it with [`Machine::on_fetched`].
    Fetch {
        /// What names it then.
        id: u64,
        /// Where it is.
        url: &'a str,
    },
    /// Begin the closing handshake, and go on reading until the end, which [`Machine::on_ended`] is told.
    Close {
        /// Which connection.
        route: Route,
    },
    /// Give a connection up at once. Its end need not be told.
    Drop {
        /// Which connection.
        route: Route,
    },
}

impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial { route, endpoint, place } => {
                write!(f, "Dial {{ route: {route:?}, endpoint: {endpoint:?}, place: {place} }}")
            }
            Self::Send { route, text } => {
                write!(f, "Send {{ route: {route:?}, text: {} bytes }}", text.len())
            }
            Self::Fetch { id, url } => write!(f, "Fetch {{ id: {id}, url: {url:?} }}"),
            Self::Close { route } => write!(f, "Close {{ route: {route:?} }}"),
            Self::Drop { route } => write!(f, "Drop {{ route: {route:?} }}"),
        }
    }
}

/// The decisions of a feed about a session's connections.
#[derive(Debug)]
pub struct Machine<S> {
    session: S,
    plan: Plan,
    /// By endpoint.
    sites: Vec<Site>,
    attempts: Pace,
    /// Those among them that may be renewals, so that there are some for what is lost.
    renewals: Pace,
    chance: ChaCha8Rng,
    orders: VecDeque<Order>,
    told: VecDeque<Told>,
    /// The words of the event that was taken last.
    words: String,
    /// What could not be read, until it is told, and while it is lent.
    unreadable: Option<Error>,
    lent: Option<Error>,
    /// When to see whether connections are ready, and whether they lag.
    look_at: Instant,
    lag_look_at: Instant,
    wake: Option<Instant>,
    closing: bool,
    stats: Stats,
    /// When the last message was read.
    received_ns: u64,
    /// Events that have a venue's time. The others do not count: they may come in turn with these.
    timed: u64,
}

/// A command of our own.
#[derive(Debug, Clone, Copy)]
enum Order {
    Dial { route: Route, place: usize },
    Close(Route),
    Drop(Route),
}

/// An event of our own, without its words.
#[derive(Debug)]
struct Told {
    event: LinkEvent<'static>,
    words: String,
}

impl<S: Session> Machine<S> {
    /// A feed that begins to connect at once: see to its commands. `seed` spreads attempts.
    pub fn new(session: S, plan: Plan, seed: u64, now: Now) -> Self {
        let budget = session.attempts();
        let mut machine = Self {
            session,
            plan,
            sites: Vec::new(),
            attempts: Pace::new(budget.max, budget.span),
            renewals: Pace::new((budget.max / 2).max(1), budget.span),
            chance: ChaCha8Rng::seed_from_u64(seed),
            orders: VecDeque::new(),
            told: VecDeque::new(),
            words: String::new(),
            unreadable: None,
            lent: None,
            look_at: now.instant,
            lag_look_at: now.instant + LAG_LOOK,
            wake: None,
            closing: false,
            stats: Stats::new(),
            received_ns: 0,
            timed: 0,
        };
        machine.settle(now);
        machine
    }

    /// The session: its books, its symbols.
    pub fn session(&self) -> &S {
        &self.session
    }

    /// The session, for what is its own. What that brings is told and done as after any other call.
    pub fn session_mut(&mut self) -> &mut S {
        &mut self.session
    }

    /// What was counted.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Follows more streams, see [`Session::subscribe`].
    ///
    /// # Errors
    /// As [`Session::subscribe`], and [`Misuse::Closing`] after [`close`](Self::close).
    pub fn subscribe(&mut self, streams: &[&str], now: Now) -> Result<(), Error> {
        if self.closing {
            return Err(Misuse::Closing.into());
        }
        self.session.subscribe(streams, now)?;
        self.settle(now);
        Ok(())
    }

    /// Follows streams no more, see [`Session::unsubscribe`].
    pub fn unsubscribe(&mut self, streams: &[&str], now: Now) {
        self.session.unsubscribe(streams, now);
    }

    /// Renews all connections now: the moment may be a better one than that when they are old enough. Those that are being
    /// renewed, up to the end of the overlap, are left as they are, and so are those that are not open.
    pub fn renew(&mut self, now: Now) {
        for endpoint in 0..self.sites.len() {
            for place in 0..self.places(endpoint) {
                if let Some(leg) = self.place_mut(endpoint, place).and_then(|place| place.leg()) {
                    self.renew_link(Route { endpoint, leg }, Renewal::Asked, now);
                }
            }
        }
        self.settle(now);
    }

    /// Ends all connections in good order; [`is_closed`](Self::is_closed) tells when they have.
    pub fn close(&mut self) {
        self.closing = true;
        self.wake = None;
        for endpoint in 0..self.sites.len() {
            for place in 0..self.places(endpoint) {
                self.place_mut(endpoint, place).into_iter().for_each(Place::close);
            }
            (0..LEGS_MAX).for_each(|leg| self.end(Route { endpoint, leg }));
        }
    }

    /// Ends a connection in good order, one that is not open yet at once.
    fn end(&mut self, route: Route) {
        let slot = self.sites.get_mut(route.endpoint).and_then(|site| site.links.get_mut(route.leg));
        let Some(slot) = slot else { return };
        match slot {
            Some(Link { state: State::Dialing, place, .. }) => {
                let place = *place;
                *slot = None;
                self.orders.push_back(Order::Drop(route));
                self.tell_at(route, place, LinkChange::Closed, String::new());
            }
            Some(link @ Link { state: State::Open | State::Ready { .. }, .. }) => {
                link.state = State::Retiring;
                self.orders.push_back(Order::Close(route));
            }
            Some(Link { state: State::Retiring, .. }) | None => {}
        }
    }

    /// Whether there is no connection, and there will be none.
    pub fn is_closed(&self) -> bool {
        let over =
            |site: &Site| site.links.iter().all(Option::is_none) && site.places.iter().all(Place::is_stopped);
        self.sites.iter().all(over)
    }

    /// How far a connection is; `None` for one that there is not.
    pub fn phase(&self, route: Route) -> Option<Phase> {
        let link = self.sites.get(route.endpoint)?.link(route.leg)?;
        Some(match link.state {
            State::Dialing => Phase::Connecting,
            State::Open => Phase::Open,
            State::Ready { .. } => Phase::Ready,
            State::Retiring => Phase::Retiring,
        })
    }

    /// Connections that are wanted and not ready.
    pub fn lacking(&self) -> usize {
        let is_ready = |site: &Site, leg| site.link(leg).is_some_and(Link::is_ready);
        let lacks = |site: &Site, place: &Place| {
            !place.is_stopped() && !place.leg().is_some_and(|leg| is_ready(site, leg))
        };
        let of_site = |site: &Site| site.places.iter().filter(|place| lacks(site, place)).count();
        self.sites.iter().map(of_site).sum()
    }

    /// Which of the connections to its endpoint a connection serves as.
    pub fn place(&self, route: Route) -> Option<usize> {
        Some(self.sites.get(route.endpoint)?.link(route.leg)?.place)
    }

    /// A connection is open.
    pub fn on_open(&mut self, route: Route, now: Now) {
        let Some(link) = self.sites.get_mut(route.endpoint).and_then(|site| site.link_mut(route.leg)) else {
            return;
        };
        if link.state != State::Dialing {
            return;
        }
        link.state = State::Open;
        let after = now.instant.saturating_duration_since(link.began);
        self.stats.opened += 1;
        self.tell(route, LinkChange::Open { after }, String::new());
        self.session.on_open(route, now);
        self.look_at = now.instant;
        self.settle(now);
    }

    /// A connection was found to have something to read, see [`Session::on_readable`].
    pub fn on_readable(&mut self, route: Route, since: Instant) {
        self.session.on_readable(route, since);
    }

    /// A text message arrived.
    ///
    /// # Errors
    /// [`Misuse`] of the caller: events that were not drained, a connection that is not open.
    #[inline]
    pub fn on_text(&mut self, route: Route, text: &[u8], now: Now) -> Result<(), Misuse> {
        self.count(text, now);
        let read = self.session.on_message(route, text, now);
        read.or_else(|error| self.on_unreadable(error))
    }

    /// A binary message arrived.
    ///
    /// # Errors
    /// As [`on_text`](Self::on_text).
    pub fn on_binary(&mut self, route: Route, bytes: &[u8], now: Now) -> Result<(), Misuse> {
        self.count(bytes, now);
        let read = self.session.on_binary(route, bytes, now);
        read.or_else(|error| self.on_unreadable(error))
    }

    #[inline]
    fn count(&mut self, bytes: &[u8], now: Now) {
        self.stats.messages += 1;
        self.stats.bytes += bytes.len() as u64;
        self.received_ns = now.unix_ns;
    }

    #[cold]
    fn on_unreadable(&mut self, error: Error) -> Result<(), Misuse> {
        if let Error::Misuse(misuse) = error {
            return Err(misuse);
        }
        self.stats.unreadable += 1;
        self.unreadable = Some(error);
        Ok(())
    }

    /// The document of [`Command::Fetch`] `id`, or that there is none.
    ///
    /// # Errors
    /// As [`on_text`](Self::on_text).
    pub fn on_fetched(&mut self, id: u64, fetched: Fetched<'_>, now: Now) -> Result<(), Misuse> {
        let read = self.session.on_fetched(id, fetched, now);
        read.or_else(|error| self.on_unreadable(error))
    }

    /// A connection, or the attempt to make one, has ended; `words` say why, too. True when it will not be tried again,
    /// since no attempt can succeed.
    pub fn on_ended(&mut self, route: Route, ending: Ending, cause: Cause, words: &str, now: Now) -> bool {
        let Some(site) = self.sites.get_mut(route.endpoint) else { return false };
        let Some(link) = site.links.get_mut(route.leg).and_then(Option::take) else { return false };
        if link.state != State::Dialing {
            self.session.on_closed(route, if link.lags { Ending::Lost } else { ending }, now);
        }
        if link.state == State::Retiring {
            let lost = LinkChange::Lost { cause, words: "", retry_in: None };
            let change = if ending == Ending::InOrder { LinkChange::Closed } else { lost };
            self.tell_at(route, link.place, change, words.to_owned());
            self.settle(now);
            return false;
        }
        self.stats.lost += 1;
        let is_given_up = self.on_lost(route, link, cause, words, now);
        self.settle(now);
        is_given_up
    }

    /// A connection was lost: its place says whether it is tried again. True when it is not.
    fn on_lost(&mut self, route: Route, link: Link, cause: Cause, words: &str, now: Now) -> bool {
        let Self { sites, plan, chance, attempts, renewals, .. } = self;
        let place = sites.get_mut(route.endpoint).and_then(|site| site.places.get_mut(link.place));
        let Some(place) = place else { return false };
        if link.ready_for(now.instant).is_some_and(|span| span >= plan.stable_after) {
            place.retry.reset();
        }
        let after = |retry: &mut Retry| retry.after(cause, plan.retry_max, unit(chance));
        let then = place.lost(route.leg, now.instant, after);
        if cause == Cause::Resolve {
            // The venue has not seen it.
            attempts.give_back(link.began);
            if place.is_renewing() {
                renewals.give_back(link.began);
            }
        }
        if let Some(Then::Hold(delay)) = then {
            attempts.hold(now.instant + delay);
        }
        let change = match then {
            Some(Then::Stop) => LinkChange::Stopped { cause, words: "" },
            _ => LinkChange::Lost { cause, words: "", retry_in: then.and_then(Then::delay) },
        };
        self.tell_at(route, link.place, change, words.to_owned());
        then == Some(Then::Stop)
    }

    /// Whether [`poll_event`](Self::poll_event) has one to give.
    #[inline]
    pub fn has_event(&self) -> bool {
        self.session.has_event() || !self.told.is_empty() || self.unreadable.is_some()
    }

    /// The next event. Call until `None` after each `on_` call.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        if !self.told.is_empty() || self.unreadable.is_some() {
            return self.poll_own();
        }
        let event = self.session.poll_event()?;
        match &event {
            Event::Gap(_) => self.stats.gaps += 1,
            Event::Book(book) if matches!(book.change, BookChange::Resynced { .. }) => {
                self.stats.resyncs += 1;
            }
            _ => {}
        }
        if let Some(venue_time_ns) = event.venue_time_ns() {
            self.timed += 1;
            if self.timed.is_multiple_of(LATENCY_SAMPLE) {
                let latency = Duration::from_nanos(self.received_ns.saturating_sub(venue_time_ns));
                record(&mut self.stats.latency_us, latency);
            }
        }
        Some(event)
    }

    #[cold]
    fn poll_own(&mut self) -> Option<Event<'_>> {
        if let Some(Told { event, words }) = self.told.pop_front() {
            self.words = words;
            let words = self.words.as_str();
            let change = match event.change {
                LinkChange::Lost { cause, retry_in, .. } => LinkChange::Lost { cause, words, retry_in },
                LinkChange::Stopped { cause, .. } => LinkChange::Stopped { cause, words },
                other => other,
            };
            return Some(Event::Link(LinkEvent { change, ..event }));
        }
        self.lent = self.unreadable.take();
        self.lent.as_ref().map(Event::Unreadable)
    }

    /// Hands `act` everything that is to be done now.
    pub fn carry_out(&mut self, now: Now, mut act: impl FnMut(Command<'_>)) {
        loop {
            while let Some(order) = self.orders.pop_front() {
                match order {
                    Order::Dial { route, place } => {
                        if let Some(endpoint) = self.session.endpoints().get(route.endpoint) {
                            act(Command::Dial { route, endpoint, place });
                        }
                    }
                    Order::Close(route) => act(Command::Close { route }),
                    Order::Drop(route) => act(Command::Drop { route }),
                }
            }
            match self.session.poll_command() {
                None => return,
                Some(Wish::Send { route, text }) => act(Command::Send { route, text }),
                Some(Wish::Fetch { id, url }) => act(Command::Fetch { id, url }),
                Some(Wish::Renew { route }) => {
                    self.renew_link(route, Renewal::Session, now);
                    self.settle(now);
                }
                Some(Wish::Replace { route }) => self.give_up(route, now),
            }
        }
    }

    /// Gives a connection up that the session has nothing good to expect of.
    fn give_up(&mut self, route: Route, now: Now) {
        self.orders.push_back(Order::Drop(route));
        self.on_ended(route, Ending::Lost, Cause::Silent, "the session gave it up", now);
    }

    /// When to call [`on_deadline`](Self::on_deadline), at the latest; every call may change it.
    pub fn next_deadline(&self) -> Option<Instant> {
        [self.session.next_deadline(), self.wake].into_iter().flatten().min()
    }

    /// Time has passed, and what came meanwhile was told: what is silent is judged here. Calling early or twice does no harm.
    pub fn on_deadline(&mut self, now: Now) {
        if self.session.next_deadline().is_some_and(|at| at <= now.instant) {
            self.session.on_deadline(now);
        }
        if self.wake.is_some_and(|at| at <= now.instant) {
            self.settle(now);
        }
    }

    fn tell(&mut self, route: Route, change: LinkChange<'static>, words: String) {
        let place = self.place(route).unwrap_or(0);
        self.tell_at(route, place, change, words);
    }

    fn tell_at(&mut self, route: Route, place: usize, change: LinkChange<'static>, words: String) {
        let name = self.session.endpoints().get(route.endpoint).map_or("", |endpoint| endpoint.name);
        tracing::info!(name, endpoint = route.endpoint, leg = route.leg, place, ?change, words, "connection");
        let event = LinkEvent { route, name, place, change };
        self.told.push_back(Told { event, words });
    }
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The handshake is not complete.
    Connecting,
    /// It is being subscribed, and catches up.
    Open,
    /// It brings all that it should. So do two of one place during the overlap of a renewal.
    Ready,
    /// Its successor has taken over, or the end was asked for.
    Retiring,
}

/// A number in `0.0..1.0`.
fn unit(chance: &mut ChaCha8Rng) -> f64 {
    f64::from(chance.next_u32()) / (f64::from(u32::MAX) + 1.0)
}
