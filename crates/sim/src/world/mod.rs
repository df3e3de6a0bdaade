//! Simulated venues behind a simulated network, on one clock that is moved by hand.

mod documents;
mod event;
mod host;
mod lane;
mod ledger;
mod link;
mod meter;
mod options;
mod strikes;

pub use event::{Document, Event, Failure, TlsAlert, Wire};
pub use options::{Network, WorldOptions};

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use documents::Request;
use host::{Host, Setting};
use ledger::Ledger;
use link::{Around, Link};

use crate::chance::Chance;
use crate::error::Error;
use crate::hazard::{Counts, Hazard, Hazards};
use crate::truth::Levels;
use crate::witness::Witnessed;

/// Which streams of chance belong to what; each has room for many.
const HOSTS: u64 = 1 << 40;
const WIRES: u64 = 2 << 40;
const DOCUMENTS: u64 = 3 << 40;

/// Simulated venues behind a simulated network: no thread, no socket, and no time but what [`World::advance`] moves.
///
/// The venues are those of [`Server`](crate::Server), the same code. Whoever makes the same calls on two worlds of the
/// same seed sees the same, to the byte and the nanosecond. A world stays on its thread; another thread has another one.
///
/// The loop around it: [`advance`](Self::advance) to the client's next deadline, [`poll_event`](Self::poll_event) until
/// there is none, let the client read and write, and again.
pub struct World {
    now: Instant,
    start: Instant,
    unix_ns: u64,
    seed: u64,
    network: Network,
    hazards: Hazards,
    counts: Counts,
    hosts: Vec<Host>,
    links: BTreeMap<Wire, Link>,
    requests: Vec<Request>,
    /// Wires and requests so far.
    dialed: u64,
    asked: u64,
    events: VecDeque<Event>,
    ledger: Ledger,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("seed", &self.seed).field("now", &self.now).finish_non_exhaustive()
    }
}

impl World {
    /// A world at the beginning of its time.
    ///
    /// # Errors
    /// [`Error::Options`] for options that contradict themselves.
    pub fn new(options: WorldOptions) -> Result<Self, Error> {
        let WorldOptions { seed, start, unix_ns, network, hazards, levels, lifetime, .. } = options;
        if network.latency.is_empty() || network.send_buffer == 0 || network.window == 0 {
            return Err(Error::Options("a network needs a latency and room for bytes"));
        }
        let counts = Counts::default();
        let setting = Setting { now: start, unix_ns, levels, lifetime, hazards: &hazards, counts: &counts };
        let hosts =
            options.hosts.into_iter().zip(HOSTS..).map(|((name, options), stream)| {
                Host::new(name, options, Chance::new(seed, stream), &setting)
            });
        Ok(Self {
            now: start,
            start,
            unix_ns,
            seed,
            network,
            hosts: hosts.collect::<Result<_, _>>()?,
            hazards,
            counts,
            links: BTreeMap::new(),
            requests: Vec::new(),
            dialed: 0,
            asked: 0,
            events: VecDeque::new(),
            ledger: Ledger::new(start),
        })
    }

    /// Its time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Its time since it began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now.saturating_duration_since(self.start)
    }

    /// Its time in nanoseconds since 1970. The clocks of venues may be wrong, this one is not.
    #[must_use]
    pub fn unix_ns(&self) -> u64 {
        let elapsed = self.now.saturating_duration_since(self.start).as_nanos();
        self.unix_ns.saturating_add(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    /// When something happens by itself next, noticed by the client or not.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let hosts = self.hosts.iter().filter_map(Host::next_deadline);
        let links = self.links.values().filter_map(Link::next_deadline);
        let requests = self.requests.iter().map(Request::next_deadline);
        hosts.chain(links).chain(requests).min().map(|next| next.max(self.now))
    }

    /// Lets everything up to `to` happen in its order, but stops at the first instant at which the client has something
    /// to notice; where it has already, nothing happens.
    pub fn advance(&mut self, to: Instant) {
        while self.events.is_empty() {
            match self.next_deadline().filter(|next| *next <= to) {
                Some(next) => {
                    self.now = next;
                    self.turn();
                }
                None => {
                    self.now = self.now.max(to);
                    return;
                }
            }
        }
    }

    /// What the client notices next at this instant.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// All that is due now.
    fn turn(&mut self) {
        let now = self.now;
        for host in &mut self.hosts {
            host.strike(&self.hazards, &self.counts, now);
        }
        self.for_links(|link, around| {
            link.lose_host(around.host, around.now);
            if link.next_deadline().is_some_and(|next| next <= around.now) {
                link.begin_turn(around);
            }
        });
        self.answer_requests();
        for host in &mut self.hosts {
            if let Some(what) = host.on_time(now) {
                self.ledger.note(&host.name, what, now);
            }
        }
        self.for_links(Link::end_turn);
        self.links.retain(|_, link| !link.is_over());
    }

    fn for_links(&mut self, mut each: impl FnMut(&mut Link, &mut Around<'_>)) {
        let Self { now, hosts, links, network, hazards, counts, events, ledger, .. } = self;
        for link in links.values_mut() {
            match hosts.get_mut(link.host) {
                Some(host) => {
                    each(link, &mut Around { now: *now, host, network, hazards, counts, events, ledger });
                }
                None => link.find_no_host(*now, events),
            }
        }
    }

    fn answer_requests(&mut self) {
        let Self { now, hosts, requests, hazards, counts, events, .. } = self;
        requests.retain_mut(|request| {
            let host = request.host.and_then(|host| hosts.get_mut(host));
            let told = request.advance(host, hazards, counts, *now);
            let over = told.is_some();
            events.extend(told);
            !over
        });
    }

    fn find(&self, host: &str) -> Option<usize> {
        self.hosts.iter().position(|known| known.name == host)
    }

    /// Begins to connect to a host: look-up, TCP, and TLS if the host has it. The outcome is an event.
    pub fn dial(&mut self, host: &str) -> Wire {
        let wire = Wire(self.dialed);
        self.dialed += 1;
        let place = self.find(host).unwrap_or(usize::MAX);
        let chance = Chance::new(self.seed, WIRES + wire.0);
        self.links.insert(wire, Link::dial(wire, place, &self.network, chance, self.now));
        wire
    }

    /// Reads what has arrived; 0 is the end in good order.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is there yet, [`io::ErrorKind::ConnectionReset`] after a reset,
    /// [`io::ErrorKind::NotConnected`] for a wire that is gone; an alert of TLS is a [`TlsAlert`] inside.
    pub fn read(&mut self, wire: Wire, into: &mut [u8]) -> io::Result<usize> {
        let link = self.links.get_mut(&wire).ok_or(io::ErrorKind::NotConnected)?;
        link.read(into, self.now)
    }

    /// Writes as much as there is room for.
    ///
    /// # Errors
    /// As [`World::read`]; [`io::ErrorKind::WouldBlock`] when there is no room.
    pub fn write(&mut self, wire: Wire, bytes: &[u8]) -> io::Result<usize> {
        let Self { now, hosts, links, network, hazards, counts, events, ledger, .. } = self;
        let link = links.get_mut(&wire).ok_or(io::ErrorKind::NotConnected)?;
        let host = hosts.get_mut(link.host).ok_or(io::ErrorKind::NotConnected)?;
        link.write(bytes, &mut Around { now: *now, host, network, hazards, counts, events, ledger })
    }

    /// Lets go of a connection, or of an attempt at one. Nothing more is told of it.
    pub fn hang_up(&mut self, wire: Wire) {
        if let Some(link) = self.links.get_mut(&wire) {
            link.hang_up(self.hosts.get_mut(link.host), self.now);
        }
        self.links.retain(|_, link| !link.is_over());
        self.events.retain(|event| event.wire() != Some(wire));
    }

    /// Asks for a document over HTTP. What becomes of it is an event with this number.
    pub fn fetch(&mut self, id: u64, url: &str) {
        let chance = Chance::new(self.seed, DOCUMENTS + self.asked);
        self.asked += 1;
        let request = Request::new(id, url, |host| self.find(host), &self.network, chance, self.now);
        self.requests.push(request);
    }

    /// From now on nothing goes wrong by chance, and what was wrong is over. Connections whose bytes vanish stay so, a
    /// dial that has failed is told so in its time, an end that was told of still comes, and clocks stay wrong.
    pub fn calm(&mut self) {
        self.hazards = Hazards::NONE;
        for host in &mut self.hosts {
            host.heal(&self.counts);
        }
        self.for_links(Link::heal);
    }

    /// Something goes wrong with an open connection now: one of the kinds that are counted a day, on each connection.
    /// Others do nothing.
    pub fn strike(&mut self, wire: Wire, hazard: Hazard) {
        self.for_links(|link, around| {
            if link.wire == wire {
                link.go_wrong(hazard, around);
            }
        });
    }

    /// The venue keeps the data of an open connection back for so long, from now on and for good.
    pub fn lag(&mut self, wire: Wire, lag: Duration) {
        self.for_links(|link, around| {
            if link.wire == wire {
                link.lag(lag, around);
            }
        });
    }

    /// Something goes wrong with a host now: one of the kinds that are counted a day, on each host. Others do nothing.
    pub fn strike_host(&mut self, host: &str, hazard: Hazard) {
        let host = self.find(host).and_then(|place| self.hosts.get_mut(place));
        if let Some(host) = host {
            host.go_wrong(hazard, &self.counts, self.now);
            host.stir(self.now);
        }
    }

    /// How often each kind of hazard has really struck: connections, messages, requests or times, as the kind is.
    pub fn faults(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Hazard::ALL.into_iter().map(|hazard| (hazard.name(), self.counts.get(hazard)))
    }

    /// What the client did that it must not do, in words, with the time since the beginning.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        self.ledger.violations()
    }

    /// A host's own book as it was after the event with this update id (Deribit's change id).
    ///
    /// `None` for a host or symbol that is not there, for an id that no event of it has, and for events that are too
    /// long ago: at least 80,000 changed levels of each book are remembered.
    #[must_use]
    pub fn book_at(&self, host: &str, symbol: &str, update_id: u64) -> Option<Levels> {
        self.hosts.get(self.find(host)?)?.truth.at(symbol, update_id)
    }

    /// From now on these streams of a host are witnessed, and no others.
    pub fn observe(&mut self, host: &str, streams: &[&str]) {
        if let Some(host) = self.find(host).and_then(|place| self.hosts.get_mut(place)) {
            host.site.observe(streams);
        }
    }

    /// What a host has published on its observed streams since the last call, in its order.
    pub fn witness(&mut self, host: &str) -> Vec<Witnessed> {
        let host = self.find(host).and_then(|place| self.hosts.get_mut(place));
        host.map(|host| host.site.take_witnessed()).unwrap_or_default()
    }
}
