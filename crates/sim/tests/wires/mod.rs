//! An independent client over the wires of a world: tungstenite, and a naive book for each venue.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tickwire_sim::{
    DeribitRules, Document, Event, Failure, Hazard, Hazards, Levels, Options, Source, Venue, Wire, World,
    WorldOptions,
};
use tungstenite::client::client_with_config;
use tungstenite::handshake::HandshakeError;
use tungstenite::http::Request;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket};

pub const HOST: &str = "venue.test";
pub const ALL: [Venue; 3] = [Venue::BinanceSpot, Venue::BinanceUsdM, Venue::Deribit];

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[expect(clippy::disallowed_methods, reason = "a world begins somewhere, and nothing depends on where")]
pub fn start() -> Instant {
    Instant::now()
}

pub fn symbols(venue: Venue) -> [&'static str; 2] {
    match venue {
        Venue::Deribit => ["BTC-PERPETUAL", "ETH-PERPETUAL"],
        _ => ["BTCUSDT", "ETHUSDT"],
    }
}

/// A venue with two symbols.
pub fn venue(venue: Venue, events_per_second: u32) -> Options {
    let symbols = symbols(venue).map(str::to_owned).to_vec();
    let deribit = DeribitRules { event_node: true, ..DeribitRules::default() };
    let source = Source::Market { seed: 1, symbols, events_per_second };
    Options { tls: false, source, deribit, ..Options::of(venue) }
}

/// One host with these options.
pub fn options(seed: u64, host: Options) -> WorldOptions {
    WorldOptions { hosts: vec![(HOST.to_owned(), host)], ..WorldOptions::new(seed, start()) }
}

/// A world of one host, shared by the streams over its wires.
#[derive(Clone)]
pub struct Net(pub Rc<RefCell<World>>);

pub fn net(options: WorldOptions) -> Net {
    Net(Rc::new(RefCell::new(World::new(options).expect("a world"))))
}

/// A venue at which one kind of thing goes wrong, as often as said.
pub fn troubled(seed: u64, which: Venue, hazards: Hazards) -> Net {
    net(WorldOptions { hazards, ..options(seed, Options { tls: true, ..venue(which, 5) }) })
}

/// For what is counted of 1,000.
pub const ALWAYS: u32 = 1_000;

/// Once in about so many seconds.
pub fn every(seconds: u32) -> u32 {
    24 * 3_600 / seconds
}

/// A world in which one kind of thing goes wrong that often.
pub fn world(which: Venue, hazard: Hazard, rate: u32) -> Net {
    troubled(11, which, Hazards::only(hazard, rate))
}

pub type Socket = WebSocket<Stream>;

impl Net {
    pub fn now(&self) -> Instant {
        self.0.borrow().now()
    }

    /// Goes on to the client's next event, at most for so long.
    pub fn next_event(&self, patience: Duration) -> Option<Event> {
        let mut world = self.0.borrow_mut();
        let to = world.now() + patience;
        world.advance(to);
        world.poll_event()
    }

    /// Lets time pass, whatever happens.
    pub fn pass(&self, time: Duration) {
        let end = self.now() + time;
        while self.now() < end {
            self.next_event(end - self.now());
        }
    }

    /// Dials until it is known what comes of it.
    pub fn dial(&self, host: &str) -> Result<Stream, Failure> {
        let wire = self.0.borrow_mut().dial(host);
        loop {
            match self.next_event(seconds(100)) {
                Some(Event::Connected(connected)) if connected == wire => {
                    return Ok(Stream { net: self.clone(), wire });
                }
                Some(Event::Failed(failed, failure)) if failed == wire => return Err(failure),
                Some(_) => {}
                None => panic!("nothing came of a dial"),
            }
        }
    }

    /// Opens a WebSocket with a key that is always the same.
    pub fn open(&self, path: &str) -> Result<Socket, Error> {
        let stream = self.dial(HOST).map_err(|failure| io::Error::other(format!("{failure:?}")))?;
        let request = Request::builder()
            .uri(format!("ws://{HOST}{path}"))
            .header("Host", HOST)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        let request = request.body(()).expect("a request");
        let config = WebSocketConfig::default().read_buffer_size(4 * 1_024);
        let mut outcome = client_with_config(request, stream, Some(config));
        loop {
            match outcome {
                Ok((socket, _)) => return Ok(socket),
                Err(HandshakeError::Failure(error)) => return Err(error),
                Err(HandshakeError::Interrupted(middle)) => {
                    if self.next_event(seconds(100)).is_none() {
                        return Err(io::Error::from(ErrorKind::TimedOut).into());
                    }
                    outcome = middle.handshake();
                }
            }
        }
    }

    /// Reads, and waits until something comes, at most until `end`.
    pub fn read(&self, socket: &mut Socket, end: Instant) -> Option<Result<Message, Error>> {
        loop {
            match socket.read() {
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
                read => return Some(read),
            }
            if self.now() >= end {
                return None;
            }
            self.next_event(end - self.now());
        }
    }

    /// Reads what comes until `end`, or until the connection does: the texts with their times, and the error.
    pub fn texts_until(&self, socket: &mut Socket, end: Instant) -> (Vec<(Instant, String)>, Option<Error>) {
        let mut texts = Vec::new();
        loop {
            match self.read(socket, end) {
                Some(Ok(Message::Text(text))) => texts.push((self.now(), text.to_string())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return (texts, Some(error)),
                None => return (texts, None),
            }
        }
    }

    /// The next text message within half a minute.
    pub fn next_text(&self, socket: &mut Socket) -> String {
        let end = self.now() + seconds(30);
        loop {
            let read = self.read(socket, end).expect("a message in time");
            if let Message::Text(text) = read.expect("a message") {
                return text.to_string();
            }
        }
    }

    pub fn next_json(&self, socket: &mut Socket) -> Value {
        serde_json::from_str(&self.next_text(socket)).expect("JSON")
    }

    /// Asks for a document and waits for what becomes of it.
    pub fn fetch(&self, url: &str) -> Option<Document> {
        self.0.borrow_mut().fetch(7, url);
        loop {
            let event = self.next_event(seconds(100)).expect("an end of the request");
            if let Event::Fetched { id, document } = event {
                assert_eq!(id, 7);
                return document;
            }
        }
    }

    pub fn fault(&self, name: &str) -> u64 {
        let world = self.0.borrow();
        world.faults().find(|(known, _)| *known == name).expect("a kind of fault").1
    }

    pub fn violations(&self) -> Vec<String> {
        self.0.borrow().violations().to_vec()
    }
}

/// A wire that blocks never, hung up when it is dropped.
pub struct Stream {
    net: Net,
    pub wire: Wire,
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.net.0.borrow_mut().read(self.wire, into)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.net.0.borrow_mut().write(self.wire, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.net.0.borrow_mut().hang_up(self.wire);
    }
}

/// Where diffs of the first symbol come without a request, and the request that brings them elsewhere.
pub fn diffs(venue: Venue) -> (&'static str, Option<&'static str>) {
    match venue {
        Venue::BinanceSpot => ("/ws/btcusdt@depth@100ms", None),
        Venue::BinanceUsdM => ("/public/ws/btcusdt@depth@100ms", None),
        _ => {
            let request =
                r#"{"id":1,"method":"public/subscribe","params":{"channels":["book.BTC-PERPETUAL.100ms"]}}"#;
            ("/ws/api/v2", Some(request))
        }
    }
}

/// The stream of those diffs.
pub fn diff_stream(venue: Venue) -> &'static str {
    match venue {
        Venue::Deribit => "book.BTC-PERPETUAL.100ms",
        _ => "btcusdt@depth@100ms",
    }
}

/// A connection to the diffs of the first symbol.
pub fn follow(net: &Net, venue: Venue) -> Result<Socket, Error> {
    let (path, request) = diffs(venue);
    let mut socket = net.open(path)?;
    if let Some(request) = request {
        socket.send(request.into())?;
    }
    Ok(socket)
}

/// A decimal as a whole number of 0.00000001, digits read one by one.
pub fn exact(text: &str) -> u64 {
    let (digits, power) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let power: i32 = power.parse().expect("an exponent");
    let zeros = 8 + power - i32::try_from(fraction.len()).expect("a short one");
    let number: u64 = format!("{whole}{fraction}").parse().expect("digits");
    let scale = 10_u64.pow(zeros.unsigned_abs());
    if zeros >= 0 { number * scale } else { number / scale }
}

/// What a message of diffs says, in any venue's shape.
#[derive(Debug, PartialEq, Eq)]
pub struct Diff {
    pub snapshot: bool,
    /// What must have come before it, where the venue says so.
    pub previous: Option<u64>,
    pub first: u64,
    pub last: u64,
    /// By the venue's clock.
    pub time_ms: u64,
    bids: Vec<(u64, u64)>,
    asks: Vec<(u64, u64)>,
}

impl Diff {
    /// `None` for another message.
    pub fn parse(venue: Venue, text: &str) -> Option<Self> {
        let mut value: Value = serde_json::from_str(text).expect("JSON");
        let member = |name: &str| value.get(name).and_then(Value::as_u64);
        if venue != Venue::Deribit {
            let (first, last) = (member("U")?, member("u")?);
            let previous = if venue == Venue::BinanceSpot { Some(first - 1) } else { member("pu") };
            let [bids, asks] = [&value["b"], &value["a"]].map(rows);
            let time_ms = member("E")?;
            return Some(Self { snapshot: false, previous, first, last, time_ms, bids, asks });
        }
        let data = value.get_mut("params")?.get_mut("data")?.take();
        let last = data["change_id"].as_u64()?;
        let [bids, asks] = [&data["bids"], &data["asks"]].map(rows);
        let (snapshot, previous) = (data["type"] == "snapshot", data["prev_change_id"].as_u64());
        let time_ms = data["timestamp"].as_u64()?;
        Some(Self { snapshot, previous, first: last, last, time_ms, bids, asks })
    }
}

/// Price and quantity are the last two of a row, as texts or as numbers.
fn rows(value: &Value) -> Vec<(u64, u64)> {
    let number = |value: &Value| exact(value.as_str().unwrap_or(&value.to_string()));
    let row = |row: &Value| {
        let [.., price, quantity] = row.as_array().expect("a row").as_slice() else { panic!("{row}") };
        (number(price), number(quantity))
    };
    value.as_array().expect("rows").iter().map(row).collect()
}

/// The book as each venue says that it is kept.
#[derive(Default)]
pub struct Naive {
    pub id: Option<u64>,
    synced: bool,
    bids: BTreeMap<u64, u64>,
    asks: BTreeMap<u64, u64>,
}

impl Naive {
    /// Of Binance's answer to a request for it.
    pub fn of(snapshot: &Value) -> Self {
        let mut book = Self { id: snapshot["lastUpdateId"].as_u64(), ..Self::default() };
        book.set(&rows(&snapshot["bids"]), &rows(&snapshot["asks"]));
        book
    }

    /// As it is after this update id.
    pub fn at(id: Option<u64>, levels: &Levels) -> Self {
        let mut book = Self { id, synced: true, ..Self::default() };
        book.set(&levels.bids, &levels.asks);
        book
    }

    fn set(&mut self, bids: &[(u64, u64)], asks: &[(u64, u64)]) {
        for (levels, rows) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for (price, quantity) in rows {
                match quantity {
                    0 => levels.remove(price),
                    quantity => levels.insert(*price, *quantity),
                };
            }
        }
    }

    /// Whether a diff is older than the book, or could be applied; `false` is a gap.
    pub fn apply(&mut self, diff: &Diff) -> bool {
        if diff.snapshot {
            *self = Self { synced: true, ..Self::default() };
        } else {
            let Some(id) = self.id else { return false };
            if diff.last <= id {
                return true;
            }
            let spans = !self.synced && diff.first <= id + 1;
            if diff.previous != Some(id) && !spans {
                return false;
            }
        }
        self.set(&diff.bids, &diff.asks);
        (self.id, self.synced) = (Some(diff.last), true);
        true
    }

    pub fn levels(&self) -> Levels {
        let both = |(&price, &quantity): (&u64, &u64)| (price, quantity);
        Levels {
            bids: self.bids.iter().rev().map(both).collect(),
            asks: self.asks.iter().map(both).collect(),
        }
    }
}

/// A book's URL over HTTP, at Binance.
pub fn depth_url(venue: Venue) -> String {
    let path = if venue == Venue::BinanceSpot { "/api/v3" } else { "/fapi/v1" };
    format!("https://{HOST}{path}/depth?symbol=BTCUSDT&limit=1000")
}
