//! Messages in parts: what arrives is what arrives whole, however it is cut and whoever asks in between.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[cfg(feature = "deflate")]
#[path = "common/agreed.rs"]
mod agreed;
mod common;

use common::{NowForTest as _, Seen, any_frame, client, frame, look, masked, run, server};
use proptest::prelude::*;
use std::time::Instant;
use tickwire_ws::{
    Ahead, Config, Connection, Disconnected, Error, Event, Exceeded, Header, Kind, Limits, Opcode,
};

/// How a message is asked for.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Part by part.
    Parts,
    /// As a whole.
    Whole,
    /// As a whole so many times, then part by part.
    Late(usize),
    /// So many parts; the rest is let go.
    Beginning(usize),
    /// Part by part so many times, whether there was one or not, then as a whole.
    Asked(usize),
    /// As a whole, once the control frames before it are dealt with.
    Attended,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Came {
    Part(Kind, Vec<u8>, bool),
    /// The message whose parts came was let go.
    Over,
    Other(Seen),
}

/// Feeds all of `bytes` in reads of `read` bytes at most, and asks for one message after the other in these ways.
fn take(connection: &mut Connection, bytes: &[u8], read: usize, ways: &[Way]) -> Vec<Came> {
    let now = Instant::now_for_test();
    let mut came = Vec::new();
    let mut ways = ways.iter().copied().cycle();
    let (mut way, mut calls, mut parts) = (ways.next().unwrap(), 0, 0);
    for chunk in bytes.chunks(read.max(1)) {
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = &rest[connection.feed(rest, now)..];
            loop {
                let by_part = match way {
                    Way::Parts => true,
                    Way::Whole => false,
                    Way::Late(after) => calls >= after,
                    Way::Beginning(count) => parts < count,
                    Way::Asked(times) => calls < times,
                    Way::Attended => false,
                };
                calls += 1;
                let event = match way {
                    Way::Attended => attended(connection),
                    _ if by_part => connection.poll_part(),
                    _ => connection.poll(),
                };
                let is_over = match event {
                    Ok(None) => break,
                    Ok(Some(Event::Part)) => {
                        let part = connection.part().unwrap();
                        came.push(Came::Part(part.kind, part.bytes.to_vec(), part.is_last));
                        parts += 1;
                        part.is_last
                    }
                    Ok(Some(event)) => {
                        let is_message = event == Event::Message;
                        came.extend((is_message && parts > 0).then_some(Came::Over));
                        came.push(Came::Other(joined(look(connection, event))));
                        is_message
                    }
                    Err(error) => {
                        came.push(Came::Other(Seen::Error(error)));
                        return came;
                    }
                };
                if is_over {
                    (way, calls, parts) = (ways.next().unwrap(), 0, 0);
                }
            }
        }
    }
    came
}

/// What is next, a control frame before anything else that is there.
fn attended(connection: &mut Connection) -> Result<Option<Event>, Error> {
    match connection.poll_control()? {
        Ahead::Control(event) => Ok(Some(event)),
        Ahead::Other => connection.poll(),
        Ahead::Nothing => Ok(None),
    }
}

/// Parts put together, each message where its last part came; those of one without a last part are left out.
fn together(came: Vec<Came>) -> Vec<Seen> {
    let mut message = Vec::new();
    came.into_iter()
        .filter_map(|came| match came {
            Came::Part(kind, bytes, is_last) => {
                message.extend(bytes);
                is_last.then(|| Seen::Message(kind, vec![std::mem::take(&mut message)]))
            }
            Came::Over => None,
            Came::Other(seen) => Some(seen),
        })
        .collect()
}

/// Looks whether each message came as it is in `whole`, or began as it does there and was let go.
fn compare(came: Vec<Came>, whole: &[Seen]) -> Result<(), TestCaseError> {
    let is_message = |seen: &&Seen| matches!(seen, Seen::Message(..));
    let mut messages = whole.iter().filter(is_message);
    let (mut parts, mut others) = (Vec::new(), Vec::new());
    let mut has_begun = false;
    for came in came {
        match came {
            Came::Part(kind, bytes, is_last) => {
                parts.extend(bytes);
                has_begun = !is_last;
                if is_last {
                    prop_assert_eq!(
                        messages.next(),
                        Some(&Seen::Message(kind, vec![std::mem::take(&mut parts)]))
                    );
                }
            }
            Came::Over => {
                let Some(Seen::Message(_, all)) = messages.next() else { panic!("let go what never came") };
                prop_assert!(all[0].starts_with(&parts));
                parts.clear();
                has_begun = false;
            }
            Came::Other(message @ Seen::Message(..)) => prop_assert_eq!(messages.next(), Some(&message)),
            Came::Other(other) => others.push(other),
        }
    }
    // What was being let go when the bytes ended.
    let left: Vec<&Seen> = messages.collect();
    let is_let_go = match left[..] {
        [] => true,
        [Seen::Message(_, all)] => has_begun && all[0].starts_with(&parts),
        _ => false,
    };
    prop_assert!(is_let_go, "{left:?} never came");
    prop_assert_eq!(
        others.iter().collect::<Vec<_>>(),
        whole.iter().filter(|seen| !is_message(seen)).collect::<Vec<_>>()
    );
    Ok(())
}

fn joined(seen: Seen) -> Seen {
    match seen {
        Seen::Message(kind, fragments) => Seen::Message(kind, vec![fragments.concat()]),
        other => other,
    }
}

/// A connection of each role, and what makes the frames of its peer.
type Made = (fn(Config) -> Connection, fn(bool, Opcode, &[u8]) -> Vec<u8>);

const ROLES: [Made; 2] = [(client, frame), (server, masked)];

fn any_way() -> impl Strategy<Value = Way> {
    prop_oneof![
        Just(Way::Parts),
        Just(Way::Whole),
        (1usize..10).prop_map(Way::Late),
        (1usize..5).prop_map(Way::Beginning),
        (1usize..5).prop_map(Way::Asked),
        Just(Way::Attended),
    ]
}

/// The next part, if there is one: its bytes, and whether it is the last.
fn part(connection: &mut Connection) -> Option<(Vec<u8>, bool)> {
    let event = connection.poll_part().unwrap()?;
    assert_eq!(event, Event::Part);
    connection.part().map(|part| (part.bytes.to_vec(), part.is_last))
}

fn feed(connection: &mut Connection, bytes: &[u8]) {
    assert_eq!(connection.feed(bytes, Instant::now_for_test()), bytes.len());
}

#[test]
fn a_frame_of_a_gigabyte_comes_in_parts_and_nothing_of_it_is_kept() {
    const LEN: usize = 1 << 30;
    let limits = Limits { frame_bytes_max: LEN, message_bytes_max: LEN, ..Limits::default() };
    let mut client = client(Config { limits, ..Config::default() });
    let mut head = Vec::new();
    Header { fin: true, rsv: 0, opcode: Opcode::Binary, mask: None, len: LEN as u64 }.encode(&mut head);
    feed(&mut client, &head);
    let (mut read, mut largest, mut ended) = (0, 0, false);
    while read < LEN {
        // Windows of the buffer grow with what comes, up to 64 KiB, and no further.
        let room = client.recv_buffer().len().min(LEN - read);
        largest = largest.max(room);
        client.received(room, Instant::now_for_test());
        while let Some((bytes, is_last)) = part(&mut client) {
            read += bytes.len();
            ended |= is_last;
        }
    }
    assert_eq!((read, largest, ended), (LEN, 64 << 10, true));
    assert!(client.moved_bytes() < 256 << 10, "{} bytes moved", client.moved_bytes());
}

#[test]
fn a_message_whose_header_came_alone_is_not_let_go_untold() {
    let mut client = client(Config::default());
    let frame = frame(true, Opcode::Text, b"all of it");
    feed(&mut client, &frame[..2]);
    // None of its bytes are there, but from now on it can only be had in parts.
    assert_eq!(part(&mut client), Some((Vec::new(), false)));
    assert_eq!(part(&mut client), None);
    feed(&mut client, &frame[2..]);
    assert_eq!(part(&mut client), Some((b"all of it".to_vec(), true)));
}

#[test]
fn what_is_let_go_of_a_message_is_never_handed_out_again() {
    let ways = [
        |client: &mut Connection| assert_eq!(client.poll(), Ok(None)),
        |client: &mut Connection| client.let_parts_go(),
    ];
    // Where nothing more has come, and in the middle of a frame.
    for (let_go, come) in ways.into_iter().flat_map(|way| [(way, 0), (way, 5)]) {
        let mut client = client(Config::default());
        feed(&mut client, &frame(false, Opcode::Binary, b"one"));
        assert_eq!(part(&mut client), Some((b"one".to_vec(), false)));
        let rest = frame(true, Opcode::Continuation, b"twothree");
        feed(&mut client, &rest[..come]);
        let_go(&mut client);
        feed(&mut client, &rest[come..]);
        assert_eq!(part(&mut client), None);
        feed(&mut client, &frame(true, Opcode::Binary, b"the next"));
        assert_eq!(part(&mut client), Some((b"the next".to_vec(), true)));
    }
}

#[test]
fn the_end_of_the_stream_within_a_message_in_parts_is_told() {
    let mut client = client(Config::default());
    feed(&mut client, &frame(false, Opcode::Text, b"begun"));
    assert_eq!(part(&mut client), Some((b"begun".to_vec(), false)));
    client.received_end();
    assert_eq!(client.poll_part(), Err(Error::Disconnected(Disconnected::InMessage)));
}

#[test]
fn what_is_longer_than_allowed_is_refused_by_its_header() {
    let limits = Limits { message_bytes_max: 10, ..Limits::default() };
    let mut client = client(Config { limits, ..Config::default() });
    feed(&mut client, &frame(false, Opcode::Binary, &[1; 6]));
    assert_eq!(part(&mut client), Some((vec![1; 6], false)));
    feed(&mut client, &frame(true, Opcode::Continuation, &[2; 5])[..2]);
    assert_eq!(client.poll_part(), Err(Exceeded::Message { bytes: 11, max: 10 }.into()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn parts_of_any_bytes_in_any_cut_are_the_messages(
        frames in proptest::collection::vec(any_frame(), 1..8),
        read in 1usize..300,
        limits in (0usize..200, 0usize..200),
    ) {
        let small = Limits { frame_bytes_max: limits.0, message_bytes_max: limits.1, ..Limits::default() };
        for (make, encode) in ROLES {
            for limits in [Limits::default(), small.clone()] {
                let config = Config { limits, ..Config::default() };
                let bytes: Vec<u8> = frames.iter().flat_map(|(fin, opcode, payload)| encode(*fin, *opcode, payload)).collect();
                let whole: Vec<Seen> = run(&mut make(config.clone()), &bytes, bytes.len()).into_iter().map(joined).collect();
                prop_assert_eq!(together(take(&mut make(config), &bytes, read, &[Way::Parts])), whole);
            }
        }
    }

    #[test]
    fn whoever_asks_in_between_gets_whole_messages_or_the_next_part(
        frames in proptest::collection::vec(any_frame(), 1..8),
        read in 1usize..300,
        ways in proptest::collection::vec(any_way(), 1..6),
    ) {
        for (make, encode) in ROLES {
            let bytes: Vec<u8> = frames.iter().flat_map(|(fin, opcode, payload)| encode(*fin, *opcode, payload)).collect();
            let whole: Vec<Seen> = run(&mut make(Config::default()), &bytes, bytes.len()).into_iter().map(joined).collect();
            compare(take(&mut make(Config::default()), &bytes, read, &ways), &whole)?;
        }
    }
}

#[cfg(feature = "deflate")]
mod compressed {
    //! The same where messages are compressed (RFC 7692).

    use super::*;
    use std::slice;
    use tickwire_ws::Deflate;

    fn pair(limits: Limits) -> (Connection, Connection) {
        let config = Config { limits, deflate: Some(Deflate::default()), ..Config::default() };
        agreed::pair(&config, &config, Instant::now_for_test())
    }

    fn any_message() -> impl Strategy<Value = (Kind, Vec<Vec<u8>>)> {
        let text = proptest::collection::vec("\\PC{0,60}".prop_map(String::into_bytes), 1..5);
        let bytes = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..5);
        let long = proptest::collection::vec(
            (any::<u8>(), 0usize..200_000).prop_map(|(byte, len)| vec![byte; len]),
            1..4,
        );
        prop_oneof![
            2 => text.prop_map(|parts| (Kind::Text, parts)),
            2 => bytes.prop_map(|parts| (Kind::Binary, parts)),
            1 => long.prop_map(|parts| (Kind::Binary, parts)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn parts_are_what_was_compressed(
            messages in proptest::collection::vec(any_message(), 1..6),
            read in 1usize..500,
            ways in proptest::collection::vec(any_way(), 1..6),
        ) {
            let (mut client, mut server) = pair(Limits::default());
            let expected: Vec<Seen> = messages.iter().map(|(kind, parts)| Seen::Message(*kind, vec![parts.concat()])).collect();
            for to_client in [true, false, true] {
                let (from, to) = if to_client { (&mut server, &mut client) } else { (&mut client, &mut server) };
                for (kind, parts) in &messages {
                    for (i, part) in parts.iter().enumerate() {
                        from.send_fragment(*kind, part, i + 1 == parts.len()).unwrap();
                    }
                }
                let bytes = common::drain_out(from);
                compare(take(to, &bytes, read, &ways), &expected)?;
                // What was let go to the end of the bytes is over with them.
                prop_assert_eq!(to.poll(), Ok(None));
            }
        }

        #[test]
        fn noise_gives_the_same_verdict_in_parts(
            payloads in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..100)), 1..6),
            read in 1usize..50,
        ) {
            let limits = Limits { message_bytes_max: 1000, ..Limits::default() };
            let bytes: Vec<u8> = payloads.iter().flat_map(|(is_text, payload)| {
                let mut frame = frame(true, if *is_text { Opcode::Text } else { Opcode::Binary }, payload);
                frame[0] |= 0x40;
                frame
            }).collect();
            let whole: Vec<Seen> = run(&mut pair(limits.clone()).0, &bytes, bytes.len()).into_iter().map(joined).collect();
            prop_assert_eq!(together(take(&mut pair(limits).0, &bytes, read, &[Way::Parts])), whole);
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_not_judged_beyond_its_limit_however_it_is_cut() {
        let limits = Limits { message_bytes_max: 1000, ..Limits::default() };
        let too_long = Seen::Error(Exceeded::Message { bytes: 1001, max: 1000 }.into());
        let (_, mut server) = pair(Limits::default());
        server.send_fragment(Kind::Binary, &[b'a'; 600], false).unwrap();
        server.send_fragment(Kind::Binary, &[&[b'b'; 500][..], b"\xFF"].concat(), true).unwrap();
        let mut bytes = common::drain_out(&mut server);
        // No text that anybody would send.
        bytes[0] ^= Opcode::Binary as u8 ^ Opcode::Text as u8;
        for read in 1..=bytes.len() {
            for way in [Way::Whole, Way::Parts] {
                let came = take(&mut pair(limits.clone()).0, &bytes, read, &[way]);
                assert_eq!(together(came), slice::from_ref(&too_long), "{way:?} in reads of {read}");
            }
        }
    }

    #[test]
    fn parts_of_a_bomb_are_small_and_the_limit_holds_over_all_of_them() {
        const LEN: usize = 64 << 20;
        for (max, fits) in [(LEN, true), (LEN - 1, false)] {
            let limits = Limits { message_bytes_max: max, outbox_bytes_max: 1 << 30, ..Limits::default() };
            let (mut client, mut server) = pair(limits);
            server.send(Kind::Binary, &vec![0; LEN]).unwrap();
            let bytes = common::drain_out(&mut server);
            let (mut rest, mut len, mut error) = (&bytes[..], 0, None);
            while !rest.is_empty() && error.is_none() {
                rest = &rest[client.feed(rest, Instant::now_for_test())..];
                loop {
                    match client.poll_part() {
                        Ok(None) => break,
                        Ok(Some(_)) => {
                            let part = client.part().unwrap();
                            assert!(part.bytes.len() <= 256 << 10, "{} bytes", part.bytes.len());
                            len += part.bytes.len();
                            assert_eq!(part.is_last, len == LEN);
                        }
                        Err(told) => {
                            error = Some(told);
                            break;
                        }
                    }
                }
            }
            let exceeded = Error::from(Exceeded::Message { bytes: LEN as u64, max: LEN - 1 });
            assert_eq!((len == LEN, error), (fits, (!fits).then_some(exceeded)));
        }
    }
}
