//! Direct message reads: whole messages as borrowed slices, in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Script, client, fragmented, frame, text, written};
use std::time::{Duration, Instant};
use tickwire::ws::{Disconnected, Error as WsError, Exceeded, Opcode, Violation};
use tickwire::{Client, Error, Event, FrameAssembler, Kind, Limits, Plain, Timeouts};

fn direct(client: &mut Client<Plain<Script>>) -> Option<Vec<Vec<u8>>> {
    client.next_message_direct().unwrap().map(|message| message.fragments().map(<[u8]>::to_vec).collect())
}

fn plain(client: &mut Client<Plain<Script>>) -> Option<Vec<u8>> {
    client.next_message().unwrap().map(|payload| payload.bytes.to_vec())
}

fn with_limit(reads: Vec<Vec<u8>>, change: impl FnOnce(&mut Limits)) -> Client<Plain<Script>> {
    let mut limits = Limits::default();
    change(&mut limits);
    Client::builder().limits(limits).upgraded(Script::new(reads), b"").unwrap()
}

fn error(client: &mut Client<Plain<Script>>) -> WsError {
    loop {
        match client.next_message_direct() {
            Err(Error::WebSocket(error)) => return error,
            Err(other) => panic!("{other:?}"),
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error"),
        }
    }
}

#[test]
fn an_unfragmented_message_is_one_slice_of_the_receive_buffer() {
    let mut client = client([text("hello")]);
    let message = client.next_message_direct().unwrap().unwrap();
    assert_eq!((message.kind(), message.single()), (Kind::Text, Some(&b"hello"[..])));
    assert_eq!(client.moved_bytes(), 0);
    assert!(client.next_message_direct().unwrap().is_none());
}

#[test]
fn a_fragmented_message_is_a_slice_for_each_frame() {
    let mut client = client([fragmented(Opcode::Text, &[b"one", b"", b"two"])]);
    assert_eq!(direct(&mut client), Some(vec![b"one".to_vec(), b"".to_vec(), b"two".to_vec()]));
}

#[test]
fn a_ping_in_mid_message_is_answered_before_the_message_is_whole() {
    let first = [frame(false, Opcode::Text, b"a"), frame(true, Opcode::Ping, b"still there?")].concat();
    let mut client = client([first]);
    assert_eq!(direct(&mut client), None);
    assert_eq!(written(&client), [(Opcode::Pong, b"still there?".to_vec())]);
}

#[test]
fn control_frames_in_mid_message_leave_the_slices_alone() {
    let ping = frame(true, Opcode::Ping, b"x");
    let bytes = [
        frame(false, Opcode::Text, b"a"),
        ping.clone(),
        ping,
        frame(true, Opcode::Continuation, b"b"),
        text("next"),
    ];
    let mut client = client([bytes.concat()]);
    assert_eq!(direct(&mut client), Some(vec![b"a".to_vec(), b"b".to_vec()]));
    assert_eq!(direct(&mut client), Some(vec![b"next".to_vec()]));
}

#[test]
fn the_first_fragment_may_breach_the_limit_and_so_may_a_later_one() {
    let too_big = Exceeded::Message { bytes: 1001, max: 1000 };
    let mut first =
        with_limit(vec![frame(false, Opcode::Binary, &[0; 1001])], |limits| limits.message_bytes_max = 1000);
    assert_eq!(error(&mut first), WsError::Limit(too_big));
    assert_eq!(written(&first), [(Opcode::Close, 1009u16.to_be_bytes().to_vec())]);
    let parts = fragmented(Opcode::Binary, &[&[0; 500], &[0; 501]]);
    let mut later = with_limit(vec![parts], |limits| limits.message_bytes_max = 1000);
    assert_eq!(error(&mut later), WsError::Limit(too_big));
    assert_eq!(written(&later), [(Opcode::Close, 1009u16.to_be_bytes().to_vec())]);
}

#[test]
fn a_message_of_exactly_the_limit_passes() {
    let parts = fragmented(Opcode::Binary, &[&[1; 500], &[2; 500]]);
    let mut client = with_limit(vec![parts], |limits| limits.message_bytes_max = 1000);
    assert_eq!(direct(&mut client).unwrap().concat().len(), 1000);
}

#[test]
fn the_nth_fragment_without_continuation_is_a_violation() {
    let bytes =
        [frame(false, Opcode::Text, b"a"), frame(false, Opcode::Continuation, b"b"), text("c")].concat();
    let mut client = client([bytes]);
    assert_eq!(error(&mut client), WsError::Protocol(Violation::ExpectedContinuation));
    assert_eq!(written(&client), [(Opcode::Close, 1002u16.to_be_bytes().to_vec())]);
    assert_eq!(error(&mut client), WsError::Protocol(Violation::ExpectedContinuation), "it sticks");
}

#[test]
fn a_continuation_without_a_start_is_a_violation() {
    let mut client = client([frame(true, Opcode::Continuation, b"x")]);
    assert_eq!(error(&mut client), WsError::Protocol(Violation::UnexpectedContinuation));
}

#[test]
fn many_direct_reads_in_a_row_move_nothing_once_the_buffer_has_grown() {
    let burst: Vec<u8> = (0..500).flat_map(|i| text(&format!("message {i}"))).collect();
    let mut client = client((0..200).map(|_| burst.clone()));
    let mut grown = 0;
    for i in 0..100_000 {
        let message = client.next_message_direct().unwrap().unwrap();
        assert_eq!(message.single().unwrap(), format!("message {}", i % 500).as_bytes());
        if i == 5000 {
            grown = client.moved_bytes();
        }
    }
    assert!(client.next_message_direct().unwrap().is_none());
    assert_eq!(client.moved_bytes(), grown, "each burst was used up before the next read");
    assert!(grown < 2 * burst.len() as u64, "{grown} bytes were moved while it grew");
}

/// A generator for tests, xorshift: the reads are the same in every run.
fn sizes(mut state: u64, max: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(usize::try_from(state % max as u64).unwrap() + 1)
    })
}

#[test]
fn small_messages_in_random_reads_are_hardly_ever_moved() {
    for (len, reads) in [
        (160, 300),
        (160, 4 << 10),
        (160, 64 << 10),
        (1 << 10, 1 << 10),
        (1 << 10, 8 << 10),
        (1 << 10, 64 << 10),
    ] {
        let message = frame(true, Opcode::Binary, &vec![7; len]);
        let count = (32 << 20) / message.len();
        let bytes = message.repeat(count);
        let mut at = 0;
        let script = sizes(1, reads).map_while(|size| {
            let read = bytes.get(at..(at + size).min(bytes.len())).filter(|read| !read.is_empty());
            at += size;
            read.map(<[u8]>::to_vec)
        });
        let mut client = Client::builder().upgraded(Script::new(script), b"").unwrap();
        let (mut seen, mut grown) = (0, 0);
        while client.next_message_direct().unwrap().is_some() {
            seen += 1;
            if seen == count / 8 {
                grown = client.moved_bytes();
            }
        }
        assert_eq!(seen, count);
        let moved = (client.moved_bytes() - grown) as f64 / (count - count / 8) as f64;
        println!("{len} bytes in reads of up to {reads}: {moved:.2} bytes moved per message");
        assert!(moved <= 3.0, "{moved} of {len} bytes in reads of up to {reads}");
    }
}

#[test]
fn direct_and_plain_reads_alternate_over_whole_and_fragmented_messages() {
    let mut reads = Vec::new();
    for i in 0..3000u32 {
        let number = i.to_be_bytes();
        let message = match i % 3 {
            0 => frame(true, Opcode::Binary, &number),
            1 => fragmented(Opcode::Binary, &[&number[..1], &number[1..]]),
            _ => [
                frame(false, Opcode::Binary, &number),
                frame(true, Opcode::Ping, b"p"),
                frame(true, Opcode::Continuation, b""),
            ]
            .concat(),
        };
        // Cut in two so that messages lie across reads.
        let cut = usize::try_from(i).unwrap() % message.len();
        reads.push(message[..cut].to_vec());
        reads.push(message[cut..].to_vec());
    }
    reads.retain(|read| !read.is_empty());
    let mut client = client(reads);
    for i in 0..3000u32 {
        let bytes =
            if i % 2 == 0 { direct(&mut client).unwrap().concat() } else { plain(&mut client).unwrap() };
        assert_eq!(bytes, i.to_be_bytes());
    }
    assert_eq!(direct(&mut client), None);
}

#[test]
fn more_than_32_fragments_and_a_growing_buffer_keep_every_slice() {
    let parts: Vec<Vec<u8>> = (0..100u8).map(|i| vec![i; 10_000]).collect();
    let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let bytes = fragmented(Opcode::Binary, &slices);
    let mut client = client(bytes.chunks(1500).map(<[u8]>::to_vec));
    assert_eq!(direct(&mut client), Some(parts));
}

#[test]
fn a_close_in_mid_message_ends_without_the_message() {
    let bytes =
        [frame(false, Opcode::Text, b"never whole"), frame(true, Opcode::Close, b"\x03\xe9gone")].concat();
    let mut script = Script::new([bytes]);
    script.ends = true;
    let mut client = Client::builder().upgraded(script, b"").unwrap();
    assert_eq!(direct(&mut client), None);
    assert!(client.is_closed() && client.is_clean());
    let close = client.received_close().unwrap();
    assert_eq!((close.code.map(u16::from), close.reason.as_str()), (Some(1001), "gone"));
    assert_eq!(written(&client), [(Opcode::Close, 1001u16.to_be_bytes().to_vec())]);
}

#[test]
fn the_end_of_the_stream_in_mid_message_is_an_error_that_says_so() {
    for bytes in [frame(false, Opcode::Text, b"first"), b"\x81\x05He".to_vec()] {
        let mut script = Script::new([text("before"), bytes]);
        script.ends = true;
        let mut client = Client::builder().upgraded(script, b"").unwrap();
        assert_eq!(direct(&mut client), Some(vec![b"before".to_vec()]));
        assert_eq!(error(&mut client), WsError::Disconnected(Disconnected::InMessage));
    }
}

#[test]
fn fragments_can_be_joined_by_the_assembler() {
    let mut client = client([fragmented(Opcode::Text, &[b"tick", b"wire"])]);
    let message = client.next_message_direct().unwrap().unwrap();
    let assembler: FrameAssembler<'_> = message.fragments().collect();
    assert_eq!((assembler.len(), assembler.reassemble()), (8, b"tickwire".to_vec()));
    let mut target = [0; 7];
    assert!(assembler.reassemble_into(&mut target).is_err());
    assert_eq!(target, [0; 7]);
}

#[test]
fn every_event_is_shown_to_those_who_ask() {
    let bytes = [
        frame(true, Opcode::Ping, b"a"),
        text("b"),
        frame(true, Opcode::Pong, b"c"),
        frame(true, Opcode::Close, b"\x03\xe8"),
    ]
    .concat();
    let mut client = client([bytes]);
    let mut seen = Vec::new();
    while let Some(event) = client.next_event().unwrap() {
        seen.push(match event {
            Event::Ping(payload) => format!("ping {}", payload.len()),
            Event::Pong(payload) => format!("pong {}", payload.len()),
            Event::Message(message) => format!("message {}", message.len()),
            Event::Close(close) => format!("close {:?}", close.code.map(u16::from)),
            other => format!("{other:?}"),
        });
    }
    assert_eq!(seen, ["ping 1", "message 1", "pong 1", "close Some(1000)"]);
}

#[test]
fn bytes_read_behind_the_handshake_by_somebody_else_are_not_lost() {
    let mut client = Client::builder().upgraded(Script::default(), &text("early")).unwrap();
    assert_eq!(plain(&mut client), Some(b"early".to_vec()));
}

#[test]
fn a_queued_message_is_written_by_the_next_read() {
    let mut client = client([]);
    client.send_text("hello").unwrap();
    client.send_binary(&[1, 2]).unwrap();
    client.ping(b"p").unwrap();
    assert!(client.transport().0.written.is_empty());
    assert_eq!(plain(&mut client), None);
    assert_eq!(
        written(&client),
        [(Opcode::Ping, b"p".to_vec()), (Opcode::Text, b"hello".to_vec()), (Opcode::Binary, vec![1, 2])]
    );
}

#[test]
fn a_message_that_comes_in_the_moment_of_a_timer_is_whole() {
    // The buffer has grown and is empty, and the time to ask a silent peer is over when the next bytes are read.
    let long = frame(true, Opcode::Binary, &[7; 20_000]);
    let timeouts = Timeouts { ping_after: Some(Duration::from_nanos(1)), ..Timeouts::default() };
    let script = Script::new([long, Vec::new(), text("hello")]);
    let mut client = Client::builder().timeouts(timeouts).upgraded(script, b"").unwrap();
    assert_eq!(plain(&mut client).map(|bytes| bytes.len()), Some(20_000));
    while !matches!(plain(&mut client), Some(bytes) if bytes == b"hello") {}
}

#[test]
fn bytes_behind_a_control_frame_have_a_time_of_their_own() {
    // Control frames are limited by the second: a slow reader's must not all count in one.
    let first = [text("a"), frame(true, Opcode::Ping, b"")].concat();
    let mut client = client([first, text("b")]);
    assert_eq!(plain(&mut client).as_deref(), Some(&b"a"[..]));
    let before = client.received_at();
    #[expect(clippy::disallowed_methods, reason = "until the clock has gone on")]
    while Instant::now() <= before {}
    assert_eq!(plain(&mut client).as_deref(), Some(&b"b"[..]));
    assert!(client.received_at() > before);
}

#[test]
fn a_pong_that_has_arrived_counts_even_if_it_is_read_late() {
    let timeouts = Timeouts {
        ping_after: Some(Duration::from_nanos(1)),
        pong: Duration::from_nanos(1),
        ..Timeouts::default()
    };
    let script = Script::new([text("first"), Vec::new(), frame(true, Opcode::Pong, b""), text("second")]);
    let mut client = Client::builder().timeouts(timeouts).upgraded(script, b"").unwrap();
    assert_eq!(plain(&mut client).as_deref(), Some(&b"first"[..]));
    // Finds nothing, asks, and reads the answer after its deadline.
    assert_eq!(plain(&mut client).as_deref(), Some(&b"second"[..]));
}
