//! The closing handshake and the timers (RFC 6455 7), on a manual clock.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{NowForTest as _, SEED, Seen, client, drain, frame, masked, run, sent, server};
use std::time::{Duration, Instant};
use tickwire_ws::{Config, Connection, Error, Opcode, Request, Role, SendError, Timeout};

#[test]
fn our_close_is_echoed_and_the_end_is_clean() {
    let now = Instant::now_for_test();
    let mut client = client(Config::default());
    client.close(1000, "done", now).unwrap();
    assert_eq!(sent(&mut client), [(Opcode::Close, b"\x03\xe8done".to_vec())]);
    assert_eq!(client.send(tickwire_ws::Kind::Text, b"late"), Err(SendError::Closing));
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
    client.send(tickwire_ws::Kind::Text, b"queued").unwrap();
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
fn a_ping_after_our_close_is_not_answered() {
    let mut client = client(Config::default());
    client.close(1000, "", Instant::now_for_test()).unwrap();
    sent(&mut client);
    assert_eq!(run(&mut client, &frame(true, Opcode::Ping, b"?"), 99), [Seen::Ping(b"?".to_vec())]);
    assert!(client.transmit().is_empty());
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
    client.feed(b"\x8a", heard + Duration::from_secs(31));
    client.on_deadline(heard + Duration::from_secs(60));
    assert!(client.is_open(), "half a Pong is a sign of life");
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
