//! Binance USD-M futures, seen by an independent client.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod client;

use std::collections::BTreeMap;
use std::time::Duration;

use client::{Socket, ask, connect, get, id, next_json, read_close, rows, try_connect};
use serde_json::{Value, json};
use tickwire_sim::{BinanceRules, Faults, Options, Refusals, Server, Source, Venue};
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

fn options(events_per_second: u32) -> Options {
    let symbols = vec!["BTCUSDT".to_owned(), "XRPUSDT".to_owned()];
    Options {
        source: Source::Market { seed: 23, symbols, events_per_second },
        ..Options::of(Venue::BinanceUsdM)
    }
}

fn start(options: Options) -> Server {
    Server::start(options).expect("a server")
}

fn server() -> Server {
    start(options(200))
}

/// The book as the venue says it is kept: the first diff spans the snapshot, each further one follows by `pu`.
#[derive(Default)]
struct Naive {
    id: u64,
    synced: bool,
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
        for (levels, changed) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for (price, quantity) in rows(changed) {
                match quantity {
                    0 => levels.remove(&price),
                    quantity => levels.insert(price, quantity),
                };
            }
        }
    }

    /// Whether the diff could be applied; `false` is a gap.
    fn apply(&mut self, diff: &Value) -> bool {
        let [first, last, previous] = ["U", "u", "pu"].map(|name| id(&diff[name]));
        if last < self.id && !self.synced {
            return true;
        }
        let follows = if self.synced { previous == self.id } else { first <= self.id || previous == self.id };
        if follows {
            self.set(&diff["b"], &diff["a"]);
            (self.id, self.synced) = (last, true);
        }
        follows
    }

    fn levels(&self) -> tickwire_sim::Levels {
        let both = |(&price, &quantity): (&u64, &u64)| (price, quantity);
        tickwire_sim::Levels {
            bids: self.bids.iter().rev().map(both).collect(),
            asks: self.asks.iter().map(both).collect(),
        }
    }
}

/// Follows diffs of one speed until `wanted` books were the simulator's own, level by level.
fn follow(server: &Server, speed: &str, mut snapshot: impl FnMut() -> Value, wanted: usize) {
    let mut stream = connect(server, &format!("/public/ws/btcusdt@depth{speed}"));
    let (mut book, mut compared, mut jumps): (Option<Naive>, _, _) = (None, 0, 0);
    while compared < wanted {
        let diff = next_json(&mut stream);
        let kept = book.get_or_insert_with(|| Naive::of(&snapshot()));
        if id(&diff["U"]) > kept.id && !kept.synced && id(&diff["pu"]) != kept.id {
            book = None;
            continue;
        }
        assert!(kept.apply(&diff), "a gap before {}", diff["U"]);
        if kept.synced {
            jumps += usize::from(id(&diff["U"]) != id(&diff["pu"]) + 1);
            assert_eq!(server.book_at("BTCUSDT", kept.id), Some(kept.levels()), "at {}", kept.id);
            compared += 1;
        }
    }
    assert_eq!(jumps, wanted, "ids are shared with other books");
}

#[test]
fn a_book_of_an_api_snapshot_and_diffs_is_the_simulators_own() {
    let server = server();
    let mut api = connect(&server, "/ws-fapi/v1");
    let request = r#"{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","limit":1000}}"#;
    follow(&server, "@100ms", || ask(&mut api, request)["result"].clone(), 8);
}

#[test]
fn a_book_of_an_http_snapshot_and_diffs_is_the_simulators_own() {
    let server = server();
    follow(&server, "@100ms", || get(&server, "/fapi/v1/depth?symbol=BTCUSDT&limit=1000").2, 4);
}

#[test]
fn quotes_and_partial_books_are_the_simulators_own() {
    let server = server();
    let mut stream = connect(&server, "/public/stream?streams=btcusdt@bookTicker/btcusdt@depth5@100ms");
    let (mut quotes, mut pictures) = (0, 0);
    while quotes < 20 || pictures < 5 {
        let data = next_json(&mut stream)["data"].take();
        let own = server.book_at("BTCUSDT", id(&data["u"])).expect("an event of this book");
        if data["e"] == "bookTicker" {
            let quote = |price: &str, quantity: &str| rows(&json!([[data[price], data[quantity]]]));
            assert_eq!((quote("b", "B"), quote("a", "A")), (own.bids[..1].to_vec(), own.asks[..1].to_vec()));
            quotes += 1;
        } else {
            assert_eq!(data["e"], "depthUpdate", "the shape of a diff");
            assert_eq!(
                (rows(&data["b"]), rows(&data["a"])),
                (own.bids[..5].to_vec(), own.asks[..5].to_vec())
            );
            pictures += 1;
        }
    }
}

/// The keys of the next event of a stream.
fn keys(socket: &mut Socket) -> String {
    let event = next_json(socket);
    let event = if event.is_array() { event[0].clone() } else { event };
    event.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(",")
}

#[test]
fn events_have_the_documented_members_in_their_order() {
    let table = [
        ("public", "btcusdt@depth", "e,E,T,s,ps,U,u,pu,b,a,st"),
        ("public", "btcusdt@bookTicker", "e,u,s,ps,b,B,a,A,T,E,st"),
        ("public", "btcusdt@trade", "e,E,T,s,t,p,q,X,m,st"),
        ("market", "btcusdt@aggTrade", "e,E,a,s,p,q,nq,f,l,T,m,st"),
        ("market", "btcusdt@markPrice@1s", "e,E,s,p,ap,P,i,r,T,st"),
        ("market", "!markPrice@arr@1s", "e,E,s,p,ap,P,i,r,T,st"),
        ("market", "btcusdt@kline_1m", "e,E,s,k"),
        ("market", "btcusdt@miniTicker", "e,E,s,ps,c,o,h,l,v,q,st"),
        ("market", "!ticker@arr", "e,E,s,ps,p,P,w,c,Q,o,h,l,v,q,O,C,F,L,n,st"),
        ("market", "btcusdt@forceOrder", "e,E,o,ps,st"),
    ];
    let old = [
        ("public", "btcusdt@depth", "e,E,T,s,U,u,pu,b,a"),
        ("public", "btcusdt@bookTicker", "e,u,s,b,B,a,A,T,E"),
        ("market", "btcusdt@aggTrade", "e,E,a,s,p,q,f,l,T,m"),
        ("market", "btcusdt@markPrice@1s", "e,E,s,p,P,i,r,T"),
    ];
    let binance = BinanceRules { fields_2021: true, ..BinanceRules::default() };
    for (server, table) in [(server(), &table[..]), (start(Options { binance, ..options(200) }), &old[..])] {
        for (root, stream, expected) in table {
            let mut socket = connect(&server, &format!("/{root}/ws/{stream}"));
            assert_eq!(keys(&mut socket), *expected, "{stream}");
        }
    }
}

#[test]
fn candles_tell_of_the_same_trades_as_the_aggregates() {
    let server = server();
    let mut socket = connect(&server, "/market/ws/btcusdt@aggTrade/btcusdt@kline_1d");
    let (mut last, mut compared) = (BTreeMap::new(), 0);
    while compared < 3 {
        let event = next_json(&mut socket);
        if event["e"] == "aggTrade" {
            last.insert(id(&event["l"]), event["p"].clone());
        } else if let Some(price) = last.get(&event["k"]["L"].as_u64().unwrap_or(0)) {
            assert_eq!(&event["k"]["c"], price, "the close is the last trade's price");
            assert_eq!(id(&event["k"]["T"]) - id(&event["k"]["t"]), 86_399_999);
            compared += 1;
        }
    }
}

#[test]
fn a_stream_on_the_wrong_root_is_acknowledged_and_mute() {
    let server = server();
    for (path, heard) in [("/public", "bookTicker"), ("/market", "aggTrade"), ("", "bookTicker")] {
        let mut socket = connect(&server, &format!("{path}/ws"));
        let request = r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@bookTicker"],"id":1}"#;
        assert_eq!(ask(&mut socket, request), json!({"result":null,"id":1}), "{path}");
        for _ in 0..30 {
            assert_eq!(next_json(&mut socket)["e"], heard, "{path}");
        }
    }
    let binance = BinanceRules { unrouted_delivers_all: true, ..BinanceRules::default() };
    let server = start(Options { binance, ..options(200) });
    let mut socket = connect(&server, "/ws/btcusdt@aggTrade");
    assert_eq!(next_json(&mut socket)["e"], "aggTrade");
}

#[test]
fn text_that_is_no_json_is_answered_and_ends_the_connection() {
    let server = start(options(0));
    let mut socket = connect(&server, "/public/ws");
    socket.send("hello".into()).expect("sent");
    let expected = json!({"error":{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}});
    assert_eq!(next_json(&mut socket), expected);
    assert_eq!(read_close(&mut socket).0, CloseCode::Policy);
}

#[test]
fn the_eleventh_message_in_a_second_closes_the_connection() {
    let server = start(options(0));
    let mut socket = connect(&server, "/public/ws");
    for count in 0..11 {
        socket.send(format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{count}}}"#).into()).expect("sent");
    }
    for count in 0..10 {
        assert_eq!(next_json(&mut socket)["id"], count);
    }
    assert_eq!(read_close(&mut socket), (CloseCode::Policy, "Too many requests".to_owned()));
}

#[test]
fn a_penalty_refuses_new_connections_after_that() {
    let binance = BinanceRules { penalty: Some(Duration::from_secs(120)), ..BinanceRules::default() };
    let server = start(Options { binance, messages_per_second: 0, ..options(0) });
    let mut socket = connect(&server, "/public/ws");
    socket.send("{}".into()).expect("sent");
    assert_eq!(read_close(&mut socket).1, "Too many requests");
    let Err(error) = try_connect(&server, "/public/ws") else { panic!("it is let in") };
    let tungstenite::Error::Http(response) = *error else { panic!("{error}") };
    assert_eq!(response.status(), 429);
}

#[test]
fn a_ping_without_its_echo_closes_the_connection() {
    let (ping_interval, pong_timeout) = (Duration::from_millis(100), Duration::from_millis(300));
    let server = start(Options { ping_interval, pong_timeout, ..options(0) });
    let mut socket = connect(&server, "/public/ws");
    loop {
        match socket.read().expect("a ping or a close") {
            // A pong of one's own replaces the one that would echo.
            Message::Ping(_) => socket.send(Message::Pong("else".into())).expect("sent"),
            Message::Close(frame) => {
                let frame = frame.expect("a code");
                assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Policy, "Pong timeout"));
                return;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn snapshots_have_the_venues_limits_times_and_weights() {
    let server = start(options(0));
    let mut api = connect(&server, "/ws-fapi/v1");
    let mut depth = |limit| {
        let request =
            format!(r#"{{"id":1,"method":"v1/depth","params":{{"symbol":"BTCUSDT","limit":{limit}}}}}"#);
        ask(&mut api, &request)
    };
    let first = depth(50);
    let members: Vec<_> = first["result"].as_object().expect("a result").keys().collect();
    assert_eq!(members, ["lastUpdateId", "E", "T", "bids", "asks"]);
    assert_eq!(rows(&first["result"]["bids"]).len(), 50);
    let mut used = id(&first["rateLimits"][0]["count"]);
    for (limit, weight) in [(5, 2), (100, 5), (500, 10), (1_000, 20)] {
        let count = id(&depth(limit)["rateLimits"][0]["count"]);
        // Another minute of the clock may begin between two requests.
        assert!(count == used + weight || count == weight, "limit {limit}: {used} and then {count}");
        used = count;
    }
    assert_eq!(depth(7)["error"]["code"], -1130);
}

#[test]
fn http_requests_say_what_they_used_and_may_be_refused() {
    let server = start(options(0));
    let (status, headers, body) = get(&server, "/fapi/v1/depth?symbol=BTCUSDT&limit=5");
    assert_eq!((status, rows(&body["asks"]).len()), (200, 5));
    assert!(headers["x-mbx-used-weight-1m"].parse::<u64>().is_ok_and(|used| used >= 2), "{headers:?}");
    let (status, _, body) = get(&server, "/fapi/v1/depth?symbol=NOSUCH");
    assert_eq!((status, &body["code"]), (400, &json!(-1121)));
    assert_eq!(get(&server, "/fapi/v1/nothing").0, 404);
    for (banned, expected) in [(false, 429), (true, 418)] {
        let refusals = Some(Refusals { requests: 2, banned, retry_after: Duration::from_secs(7) });
        let binance = BinanceRules { refusals, ..BinanceRules::default() };
        let server = start(Options { binance, ..options(0) });
        let (status, headers, body) = get(&server, "/fapi/v1/depth?symbol=BTCUSDT");
        assert_eq!((status, headers["retry-after"].as_str(), &body["code"]), (expected, "7", &json!(-1003)));
        let mut api = connect(&server, "/ws-fapi/v1");
        let request = r#"{"id":1,"method":"depth","params":{"symbol":"BTCUSDT"}}"#;
        let refused = ask(&mut api, request);
        let data = &refused["error"]["data"];
        assert_eq!(refused["status"], expected);
        assert_eq!(id(&data["retryAfter"]) - id(&data["serverTime"]), 7_000);
        assert_eq!(ask(&mut api, request)["status"], 200, "only the first two are refused");
    }
}

#[test]
fn a_lost_diff_breaks_the_chain_and_nothing_else_does() {
    for (every, breaks) in [(None, 0), (Some(3), 4)] {
        let faults = Faults { drop_diff_every: every, ..Faults::default() };
        let server = start(Options { faults, ..options(200) });
        let mut stream = connect(&server, "/public/ws/btcusdt@depth@100ms");
        let diffs: Vec<_> = (0..9).map(|_| next_json(&mut stream)).collect();
        let broken = diffs.windows(2).filter(|pair| pair[1]["pu"] != pair[0]["u"]).count();
        assert_eq!(broken, breaks, "{every:?}");
    }
}

#[test]
fn a_stale_snapshot_is_older_than_any_diff() {
    let faults = Faults { stale_snapshots: 1, ..Faults::default() };
    let server = start(Options { faults, ..options(200) });
    let mut stream = connect(&server, "/public/ws/btcusdt@depth@100ms");
    let previous = id(&next_json(&mut stream)["pu"]);
    let last = || id(&get(&server, "/fapi/v1/depth?symbol=BTCUSDT&limit=5").2["lastUpdateId"]);
    assert!(last() < previous && last() >= previous);
}
