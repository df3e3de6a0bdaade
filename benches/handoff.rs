//! Hands the messages of one connection, a thousand streams in turn, to four consumers on threads of their own: by
//! tickwire's queues of recycled buffers, and by channels of owned messages.
//!
//! `cargo run --release -p tickwire-benches --bin handoff`
//!
//! A round is timed from its first message until every consumer has had its last, and each arm has its turn. All may hold
//! as many messages. A consumer reads each byte once and tells the sum, which has to be right. Allocations are counted on the
//! thread that reads.

#[path = "peers/clock.rs"]
mod clock;
mod turns;

use allocation_counter::measure;
use clock::now;
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tickwire::handoff::{Consumer, Delivery, Offer, Registry, Stream};
use tickwire::ws::{Header, Opcode};
use tickwire::{Client, Payload, Plain};

const STREAMS: usize = 1000;
const CONSUMERS: usize = 4;
/// What may wait for each consumer.
const WAITING: usize = 4096;
const MESSAGE_BYTES: usize = 160;
/// In a round, and how many rounds each arm has.
const MESSAGES: usize = 400_000;
const ROUNDS: usize = 31;

/// Frames in memory, handed out 64 KiB a read.
struct Wire {
    frames: Arc<[u8]>,
    at: usize,
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let rest = &self.frames[self.at..];
        let count = rest.len().min(into.len());
        if count == 0 {
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

/// The length of a stream's name, with which its messages begin.
const NAME_BYTES: usize = 16;

/// The name of a stream, as it begins each of its messages.
fn name(stream: usize) -> String {
    format!("stream{stream:04}@trade")
}

fn name_of(message: &[u8]) -> &str {
    std::str::from_utf8(&message[..NAME_BYTES]).expect("names are ASCII")
}

fn frames() -> Arc<[u8]> {
    let mut bytes = Vec::new();
    for number in 0..MESSAGES {
        let text = format!("{} {number} ", name(number % STREAMS));
        let payload = format!("{text:x<MESSAGE_BYTES$}");
        let header =
            Header { fin: true, rsv: 0, opcode: Opcode::Text, mask: None, len: payload.len() as u64 };
        header.encode(&mut bytes);
        bytes.extend_from_slice(payload.as_bytes());
    }
    bytes.into()
}

fn sum(message: &[u8]) -> u64 {
    message.iter().map(|byte| u64::from(*byte)).sum()
}

/// Reads all, and hands each message to `route`.
fn read(frames: &Arc<[u8]>, mut route: impl FnMut(Payload<'_>)) {
    let wire = Wire { frames: Arc::clone(frames), at: 0 };
    let mut client: Client<Plain<Wire>> = Client::builder().upgraded(wire, b"").expect("randomness");
    while let Some(message) = client.next_message().expect("frames that are right") {
        route(message);
    }
}

/// What a round came to.
struct Round {
    time: Duration,
    sum: u64,
    allocations: u64,
}

/// Runs a round: begins the consumers, reads, and waits for them.
fn round<T: Send + 'static>(
    consumers: Vec<T>,
    consume: impl Fn(T) -> u64 + Copy + Send + 'static,
    read: impl FnOnce(),
) -> Round {
    let threads: Vec<_> = consumers.into_iter().map(|end| thread::spawn(move || consume(end))).collect();
    let start = now();
    let allocations = measure(read).count_total;
    let sum = threads.into_iter().map(|thread| thread.join().expect("a consumer")).sum();
    Round { time: now() - start, sum, allocations }
}

fn tickwire(frames: &Arc<[u8]>) -> Round {
    let mut registry = Registry::new(STREAMS);
    let mut consumers = Vec::new();
    for first in 0..CONSUMERS {
        let (id, consumer) = registry.consumer(WAITING * MESSAGE_BYTES);
        consumers.push(consumer);
        for stream in (first..STREAMS).step_by(CONSUMERS) {
            registry.add(&Stream::new(&name(stream)), id).expect("a new stream");
        }
    }
    let consume = |mut consumer: Consumer<()>| {
        let mut all = 0;
        while let Ok(Some(delivery)) = consumer.next(None) {
            if let Delivery::Message(message) = delivery {
                all += sum(message.bytes);
            }
        }
        all
    };
    round(consumers, consume, || {
        read(frames, |message| {
            assert_eq!(registry.offer(name_of(message.bytes), 0, (), [message.bytes]), Offer::Taken);
        });
        drop(registry);
    })
}

/// A message of its own, and the name of its stream.
struct Owned {
    stream: Arc<str>,
    bytes: Vec<u8>,
}

/// Where each stream goes, and its name to send along.
fn routes() -> HashMap<String, (usize, Arc<str>)> {
    (0..STREAMS).map(|stream| (name(stream), (stream % CONSUMERS, name(stream).into()))).collect()
}

fn owned(routes: &HashMap<String, (usize, Arc<str>)>, bytes: &[u8]) -> (usize, Owned) {
    let (to, stream) = &routes[name_of(bytes)];
    (*to, Owned { stream: Arc::clone(stream), bytes: bytes.to_vec() })
}

/// Sends each message of its own over the channel to its consumer.
fn channels<R: IntoIterator<Item = Owned> + Send + 'static>(
    frames: &Arc<[u8]>,
    receivers: Vec<R>,
    mut send: impl FnMut(usize, Owned),
) -> Round {
    let routes = routes();
    // The name is there to be used.
    let sum_of = |message: Owned| if message.stream.is_empty() { 0 } else { sum(&message.bytes) };
    round(
        receivers,
        move |receiver| receiver.into_iter().map(sum_of).sum(),
        || {
            read(frames, |message| {
                let (to, message) = owned(&routes, message.bytes);
                send(to, message);
            });
            // The senders go with it, and that is the end.
            drop(send);
        },
    )
}

fn std_channels(frames: &Arc<[u8]>) -> Round {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..CONSUMERS).map(|_| mpsc::sync_channel(WAITING)).unzip();
    channels(frames, receivers, move |to, message| senders[to].send(message).expect("a consumer"))
}

fn crossbeam_channels(frames: &Arc<[u8]>) -> Round {
    let channel = |_| crossbeam_channel::bounded(WAITING);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..CONSUMERS).map(channel).unzip();
    channels(frames, receivers, move |to, message| senders[to].send(message).expect("a consumer"))
}

type Arm = (&'static str, fn(&Arc<[u8]>) -> Round);

const ARMS: [Arm; 3] =
    [("tickwire", tickwire), ("std::sync::mpsc", std_channels), ("crossbeam-channel", crossbeam_channels)];

fn main() {
    let frames = frames();
    let mut expected = 0;
    read(&frames, |message| expected += sum(message.bytes));
    let mut allocations = [0; ARMS.len()];
    let times = turns::take(ARMS.len(), ROUNDS, |at| {
        let (name, arm) = ARMS[at];
        let round = arm(&frames);
        assert_eq!(round.sum, expected, "{name}");
        allocations[at] = round.allocations;
        round.time
    });
    println!(
        "{MESSAGES} messages of {MESSAGE_BYTES} bytes, {STREAMS} streams, {CONSUMERS} consumers, {ROUNDS} rounds"
    );
    println!(
        "{:18} {:>12} {:>12} {:>10} {:>20}",
        "", "best, ns", "median, ns", "ratio", "allocations/message"
    );
    let each = |time: Duration| time.as_secs_f64() * 1e9 / MESSAGES as f64;
    for ((name, _), (times_of, allocations)) in ARMS.iter().zip(times.iter().zip(allocations)) {
        println!(
            "{name:18} {:>12.1} {:>12.1} {:>10.2} {:>20.4}",
            each(times_of.best()),
            each(times_of.median()),
            times_of.median().as_secs_f64() / times[0].median().as_secs_f64(),
            allocations as f64 / MESSAGES as f64
        );
    }
}
