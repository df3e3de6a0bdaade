//! A session with a manual clock, drained after each call.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tickwire_venue::binance::{Binance, Config, Streams};
use tickwire_venue::{BookChange, Delta, Depth, Error, Event, Rejection, Route, Session};

pub(crate) const STREAM: Route = Route(0);
pub(crate) const API: Route = Route(1);

pub(crate) struct Rig {
    pub(crate) session: Binance,
    pub(crate) now: Instant,
    pub(crate) sent: VecDeque<(Route, Value)>,
}

pub(crate) fn config(symbols: &[&str], streams: Streams) -> Config {
    let symbols = symbols.iter().map(ToString::to_string).collect();
    Config { symbols, streams, ..Config::default() }
}

pub(crate) const BOOKS: Streams =
    Streams { trade: false, agg_trade: false, book_ticker: true, depth: true, partial_depth: None };

impl Rig {
    #[expect(clippy::disallowed_methods, reason = "a manual clock needs some instant to count from")]
    pub(crate) fn new(config: Config) -> Self {
        Self { session: Binance::spot(config).unwrap(), now: Instant::now(), sent: VecDeque::new() }
    }

    /// Both connections open, the subscriptions sent and confirmed.
    pub(crate) fn confirmed(config: Config) -> Self {
        let mut rig = Self::new(config);
        rig.open(STREAM);
        rig.open(API);
        rig.confirm();
        rig
    }

    pub(crate) fn open(&mut self, route: Route) -> Vec<Event<'static>> {
        self.session.on_open(route, self.now);
        self.drain()
    }

    pub(crate) fn close(&mut self, route: Route) -> Vec<Event<'static>> {
        self.session.on_closed(route, self.now);
        self.drain()
    }

    pub(crate) fn feed(&mut self, route: Route, text: &str) -> Result<Vec<Event<'static>>, Error> {
        self.session.on_message(route, text.as_bytes(), self.now)?;
        Ok(self.drain())
    }

    pub(crate) fn stream(&mut self, message: &Value) -> Vec<Event<'static>> {
        self.feed(STREAM, &message.to_string()).unwrap()
    }

    pub(crate) fn api(&mut self, message: &Value) -> Vec<Event<'static>> {
        self.feed(API, &message.to_string()).unwrap()
    }

    /// Lets time pass, telling the session as soon as it wants to know.
    pub(crate) fn pass(&mut self, span: Duration) -> Vec<Event<'static>> {
        let end = self.now + span;
        let mut told = Vec::new();
        while let Some(deadline) = self.session.next_deadline().filter(|deadline| *deadline <= end) {
            assert!(deadline >= self.now, "a deadline in the past");
            self.now = deadline;
            self.session.on_deadline(self.now);
            told.extend(self.drain());
            assert_ne!(self.session.next_deadline(), Some(deadline), "a deadline that stays");
        }
        self.now = end;
        told
    }

    /// Answers every subscription that was sent.
    pub(crate) fn confirm(&mut self) -> Vec<Event<'static>> {
        let mut told = Vec::new();
        while let Some(at) = self.sent.iter().position(|(route, _)| *route == STREAM) {
            let (_, request) = self.sent.remove(at).unwrap();
            assert_eq!(request["method"], "SUBSCRIBE");
            told.extend(self.stream(&json!({"result": null, "id": request["id"]})));
        }
        told
    }

    /// The next snapshot asked for: (id, symbol).
    pub(crate) fn asked(&mut self) -> Option<(u64, String)> {
        let at = self.sent.iter().position(|(route, _)| *route == API)?;
        let (_, request) = self.sent.remove(at).unwrap();
        assert_eq!(request["method"], "depth");
        Some((request["id"].as_u64().unwrap(), request["params"]["symbol"].as_str().unwrap().to_owned()))
    }

    fn drain(&mut self) -> Vec<Event<'static>> {
        let mut told = Vec::new();
        while let Some(event) = self.session.poll_event() {
            told.push(keep(event));
        }
        while let Some(command) = self.session.poll_command() {
            self.sent.push_back((command.route, serde_json::from_str(command.text).unwrap()));
        }
        told
    }
}

/// The same event with what it lends kept for the rest of the test.
fn keep(event: Event<'_>) -> Event<'static> {
    let leak = |levels: &[_]| -> &'static [_] { levels.to_vec().leak() };
    match event {
        Event::Delta(d) => Event::Delta(Delta { bids: leak(d.bids), asks: leak(d.asks), ..d }),
        Event::Depth(d) => Event::Depth(Depth { bids: leak(d.bids), asks: leak(d.asks), ..d }),
        Event::Rejected(r) => Event::Rejected(Rejection { message: r.message.to_owned().leak(), ..r }),
        Event::Other { kind } => Event::Other { kind: kind.to_owned().leak() },
        Event::Trade(e) => Event::Trade(e),
        Event::Quote(e) => Event::Quote(e),
        Event::Book(e) => Event::Book(e),
        Event::Check(e) => Event::Check(e),
        Event::Subscribed { streams, pending } => Event::Subscribed { streams, pending },
        Event::Unanswered { request, instrument } => Event::Unanswered { request, instrument },
        Event::ServerShutdown { event_time_ns } => Event::ServerShutdown { event_time_ns },
        other => panic!("an event these tests do not know: {other:?}"),
    }
}

/// What was told about books.
pub(crate) fn changes(told: &[Event<'_>]) -> Vec<BookChange> {
    let change = |event: &Event<'_>| match event {
        Event::Book(book) => Some(book.change),
        _ => None,
    };
    told.iter().filter_map(change).collect()
}
