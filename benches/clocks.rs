//! What it costs to be told where the time of a message goes: the kernel's times, read by read, and the clocks of the stages.
//!
//! `cargo run --release -p tickwire-benches --bin clocks`, and the same with `--features stages`: those are compiled in, so
//! that two builds are compared, best by turns.

#[path = "peers/clock.rs"]
mod clock;
mod turns;

use clock::now;
use std::hint::black_box;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use tickwire::venue::{
    Attempts, BookView, Command, Ending, Endpoint, Error, Event, Instrument, LegCounts, Now, Route, Session,
};
use tickwire::ws::{Header, Opcode};
use tickwire::{Client, Feed, Transport, WaitPolicy};

const MESSAGES: usize = 20_000;
const FEED_MESSAGES: usize = 400;
const TCP_MESSAGES: usize = 2_000;
const ROUNDS: usize = 41;

/// Frames in memory, handed out 64 KiB a read, again and again.
struct Wire {
    frames: Vec<u8>,
    at: usize,
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let rest = &self.frames[self.at..];
        let count = rest.len().min(into.len()).min(64 << 10);
        if count == 0 {
            self.at = 0;
            return Err(ErrorKind::WouldBlock.into());
        }
        into[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(from.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn frame() -> Vec<u8> {
    let mut frame = Vec::new();
    Header { fin: true, rsv: 0, opcode: Opcode::Text, mask: None, len: 160 }.encode(&mut frame);
    frame.extend_from_slice(&[b'x'; 160]);
    frame
}

/// Reads what is there; how many messages.
fn drain<T: Transport>(client: &mut Client<T>) -> usize {
    let mut count = 0;
    while let Some(message) = client.next_message_direct().expect("frames that are right") {
        black_box(message.fragments().map(<[u8]>::len).sum::<usize>());
        count += 1;
    }
    count
}

/// What a stage is paid in.
fn looks() -> impl FnMut() -> Duration {
    || {
        let start = now();
        for _ in 0..MESSAGES {
            black_box(now());
        }
        now() - start
    }
}

/// All messages, many a read.
fn memory() -> impl FnMut() -> Duration {
    let wire = Wire { frames: frame().repeat(MESSAGES), at: 0 };
    let mut client = Client::builder().upgraded(wire, b"").expect("a client");
    move || {
        let start = now();
        assert_eq!(drain(&mut client), MESSAGES);
        now() - start
    }
}

/// A connection over the loopback device, and its other end.
fn connect(kernel_timestamps: bool) -> (Client, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("the client");
        stream.set_nodelay(true).expect("an option of TCP");
        tungstenite::accept(stream).expect("a handshake").get_ref().try_clone().expect("a descriptor")
    });
    let builder = Client::builder().wait_policy(WaitPolicy::Spin).kernel_timestamps(kernel_timestamps);
    let mut client = builder.connect(&url).expect("a client");
    while !client.is_open() {
        client.wait(None).expect("a poll");
        assert_eq!(drain(&mut client), 0);
    }
    (client, server.join().expect("the server"))
}

/// Messages one by one: each is written here and read at once. Only the reads are timed.
fn tcp(kernel_timestamps: bool) -> impl FnMut() -> Duration {
    let (mut client, mut server) = connect(kernel_timestamps);
    let frame = frame();
    move || {
        let mut time = Duration::ZERO;
        for _ in 0..TCP_MESSAGES {
            server.write_all(&frame).expect("room in the socket");
            let start = now();
            while client.next_message_direct().expect("frames that are right").is_none() {}
            time += now() - start;
        }
        time
    }
}

/// A session that reads nothing, so that a feed is measured and no venue: each message is an event.
struct Nothing {
    endpoint: [Endpoint; 1],
    untold: bool,
}

impl Session for Nothing {
    fn endpoints(&self) -> &[Endpoint] {
        &self.endpoint
    }
    fn attempts(&self) -> Attempts {
        Attempts { max: 1, span: Duration::from_secs(1) }
    }
    fn subscribe(&mut self, _: &[&str], _: Now) -> Result<(), Error> {
        Ok(())
    }
    fn unsubscribe(&mut self, _: &[&str], _: Now) {}
    fn on_open(&mut self, _: Route, _: Now) {}
    fn on_closed(&mut self, _: Route, _: Ending, _: Now) {}
    fn is_ready(&self, _: Route) -> bool {
        true
    }
    fn hand_over(&mut self, _: Route) {}
    fn is_handed_over(&mut self, _: Route) -> bool {
        true
    }
    fn leg_counts(&self, _: Route) -> Option<&LegCounts> {
        None
    }
    fn take_lag(&mut self, _: Route) -> Option<Duration> {
        None
    }
    fn on_message(&mut self, _: Route, _: &[u8], _: Now) -> Result<(), Error> {
        self.untold = true;
        Ok(())
    }
    fn has_event(&self) -> bool {
        self.untold
    }
    fn poll_event(&mut self) -> Option<Event<'_>> {
        std::mem::take(&mut self.untold).then_some(Event::Other { kind: "message" })
    }
    fn poll_command(&mut self) -> Option<Command<'_>> {
        None
    }
    fn next_deadline(&self) -> Option<Instant> {
        None
    }
    fn on_deadline(&mut self, _: Now) {}
    fn instruments(&self) -> u32 {
        0
    }
    fn symbol(&self, _: Instrument) -> Option<&str> {
        None
    }
    fn instrument(&self, _: &str) -> Option<Instrument> {
        None
    }
    fn book(&self, _: Instrument) -> Option<BookView<'_>> {
        None
    }
}

/// Messages that wait in the socket, read by a feed.
fn feed() -> impl FnMut() -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        tungstenite::accept(listener.accept().expect("the client").0).expect("a handshake")
    });
    let session = Nothing { endpoint: [Endpoint::new("stream", url)], untold: false };
    let mut feed = Feed::connect(session, &Client::builder()).expect("a feed");
    while feed.connections().all(|connection| !connection.client.is_open()) {
        feed.next(Some(Duration::from_millis(10))).expect("a connection");
    }
    let mut server = server.join().expect("the server");
    // As much as a socket takes without a reader.
    let frames = frame().repeat(FEED_MESSAGES);
    move || {
        server.get_mut().write_all(&frames).expect("room in the socket");
        let start = now();
        let mut left = FEED_MESSAGES;
        while left > 0 {
            let arrival = feed.next(None).expect("a connection").expect("messages");
            left -= usize::from(matches!(arrival.event, Event::Other { .. }));
        }
        now() - start
    }
}

/// Runs a round and tells its time.
type Round = Box<dyn FnMut() -> Duration>;

fn main() {
    let mut arms: [(&str, usize, Round); 5] = [
        ("a look at the clock", MESSAGES, Box::new(looks())),
        ("client, from memory, reads of 64 KiB", MESSAGES, Box::new(memory())),
        ("feed, from a socket with 400 messages", FEED_MESSAGES, Box::new(feed())),
        ("client over TCP, one message a read", TCP_MESSAGES, Box::new(tcp(false))),
        ("the same with kernel timestamps", TCP_MESSAGES, Box::new(tcp(true))),
    ];
    let times = turns::take(arms.len(), ROUNDS, |at| arms[at].2());
    println!("stages are {}", if cfg!(feature = "stages") { "on" } else { "off" });
    println!("{:<52} {:>8} {:>8}", "160 B text, ns a message", "best", "median");
    for ((name, messages, _), times) in arms.iter().zip(&times) {
        let [best, median] =
            [times.best(), times.median()].map(|time| time.as_secs_f64() * 1e9 / *messages as f64);
        println!("{name:<52} {best:>8.1} {median:>8.1}");
    }
}
