//! Steady state allocates nothing: counted by an allocator, over loopback TCP.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{fragmented, frame};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use tickwire::ws::Opcode;
use tickwire::{Client, Plain};

/// A connected pair: the client's end for mio, the other one to write raw frames into.
fn pair() -> (mio::net::TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    near.set_nonblocking(true).unwrap();
    (mio::net::TcpStream::from_std(near), far)
}

/// Sends `burst` of `expected` messages 42 times, the first two as warm-up; tells the allocations of the others.
fn allocations(
    client: &mut Client<Plain<mio::net::TcpStream>>,
    mut far: TcpStream,
    burst: &[u8],
    expected: usize,
) -> u64 {
    let mut read_burst = || {
        far.write_all(burst).unwrap();
        let mut messages = 0;
        while messages < expected {
            client.wait(None).unwrap();
            while let Some(message) = client.next_message_direct().unwrap() {
                messages += 1;
                assert_eq!(message.len(), PAYLOAD_BYTES);
            }
        }
    };
    // The second burst is the first one that is waited for.
    read_burst();
    read_burst();
    let counted = allocation_counter::measure(|| {
        for _ in 0..40 {
            read_burst();
        }
    });
    counted.count_total
}

const PAYLOAD_BYTES: usize = 400;

fn payload() -> Vec<u8> {
    (0u8..250).cycle().map(|byte| byte % 95 + 32).take(PAYLOAD_BYTES).collect()
}

#[test]
fn no_message_allocates_in_steady_state_whatever_its_fragments() {
    for parts in [1usize, 2, 8, 40] {
        let payload = payload();
        let slices: Vec<&[u8]> = payload.chunks(payload.len().div_ceil(parts)).collect();
        assert_eq!(slices.len(), parts);
        let mut burst = fragmented(Opcode::Text, &slices).repeat(50);
        // A Ping in each burst: its Pong must be free, too.
        burst.extend(frame(true, Opcode::Ping, b"1700000000000"));
        let (near, far) = pair();
        let mut client = Client::builder().upgraded(near, b"").unwrap();
        let counted = allocations(&mut client, far, &burst, 50);
        println!("{parts} fragments: {counted} allocations in 2,000 messages");
        assert_eq!(counted, 0, "{parts} fragments");
    }
}

#[cfg(feature = "deflate")]
#[test]
fn no_compressed_message_allocates_in_steady_state() {
    use std::io::Read as _;
    use tickwire::ws::{Config, Connection, Event};
    use tickwire::{Deflate, Kind};
    let (near, far) = pair();
    let mut client =
        Client::builder().deflate(Deflate::default()).connect_over(near, "ws://localhost/").unwrap();
    assert!(client.next_message().unwrap().is_none(), "the request goes out");
    let mut server = Connection::server(
        Config {
            deflate: Some(Deflate { server_no_context_takeover: true, ..Deflate::default() }),
            ..Config::default()
        },
        client.received_at(),
    );
    let mut wire = far.try_clone().unwrap();
    let mut request = [0; 4096];
    while server.poll().unwrap() != Some(Event::Request) {
        let count = wire.read(&mut request).unwrap();
        server.feed(&request[..count], client.received_at());
    }
    server.accept(None).unwrap();
    wire.write_all(server.transmit()).unwrap();
    server.transmitted(server.transmit().len());
    // Without a window that goes on, every burst is made of the same bytes.
    for _ in 0..50 {
        server.send(Kind::Text, &payload()).unwrap();
    }
    let burst = server.transmit().to_vec();
    assert!(burst.len() < 50 * PAYLOAD_BYTES, "it is compressed");
    let counted = allocations(&mut client, far, &burst, 50);
    println!("compressed: {counted} allocations in 2,000 messages");
    assert_eq!(counted, 0);
}
