//! Compressed messages between two ends of ours, and against hostile ones (RFC 7692).
#![cfg(feature = "deflate")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "common/agreed.rs"]
mod agreed;
mod common;

use common::{NowForTest as _, SEED, Seen, drain, drain_out, frame, run};
use std::time::Instant;
use tickwire_ws::{
    Config, Connection, Deflate, Error, Event, Exceeded, HandshakeError, Header, Kind, Opcode, Request,
    SendError, Violation, WindowBits,
};

/// A client and a server that have shaken hands.
fn pair(client: Config, server: Config) -> (Connection, Connection) {
    agreed::pair(&client, &server, Instant::now_for_test())
}

fn config(deflate: Deflate) -> Config {
    Config { deflate: Some(deflate), ..Config::default() }
}

/// A client that has agreed with a server on `answer`.
fn answered(deflate: Deflate, answer: &str) -> Result<Connection, Error> {
    let now = Instant::now_for_test();
    let mut client = Connection::client(Request::new("a", "/").unwrap(), config(deflate), SEED, now);
    let sent = String::from_utf8(drain_out(&mut client)).unwrap();
    let key = sent.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let response = format!(
        "HTTP/1.1 101 ok\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Extensions: {answer}\r\n\r\n"
    );
    client.feed(response.as_bytes(), now);
    client.poll().map(|event| {
        assert_eq!(event, Some(Event::Open));
        client
    })
}

fn compressed(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Header { fin, rsv: 0b100, opcode, mask: None, len: payload.len() as u64 }.encode(&mut out);
    out.extend_from_slice(payload);
    out
}

fn frames(bytes: &[u8]) -> Vec<(u8, u64)> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while let Ok(Some((header, size))) = Header::parse(rest) {
        found.push((header.rsv, header.len));
        rest = &rest[size + usize::try_from(header.len).unwrap()..];
    }
    found
}

const TICK: &[u8] = br#"{"e":"trade","s":"TICKWIRE","p":"0.00100000","q":"100.00000000","m":true,"M":true}"#;

#[test]
fn messages_go_round_with_every_window_and_takeover() {
    for bits in 8..=15 {
        for forgets in [false, true] {
            let bits = WindowBits::new(bits).unwrap();
            let wanted = Deflate {
                client_no_context_takeover: forgets,
                server_no_context_takeover: forgets,
                client_max_window_bits: bits,
                server_max_window_bits: bits,
                ..Deflate::default()
            };
            let (mut client, mut server) = pair(config(wanted), config(Deflate::default()));
            for message in [TICK, b"", TICK, &TICK.repeat(1000)] {
                for (from, to) in [(0, 1), (1, 0)] {
                    let (from, to) =
                        if from < to { (&mut client, &mut server) } else { (&mut server, &mut client) };
                    from.send(Kind::Text, message).unwrap();
                    let bytes = drain_out(from);
                    // No compressor has a window of 8 bits.
                    let rsv = if bits == WindowBits::MIN { 0 } else { 0b100 };
                    assert!(frames(&bytes).iter().all(|frame| frame.0 == rsv), "{bits} bits");
                    let seen = run(to, &bytes, 1 << 20);
                    assert_eq!(
                        seen,
                        [Seen::Message(Kind::Text, vec![message.to_vec()])],
                        "{bits} bits, forgets {forgets}"
                    );
                }
            }
        }
    }
}

#[test]
fn takeover_pays_and_forgetting_does_not() {
    for (forgets, smaller) in [(false, true), (true, false)] {
        let wanted = Deflate { client_no_context_takeover: forgets, ..Deflate::default() };
        let (mut client, _) = pair(config(wanted), config(Deflate::default()));
        client.send(Kind::Text, TICK).unwrap();
        client.send(Kind::Text, TICK).unwrap();
        let frames = frames(&drain_out(&mut client));
        assert!(frames.iter().all(|(rsv, len)| *rsv == 0b100 && *len < TICK.len() as u64), "{frames:?}");
        assert_eq!(frames[1].1 < frames[0].1, smaller, "{frames:?}");
    }
}

#[test]
fn without_agreement_messages_are_plain_and_the_bit_is_a_violation() {
    let now = Instant::now_for_test();
    let (mut client, _) = pair(config(Deflate::default()), Config::default());
    client.send(Kind::Text, TICK).unwrap();
    assert_eq!(frames(&drain_out(&mut client)), [(0, TICK.len() as u64)]);
    client.feed(&compressed(true, Opcode::Text, &[0]), now);
    assert_eq!(client.poll(), Err(Error::Protocol(Violation::ReservedBit)));
}

#[test]
fn an_agreed_window_of_8_bits_sends_plain_messages_and_reads_compressed_ones() {
    let mut client = answered(Deflate::default(), "permessage-deflate; client_max_window_bits=8").unwrap();
    client.send(Kind::Text, TICK).unwrap();
    assert_eq!(frames(&drain_out(&mut client)), [(0, TICK.len() as u64)]);
    let seen =
        run(&mut client, &compressed(true, Opcode::Text, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), 99);
    assert_eq!(seen, [Seen::Message(Kind::Text, vec![b"Hello".to_vec()])]);
}

#[test]
fn answers_outside_the_offer_fail_the_handshake() {
    for answer in ["permessage-deflate; server_max_window_bits=99", "permessage-deflate, permessage-deflate"]
    {
        let error = answered(Deflate::default(), answer).err();
        assert_eq!(error, Some(Error::Handshake(HandshakeError::ExtensionAnswer)), "{answer}");
    }
    let error = answered(Deflate::default(), "x-other").err();
    assert_eq!(error, Some(Error::Handshake(HandshakeError::UnofferedExtension)));
}

#[test]
fn fragments_of_a_compressed_message_are_slices_and_plain_ones_may_follow() {
    // RFC 7692 7.2.3.1: "Hello" in two frames, with a Ping between; then a message that is not compressed.
    let bytes = [
        compressed(false, Opcode::Text, &[0xf2, 0x48, 0xcd]),
        frame(true, Opcode::Ping, b"p"),
        frame(true, Opcode::Continuation, &[0xc9, 0xc9, 0x07, 0x00]),
        frame(true, Opcode::Text, b"plain"),
    ]
    .concat();
    for read in 1..=bytes.len() {
        let mut client = answered(Deflate::default(), "permessage-deflate").unwrap();
        let seen = run(&mut client, &bytes, read);
        let [Seen::Ping(_), Seen::Message(Kind::Text, parts), Seen::Message(Kind::Text, plain)] = &seen[..]
        else {
            panic!("{seen:?}")
        };
        assert_eq!(
            (parts.len(), parts.concat().as_slice(), plain.concat().as_slice()),
            (2, &b"Hello"[..], &b"plain"[..])
        );
    }
}

#[test]
fn the_contiguous_form_is_the_same_message() {
    let mut client = answered(Deflate::default(), "permessage-deflate").unwrap();
    let bytes = [
        compressed(false, Opcode::Text, &[0xf2, 0x48, 0xcd]),
        frame(true, Opcode::Continuation, &[0xc9, 0xc9, 0x07, 0x00]),
    ];
    client.feed(&bytes.concat(), Instant::now_for_test());
    assert_eq!(client.poll(), Ok(Some(Event::Message)));
    assert_eq!(client.payload().unwrap().text(), Some("Hello"));
    assert_eq!(client.message().unwrap().single(), Some(&b"Hello"[..]));
}

#[test]
fn a_bomb_ends_in_1009_and_the_limit_itself_passes() {
    for (limit, passes) in [(1 << 20, true), ((1 << 20) - 1, false)] {
        let mut small = config(Deflate::default());
        small.limits.message_bytes_max = limit;
        let (mut client, mut server) = pair(small, config(Deflate { level: 9, ..Deflate::default() }));
        server.send(Kind::Binary, &vec![0; 1 << 20]).unwrap();
        let bytes = drain_out(&mut server);
        assert!(bytes.len() < 5000, "{} bytes make a megabyte", bytes.len());
        let seen = run(&mut client, &bytes, 100);
        if passes {
            assert!(
                matches!(&seen[..], [Seen::Message(Kind::Binary, parts)] if parts.concat().len() == 1 << 20)
            );
        } else {
            let exceeded = Exceeded::Message { bytes: 1 << 20, max: limit };
            assert_eq!(seen, [Seen::Error(Error::Limit(exceeded))]);
            assert_eq!(common::sent(&mut client), [(Opcode::Close, 1009u16.to_be_bytes().to_vec())]);
        }
    }
}

#[test]
fn compressed_text_is_checked_as_it_is_inflated() {
    // A stored block of bytes that are not UTF-8, announced in a frame that never becomes whole.
    let stored = [0x00, 0x02, 0x00, 0xfd, 0xff, 0xc3, 0x28];
    let mut bytes = Vec::new();
    Header { fin: true, rsv: 0b100, opcode: Opcode::Text, mask: None, len: 100 }.encode(&mut bytes);
    bytes.extend_from_slice(&stored);
    let mut client = answered(Deflate::default(), "permessage-deflate").unwrap();
    assert_eq!(run(&mut client, &bytes, 1), [Seen::Error(Error::Protocol(Violation::Utf8))]);
}

#[test]
fn a_flaw_is_told_of_the_message_that_has_it() {
    let hello = compressed(true, Opcode::Text, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    for payload in [&[0x07][..], &[0xf2, 0x48], &[]] {
        let mut client = answered(Deflate::default(), "permessage-deflate").unwrap();
        let bytes = [&hello[..], &compressed(true, Opcode::Text, payload), &hello].concat();
        let first = Seen::Message(Kind::Text, vec![b"Hello".to_vec()]);
        let flaw = Seen::Error(Error::Protocol(Violation::Deflate));
        assert_eq!(run(&mut client, &bytes, 1), [first, flaw], "{payload:02x?}");
    }
}

#[test]
fn a_message_that_does_not_fit_the_outbox_leaves_the_compressor_as_it_was() {
    let mut narrow = config(Deflate::default());
    narrow.limits.outbox_bytes_max = 500;
    let (mut client, mut server) = pair(narrow, config(Deflate::default()));
    let noise = |seed: u32| -> Vec<u8> {
        (0..300u32).map(|i| u8::try_from((i + seed).wrapping_mul(2_654_435_761) >> 24).unwrap()).collect()
    };
    let (first, second) = (noise(0), noise(1000));
    client.send(Kind::Binary, &first).unwrap();
    assert!(matches!(client.send(Kind::Binary, &second), Err(SendError::Full { .. })));
    assert_eq!(drain_messages(&mut server, &drain_out(&mut client)), [first]);
    // Had the refused one entered the window, this would refer back to what the peer has never seen.
    client.send(Kind::Binary, &second).unwrap();
    assert_eq!(drain_messages(&mut server, &drain_out(&mut client)), [second]);
}

#[test]
fn what_is_admitted_at_any_effort_is_sent_and_what_is_refused_is_forgotten() {
    // Bytes from 144 on have codes of nine bits (RFC 1951 3.2.6): the fastest effort level makes them longer.
    let mut state = 99u32;
    let mut noise = move |len: usize| -> Vec<u8> {
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            144 + u8::try_from(state >> 24).unwrap() % 112
        };
        std::iter::repeat_with(next).take(len).collect()
    };
    for level in 0..=9 {
        let mut narrow = config(Deflate { level, ..Deflate::default() });
        narrow.limits.outbox_bytes_max = 3300;
        let (mut client, mut server) = pair(narrow, config(Deflate::default()));
        for len in [2500, 2800, 3000, 1000, 2850, 2900, 1] {
            let message = noise(len);
            match client.send(Kind::Binary, &message) {
                Ok(()) => assert_eq!(drain_messages(&mut server, &drain_out(&mut client)), [message]),
                Err(SendError::TooBig { .. }) => assert!(len >= 2800 && client.transmit().is_empty()),
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

fn drain_messages(to: &mut Connection, bytes: &[u8]) -> Vec<Vec<u8>> {
    assert_eq!(to.feed(bytes, Instant::now_for_test()), bytes.len());
    let messages = drain(to).into_iter().map(|seen| match seen {
        Seen::Message(_, parts) => parts.concat(),
        other => panic!("{other:?}"),
    });
    messages.collect()
}
