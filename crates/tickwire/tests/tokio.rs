//! The client and the feed on a tokio runtime: what a dropped future leaves behind.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::server::{all, echo, serve_socket};
use std::future::Future;
use std::io::Write as _;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;
use tickwire::bytes::BytesMut;
use tickwire::tokio::{AsyncClient, AsyncFeed};
use tickwire::venue::BookChange;
use tickwire::venue::Event;
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::ws::{Error as WsError, Header, Opcode, Timeout};
use tickwire::{Client, Error, Feed, Kind, Limits, SendError, Timeouts};
use tickwire_sim::{Options, Server, Source};
use tokio::runtime::{Builder, Runtime};
use tungstenite::Message;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Polls a future once and drops it, wherever it waits.
fn once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[test]
fn messages_are_sent_and_come_until_the_connection_is_closed() {
    let (url, server) = serve_socket(echo);
    runtime().block_on(async {
        let mut client = AsyncClient::connect(&url).await.unwrap();
        client.send_text("text").await.unwrap();
        client.send_binary(b"bytes").await.unwrap();
        let mut taken = BytesMut::from(&b"taken"[..]);
        client.send_bytes(Kind::Text, &mut taken).await.unwrap();
        assert!(taken.is_empty());
        let message = client.next_message_direct().await.unwrap().unwrap();
        assert_eq!(message.single(), Some(&b"text"[..]));
        assert_eq!(client.next_message().await.unwrap().unwrap().bytes, b"bytes");
        assert_eq!(client.next_message().await.unwrap().unwrap().bytes, b"taken");
        client.close(1000, "").unwrap();
        assert!(client.next_message().await.unwrap().is_none());
        assert!(client.get_ref().is_clean());
    });
    server.join().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_flush_is_ready_when_no_memory_is_lent_to_the_kernel_any_more() {
    use tickwire::ZeroCopy;
    let (url, server) = serve_socket(echo);
    runtime().block_on(async {
        let builder = Client::builder().zero_copy(ZeroCopy::default().go_on_when_copied());
        let mut client = AsyncClient::new(builder.connect(&url).unwrap()).unwrap();
        client.open().await.unwrap();
        for _ in 0..100 {
            client.send_bytes(Kind::Binary, &mut BytesMut::zeroed(200_000)).await.unwrap();
            client.flush().await.unwrap();
            assert_eq!(client.get_ref().transport().zero_copy().unwrap().in_flight, 0);
            assert_eq!(client.next_message().await.unwrap().unwrap().bytes.len(), 200_000);
        }
        assert!(client.get_ref().transport().zero_copy().unwrap().sends >= 100);
    });
    server.join().unwrap();
}

#[test]
fn a_ping_is_answered_by_a_flush_that_waits_and_one_that_is_dropped_loses_nothing() {
    let (ask, may_ask) = mpsc::channel();
    let (tell, is_asked) = mpsc::channel();
    let (url, server) = serve_socket(move |mut socket| {
        may_ask.recv().unwrap();
        socket.send(Message::Ping("alive?".into())).unwrap();
        tell.send(()).unwrap();
        may_ask.recv().unwrap();
        all(socket)
    });
    let sent = vec![Message::binary(vec![7; 1 << 20]); 24];
    runtime().block_on(async {
        let limits = Limits { outbox_bytes_max: 64 << 20, ..Limits::default() };
        let mut client = AsyncClient::new(Client::builder().limits(limits).connect(&url).unwrap()).unwrap();
        client.open().await.unwrap();
        // More than any buffer on the way takes.
        for message in &sent {
            client.send_binary(&message.clone().into_data()).await.unwrap();
        }
        ask.send(()).unwrap();
        is_asked.recv().unwrap();
        assert!(once(client.flush()).is_none());
        ask.send(()).unwrap();
        client.flush().await.unwrap();
        client.close(1000, "").unwrap();
        assert!(client.next_message().await.unwrap().is_none());
    });
    let mut messages = server.join().unwrap();
    let pong = messages.iter().position(|message| *message == Message::Pong("alive?".into())).unwrap();
    assert!(pong < sent.len(), "behind all messages");
    messages.remove(pong);
    assert!(messages[..sent.len()] == sent);
}

#[test]
fn who_sends_to_a_peer_that_has_said_close_and_takes_nothing_is_told_and_not_kept() {
    let reason = tungstenite::protocol::CloseFrame { code: 1001.into(), reason: "enough".into() };
    let serve = || {
        let reason = reason.clone();
        let (go, end) = mpsc::channel::<()>();
        let (url, server) = serve_socket(move |mut socket| {
            socket.close(Some(reason)).unwrap();
            end.recv().unwrap_err();
        });
        (url, go, server)
    };
    // As a Close that comes later, it is not read before there is something to wait for.
    let connect = |url: &str, close| {
        let limits = Limits { outbox_bytes_max: 16 << 20, ..Limits::default() };
        let timeouts = Timeouts { close, ..Timeouts::default() };
        Client::builder().limits(limits).timeouts(timeouts).connect(url).unwrap()
    };
    runtime().block_on(async {
        let (url, go, server) = serve();
        let mut client = AsyncClient::new(connect(&url, Duration::MAX)).unwrap();
        client.open().await.unwrap();
        let error = loop {
            if let Err(error) = client.send_binary(&[0; 1 << 20]).await {
                break error;
            }
        };
        assert!(matches!(error, Error::Send(SendError::Closing)), "{error}");
        drop((client, go));
        server.join().unwrap();

        let (url, go, server) = serve();
        let mut client = AsyncClient::new(connect(&url, Duration::from_millis(20))).unwrap();
        client.open().await.unwrap();
        for _ in 0..15 {
            client.get_mut().send_binary(&[0; 1 << 20]).unwrap();
        }
        let error = client.flush().await.unwrap_err();
        assert!(matches!(&error, Error::Closed(Some(close)) if close.reason == "enough"), "{error}");
        drop((client, go));
        server.join().unwrap();
    });
}

#[test]
fn a_read_that_is_dropped_wherever_it_waits_loses_nothing() {
    const MESSAGES: usize = 300;
    let (url, server) = serve_socket(|mut socket| {
        // Fragments in pieces of seven bytes, so that a future waits within frames and between them.
        let mut bytes = Vec::new();
        for number in 0..MESSAGES {
            let text = format!("message {number}");
            let (first, second) = text.split_at(4);
            for (opcode, fin, part) in [(Opcode::Text, false, first), (Opcode::Continuation, true, second)] {
                Header { fin, rsv: 0, opcode, mask: None, len: part.len() as u64 }.encode(&mut bytes);
                bytes.extend_from_slice(part.as_bytes());
            }
        }
        let stream = socket.get_mut();
        stream.set_nodelay(true).unwrap();
        for piece in bytes.chunks(7) {
            stream.write_all(piece).unwrap();
            thread::yield_now();
        }
        while socket.read().is_ok() {}
    });
    runtime().block_on(async {
        let mut client = AsyncClient::connect(&url).await.unwrap();
        let mut dropped = 0;
        for number in 0..MESSAGES {
            let text = loop {
                match once(client.next_message()) {
                    Some(message) => break message.unwrap().unwrap().text().unwrap().to_owned(),
                    None => dropped += 1,
                }
                // What makes it ready again is seen by the runtime.
                tokio::task::yield_now().await;
            };
            assert_eq!(text, format!("message {number}"));
        }
        assert!(dropped > 0);
    });
    server.join().unwrap();
}

#[test]
fn an_opening_and_a_send_that_are_dropped_are_taken_up_again() {
    const MESSAGES: u8 = 100;
    const BYTES: usize = 99_000;
    let (read, may_read) = mpsc::channel();
    let (url, server) = serve_socket(move |mut socket| {
        may_read.recv().unwrap();
        let mut received = Vec::new();
        while let Ok(message) = socket.read() {
            if let Message::Binary(bytes) = message {
                received.push((bytes[0], bytes.len()));
            }
        }
        received
    });
    runtime().block_on(async {
        // One fills the outbox, and some the system's own buffers.
        let limits = Limits { outbox_bytes_max: 100_000, ..Limits::default() };
        let client = Client::builder().limits(limits).connect(&url).unwrap();
        let mut client = AsyncClient::new(client).unwrap();
        while once(client.open()).map(Result::unwrap).is_none() {
            tokio::task::yield_now().await;
        }
        let mut dropped = 0;
        for number in 0..MESSAGES {
            let bytes = vec![number; BYTES];
            while once(client.send_binary(&bytes)).map(Result::unwrap).is_none() {
                dropped += 1;
                // Nobody reads before this has waited once.
                read.send(()).unwrap_or_default();
                tokio::task::yield_now().await;
            }
        }
        assert!(dropped > 0);
        while once(client.flush()).map(Result::unwrap).is_none() {
            tokio::task::yield_now().await;
        }
        client.close(1000, "").unwrap();
        assert!(client.next_message().await.unwrap().is_none());
    });
    let expected: Vec<(u8, usize)> = (0..MESSAGES).map(|number| (number, BYTES)).collect();
    assert_eq!(server.join().unwrap(), expected);
}

#[test]
fn a_feed_whose_futures_are_dropped_keeps_its_book() {
    let source = Source::Market { seed: 3, symbols: vec!["BTCUSDT".into()], events_per_second: 400 };
    let server = Server::start(Options { source, ..Options::default() }).unwrap();
    let config = Config {
        symbols: vec!["BTCUSDT".into()],
        streams: vec![Stream::Trade, Stream::BookTicker, Stream::Depth { ms: 100 }],
        stream_url: server.stream_url(),
        api_url: server.api_url(),
        ..Config::default()
    };
    let builder = Client::builder().extra_roots_pem(server.ca_pem().as_bytes()).unwrap();
    runtime().block_on(async {
        let mut feed =
            AsyncFeed::new(Feed::connect(Binance::new(config).unwrap(), &builder).unwrap()).unwrap();
        let (mut agreed, mut dropped, mut synced) = (0, 0, 0);
        while agreed < 20 {
            match once(feed.next()) {
                Some(arrival) => match arrival.unwrap().expect("an open feed").event {
                    Event::Check(check) => {
                        assert!(check.agrees, "{check:?}");
                        agreed += 1;
                    }
                    Event::Book(book) => {
                        assert!(!matches!(book.change, BookChange::Gap { .. }), "{book:?}");
                        synced += u32::from(matches!(book.change, BookChange::Synced { .. }));
                    }
                    Event::Gap(gap) => panic!("{gap:?}"),
                    _ => {}
                },
                None => {
                    dropped += 1;
                    tokio::task::yield_now().await;
                }
            }
        }
        assert_eq!((synced, dropped > 0), (1, true));
    });
}

#[test]
fn a_server_that_does_not_answer_is_given_up_by_the_clients_own_timer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let timeouts = Timeouts { handshake: Duration::from_millis(50), ..Timeouts::default() };
    runtime().block_on(async {
        let client = Client::builder().timeouts(timeouts).connect(&url).unwrap();
        let mut client = AsyncClient::new(client).unwrap();
        let error = client.flush().await.unwrap_err();
        assert!(matches!(error, Error::WebSocket(WsError::Timeout(Timeout::Handshake))), "{error}");
    });
}

#[test]
fn without_a_runtime_it_is_an_error() {
    let client = Client::connect("ws://127.0.0.1:1/").unwrap();
    assert!(matches!(AsyncClient::new(client), Err(Error::Io(_))));
}
