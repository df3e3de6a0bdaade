//! Steady state allocates nothing: counted by an allocator, over loopback TCP.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{fragmented, frame};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use tickwire::Client;
use tickwire::ws::Opcode;

/// A connected pair: the client's end for mio, the other one to write raw frames into.
fn pair() -> (mio::net::TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    near.set_nonblocking(true).unwrap();
    (mio::net::TcpStream::from_std(near), far)
}

#[test]
fn no_message_allocates_in_steady_state_whatever_its_fragments() {
    for parts in [1usize, 2, 8, 40] {
        let payload: Vec<u8> = (0u8..250).cycle().map(|byte| byte % 95 + 32).take(400).collect();
        let slices: Vec<&[u8]> = payload.chunks(payload.len().div_ceil(parts)).collect();
        assert_eq!(slices.len(), parts);
        let mut burst = fragmented(Opcode::Text, &slices).repeat(50);
        // A Ping in each burst: its Pong must be free, too.
        burst.extend(frame(true, Opcode::Ping, b"1700000000000"));
        let (near, mut far) = pair();
        let mut client = Client::builder().upgraded(near, b"").unwrap();
        let mut read_burst = |expected: usize| {
            far.write_all(&burst).unwrap();
            let (mut messages, mut fragments) = (0, 0);
            while messages < expected {
                client.wait(None).unwrap();
                while let Some(message) = client.next_message_direct().unwrap() {
                    messages += 1;
                    fragments += message.fragments().count();
                    assert_eq!(message.len(), payload.len());
                }
            }
            assert_eq!(fragments, expected * parts);
        };
        // The second burst is the first one that is waited for.
        read_burst(50);
        read_burst(50);
        let counted = allocation_counter::measure(|| {
            for _ in 0..40 {
                read_burst(50);
            }
        });
        println!("{parts} fragments: {} allocations in 2,000 messages", counted.count_total);
        assert_eq!(counted.count_total, 0, "{parts} fragments: {counted:?}");
    }
}
