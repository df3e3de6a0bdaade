//! The closing handshake and the timers (RFC 6455 7), on a manual clock.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{NowForTest as _, SEED, Seen, client, drain, frame, masked, run, sent, server};
use std::time::{Duration, Instant};
use tickwire_ws::{
    Ahead, CloseCode, Config, Connection, Error, Event, Exceeded, Kind, Limits, Opcode, Request, Role,
    SendError, Timeout, Timeouts, Violation,
};

#[test]
fn our_close_is_echoed_and_the_end_is_clean() {
    let now = Instant::now_for_test();
    let mut client = client(Config::default());
    client.close(1000, "done", now).unwrap();
    assert_eq!(sent(&mut client), [(Opcode::Close, b"\x03\xe8done".to_vec())]);
    assert_eq!(client.send(Kind::Text, b"late"), Err(SendError::Closing));
    // Data may still come before the peer's Close.
    let seen = run(
        &mut client,
        &[frame(true, Opcode::Text, b"last"), frame(true, Opcode::Close, b"\x03\xe8")].concat(),
        99,
    );
    assert!(matches!(seen[..], [Seen::Message(..), Seen::Close(Some(1000), _)]), "{seen:?}");
    assert!(client.is_clean() && !client.is_ended(), "the server ends the stream");
    assert!(client.transmit().is_empty(), "one Close is enough");
    client.received_end();
    assert_eq!(client.poll(), Ok(None));
    assert!(client.is_ended());
}

#[test]
fn the_peers_close_is_answered_with_its_code_behind_what_is_queued() {
    let mut client = client(Config::default());
    client.send(Kind::Text, b"queued").unwrap();
    let seen = run(&mut client, &frame(true, Opcode::Close, b"\x0f\xa0bye"), 99);
    assert_eq!(seen, [Seen::Close(Some(4000), "bye".into())]);
    assert_eq!(
        sent(&mut client),
        [(Opcode::Text, b"queued".to_vec()), (Opcode::Close, b"\x0f\xa0".to_vec())]
    );
}

#[test]
fn an_empty_close_is_answered_with_an_empty_one() {
    let mut client = client(Config::default());
    assert_eq!(run(&mut client, b"\x88\x00", 99), [Seen::Close(None, String::new())]);
    assert_eq!(sent(&mut client), [(Opcode::Close, Vec::new())]);
}

#[test]
fn nothing_after_the_peers_close_is_read() {
    let mut client = client(Config::default());
    let bytes =
        [frame(true, Opcode::Close, b""), frame(true, Opcode::Text, b"ghost"), vec![0xFF; 100]].concat();
    assert_eq!(run(&mut client, &bytes, 999), [Seen::Close(None, String::new())]);
}

#[test]
fn a_ping_is_answered_after_our_close_too_until_theirs_has_come() {
    // RFC 6455 5.5.2: only a Close that was received excuses from answering.
    let mut client = client(Config::default());
    client.close(1000, "", Instant::now_for_test()).unwrap();
    assert_eq!(run(&mut client, &frame(true, Opcode::Ping, b"?"), 99), [Seen::Ping(b"?".to_vec())]);
    assert_eq!(sent(&mut client), [(Opcode::Pong, b"?".to_vec()), (Opcode::Close, b"\x03\xe8".to_vec())]);
}

#[test]
fn a_server_ends_the_stream_itself_once_its_close_is_written() {
    let mut server = server(Config::default());
    run(&mut server, &masked(true, Opcode::Close, b""), 99);
    assert!(!server.is_ended());
    sent(&mut server);
    assert!(server.is_ended() && server.is_clean());
}

#[test]
fn a_close_without_an_echo_ends_unclean_at_its_deadline() {
    let now = Instant::now_for_test();
    let mut client = client(Config::default());
    client.close(1000, "", now).unwrap();
    let deadline = client.next_deadline().unwrap();
    assert_eq!(deadline, now + Duration::from_secs(3));
    client.on_deadline(deadline - Duration::from_nanos(1));
    assert!(!client.is_ended());
    client.on_deadline(deadline);
    assert!(client.is_ended() && !client.is_clean());
    assert_eq!((client.poll(), client.next_deadline()), (Ok(None), None));
}

/// The client's part of a closing handshake behind a queue of `bytes`.
fn closing_behind(bytes: usize, now: Instant) -> Connection {
    let mut client = client(Config::default());
    client.send(Kind::Binary, &vec![0; bytes]).unwrap();
    client.close(1000, "", now).unwrap();
    client
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_close_behind_a_queue_that_moves_is_waited_for_and_its_answer_has_all_its_time() {
    let now = Instant::now_for_test();
    let mut client = closing_behind(1000, now);
    client.transmitted(10);
    client.on_deadline(now + seconds(3));
    assert_eq!((client.is_ended(), client.next_deadline()), (false, Some(now + seconds(6))));
    assert_eq!(common::drain_out(&mut client).len(), 8 + 1000 - 10 + 8);
    // Written at a time that nobody has told yet.
    assert!(client.next_deadline().unwrap() <= now + seconds(3));
    client.on_deadline(now + seconds(5));
    assert_eq!((client.is_ended(), client.next_deadline()), (false, Some(now + seconds(8))));
    client.on_deadline(now + seconds(8));
    assert!(client.is_ended());
}

#[test]
fn a_close_behind_a_queue_that_stands_still_or_crawls_is_not_waited_for_for_ever() {
    let now = Instant::now_for_test();
    let mut still = closing_behind(1000, now);
    still.on_deadline(now + seconds(3));
    assert!(still.is_ended());
    let mut crawls = closing_behind(1000, now);
    while let Some(deadline) = crawls.next_deadline() {
        crawls.transmitted(1);
        crawls.on_deadline(deadline);
        assert!(deadline <= now + seconds(20 * 3));
    }
    assert!(crawls.is_ended() && !crawls.is_clean());
}

#[test]
fn a_close_that_was_never_written_was_never_said() {
    let queued = || {
        let mut client = client(Config::default());
        client.send(Kind::Text, b"queued").unwrap();
        run(&mut client, b"\x88\x00", 99);
        client
    };
    let mut written = queued();
    assert!(!written.is_clean(), "not yet");
    common::drain_out(&mut written);
    assert!(written.is_clean());
    let mut lost = queued();
    lost.transmit_failed();
    assert!(lost.transmit().is_empty());
    let mut late = queued();
    late.on_deadline(late.next_deadline().unwrap());
    for mut client in [lost, late] {
        client.received_end();
        assert_eq!(client.poll(), Ok(None));
        assert!(client.is_ended() && !client.is_clean());
    }
}

#[test]
fn codes_and_reasons_that_must_not_be_sent_are_refused() {
    let now = Instant::now_for_test();
    let mut client = client(Config::default());
    assert_eq!(client.close(1005, "", now), Err(SendError::CloseCode(1005)));
    assert_eq!(client.close(1000, &"x".repeat(124), now), Err(SendError::ControlTooLong));
    assert_eq!(client.ping(&[0; 126]), Err(SendError::ControlTooLong));
    assert!(client.is_open() && client.transmit().is_empty());
}

#[test]
fn codes_of_the_registry_have_names_and_may_be_sent() {
    // RFC 6455 7.4.1 and 11.7, and what was registered since.
    let codes = [
        (CloseCode::NORMAL, 1000u16),
        (CloseCode::GOING_AWAY, 1001),
        (CloseCode::PROTOCOL, 1002),
        (CloseCode::UNSUPPORTED, 1003),
        (CloseCode::INVALID_PAYLOAD, 1007),
        (CloseCode::POLICY, 1008),
        (CloseCode::TOO_BIG, 1009),
        (CloseCode::INTERNAL, 1011),
        (CloseCode::RESTART, 1012),
        (CloseCode::TRY_LATER, 1013),
        (CloseCode::BAD_GATEWAY, 1014),
    ];
    for (code, number) in codes {
        let mut client = client(Config::default());
        client.close(code, "", Instant::now_for_test()).unwrap();
        assert_eq!(sent(&mut client), [(Opcode::Close, number.to_be_bytes().to_vec())]);
    }
}

#[test]
fn silence_is_asked_by_a_ping_and_then_ends_the_connection() {
    let start = Instant::now_for_test();
    let mut client = Connection::upgraded(Role::Client, Config::default(), SEED, start);
    let asked = start + Duration::from_secs(30);
    assert_eq!(client.next_deadline(), Some(asked));
    client.on_deadline(asked);
    assert_eq!(sent(&mut client), [(Opcode::Ping, Vec::new())]);
    assert_eq!(client.next_deadline(), Some(asked + Duration::from_secs(30)));
    client.on_deadline(asked + Duration::from_secs(30));
    assert_eq!(client.poll(), Err(Error::Timeout(Timeout::Pong)));
}

#[test]
fn a_transport_that_has_room_again_puts_the_end_off_and_not_the_ping() {
    let start = Instant::now_for_test();
    let mut client = Connection::upgraded(Role::Client, Config::default(), SEED, start);
    let [asked, moved] = [30, 50].map(|seconds| start + Duration::from_secs(seconds));
    client.has_room_again(start + Duration::from_secs(20));
    assert_eq!(client.next_deadline(), Some(asked));
    client.on_deadline(asked);
    client.has_room_again(moved);
    assert_eq!(client.next_deadline(), Some(moved + Duration::from_secs(30)));
    client.on_deadline(moved + Duration::from_secs(30));
    assert_eq!(client.poll(), Err(Error::Timeout(Timeout::Pong)));
}

#[test]
fn a_ping_whose_answer_finds_no_room_waits_for_who_only_sends() {
    let now = Instant::now_for_test();
    let limits = Limits { outbox_bytes_max: 1000, ..Limits::default() };
    let mut client = client(Config { limits, ..Config::default() });
    while client.ping(&[0; 100]).is_ok() {}
    client.feed(&frame(true, Opcode::Ping, &[1; 100]), now);
    assert_eq!(client.poll_control(), Ok(Ahead::Other));
    sent(&mut client);
    assert_eq!(client.poll_control(), Ok(Ahead::Control(Event::Ping)));
    assert_eq!(sent(&mut client), [(Opcode::Pong, vec![1; 100])]);
}

#[test]
fn a_fault_is_left_for_reading_by_who_only_sends() {
    let mut client = client(Config::default());
    // RFC 6455 5.2: a reserved opcode.
    client.feed(&[0x83, 0], Instant::now_for_test());
    assert_eq!(client.poll_control(), Ok(Ahead::Other));
    assert!(client.is_open());
    assert_eq!(client.poll(), Err(Violation::ReservedOpcode(3).into()));
    assert!(matches!(client.poll_control(), Err(Error::Protocol(Violation::ReservedOpcode(3)))));
}

#[test]
fn any_byte_proves_life_and_puts_the_next_ping_off() {
    let start = Instant::now_for_test();
    let mut client = Connection::upgraded(Role::Client, Config::default(), SEED, start);
    let heard = start + Duration::from_secs(20);
    client.feed(&frame(true, Opcode::Text, b"tick"), heard);
    drain(&mut client);
    client.on_deadline(start + Duration::from_secs(30));
    assert!(client.transmit().is_empty(), "there was no silence of 30 s");
    assert_eq!(client.next_deadline(), Some(heard + Duration::from_secs(30)));
    client.on_deadline(heard + Duration::from_secs(30));
    assert_eq!(sent(&mut client).len(), 1);
    let answered = heard + Duration::from_secs(31);
    client.feed(b"\x8a", answered);
    assert_eq!(
        client.next_deadline(),
        Some(answered + Duration::from_secs(30)),
        "half a Pong is a sign of life"
    );
    client.on_deadline(answered + Duration::from_secs(30));
    assert_eq!(sent(&mut client).len(), 1, "each silence is asked anew");
}

#[test]
fn times_that_no_clock_can_show_never_come_and_no_time_at_all_does_not_loop() {
    let start = Instant::now_for_test();
    let never = Duration::MAX;
    let timeouts = Timeouts { handshake: never, close: never, ping_after: Some(never), pong: never };
    let config = Config { timeouts, ..Config::default() };
    let request = || Request::new("localhost", "/").unwrap();
    assert_eq!(Connection::client(request(), config.clone(), SEED, start).next_deadline(), None);
    let mut open = Connection::upgraded(Role::Client, config, SEED, start);
    assert_eq!(open.next_deadline(), None);
    open.close(1000, "", start).unwrap();
    assert_eq!(open.next_deadline(), None);

    let timeouts = Timeouts { ping_after: Some(Duration::ZERO), pong: Duration::ZERO, ..Timeouts::default() };
    let config = Config { timeouts, ..Config::default() };
    let mut hasty = Connection::upgraded(Role::Client, config, SEED, start);
    hasty.on_deadline(start);
    assert_eq!(hasty.poll(), Err(Error::Timeout(Timeout::Pong)));
}

#[test]
fn a_client_that_talks_before_the_answer_is_bounded() {
    let mut server = Connection::server(Config::default(), Instant::now_for_test());
    let request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    server.feed(request.as_bytes(), Instant::now_for_test());
    assert_eq!(server.poll(), Ok(Some(Event::Request)));
    for _ in 0..20_000 {
        server.feed(&[0x82], Instant::now_for_test());
    }
    assert_eq!(server.poll(), Err(Error::Limit(Exceeded::HandshakeBytes { max: 16 << 10 })));
}

#[test]
fn a_handshake_that_is_not_answered_times_out() {
    let start = Instant::now_for_test();
    let request = Request::new("localhost", "/").unwrap();
    let mut client = Connection::client(request, Config::default(), SEED, start);
    let deadline = client.next_deadline().unwrap();
    assert_eq!(deadline, start + Config::default().timeouts.handshake);
    client.on_deadline(deadline);
    assert_eq!(client.poll(), Err(Error::Timeout(Timeout::Handshake)));
    assert!(client.is_ended());
}

#[test]
fn calling_on_deadline_again_without_draining_changes_nothing() {
    let start = Instant::now_for_test();
    let mut client = Connection::upgraded(Role::Client, Config::default(), SEED, start);
    let asked = start + Duration::from_secs(30);
    client.on_deadline(asked);
    client.on_deadline(asked);
    assert_eq!(sent(&mut client).len(), 1);
}
