//! How a client ends: what is still read, what is still written, and what is said of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Script, text, written};
use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::time::Duration;
use tickwire::ws::Opcode;
use tickwire::{Client, Error, Plain, SendError, Timeouts};

const CLOSE: &[u8] = b"\x88\x02\x03\xe8";

/// A client whose time to close is over at once.
fn hasty(script: Script) -> Client<Plain<Script>> {
    let timeouts = Timeouts { close: Duration::from_nanos(1), ..Timeouts::default() };
    Client::builder().timeouts(timeouts).upgraded(script, b"").unwrap()
}

/// Reads until the connection is over; how many messages came.
fn to_the_end(client: &mut Client<Plain<Script>>) -> usize {
    let mut messages = 0;
    for _ in 0..1000 {
        if client.next_message().unwrap().is_some() {
            messages += 1;
        } else if client.is_closed() {
            return messages;
        }
    }
    panic!("it does not end");
}

fn has_said_close(client: &Client<Plain<Script>>) -> bool {
    written(client).last() == Some(&(Opcode::Close, 1000u16.to_be_bytes().to_vec()))
}

#[test]
fn what_is_queued_before_our_close_is_written_to_a_peer_that_goes_on_reading() {
    let mut client = hasty(Script { takes: Some(1000), ..Script::default() });
    client.send_binary(&[7; 15_000]).unwrap();
    client.close(1000, "").unwrap();
    assert_eq!(to_the_end(&mut client), 0);
    assert!(has_said_close(&client) && !client.is_clean(), "no answer came");
}

#[test]
fn messages_that_have_arrived_are_read_late_rather_than_never() {
    let reads = (0..20).map(|i| text(&i.to_string())).chain([CLOSE.to_vec()]);
    let mut client = hasty(Script::new(reads));
    client.close(1000, "").unwrap();
    client.flush().unwrap();
    assert_eq!(to_the_end(&mut client), 20);
    assert!(client.is_clean());
}

#[test]
fn messages_without_end_do_not_hold_a_close_up() {
    let mut client = hasty(Script::new((0..10_000).map(|i| text(&i.to_string()))));
    client.close(1000, "").unwrap();
    assert!((1..100).contains(&to_the_end(&mut client)));
}

#[test]
fn the_answer_to_a_close_is_written_after_the_peers_last_byte() {
    let mut client = hasty(Script { ends: true, takes: Some(1000), ..Script::new([CLOSE.to_vec()]) });
    client.send_binary(&[7; 15_000]).unwrap();
    to_the_end(&mut client);
    assert!(client.is_clean() && has_said_close(&client));
}

#[test]
fn an_answer_that_cannot_be_written_leaves_the_end_unclean() {
    let mut client = hasty(Script { ends: true, takes: Some(0), ..Script::new([CLOSE.to_vec()]) });
    to_the_end(&mut client);
    assert!(!client.is_clean() && written(&client).is_empty());
    assert_eq!(client.received_close().unwrap().code.map(u16::from), Some(1000));
}

#[test]
fn a_client_that_has_failed_takes_nothing_more_and_wants_no_time() {
    let mut client = Client::builder().upgraded(Script { reset: true, ..Script::default() }, b"").unwrap();
    assert!(matches!(client.next_message(), Err(Error::Io(_))));
    assert_eq!(client.send_text("x"), Err(SendError::Closing));
    assert_eq!(client.send_binary(b"x"), Err(SendError::Closing));
    assert_eq!(client.ping(b""), Err(SendError::Closing));
    assert_eq!(client.close(1000, ""), Err(SendError::Closing));
    assert_eq!(client.next_deadline(), None);
}

/// Answers the handshake as soon as it is asked.
#[derive(Default)]
struct Answering {
    asked: Vec<u8>,
    answered: bool,
}

impl Read for Answering {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if std::mem::replace(&mut self.answered, true) {
            return Err(ErrorKind::WouldBlock.into());
        }
        let asked = std::str::from_utf8(&self.asked).unwrap();
        let key = asked.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 ok\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        into[..answer.len()].copy_from_slice(answer.as_bytes());
        Ok(answer.len())
    }
}

impl Write for Answering {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.asked.extend_from_slice(from);
        Ok(from.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_handshake_that_was_answered_in_time_may_be_read_late() {
    let timeouts = Timeouts { handshake: Duration::from_nanos(1), ..Timeouts::default() };
    let builder = Client::builder().timeouts(timeouts);
    let mut client = builder.connect_over(Answering::default(), "ws://localhost/").unwrap();
    assert!(client.next_message().unwrap().is_none());
    assert!(client.is_open());
}

/// A stream that can be read and not written.
#[derive(Debug)]
struct Mute(TcpStream);

impl Read for Mute {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Mute {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for Mute {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.0.register(registry, token, interests)
    }
    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.0.reregister(registry, token, interests)
    }
    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.0.deregister(registry)
    }
}

#[test]
fn an_error_of_writing_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = Mute(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    let _peer = listener.accept().unwrap();
    let mut client = Client::builder().upgraded(mute, b"").unwrap();
    // Until the poll has told what it tells of a new descriptor.
    while client.wait(Some(Duration::from_millis(1))).unwrap() {
        assert!(client.next_message().unwrap().is_none());
    }
    assert!(client.next_message().unwrap().is_none());
    client.send_text("nobody will read this").unwrap();
    assert!(client.wait(Some(Duration::from_secs(5))).unwrap());
    assert!(matches!(client.next_message(), Err(Error::Io(_))));
}
