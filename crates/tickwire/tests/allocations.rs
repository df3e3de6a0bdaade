//! Steady state allocates nothing: counted by an allocator, over loopback TCP.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{fragmented, frame};
use mio::event::Source;
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use tickwire::ws::Opcode;
use tickwire::{Client, Tls, Transport};

/// A connected pair: the client's end for mio, the other one to write raw frames into.
fn pair() -> (mio::net::TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    near.set_nonblocking(true).unwrap();
    (mio::net::TcpStream::from_std(near), far)
}

/// Sends bursts of `expected` messages each, the first three as warm-up; tells the allocations of the others.
fn allocations<T: Transport + Source>(
    client: &mut Client<T>,
    mut far: TcpStream,
    bursts: &[Vec<u8>],
    expected: usize,
) -> u64 {
    let mut bursts = bursts.iter();
    let mut read_burst = || {
        far.write_all(bursts.next().unwrap()).unwrap();
        let mut messages = 0;
        while messages < expected {
            client.wait(None).unwrap();
            while let Some(message) = client.next_message_direct().unwrap() {
                messages += 1;
                assert_eq!(message.len(), PAYLOAD_BYTES);
            }
        }
    };
    // The second burst is the first one that is waited for, and the buffers grow to what comes at once.
    for _ in 0..3 {
        read_burst();
    }
    let counted = allocation_counter::measure(|| {
        for _ in 0..40 {
            read_burst();
        }
    });
    counted.count_total
}

/// As many as [`allocations`] sends.
const BURSTS: usize = 43;

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
        let counted = allocations(&mut client, far, &vec![burst; BURSTS], 50);
        println!("{parts} fragments: {counted} allocations in 2,000 messages");
        assert_eq!(counted, 0, "{parts} fragments");
    }
}

/// A client's session over TCP and its server's, shaken hands.
fn tls_pair(
    version: &'static rustls::SupportedProtocolVersion,
) -> (Tls<mio::net::TcpStream>, TcpStream, ServerConnection) {
    let key = rcgen::generate_simple_self_signed(["venue.example".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(key.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], key.signing_key.serialize_der().try_into().unwrap())
        .unwrap();
    let (near, mut far) = pair();
    let mut near = Tls::new(near, Arc::new(client), "venue.example").unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    // Both ends in one thread: neither may block.
    far.set_nonblocking(true).unwrap();
    while server.is_handshaking() || server.wants_write() {
        assert!(near.read(&mut [0; 1000]).is_err(), "nothing to read yet");
        if server.wants_write() {
            server.write_tls(&mut far).unwrap();
        } else if server.read_tls(&mut far).is_ok() {
            server.process_new_packets().unwrap();
        }
    }
    far.set_nonblocking(false).unwrap();
    (near, far, server)
}

#[test]
fn no_record_allocates_in_steady_state() {
    for (name, version) in [("1.2", &rustls::version::TLS12), ("1.3", &rustls::version::TLS13)] {
        let (near, far, mut server) = tls_pair(version);
        let mut client = Client::builder().upgraded_through(near, b"").unwrap();
        let message = fragmented(Opcode::Text, &[&payload()]);
        // Sealed before: the server's allocations are its own.
        let bursts: Vec<Vec<u8>> = (0..BURSTS)
            .map(|_| {
                let mut sealed = Vec::new();
                for _ in 0..50 {
                    server.writer().write_all(&message).unwrap();
                    server.write_tls(&mut sealed).unwrap();
                }
                sealed
            })
            .collect();
        let counted = allocations(&mut client, far, &bursts, 50);
        println!("TLS {name}: {counted} allocations in 2,000 records");
        assert_eq!(counted, 0, "TLS {name}");
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
    let counted = allocations(&mut client, far, &vec![burst; BURSTS], 50);
    println!("compressed: {counted} allocations in 2,000 messages");
    assert_eq!(counted, 0);
}
