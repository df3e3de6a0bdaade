//! Payloads that are taken instead of copied: the same bytes on the wire, and nothing taken by a call that is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(feature = "deflate")]
#[path = "common/agreed.rs"]
mod agreed;
mod common;

use bytes::{Bytes, BytesMut};
use common::{NowForTest as _, client, drain_out, server};
use std::time::Instant;
use tickwire_ws::{Config, Connection, Kind, Limits, SendError};

const OWNED_MIN: usize = 1000;

fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

fn is_owned(connection: &mut Connection) -> bool {
    // Its header goes first, in the ordinary buffer.
    let header = connection.transmit().len().min(8);
    connection.transmitted(header);
    connection.transmit_owned().is_some()
}

#[test]
fn a_payload_that_is_taken_looks_on_the_wire_as_one_that_is_copied() {
    // Of one seed come the same keys.
    let pairs = [
        (client(Config::default()), client(Config::default())),
        (server(Config::default()), server(Config::default())),
    ];
    for (mut copying, mut taking) in pairs {
        for len in [0, 1, 125, 126, 999, 1000, 1001, 0xFFFF, 0x1_0000, 1 << 20] {
            let payload = payload(len);
            copying.send(Kind::Binary, &payload).unwrap();
            let mut taken = BytesMut::from(&payload[..]);
            taking.send_bytes(Kind::Binary, &mut taken, OWNED_MIN).unwrap();
            assert!(taken.is_empty(), "{len} bytes");
        }
        assert!(drain_out(&mut taking) == drain_out(&mut copying));
    }
}

#[test]
fn only_what_is_as_long_as_the_caller_says_is_taken() {
    for (len, taken) in [(0, false), (OWNED_MIN - 1, false), (OWNED_MIN, true)] {
        let mut client = client(Config::default());
        client.send_bytes(Kind::Binary, &mut BytesMut::from(&payload(len)[..]), OWNED_MIN).unwrap();
        assert_eq!(is_owned(&mut client), taken, "{len} bytes");
    }
}

#[test]
fn bytes_of_one_owner_are_masked_where_they_lie_and_shared_ones_are_not_touched() {
    let mine = Bytes::from(payload(OWNED_MIN));
    let address = mine.as_ptr();
    let mut alone = client(Config::default());
    alone.send_bytes(Kind::Binary, &mut mine.into(), OWNED_MIN).unwrap();
    assert!(is_owned(&mut alone));
    assert_eq!(alone.transmit().as_ptr(), address);

    let shared = Bytes::from(payload(OWNED_MIN));
    let mut other = client(Config::default());
    other.send_bytes(Kind::Binary, &mut shared.clone().into(), OWNED_MIN).unwrap();
    assert!(is_owned(&mut other) && shared == payload(OWNED_MIN));
}

#[test]
fn what_is_refused_is_as_it_was() {
    let limits = Limits { outbox_bytes_max: 3000, ..Limits::default() };
    let limited = || client(Config { limits: limits.clone(), ..Config::default() });
    let refused = |connection: &mut Connection, kind, bytes: Vec<u8>| {
        let mut payload = BytesMut::from(&bytes[..]);
        let error = connection.send_bytes(kind, &mut payload, OWNED_MIN).unwrap_err();
        assert!(payload == bytes, "{error}");
        error
    };
    let mut full = limited();
    full.send_bytes(Kind::Binary, &mut BytesMut::from(&payload(1500)[..]), OWNED_MIN).unwrap();
    assert_eq!(refused(&mut full, Kind::Binary, payload(1500)), SendError::Full { queued: 1508, max: 3000 });
    // The rest of a payload counts as well when its header has left.
    full.transmitted(8);
    full.transmitted(10);
    assert_eq!(refused(&mut full, Kind::Binary, payload(1500)), SendError::Full { queued: 1490, max: 3000 });
    assert_eq!(
        refused(&mut limited(), Kind::Binary, payload(3000)),
        SendError::TooBig { bytes: 3014, max: 3000 }
    );
    // RFC 6455 8.1: FE and FF never occur in UTF-8.
    assert_eq!(refused(&mut limited(), Kind::Text, vec![0xFF; 1000]), SendError::NotUtf8);
    assert_eq!(refused(&mut limited(), Kind::Text, vec![0xFF; 10]), SendError::NotUtf8);
    let mut begun = limited();
    begun.send_fragment(Kind::Binary, b"x", false).unwrap();
    assert_eq!(refused(&mut begun, Kind::Binary, payload(1000)), SendError::InMessage);
    let mut closing = limited();
    closing.close(1000, "", Instant::now_for_test()).unwrap();
    assert_eq!(refused(&mut closing, Kind::Binary, payload(1000)), SendError::Closing);
}

#[cfg(feature = "deflate")]
#[test]
fn where_compression_is_agreed_on_it_is_compressed() {
    use tickwire_ws::{Deflate, Event};
    let config = Config { deflate: Some(Deflate::default()), ..Config::default() };
    let now = Instant::now_for_test();
    let (mut client, mut server) = agreed::pair(&config, &config, now);
    client.send_bytes(Kind::Text, &mut BytesMut::from(&[b'x'; 10_000][..]), OWNED_MIN).unwrap();
    let wire = drain_out(&mut client);
    assert!(wire.len() < 1000, "{} bytes", wire.len());
    assert_eq!(server.feed(&wire, now), wire.len());
    assert_eq!(server.poll(), Ok(Some(Event::Message)));
    assert_eq!(server.payload().unwrap().bytes, [b'x'; 10_000]);
}
