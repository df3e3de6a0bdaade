//! Messages of any length, written by tungstenite, read as they arrive.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::bytes;
use common::server::{finish, serve_socket};
use std::io::{BufRead as _, ErrorKind, Read as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;
use tickwire::{Client, Kind, Limits, MessageReader};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Message, WebSocket};

fn connect(url: &str, limits: Limits) -> Client {
    Client::builder().limits(limits).connect(url).unwrap()
}

/// Sends a message in fragments of `size` bytes with a Ping behind each.
fn send(socket: &mut WebSocket<TcpStream>, kind: Data, whole: &[u8], size: usize) {
    let count = whole.len().div_ceil(size).max(1);
    for i in 0..count {
        let fragment = &whole[i * size..whole.len().min((i + 1) * size)];
        let kind = if i == 0 { kind } else { Data::Continue };
        let frame = Frame::message(fragment.to_vec(), OpCode::Data(kind), i + 1 == count);
        socket.send(Message::Frame(frame)).unwrap();
        socket.send(Message::Ping(vec![7].into())).unwrap();
    }
}

/// Pings that were answered, until the Close.
fn pongs(mut socket: WebSocket<TcpStream>) -> usize {
    let mut count = 0;
    while let Ok(message) = socket.read() {
        count += usize::from(message.is_pong());
    }
    count
}

/// What is made of the next message, once it begins.
fn next<R>(client: &mut Client, act: impl FnOnce(MessageReader<'_>) -> R) -> R {
    loop {
        assert!(!client.is_closed());
        client.wait(None).unwrap();
        if let Some(reader) = client.message_reader().unwrap() {
            return act(reader);
        }
    }
}

fn read(mut reader: MessageReader<'_>) -> (Kind, Vec<u8>) {
    let mut whole = Vec::new();
    reader.read_to_end(&mut whole).unwrap();
    assert_eq!(reader.read(&mut [0; 10]).unwrap(), 0, "it has ended");
    (reader.kind(), whole)
}

#[test]
fn fragments_of_any_size_become_one_stream_of_bytes_and_pings_are_answered() {
    let whole = bytes(10_000);
    let sent = whole.clone();
    let (url, server) = serve_socket(move |mut socket| {
        for size in [3, 100, 4001, 10_000] {
            send(&mut socket, Data::Binary, &sent, size);
        }
        send(&mut socket, Data::Text, b"", 1);
        // The crab has four bytes: fragments end within it.
        send(&mut socket, Data::Text, "ab🦀cd🦀".as_bytes(), 3);
        socket.send(Message::text("the next")).unwrap();
        pongs(socket)
    });
    let limits = Limits { control_frames_per_second_max: u32::MAX, ..Limits::default() };
    let mut client = connect(&url, limits);
    for _ in 0..4 {
        assert!(next(&mut client, read) == (Kind::Binary, whole.clone()));
    }
    assert_eq!(next(&mut client, read), (Kind::Text, Vec::new()));
    assert_eq!(next(&mut client, read), (Kind::Text, "ab🦀cd🦀".into()));
    assert_eq!(next(&mut client, read), (Kind::Text, b"the next".to_vec()));
    finish(client);
    assert_eq!(server.join().unwrap(), 3334 + 100 + 3 + 1 + 1 + 4);
}

#[test]
fn a_wake_during_a_message_is_told_by_the_next_wait() {
    let (go, has_begun) = mpsc::channel();
    let (url, server) = serve_socket(move |mut socket| {
        let fragment = |kind, fin| Message::Frame(Frame::message(vec![5; 100], OpCode::Data(kind), fin));
        socket.send(fragment(Data::Binary, false)).unwrap();
        has_begun.recv().unwrap();
        socket.send(fragment(Data::Continue, true)).unwrap();
        pongs(socket)
    });
    let mut client = connect(&url, Limits::default());
    let waker = client.waker().unwrap();
    next(&mut client, |mut reader| {
        reader.read_exact(&mut [0; 100]).unwrap();
        waker.wake();
        // Another thread answers, so that it has to wait, and is woken first.
        go.send(()).unwrap();
        read(reader)
    });
    assert!(client.next_message().unwrap().is_none());
    assert!(client.wait(Some(Duration::ZERO)).unwrap());
    finish(client);
    server.join().unwrap();
}

#[test]
fn a_message_far_larger_than_the_buffer_takes_no_more_memory_than_it() {
    const LEN: usize = 200 << 20;
    let (url, server) = serve_socket(|mut socket| {
        socket.send(Message::binary(vec![5; LEN])).unwrap();
        pongs(socket)
    });
    let limits = Limits { frame_bytes_max: LEN, message_bytes_max: LEN, ..Limits::default() };
    let mut client = connect(&url, limits);
    let mut len = 0;
    let used = allocation_counter::measure(|| {
        len = next(&mut client, |mut reader| {
            let mut len = 0;
            loop {
                let bytes = reader.fill_buf().unwrap();
                assert!(bytes.iter().all(|byte| *byte == 5));
                let count = bytes.len();
                len += count;
                reader.consume(count);
                if count == 0 {
                    return len;
                }
            }
        });
    });
    assert_eq!(len, LEN);
    assert!(used.bytes_max < 1 << 20, "{} bytes at once", used.bytes_max);
    finish(client);
    server.join().unwrap();
}

#[test]
fn what_is_not_read_of_a_message_is_let_go() {
    let (url, server) = serve_socket(|mut socket| {
        for _ in 0..3 {
            send(&mut socket, Data::Binary, &bytes(300_000), 1000);
            socket.send(Message::text("the next")).unwrap();
        }
        pongs(socket)
    });
    let mut client = connect(&url, Limits::default());
    let begin = |mut reader: MessageReader<'_>| {
        let mut beginning = [0; 5];
        reader.read_exact(&mut beginning).unwrap();
        beginning
    };
    assert_eq!(next(&mut client, begin), bytes(5)[..]);
    assert_eq!(next(&mut client, read), (Kind::Text, b"the next".to_vec()), "by another reader");
    assert_eq!(next(&mut client, begin), bytes(5)[..]);
    loop {
        client.wait(None).unwrap();
        if let Some(message) = client.next_message().unwrap() {
            assert_eq!(message.text(), Some("the next"), "as a whole");
            break;
        }
    }
    // Part by part, the rest comes.
    assert_eq!(next(&mut client, begin), bytes(5)[..]);
    let mut len = 0;
    loop {
        match client.next_part().unwrap() {
            Some(part) if part.is_last && part.kind == Kind::Text => break,
            Some(part) => len += part.bytes.len(),
            None => _ = client.wait(None).unwrap(),
        }
    }
    assert!((1..300_000).contains(&len), "{len} bytes");
    finish(client);
    server.join().unwrap();
}

#[test]
fn a_message_that_breaks_off_is_not_taken_for_a_whole_one() {
    type End = fn(WebSocket<TcpStream>);
    let vanish: End = drop;
    let close: End = |mut socket| {
        socket.close(None).unwrap();
        pongs(socket);
    };
    for end in [vanish, close] {
        let (url, server) = serve_socket(move |mut socket| {
            let frame = Frame::message(b"begun".to_vec(), OpCode::Data(Data::Text), false);
            socket.send(Message::Frame(frame)).unwrap();
            end(socket);
        });
        let mut client = connect(&url, Limits::default());
        let error = next(&mut client, |mut reader| {
            let mut whole = Vec::new();
            let error = reader.read_to_end(&mut whole).unwrap_err();
            assert_eq!(whole, b"begun");
            error
        });
        assert!(client.is_closed());
        assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::Other), "{error}");
        server.join().unwrap();
    }
}

#[test]
fn with_a_poll_of_the_callers_it_does_not_wait_and_can_go_on() {
    let (go, may_go_on) = mpsc::channel();
    let (url, server) = serve_socket(move |mut socket| {
        for (payload, fin) in [("one ", false), ("two", true)] {
            let kind = if fin { Data::Continue } else { Data::Text };
            let frame = Frame::message(payload.as_bytes().to_vec(), OpCode::Data(kind), fin);
            socket.send(Message::Frame(frame)).unwrap();
            may_go_on.recv().unwrap_or_default();
        }
    });
    let mut client = Client::connect(&url).unwrap();
    let (mut poll, mut events) = (mio::Poll::new().unwrap(), mio::Events::with_capacity(4));
    poll.registry().register(&mut client, mio::Token(0), mio::Interest::READABLE).unwrap();
    let (mut text, mut waited) = (String::new(), 0);
    while text.is_empty() {
        let Some(mut reader) = client.message_reader().unwrap() else {
            poll.poll(&mut events, None).unwrap();
            continue;
        };
        while let Err(error) = reader.read_to_string(&mut text) {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            waited += 1;
            go.send(()).unwrap_or_default();
            poll.poll(&mut events, None).unwrap();
        }
    }
    assert!(waited > 0);
    assert_eq!(text, "one two");
    drop(go);
    server.join().unwrap();
}
