//! From a host name to a byte stream, without blocking: name look-up, connect, TLS.
//!
//! ```text
//!  Resolving ──► Connecting ──► Plain | Tls          each address gets an equal share of the time that is left
//!      └──────────────┴───────► Failed
//! ```

use crate::clock;
use crate::error::{DialError, Error};
use crate::tls::{Tls, TlsRecords};
use crate::transport::{Plain, Transport};
use mio::event::Source;
use mio::net::TcpStream;
use mio::unix::pipe;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustls::ClientConfig;
use socket2::{Domain, Protocol, Type};
use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// A TCP or TLS connection to a host, from the name look-up on. It reads and writes nothing until it is connected.
pub struct Socket {
    host: String,
    state: State,
    tls: Option<(Arc<ClientConfig>, TlsRecords)>,
    began: Instant,
    /// The end of the time for look-up and connecting.
    deadline: Instant,
    /// How long sent bytes may stay unacknowledged.
    unacknowledged: Option<Duration>,
    way: Way,
    /// What each address said so far.
    attempts: Vec<String>,
    registration: Option<(Registry, Token)>,
}

#[derive(Debug)]
enum State {
    Resolving(Lookup),
    Connecting { stream: TcpStream, address: SocketAddr, until: Instant, others: VecDeque<SocketAddr> },
    Plain(Plain<TcpStream>),
    Tls(Box<Tls<TcpStream>>),
    Failed(Error),
}

/// A look-up on a thread of its own, because the system's resolver blocks.
#[derive(Debug)]
struct Lookup {
    answer: mpsc::Receiver<io::Result<Vec<SocketAddr>>>,
    bell: pipe::Receiver,
}

impl Lookup {
    fn start(host: &str, port: u16) -> io::Result<Self> {
        let (mut ring, bell) = pipe::new()?;
        let (sender, answer) = mpsc::channel();
        let host = host.to_owned();
        std::thread::Builder::new().name("tickwire-lookup".into()).spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
            // Nobody listens any more when the client was dropped.
            let _ = sender.send(found);
            let _ = ring.write(&[1]);
        })?;
        Ok(Self { answer, bell })
    }
}

/// Over what to connect.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Way {
    /// From this address.
    pub(crate) local: Option<IpAddr>,
    /// To the addresses of the host from this one on, in a circle.
    pub(crate) offset: usize,
}

impl Way {
    /// The addresses that can be tried, in the order to try them.
    fn order(self, mut addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
        let fits = |address: &SocketAddr| self.local.is_none_or(|local| local.is_ipv4() == address.is_ipv4());
        addresses.retain(fits);
        let middle = self.offset.checked_rem(addresses.len()).unwrap_or(0);
        addresses.rotate_left(middle);
        addresses.into()
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DialTimeouts {
    /// Look-up and connecting.
    pub(crate) connect: Duration,
    /// That sent bytes are acknowledged, once connected.
    pub(crate) unacknowledged: Option<Duration>,
}

/// Begins to connect from an address of ours.
fn connect_from(local: IpAddr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(local, 0).into())?;
    match socket.connect(&address.into()) {
        // It goes on by itself; the poll tells.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::INPROGRESS) => {}
        connected => connected?,
    }
    Ok(TcpStream::from_std(socket.into()))
}

impl Socket {
    /// Begins to connect to `host`; `tls` as configured, or plain.
    pub(crate) fn dial(
        host: &str,
        port: u16,
        way: Way,
        tls: Option<(Arc<ClientConfig>, TlsRecords)>,
        timeouts: DialTimeouts,
    ) -> Result<Self, Error> {
        let now = clock::now();
        let mut socket = Self {
            host: host.to_owned(),
            state: State::Failed(Error::Misuse("the connection was never begun")),
            tls,
            began: now,
            deadline: clock::later(now, timeouts.connect),
            unacknowledged: timeouts.unacknowledged,
            way,
            attempts: Vec::new(),
            registration: None,
        };
        match host.parse::<IpAddr>() {
            Ok(address) => socket.try_next(VecDeque::from([SocketAddr::new(address, port)]), now),
            Err(_) => socket.state = State::Resolving(Lookup::start(host, port)?),
        }
        Ok(socket)
    }

    /// Whether the TCP connection stands.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Plain(_) | State::Tls(_))
    }

    /// Who opens and seals the records of TLS; `None` before the TCP connection stands, and without TLS.
    #[must_use]
    pub fn records(&self) -> Option<TlsRecords> {
        match &self.state {
            State::Tls(session) => Some(session.records()),
            _ => None,
        }
    }

    /// Moves on as far as possible and lends the connected stream.
    fn stream(&mut self) -> io::Result<&mut dyn Transport> {
        if matches!(self.state, State::Resolving(_)) {
            self.look_up();
        }
        if matches!(self.state, State::Connecting { .. }) {
            self.check_connected();
        }
        match &mut self.state {
            State::Plain(stream) => Ok(stream),
            State::Tls(stream) => Ok(stream.as_mut()),
            State::Resolving(_) | State::Connecting { .. } => Err(io::ErrorKind::WouldBlock.into()),
            // It travels through the transport's `io::Error` and comes out whole.
            State::Failed(error) => Err(io::Error::other(error.clone())),
        }
    }

    fn look_up(&mut self) {
        let State::Resolving(lookup) = &mut self.state else {
            return;
        };
        // The bell only wakes; emptying it makes the next ring an event of its own.
        let _ = lookup.bell.read(&mut [0; 8]);
        let reason = match lookup.answer.try_recv() {
            Err(mpsc::TryRecvError::Empty) => return,
            Ok(Ok(addresses)) if !addresses.is_empty() => {
                self.leave();
                return self.try_next(self.way.order(addresses), clock::now());
            }
            Ok(Ok(_)) => "the name has no address".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(mpsc::TryRecvError::Disconnected) => "the look-up thread ended".to_owned(),
        };
        self.fail(DialError::Resolve { host: self.host.clone(), reason }.into());
    }

    /// Begins to connect to the next address that can be tried at all.
    fn try_next(&mut self, mut others: VecDeque<SocketAddr>, now: Instant) {
        while let Some(address) = others.pop_front() {
            let share = u32::try_from(others.len() + 1).unwrap_or(u32::MAX);
            let until = now + self.deadline.saturating_duration_since(now) / share;
            match self.begin(address) {
                Ok(stream) => {
                    self.state = State::Connecting { stream, address, until, others };
                    return;
                }
                Err(error) => self.attempts.push(format!("{address}: {error}")),
            }
        }
        let attempts = std::mem::take(&mut self.attempts);
        self.fail(DialError::Connect { host: self.host.clone(), attempts }.into());
    }

    fn begin(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let mut stream = match self.way.local {
            None => TcpStream::connect(address)?,
            Some(local) => connect_from(local, address)?,
        };
        if let Some((registry, token)) = &self.registration {
            registry.register(&mut stream, *token, BOTH)?;
        }
        Ok(stream)
    }

    /// mio: a connect is over when the socket has an error or a peer; readiness alone may be spurious.
    fn check_connected(&mut self) {
        let State::Connecting { stream, address, .. } = &self.state else {
            return;
        };
        let problem = match (stream.take_error(), stream.peer_addr()) {
            (Ok(None), Ok(_)) => return self.connected(),
            (Ok(None), Err(error)) if error.kind() == io::ErrorKind::NotConnected => return,
            (Ok(Some(error)) | Err(error), _) | (Ok(None), Err(error)) => error,
        };
        let attempt = format!("{address}: {problem}");
        self.give_up(attempt, clock::now());
    }

    fn give_up(&mut self, attempt: String, now: Instant) {
        self.attempts.push(attempt);
        if let State::Connecting { others, .. } = &mut self.state {
            let others = std::mem::take(others);
            self.leave();
            self.try_next(others, now);
        }
    }

    fn connected(&mut self) {
        let taken = Error::Misuse("the connection is changing its state");
        let State::Connecting { stream, .. } = std::mem::replace(&mut self.state, State::Failed(taken))
        else {
            return;
        };
        // Without it a small message waits for the acknowledgement of the one before.
        if let Err(error) = stream.set_nodelay(true) {
            return self.fail(error.into());
        }
        self.watch(&stream);
        match self.tls.take() {
            None => self.state = State::Plain(Plain(stream)),
            Some((config, records)) => match Tls::with_records(stream, config, &self.host, records) {
                Ok(session) => self.state = State::Tls(Box::new(session)),
                Err(error) => self.fail(error),
            },
        }
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

    /// Takes the present descriptor out of the registry before it is closed.
    fn leave(&mut self) {
        if let Some((registry, _)) = &self.registration {
            let registry = registry.try_clone();
            if let (Ok(registry), Some(source)) = (registry, self.source()) {
                let _ = source.deregister(&registry);
            }
        }
    }

    /// A pipe to read from can only become readable.
    fn interests(&self) -> Interest {
        if matches!(self.state, State::Resolving(_)) { Interest::READABLE } else { BOTH }
    }

    fn source(&mut self) -> Option<&mut dyn Source> {
        match &mut self.state {
            State::Resolving(lookup) => Some(&mut lookup.bell),
            State::Connecting { stream, .. } => Some(stream),
            State::Plain(stream) => Some(stream),
            State::Tls(stream) => Some(stream.as_mut()),
            State::Failed(_) => None,
        }
    }
}

/// Edge-triggered, so asking for both costs nothing while nothing changes.
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

impl Transport for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream()?.read(into)
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.stream()?.write(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream()?.flush()
    }

    fn shutdown(&mut self) {
        match &mut self.state {
            State::Plain(Plain(stream)) => {
                // It fails only when the peer is gone, and then there is nobody to tell.
                let _ = stream.shutdown(std::net::Shutdown::Write);
            }
            State::Tls(stream) => stream.shutdown(),
            State::Resolving(_) | State::Connecting { .. } | State::Failed(_) => {}
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Resolving(_) => Some(self.deadline),
            State::Connecting { until, .. } => Some(*until),
            State::Plain(_) | State::Tls(_) => None,
            // No descriptor will ever be ready: the error is there to be read at once.
            State::Failed(_) => Some(self.began),
        }
    }

    fn on_deadline(&mut self, now: Instant) {
        match &self.state {
            State::Resolving(_) if now >= self.deadline => {
                self.fail(DialError::ResolveTimeout { host: self.host.clone() }.into());
            }
            State::Connecting { address, until, .. } if now >= *until => {
                self.give_up(format!("{address}: no answer in time"), now);
            }
            _ => {}
        }
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
        let interests = self.interests();
        self.source().map_or(Ok(()), |source| source.register(registry, token, interests))?;
        self.registration = Some((own, token));
        Ok(())
    }

    fn reregister(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        let own = registry.try_clone()?;
        let interests = self.interests();
        self.source().map_or(Ok(()), |source| source.reregister(registry, token, interests))?;
        self.registration = Some((own, token));
        Ok(())
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.registration = None;
        self.source().map_or(Ok(()), |source| source.deregister(registry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn socket(timeout: Duration) -> (Socket, Instant) {
        let now = clock::now();
        let state = State::Failed(Error::Misuse("not begun"));
        let deadline = now + timeout;
        (
            Socket {
                host: "venue.example".into(),
                state,
                tls: None,
                began: now,
                deadline,
                unacknowledged: None,
                way: Way::default(),
                attempts: Vec::new(),
                registration: None,
            },
            now,
        )
    }

    fn addresses(listeners: &[TcpListener]) -> VecDeque<SocketAddr> {
        listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
    }

    #[test]
    fn each_address_gets_an_equal_share_of_the_time_that_is_left() {
        let listeners: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let (mut socket, start) = socket(Duration::from_secs(9));
        socket.try_next(addresses(&listeners), start);
        let mut now = start;
        for share in [3, 3, 3] {
            let until = now + Duration::from_secs(share);
            assert_eq!(socket.next_deadline(), Some(until));
            socket.on_deadline(until - Duration::from_nanos(1));
            assert_eq!(socket.next_deadline(), Some(until), "not yet");
            // Nobody has looked whether the address answered: its time is up all the same.
            socket.on_deadline(until);
            now = until;
        }
        let error = Error::from(socket.read(&mut [0; 1]).unwrap_err());
        let Error::Dial(DialError::Connect { attempts, .. }) = error else { panic!("{error}") };
        let expected: Vec<String> =
            addresses(&listeners).iter().map(|address| format!("{address}: no answer in time")).collect();
        assert_eq!(attempts, expected);
    }

    #[test]
    fn an_address_that_refuses_leaves_its_time_to_the_next_which_is_used() {
        let mut listeners: Vec<TcpListener> =
            (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses = addresses(&listeners);
        drop(listeners.remove(0));
        let (mut socket, start) = socket(Duration::from_secs(9));
        socket.try_next(addresses.clone(), start);
        // Accepting waits for the connection, and reading looks at what became of it.
        let accepting = std::thread::spawn(move || listeners[0].accept().unwrap());
        while !socket.is_connected() {
            assert_eq!(socket.read(&mut [0; 1]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
            std::thread::yield_now();
        }
        assert_eq!(socket.attempts.len(), 1, "{:?}", socket.attempts);
        let (_, peer) = accepting.join().unwrap();
        assert!(
            matches!(&socket.state, State::Plain(Plain(stream)) if stream.local_addr().unwrap() == peer && stream.nodelay().unwrap())
        );
    }

    #[test]
    fn a_look_up_that_takes_too_long_is_given_up() {
        let (mut socket, start) = socket(Duration::from_secs(9));
        let (sender, answer) = mpsc::channel();
        let (_ring, bell) = pipe::new().unwrap();
        socket.state = State::Resolving(Lookup { answer, bell });
        assert_eq!(socket.read(&mut [0; 1]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        socket.on_deadline(start + Duration::from_secs(9));
        let error = Error::from(socket.read(&mut [0; 1]).unwrap_err());
        assert!(matches!(error, Error::Dial(DialError::ResolveTimeout { .. })), "{error}");
        drop(sender);
    }
}
