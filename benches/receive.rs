//! The receive path in memory: reads of 64 KiB, every message seen, every arm's count and bytes checked.
//!
//! `floor` is what any client pays: the copy of a read and the least walk over the headers; `floor+utf8` adds the
//! validation of text. The others are whole clients with every check on.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::io::{self, Read, Write};
use tickwire::ws::{Header, Opcode};
use tickwire::{Client, Kind};

/// What an arm saw: messages, payload bytes.
type Tally = (u64, u64);

struct Workload {
    name: &'static str,
    bytes: Vec<u8>,
    expected: Tally,
}

/// Text messages like a venue's, each of `len` bytes in `frames` frames, about 4 MiB.
fn workload(name: &'static str, len: usize, frames: usize) -> Workload {
    let unit = br#"{"e":"depthUpdate","E":1,"s":"TICKWIRE","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}"#;
    let payload: Vec<u8> = unit.iter().copied().cycle().take(len).collect();
    let (mut bytes, mut messages) = (Vec::new(), 0);
    while bytes.len() < 4 << 20 {
        for (i, part) in payload.chunks(len.div_ceil(frames)).enumerate() {
            let opcode = if i == 0 { Opcode::Text } else { Opcode::Continuation };
            Header { fin: i + 1 == frames, rsv: 0, opcode, mask: None, len: part.len() as u64 }
                .encode(&mut bytes);
            bytes.extend_from_slice(part);
        }
        messages += 1;
    }
    Workload { name, bytes, expected: (messages, messages * len as u64) }
}

/// The workload as a stream that is read 64 KiB at a time.
struct Wire<'a>(&'a [u8]);

impl Read for Wire<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(self.0.len()).min(64 << 10);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (now, later) = self.0.split_at(count);
        into[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(from.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn floor(bytes: &[u8], buf: &mut [u8], utf8: bool) -> Tally {
    let mut wire = Wire(bytes);
    let (mut head, mut tail) = (0, 0);
    let (mut messages, mut total) = (0, 0);
    loop {
        if head == tail {
            (head, tail) = (0, 0);
        } else if buf.len() - tail < 64 << 10 {
            buf.copy_within(head..tail, 0);
            (head, tail) = (0, tail - head);
        }
        let Ok(count) = wire.read(&mut buf[tail..]) else { return (messages, total) };
        tail += count;
        while let [first, second, ..] = buf[head..tail] {
            let rest = &buf[head + 2..tail];
            let (size, len) = match second {
                126 if rest.len() >= 2 => (4, usize::from(u16::from_be_bytes([rest[0], rest[1]]))),
                127 if rest.len() >= 8 => {
                    (10, u32::from_be_bytes([rest[4], rest[5], rest[6], rest[7]]) as usize)
                }
                126 | 127 => break,
                short => (2, usize::from(short)),
            };
            let Some(payload) = buf[head..tail].get(size..size + len) else { break };
            if utf8 {
                assert!(simdutf8::basic::from_utf8(payload).is_ok());
            }
            black_box(payload);
            total += len as u64;
            messages += u64::from(first >> 7);
            head += size + len;
        }
    }
}

fn direct(bytes: &[u8]) -> Tally {
    let mut client = Client::builder().upgraded(Wire(bytes), b"").expect("a client");
    let (mut messages, mut total) = (0, 0);
    while let Some(message) = client.next_message_direct().expect("valid frames") {
        for fragment in message.fragments() {
            total += black_box(fragment).len() as u64;
        }
        messages += 1;
    }
    (messages, total)
}

fn plain(bytes: &[u8]) -> Tally {
    let mut client = Client::builder().upgraded(Wire(bytes), b"").expect("a client");
    let (mut messages, mut total) = (0, 0);
    while let Some(payload) = client.next_message().expect("valid frames") {
        assert_eq!(payload.kind, Kind::Text);
        total += black_box(payload.bytes).len() as u64;
        messages += 1;
    }
    (messages, total)
}

fn tungstenite(bytes: &[u8]) -> Tally {
    let mut socket =
        tungstenite::WebSocket::from_raw_socket(Wire(bytes), tungstenite::protocol::Role::Client, None);
    let (mut messages, mut total) = (0, 0);
    while let Ok(tungstenite::Message::Text(text)) = socket.read() {
        total += black_box(text.as_bytes()).len() as u64;
        messages += 1;
    }
    (messages, total)
}

fn receive(criterion: &mut Criterion) {
    let workloads = [
        workload("160B", 160, 1),
        workload("1200B", 1200, 1),
        workload("64KiB", 64 << 10, 1),
        workload("4x4KiB", 16 << 10, 4),
    ];
    let mut buf = vec![0; 256 << 10];
    for Workload { name, bytes, expected } in &workloads {
        let mut group = criterion.benchmark_group(*name);
        group.throughput(Throughput::Elements(expected.0));
        let mut arm = |arm: &str, run: &mut dyn FnMut(&[u8]) -> Tally| {
            assert_eq!(run(bytes), *expected, "{arm}");
            group.bench_function(BenchmarkId::from_parameter(arm), |bencher| bencher.iter(|| run(bytes)));
        };
        arm("floor", &mut |bytes| floor(bytes, &mut buf, false));
        arm("floor+utf8", &mut |bytes| floor(bytes, &mut buf, true));
        arm("next_message_direct", &mut direct);
        arm("next_message", &mut plain);
        arm("tungstenite", &mut tungstenite);
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(std::time::Duration::from_millis(300)).measurement_time(std::time::Duration::from_secs(1));
    targets = receive
}
criterion_main!(benches);
