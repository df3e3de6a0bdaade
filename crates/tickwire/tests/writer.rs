//! Messages of any length, written in fragments, read by tungstenite.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::server::all;
use common::{bytes, server};
use mio::event::Source;
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tickwire::{Builder, Client, Error, Kind, Limits, Timeouts, ws};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

/// More than any buffer on the way takes.
const LONG_BYTES: usize = 24 << 20;

/// Serves one connection on a thread of its own, and a client of it.
fn serve<R: Send + 'static>(
    builder: Builder,
    run: impl FnOnce(WebSocket<TcpStream>) -> R + Send + 'static,
) -> (Client, JoinHandle<R>) {
    let (address, thread) = server::serve(|stream| run(server::accept(stream)));
    let mut client = builder.connect(&format!("ws://{address}/")).unwrap();
    server::until_open(&mut client);
    (client, thread)
}

/// An outbox of few bytes.
fn narrow() -> Builder {
    Client::builder().limits(Limits { outbox_bytes_max: 100_000, ..Limits::default() })
}

#[test]
fn writes_of_any_size_become_one_message() {
    let (mut client, server) = serve(Client::builder(), all);
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
    let (go, may_read) = mpsc::channel();
    let (mut client, server) = serve(narrow(), move |mut socket| {
        may_read.recv().unwrap();
        let Message::Binary(bytes) = socket.read().unwrap() else { panic!("a binary message") };
        while socket.read().is_ok() {}
        bytes
    });
    let whole = bytes(LONG_BYTES);
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

/// Writes what no buffer takes whole to a server that runs `run` as soon as that begins: the client, what came of writing,
/// and what ends the wait of `run` and tells its result.
fn write_long<R: Send + 'static>(
    builder: Builder,
    run: impl FnOnce(WebSocket<TcpStream>, mpsc::Receiver<()>) -> R + Send + 'static,
) -> (Client, io::Result<()>, impl FnOnce() -> R) {
    let (go, told) = mpsc::channel();
    let (mut client, thread) = serve(builder, move |socket| {
        told.recv().unwrap();
        run(socket, told)
    });
    go.send(()).unwrap();
    let mut writer = client.message_writer(Kind::Binary, 64 << 10);
    let mut fragments = 0..LONG_BYTES >> 16;
    let written = fragments.try_for_each(|_| writer.write_all(&[0; 64 << 10])).and_then(|()| writer.finish());
    drop(writer);
    let result = move || {
        drop(go);
        thread.join().unwrap()
    };
    (client, written, result)
}

#[test]
fn a_ping_is_answered_before_the_end_of_a_message() {
    let (client, written, server) = write_long(narrow(), |mut socket, _| {
        socket.send(Message::Ping("alive?".into())).unwrap();
        all(socket)
    });
    written.unwrap();
    server::finish(client);
    let [Message::Pong(payload), Message::Binary(_), Message::Close(_)] = &server()[..] else {
        panic!("a Pong within the message")
    };
    assert_eq!(&payload[..], b"alive?");
}

#[test]
fn a_message_that_comes_meanwhile_is_left_for_reading() {
    let (mut client, written, server) = write_long(narrow(), |mut socket, _| {
        socket.send(Message::text("tick")).unwrap();
        socket.send(Message::Ping("behind it".into())).unwrap();
        all(socket)
    });
    written.unwrap();
    assert_eq!(server::next(&mut client), b"tick");
    assert!(client.next_message().unwrap().is_none());
    server::finish(client);
    assert!(server().contains(&Message::Pong("behind it".into())));
}

#[test]
fn a_peer_that_closes_meanwhile_is_answered() {
    let timeouts = Timeouts { close: Duration::from_secs(60), ..Timeouts::default() };
    let (mut client, written, server) = write_long(narrow().timeouts(timeouts), |mut socket, _| {
        let reason = tungstenite::protocol::CloseFrame { code: CloseCode::Away, reason: "enough".into() };
        socket.close(Some(reason)).unwrap();
        all(socket)
    });
    written.unwrap_err();
    while !client.is_closed() {
        client.wait(None).unwrap();
        assert!(client.next_message().unwrap().is_none());
    }
    assert!(client.is_clean());
    assert_eq!(client.received_close().unwrap().reason, "enough");
    assert!(matches!(server()[..], [Message::Close(_)]));
}

#[test]
fn a_wake_during_a_message_is_told_by_the_next_wait() {
    let (mut client, server) = serve(narrow(), all);
    client.waker().unwrap().wake();
    let mut writer = client.message_writer(Kind::Binary, 64 << 10);
    (0..LONG_BYTES >> 16).for_each(|_| writer.write_all(&[0; 64 << 10]).unwrap());
    writer.finish().unwrap();
    writer.flush().unwrap();
    drop(writer);
    assert!(client.next_message().unwrap().is_none());
    assert!(client.wait(Some(Duration::ZERO)).unwrap());
    server::finish(client);
    server.join().unwrap();
}

#[test]
fn what_is_queued_still_reaches_a_peer_that_has_said_close() {
    let (go, may_close) = mpsc::channel();
    let limits = Limits { outbox_bytes_max: 2 * LONG_BYTES, ..Limits::default() };
    let timeouts = Timeouts { close: Duration::from_secs(60), ..Timeouts::default() };
    let builder = Client::builder().limits(limits).timeouts(timeouts);
    let (mut client, server) = serve(builder, move |mut socket| {
        may_close.recv().unwrap();
        socket.close(None).unwrap();
        all(socket)
    });
    let mut writer = client.message_writer(Kind::Binary, LONG_BYTES);
    writer.write_all(&vec![0; LONG_BYTES]).unwrap();
    writer.finish().unwrap();
    go.send(()).unwrap();
    writer.flush().unwrap();
    drop(writer);
    assert!(client.next_message().unwrap().is_none());
    drop(client);
    assert!(matches!(&server.join().unwrap()[..], [Message::Binary(bytes), ..] if bytes.len() == LONG_BYTES));
}

/// Refuses some writes, then takes everything, and never becomes ready.
struct Late {
    refusals: usize,
    silent: mio::net::UnixStream,
}

impl Read for Late {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

impl Write for Late {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        if self.refusals == 0 {
            return Ok(from.len());
        }
        self.refusals -= 1;
        Err(ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for Late {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.silent.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.silent.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.silent.deregister(registry)
    }
}

#[test]
fn what_is_written_while_it_attends_is_not_waited_for() {
    let (silent, _peer) = mio::net::UnixStream::pair().unwrap();
    let timeouts = Timeouts { ping_after: None, ..Timeouts::default() };
    let builder = Client::builder().timeouts(timeouts);
    // One as the message is queued, and one as it is to be flushed.
    let mut client = builder.upgraded(Late { refusals: 2, silent }, &[]).unwrap();
    // It is ready once, from the beginning.
    while client.wait(Some(Duration::ZERO)).unwrap() {
        assert!(client.next_message().unwrap().is_none());
    }
    let mut writer = client.message_writer(Kind::Binary, 100);
    writer.write_all(&[0; 100]).unwrap();
    writer.flush().unwrap();
}

#[test]
fn a_peer_that_is_silent_and_takes_nothing_is_given_up() {
    let (ping_after, pong) = (Some(Duration::from_millis(20)), Duration::from_millis(200));
    let timeouts = Timeouts { ping_after, pong, ..Timeouts::default() };
    let (mut client, written, server) =
        write_long(narrow().timeouts(timeouts), |_socket, end| end.recv().unwrap_err());
    let silent = Error::from(ws::Error::Timeout(ws::Timeout::Pong)).to_string();
    assert_eq!(written.unwrap_err().to_string(), silent);
    assert_eq!(client.next_message().unwrap_err().to_string(), silent);
    server();
}

#[test]
fn a_peer_that_ends_its_stream_and_takes_nothing_is_not_waited_for() {
    let (mut client, written, server) = write_long(narrow(), |socket, end| {
        socket.get_ref().shutdown(Shutdown::Write).unwrap();
        end.recv().unwrap_err();
    });
    let lost = Error::from(ws::Error::Disconnected(ws::Disconnected::BetweenMessages)).to_string();
    assert_eq!(written.unwrap_err().to_string(), lost);
    assert_eq!(client.next_message().unwrap_err().to_string(), lost);
    server();
}

#[test]
fn with_a_poll_of_the_callers_it_does_not_wait_and_can_go_on() {
    let (go, may_read) = mpsc::channel();
    let (url, server) = server::serve_socket(move |mut socket| {
        may_read.recv().unwrap();
        socket.read().unwrap().len()
    });
    let mut client = narrow().connect(&url).unwrap();
    let (mut poll, mut events) = (mio::Poll::new().unwrap(), mio::Events::with_capacity(4));
    poll.registry().register(&mut client, Token(0), Interest::READABLE).unwrap();
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
    let (mut client, server) = serve(Client::builder(), all);
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
    let (mut client, server) = serve(Client::builder(), all);
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
