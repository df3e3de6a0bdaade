//! Properties over generated traffic: cuts do not matter, messages go round, and an independent implementation agrees.
#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(feature = "deflate")]
#[path = "common/agreed.rs"]
mod agreed;
mod common;

use common::{Seen, any_frame, client, frame, masked, run, run_whole, sent, server};
use proptest::prelude::*;
use std::io::{Cursor, Read, Write};
use tickwire_ws::{Config, Kind, Limits, Opcode};
use tungstenite::protocol::Role;

/// Messages as they should arrive: kind and fragments, with Pings strewn in between.
fn any_message() -> impl Strategy<Value = (Kind, Vec<Vec<u8>>)> {
    prop_oneof![
        ("\\PC{0,60}", proptest::collection::vec(any::<prop::sample::Index>(), 0..4))
            .prop_map(|(text, cuts)| (Kind::Text, cut(text.as_bytes(), &cuts))),
        (
            proptest::collection::vec(any::<u8>(), 0..3000),
            proptest::collection::vec(any::<prop::sample::Index>(), 0..40)
        )
            .prop_map(|(bytes, cuts)| (Kind::Binary, cut(&bytes, &cuts))),
    ]
}

/// Cut anywhere: a code point of a text may be split.
fn cut(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.sort_unstable();
    at.push(bytes.len());
    let mut from = 0;
    at.into_iter().map(|to| bytes[std::mem::replace(&mut from, to)..to].to_vec()).collect()
}

/// What tungstenite makes of the same bytes: messages until it refuses.
fn tungstenite_verdict(bytes: &[u8], role: Role) -> (Vec<Seen>, bool) {
    struct Wire(Cursor<Vec<u8>>);
    impl Read for Wire {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(into)
        }
    }
    impl Write for Wire {
        fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
            Ok(from.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    use tungstenite::Message as M;
    let mut socket = tungstenite::WebSocket::from_raw_socket(Wire(Cursor::new(bytes.to_vec())), role, None);
    let mut seen = Vec::new();
    loop {
        match socket.read() {
            Ok(M::Text(text)) => seen.push(Seen::Message(Kind::Text, vec![text.as_bytes().to_vec()])),
            Ok(M::Binary(bytes)) => seen.push(Seen::Message(Kind::Binary, vec![bytes.to_vec()])),
            Ok(M::Close(_)) => return (seen, true),
            Ok(_) => {}
            Err(tungstenite::Error::Protocol(
                tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
            )) => return (seen, true),
            Err(tungstenite::Error::Io(_) | tungstenite::Error::ConnectionClosed) => return (seen, true),
            Err(_) => return (seen, false),
        }
    }
}

fn joined(seen: &[Seen]) -> (Vec<Seen>, bool) {
    let ok = !matches!(seen.last(), Some(Seen::Error(_)));
    let messages = seen.iter().filter_map(|seen| match seen {
        Seen::Message(kind, parts) => Some(Seen::Message(*kind, vec![parts.concat()])),
        _ => None,
    });
    (messages.collect(), ok)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_cut_of_any_bytes_gives_the_same_events(frames in proptest::collection::vec(any_frame(), 1..8), read in 1usize..300) {
        let bytes: Vec<u8> = frames.iter().flat_map(|(fin, opcode, payload)| frame(*fin, *opcode, payload)).collect();
        let whole = run_whole(&mut client(Config::default()), &bytes);
        prop_assert_eq!(run(&mut client(Config::default()), &bytes, read), whole);
    }

    #[test]
    fn what_is_masked_for_a_server_means_the_same_to_a_client(
        frames in proptest::collection::vec(any_frame(), 1..8),
        limits in (0usize..200, 0usize..200, 0usize..6),
    ) {
        // A server takes every frame by the general way, a client the usual ones by shorter ways.
        let (frame_bytes_max, message_bytes_max, fragments_max) = limits;
        for limits in [Limits::default(), Limits { frame_bytes_max, message_bytes_max, fragments_max, ..Limits::default() }] {
            let config = Config { limits, ..Config::default() };
            let plain: Vec<u8> = frames.iter().flat_map(|(fin, opcode, payload)| frame(*fin, *opcode, payload)).collect();
            let hidden: Vec<u8> = frames.iter().flat_map(|(fin, opcode, payload)| masked(*fin, *opcode, payload)).collect();
            let by_client = run(&mut client(config.clone()), &plain, plain.len());
            let by_server = run(&mut server(config), &hidden, hidden.len());
            prop_assert_eq!(by_client, by_server);
        }
    }

    #[test]
    fn noise_never_panics_and_gives_the_same_verdict_in_any_cut(bytes in proptest::collection::vec(any::<u8>(), 0..400), read in 1usize..50) {
        for make in [client, server] {
            let whole = run_whole(&mut make(Config::default()), &bytes);
            prop_assert_eq!(run(&mut make(Config::default()), &bytes, read), whole);
        }
    }

    #[test]
    fn messages_go_from_client_to_server_and_back_in_any_fragmentation(messages in proptest::collection::vec(any_message(), 1..6), read in 1usize..4000) {
        let expected: Vec<Seen> = messages.iter().map(|(kind, parts)| Seen::Message(*kind, parts.clone())).collect();
        let (mut client, mut server) = (client(Config::default()), server(Config::default()));
        for (from, to) in [(0, 1), (1, 0)] {
            let (from, to) = if from < to { (&mut client, &mut server) } else { (&mut server, &mut client) };
            for (kind, parts) in &messages {
                for (i, part) in parts.iter().enumerate() {
                    from.send_fragment(*kind, part, i + 1 == parts.len()).unwrap();
                    from.ping(b"between").unwrap();
                }
            }
            let bytes = common::drain_out(from);
            let mut seen = run(to, &bytes, read);
            seen.retain(|seen| matches!(seen, Seen::Message(..)));
            prop_assert_eq!(&seen, &expected);
            sent(to);
        }
    }

    #[test]
    fn tungstenite_gives_the_same_messages_and_the_same_verdict(frames in proptest::collection::vec(any_frame(), 1..8)) {
        // Deliberate differences: close bodies are checked more strictly here, so a Close ends the comparison.
        let frames: Vec<_> = frames.into_iter().filter(|(_, opcode, _)| *opcode != Opcode::Close).collect();
        let to_client: Vec<u8> = frames.iter().flat_map(|(fin, opcode, payload)| frame(*fin, *opcode, payload)).collect();
        prop_assert_eq!(joined(&run(&mut client(Config::default()), &to_client, 4096)), tungstenite_verdict(&to_client, Role::Client));
        let to_server: Vec<u8> = frames.iter().flat_map(|(fin, opcode, payload)| masked(*fin, *opcode, payload)).collect();
        prop_assert_eq!(joined(&run(&mut server(Config::default()), &to_server, 4096)), tungstenite_verdict(&to_server, Role::Server));
    }
}

#[cfg(feature = "deflate")]
mod compressed {
    //! The same round with permessage-deflate (RFC 7692) agreed on.

    use super::*;
    use tickwire_ws::{Connection, Deflate, WindowBits};

    fn any_deflate() -> impl Strategy<Value = Deflate> {
        let bits = || (8..=15u8).prop_map(|bits| WindowBits::new(bits).unwrap());
        (0..=9u8, any::<[bool; 2]>(), bits(), bits()).prop_map(
            |(level, [server, client], of_server, of_client)| Deflate {
                level,
                server_no_context_takeover: server,
                client_no_context_takeover: client,
                server_max_window_bits: of_server,
                client_max_window_bits: of_client,
            },
        )
    }

    /// Sends every message with a Ping behind each fragment, and returns what arrives in reads of `read` bytes.
    fn pass(
        from: &mut Connection,
        to: &mut Connection,
        messages: &[(Kind, Vec<Vec<u8>>)],
        read: usize,
    ) -> Vec<Seen> {
        for (kind, parts) in messages {
            for (i, part) in parts.iter().enumerate() {
                from.send_fragment(*kind, part, i + 1 == parts.len()).unwrap();
                from.ping(&part[..part.len().min(125)]).unwrap();
            }
        }
        let seen = run(to, &common::drain_out(from), read);
        let pongs = run(from, &common::drain_out(to), read);
        assert!(pongs.iter().all(|seen| matches!(seen, Seen::Pong(_))), "{pongs:?}");
        seen
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn messages_go_from_server_to_client_and_back_compressed(
            deflate in any_deflate(),
            messages in proptest::collection::vec(any_message(), 1..6),
            read in 1usize..2000,
        ) {
            let config = Config { deflate: Some(deflate), ..Config::default() };
            let (mut client, mut server) = agreed::pair(&config, &config, common::NowForTest::now_for_test());
            let expected: Vec<Seen> = messages.iter().map(|(kind, parts)| Seen::Message(*kind, parts.clone())).collect();
            let pings: Vec<Seen> = messages
                .iter()
                .flat_map(|(_, parts)| parts.iter().map(|part| Seen::Ping(part[..part.len().min(125)].to_vec())))
                .collect();
            // Twice each way: the second time the windows hold the first.
            for _ in 0..2 {
                for to_client in [true, false] {
                    let (from, to) = if to_client { (&mut server, &mut client) } else { (&mut client, &mut server) };
                    let seen = pass(from, to, &messages, read);
                    let (pinged, arrived): (Vec<Seen>, Vec<Seen>) = seen.into_iter().partition(|seen| matches!(seen, Seen::Ping(_)));
                    prop_assert_eq!(&arrived, &expected);
                    prop_assert_eq!(&pinged, &pings);
                }
            }
        }

        #[test]
        fn noise_in_compressed_frames_never_panics_and_keeps_within_the_limit(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 1..6),
            read in 1usize..50,
        ) {
            let mut config = Config { deflate: Some(Deflate::default()), ..Config::default() };
            config.limits.message_bytes_max = 1000;
            let bytes: Vec<u8> = payloads.iter().flat_map(|payload| {
                let mut frame = frame(true, Opcode::Binary, payload);
                frame[0] |= 0x40;
                frame
            }).collect();
            let pair = || agreed::pair(&config, &config, common::NowForTest::now_for_test());
            let whole = run(&mut pair().0, &bytes, bytes.len());
            let fits = |seen: &Seen| !matches!(seen, Seen::Message(_, parts) if parts.concat().len() > 1000);
            prop_assert!(whole.iter().all(fits));
            prop_assert_eq!(run(&mut pair().0, &bytes, read), whole);
        }
    }
}
