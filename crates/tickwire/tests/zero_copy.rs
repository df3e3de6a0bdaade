//! Sends that are not copied, over loopback and between network namespaces: content, memory, and how they end.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::bytes;
use common::server::{self, all, finish, until_open};
use std::io::{ErrorKind, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tickwire::bytes::BytesMut;
use tickwire::{Builder, Client, Error, Kind, Timeouts, ZeroCopy, ZeroCopyStats};
use tungstenite::{Message, WebSocket};

const THRESHOLD: usize = 10 << 10;

/// Goes on although both ends are on one machine.
fn stubborn() -> ZeroCopy {
    ZeroCopy::default().go_on_when_copied()
}

fn accept(listener: &TcpListener) -> WebSocket<TcpStream> {
    server::accept(listener.accept().unwrap().0)
}

/// Connects to a server of one connection, which runs on a thread of its own.
fn serve<R: Send + 'static>(
    builder: &Builder,
    run: impl FnOnce(WebSocket<TcpStream>) -> R + Send + 'static,
) -> (Client, JoinHandle<R>) {
    serve_by(TcpListener::bind("127.0.0.1:0").unwrap(), builder, run)
}

fn serve_by<R: Send + 'static>(
    listener: TcpListener,
    builder: &Builder,
    run: impl FnOnce(WebSocket<TcpStream>) -> R + Send + 'static,
) -> (Client, JoinHandle<R>) {
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || run(accept(&listener)));
    (open(builder, address), thread)
}

fn open(builder: &Builder, address: SocketAddr) -> Client {
    let mut client = builder.connect(&format!("ws://{address}/")).unwrap();
    until_open(&mut client);
    client
}

fn stats(client: &Client) -> ZeroCopyStats {
    client.transport().zero_copy().unwrap()
}

/// Until nothing is in flight.
fn settle(client: &mut Client) {
    while !client.flush().unwrap() {
        client.wait(None).unwrap();
        assert!(client.next_message().unwrap().is_none());
    }
}

fn until_closed(client: &mut Client) {
    while !client.is_closed() {
        client.wait(None).unwrap();
        assert!(client.next_message().unwrap().is_none());
    }
}

/// A payload, and what tells whether its memory is free again: the rest of the same allocation.
fn lent(len: usize) -> (BytesMut, BytesMut) {
    let mut rest = BytesMut::from(&bytes(len)[..]);
    let payload = rest.split_to(len);
    (payload, rest)
}

/// Until the peer's Close has come.
fn await_close(client: &mut Client) {
    while client.received_close().is_none() {
        client.wait(None).unwrap();
        assert!(client.next_message().unwrap().is_none());
    }
}

/// Waits and reads a hundred times: what is not to happen has its chance.
fn look_around(client: &mut Client) {
    for _ in 0..100 {
        client.wait(Some(Duration::from_millis(1))).unwrap();
        assert!(client.next_message().unwrap().is_none());
    }
}

/// Messages of all sizes, text and Pings among them; the messages.
fn send_many(client: &mut Client) -> Vec<Message> {
    let mut messages = Vec::new();
    for len in [0, 1, THRESHOLD - 1, THRESHOLD, THRESHOLD + 1, 65_535, 65_536, 300_000, 1 << 20, 8 << 20] {
        client.send_bytes(Kind::Binary, &mut BytesMut::from(&bytes(len)[..])).unwrap();
        client.ping(b"between").unwrap();
        let text = "a crab 🦀 ".repeat(len / 11);
        client.send_bytes(Kind::Text, &mut BytesMut::from(&text[..])).unwrap();
        client.send_text("copied").unwrap();
        // The rest is written behind the next.
        client.flush().unwrap();
        messages.extend([Message::binary(bytes(len)), Message::text(text), Message::text("copied")]);
    }
    messages
}

#[test]
fn content_arrives_whole_and_in_order() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        match TcpListener::bind(address) {
            Ok(listener) => deliver(listener),
            Err(error) => println!("not run on {address}: {error}"),
        }
    }
}

fn deliver(listener: TcpListener) {
    let (mut client, server) = serve_by(listener, &Client::builder().zero_copy(stubborn()), all);
    let expected = send_many(&mut client);
    settle(&mut client);
    let stats = stats(&client);
    finish(client);
    let mut received = server.join().unwrap();
    received.retain(|message| message.is_text() || message.is_binary());
    assert!(received == expected);
    // 14 messages are long enough, two of them more than the send buffer takes at once.
    assert!(stats.sends >= 14 && stats.bytes > 16 << 20, "{stats:?}");
    assert_eq!((stats.in_flight, stats.in_flight_bytes, stats.unexpected), (0, 0, 0), "{stats:?}");
}

#[test]
fn memory_is_kept_until_its_completion_and_free_then() {
    let held = Arc::new(AtomicBool::new(true));
    let builder = Client::builder().zero_copy(stubborn().hold_completions(Arc::clone(&held)));
    let (mut client, server) = serve(&builder, |mut socket| socket.read().unwrap());
    let (mut payload, mut rest) = lent(THRESHOLD);
    client.send_bytes(Kind::Binary, &mut payload).unwrap();
    assert!(!client.flush().unwrap());
    // It has arrived and is complete, and the completion is not taken.
    assert!(server.join().unwrap() == Message::binary(bytes(THRESHOLD)));
    assert!(!client.flush().unwrap() && !client.is_clean());
    let before = stats(&client);
    assert_eq!((before.sends, before.in_flight, before.in_flight_bytes), (1, 1, THRESHOLD));
    assert!(!rest.try_reclaim(THRESHOLD));
    held.store(false, Ordering::Relaxed);
    while !client.flush().unwrap() {}
    assert_eq!(stats(&client).in_flight, 0);
    assert!(rest.try_reclaim(THRESHOLD));
}

#[test]
fn memory_is_kept_while_the_peer_does_not_read() {
    let (go, may_read) = mpsc::channel();
    let builder = Client::builder().zero_copy(stubborn());
    let (mut client, server) = serve(&builder, move |mut socket| {
        may_read.recv().unwrap();
        socket.read().unwrap()
    });
    // More than the buffers of both ends hold.
    let len = 24 << 20;
    let (mut payload, mut rest) = lent(len);
    client.send_bytes(Kind::Binary, &mut payload).unwrap();
    look_around(&mut client);
    assert!(!client.flush().unwrap());
    assert!(stats(&client).in_flight > 0, "{:?}", stats(&client));
    assert!(!rest.try_reclaim(len));
    go.send(()).unwrap();
    settle(&mut client);
    assert!(server.join().unwrap() == Message::binary(bytes(len)));
    assert!(rest.try_reclaim(len));
}

#[test]
fn once_the_kernel_has_copied_it_is_not_asked_again() {
    let builder = Client::builder().zero_copy(ZeroCopy::default());
    let (mut client, server) = serve(&builder, all);
    for _ in 0..2 {
        client.send_bytes(Kind::Binary, &mut BytesMut::from(&bytes(THRESHOLD)[..])).unwrap();
        settle(&mut client);
        let stats = stats(&client);
        // What leaves over loopback is copied for who receives it.
        assert!(stats.is_off, "{stats:?}");
        assert_eq!((stats.sends, stats.bytes, stats.copied), (1, THRESHOLD as u64, 1));
    }
    finish(client);
    assert!(
        server.join().unwrap()[..2] == [Message::binary(bytes(THRESHOLD)), Message::binary(bytes(THRESHOLD))]
    );
}

#[test]
fn what_looks_like_an_error_to_a_poll_ends_nothing() {
    let held = Arc::new(AtomicBool::new(true));
    let builder = Client::builder().zero_copy(stubborn().hold_completions(Arc::clone(&held)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut socket = accept(&listener);
        while let Ok(message) = socket.read() {
            if message.is_binary() {
                socket.send(message).unwrap();
            }
        }
    });
    let mut client = builder.connect(&url).unwrap();
    let (mut poll, mut events) = (mio::Poll::new().unwrap(), mio::Events::with_capacity(4));
    poll.registry().register(&mut client, mio::Token(0), mio::Interest::READABLE).unwrap();
    let (mut echoes, mut alarms) = (0, 0);
    while echoes < 3 {
        while let Some(message) = client.next_message().unwrap() {
            assert!(message.bytes == bytes(THRESHOLD));
            echoes += 1;
        }
        if client.is_open() && stats(&client).sends < 3 && stats(&client).sends == echoes {
            client.send_bytes(Kind::Binary, &mut BytesMut::from(&bytes(THRESHOLD)[..])).unwrap();
            assert!(!client.flush().unwrap());
        }
        if echoes < 3 {
            poll.poll(&mut events, None).unwrap();
            alarms += events.iter().filter(|event| event.is_error() && event.is_write_closed()).count();
        }
    }
    assert!(alarms > 0, "the poll reports completions so");
    held.store(false, Ordering::Relaxed);
    while !client.flush().unwrap() {}
    assert!(client.is_open());
    drop(client);
    server.join().unwrap();
}

#[test]
fn an_error_of_the_socket_is_told_all_the_same() {
    let (go, may_end) = mpsc::channel();
    let (mut client, server) = serve(&Client::builder().zero_copy(stubborn()), move |socket| {
        may_end.recv().unwrap();
        // A reset instead of an end.
        socket2::SockRef::from(socket.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let len = 1 << 20;
    let (mut payload, mut rest) = lent(len);
    client.send_bytes(Kind::Binary, &mut payload).unwrap();
    look_around(&mut client);
    assert!(stats(&client).in_flight > 0, "{:?}", stats(&client));
    go.send(()).unwrap();
    let error = loop {
        client.wait(None).unwrap();
        if let Err(error) = client.next_message() {
            break error;
        }
    };
    assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::ConnectionReset), "{error}");
    server.join().unwrap();
    drop(client);
    assert!(rest.try_reclaim(len));
}

#[test]
fn a_client_that_closes_waits_for_its_memory() {
    let held = Arc::new(AtomicBool::new(true));
    let timeouts = Timeouts { close: Duration::from_secs(3600), ..Timeouts::default() };
    let settings = stubborn().hold_completions(Arc::clone(&held));
    let (mut client, server) = serve(&Client::builder().timeouts(timeouts).zero_copy(settings), all);
    client.send_bytes(Kind::Binary, &mut BytesMut::from(&bytes(THRESHOLD)[..])).unwrap();
    client.close(1000, "").unwrap();
    client.flush().unwrap();
    assert_eq!(server.join().unwrap().len(), 2, "the message and the Close");
    await_close(&mut client);
    look_around(&mut client);
    assert!(!client.is_clean() && !client.is_closed());
    held.store(false, Ordering::Relaxed);
    until_closed(&mut client);
    assert!(client.is_clean());
}

#[test]
fn a_peer_that_ends_first_and_reads_late_is_waited_for() {
    let (go, may_read) = mpsc::channel();
    let timeouts = Timeouts { close: Duration::from_secs(3600), ..Timeouts::default() };
    let (mut client, server) =
        serve(&Client::builder().timeouts(timeouts).zero_copy(stubborn()), move |mut socket| {
            // It says Close and nothing more.
            may_read.recv().unwrap();
            socket.get_mut().write_all(b"\x88\x02\x03\xe8").unwrap();
            socket.get_mut().shutdown(Shutdown::Write).unwrap();
            may_read.recv().unwrap();
            all(socket)
        });
    // Less than the send buffer takes, and more than the peer's buffer.
    client.send_bytes(Kind::Binary, &mut BytesMut::from(&bytes(1 << 20)[..])).unwrap();
    go.send(()).unwrap();
    await_close(&mut client);
    look_around(&mut client);
    assert!(!client.is_closed());
    assert!(stats(&client).in_flight > 0, "{:?}", stats(&client));
    go.send(()).unwrap();
    until_closed(&mut client);
    assert!(client.is_clean());
    assert_eq!(stats(&client).in_flight, 0);
    assert!(server.join().unwrap()[0] == Message::binary(bytes(1 << 20)));
}

#[test]
fn the_close_timer_ends_the_wait_for_memory() {
    let held = Arc::new(AtomicBool::new(true));
    let timeouts = Timeouts { close: Duration::from_millis(20), ..Timeouts::default() };
    let builder = Client::builder().timeouts(timeouts).zero_copy(stubborn().hold_completions(held));
    let (mut client, server) = serve(&builder, all);
    let (mut payload, mut rest) = lent(THRESHOLD);
    client.send_bytes(Kind::Binary, &mut payload).unwrap();
    client.close(1000, "").unwrap();
    until_closed(&mut client);
    assert_eq!(stats(&client).in_flight, 1);
    assert!(!client.is_clean() && !rest.try_reclaim(THRESHOLD));
    drop(client);
    server.join().unwrap();
    assert!(rest.try_reclaim(THRESHOLD), "its completion was there");
}

#[test]
fn a_client_that_is_dropped_breaks_off_and_has_its_memory_back() {
    let (go, may_read) = mpsc::channel();
    let (mut client, server) = serve(&Client::builder().zero_copy(stubborn()), move |mut socket| {
        may_read.recv().unwrap();
        socket.read()
    });
    // Less than the send buffer takes, and more than the peer's buffer: a socket that is just closed would deliver it.
    let len = 1 << 20;
    let (mut payload, mut rest) = lent(len);
    client.send_bytes(Kind::Binary, &mut payload).unwrap();
    look_around(&mut client);
    assert!(stats(&client).in_flight > 0 && !rest.try_reclaim(len));
    drop(client);
    assert!(rest.try_reclaim(len));
    // What is made of the memory now does not reach the peer.
    go.send(()).unwrap();
    assert!(server.join().unwrap().is_err());
}

#[test]
fn a_client_that_is_dropped_leaves_no_memory_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (done, is_done) = mpsc::channel::<()>();
    let server = thread::spawn(move || {
        let unread = [accept(&listener), accept(&listener)];
        is_done.recv().unwrap();
        drop(unread);
    });
    let builder = Client::builder().zero_copy(stubborn());
    let drop_lent = || {
        let mut client = open(&builder, address);
        client.send_bytes(Kind::Binary, &mut BytesMut::from(&bytes(1 << 20)[..])).unwrap();
        client.flush().unwrap();
        assert!(stats(&client).in_flight > 0);
    };
    // What is made once a program is made by the first.
    drop_lent();
    let used = allocation_counter::measure(drop_lent);
    assert_eq!((used.count_current, used.bytes_current), (0, 0));
    done.send(()).unwrap();
    server.join().unwrap();
}

/// Set where a test runs in a network namespace of its own.
const INSIDE: &str = "TICKWIRE_TEST_INSIDE";

/// True inside. Outside, the test is run again in a namespace that it makes itself and that ends with it.
fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let cable = ["-rn", "ip", "link", "add", "v", "type", "veth", "peer", "name", "c"];
    if !Command::new("unshare").args(cable).output().is_ok_and(|tried| tried.status.success()) {
        println!("not run: it needs Linux with user namespaces, unshare and ip");
        return false;
    }
    let program = std::env::current_exe().unwrap();
    let run = Command::new("unshare")
        .arg("-rn")
        .arg(program)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let told = [run.stdout, run.stderr].map(|told| String::from_utf8_lossy(&told).into_owned()).concat();
    assert!(run.status.success() && told.contains("1 passed"), "{told}");
    false
}

/// Runs ip in the network namespace of this thread.
fn ip(words: &str) {
    assert!(Command::new("ip").args(words.split(' ')).status().unwrap().success(), "ip {words}");
}

/// Connects to a server in another network namespace, at the other end of a cable.
fn serve_beyond<R: Send + 'static>(
    builder: &Builder,
    run: impl FnOnce(WebSocket<TcpStream>) -> R + Send + 'static,
) -> (Client, JoinHandle<R>) {
    let ((tell, told), (lay, laid)) = (mpsc::channel(), mpsc::channel());
    let (bind, bound) = mpsc::channel();
    let thread = thread::spawn(move || {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        // process/task/thread
        tell.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
        laid.recv().unwrap();
        ip("addr add 10.77.0.2/30 dev c");
        ip("link set c up");
        let listener = TcpListener::bind("10.77.0.2:0").unwrap();
        bind.send(listener.local_addr().unwrap()).unwrap();
        run(accept(&listener))
    });
    let there = told.recv().unwrap();
    ip(&format!("link add v type veth peer name c netns {}", there.file_name().unwrap().to_str().unwrap()));
    ip("addr add 10.77.0.1/30 dev v");
    ip("link set v up");
    lay.send(()).unwrap();
    (open(builder, bound.recv().unwrap()), thread)
}

#[test]
fn between_namespaces_memory_is_kept_while_packets_are_lost() {
    if !is_inside("between_namespaces_memory_is_kept_while_packets_are_lost") {
        return;
    }
    let (mut client, server) = serve_beyond(&Client::builder().zero_copy(stubborn()), all);
    let mut expected = send_many(&mut client);
    settle(&mut client);
    // Nobody has this address.
    ip("neigh replace 10.77.0.2 lladdr 02:00:00:00:00:01 nud permanent dev v");
    let before = stats(&client);
    let (mut payload, mut rest) = lent(THRESHOLD);
    client.send_bytes(Kind::Binary, &mut payload).unwrap();
    expected.push(Message::binary(bytes(THRESHOLD)));
    look_around(&mut client);
    assert_eq!(stats(&client).sends, before.sends + 1);
    assert_eq!((stats(&client).in_flight, stats(&client).in_flight_bytes), (1, THRESHOLD));
    assert!(!rest.try_reclaim(THRESHOLD));
    ip("neigh del 10.77.0.2 dev v");
    settle(&mut client);
    assert!(rest.try_reclaim(THRESHOLD));
    assert_eq!(stats(&client).unexpected, 0);
    finish(client);
    let mut received = server.join().unwrap();
    received.retain(|message| message.is_text() || message.is_binary());
    assert!(received == expected);
}

#[test]
fn without_room_for_completions_it_is_sent_in_the_ordinary_way() {
    if !is_inside("without_room_for_completions_it_is_sent_in_the_ordinary_way") {
        return;
    }
    if std::fs::write("/proc/sys/net/core/optmem_max", "1").is_err() {
        println!("not run: the kernel has one limit for all namespaces");
        return;
    }
    let (mut client, server) = serve_beyond(&Client::builder().zero_copy(stubborn()), all);
    let expected = send_many(&mut client);
    settle(&mut client);
    let stats = stats(&client);
    assert!(stats.fell_back >= 14, "{stats:?}");
    assert_eq!((stats.sends, stats.in_flight), (0, 0));
    finish(client);
    let mut received = server.join().unwrap();
    received.retain(|message| message.is_text() || message.is_binary());
    assert!(received == expected);
}

#[test]
fn without_the_setting_there_is_none_of_it() {
    let (mut client, server) = serve(&Client::builder(), all);
    assert_eq!(client.transport().zero_copy(), None);
    let mut payload = BytesMut::from(&bytes(THRESHOLD)[..]);
    client.send_bytes(Kind::Binary, &mut payload).unwrap();
    assert!(payload.is_empty());
    assert!(client.flush().unwrap());
    finish(client);
    assert!(server.join().unwrap()[0] == Message::binary(bytes(THRESHOLD)));
}
