//! The listener and the loop: one thread, one poll, all connections.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use rustls::{ServerConfig, ServerConnection};
use tungstenite::Utf8Bytes;

use super::ca;
use super::connection::Connection;
use super::transport::Transport;
use crate::binance::{Spot, UsdM};
use crate::clock::{self, Now};
use crate::deribit::Deribit;
use crate::error::Error;
use crate::feed::Feed;
use crate::market::Instrument;
use crate::options::{Options, Venue as Which};
use crate::publisher::Form;
use crate::rules::Rules;
use crate::truth::{Levels, Truth};
use crate::venue::{Desk, Venue};

const LISTENER: Token = Token(0);
const STOP: Token = Token(1);
const FIRST_CONNECTION: usize = 2;
const CONNECTIONS_MAX: usize = 256;
const EVENTS_PER_POLL: usize = 256;
/// How soon to look at the listener again after it could not accept, for instance without a free file.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// A running venue. Dropping it stops its thread and its connections.
pub struct Server {
    addr: SocketAddr,
    ca_pem: Option<String>,
    venue: Which,
    truth: Truth,
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
        let feed = Feed::new(options.source, V::style(), &options.faults, truth.clone(), now.instant);
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
        let waker = Waker::new(registry, STOP).map_err(Error::io("make a waker"))?;

        let (tls, ca_pem) = identity.map(|identity| (identity.config, identity.ca_pem)).unzip();
        let serving = move || {
            Loop {
                poll,
                listener,
                tls,
                rules,
                desk,
                connections: BTreeMap::new(),
                next_token: FIRST_CONNECTION,
                accept_at: None,
            }
            .run()
        };
        let thread = thread::Builder::new().name("tickwire-sim".to_owned()).spawn(serving);
        let thread = thread.map_err(Error::io("start the server's thread"))?;
        Ok(Self { addr, ca_pem, venue: options.venue, truth, waker, thread: Some(thread) })
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
        if self.waker.wake().is_ok() {
            let _ = self.join();
        }
    }
}

struct Loop<V: Venue> {
    poll: Poll,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    rules: Rules,
    desk: Desk<V>,
    connections: BTreeMap<usize, Connection<V>>,
    next_token: usize,
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
            let starved: Vec<_> =
                self.connections.iter().filter(|(_, c)| c.is_starved()).map(|(k, _)| *k).collect();
            for event in &events {
                match event.token() {
                    STOP => {
                        self.stop(now);
                        return Ok(());
                    }
                    LISTENER => self.accept(now),
                    Token(token) => self.on_ready(token, now),
                }
            }
            for token in starved {
                self.on_ready(token, now);
            }
            if self.accept_at.is_some_and(|at| now.instant >= at) {
                self.accept(now);
            }
            self.publish(now);
            for connection in self.connections.values_mut() {
                connection.on_time(now, &self.rules, &self.desk.feed);
                connection.flush();
            }
            self.connections.retain(|_, connection| !connection.is_gone());
            timeout = self.timeout(now);
        }
    }

    fn on_ready(&mut self, token: usize, now: Now) {
        self.desk.open = self.connections.values().filter(|connection| connection.is_open()).count();
        if let Some(connection) = self.connections.get_mut(&token) {
            connection.on_ready(now, &self.rules, &mut self.desk);
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
        if self.connections.len() >= CONNECTIONS_MAX || socket.set_nodelay(true).is_err() {
            return;
        }
        let token = self.next_token;
        self.next_token += 1;
        let both = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(&mut socket, Token(token), both).is_err() {
            return;
        }
        let transport = match &self.tls {
            None => Transport::plain(socket),
            Some(config) => match ServerConnection::new(Arc::clone(config)) {
                Ok(session) => Transport::tls(session, socket),
                Err(_) => return,
            },
        };
        self.connections.insert(token, Connection::accept(transport, now));
        self.on_ready(token, now);
    }

    /// Lets the market move and hands its events to whoever listens. Without a client nothing moves.
    fn publish(&mut self, now: Now) {
        let Self { connections, desk, rules, .. } = self;
        if connections.is_empty() {
            return;
        }
        desk.feed.advance(&mut desk.venue, now, &mut |stream, write| {
            let mut texts: Vec<(Form, Utf8Bytes)> = Vec::new();
            for connection in connections.values_mut() {
                let Some(form) = connection.form(stream, now, rules) else {
                    continue;
                };
                let text = match texts.iter().find(|(of, _)| *of == form) {
                    Some((_, text)) => text.clone(),
                    None => {
                        let text = Utf8Bytes::from(write(form));
                        texts.push((form, text.clone()));
                        text
                    }
                };
                connection.send(text, now, rules);
            }
        });
    }

    /// How long the poll may wait.
    fn timeout(&self, now: Now) -> Option<Duration> {
        if self.connections.values().any(Connection::is_starved) {
            return Some(Duration::ZERO);
        }
        let feed = &self.desk.feed;
        let market = if self.connections.is_empty() { None } else { feed.next_deadline() };
        let theirs = self.connections.values().filter_map(|c| c.next_deadline(now, &self.rules, feed));
        let next = theirs.chain(market).chain(self.accept_at).min()?;
        Some(next.saturating_duration_since(now.instant))
    }

    fn stop(&mut self, now: Now) {
        for connection in self.connections.values_mut() {
            connection.shut_down(now);
            connection.flush();
        }
    }
}
