//! From the addresses of a host to a connection with one of them, RFC 8305 ("happy eyeballs"): they are tried one after the
//! other, and one that is slow does not hold up the next.

use mio::event::Source as _;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Type};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// How long an address is waited for before the next is tried, too. RFC 8305 5 allows 0.1 to 2 s: a venue beyond an ocean
/// answers within this, so that it seldom sees two attempts.
const DELAY: Duration = Duration::from_millis(500);

/// Over what to connect.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Way {
    /// From this address.
    pub(crate) local: Option<IpAddr>,
    /// To the addresses of the host from this one on, in a circle.
    pub(crate) offset: usize,
}

impl Way {
    /// The addresses that can be tried, in the order to try them: RFC 8305 4 has the families in turn.
    pub(super) fn order(self, mut addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
        let fits = |address: &SocketAddr| self.local.is_none_or(|local| local.is_ipv4() == address.is_ipv4());
        addresses.retain(fits);
        let middle = self.offset.checked_rem(addresses.len()).unwrap_or(0);
        addresses.rotate_left(middle);
        let first = addresses.first().is_some_and(SocketAddr::is_ipv4);
        let (ours, others): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(|address| address.is_ipv4() == first);
        let mut others = others.into_iter();
        let mut order = VecDeque::new();
        for address in ours {
            order.push_back(address);
            order.extend(others.next());
        }
        order.extend(others);
        order
    }
}

/// Attempts that are under way, and addresses that are not tried yet.
#[derive(Debug)]
pub(super) struct Race {
    way: Way,
    others: VecDeque<SocketAddr>,
    running: Vec<(SocketAddr, TcpStream)>,
    /// When the next address is tried, whatever becomes of those that are.
    next_at: Instant,
    deadline: Instant,
    /// What each address said so far.
    failed: Vec<String>,
}

/// What became of a race.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It goes on.
    On,
    /// The first that connected.
    Won(TcpStream),
    /// No address took the connection; what each of them said.
    Lost(Vec<String>),
}

/// Where attempts are polled.
pub(super) type Registration<'a> = Option<&'a (Registry, Token)>;

/// Edge-triggered, so asking for both costs nothing while nothing changes.
pub(super) const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

impl Race {
    /// Tries the first address at once.
    pub(super) fn start(
        addresses: Vec<SocketAddr>,
        way: Way,
        deadline: Instant,
        now: Instant,
        registration: Registration<'_>,
    ) -> (Self, Outcome) {
        let others = way.order(addresses);
        let mut race = Self { way, others, running: Vec::new(), next_at: now, deadline, failed: Vec::new() };
        let outcome = race.try_next(now, registration);
        (race, outcome)
    }

    /// Tries the next address that can be tried at all.
    fn try_next(&mut self, now: Instant, registration: Registration<'_>) -> Outcome {
        while let Some(address) = self.others.pop_front() {
            match self.begin(address, registration) {
                Ok(stream) => {
                    self.running.push((address, stream));
                    self.next_at = now + DELAY;
                    return Outcome::On;
                }
                Err(error) => self.failed.push(format!("{address}: {error}")),
            }
        }
        if self.running.is_empty() { Outcome::Lost(std::mem::take(&mut self.failed)) } else { Outcome::On }
    }

    fn begin(&self, address: SocketAddr, registration: Registration<'_>) -> io::Result<TcpStream> {
        let mut stream = match self.way.local {
            None => TcpStream::connect(address)?,
            Some(local) => connect_from(local, address)?,
        };
        if let Some((registry, token)) = registration {
            registry.register(&mut stream, *token, BOTH)?;
        }
        Ok(stream)
    }

    /// Looks whether an attempt has succeeded. One that has failed makes place for the next address.
    pub(super) fn poll(&mut self, now: Instant, registration: Registration<'_>) -> Outcome {
        let mut at = 0;
        let mut has_failed = false;
        while let Some((address, stream)) = self.running.get(at) {
            match connected(stream) {
                Ok(true) => return Outcome::Won(self.win(at, registration)),
                Ok(false) => at += 1,
                Err(error) => {
                    self.failed.push(format!("{address}: {error}"));
                    has_failed = true;
                    leave(self.running.remove(at).1, registration);
                }
            }
        }
        if has_failed { self.try_next(now, registration) } else { Outcome::On }
    }

    /// Takes the winner out; the rest is dropped.
    fn win(&mut self, at: usize, registration: Registration<'_>) -> TcpStream {
        let (_, winner) = self.running.remove(at);
        self.leave(registration);
        winner
    }

    pub(super) fn next_deadline(&self) -> Instant {
        if self.others.is_empty() { self.deadline } else { self.next_at.min(self.deadline) }
    }

    /// Tries the next address beside those that are slow, or ends when the time is up.
    pub(super) fn on_deadline(&mut self, now: Instant, registration: Registration<'_>) -> Outcome {
        if now >= self.deadline {
            let running = self.running.iter().map(|(address, _)| *address);
            let late = running.chain(self.others.iter().copied());
            self.failed.extend(late.map(|address| format!("{address}: no answer in time")));
            self.leave(registration);
            return Outcome::Lost(std::mem::take(&mut self.failed));
        }
        if now >= self.next_at && !self.others.is_empty() {
            return self.try_next(now, registration);
        }
        Outcome::On
    }

    /// Ends all attempts.
    pub(super) fn leave(&mut self, registration: Registration<'_>) {
        self.running.drain(..).for_each(|(_, stream)| leave(stream, registration));
    }

    /// Those that are polled.
    pub(super) fn streams(&mut self) -> impl Iterator<Item = &mut TcpStream> {
        self.running.iter_mut().map(|(_, stream)| stream)
    }
}

/// Takes a descriptor out of the registry before it is closed.
fn leave(mut stream: TcpStream, registration: Registration<'_>) {
    if let Some((registry, _)) = registration {
        let _ = stream.deregister(registry);
    }
}

/// mio: a connect is over when the socket has an error or a peer; readiness alone may be spurious.
fn connected(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
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
