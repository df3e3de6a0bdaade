//! Snapshots over HTTP, against a local venue with TLS.
#![cfg(feature = "rest")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};
use tickwire::venue::binance::{Binance, Config, Snapshots, Stream};
use tickwire::venue::{BookChange, Event, Outcome};
use tickwire::{Client, Feed};
use tickwire_sim::{Options, Refusals, Server, Source, Venue};

fn server(options: Options) -> Server {
    let source = Source::Market { seed: 5, symbols: vec!["BTCUSDT".into()], events_per_second: 200 };
    Server::start(Options { source, ..options }).unwrap()
}

fn feed(server: &Server, rest_url: String) -> Feed<Binance> {
    let config = Config {
        symbols: vec!["BTCUSDT".into()],
        streams: vec![Stream::BookTicker, Stream::Depth { ms: 100 }],
        stream_url: server.stream_url(),
        snapshots: Snapshots::Rest,
        rest_url,
        ..Config::usd_m()
    };
    let builder = Client::builder().extra_roots_pem(server.ca_pem().as_bytes()).unwrap();
    Feed::connect(Binance::new(config).unwrap(), &builder).unwrap()
}

/// Follows the feed until `enough` says so of an event.
fn follow(feed: &mut Feed<Binance>, mut enough: impl FnMut(&Event<'_>) -> bool) {
    while !enough(&feed.next(None).unwrap().expect("an open feed").event) {}
}

#[test]
fn a_book_is_made_of_a_document_and_agrees_with_the_venues_quotes() {
    let server = server(Options::of(Venue::BinanceUsdM));
    let mut feed = feed(&server, format!("{}/fapi/v1/depth", server.rest_url()));
    assert_eq!(feed.connections().count(), 1);
    let mut agreed = 0;
    follow(&mut feed, |event| {
        if let Event::Check(check) = event {
            assert!(check.agrees, "{check:?}");
            agreed += 1;
        }
        agreed == 5
    });
}

#[test]
fn a_refusal_with_a_time_is_obeyed_and_then_the_book_comes() {
    let mut options = Options::of(Venue::BinanceUsdM);
    options.binance.refusals =
        Some(Refusals { requests: 1, banned: false, retry_after: Duration::from_secs(1) });
    let server = server(options);
    let mut feed = feed(&server, format!("{}/fapi/v1/depth", server.rest_url()));
    // Not before this time.
    let mut until = None;
    loop {
        #[expect(clippy::disallowed_methods, reason = "the refusal cannot come before this")]
        let before = Instant::now();
        match feed.next(None).unwrap().expect("an open feed").event {
            Event::Rejected(rejection) => {
                let Outcome::Retry(at) = rejection.outcome else { panic!("{rejection:?}") };
                assert!(at >= before + Duration::from_secs(1), "asks again {:?} later", at - before);
                until = Some(at);
            }
            Event::Book(book) if matches!(book.change, BookChange::Synced { .. }) => break,
            _ => {}
        }
    }
    #[expect(clippy::disallowed_methods, reason = "the book cannot come before it was asked for again")]
    let synced = Instant::now();
    assert!(synced >= until.expect("a refusal"), "it was asked for too early");
}

#[test]
fn a_server_that_is_not_there_is_told_and_asked_again() {
    let server = server(Options::of(Venue::BinanceUsdM));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("https://{}/fapi/v1/depth", listener.local_addr().unwrap());
    drop(listener);
    let mut feed = feed(&server, nobody);
    let mut unanswered = 0;
    follow(&mut feed, |event| {
        unanswered += u32::from(matches!(event, Event::Unanswered { .. }));
        unanswered == 2
    });
    assert!(!feed.is_closed());
}
