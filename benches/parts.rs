//! Messages of 1 MiB, read as they arrive and sent as they are made, in memory, beside a copy of as many bytes.
//!
//! `cargo run --release -p tickwire-benches --bin parts`
//!
//! The transport copies 64 KiB a read out of a frame, and takes what is written as it is. The arms take turns, and the bytes
//! of each are counted.

#[path = "peers/clock.rs"]
mod clock;
mod turns;

use clock::now;
use std::hint::black_box;
use std::io::{self, BufRead as _, ErrorKind, Read, Write};
use std::time::Duration;
use tickwire::mio::event::Source;
use tickwire::mio::{Interest, Registry, Token};
use tickwire::ws::{Header, Opcode};
use tickwire::{Client, Kind, Plain};

const MESSAGE_BYTES: usize = 1 << 20;
const READ_BYTES: usize = 64 << 10;
/// In a round, and how many rounds each arm has.
const MESSAGES: usize = 64;
const ROUNDS: usize = 41;

/// A frame to be read over and over.
struct Wire<'a> {
    frame: &'a [u8],
    rest: &'a [u8],
    times: usize,
    written: usize,
}

impl Read for Wire<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            if self.times == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            (self.rest, self.times) = (self.frame, self.times - 1);
        }
        let count = self.rest.len().min(into.len()).min(READ_BYTES);
        let (now, later) = self.rest.split_at(count);
        into[..count].copy_from_slice(now);
        self.rest = later;
        Ok(count)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.written += black_box(from).len();
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// There is nothing to wait for.
impl Source for Wire<'_> {
    fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        Ok(())
    }
}

type Long<'a> = Client<Plain<Wire<'a>>>;

fn client(frame: &[u8]) -> Long<'_> {
    let wire = Wire { frame, rest: &[], times: MESSAGES, written: 0 };
    Client::builder().upgraded(wire, b"").expect("randomness")
}

/// Payload bytes of a round, by one way or another.
type Arm = (&'static str, Opcode, fn(&mut Long<'_>, &[u8]) -> usize);

const ARMS: [Arm; 8] = [
    ("copy", Opcode::Binary, copy),
    ("read, lent part by part", Opcode::Binary, read_lent),
    ("read, copied out", Opcode::Binary, read_copied),
    ("read, as a whole", Opcode::Binary, read_whole),
    ("read, lent part by part, text", Opcode::Text, read_lent),
    ("write, fragments of 64 KiB", Opcode::Binary, |client, payload| write(client, payload, 64 << 10)),
    ("write, fragments of 4 KiB", Opcode::Binary, |client, payload| write(client, payload, 4 << 10)),
    ("write, as a whole", Opcode::Binary, write_whole),
];

fn copy(_: &mut Long<'_>, payload: &[u8]) -> usize {
    let mut into = vec![0; payload.len()];
    for _ in 0..MESSAGES {
        black_box(&mut into).copy_from_slice(black_box(payload));
    }
    MESSAGES * payload.len()
}

fn read_lent(client: &mut Long<'_>, _: &[u8]) -> usize {
    let mut bytes = 0;
    while let Some(mut reader) = client.message_reader().expect("frames that are right") {
        loop {
            let part = black_box(reader.fill_buf().expect("a whole message")).len();
            if part == 0 {
                break;
            }
            reader.consume(part);
            bytes += part;
        }
    }
    bytes
}

fn read_copied(client: &mut Long<'_>, _: &[u8]) -> usize {
    let (mut into, mut bytes) = (vec![0; READ_BYTES], 0);
    while let Some(mut reader) = client.message_reader().expect("frames that are right") {
        loop {
            let count = reader.read(black_box(&mut into)).expect("a whole message");
            if count == 0 {
                break;
            }
            bytes += count;
        }
    }
    bytes
}

fn read_whole(client: &mut Long<'_>, _: &[u8]) -> usize {
    let mut bytes = 0;
    while let Some(message) = client.next_message().expect("frames that are right") {
        bytes += black_box(message.bytes).len();
    }
    bytes
}

fn write(client: &mut Long<'_>, payload: &[u8], fragment_bytes: usize) -> usize {
    for _ in 0..MESSAGES {
        let mut writer = client.message_writer(Kind::Binary, fragment_bytes);
        for piece in payload.chunks(fragment_bytes) {
            writer.write_all(black_box(piece)).expect("room");
        }
        writer.finish().expect("room");
        writer.flush().expect("a transport that takes all");
    }
    written(client, fragment_bytes)
}

fn write_whole(client: &mut Long<'_>, payload: &[u8]) -> usize {
    for _ in 0..MESSAGES {
        client.send_binary(black_box(payload)).expect("room");
        client.flush().expect("a transport that takes all");
    }
    written(client, payload.len())
}

/// What was written, without the headers of its frames.
fn written(client: &Long<'_>, fragment_bytes: usize) -> usize {
    let mut header = Vec::new();
    Header { fin: true, rsv: 0, opcode: Opcode::Binary, mask: Some([0; 4]), len: fragment_bytes as u64 }
        .encode(&mut header);
    client.transport().0.written - header.len() * MESSAGES * MESSAGE_BYTES / fragment_bytes
}

fn main() {
    let payload: Vec<u8> = (0..=255).cycle().map(|byte: u8| byte % 95 + 32).take(MESSAGE_BYTES).collect();
    let frame = |opcode| {
        let mut bytes = Vec::new();
        Header { fin: true, rsv: 0, opcode, mask: None, len: payload.len() as u64 }.encode(&mut bytes);
        [bytes, payload.clone()].concat()
    };
    let (binary, text) = (frame(Opcode::Binary), frame(Opcode::Text));
    let times = turns::take(ARMS.len(), ROUNDS, |at| {
        let (name, opcode, arm) = ARMS[at];
        let mut client = client(if opcode == Opcode::Text { &text } else { &binary });
        let start = now();
        let bytes = arm(&mut client, &payload);
        let time = now() - start;
        assert_eq!(bytes, MESSAGES * MESSAGE_BYTES, "{name}");
        time
    });
    println!("{MESSAGES} messages of {MESSAGE_BYTES} bytes, {ROUNDS} rounds");
    println!("{:32} {:>12} {:>14} {:>18}", "", "best, GiB/s", "median, GiB/s", "times the copy");
    for ((name, ..), times_of) in ARMS.iter().zip(&times) {
        println!(
            "{name:32} {:>12.1} {:>14.1} {:>18.2}",
            rate(times_of.best()),
            rate(times_of.median()),
            times_of.median().as_secs_f64() / times[0].median().as_secs_f64()
        );
    }
}

/// GiB a second of a round that took so long.
fn rate(time: Duration) -> f64 {
    (MESSAGES * MESSAGE_BYTES) as f64 / f64::from(1 << 30) / time.as_secs_f64()
}
