//! Streams of one connection for consumers on other threads, and their messages back, over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::server::serve_socket;
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tickwire::handoff::{Consumer, Delivery, End, Gone, Offer, Registry, Stream, Writer, outbox};
use tickwire::venue::binance::{self, Binance, Config};
use tickwire::venue::{Event, LinkChange};
use tickwire::{Client, Error, Feed, SendError};
use tungstenite::Message;

const STREAMS: usize = 30;
const CONSUMERS: usize = 3;
const MESSAGES: usize = 500;

/// Sends the messages of all streams in turn, and then takes what comes until it has a word of each.
fn serve() -> (String, JoinHandle<Vec<String>>) {
    serve_socket(|mut socket| {
        for number in 0..MESSAGES {
            (0..STREAMS).for_each(|stream| socket.write(format!("s{stream} {number}").into()).unwrap());
        }
        socket.flush().unwrap();
        let mut words = Vec::new();
        while words.len() < STREAMS {
            if let Message::Text(text) = socket.read().unwrap() {
                words.push(text.to_string());
            }
        }
        socket.close(None).unwrap();
        while socket.read().is_ok() {}
        words
    })
}

/// Takes everything, and has a word sent when a stream is complete.
fn consume(mut consumer: Consumer<()>, writer: &Writer<()>) -> usize {
    let mut ended = 0;
    loop {
        match consumer.next(None) {
            Ok(Some(Delivery::Message(message))) => {
                let expected = format!("{} {}", message.stream, message.sequence);
                assert_eq!((message.bytes, message.missed), (expected.as_bytes(), 0));
                if message.sequence + 1 == MESSAGES as u64 {
                    writer.write((), message.stream.as_bytes()).unwrap();
                }
            }
            Ok(Some(Delivery::Ended { end, missed, .. })) => {
                assert_eq!((end, missed), (End::Closed, 0));
                ended += 1;
            }
            Ok(None) => panic!("the time cannot be up"),
            Err(Gone) => return ended,
        }
    }
}

#[test]
fn streams_reach_their_consumers_whose_words_reach_the_venue() {
    let (url, server) = serve();
    let mut client = Client::connect(&url).unwrap();
    let (mut outbox, writer) = outbox(1 << 12, client.waker().unwrap());
    let mut registry = Registry::new(STREAMS);
    let mut consumers = Vec::new();
    for first in 0..CONSUMERS {
        let (id, consumer) = registry.consumer(1 << 10);
        for stream in (first..STREAMS).step_by(CONSUMERS) {
            registry.add(&Stream::new(&format!("s{stream}")).messages_max(4), id).unwrap();
        }
        let writer = writer.clone();
        consumers.push(thread::spawn(move || consume(consumer, &writer)));
    }
    while !client.is_closed() {
        client.wait(None).unwrap();
        let sent = outbox.drain(|(), text| client.send_text(std::str::from_utf8(text).unwrap()));
        assert!(matches!(sent, Ok(()) | Err(SendError::Full { .. })), "{sent:?}");
        while let Some(message) = client.next_message().unwrap() {
            let name = message.text().unwrap().split(' ').next().unwrap();
            assert_eq!(registry.offer(name, 0, (), [message.bytes]), Offer::Taken);
        }
    }
    (0..STREAMS).for_each(|stream| registry.close(&format!("s{stream}")).unwrap());
    drop(registry);
    let ended: usize = consumers.into_iter().map(|thread| thread.join().unwrap()).sum();
    let mut words = server.join().unwrap();
    words.sort_unstable();
    words.dedup();
    assert_eq!((ended, words.len()), (STREAMS, STREAMS));
}

/// A venue that takes connections and says nothing.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    (listener, url)
}

#[test]
fn a_client_that_waits_is_woken_and_so_is_one_that_will() {
    let (_silent, url) = silent();
    let mut client = Client::connect(&url).unwrap();
    let waker = client.waker().unwrap();
    let has_news = |client: &mut Client, timeout| {
        let news = client.wait(timeout).unwrap();
        assert!(client.next_message().unwrap().is_none());
        news
    };
    while has_news(&mut client, Some(Duration::ZERO)) || !client.transport().is_connected() {}
    waker.wake();
    let at_once = [(); 2].map(|()| has_news(&mut client, Some(Duration::ZERO)));
    assert_eq!(at_once, [true, false]);
    let thread = thread::spawn(move || waker.wake());
    // Otherwise it would be the end of the handshake that is not answered, which reading reports.
    assert!(has_news(&mut client, None));
    thread.join().unwrap();
}

#[test]
fn a_client_of_another_poll_has_no_waker_of_its_own() {
    let (_silent, url) = silent();
    let mut client = Client::connect(&url).unwrap();
    let poll = mio::Poll::new().unwrap();
    poll.registry().register(&mut client, mio::Token(0), mio::Interest::READABLE).unwrap();
    assert!(matches!(client.waker(), Err(Error::Misuse(_))));
}

#[test]
fn a_feed_that_waits_is_woken() {
    let (_silent, url) = silent();
    let config = Config {
        symbols: vec!["BTCUSDT".into()],
        streams: vec![binance::Stream::Trade],
        stream_url: url.trim_end_matches('/').into(),
        api_url: url,
        ..Config::default()
    };
    let mut feed = Feed::connect(Binance::new(config).unwrap(), &Client::builder()).unwrap();
    let waker = feed.waker().unwrap();
    let thread = thread::spawn(move || waker.wake());
    // What is told until then is that it connects; a handshake that is not answered in time would be told as well.
    while let Some(arrival) = feed.next(None).unwrap() {
        let is_lost =
            matches!(arrival.event, Event::Link(link) if matches!(link.change, LinkChange::Lost { .. }));
        assert!(!is_lost, "{arrival:?}");
    }
    assert!(!feed.is_closed());
    thread.join().unwrap();
}
