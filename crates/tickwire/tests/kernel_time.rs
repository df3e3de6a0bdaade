//! The kernel's times of messages, over real sockets: plain, and with both ways to open the records of TLS.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::server::{authority, next, until_open};
use common::text;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{MsgFlags, recvmsg, setsockopt};
use rustls::{ServerConfig, ServerConnection};
use std::io::{IoSliceMut, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tickwire::venue::binance::{Binance, Config, Stream as Market};
use tickwire::{Client, Feed, TlsRecords};
use tickwire_sim::{Options, Server};

/// This moment by the clock of the kernel's times.
fn unix_ns() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "compared with what the kernel tells by the same clock")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}

/// A kernel begins to note times a moment after it was first asked to.
const TRIES: usize = 100_000;

/// Whether this system tells times at all, without our client.
fn has_times() -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (reader, _) = listener.accept().unwrap();
    let is_set = setsockopt(&reader, ReceiveTimestampns, &true).is_ok();
    let has_one = || {
        writer.write_all(b"x").unwrap();
        let mut control = [0; 256];
        let mut byte = [0];
        let mut parts = [IoSliceMut::new(&mut byte)];
        let read =
            recvmsg::<()>(reader.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty()).unwrap();
        read.cmsgs().unwrap().next().is_some()
    };
    let has_times = is_set && std::iter::repeat_with(has_one).take(TRIES).any(|has_one| has_one);
    if !has_times {
        eprintln!("not tested: this system tells no times of packets");
    }
    has_times
}

/// Without TLS, or with one of its layers.
const WAYS: [Option<TlsRecords>; 3] = [None, Some(TlsRecords::Direct), Some(TlsRecords::Rustls)];

/// The server's side: each part is a record of its own under TLS, and all of them leave in one write.
struct Peer {
    stream: TcpStream,
    tls: Option<ServerConnection>,
}

impl Peer {
    fn send(&mut self, parts: &[&[u8]]) {
        let Some(tls) = &mut self.tls else { return self.stream.write_all(&parts.concat()).unwrap() };
        let mut records = Vec::new();
        for part in parts {
            tls.writer().write_all(part).unwrap();
            while tls.wants_write() {
                tls.write_tls(&mut records).unwrap();
            }
        }
        self.stream.write_all(&records).unwrap();
    }

    /// Whatever the client has sent; nothing at its end.
    fn receive(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        let count = match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.stream).read(&mut bytes).unwrap_or(0),
            None => self.stream.read(&mut bytes).unwrap_or(0),
        };
        bytes.truncate(count);
        bytes
    }

    fn accept(stream: TcpStream, config: Option<Arc<ServerConfig>>) -> Self {
        stream.set_nodelay(true).unwrap();
        let tls = config.map(|config| ServerConnection::new(config).unwrap());
        let mut peer = Self { stream, tls };
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.extend(peer.receive());
        }
        let request = String::from_utf8(request).unwrap();
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        peer.send(&[answer.as_bytes()]);
        peer
    }
}

/// A client and its server, which sends what it is told to, and says when it began to and that it has.
struct Pair {
    client: Client,
    orders: Sender<Vec<Vec<u8>>>,
    sent: Receiver<u64>,
    server: JoinHandle<()>,
}

impl Pair {
    fn new(way: Option<TlsRecords>, kernel_timestamps: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (pem, config) = authority("localhost");
        let config = way.map(|_| config);
        let (orders, to_send) = channel::<Vec<Vec<u8>>>();
        let (say, sent) = channel();
        let server = std::thread::spawn(move || {
            let mut peer = Peer::accept(listener.accept().unwrap().0, config);
            for parts in to_send {
                let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
                let before = unix_ns();
                peer.send(&parts);
                say.send(before).unwrap();
            }
        });
        let mut builder = Client::builder().kernel_timestamps(kernel_timestamps);
        let mut url = format!("ws://127.0.0.1:{port}/");
        if let Some(records) = way {
            builder = builder.extra_roots_pem(pem.as_bytes()).unwrap().tls_records(records);
            url = format!("wss://localhost:{port}/");
        }
        let mut client = builder.connect(&url).unwrap();
        until_open(&mut client);
        Self { client, orders, sent, server }
    }

    /// Has the parts sent; when that began. They are sent when this returns.
    fn send(&self, parts: &[&[u8]]) -> u64 {
        self.orders.send(parts.iter().map(|part| part.to_vec()).collect()).unwrap();
        self.sent.recv().unwrap()
    }

    /// The next message, waited for.
    fn next(&mut self) -> Vec<u8> {
        next(&mut self.client)
    }

    /// Goes on until the kernel tells times.
    fn with_times(way: Option<TlsRecords>) -> Self {
        let mut pair = Self::new(way, true);
        for _ in 0..TRIES {
            pair.send(&[&text("is there a time?")]);
            pair.next();
            if pair.client.kernel_ns().is_some() {
                return pair;
            }
        }
        panic!("the kernel tells no times");
    }

    fn finish(self) {
        drop((self.orders, self.client));
        self.server.join().unwrap();
    }
}

#[test]
fn the_time_lies_between_the_peers_write_and_the_moment_the_message_could_be_read() {
    if !has_times() {
        return;
    }
    for way in WAYS {
        let mut pair = Pair::with_times(way);
        assert!(pair.client.next_message().unwrap().is_none());
        let before = pair.send(&[&text("x")]);
        pair.client.wait(None).unwrap();
        // It is there and was not read yet: the read cannot be what the time is of.
        let there = unix_ns();
        assert_eq!(pair.next(), b"x");
        let kernel_ns = pair.client.kernel_ns().unwrap();
        assert!((before..=there).contains(&kernel_ns), "{way:?}: {before} {kernel_ns} {there}");
        pair.finish();
    }
}

#[test]
fn messages_of_one_read_have_one_time_whatever_has_come_since() {
    if !has_times() {
        return;
    }
    for way in WAYS {
        let mut pair = Pair::with_times(way);
        pair.send(&[&text("a"), &text("b")]);
        assert_eq!(pair.next(), b"a");
        let first = pair.client.kernel_ns().unwrap();
        let before = pair.send(&[&text("c")]);
        assert_eq!(pair.client.next_message().unwrap().unwrap().bytes, b"b", "{way:?}: without a wait");
        assert_eq!(pair.client.kernel_ns(), Some(first), "{way:?}");
        assert_eq!(pair.next(), b"c");
        assert!(pair.client.kernel_ns().unwrap() >= before && before >= first, "{way:?}");
        pair.finish();
    }
}

#[test]
fn a_message_of_several_reads_has_the_time_of_the_last() {
    if !has_times() {
        return;
    }
    for way in WAYS {
        let mut pair = Pair::with_times(way);
        let message = text("in two parts");
        let (begin, end) = message.split_at(5);
        pair.send(&[begin]);
        pair.client.wait(None).unwrap();
        assert!(pair.client.next_message().unwrap().is_none());
        let before = pair.send(&[end]);
        assert_eq!(pair.next(), b"in two parts");
        assert!(pair.client.kernel_ns().unwrap() >= before, "{way:?}");
        pair.finish();
    }
}

#[test]
fn a_time_is_told_only_if_it_was_asked_for() {
    if !has_times() {
        return;
    }
    for way in WAYS {
        // Somebody else's wish is not ours.
        let other = Pair::with_times(way);
        let mut pair = Pair::new(way, false);
        pair.send(&[&text("x")]);
        assert_eq!((pair.next().as_slice(), pair.client.kernel_ns()), (&b"x"[..], None), "{way:?}");
        pair.finish();
        other.finish();
    }
}

#[test]
fn a_feed_tells_the_kernels_time_beside_its_own() {
    if !has_times() {
        return;
    }
    let server = Server::start(Options::default()).unwrap();
    for wanted in [true, false] {
        let config = Config {
            symbols: vec!["BTCUSDT".into()],
            streams: vec![Market::BookTicker],
            stream_url: server.stream_url(),
            api_url: server.api_url(),
            ..Config::default()
        };
        let builder = Client::builder().kernel_timestamps(wanted);
        let builder = builder.extra_roots_pem(server.ca_pem().as_bytes()).unwrap();
        let mut feed = Feed::connect(Binance::new(config).unwrap(), &builder).unwrap();
        let (mut told, mut untold) = (0, 0);
        while told < 20 && untold < if wanted { TRIES } else { 20 } {
            let arrival = feed.next(Some(Duration::from_secs(20))).unwrap().expect("quotes without end");
            match (arrival.kernel_ns, arrival.received_ns) {
                (Some(kernel_ns), Some(received_ns)) => {
                    // The feed reckons its time from two clocks that it reads one behind the other.
                    assert!(kernel_ns <= received_ns + 5_000_000, "{kernel_ns} {received_ns}");
                    assert!(!arrival.raw.is_empty());
                    told += 1;
                }
                (None, Some(_)) => untold += 1,
                (kernel_ns, None) => assert_eq!(kernel_ns, None, "nothing came"),
            }
        }
        assert_eq!(told, if wanted { 20 } else { 0 });
    }
}
