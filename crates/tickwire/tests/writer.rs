//! Messages of any length, written in fragments, read by tungstenite.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::server::all;
use common::{bytes, server};
use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tickwire::{Client, Kind, Limits};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

/// Serves one connection on a thread of its own, and a client of it with an outbox of so many bytes.
fn serve<R: Send + 'static>(
    outbox_bytes_max: usize,
    run: impl FnOnce(WebSocket<TcpStream>) -> R + Send + 'static,
) -> (Client, JoinHandle<R>) {
    let (address, thread) = server::serve(|stream| run(server::accept(stream)));
    let limits = Limits { outbox_bytes_max, ..Limits::default() };
    let mut client = Client::builder().limits(limits).connect(&format!("ws://{address}/")).unwrap();
    server::until_open(&mut client);
    (client, thread)
}

#[test]
fn writes_of_any_size_become_one_message() {
    let (mut client, server) = serve(1 << 20, all);
    let whole = bytes(10_000);
    for (fragment_bytes, write) in [(1, 3), (7, 7), (100, 1), (100, 99), (1000, 4001), (20_000, 10_000)] {
        let mut writer = client.message_writer(Kind::Binary, fragment_bytes);
        whole.chunks(write).for_each(|piece| writer.write_all(piece).unwrap());
        writer.finish().unwrap();
        assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::WriteZero, "it is finished");
    }
    client.message_writer(Kind::Text, 5).finish().unwrap();
    // The crab has four bytes: fragments and writes end within it.
    let mut writer = client.message_writer(Kind::Text, 3);
    "ab🦀cd🦀".as_bytes().chunks(2).for_each(|piece| writer.write_all(piece).unwrap());
    writer.finish().unwrap();
    drop(writer);
    client.send_text("the next").unwrap();
    server::finish(client);
    let mut expected = vec![Message::binary(whole); 6];
    expected.extend(["", "ab🦀cd🦀", "the next"].map(Message::text));
    expected.push(Message::Close(Some(tungstenite::protocol::CloseFrame {
        code: CloseCode::Normal,
        reason: "done".into(),
    })));
    assert_eq!(server.join().unwrap(), expected);
}

#[test]
fn a_message_larger_than_all_buffers_waits_for_a_slow_reader() {
    const BYTES: usize = 24 << 20;
    let (go, may_read) = mpsc::channel();
    let (mut client, server) = serve(100_000, move |mut socket| {
        may_read.recv().unwrap();
        let Message::Binary(bytes) = socket.read().unwrap() else { panic!("a binary message") };
        while socket.read().is_ok() {}
        bytes
    });
    let whole = bytes(BYTES);
    let mut writer = client.message_writer(Kind::Binary, 64 << 10);
    let (first, rest) = whole.split_at(80_000);
    writer.write_all(first).unwrap();
    go.send(()).unwrap();
    writer.write_all(rest).unwrap();
    writer.finish().unwrap();
    drop(writer);
    server::finish(client);
    assert!(server.join().unwrap() == whole);
}

#[test]
fn with_a_poll_of_the_callers_it_does_not_wait_and_can_go_on() {
    let (go, may_read) = mpsc::channel();
    let (url, server) = server::serve_socket(move |mut socket| {
        may_read.recv().unwrap();
        socket.read().unwrap().len()
    });
    let limits = Limits { outbox_bytes_max: 100_000, ..Limits::default() };
    let mut client = Client::builder().limits(limits).connect(&url).unwrap();
    let (mut poll, mut events) = (mio::Poll::new().unwrap(), mio::Events::with_capacity(4));
    poll.registry().register(&mut client, mio::Token(0), mio::Interest::READABLE).unwrap();
    while !client.is_open() {
        assert!(client.next_message().unwrap().is_none());
        if !client.is_open() {
            poll.poll(&mut events, None).unwrap();
        }
    }
    let mut writer = client.message_writer(Kind::Binary, 64 << 10);
    let (mut written, mut waited) = (0, 0);
    while written < 12 << 20 {
        match writer.write(&[0; 10_000]) {
            Ok(count) => written += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                go.send(()).unwrap_or_default();
                waited += 1;
                poll.poll(&mut events, None).unwrap();
            }
        }
    }
    while let Err(error) = writer.finish().and_then(|()| writer.flush()) {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        poll.poll(&mut events, None).unwrap();
    }
    assert!(waited > 0);
    drop(writer);
    assert_eq!(server.join().unwrap(), written);
}

#[test]
fn a_writer_that_is_dropped_leaves_no_half_message() {
    let (mut client, server) = serve(1 << 20, all);
    // Nothing of it has left.
    client.message_writer(Kind::Binary, 100).write_all(&[1; 100]).unwrap();
    client.send_text("whole").unwrap();
    // Some of it has.
    client.message_writer(Kind::Binary, 100).write_all(&[2; 101]).unwrap();
    assert!(client.send_text("another").is_err());
    while !client.is_closed() {
        client.wait(None).unwrap();
        assert!(client.next_message().unwrap().is_none());
    }
    let reason = tungstenite::protocol::CloseFrame { code: CloseCode::Error, reason: "".into() };
    assert_eq!(server.join().unwrap(), [Message::text("whole"), Message::Close(Some(reason))]);
}

#[test]
fn what_is_no_text_is_not_sent() {
    let (mut client, server) = serve(1 << 20, all);
    let mut writer = client.message_writer(Kind::Text, 4);
    assert_eq!(writer.write_all(b"abc\xff.").unwrap_err().kind(), ErrorKind::InvalidData);
    drop(writer);
    let mut writer = client.message_writer(Kind::Text, 100);
    writer.write_all(b"ends within a crab \xf0\x9f").unwrap();
    assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::InvalidData);
    drop(writer);
    server::finish(client);
    assert_eq!(server.join().unwrap().len(), 1, "the Close");
}
