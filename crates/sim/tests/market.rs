//! The streams of the generated market tell one story: a book kept by the venue's published rules agrees
//! with the best prices published for the same update id.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod client;

use std::collections::BTreeMap;

use client::{ask, connect, next_json};
use serde_json::Value;
use tickwire_sim::{Faults, Options, Server, Source};

fn server(faults: Faults) -> Server {
    let symbols = vec!["BTCUSDT".to_owned(), "XRPUSDT".to_owned()];
    let source = Source::Market { seed: 23, symbols, events_per_second: 200 };
    Server::start(Options { source, faults, ..Options::default() }).expect("a server")
}

/// A decimal with eight places as a whole number, digits read one by one.
fn exact(text: &Value) -> u64 {
    let text = text.as_str().expect("a string");
    let (whole, fraction) = text.split_once('.').expect("a point");
    assert_eq!(fraction.len(), 8, "{text}");
    format!("{whole}{fraction}").parse().expect("digits")
}

fn id(value: &Value) -> u64 {
    value.as_u64().expect("an id")
}

/// The naive book: every rule spelled out, nothing clever.
#[derive(Default)]
struct Naive {
    id: u64,
    bids: BTreeMap<u64, u64>,
    asks: BTreeMap<u64, u64>,
}

impl Naive {
    fn of(snapshot: &Value) -> Self {
        let mut book = Self { id: id(&snapshot["lastUpdateId"]), ..Self::default() };
        book.set(&snapshot["bids"], &snapshot["asks"]);
        book
    }

    fn set(&mut self, bids: &Value, asks: &Value) {
        for (levels, rows) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for row in rows.as_array().expect("rows") {
                match exact(&row[1]) {
                    0 => levels.remove(&exact(&row[0])),
                    quantity => levels.insert(exact(&row[0]), quantity),
                };
            }
        }
    }

    /// Whether the diff could be applied; `false` is a gap.
    fn apply(&mut self, diff: &Value) -> bool {
        if id(&diff["u"]) <= self.id {
            return true;
        }
        if id(&diff["U"]) > self.id + 1 {
            return false;
        }
        self.set(&diff["b"], &diff["a"]);
        self.id = id(&diff["u"]);
        true
    }

    fn top(&self) -> [u64; 4] {
        let bid = self.bids.last_key_value().expect("a bid");
        let ask = self.asks.first_key_value().expect("an ask");
        [*bid.0, *bid.1, *ask.0, *ask.1]
    }
}

fn ticker_top(ticker: &Value) -> [u64; 4] {
    [exact(&ticker["b"]), exact(&ticker["B"]), exact(&ticker["a"]), exact(&ticker["A"])]
}

/// Subscribes to one symbol's diffs at this speed, its ticker and five levels, and compares until `wanted`
/// diffs ended with the id of a ticker.
fn compare_tops(server: &Server, symbol: &str, speed: &str, wanted: usize) {
    let lower = symbol.to_lowercase();
    let mut stream = connect(
        server,
        &format!("/stream?streams={lower}@depth{speed}/{lower}@bookTicker/{lower}@depth5@100ms"),
    );
    let mut api = connect(server, "/ws-api/v3");
    let request = format!(r#"{{"id":1,"method":"depth","params":{{"symbol":"{symbol}","limit":1000}}}}"#);
    let (mut book, mut ticker, mut five): (Option<Naive>, _, _) = (None, Value::Null, Value::Null);
    let mut compared = 0;
    while compared < wanted {
        let mut message = next_json(&mut stream);
        let name = message["stream"].as_str().expect("a stream").to_owned();
        let data = message["data"].take();
        match name.split_once('@').expect("a kind").1 {
            "bookTicker" => ticker = data,
            "depth5@100ms" => five = data,
            _ => {
                if book.is_none() {
                    let snapshot = Naive::of(&ask(&mut api, &request)["result"]);
                    // A slow diff need not mention a quantity that was another one only inside its interval.
                    let inside = speed.is_empty() && snapshot.id != id(&data["u"]);
                    if snapshot.id < id(&data["U"]) || inside {
                        continue;
                    }
                    book = Some(snapshot);
                }
                let Some(book) = &mut book else { continue };
                assert!(book.apply(&data), "a gap before {}", data["U"]);
                if book.id == id(&data["u"]) && ticker["u"] == data["u"] {
                    assert_eq!(book.top(), ticker_top(&ticker), "at {}", data["u"]);
                    compared += 1;
                }
            }
        }
        if let Some(book) = book.as_ref().filter(|book| five["lastUpdateId"].as_u64() == Some(book.id)) {
            assert_eq!(five["bids"].as_array().map(Vec::len), Some(5));
            let best = [&five["bids"][0], &five["asks"][0]].map(|row| [exact(&row[0]), exact(&row[1])]);
            assert_eq!(best.concat(), book.top(), "five levels at {}", book.id);
        }
    }
}

#[test]
fn a_book_of_snapshot_and_fast_diffs_agrees_with_the_ticker_of_the_same_id() {
    compare_tops(&server(Faults::default()), "BTCUSDT", "@100ms", 8);
}

#[test]
fn a_book_of_snapshot_and_slow_diffs_agrees_with_the_ticker_of_the_same_id() {
    compare_tops(&server(Faults::default()), "XRPUSDT", "", 1);
}

#[test]
fn trades_and_their_aggregates_agree() {
    let server = server(Faults::default());
    let mut socket = connect(&server, "/ws/btcusdt@trade/btcusdt@aggTrade");
    let (mut fills, mut next) = (BTreeMap::new(), None);
    for _ in 0..60 {
        let event = next_json(&mut socket);
        assert_eq!(event["s"], "BTCUSDT");
        if event["e"] == "trade" {
            fills.insert(id(&event["t"]), event);
            continue;
        }
        assert_eq!(event["e"], "aggTrade");
        assert!(next.is_none_or(|next| id(&event["a"]) == next), "aggregates are numbered without a hole");
        next = Some(id(&event["a"]) + 1);
        let (first, last) = (id(&event["f"]), id(&event["l"]));
        let own: Vec<_> = fills.range(first..=last).map(|(_, fill)| fill).collect();
        assert_eq!(own.len() as u64, last - first + 1, "its fills came before it");
        assert!(own.iter().all(|fill| fill["p"] == event["p"] && fill["m"] == event["m"]));
        assert_eq!(own.iter().map(|fill| exact(&fill["q"])).sum::<u64>(), exact(&event["q"]));
    }
}

#[test]
fn payloads_are_wrapped_or_not_as_the_property_says() {
    let server = server(Faults::default());
    let mut socket = connect(&server, "/ws");
    ask(&mut socket, r#"{"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":1}"#);
    assert_eq!(next_json(&mut socket)["s"], "BTCUSDT");
    ask(&mut socket, r#"{"method":"SET_PROPERTY","params":["combined",true],"id":2}"#);
    let wrapped = next_json(&mut socket);
    assert_eq!(wrapped["stream"], "btcusdt@bookTicker");
    assert_eq!(wrapped["data"]["s"], "BTCUSDT");
    ask(&mut socket, r#"{"method":"UNSUBSCRIBE","params":["btcusdt@bookTicker"],"id":3}"#);
    let unknown = r#"{"method":"SUBSCRIBE","params":["nosuch@trade","ethusdt@kline_1m"],"id":4}"#;
    socket.send(unknown.into()).expect("sent");
    assert_eq!(next_json(&mut socket)["id"], 4, "nothing comes after the last subscription ended");
}

#[test]
fn stale_snapshots_are_older_than_any_diff() {
    let server = server(Faults { stale_snapshots: 2, ..Faults::default() });
    let mut stream = connect(&server, "/ws/btcusdt@depth@100ms");
    let first = id(&next_json(&mut stream)["U"]);
    let mut api = connect(&server, "/ws-api/v3");
    let request = r#"{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","limit":5}}"#;
    let ids = [(); 3].map(|()| id(&ask(&mut api, request)["result"]["lastUpdateId"]));
    assert!(ids[0] + 1 < first && ids[1] + 1 < first && ids[2] >= first, "{ids:?} {first}");
}

#[test]
fn every_third_diff_can_be_lost() {
    let server = server(Faults { drop_diff_every: Some(3), ..Faults::default() });
    let mut stream = connect(&server, "/ws/btcusdt@depth@100ms");
    let diffs: Vec<_> = (0..9).map(|_| next_json(&mut stream)).collect();
    let gaps = diffs.windows(2).filter(|pair| id(&pair[1]["U"]) != id(&pair[0]["u"]) + 1).count();
    assert_eq!(gaps, 4, "nine diffs came out of thirteen");
}
