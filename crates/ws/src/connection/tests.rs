//! What the receive buffer holds while direct and plain reads alternate.

use super::{Connection, Event, Role};
use crate::header::{Header, Opcode};
use crate::limits::Config;
use std::time::Instant;

fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Header { fin, rsv: 0, opcode, mask: None, len: payload.len() as u64 }.encode(&mut out);
    out.extend_from_slice(payload);
    out
}

#[expect(clippy::disallowed_methods, reason = "an Instant can only be made from the clock")]
fn now() -> Instant {
    Instant::now()
}

/// One message of three bytes: whole, in two frames, or in two frames with a Ping between.
fn message(i: usize) -> Vec<u8> {
    match i % 3 {
        0 => frame(true, Opcode::Text, b"abc"),
        1 => [frame(false, Opcode::Text, b"a"), frame(true, Opcode::Continuation, b"bc")].concat(),
        _ => [
            frame(false, Opcode::Text, b"ab"),
            frame(true, Opcode::Ping, b"p"),
            frame(true, Opcode::Continuation, b"c"),
        ]
        .concat(),
    }
}

#[test]
fn each_read_holds_its_own_message_and_nothing_of_the_ones_before() {
    let mut connection = Connection::upgraded(Role::Client, Config::default(), [0; 32], now());
    let all: Vec<u8> = (0..300).flat_map(message).collect();
    assert_eq!(connection.feed(&all, now()), all.len());
    let mut unparsed = all.len();
    for i in 0..300 {
        while connection.poll() != Ok(Some(Event::Message)) {}
        unparsed -= message(i).len();
        assert_eq!(connection.inbox.held(), message(i).len(), "message {i}");
        assert_eq!(connection.inbox.unparsed().len(), unparsed, "message {i}");
        if i % 2 == 0 {
            assert_eq!(connection.payload().map(|payload| payload.bytes), Some(&b"abc"[..]));
        } else {
            let message = connection.message().unwrap();
            assert_eq!(message.fragments().collect::<Vec<_>>().concat(), b"abc");
        }
    }
    assert_eq!(connection.poll(), Ok(None));
    assert_eq!((connection.inbox.held(), connection.inbox.unparsed().len()), (0, 0));
}

#[test]
fn a_message_in_progress_is_held_while_more_is_read_and_let_go_when_it_was_handed_out() {
    let mut connection = Connection::upgraded(Role::Client, Config::default(), [0; 32], now());
    let first = frame(false, Opcode::Binary, &[1; 100]);
    connection.feed(&first, now());
    assert_eq!(connection.poll(), Ok(None));
    assert_eq!(connection.inbox.held(), first.len());
    let rest = [frame(true, Opcode::Continuation, &[2; 100]), frame(true, Opcode::Binary, &[3])].concat();
    connection.feed(&rest, now());
    assert_eq!(connection.poll(), Ok(Some(Event::Message)));
    assert_eq!(connection.inbox.held(), first.len() + 102);
    assert_eq!(connection.poll(), Ok(Some(Event::Message)));
    assert_eq!(connection.inbox.held(), 3);
}
