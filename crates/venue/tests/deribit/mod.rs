//! A Deribit session with a manual clock, drained after each call.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod replicas;

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tickwire_venue::deribit::{Channel, Config, Deribit, Rate};
use tickwire_venue::{
    BookChange, Command, Delta, Ending, Error, Event, Gap, Instrument, InstrumentState, Now, Rejection,
    Route, Session, Snapshot, Status,
};

pub(crate) const ROUTE: Route = leg(0);

/// A connection.
pub(crate) const fn leg(leg: usize) -> Route {
    Route { endpoint: 0, leg }
}

/// A unix time that the signatures of tests are made for.
pub(crate) const UNIX_NS: u64 = 1_700_000_000_123_456_789;

pub(crate) struct Rig {
    pub(crate) session: Deribit,
    pub(crate) now: Now,
    /// What was sent over the first connection and not looked at.
    pub(crate) sent: VecDeque<Value>,
    /// The same over the others.
    sent_elsewhere: BTreeMap<usize, VecDeque<Value>>,
    /// Connections to be replaced.
    pub(crate) replaced: Vec<Route>,
}

pub(crate) fn config(instruments: &[&str], channels: &[Channel]) -> Config {
    let instruments = instruments.iter().map(ToString::to_string).collect();
    Config { instruments, channels: channels.to_vec(), ..Config::default() }
}

pub(crate) const BOOK: Channel = Channel::Book { interval: Rate::Ms100 };

impl Rig {
    #[expect(clippy::disallowed_methods, reason = "a manual clock needs some instant to count from")]
    pub(crate) fn new(config: Config) -> Self {
        let now = Now { instant: Instant::now(), unix_ns: UNIX_NS };
        let session = Deribit::new(config).unwrap();
        Self { session, now, sent: VecDeque::new(), sent_elsewhere: BTreeMap::new(), replaced: Vec::new() }
    }

    /// Open, and every request answered as it is meant to be.
    pub(crate) fn confirmed(config: Config) -> Self {
        let mut rig = Self::new(config);
        rig.open();
        rig.answer_all();
        rig
    }

    pub(crate) fn open(&mut self) -> Vec<Event<'static>> {
        self.open_on(0)
    }

    pub(crate) fn open_on(&mut self, at: usize) -> Vec<Event<'static>> {
        self.session.on_open(leg(at), self.now);
        self.drain()
    }

    pub(crate) fn close(&mut self) -> Vec<Event<'static>> {
        self.close_on(0, Ending::Lost)
    }

    /// Closes a connection; what was sent over it is of no use any more.
    pub(crate) fn close_on(&mut self, at: usize, ending: Ending) -> Vec<Event<'static>> {
        self.session.on_closed(leg(at), ending, self.now);
        self.sent_on(at).clear();
        self.drain()
    }

    pub(crate) fn feed(&mut self, text: &str) -> Result<Vec<Event<'static>>, Error> {
        self.feed_on(0, text)
    }

    pub(crate) fn feed_on(&mut self, at: usize, text: &str) -> Result<Vec<Event<'static>>, Error> {
        self.session.on_message(leg(at), text.as_bytes(), self.now)?;
        Ok(self.drain())
    }

    pub(crate) fn tell(&mut self, message: &Value) -> Vec<Event<'static>> {
        self.tell_on(0, message)
    }

    pub(crate) fn tell_on(&mut self, at: usize, message: &Value) -> Vec<Event<'static>> {
        self.feed_on(at, &message.to_string()).unwrap()
    }

    pub(crate) fn notify(&mut self, channel: &str, data: &Value) -> Vec<Event<'static>> {
        self.notify_on(0, channel, data)
    }

    pub(crate) fn notify_on(&mut self, at: usize, channel: &str, data: &Value) -> Vec<Event<'static>> {
        self.tell_on(at, &notification(channel, data))
    }

    pub(crate) fn answer(&mut self, request: &Value, result: &Value) -> Vec<Event<'static>> {
        self.answer_on(0, request, result)
    }

    pub(crate) fn answer_on(&mut self, at: usize, request: &Value, result: &Value) -> Vec<Event<'static>> {
        self.tell_on(at, &json!({"jsonrpc": "2.0", "id": request["id"], "result": result, "testnet": true}))
    }

    pub(crate) fn refuse(&mut self, request: &Value, code: i64, message: &str) -> Vec<Event<'static>> {
        self.refuse_on(0, request, code, message)
    }

    pub(crate) fn refuse_on(
        &mut self,
        at: usize,
        request: &Value,
        code: i64,
        message: &str,
    ) -> Vec<Event<'static>> {
        let error = json!({"code": code, "message": message});
        self.tell_on(at, &json!({"jsonrpc": "2.0", "id": request["id"], "error": error}))
    }

    /// What was sent over a connection and not looked at.
    pub(crate) fn sent_on(&mut self, at: usize) -> &mut VecDeque<Value> {
        if at == 0 { &mut self.sent } else { self.sent_elsewhere.entry(at).or_default() }
    }

    /// The next request of a method.
    pub(crate) fn request(&mut self, method: &str) -> Value {
        self.request_on(0, method)
    }

    pub(crate) fn request_on(&mut self, at: usize, method: &str) -> Value {
        let sent = self.sent_on(at);
        let place = sent.iter().position(|request| request["method"] == method);
        let place = place.unwrap_or_else(|| panic!("no {method} among {sent:?}"));
        sent.remove(place).unwrap()
    }

    /// Answers all that was sent, and what is sent then, as it is meant to be.
    pub(crate) fn answer_all(&mut self) -> Vec<Event<'static>> {
        self.answer_all_on(0)
    }

    pub(crate) fn answer_all_on(&mut self, at: usize) -> Vec<Event<'static>> {
        let mut told = Vec::new();
        while let Some(request) = self.sent_on(at).pop_front() {
            told.extend(self.answer_on(at, &request, &meant(&request)));
        }
        told
    }

    /// Lets time pass, telling the session as soon as it wants to know.
    pub(crate) fn pass(&mut self, span: Duration) -> Vec<Event<'static>> {
        let end = self.now.instant + span;
        let mut told = Vec::new();
        while let Some(deadline) = self.session.next_deadline().filter(|deadline| *deadline <= end) {
            assert!(deadline >= self.now.instant, "a deadline in the past");
            self.advance(deadline);
            self.session.on_deadline(self.now);
            told.extend(self.drain());
            assert_ne!(self.session.next_deadline(), Some(deadline), "a deadline that stays");
        }
        self.advance(end);
        told
    }

    fn advance(&mut self, to: Instant) {
        let span = to - self.now.instant;
        self.now = Now { instant: to, unix_ns: self.now.unix_ns + u64::try_from(span.as_nanos()).unwrap() };
    }

    pub(crate) fn drain(&mut self) -> Vec<Event<'static>> {
        let mut told = Vec::new();
        while let Some(event) = self.session.poll_event() {
            told.push(keep(event));
        }
        while let Some(command) = self.session.poll_command() {
            match command {
                Command::Send { route: Route { endpoint: 0, leg }, text } => {
                    let request = serde_json::from_str(text).unwrap();
                    let place =
                        if leg == 0 { &mut self.sent } else { self.sent_elsewhere.entry(leg).or_default() };
                    place.push_back(request);
                }
                Command::Replace { route } => self.replaced.push(route),
                other => panic!("{other:?}"),
            }
        }
        told
    }

    pub(crate) fn find(&self, symbol: &str) -> Instrument {
        self.session.instrument(symbol).unwrap()
    }
}

/// The answer to a request as it is meant to be.
pub(crate) fn meant(request: &Value) -> Value {
    match request["method"].as_str().unwrap() {
        "public/set_heartbeat" => json!("ok"),
        "public/test" => json!({"version": "1.2.3"}),
        "public/auth" => tokens(900),
        _ => request["params"]["channels"].clone(),
    }
}

/// The channels that a request names.
pub(crate) fn channels(request: &Value) -> Vec<&str> {
    request["params"]["channels"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

pub(crate) fn notification(channel: &str, data: &Value) -> Value {
    json!({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})
}

pub(crate) fn tokens(expires_in: u64) -> Value {
    json!({
        "access_token": "made up", "refresh_token": "made up too", "expires_in": expires_in,
        "scope": "connection", "token_type": "bearer", "enabled_features": [],
    })
}

/// The data of a book message.
pub(crate) fn book(instrument: &str, ids: (Option<u64>, u64), bids: &Value, asks: &Value) -> Value {
    let mut data = json!({
        "timestamp": 1_700_000_000_000_u64, "type": "snapshot", "change_id": ids.1,
        "instrument_name": instrument, "bids": bids, "asks": asks,
    });
    if let Some(previous_id) = ids.0 {
        data["type"] = json!("change");
        data["prev_change_id"] = json!(previous_id);
    }
    data
}

/// The same event with what it lends kept for the rest of the test.
fn keep(event: Event<'_>) -> Event<'static> {
    let leak = |levels: &[_]| -> &'static [_] { levels.to_vec().leak() };
    let text = |text: &str| -> &'static str { text.to_owned().leak() };
    match event {
        Event::Delta(d) => Event::Delta(Delta { bids: leak(d.bids), asks: leak(d.asks), ..d }),
        Event::Snapshot(s) => Event::Snapshot(Snapshot { bids: leak(s.bids), asks: leak(s.asks), ..s }),
        Event::Rejected(r) => Event::Rejected(Rejection { message: text(r.message), ..r }),
        Event::State(s) => Event::State(InstrumentState { state: text(s.state), ..s }),
        Event::Status(s) => Event::Status(Status { text: text(s.text), ..s }),
        Event::Missing { stream } => Event::Missing { stream: text(stream) },
        Event::Account { kind, venue_time_ns } => Event::Account { kind: text(kind), venue_time_ns },
        Event::Other { kind } => Event::Other { kind: text(kind) },
        Event::Trade(e) => Event::Trade(e),
        Event::Quote(e) => Event::Quote(e),
        Event::Ticker(e) => Event::Ticker(e),
        Event::Mark(e) => Event::Mark(e),
        Event::Funding(e) => Event::Funding(e),
        Event::Index(e) => Event::Index(e),
        Event::Candle(e) => Event::Candle(e),
        Event::Book(e) => Event::Book(e),
        Event::Subscribed { stream, pending } => Event::Subscribed { stream: text(stream), pending },
        Event::Unsubscribed { stream } => Event::Unsubscribed { stream: text(stream) },
        Event::Gap(gap) => Event::Gap(Gap { stream: text(gap.stream), ..gap }),
        Event::Unanswered { request, instrument } => Event::Unanswered { request, instrument },
        Event::SignedIn => Event::SignedIn,
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

/// The lines of a recording, without empty ones.
pub(crate) fn recording(name: &str) -> Option<Vec<String>> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");
    let folder = std::env::var_os("TICKWIRE_SAMPLES").map_or_else(|| beside.into(), PathBuf::from);
    let path = folder.join("deribit").join(format!("{name}.jsonl"));
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("skipped: no recording {} (TICKWIRE_SAMPLES names its folder)", path.display());
        return None;
    };
    Some(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// A side of a book as simply as can be: prices in the order of their texts' numbers, with the texts of quantities.
pub(crate) type Naive = BTreeMap<Ordered, f64>;

/// A finite number in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ordered(pub(crate) f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Applies rows of `[action, price, amount]` as another library reads them.
pub(crate) fn apply(side: &mut Naive, rows: &Value) {
    for row in rows.as_array().unwrap() {
        let (price, amount) = (Ordered(row[1].as_f64().unwrap()), row[2].as_f64().unwrap());
        if row[0] == "delete" {
            side.remove(&price);
        } else {
            side.insert(price, amount);
        }
    }
}

/// Compares a book with the naive sides.
pub(crate) fn assert_same(rig: &Rig, instrument: Instrument, bids: &Naive, asks: &Naive) {
    let book = rig.session.book(instrument).unwrap().book;
    let pair = |level: tickwire_venue::Level| (Ordered(level.price.to_f64()), level.quantity.to_f64());
    assert_eq!(
        book.bids().map(pair).collect::<Vec<_>>(),
        bids.iter().rev().map(|(p, q)| (*p, *q)).collect::<Vec<_>>()
    );
    assert_eq!(
        book.asks().map(pair).collect::<Vec<_>>(),
        asks.iter().map(|(p, q)| (*p, *q)).collect::<Vec<_>>()
    );
}
