//! The feed against a local venue over real TLS, on good days and bad ones.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::server::endpoint;
use std::io::Write as _;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::venue::{
    Attempts, BookChange, BookState, Cause, Command, Ending, Endpoint, Event, Fetched, Instrument, LegCounts,
    LinkChange, LinkEvent, Misuse, Now, Outcome, Route, Session,
};
use tickwire::{Arrival, Builder, Client, Error, Feed, Limits, Phase};
use tickwire_sim::{Faults, Options, Server, Source};

fn server(symbols: &[&str], faults: Faults) -> Server {
    let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    let source = Source::Market { seed: 3, symbols, events_per_second: 400 };
    Server::start(Options { source, faults, ..Options::default() }).unwrap()
}

fn feed(server: &Server, symbols: &[&str]) -> Feed<Binance> {
    feed_by(server, symbols, Client::builder())
}

fn feed_by(server: &Server, symbols: &[&str], builder: Builder) -> Feed<Binance> {
    let config = Config {
        symbols: symbols.iter().map(|symbol| (*symbol).to_owned()).collect(),
        streams: vec![Stream::Trade, Stream::BookTicker, Stream::Depth { ms: 100 }],
        stream_url: server.stream_url(),
        api_url: server.api_url(),
        ..Config::default()
    };
    let builder = builder.extra_roots_pem(server.ca_pem().as_bytes()).unwrap();
    Feed::connect(Binance::new(config).unwrap(), &builder).unwrap()
}

/// Follows the feed until `enough` says so; tells the changes of books, and that every comparison agreed.
fn follow(feed: &mut Feed<Binance>, mut enough: impl FnMut(&[BookChange], u64) -> bool) -> Vec<BookChange> {
    let (mut changes, mut checks) = (Vec::new(), 0);
    while !enough(&changes, checks) {
        match feed.next(None).unwrap().map(|arrival| arrival.event) {
            Some(Event::Book(event)) => changes.push(event.change),
            Some(Event::Check(check)) => {
                assert!(check.agrees, "{check:?}");
                checks += 1;
            }
            Some(_) => {}
            None => panic!("the feed has closed"),
        }
    }
    changes
}

fn has(changes: &[BookChange], wanted: fn(&BookChange) -> bool) -> bool {
    changes.iter().any(wanted)
}

#[test]
fn books_sync_over_two_connections_and_agree_with_the_venues_quotes() {
    let server = server(&["BTCUSDT", "ETHUSDT"], Faults::default());
    let mut feed = feed(&server, &["BTCUSDT", "ETHUSDT"]);
    let synced = |changes: &[BookChange]| {
        changes.iter().filter(|change| matches!(change, BookChange::Synced { .. })).count()
    };
    let changes = follow(&mut feed, |changes, checks| synced(changes) == 2 && checks >= 5);
    assert!(!has(&changes, |change| matches!(change, BookChange::Gap { .. })));
    for at in 0..2 {
        let view = feed.session().book(Instrument(at)).unwrap();
        assert_eq!(view.state, BookState::Live);
        assert!(!view.book.is_crossed() && view.book.best_bid().is_some());
    }
    let stats = feed.stats();
    assert!(stats.messages > 0 && stats.bytes > stats.messages);
    assert_eq!((stats.opened, stats.lost, stats.gaps), (2, 0, 0));
    feed.close();
    let mut closed = 0;
    while let Some(arrival) = feed.next(Some(Duration::from_secs(5))).unwrap() {
        let is_closed = |event| matches!(event, Event::Link(link) if link.change == LinkChange::Closed);
        closed += usize::from(is_closed(arrival.event));
    }
    assert!(feed.is_closed());
    assert_eq!(closed, 2, "both sides have said Close on each connection");
}

#[cfg(feature = "deflate")]
#[test]
fn books_agree_over_compressed_fragments_with_pings_between_and_bursts() {
    use tickwire_sim::{Bursts, Fragments};
    let faults = Faults {
        fragments: Some(Fragments { pieces: 3, pings: true }),
        bursts: Some(Bursts { every: 5, levels: 4_000 }),
        ..Faults::default()
    };
    let server = server(&["BTCUSDT"], faults);
    let mut feed = feed_by(&server, &["BTCUSDT"], Client::builder().deflate(tickwire::Deflate::default()));
    let changes = follow(&mut feed, |_, checks| checks >= 5);
    assert!(!has(&changes, |change| matches!(change, BookChange::Gap { .. })), "{changes:?}");
}

#[test]
fn a_lost_update_is_told_and_mended() {
    let server = server(&["BTCUSDT"], Faults { drop_diff_every: Some(5), ..Faults::default() });
    let mut feed = feed(&server, &["BTCUSDT"]);
    let changes =
        follow(&mut feed, |changes, _| has(changes, |change| matches!(change, BookChange::Resynced { .. })));
    let gap = changes.iter().position(|change| matches!(change, BookChange::Gap { .. })).expect("a gap");
    let resynced =
        changes.iter().position(|change| matches!(change, BookChange::Resynced { .. })).expect("resynced");
    assert!(gap < resynced, "{changes:?}");
}

#[test]
fn a_stale_snapshot_is_told_and_fetched_again() {
    let server = server(&["BTCUSDT"], Faults { stale_snapshots: 2, ..Faults::default() });
    let mut feed = feed(&server, &["BTCUSDT"]);
    let changes = follow(&mut feed, |_, checks| checks >= 1);
    // A snapshot that is stale is either older than what was collected, or reveals a gap with the next update.
    let told =
        |change: &BookChange| matches!(change, BookChange::StaleSnapshot { .. } | BookChange::Gap { .. });
    assert!(has(&changes, told), "{changes:?}");
}

#[test]
fn an_unknown_symbol_is_refused_for_good() {
    let server = server(&["BTCUSDT"], Faults::default());
    let mut feed = feed(&server, &["BTCUSDT", "NOSUCHCOIN"]);
    loop {
        if let Some(Arrival { event: Event::Rejected(rejection), .. }) = feed.next(None).unwrap() {
            assert_eq!((rejection.code, rejection.outcome), (-1121, Outcome::Final));
            assert_eq!(rejection.instrument, Some(Instrument(1)));
            return;
        }
    }
}

#[test]
fn a_cut_connection_is_told_its_books_are_stale_and_then_complete_again() {
    let faults = Faults { cut_after: Some(Duration::from_millis(1500)), ..Faults::default() };
    let server = server(&["BTCUSDT"], faults);
    let mut feed = feed(&server, &["BTCUSDT"]);
    let (mut lost, mut stale, mut resynced) = (Vec::new(), false, false);
    // Whether a connection is ready is looked at now and then.
    while !resynced || feed.stats().recovery_us.is_empty() {
        match feed.next(None).unwrap().expect("an open feed").event {
            Event::Link(link) => {
                if let LinkChange::Lost { cause, words, retry_in } = link.change {
                    assert_eq!(cause, Cause::Lost, "{words}");
                    assert!(retry_in.is_some());
                    lost.push(link.name);
                }
            }
            Event::Book(event) => {
                let state = feed.session().book(Instrument(0)).unwrap().state;
                match event.change {
                    BookChange::Stale { .. } => {
                        assert_eq!(state, BookState::Stale);
                        assert!(lost.contains(&"stream"));
                        stale = true;
                    }
                    BookChange::Resynced { .. } if stale => resynced = true,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let stats = feed.stats();
    assert!(stats.lost >= 1 && stats.opened > 2 && stats.resyncs == 1, "{stats:?}");
}

/// A feed of a venue that confirms its subscription and says no more.
fn confirming() -> (Feed<Binance>, JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let venue = std::thread::spawn(move || {
        let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
        socket.send(tungstenite::Message::text(r#"{"result":null,"id":1}"#)).unwrap();
        while socket.read().is_ok() {}
    });
    let streams = vec![Stream::Trade];
    let config = Config { symbols: vec!["BTCUSDT".into()], streams, stream_url: url, ..Config::default() };
    (Feed::connect(Binance::new(config).unwrap(), &Client::builder()).unwrap(), venue)
}

/// What is left when connections are left out.
fn is_link(event: &Event<'_>) -> bool {
    matches!(event, Event::Link(_))
}

#[test]
fn feeds_share_a_poll() {
    let mut feeds = [confirming(), confirming()];
    let mut poll = mio::Poll::new().unwrap();
    let mut events = mio::Events::with_capacity(8);
    for (token, (feed, _)) in feeds.iter_mut().enumerate() {
        poll.registry().register(feed, mio::Token(token), mio::Interest::READABLE).unwrap();
    }
    let mut confirmed = [false; 2];
    while confirmed != [true; 2] {
        for ((feed, _), confirmed) in feeds.iter_mut().zip(&mut confirmed) {
            while let Some(arrival) = feed.next(Some(Duration::ZERO)).unwrap() {
                *confirmed |= matches!(arrival.event, Event::Subscribed { .. });
            }
        }
        assert!(feeds.iter().all(|(feed, _)| feed.next_deadline().is_some()));
        poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
    }
    for (feed, venue) in feeds {
        drop(feed);
        venue.join().unwrap();
    }
}

#[test]
fn a_feed_that_is_only_ever_looked_at_goes_on() {
    let (mut feed, venue) = confirming();
    loop {
        let next = feed.next(Some(Duration::ZERO)).unwrap();
        if let Some(arrival) = next.filter(|arrival| !is_link(&arrival.event)) {
            assert_eq!(arrival.event, Event::Subscribed { stream: "btcusdt@trade", pending: 0 });
            break;
        }
        std::thread::yield_now();
    }
    drop(feed);
    venue.join().unwrap();
}

#[test]
fn waiting_ends_at_its_timeout_while_nothing_happens() {
    // A venue that accepts the connection and never says a word.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let streams = vec![Stream::Trade];
    let config = Config { symbols: vec!["BTCUSDT".into()], streams, stream_url: url, ..Config::default() };
    let mut feed = Feed::connect(Binance::new(config).unwrap(), &Client::builder()).unwrap();
    let first = feed.next(Some(Duration::ZERO)).unwrap().expect("that it connects");
    let Event::Link(link) = first.event else { panic!("{first:?}") };
    assert_eq!(link.change, LinkChange::Connecting { attempt: 1 });
    assert!(feed.next(Some(Duration::from_millis(20))).unwrap().is_none());
    assert!(feed.next(Some(Duration::ZERO)).unwrap().is_none());
    assert!(!feed.is_closed());
}

#[test]
fn a_message_that_is_not_the_venues_is_told_and_not_the_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let venue = std::thread::spawn(move || {
        let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
        for text in [
            "<html>",
            r#"{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT"}}"#,
            r#"{"result":null,"id":1}"#,
        ] {
            socket.send(tungstenite::Message::text(text)).unwrap();
        }
        while socket.read().is_ok() {}
    });
    let streams = vec![Stream::Trade];
    let config = Config { symbols: vec!["BTCUSDT".into()], streams, stream_url: url, ..Config::default() };
    let mut feed = Feed::connect(Binance::new(config).unwrap(), &Client::builder()).unwrap();
    while feed.connections().any(|connection| connection.phase == Phase::Connecting) {
        assert!(is_link(&feed.next(None).unwrap().unwrap().event));
    }
    for raw in ["<html>", r#"{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT"}}"#] {
        let arrival = feed.next(None).unwrap().unwrap();
        let Event::Unreadable(malformed) = arrival.event else { panic!("{arrival:?}") };
        assert!(matches!(malformed, tickwire::venue::Error::Malformed { .. }), "{malformed}");
        assert_eq!(arrival.raw, raw.as_bytes());
    }
    let arrival = feed.next(None).unwrap().unwrap();
    assert_eq!(arrival.event, Event::Subscribed { stream: "btcusdt@trade", pending: 0 });
    assert_eq!(arrival.raw, br#"{"result":null,"id":1}"#);
    assert!(arrival.received_ns.is_some());
    drop(feed);
    venue.join().unwrap();
}

/// A session that counts what each of its two routes brings.
struct Routes {
    endpoints: Vec<Endpoint>,
    received: [usize; 2],
    untold: bool,
    /// Wants to be told each millisecond, and then since when.
    timed: bool,
    deadline: Option<Instant>,
    /// Wants this document, once.
    wanted: Option<String>,
    fetching: bool,
    fetched: bool,
    /// What it wants done once messages come.
    commands: Vec<Command<'static>>,
}

impl Routes {
    fn new(endpoints: Vec<Endpoint>) -> Self {
        Self {
            endpoints,
            received: [0; 2],
            untold: false,
            timed: false,
            deadline: None,
            wanted: None,
            fetching: false,
            fetched: false,
            commands: Vec::new(),
        }
    }
}

impl Session for Routes {
    fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
    fn on_open(&mut self, _: Route, now: Now) {
        self.deadline = self.timed.then_some(now.instant);
    }
    fn attempts(&self) -> Attempts {
        Attempts { max: 10, span: Duration::from_secs(1) }
    }
    fn subscribe(&mut self, _: &[&str], _: Now) -> Result<(), tickwire::venue::Error> {
        Ok(())
    }
    fn unsubscribe(&mut self, _: &[&str], _: Now) {}
    fn on_closed(&mut self, _: Route, _: Ending, _: Now) {}
    fn is_ready(&self, _: Route) -> bool {
        true
    }
    fn hand_over(&mut self, _: Route) {}
    fn is_handed_over(&mut self, _: Route) -> bool {
        true
    }
    fn leg_counts(&self, _: Route) -> Option<&LegCounts> {
        None
    }
    fn take_lag(&mut self, _: Route) -> Option<Duration> {
        None
    }
    fn on_message(&mut self, route: Route, _: &[u8], _: Now) -> Result<(), tickwire::venue::Error> {
        if self.untold {
            return Err(Misuse::Undrained.into());
        }
        self.received[route.endpoint] += 1;
        self.untold = true;
        Ok(())
    }
    fn has_event(&self) -> bool {
        self.untold
    }
    fn poll_event(&mut self) -> Option<Event<'_>> {
        std::mem::take(&mut self.untold).then_some(Event::Other { kind: "counted" })
    }
    fn poll_command(&mut self) -> Option<Command<'_>> {
        // Only once the messages come.
        if self.received[0] == 0 || self.fetching {
            return None;
        }
        if !self.commands.is_empty() {
            return Some(self.commands.remove(0));
        }
        self.fetching = true;
        self.wanted.as_deref().map(|url| Command::Fetch { id: 1, url })
    }
    fn on_fetched(&mut self, _: u64, _: Fetched<'_>, _: Now) -> Result<(), tickwire::venue::Error> {
        self.fetched = true;
        Ok(())
    }
    fn next_deadline(&self) -> Option<Instant> {
        self.deadline
    }
    fn on_deadline(&mut self, now: Now) {
        self.deadline = Some(now.instant + Duration::from_millis(1));
        self.untold = true;
    }
    fn instruments(&self) -> u32 {
        0
    }
    fn symbol(&self, _: Instrument) -> Option<&str> {
        None
    }
    fn instrument(&self, _: &str) -> Option<Instrument> {
        None
    }
    fn book(&self, _: Instrument) -> Option<tickwire::venue::BookView<'_>> {
        None
    }
}

#[test]
fn a_connection_that_never_pauses_does_not_starve_the_others() {
    const FLOOD: usize = 2_000_000;
    let (noisy, flood) = endpoint("noisy", |mut socket| {
        let burst = b"\x81\x04tick".repeat(1000);
        for _ in 0..FLOOD / 1000 {
            if socket.get_mut().write_all(&burst).is_err() {
                return;
            }
        }
    });
    let (go, wait) = std::sync::mpsc::channel();
    let (quiet, word) = endpoint("quiet", move |mut socket| {
        wait.recv().unwrap();
        socket.send(tungstenite::Message::text("one word")).unwrap();
        while socket.read().is_ok() {}
    });
    let session = Routes::new(vec![noisy, quiet]);
    let mut feed = Feed::connect(session, &Client::builder()).unwrap();
    while feed.connections().any(|connection| !connection.client.is_open()) || feed.session().received[0] == 0
    {
        feed.next(Some(Duration::from_millis(10))).unwrap();
    }
    go.send(()).unwrap();
    while feed.session().received[1] == 0 {
        feed.next(None).unwrap();
    }
    assert!(feed.session().received[0] < FLOOD, "the word came only when the flood was over");
    drop(feed);
    flood.join().unwrap();
    word.join().unwrap();
}

#[test]
fn what_a_deadline_brings_is_told_before_the_next_message_comes() {
    let (noisy, flood) = endpoint("noisy", |mut socket| {
        let burst = b"\x81\x04tick".repeat(1000);
        while socket.get_mut().write_all(&burst).is_ok() {}
    });
    let session = Routes { timed: true, ..Routes::new(vec![noisy]) };
    let mut feed = Feed::connect(session, &Client::builder()).unwrap();
    let mut told = 0;
    while feed.session().received[0] < 100_000 {
        told += usize::from(feed.next(None).unwrap().is_some());
    }
    assert!(told > feed.session().received[0], "deadlines came while the messages did");
    drop(feed);
    flood.join().unwrap();
}

#[cfg(feature = "rest")]
#[test]
fn a_connection_that_never_pauses_does_not_starve_documents() {
    let (noisy, flood) = endpoint("noisy", |mut socket| {
        let burst = b"\x81\x04tick".repeat(1000);
        while socket.get_mut().write_all(&burst).is_ok() {}
    });
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    // The deadlines have their turn and no more than that.
    let session = Routes { wanted: Some(nobody), timed: true, ..Routes::new(vec![noisy]) };
    let mut feed = Feed::connect(session, &Client::builder()).unwrap();
    while !feed.session().fetched && feed.session().received[0] < 4_000_000 {
        feed.next(None).unwrap();
    }
    assert!(feed.session().fetched, "no document came while the messages did");
    drop(feed);
    flood.join().unwrap();
}

#[test]
fn a_connection_that_the_venue_closes_is_told_and_made_again() {
    let (ending, ended) = endpoint("ending", |mut socket| {
        let frame = tungstenite::protocol::CloseFrame { code: 1001.into(), reason: "maintenance".into() };
        socket.close(Some(frame)).unwrap();
        while socket.read().is_ok() {}
    });
    let (staying, stayed) = endpoint("staying", |mut socket| while socket.read().is_ok() {});
    let session = Routes::new(vec![ending, staying]);
    let mut feed = Feed::connect(session, &Client::builder()).unwrap();
    let mut attempts = 0;
    loop {
        let arrival = feed.next(None).unwrap().unwrap();
        let Event::Link(link) = arrival.event else { panic!("{arrival:?}") };
        match link.change {
            LinkChange::Lost { cause: Cause::Closed { code }, words, retry_in } => {
                assert_eq!((link.name, code), ("ending", Some(1001)));
                assert_eq!(
                    (words, retry_in),
                    ("closed by the peer: 1001, maintenance", Some(Duration::ZERO))
                );
            }
            LinkChange::Connecting { attempt } if link.name == "ending" => {
                attempts += 1;
                assert_eq!(attempt, attempts);
                if attempts == 2 {
                    break;
                }
            }
            _ => {}
        }
    }
    assert!(feed.connections().any(|connection| connection.name == "staying"), "the other one goes on");
    feed.close();
    while feed.next(None).unwrap().is_some() {}
    assert!(feed.is_closed());
    ended.join().unwrap();
    stayed.join().unwrap();
}

#[test]
fn a_venue_that_refuses_for_good_is_an_error_and_the_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let venue = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let session = Routes::new(vec![Endpoint::new("locked", url)]);
    let mut feed = Feed::connect(session, &Client::builder()).unwrap();
    let mut stopped = false;
    let error = loop {
        match feed.next(None) {
            Ok(Some(Arrival { event: Event::Link(link), .. })) => {
                let refused = Cause::Refused { status: 401, retry_after_s: None };
                stopped |= matches!(link.change, LinkChange::Stopped { cause, .. } if cause == refused);
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(stopped && matches!(error, Error::Link { name: "locked", .. }), "{error}");
    assert!(feed.next(None).unwrap().is_none());
    assert!(feed.is_closed());
    venue.join().unwrap();
}

/// Why connections end whose session wants this done when the first message has come, until the second has.
fn causes_by(commands: Vec<Command<'static>>) -> Vec<Cause> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let venue = std::thread::spawn(move || {
        for _ in 0..2 {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            socket.send(tungstenite::Message::text("one word")).unwrap();
            while socket.read().is_ok() {}
        }
    });
    let mut session = Routes::new(vec![Endpoint::new("stream", url)]);
    session.commands = commands;
    let limits = Limits { outbox_bytes_max: 4_096, ..Limits::default() };
    let mut feed = Feed::connect(session, &Client::builder().limits(limits)).unwrap();
    let mut causes = Vec::new();
    while feed.session().received[0] < 2 {
        let event = feed.next(None).unwrap().expect("an open feed").event;
        if let Event::Link(LinkEvent { change: LinkChange::Lost { cause, .. }, .. }) = event {
            causes.push(cause);
            assert!(causes.len() < 2, "the next connection was ended, too: {causes:?}");
        }
    }
    drop(feed);
    venue.join().unwrap();
    causes
}

#[test]
fn a_text_that_cannot_be_sent_ends_its_connection_once_and_not_the_next_of_its_name() {
    let route = Route::first(0);
    let too_long = Command::Send { route, text: "x".repeat(5_000).leak() };
    assert_eq!(causes_by(vec![too_long, too_long]), [Cause::Limit]);
    assert_eq!(causes_by(vec![too_long, Command::Replace { route }]), [Cause::Silent]);
}
