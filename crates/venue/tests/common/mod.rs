//! A session with a manual clock, drained after each call.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod encode;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tickwire_venue::binance::{Binance, Config, Stream};
use tickwire_venue::{
    BookChange, Command, Delta, Ending, Error, Event, Fetched, Gap, InstrumentState, Now, Rejection, Route,
    Session, Snapshot, Status,
};

pub(crate) const STREAM: Route = Route::first(0);
pub(crate) const API: Route = Route::first(1);

pub(crate) struct Rig {
    pub(crate) session: Binance,
    pub(crate) now: Instant,
    /// What the other clock shows.
    pub(crate) unix_ns: u64,
    pub(crate) sent: VecDeque<(Route, Value)>,
    /// Documents asked for by HTTP: id and URL.
    pub(crate) fetches: VecDeque<(u64, String)>,
    /// Connections that are to be renewed.
    pub(crate) renewals: Vec<Route>,
    /// Connections that are to be given up.
    pub(crate) replacements: Vec<Route>,
}

pub(crate) fn config(symbols: &[&str], streams: Vec<Stream>) -> Config {
    let symbols = symbols.iter().map(ToString::to_string).collect();
    // What silence brings about has tests of its own.
    Config { symbols, streams, silence_max: None, ..Config::default() }
}

/// A book of each symbol, and the quotes to check it.
pub(crate) fn books() -> Vec<Stream> {
    vec![Stream::BookTicker, Stream::Depth { ms: 100 }]
}

impl Rig {
    #[expect(clippy::disallowed_methods, reason = "a manual clock needs some instant to count from")]
    pub(crate) fn new(config: Config) -> Self {
        Self {
            session: Binance::new(config).unwrap(),
            now: Instant::now(),
            unix_ns: 0,
            sent: VecDeque::new(),
            fetches: VecDeque::new(),
            renewals: Vec::new(),
            replacements: Vec::new(),
        }
    }

    /// Both connections open, the subscriptions sent and confirmed.
    pub(crate) fn confirmed(config: Config) -> Self {
        let mut rig = Self::new(config);
        for route in 0..rig.session.endpoints().len() {
            rig.open(Route::first(route));
        }
        rig.confirm();
        rig
    }

    /// The venue tells what was used of the weight, with an answer that is of no other interest.
    pub(crate) fn tell_weight(&mut self, used: u64) {
        let limit =
            json!({"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "count": used});
        self.api(&json!({"id": "other", "status": 200, "result": {}, "rateLimits": [limit]}));
    }

    /// The manual clock by both measures.
    pub(crate) fn both(&self) -> Now {
        Now { instant: self.now, unix_ns: self.unix_ns }
    }

    pub(crate) fn open(&mut self, route: Route) -> Vec<Event<'static>> {
        self.session.on_open(route, self.both());
        self.drain()
    }

    pub(crate) fn close(&mut self, route: Route) -> Vec<Event<'static>> {
        self.session.on_closed(route, Ending::Lost, self.both());
        self.drain()
    }

    pub(crate) fn feed(&mut self, route: Route, text: &str) -> Result<Vec<Event<'static>>, Error> {
        self.session.on_message(route, text.as_bytes(), self.both())?;
        Ok(self.drain())
    }

    pub(crate) fn binary(&mut self, bytes: &[u8]) -> Result<Vec<Event<'static>>, Error> {
        self.session.on_binary(STREAM, bytes, self.both())?;
        Ok(self.drain())
    }

    /// An answer over HTTP.
    pub(crate) fn fetched(&mut self, id: u64, status: u16, body: &str) -> Vec<Event<'static>> {
        let answer =
            Fetched::Answer { status, retry_after_s: None, used_weight: None, body: body.as_bytes() };
        self.session.on_fetched(id, answer, self.both()).unwrap();
        self.drain()
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
            self.session.on_deadline(self.both());
            told.extend(self.drain());
            assert_ne!(self.session.next_deadline(), Some(deadline), "a deadline that stays");
        }
        self.now = end;
        told
    }

    /// Answers every subscription that was sent.
    pub(crate) fn confirm(&mut self) -> Vec<Event<'static>> {
        let mut told = Vec::new();
        while let Some(at) = self.sent.iter().position(|(_, request)| request["method"] == "SUBSCRIBE") {
            let (route, request) = self.sent.remove(at).unwrap();
            let answer = json!({"result": null, "id": request["id"]});
            told.extend(self.feed(route, &answer.to_string()).unwrap());
        }
        told
    }

    /// The next snapshot asked for: (id, symbol).
    pub(crate) fn asked(&mut self) -> Option<(u64, String)> {
        let at = self.sent.iter().position(|(_, request)| request["method"] == "depth")?;
        let (_, request) = self.sent.remove(at).unwrap();
        Some((request["id"].as_u64().unwrap(), request["params"]["symbol"].as_str().unwrap().to_owned()))
    }

    pub(crate) fn drain(&mut self) -> Vec<Event<'static>> {
        let mut told = Vec::new();
        while let Some(event) = self.session.poll_event() {
            told.push(keep(event));
        }
        while let Some(command) = self.session.poll_command() {
            match command {
                Command::Send { route, text } => {
                    self.sent.push_back((route, serde_json::from_str(text).unwrap()));
                }
                Command::Fetch { id, url } => self.fetches.push_back((id, url.to_owned())),
                Command::Renew { route } => self.renewals.push(route),
                Command::Replace { route } => self.replacements.push(route),
            }
        }
        told
    }
}

/// The same event with what it lends kept for the rest of the test.
fn keep(event: Event<'_>) -> Event<'static> {
    let leak = |levels: &[_]| -> &'static [_] { levels.to_vec().leak() };
    match event {
        Event::Delta(d) => Event::Delta(Delta { bids: leak(d.bids), asks: leak(d.asks), ..d }),
        Event::Snapshot(d) => Event::Snapshot(Snapshot { bids: leak(d.bids), asks: leak(d.asks), ..d }),
        Event::Rejected(r) => Event::Rejected(Rejection { message: r.message.to_owned().leak(), ..r }),
        Event::Other { kind } => Event::Other { kind: kind.to_owned().leak() },
        Event::State(s) => Event::State(InstrumentState { state: s.state.to_owned().leak(), ..s }),
        Event::Status(s) => Event::Status(Status { text: s.text.to_owned().leak(), ..s }),
        Event::Account { kind, venue_time_ns } => {
            Event::Account { kind: kind.to_owned().leak(), venue_time_ns }
        }
        Event::SignedIn => Event::SignedIn,
        Event::Trade(e) => Event::Trade(e),
        Event::Quote(e) => Event::Quote(e),
        Event::Ticker(e) => Event::Ticker(e),
        Event::Mark(e) => Event::Mark(e),
        Event::Index(e) => Event::Index(e),
        Event::Candle(e) => Event::Candle(e),
        Event::Liquidation(e) => Event::Liquidation(e),
        Event::Book(e) => Event::Book(e),
        Event::Check(e) => Event::Check(e),
        Event::Subscribed { stream, pending } => {
            Event::Subscribed { stream: stream.to_owned().leak(), pending }
        }
        Event::Unsubscribed { stream } => Event::Unsubscribed { stream: stream.to_owned().leak() },
        Event::Silent { stream, since } => Event::Silent { stream: stream.to_owned().leak(), since },
        Event::Missing { stream } => Event::Missing { stream: stream.to_owned().leak() },
        Event::Gap(gap) => Event::Gap(Gap { stream: gap.stream.to_owned().leak(), ..gap }),
        Event::Unanswered { request, instrument } => Event::Unanswered { request, instrument },
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
