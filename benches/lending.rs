//! Sends large messages over loopback to a thread that reads and forgets them: copied into the outbox and into the kernel, and
//! from their own memory by `MSG_ZEROCOPY`, which the kernel copies for the reader all the same.
//!
//! `cargo run --release -p tickwire-benches --bin lending`
//!
//! It shows what the way around the copy costs where it is none; what it gains takes two machines and a network card. A round
//! is timed from its first message until the reader has read its last byte, and each arm has its turn. Both write each payload
//! before they send it, one into the same buffer, the other into a new one.

#[path = "peers/clock.rs"]
mod clock;

use clock::now;
use std::io::Read as _;
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;
use tickwire::bytes::BytesMut;
use tickwire::{Client, Kind, SendError, ZeroCopy};

const SIZES: [usize; 4] = [16 << 10, 64 << 10, 256 << 10, 1 << 20];
const ROUND_BYTES: usize = 256 << 20;
const ROUNDS: usize = 7;
/// With its mask.
const HEADER_BYTES: usize = 14;

/// A client that is open, and what tells each time that its reader has read so many bytes.
fn connect(lends: bool, round_bytes: usize) -> (Client, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let stream = listener.accept().expect("a client").0;
        let mut socket = tungstenite::accept(stream).expect("a handshake");
        let (mut buffer, mut read) = (vec![0; 1 << 20], 0);
        while let Ok(count @ 1..) = socket.get_mut().read(&mut buffer) {
            read += count;
            if read >= round_bytes {
                read -= round_bytes;
                tell.send(()).unwrap_or_default();
            }
        }
    });
    let mut builder = Client::builder();
    if lends {
        builder = builder.zero_copy(ZeroCopy::default().go_on_when_copied());
    }
    let mut client = builder.connect(&url).expect("a good URL");
    while !client.is_open() {
        wait(&mut client);
    }
    (client, told)
}

fn wait(client: &mut Client) {
    client.wait(None).expect("a poll");
    assert!(client.next_message().expect("a connection").is_none());
}

/// Queues a message, once there is room for it, and writes what is taken.
fn send(client: &mut Client, queue: &mut dyn FnMut(&mut Client) -> Result<(), SendError>) {
    while let Err(error) = queue(client) {
        assert!(matches!(error, SendError::Full { .. }), "{error}");
        wait(client);
    }
    client.flush().expect("a connection");
}

fn round(client: &mut Client, told: &Receiver<()>, lends: bool, payload: &[u8]) -> Duration {
    let start = now();
    let mut buffer = Vec::new();
    for _ in 0..ROUND_BYTES / payload.len() {
        if lends {
            let mut payload = BytesMut::from(payload);
            send(client, &mut |client| client.send_bytes(Kind::Binary, &mut payload));
        } else {
            buffer.clear();
            buffer.extend_from_slice(payload);
            send(client, &mut |client| client.send_binary(&buffer));
        }
    }
    while !client.flush().expect("a connection") {
        wait(client);
    }
    told.recv().expect("a reader");
    now() - start
}

fn main() {
    println!(
        "{:>12} {:>16} {:>16} {:>8} {:>20}",
        "bytes", "copied, us", "lent, us", "ratio", "copied by the kernel"
    );
    for bytes in SIZES {
        let header = if bytes < 1 << 16 { HEADER_BYTES - 6 } else { HEADER_BYTES };
        let messages = ROUND_BYTES / bytes;
        let payload = vec![7; bytes];
        let mut arms =
            [false, true].map(|lends| (lends, connect(lends, messages * (bytes + header)), Duration::MAX));
        for _ in 0..ROUNDS {
            for (lends, (client, told), best) in &mut arms {
                *best = round(client, told, *lends, &payload).min(*best);
            }
        }
        let [copied, lent] = [&arms[0], &arms[1]].map(|arm| arm.2.as_secs_f64() * 1e6 / messages as f64);
        let stats = arms[1].1.0.transport().zero_copy().expect("Linux");
        let share = stats.copied as f64 / stats.sends as f64;
        println!("{bytes:>12} {copied:>16.1} {lent:>16.1} {:>8.2} {:>19.0}%", lent / copied, share * 100.0);
    }
}
