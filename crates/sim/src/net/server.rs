//! The listener and the loop: one thread, one poll, all connections.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use rustls::{ServerConfig, ServerConnection};

use super::ca;
use super::clients::Clients;
use super::transport::Transport;
use super::trouble::{self, Trouble};
use crate::binance::{Spot, UsdM};
use crate::clock::{self, Now};
use crate::deribit::Deribit;
use crate::error::Error;
use crate::feed::Feed;
use crate::market::Instrument;
use crate::options::{Options, Venue as Which};
use crate::pace::Pace;
use crate::rules::Rules;
use crate::truth::{Levels, Truth};
use crate::venue::{Desk, Venue};
use crate::witness::{Witness, Witnessed};

const LISTENER: Token = Token(0);
const ORDERS: Token = Token(1);
const FIRST_CONNECTION: usize = 2;
const EVENTS_PER_POLL: usize = 256;
/// How soon to look at the listener again after it could not accept, for instance without a free file.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// What the owner of a server wants of its thread.
#[derive(Debug)]
enum Order {
    Strike(Trouble, u64),
    Calm,
    Stop,
}

/// A running venue. Dropping it stops its thread and its connections.
pub struct Server {
    addr: SocketAddr,
    ca_pem: Option<String>,
    venue: Which,
    truth: Truth,
    witness: Witness,
    orders: Sender<Order>,
    waker: Waker,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Server {
    /// Binds 127.0.0.1 and serves from a thread of its own. Connections are accepted when this returns.
    ///
    /// # Errors
    /// [`Error::Options`] for options that contradict themselves, [`Error::Io`] when the port is taken or
    /// the machine refuses sockets or threads, [`Error::Certificate`] and [`Error::Tls`] when the
    /// throw-away certificates cannot be made or used.
    pub fn start(options: Options) -> Result<Self, Error> {
        options.check()?;
        match options.venue {
            Which::BinanceSpot => {
                let rules = options.binance.clone();
                Self::start_as(options, |instruments, now| Spot::new(rules, instruments, now))
            }
            Which::BinanceUsdM => {
                let rules = options.binance.clone();
                Self::start_as(options, |instruments, now| UsdM::new(rules, instruments, now))
            }
            Which::Deribit => {
                let rules = options.deribit.clone();
                Self::start_as(options, |instruments, now| Deribit::new(rules, instruments, now))
            }
        }
    }

    fn start_as<V: Venue + Send + 'static>(
        options: Options,
        venue: impl FnOnce(&[Instrument], Now) -> V,
    ) -> Result<Self, Error> {
        let identity = if options.tls { Some(ca::identity()?) } else { None };
        let (rules, truth, now) = (Rules::of(&options), Truth::default(), clock::now());
        let pace = |per_second| Pace::elapsed(per_second, now.instant);
        let feed = Feed::new(options.source, V::style(), &options.faults, truth.clone(), pace);
        let desk = Desk::new(venue(feed.instruments(), now), feed);

        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let mut listener =
            TcpListener::bind(address).map_err(|source| Error::Port { port: options.port, source })?;
        let addr = listener.local_addr().map_err(Error::io("read the bound address"))?;
        let poll = Poll::new().map_err(Error::io("make a poll"))?;
        let registry = poll.registry();
        registry
            .register(&mut listener, LISTENER, Interest::READABLE)
            .map_err(Error::io("watch the listener"))?;
        let waker = Waker::new(registry, ORDERS).map_err(Error::io("make a waker"))?;

        let (tls, ca_pem) = identity.map(|identity| (identity.config, identity.ca_pem)).unzip();
        let (witness, (orders, received)) = (Witness::default(), mpsc::channel());
        let seen = witness.clone();
        let serving = move || {
            let clients = Clients::new(rules, desk, seen);
            Loop { poll, listener, tls, clients, orders: received, accept_at: None }.run()
        };
        let thread = thread::Builder::new().name("tickwire-sim".to_owned()).spawn(serving);
        let thread = thread.map_err(Error::io("start the server's thread"))?;
        let (venue, thread) = (options.venue, Some(thread));
        Ok(Self { addr, ca_pem, venue, truth, witness, orders, waker, thread })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Base of the stream paths, such as `wss://localhost:9443`.
    #[must_use]
    pub fn stream_url(&self) -> String {
        // Without TLS no name has to match, and the number spares the look-up.
        match self.ca_pem {
            Some(_) => format!("wss://localhost:{}", self.addr.port()),
            None => format!("ws://127.0.0.1:{}", self.addr.port()),
        }
    }

    /// Where requests are answered over a WebSocket: `/ws-api/v3` at Binance Spot, `/ws-fapi/v1` at USD-M,
    /// `/ws/api/v2` at Deribit, such as `wss://localhost:9443/ws-api/v3`.
    #[must_use]
    pub fn api_url(&self) -> String {
        let path = match self.venue {
            Which::BinanceSpot => "/ws-api/v3",
            Which::BinanceUsdM => "/ws-fapi/v1",
            Which::Deribit => "/ws/api/v2",
        };
        format!("{}{path}", self.stream_url())
    }

    /// Base of the paths that are answered over HTTP at Binance, such as `https://localhost:9443`.
    #[must_use]
    pub fn rest_url(&self) -> String {
        format!("http{}", self.stream_url().trim_start_matches("ws"))
    }

    /// The generated market's own book as it was after the event with this update id (Deribit's change id).
    ///
    /// `None` for a symbol that is not there, for an id that no event of it has, and for events that are too long ago:
    /// at least 80,000 changed levels of each book are remembered.
    #[must_use]
    pub fn book_at(&self, symbol: &str, update_id: u64) -> Option<Levels> {
        self.truth.at(symbol, update_id)
    }

    /// From now on these streams are witnessed, and no others.
    pub fn observe(&self, streams: &[&str]) {
        self.witness.observe(streams.iter().copied());
    }

    /// What was published on the observed streams since the last call, in its order: whatever a client has received of them
    /// was here before. Whoever observes asks often, since it is kept until then.
    #[must_use]
    pub fn witnessed(&self) -> Vec<Witnessed> {
        self.witness.take()
    }

    /// Lets something go wrong with one of the open connections, soon; `choice` says with which, by what remains of it.
    /// Nothing happens if there is none.
    pub fn strike(&self, trouble: Trouble, choice: u64) {
        self.order(Order::Strike(trouble, choice));
    }

    /// Nothing that [`strike`](Self::strike) has brought about goes on; what was kept back comes at once.
    pub fn calm(&self) {
        self.order(Order::Calm);
    }

    /// A thread that has ended takes no orders, which [`wait`](Self::wait) tells.
    fn order(&self, order: Order) {
        let _ = self.orders.send(order);
        let _ = self.waker.wake();
    }

    /// The certificate a client has to trust, PEM; empty without TLS.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.ca_pem.as_deref().unwrap_or_default()
    }

    /// Blocks while the server runs, which is until its thread fails.
    ///
    /// # Errors
    /// What made the thread fail.
    pub fn wait(mut self) -> Result<(), Error> {
        self.join()
    }

    fn join(&mut self) -> Result<(), Error> {
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(ended)) => ended,
            Some(Err(_)) => Err(Error::Panicked),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Without a wake-up the join would never return; a thread that failed has nothing left to stop.
        if self.orders.send(Order::Stop).is_err() || self.waker.wake().is_ok() {
            let _ = self.join();
        }
    }
}

struct Loop<V: Venue> {
    poll: Poll,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    clients: Clients<V>,
    orders: Receiver<Order>,
    /// When to try to accept again after a failure; the poll does not repeat itself.
    accept_at: Option<Instant>,
}

impl<V: Venue> Loop<V> {
    fn run(mut self) -> Result<(), Error> {
        let mut events = Events::with_capacity(EVENTS_PER_POLL);
        let mut timeout = None;
        loop {
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => events.clear(),
                polled => polled.map_err(Error::io("poll"))?,
            }
            let now = clock::now();
            let starved = self.clients.starved();
            for event in &events {
                match event.token() {
                    ORDERS => {
                        if self.obey(now) {
                            return Ok(());
                        }
                    }
                    LISTENER => self.accept(now),
                    Token(token) => self.clients.on_ready(token.saturating_sub(FIRST_CONNECTION), now),
                }
            }
            for number in starved {
                self.clients.on_ready(number, now);
            }
            if self.accept_at.is_some_and(|at| now.instant >= at) {
                self.accept(now);
            }
            // Without a client nothing moves.
            if !self.clients.is_empty() {
                self.clients.publish(now);
            }
            self.clients.on_time(now);
            timeout = self.timeout(now);
        }
    }

    /// Does what its owner wants; whether that is the end.
    fn obey(&mut self, now: Now) -> bool {
        loop {
            match self.orders.try_recv() {
                Ok(Order::Strike(trouble, choice)) => trouble.strike(choice, &mut self.clients, now),
                Ok(Order::Calm) => trouble::calm(&mut self.clients, now),
                Ok(Order::Stop) => {
                    self.clients.shut_down(now);
                    return true;
                }
                Err(_) => return false,
            }
        }
    }

    fn accept(&mut self, now: Now) {
        self.accept_at = None;
        loop {
            match self.listener.accept() {
                Ok((socket, _)) => self.admit(socket, now),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(_) => {
                    self.accept_at = Some(now.instant + ACCEPT_RETRY);
                    return;
                }
            }
        }
    }

    /// A client beyond the limit, or one whose socket is already broken, is dropped: it sees its
    /// connection closed before any handshake.
    fn admit(&mut self, mut socket: TcpStream, now: Now) {
        if self.clients.is_full() || socket.set_nodelay(true).is_err() {
            return;
        }
        let token = Token(self.clients.next() + FIRST_CONNECTION);
        let both = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(&mut socket, token, both).is_err() {
            return;
        }
        let transport = match &self.tls {
            None => Transport::plain(socket),
            Some(config) => match ServerConnection::new(Arc::clone(config)) {
                Ok(session) => Transport::tls(session, socket),
                Err(_) => return,
            },
        };
        self.clients.accept(transport, now);
    }

    /// How long the poll may wait.
    fn timeout(&self, now: Now) -> Option<Duration> {
        if !self.clients.starved().is_empty() {
            return Some(Duration::ZERO);
        }
        let market = if self.clients.is_empty() { None } else { self.clients.next_event() };
        let next = self.clients.next_deadline(now).into_iter().chain(market).chain(self.accept_at).min()?;
        Some(next.saturating_duration_since(now.instant))
    }
}
