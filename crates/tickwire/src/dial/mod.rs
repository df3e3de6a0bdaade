//! From a host name to a byte stream, without blocking: name look-up, connect, the way through a proxy, TLS.
//!
//! ```text
//!  Resolving ──► Connecting ──► Plain | ZeroCopy | Tls
//!      │              │  └──► Tunnelling ──┘            the host is the proxy's until it has let us through
//!      └──────────────┴───────────┴──────► Failed
//! ```

mod lookup;
mod race;
#[cfg(test)]
mod tests;

use crate::clock;
use crate::error::{DialError, Error};
use crate::proxy::{Proxy, ProxyError, Tunnel};
use crate::tcp::Tcp;
use crate::tls::{Tls, TlsRecords};
use crate::transport::{Plain, Transport};
use crate::zero_copy::{self, ZeroCopy, ZeroCopyStats};
use bytes::Bytes;
use lookup::Lookup;
use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
pub(crate) use race::Way;
use race::{BOTH, Outcome, Race};
use rustls::ClientConfig;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A TCP or TLS connection to a host, from the name look-up on. It reads and writes nothing until it is connected.
pub struct Socket {
    host: String,
    port: u16,
    /// Whom to ask for a way to the host.
    proxy: Option<Proxy>,
    state: State,
    tls: Option<(Arc<ClientConfig>, TlsRecords)>,
    zero_copy: Option<ZeroCopy>,
    began: Instant,
    /// The end of the time for look-up, connecting and the proxy.
    deadline: Instant,
    /// How long sent bytes may stay unacknowledged.
    unacknowledged: Option<Duration>,
    way: Way,
    kernel_timestamps: bool,
    registration: Option<(Registry, Token)>,
}

#[derive(Debug)]
enum State {
    Resolving(Lookup),
    Connecting(Race),
    Tunnelling(Plain<Tcp>, Box<Tunnel>),
    Plain(Plain<Tcp>),
    ZeroCopy(Box<zero_copy::Stream>),
    Tls(Box<Tls<Tcp>>),
    Failed(Error),
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DialTimeouts {
    /// Look-up, connecting and the proxy.
    pub(crate) connect: Duration,
    /// That sent bytes are acknowledged, once connected.
    pub(crate) unacknowledged: Option<Duration>,
}

/// Where to, and how.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) way: Way,
    /// The kernel's time is asked for with each read.
    pub(crate) kernel_timestamps: bool,
    /// As configured, or plain.
    pub(crate) tls: Option<(Arc<ClientConfig>, TlsRecords)>,
    pub(crate) zero_copy: Option<ZeroCopy>,
}

impl Socket {
    /// Begins to connect.
    pub(crate) fn dial(target: Target<'_>, timeouts: DialTimeouts) -> Result<Self, Error> {
        let now = clock::now();
        let mut socket = Self {
            host: target.host.to_owned(),
            port: target.port,
            proxy: target.proxy,
            state: State::Failed(Error::Misuse("the connection was never begun")),
            tls: target.tls,
            zero_copy: target.zero_copy,
            began: now,
            deadline: clock::later(now, timeouts.connect),
            unacknowledged: timeouts.unacknowledged,
            way: target.way,
            kernel_timestamps: target.kernel_timestamps,
            registration: None,
        };
        let (host, port) = match &socket.proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => (target.host, target.port),
        };
        match host.parse::<IpAddr>() {
            Ok(address) => socket.race(vec![SocketAddr::new(address, port)], now),
            Err(_) => socket.state = State::Resolving(Lookup::start(host, port)?),
        }
        Ok(socket)
    }

    /// Whether the TCP connection stands, through the proxy if there is one.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Plain(_) | State::ZeroCopy(_) | State::Tls(_))
    }

    /// Who opens and seals the records of TLS; `None` before the TCP connection stands, and without TLS.
    #[must_use]
    pub fn records(&self) -> Option<TlsRecords> {
        match &self.state {
            State::Tls(session) => Some(session.records()),
            _ => None,
        }
    }

    /// What it reads from, once it is connected.
    fn tcp(&self) -> Option<&Tcp> {
        match &self.state {
            State::Plain(Plain(stream)) => Some(stream),
            State::ZeroCopy(stream) => Some(stream.tcp()),
            State::Tls(session) => Some(session.stream()),
            State::Resolving(_) | State::Connecting(_) | State::Tunnelling(..) | State::Failed(_) => None,
        }
    }

    /// What became of sends that were not to be copied; `None` before the TCP connection stands, and where they are not made:
    /// unless it is set, with TLS, and where the system refuses.
    #[must_use]
    pub fn zero_copy(&self) -> Option<ZeroCopyStats> {
        match &self.state {
            State::ZeroCopy(stream) => Some(stream.stats()),
            _ => None,
        }
    }

    /// Moves on as far as possible and lends the connected stream.
    fn stream(&mut self) -> io::Result<&mut dyn Transport> {
        if matches!(self.state, State::Resolving(_)) {
            self.look_up();
        }
        if let State::Connecting(race) = &mut self.state {
            let outcome = race.poll(clock::now(), self.registration.as_ref());
            self.settle(outcome);
        }
        if matches!(self.state, State::Tunnelling(..)) {
            self.tunnel();
        }
        match &mut self.state {
            State::Plain(stream) => Ok(stream),
            State::ZeroCopy(stream) => Ok(stream.as_mut()),
            State::Tls(stream) => Ok(stream.as_mut()),
            State::Resolving(_) | State::Connecting(_) | State::Tunnelling(..) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            // It travels through the transport's `io::Error` and comes out whole.
            State::Failed(error) => Err(io::Error::other(error.clone())),
        }
    }

    fn look_up(&mut self) {
        let State::Resolving(lookup) = &mut self.state else { return };
        match lookup.poll() {
            None => {}
            Some(Ok(addresses)) => {
                self.leave();
                self.race(addresses, clock::now());
            }
            Some(Err(reason)) => self.fail(DialError::Resolve { host: self.sought(), reason }.into()),
        }
    }

    /// Whom the look-up and the connection are for.
    fn sought(&self) -> String {
        self.proxy.as_ref().map_or(&*self.host, Proxy::host).to_owned()
    }

    fn race(&mut self, addresses: Vec<SocketAddr>, now: Instant) {
        let (race, outcome) =
            Race::start(addresses, self.way, self.deadline, now, self.registration.as_ref());
        self.state = State::Connecting(race);
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::On => {}
            Outcome::Won(stream) => self.connected(stream),
            Outcome::Lost(attempts) => self.fail(DialError::Connect { host: self.sought(), attempts }.into()),
        }
    }

    fn connected(&mut self, stream: TcpStream) {
        // Without it a small message waits for the acknowledgement of the one before.
        if let Err(error) = stream.set_nodelay(true) {
            return self.fail(error.into());
        }
        self.watch(&stream);
        let stream = Tcp::new(stream, self.kernel_timestamps);
        match &self.proxy {
            None => self.begin(stream),
            Some(proxy) => match Tunnel::new(proxy.clone(), &self.host, self.port) {
                Ok(tunnel) => self.state = State::Tunnelling(Plain(stream), Box::new(tunnel)),
                Err(problem) => self.fail(self.refused(problem)),
            },
        }
    }

    /// The way to the host is there.
    fn begin(&mut self, stream: Tcp) {
        match self.tls.take() {
            None => self.state = plain(stream, self.zero_copy.as_ref()),
            Some((config, records)) => match Tls::with_records(stream, config, &self.host, records) {
                Ok(session) => self.state = State::Tls(Box::new(session)),
                Err(error) => self.fail(error),
            },
        }
    }

    /// Talks to the proxy as far as it goes.
    fn tunnel(&mut self) {
        let State::Tunnelling(stream, tunnel) = &mut self.state else { return };
        match converse(stream, tunnel) {
            Ok(true) => {
                let taken = State::Failed(Error::Misuse("the connection is changing its state"));
                if let State::Tunnelling(Plain(stream), _) = std::mem::replace(&mut self.state, taken) {
                    self.begin(stream);
                }
            }
            Ok(false) => {}
            Err(problem) => self.fail(self.refused(problem)),
        }
    }

    fn refused(&self, problem: ProxyError) -> Error {
        DialError::Proxy { proxy: self.sought(), problem }.into()
    }

    /// Lets the system end a connection whose peer has vanished, which else goes unnoticed while nothing is read.
    fn watch(&self, stream: &TcpStream) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(unacknowledged) = self.unacknowledged {
            // Pings find it out as well, so that it is no loss where the system does not take it.
            let _ = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(unacknowledged));
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let _ = (stream, self.unacknowledged);
    }

    fn fail(&mut self, error: Error) {
        self.leave();
        self.state = State::Failed(error);
    }

    /// Takes the present descriptors out of the registry before they are closed.
    fn leave(&mut self) {
        if let Some((registry, _)) = &self.registration
            && let Ok(registry) = registry.try_clone()
        {
            let _ = self.each_source(&mut |source, _| source.deregister(&registry));
        }
    }

    /// Does something with each descriptor, and what it can become ready for.
    fn each_source(
        &mut self,
        act: &mut dyn FnMut(&mut dyn Source, Interest) -> io::Result<()>,
    ) -> io::Result<()> {
        match &mut self.state {
            // A pipe to read from can only become readable.
            State::Resolving(lookup) => act(&mut lookup.bell, Interest::READABLE),
            State::Connecting(race) => race.streams().try_for_each(|stream| act(stream, BOTH)),
            State::Tunnelling(stream, _) | State::Plain(stream) => act(stream, BOTH),
            State::ZeroCopy(stream) => act(stream.tcp_mut(), BOTH),
            State::Tls(stream) => act(stream.as_mut(), BOTH),
            State::Failed(_) => Ok(()),
        }
    }
}

/// Without TLS.
fn plain(stream: Tcp, zero_copy: Option<&ZeroCopy>) -> State {
    let Some(settings) = zero_copy else { return State::Plain(Plain(stream)) };
    match zero_copy::Stream::new(stream, settings) {
        Ok(stream) => State::ZeroCopy(Box::new(stream)),
        Err(stream) => State::Plain(Plain(stream)),
    }
}

/// Writes and reads until the way is open (true) or something has to be waited for.
fn converse(stream: &mut Plain<Tcp>, tunnel: &mut Tunnel) -> Result<bool, ProxyError> {
    let mut bytes = [0; 1024];
    loop {
        let listens = tunnel.unsent().is_empty();
        let room = tunnel.room().min(bytes.len());
        let moved = match bytes.get_mut(..room) {
            Some(room) if listens => stream.read(room),
            _ => stream.write(tunnel.unsent()),
        };
        match moved {
            Ok(0) => return Err(ProxyError::Broken("it ended the connection")),
            Ok(count) if !listens => tunnel.sent(count),
            Ok(count) => {
                if tunnel.received(bytes.get(..count).unwrap_or_default())? {
                    return Ok(true);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ProxyError::Lost(error.kind())),
        }
    }
}

impl Transport for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream()?.read(into)
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.stream()?.write(from)
    }

    fn owned_bytes_min(&self) -> usize {
        match &self.state {
            State::ZeroCopy(stream) => stream.owned_bytes_min(),
            _ => usize::MAX,
        }
    }

    fn write_owned(&mut self, from: &Bytes) -> io::Result<usize> {
        self.stream()?.write_owned(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream()?.flush()
    }

    fn shutdown(&mut self) {
        match &mut self.state {
            State::Plain(Plain(stream)) => stream.shut(),
            State::ZeroCopy(stream) => stream.shutdown(),
            State::Tls(stream) => stream.shutdown(),
            State::Resolving(_) | State::Connecting(_) | State::Tunnelling(..) | State::Failed(_) => {}
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Resolving(_) | State::Tunnelling(..) => Some(self.deadline),
            State::Connecting(race) => Some(race.next_deadline()),
            State::Plain(_) | State::ZeroCopy(_) | State::Tls(_) => None,
            // No descriptor will ever be ready: the error is there to be read at once.
            State::Failed(_) => Some(self.began),
        }
    }

    fn on_deadline(&mut self, now: Instant) {
        match &mut self.state {
            State::Resolving(_) if now >= self.deadline => {
                self.fail(DialError::ResolveTimeout { host: self.sought() }.into());
            }
            State::Connecting(race) => {
                let outcome = race.on_deadline(now, self.registration.as_ref());
                self.settle(outcome);
            }
            State::Tunnelling(..) if now >= self.deadline => self.fail(self.refused(ProxyError::Timeout)),
            _ => {}
        }
    }

    fn kernel_ns(&self) -> Option<u64> {
        self.tcp().and_then(Tcp::kernel_ns)
    }

    #[cfg(feature = "stages")]
    fn read_at(&self) -> Option<Instant> {
        self.tcp().and_then(|stream| stream.mark().at())
    }
}

impl std::fmt::Debug for Socket {
    /// Without the whole TLS configuration.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket")
            .field("host", &self.host)
            .field("state", &self.state)
            .field("records", &self.records())
            .finish_non_exhaustive()
    }
}

impl Source for Socket {
    /// Registers for reading and writing, whatever `interests` says: connecting needs both.
    fn register(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        let own = registry.try_clone()?;
        self.each_source(&mut |source, interests| source.register(registry, token, interests))?;
        self.registration = Some((own, token));
        Ok(())
    }

    fn reregister(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        let own = registry.try_clone()?;
        self.each_source(&mut |source, interests| source.reregister(registry, token, interests))?;
        self.registration = Some((own, token));
        Ok(())
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.registration = None;
        self.each_source(&mut |source, _| source.deregister(registry))
    }
}
