//! The clients' process: all of them on one thread and one `Poll`.

use super::ACTIVE;
use super::server::Order;
use crate::Outcome;
use crate::certificates::{self, ADDRESS};
use crate::clock;
use crate::machine;
use crate::options::Options;
use crate::records;
use crate::workload::TICKER;
use serde_json::json;
use std::hint::black_box;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::Duration;
use tickwire::mio::unix::SourceFd;
use tickwire::mio::{Events, Interest, Poll, Token};
use tickwire::rustls::pki_types::ServerName;
use tickwire::rustls::{ClientConfig, ClientConnection, StreamOwned};
use tickwire::{Builder, Client};
use tungstenite::{Error, WebSocket};

/// One kind of client.
pub(crate) trait Clients: Sized {
    fn new(port: u16, tls: Arc<ClientConfig>) -> Self;

    /// Opens one more connection and registers it.
    fn open(&mut self, poll: &mut Poll) -> Outcome<()>;

    /// Reads until nothing comes: messages of the right size.
    fn drain(&mut self, index: usize) -> Outcome<usize>;
}

pub(crate) struct Tickwire {
    builder: Builder,
    url: String,
    clients: Vec<Client>,
}

impl Clients for Tickwire {
    fn new(port: u16, tls: Arc<ClientConfig>) -> Self {
        let builder = Client::builder().tls_config(tls);
        Self { builder, url: format!("wss://{ADDRESS}:{port}/"), clients: Vec::new() }
    }

    fn open(&mut self, poll: &mut Poll) -> Outcome<()> {
        let mut client = self.builder.connect(&self.url)?;
        let token = Token(self.clients.len());
        poll.registry().register(&mut client, token, Interest::READABLE)?;
        let mut events = Events::with_capacity(8);
        while !client.is_open() {
            assert!(client.next_message_direct()?.is_none(), "nothing was sent yet");
            if !client.is_open() {
                poll.poll(&mut events, Some(Duration::from_secs(10)))?;
            }
        }
        self.clients.push(client);
        Ok(())
    }

    fn drain(&mut self, index: usize) -> Outcome<usize> {
        let mut count = 0;
        while let Some(message) = self.clients[index].next_message_direct()? {
            let len: usize = message.fragments().map(|fragment| black_box(fragment).len()).sum();
            assert_eq!(len, TICKER.len);
            count += 1;
        }
        Ok(count)
    }
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

pub(crate) struct Tungstenite {
    port: u16,
    tls: Arc<ClientConfig>,
    sockets: Vec<WebSocket<Stream>>,
}

impl Clients for Tungstenite {
    fn new(port: u16, tls: Arc<ClientConfig>) -> Self {
        Self { port, tls, sockets: Vec::new() }
    }

    fn open(&mut self, poll: &mut Poll) -> Outcome<()> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_nodelay(true)?;
        let session = ClientConnection::new(Arc::clone(&self.tls), ServerName::try_from(ADDRESS)?)?;
        let url = format!("wss://{ADDRESS}:{}/", self.port);
        let opened = tungstenite::client(url, StreamOwned::new(session, stream));
        let (socket, _) = opened.map_err(|error| error.to_string())?;
        socket.get_ref().sock.set_nonblocking(true)?;
        let descriptor = socket.get_ref().sock.as_raw_fd();
        let token = Token(self.sockets.len());
        poll.registry().register(&mut SourceFd(&descriptor), token, Interest::READABLE)?;
        self.sockets.push(socket);
        Ok(())
    }

    fn drain(&mut self, index: usize) -> Outcome<usize> {
        let mut count = 0;
        loop {
            match self.sockets[index].read() {
                Ok(message) => assert_eq!(black_box(message.into_data()).len(), TICKER.len),
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(count),
                Err(error) => return Err(error.into()),
            }
            count += 1;
        }
    }
}

/// No client: what the kernel gives is counted in records and not opened.
pub(crate) struct Floor {
    opener: Tungstenite,
    buf: Vec<u8>,
}

impl Clients for Floor {
    fn new(port: u16, tls: Arc<ClientConfig>) -> Self {
        Self { opener: Tungstenite::new(port, tls), buf: vec![0; 64 << 10] }
    }

    fn open(&mut self, poll: &mut Poll) -> Outcome<()> {
        self.opener.open(poll)
    }

    fn drain(&mut self, index: usize) -> Outcome<usize> {
        let socket = &mut self.opener.sockets[index].get_mut().sock;
        let mut count = 0;
        loop {
            let mut rest = match socket.read(&mut self.buf) {
                Ok(size) => &self.buf[..size],
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(count),
                Err(error) => return Err(error.into()),
            };
            while let Some(size) = records::whole(rest) {
                rest = &rest[size..];
                count += 1;
            }
            assert!(rest.is_empty(), "messages are sent one by one");
        }
    }
}

/// All connections of this process, and the line to the server.
struct Bench<C> {
    clients: C,
    count: usize,
    poll: Poll,
    events: Events,
    orders: TcpStream,
}

impl<C: Clients> Bench<C> {
    fn open(&mut self, count: usize) -> Outcome<()> {
        let more = count - self.count;
        self.orders.write_all(&Order::Accept(u32::try_from(more)?).encode())?;
        for _ in 0..more {
            self.clients.open(&mut self.poll)?;
        }
        self.count = count;
        Ok(())
    }

    /// A message on ten of them, on others each turn: from when the server has sent them until all are read.
    fn round(&mut self, turn: usize) -> Outcome<Duration> {
        let stride = self.count / ACTIVE;
        let first = turn % stride;
        let order = Order::Send { first: u32::try_from(first)?, stride: u32::try_from(stride)? };
        self.orders.write_all(&order.encode())?;
        self.orders.read_exact(&mut [0])?;
        let start = clock::now();
        let mut seen = 0;
        while seen < ACTIVE {
            self.poll.poll(&mut self.events, Some(Duration::from_secs(10)))?;
            for event in &self.events {
                seen += self.clients.drain(event.token().0)?;
            }
        }
        let time = clock::now() - start;
        assert_eq!(seen, ACTIVE);
        Ok(time)
    }

    /// The median cost of a message. A best round would hide what many connections do to the caches.
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    fn cost(&mut self, rounds: usize) -> Outcome<f64> {
        let mut times = Vec::with_capacity(rounds);
        for turn in 0..rounds {
            times.push(self.round(turn)?);
        }
        times.sort_unstable();
        Ok(times[rounds / 2].as_secs_f64() * 1e9 / ACTIVE as f64)
    }
}

pub(crate) fn run<C: Clients>(options: &Options) -> Outcome<()> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let (port, certificate) = line.trim().split_once(' ').ok_or("no address")?;
    let port: u16 = port.parse()?;
    let certificate: Result<Vec<u8>, _> =
        (0..certificate.len() / 2).map(|at| u8::from_str_radix(&certificate[2 * at..][..2], 16)).collect();
    let orders = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    orders.set_nodelay(true)?;
    let clients = C::new(port, certificates::client(&certificate?)?);
    let events = Events::with_capacity(1024);
    let mut bench = Bench { clients, count: 0, poll: Poll::new()?, events, orders };
    let (many, rounds) = (options.connections(), if options.quick { 200 } else { 4000 });
    bench.open(ACTIVE)?;
    let few_ns = bench.cost(rounds)?;
    let before = machine::resident();
    bench.open(many)?;
    let many_ns = bench.cost(rounds)?;
    let after = machine::resident();
    let bytes = before.zip(after).map(|(before, after)| after.saturating_sub(before) / (many - ACTIVE));
    println!("{}", json!({ "bytes": bytes, "few_ns": few_ns, "many_ns": many_ns }));
    Ok(())
}
