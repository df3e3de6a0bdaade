//! Messages, fragments, control frames and violations of the open connection (RFC 6455 5, 7).
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{NowForTest as _, Seen, client, drain, frame, masked, run, sent, server};
use std::time::{Duration, Instant};
use tickwire_ws::{Config, Disconnected, Error, Exceeded, Kind, Opcode, SendError, Timeouts, Violation};

fn text(parts: &[&str]) -> Seen {
    Seen::Message(Kind::Text, parts.iter().map(|part| part.as_bytes().to_vec()).collect())
}

fn small(change: impl FnOnce(&mut tickwire_ws::Limits)) -> Config {
    let mut config = Config::default();
    change(&mut config.limits);
    config
}

#[test]
fn a_single_frame_message_is_one_slice() {
    let mut client = client(Config::default());
    assert_eq!(run(&mut client, b"\x81\x05Hello", 64), [text(&["Hello"])]);
}

#[test]
fn a_fragmented_message_is_a_slice_for_each_frame() {
    // RFC 6455 5.7: "Hel" and "lo"
    let mut client = client(Config::default());
    assert_eq!(run(&mut client, b"\x01\x03Hel\x80\x02lo", 64), [text(&["Hel", "lo"])]);
}

#[test]
fn a_ping_between_fragments_is_answered_and_leaves_the_slices_alone() {
    let bytes = [
        frame(false, Opcode::Text, b"one"),
        frame(true, Opcode::Ping, b"now"),
        frame(false, Opcode::Continuation, b""),
        frame(true, Opcode::Pong, b"late"),
        frame(true, Opcode::Continuation, b"two"),
    ]
    .concat();
    for read in 1..=bytes.len() {
        let mut client = client(Config::default());
        let seen = run(&mut client, &bytes, read);
        assert_eq!(
            seen,
            [Seen::Ping(b"now".to_vec()), Seen::Pong(b"late".to_vec()), text(&["one", "", "two"])]
        );
        assert_eq!(sent(&mut client), [(Opcode::Pong, b"now".to_vec())]);
    }
}

#[test]
fn several_messages_of_one_read_are_handed_out_without_another() {
    let mut client = client(Config::default());
    let bytes =
        [frame(true, Opcode::Text, b"a"), frame(true, Opcode::Binary, b"b"), frame(true, Opcode::Text, b"")]
            .concat();
    let expected = [text(&["a"]), Seen::Message(Kind::Binary, vec![b"b".to_vec()]), text(&[""])];
    assert_eq!(run(&mut client, &bytes, bytes.len()), expected);
}

#[test]
fn more_than_32_fragments_and_growth_while_they_are_held_keep_every_byte() {
    // 40 fragments of 20,000 bytes outgrow the buffer while the first ones are held.
    let parts: Vec<Vec<u8>> = (0..40u8).map(|i| vec![i; 20_000]).collect();
    let mut bytes = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let opcode = if i == 0 { Opcode::Binary } else { Opcode::Continuation };
        bytes.extend(frame(i == 39, opcode, part));
        bytes.extend(frame(true, Opcode::Ping, b"between"));
    }
    for read in [1_400, 64 << 10, bytes.len()] {
        let mut client = client(Config::default());
        let mut seen = run(&mut client, &bytes, read);
        seen.retain(|seen| matches!(seen, Seen::Message(..)));
        assert_eq!(seen, [Seen::Message(Kind::Binary, parts.clone())], "reads of {read}");
    }
}

#[test]
fn the_contiguous_form_joins_fragments_and_leaves_what_follows_alone() {
    let bytes = [
        frame(false, Opcode::Text, b"ti"),
        frame(true, Opcode::Ping, b"x"),
        frame(true, Opcode::Continuation, b"ck"),
        frame(true, Opcode::Text, b"wire"),
    ]
    .concat();
    let mut client = client(Config::default());
    client.feed(&bytes, common::NowForTest::now_for_test());
    let mut payloads = Vec::new();
    while let Some(event) = client.poll().unwrap() {
        if event == tickwire_ws::Event::Message {
            payloads.push(client.payload().unwrap().text().unwrap().to_owned());
            assert_eq!(client.message().unwrap().fragments().count(), 1, "joined for good");
        }
    }
    assert_eq!(payloads, ["tick", "wire"]);
}

#[test]
fn a_server_unmasks_every_frame_however_it_is_split() {
    let bytes = [
        masked(false, Opcode::Text, "grüß".as_bytes()),
        masked(true, Opcode::Ping, b"p"),
        masked(true, Opcode::Continuation, "dich".as_bytes()),
    ]
    .concat();
    for read in 1..=bytes.len() {
        let mut server = server(Config::default());
        assert_eq!(run(&mut server, &bytes, read), [Seen::Ping(b"p".to_vec()), text(&["grüß", "dich"])]);
        assert_eq!(sent(&mut server), [(Opcode::Pong, b"p".to_vec())]);
    }
}

#[test]
fn bad_text_fails_before_its_frame_is_complete() {
    let mut client = client(Config::default());
    // 200 bytes are announced; the fourth to arrive cannot be mended.
    assert_eq!(
        run(&mut client, b"\x81\x7e\x00\xc8abc\xff", 1),
        [Seen::Error(Error::Protocol(Violation::Utf8))]
    );
}

#[test]
fn each_size_limit_allows_equal_and_refuses_one_more() {
    let message = |parts: &[usize]| -> Vec<u8> {
        let last = parts.len() - 1;
        parts
            .iter()
            .enumerate()
            .flat_map(|(i, len)| {
                frame(i == last, if i == 0 { Opcode::Binary } else { Opcode::Continuation }, &vec![0; *len])
            })
            .collect()
    };
    let frame_limit = || small(|limits| limits.frame_bytes_max = 1000);
    let message_limit = || small(|limits| limits.message_bytes_max = 1000);
    let fragment_limit = || small(|limits| limits.fragments_max = 3);
    let cases: Vec<(Config, Vec<usize>, Option<Exceeded>)> = vec![
        (frame_limit(), vec![1000, 1000], None),
        (frame_limit(), vec![1001], Some(Exceeded::Frame { bytes: 1001, max: 1000 })),
        (frame_limit(), vec![0, 1001], Some(Exceeded::Frame { bytes: 1001, max: 1000 })),
        (message_limit(), vec![1000], None),
        (message_limit(), vec![400, 600], None),
        (message_limit(), vec![1001], Some(Exceeded::Message { bytes: 1001, max: 1000 })),
        (message_limit(), vec![400, 601], Some(Exceeded::Message { bytes: 1001, max: 1000 })),
        (fragment_limit(), vec![1, 1, 1], None),
        (fragment_limit(), vec![1, 1, 0, 1], Some(Exceeded::Fragments { max: 3 })),
    ];
    for (config, parts, exceeded) in cases {
        let mut client = client(config);
        let seen = run(&mut client, &message(&parts), 7);
        match exceeded {
            None => assert!(matches!(seen[..], [Seen::Message(..)]), "{parts:?}: {seen:?}"),
            Some(exceeded) => {
                assert_eq!(seen, [Seen::Error(Error::Limit(exceeded))], "{parts:?}");
                assert_eq!(sent(&mut client), [(Opcode::Close, 1009u16.to_be_bytes().to_vec())]);
            }
        }
    }
}

#[test]
fn a_length_over_the_limit_is_refused_from_the_header_alone() {
    let mut client = client(Config::default());
    let header = [0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    let seen = run(&mut client, &header, 10);
    assert_eq!(seen, [Seen::Error(Error::Limit(Exceeded::Frame { bytes: u64::MAX >> 1, max: 16 << 20 }))]);
}

#[test]
fn a_flood_of_control_frames_ends_the_connection_and_a_slow_trickle_does_not() {
    let config = || small(|limits| limits.control_frames_per_second_max = 10);
    let ping = frame(true, Opcode::Ping, b"");
    let mut flooded = client(config());
    let seen = run(&mut flooded, &ping.repeat(11), 1000);
    assert_eq!(seen.last(), Some(&Seen::Error(Error::Limit(Exceeded::ControlFrames { max: 10 }))));

    let mut trickled = client(config());
    let mut now = Instant::now_for_test();
    for _ in 0..1000 {
        now += Duration::from_millis(200);
        trickled.feed(&ping, now);
        assert_eq!(drain(&mut trickled), [Seen::Ping(Vec::new())]);
        assert_eq!(sent(&mut trickled).len(), 1);
    }
}

#[test]
fn a_peer_that_pings_and_never_reads_runs_into_the_outbox_limit() {
    let mut client = client(small(|limits| {
        limits.outbox_bytes_max = 1000;
        limits.control_frames_per_second_max = 1_000_000;
    }));
    let seen = run(&mut client, &frame(true, Opcode::Ping, &[0; 125]).repeat(1000), 4096);
    assert_eq!(seen.last(), Some(&Seen::Error(Error::Limit(Exceeded::Outbox { max: 1000 }))));
    assert!(client.transmit().len() < 20_000);
}

#[test]
fn the_stream_may_end_well_only_after_a_close() {
    let cases: &[(&[u8], Option<Disconnected>)] = &[
        (b"", Some(Disconnected::BetweenMessages)),
        (b"\x81\x01a", Some(Disconnected::BetweenMessages)),
        (b"\x81\x05He", Some(Disconnected::InMessage)),
        (b"\x01\x01a", Some(Disconnected::InMessage)),
        (b"\x81", Some(Disconnected::InMessage)),
        (b"\x88\x00", None),
    ];
    for (bytes, expected) in cases {
        let mut client = client(Config::default());
        run(&mut client, bytes, 64);
        common::drain_out(&mut client);
        client.received_end();
        match expected {
            Some(at) => assert_eq!(client.poll(), Err(Error::Disconnected(*at)), "{bytes:02x?}"),
            None => {
                assert_eq!(client.poll(), Ok(None));
                assert!(client.is_ended() && client.is_clean());
            }
        }
    }
}

#[test]
fn messages_before_the_end_of_the_stream_are_not_lost() {
    let mut client = client(Config::default());
    client.feed(b"\x81\x01a\x81\x01b", common::NowForTest::now_for_test());
    client.received_end();
    assert_eq!(
        drain(&mut client),
        [text(&["a"]), text(&["b"]), Seen::Error(Error::Disconnected(Disconnected::BetweenMessages))]
    );
}

#[test]
fn masking_keys_are_fresh_for_every_frame() {
    let mut client = client(Config::default());
    let mut keys = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        client.send(Kind::Text, b"").unwrap();
        let bytes = client.transmit();
        keys.insert(bytes[2..6].to_vec());
        let count = bytes.len();
        client.transmitted(count);
    }
    assert!(keys.len() > 990, "{} different keys of 1000", keys.len());
}

#[test]
fn a_fragmented_message_is_sent_in_continuation_frames_and_not_interrupted_by_another() {
    let mut client = client(Config::default());
    client.send_fragment(Kind::Text, b"a", false).unwrap();
    assert_eq!(client.send(Kind::Text, b"x"), Err(SendError::InMessage));
    assert_eq!(client.send_fragment(Kind::Binary, b"x", true), Err(SendError::InMessage));
    client.ping(b"p").unwrap();
    client.send_fragment(Kind::Text, b"b", true).unwrap();
    let opcodes: Vec<Opcode> = sent(&mut client).into_iter().map(|(opcode, _)| opcode).collect();
    assert_eq!(opcodes, [Opcode::Ping, Opcode::Text, Opcode::Continuation]);
}

#[test]
fn a_text_in_fragments_is_checked_over_their_edges() {
    let mut client = client(Config::default());
    client.send_fragment(Kind::Text, b"\xe2\x82", false).unwrap();
    assert_eq!(client.send_fragment(Kind::Text, b"x", false), Err(SendError::NotUtf8));
    assert_eq!(client.send_fragment(Kind::Text, b"", true), Err(SendError::NotUtf8));
    client.send_fragment(Kind::Text, b"\xac", true).unwrap();
    client.send_fragment(Kind::Binary, b"\xff", false).unwrap();
    client.send_fragment(Kind::Binary, b"\xff", true).unwrap();
    let payloads: Vec<Vec<u8>> = sent(&mut client).into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(payloads, [&b"\xe2\x82"[..], b"\xac", b"\xff", b"\xff"]);
}

#[test]
fn a_message_that_does_not_fit_the_outbox_stays_with_the_caller() {
    let mut client = client(small(|limits| limits.outbox_bytes_max = 100));
    client.send(Kind::Binary, &[0; 60]).unwrap();
    assert!(matches!(client.send(Kind::Binary, &[0; 60]), Err(SendError::Full { max: 100, .. })));
    assert_eq!(client.send(Kind::Binary, &[0; 200]), Err(SendError::TooBig { bytes: 214, max: 100 }));
    assert_eq!(sent(&mut client), [(Opcode::Binary, vec![0; 60])]);
    client.send(Kind::Binary, &[0; 60]).unwrap();
}

#[test]
fn what_comes_after_an_error_in_mid_message_is_let_go() {
    let begun = [frame(false, Opcode::Binary, &[7; 100]), b"\x83\x00".to_vec()].concat();
    for make in [client, server] {
        let mut connection = make(Config::default());
        assert!(matches!(run(&mut connection, &begun, 102).last(), Some(Seen::Error(_))));
        let room = connection.recv_buffer().len();
        for _ in 0..100 {
            let size = connection.recv_buffer().len();
            connection.received(size, Instant::now_for_test());
            assert!(connection.poll().is_err());
        }
        assert_eq!(connection.recv_buffer().len(), room, "nothing is kept");
    }
}

#[test]
fn nothing_received_is_no_sign_of_life() {
    let now = Instant::now_for_test();
    let timeouts = Timeouts { ping_after: Some(Duration::from_secs(1)), ..Timeouts::default() };
    let mut client = client(Config { timeouts, ..Config::default() });
    client.feed(b"", now + Duration::from_secs(60));
    assert!(client.heard_at() < now + Duration::from_secs(60));
    client.on_deadline(now + Duration::from_secs(61));
    assert_eq!(sent(&mut client), [(Opcode::Ping, Vec::new())]);
}
