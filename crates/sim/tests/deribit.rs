//! Deribit, seen by an independent client.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod client;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use client::{Socket, connect, ends_without_close, id, next_json, read_close, try_connect};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tickwire_sim::{DeribitRules, Faults, Levels, Options, Server, Source, Venue};
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

const PATH: &str = "/ws/api/v2";

fn options(events_per_second: u32) -> Options {
    let symbols = ["BTC-PERPETUAL", "ETH-PERPETUAL", "BTC-25DEC26-80000-C"].map(str::to_owned).to_vec();
    let deribit = DeribitRules { event_node: true, ..DeribitRules::default() };
    let source = Source::Market { seed: 23, symbols, events_per_second };
    Options { source, deribit, ..Options::of(Venue::Deribit) }
}

fn start(options: Options) -> Server {
    Server::start(options).expect("a server")
}

/// One request's answer; what comes before it is dropped.
fn call(socket: &mut Socket, method: &str, params: Value) -> Value {
    let request = json!({"jsonrpc":"2.0","id":7,"method":method,"params":params});
    socket.send(request.to_string().into()).expect("sent");
    loop {
        let answer = next_json(socket);
        if answer.get("id").is_some() {
            return answer;
        }
    }
}

fn subscribe(socket: &mut Socket, channels: &[&str]) -> Value {
    call(socket, "public/subscribe", json!({"channels": channels}))["result"].take()
}

/// The next message of a channel.
fn next_data(socket: &mut Socket) -> (String, Value) {
    loop {
        let mut message = next_json(socket);
        if message["method"] == "subscription" {
            let channel = message["params"]["channel"].as_str().expect("a channel").to_owned();
            return (channel, message["params"]["data"].take());
        }
    }
}

/// A JSON number's text as a whole number of 0.00000001, digit by digit.
fn exact(text: &str) -> u64 {
    let (digits, power) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let power: i32 = power.parse().expect("an exponent");
    let zeros = 8 + power - i32::try_from(fraction.len()).expect("a short one");
    let number: u64 = format!("{whole}{fraction}").parse().expect("digits");
    let scale = 10_u64.pow(zeros.unsigned_abs());
    if zeros >= 0 { number * scale } else { number / scale }
}

/// The rows of a side, with every number as it was written.
fn side<'a>(message: &'a str, name: &str) -> Vec<Vec<&'a RawValue>> {
    #[derive(Debug)]
    struct Raw<'a>(BTreeMap<String, &'a RawValue>);
    fn members(text: &str) -> Raw<'_> {
        Raw(serde_json::from_str(text).expect("an object"))
    }
    let parameters = members(message).0["params"].get();
    let data = members(parameters).0["data"].get();
    serde_json::from_str(members(data).0[name].get()).expect("rows")
}

#[derive(Default)]
struct Naive {
    id: Option<u64>,
    bids: BTreeMap<u64, u64>,
    asks: BTreeMap<u64, u64>,
    /// Levels that were said to be new and were there, or to be changed or deleted and were not.
    odd: usize,
}

impl Naive {
    /// Whether the message could be applied; `false` is a gap.
    fn apply(&mut self, text: &str) -> bool {
        let message: Value = serde_json::from_str(text).expect("JSON");
        let data = &message["params"]["data"];
        if data["type"] == "snapshot" {
            *self = Self::default();
        } else if data["prev_change_id"].as_u64() != self.id {
            return false;
        }
        self.id = data["change_id"].as_u64();
        for (levels, name) in [(&mut self.bids, "bids"), (&mut self.asks, "asks")] {
            for row in side(text, name) {
                let [price, amount] = [1, 2].map(|at| exact(row[at].get()));
                let there = match amount {
                    0 => levels.remove(&price),
                    amount => levels.insert(price, amount),
                };
                self.odd += usize::from((row[0].get() == "\"new\"") == there.is_some());
                assert_eq!(amount == 0, row[0].get() == "\"delete\"", "{text}");
            }
        }
        true
    }

    fn levels(&self) -> Levels {
        let both = |(&price, &amount): (&u64, &u64)| (price, amount);
        Levels {
            bids: self.bids.iter().rev().map(both).collect(),
            asks: self.asks.iter().map(both).collect(),
        }
    }
}

fn next_text(socket: &mut Socket) -> String {
    loop {
        if let Message::Text(text) = socket.read().expect("a message in time") {
            return text.to_string();
        }
    }
}

fn follow(server: &Server, instrument: &str, interval: &str, wanted: usize) {
    let mut socket = connect(server, PATH);
    let channel = format!("book.{instrument}.{interval}");
    assert_eq!(subscribe(&mut socket, &[&channel]), json!([channel]));
    let mut book = Naive::default();
    for count in 0..wanted {
        let text = next_text(&mut socket);
        assert_eq!(text.contains(r#""type":"snapshot""#), count == 0, "{text}");
        assert!(book.apply(&text), "{text}");
        let own = server.book_at(instrument, book.id.expect("an id"));
        assert_eq!(own, Some(book.levels()), "{channel}, message {count}");
    }
    assert_eq!(book.odd, 0);
}

#[test]
fn books_of_a_snapshot_and_changes_are_the_simulators_own() {
    for exponents in [true, false] {
        let mut options = options(200);
        options.deribit.exponents = exponents;
        let server = start(options);
        for (instrument, interval, wanted) in [
            ("BTC-PERPETUAL", "raw", 200),
            ("ETH-PERPETUAL", "100ms", 10),
            ("BTC-25DEC26-80000-C", "agg2", 2),
        ] {
            follow(&server, instrument, interval, wanted);
        }
    }
}

#[test]
fn numbers_have_exponents_unless_they_are_switched_off() {
    for exponents in [true, false] {
        let mut options = options(0);
        options.deribit.exponents = exponents;
        let server = start(options);
        let mut socket = connect(&server, PATH);
        subscribe(&mut socket, &["book.BTC-PERPETUAL.raw", "perpetual.BTC-PERPETUAL.raw"]);
        let text = next_text(&mut socket);
        let amounts = side(&text, "bids").into_iter().map(|row| row[2].get()).collect::<Vec<_>>();
        assert_eq!(amounts.iter().any(|amount| amount.contains('e')), exponents, "{amounts:?}");
        assert!(amounts.iter().all(|amount| amount.contains('.')), "{amounts:?}");
    }
}

#[test]
fn subscribing_again_brings_no_snapshot_and_after_an_unsubscription_it_does() {
    let server = start(options(0));
    let mut socket = connect(&server, PATH);
    let channel = "book.ETH-PERPETUAL.100ms";
    subscribe(&mut socket, &[channel]);
    assert_eq!(next_data(&mut socket).1["type"], "snapshot");
    assert_eq!(subscribe(&mut socket, &[channel]), json!([channel]));
    let ended = call(&mut socket, "public/unsubscribe", json!({"channels":[channel, "book.OTHER.raw"]}));
    assert_eq!(ended["result"], json!([channel]), "nothing came in between, and only what was there ended");
    subscribe(&mut socket, &[channel]);
    assert_eq!(next_data(&mut socket).1["type"], "snapshot");
    assert_eq!(call(&mut socket, "public/unsubscribe_all", json!({}))["result"], "ok");
}

#[test]
fn a_lost_change_breaks_the_chain() {
    let faults = Faults { drop_diff_every: Some(5), ..Faults::default() };
    let server = start(Options { faults, ..options(200) });
    let mut socket = connect(&server, PATH);
    subscribe(&mut socket, &["book.BTC-PERPETUAL.raw"]);
    let mut book = Naive::default();
    let applied: Vec<_> = (0..20).map(|_| book.apply(&next_text(&mut socket))).collect();
    let first = applied.iter().position(|applied| !applied).expect("a gap");
    assert!((1..=5).contains(&first), "{applied:?}");
    let channel = json!({"channels":["book.BTC-PERPETUAL.raw"]});
    call(&mut socket, "public/unsubscribe", channel.clone());
    call(&mut socket, "public/subscribe", channel);
    assert!(book.apply(&next_text(&mut socket)), "a fresh snapshot heals it");
    assert_eq!(server.book_at("BTC-PERPETUAL", book.id.expect("an id")), Some(book.levels()));
}

#[test]
fn the_answer_lists_what_is_subscribed_in_another_order_without_the_bad_ones() {
    let server = start(options(0));
    let mut socket = connect(&server, PATH);
    let wanted =
        ["book.BTC-PERPETUAL.100ms", "book.NOSUCH.100ms", "ticker.BTC-PERPETUAL.100ms", "nonsense", "book.X"];
    let expected = json!(["ticker.BTC-PERPETUAL.100ms", "book.BTC-PERPETUAL.100ms"]);
    assert_eq!(subscribe(&mut socket, &wanted), expected);
    assert_eq!(subscribe(&mut socket, &["nonsense"]), json!([]));
}

#[test]
fn raw_channels_need_an_authentication() {
    let mut options = options(0);
    options.deribit.event_node = false;
    options.deribit.key = Some(tickwire_sim::Key { id: "me".to_owned(), secret: "shh".to_owned() });
    assert!(!format!("{options:?}").contains("shh"), "the secret is not printed");
    let server = start(options);
    let mut socket = connect(&server, PATH);
    let both = json!({"channels":["book.BTC-PERPETUAL.100ms","trades.BTC-PERPETUAL.raw"]});
    let refused = call(&mut socket, "public/subscribe", both.clone());
    assert_eq!(refused["error"]["code"], 13_778, "the whole call fails");
    let unauthorized = call(&mut socket, "private/subscribe", both.clone());
    assert_eq!(
        unauthorized["error"],
        json!({"code":13_009,"data":{"reason":"invalid_token"},"message":"unauthorized"})
    );
    let by_secret =
        |secret| json!({"grant_type":"client_credentials","client_id":"me","client_secret":secret});
    let wrong = call(&mut socket, "public/auth", by_secret("no"));
    assert_eq!(wrong["error"], json!({"code":13_004,"message":"invalid_credentials"}));
    let right = call(&mut socket, "public/auth", by_secret("shh"));
    assert_eq!(right["result"]["token_type"], "bearer");
    let expected = json!(["trades.BTC-PERPETUAL.raw", "book.BTC-PERPETUAL.100ms"]);
    assert_eq!(call(&mut socket, "public/subscribe", both)["result"], expected);
}

/// Request, and what its answer's error must be.
const WRONG_REQUESTS: &str = r#"
hello -> {"code":11050,"data":"invalid json","message":"bad_request"}
[] -> {"code":-32600,"message":"Invalid Request"}
{"id":1,"method":"public/nothing"} -> {"code":-32601,"message":"Method not found"}
{"id":1,"method":"public/set_heartbeat","params":{"interval":9}} -> {"code":-32602,"data":{"reason":"value must be >= 10","param":"interval"},"message":"Invalid params"}
{"id":1,"method":"public/subscribe","params":{"channels":5}} -> {"code":-32602,"data":{"reason":"value must be a list of strings","param":"channels"},"message":"Invalid params"}
{"id":1,"method":"public/get_order_book","params":{"instrument_name":"NOSUCH"}} -> {"code":13020,"message":"not_found"}
"#;

#[test]
fn wrong_requests_are_answered_and_the_connection_stays() {
    let server = start(options(0));
    let mut socket = connect(&server, PATH);
    for line in WRONG_REQUESTS.trim().lines() {
        let (request, error) = line.split_once(" -> ").expect("an arrow");
        socket.send(request.into()).expect("sent");
        let text = next_text(&mut socket);
        assert!(text.contains(&format!(r#""error":{error},"usIn":"#)), "{request}: {text}");
        assert_eq!(text.contains(r#""id":1"#), request.contains("id"), "{text}");
    }
    let many: Vec<_> = (0..501).map(|n| format!("book.A{n}.raw")).collect();
    let request = json!({"id":1,"method":"public/subscribe","params":{"channels":many}}).to_string();
    socket.send(request.into()).expect("sent");
    let refused = next_json(&mut socket);
    assert_eq!(refused["error"], json!({"code":-32_600,"message":"request entity too large"}));
    assert_eq!(refused.get("id"), None);
}

#[test]
fn answers_have_the_venues_members_and_echo_the_id() {
    let server = start(options(0));
    let mut socket = connect(&server, PATH);
    socket.send(r#"{"id":"a","method":"public/test"}"#.into()).expect("sent");
    let text = next_text(&mut socket);
    assert!(text.starts_with(r#"{"jsonrpc":"2.0","id":"a","result":{"version":"1.2.26"},"usIn":"#), "{text}");
    let members: Value = serde_json::from_str(&text).expect("JSON");
    let keys: Vec<_> = members.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["jsonrpc", "id", "result", "usIn", "usOut", "usDiff", "testnet"]);
    assert_eq!(id(&members["usOut"]) - id(&members["usIn"]), id(&members["usDiff"]));
    assert_eq!(members["testnet"], false);
    let names = json!({"client_name":"x","client_version":"1"});
    assert_eq!(call(&mut socket, "public/hello", names)["result"]["version"], "1.2.26");
    assert!(id(&call(&mut socket, "public/get_time", json!({}))["result"]) > 1_700_000_000_000);
}

#[test]
fn an_order_book_can_be_asked_for() {
    let server = start(options(0));
    let mut socket = connect(&server, PATH);
    let parameters = json!({"instrument_name":"BTC-PERPETUAL","depth":7});
    let mut book = call(&mut socket, "public/get_order_book", parameters)["result"].take();
    let own = server.book_at("BTC-PERPETUAL", id(&book["change_id"])).expect("an event");
    let bids = book["bids"].take();
    let price = |row: &Value| row[0].as_f64().expect("a number");
    assert_eq!(bids.as_array().map(Vec::len), Some(10), "seven is rounded up");
    assert_eq!(exact(&bids[0][0].to_string()), own.bids[0].0);
    assert_eq!(price(&bids[0]), book["best_bid_price"].as_f64().expect("a number"));
}

#[test]
fn instruments_are_listed_by_currency_and_kind() {
    let server = start(options(0));
    let mut socket = connect(&server, PATH);
    let wanted = json!({"currency":"BTC","kind":"future"});
    let listed = call(&mut socket, "public/get_instruments", wanted)["result"].take();
    let name = |listing: &Value| listing["instrument_name"].as_str().map(str::to_owned);
    assert_eq!(
        listed.as_array().map(|list| list.iter().map(name).collect()),
        Some(vec![Some("BTC-PERPETUAL".to_owned())])
    );
    assert_eq!((&listed[0]["tick_size"], &listed[0]["min_trade_amount"]), (&json!(0.5), &json!(10.0)));
    let all = call(&mut socket, "public/get_instruments", json!({"currency":"any"}));
    assert_eq!(all["result"].as_array().map(Vec::len), Some(3));
}

#[test]
fn trades_come_in_lists_and_tell_how_their_price_moved() {
    let server = start(options(200));
    let mut socket = connect(&server, PATH);
    subscribe(&mut socket, &["trades.BTC-PERPETUAL.raw"]);
    let mut before: Option<(u64, f64)> = None;
    for _ in 0..40 {
        let (_, list) = next_data(&mut socket);
        for trade in list.as_array().expect("a list") {
            let (sequence, price) = (id(&trade["trade_seq"]), trade["price"].as_f64().expect("a price"));
            if let Some((last, earlier)) = before {
                assert_eq!(sequence, last + 1);
                let up_down_same = match id(&trade["tick_direction"]) {
                    0 => price > earlier,
                    2 => price < earlier,
                    _ => price == earlier,
                };
                assert!(up_down_same, "{earlier} {trade}");
            }
            before = Some((sequence, price));
            assert_eq!(trade["trade_id"], json!(sequence.to_string()));
            assert!(matches!(trade["direction"].as_str(), Some("buy" | "sell")));
        }
    }
}

#[test]
fn slower_intervals_and_kinds_tell_of_the_same_trades() {
    let server = start(options(200));
    let mut socket = connect(&server, PATH);
    let channels = ["trades.ETH-PERPETUAL.raw", "trades.ETH-PERPETUAL.100ms", "trades.future.ETH.raw"];
    subscribe(&mut socket, &channels);
    let mut seen: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    // The kind's list comes right behind the instrument's own.
    while seen.get(channels[2]).map_or(0, BTreeSet::len) < 60 {
        let (channel, list) = next_data(&mut socket);
        let ids = list.as_array().expect("a list").iter().map(|trade| id(&trade["trade_seq"]));
        seen.entry(channel).or_default().extend(ids);
    }
    let [raw, slow, kind] = channels.map(|channel| &seen[channel]);
    assert_eq!(raw, kind);
    let first_common = slow.first().max(raw.first()).copied().expect("trades");
    assert!(slow.range(first_common..).all(|id| raw.contains(id)), "{slow:?} {raw:?}");
}

/// Puts the members of a change over those before, group by group.
fn merge(state: &mut Value, change: &Value) {
    match (state, change) {
        (Value::Object(state), Value::Object(change)) => {
            for (name, value) in change {
                merge(state.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (state, change) => *state = change.clone(),
    }
}

#[test]
fn the_incremental_ticker_adds_up_to_the_ticker() {
    let server = start(options(100));
    let mut socket = connect(&server, PATH);
    let name = "BTC-25DEC26-80000-C";
    let channels = [format!("incremental_ticker.{name}"), format!("ticker.{name}.100ms")];
    subscribe(&mut socket, &[&channels[0], &channels[1]]);
    let (mut state, mut ticker, mut compared) = (Value::Null, Value::Null, 0);
    while compared < 5 {
        let (channel, data) = next_data(&mut socket);
        if channel == channels[1] {
            ticker = data;
            continue;
        }
        assert_eq!(data["type"], if state.is_null() { "snapshot" } else { "change" });
        merge(&mut state, &data);
        if state["timestamp"] == ticker["timestamp"] {
            for (name, value) in ticker.as_object().expect("an object") {
                assert_eq!(&state[name], value, "{name}");
            }
            compared += usize::from(data["type"] == "change");
        }
    }
    assert!(state["greeks"]["delta"].is_number());
}

#[test]
fn grouped_books_are_pictures_of_the_top() {
    let server = start(options(200));
    let mut socket = connect(&server, PATH);
    subscribe(&mut socket, &["book.BTC-PERPETUAL.none.10.100ms", "book.BTC-PERPETUAL.5.1.100ms"]);
    let mut seen = BTreeSet::new();
    for _ in 0..10 {
        let (channel, data) = next_data(&mut socket);
        let own = server.book_at("BTC-PERPETUAL", id(&data["change_id"])).expect("an event of this book");
        assert_eq!(data.get("type"), None);
        let price = |row: &Value| exact(&row[0].to_string());
        let bids = data["bids"].as_array().expect("rows");
        if channel.contains("none") {
            assert_eq!(
                bids.iter().map(price).collect::<Vec<_>>(),
                own.bids[..10].iter().map(|bid| bid.0).collect::<Vec<_>>()
            );
        } else {
            let step = 5 * 50_000_000;
            assert_eq!((bids.len(), price(&bids[0])), (1, own.bids[0].0 / step * step));
            let sum: u64 = own.bids.iter().filter(|bid| bid.0 >= price(&bids[0])).map(|bid| bid.1).sum();
            assert_eq!(exact(&bids[0][1].to_string()), sum);
        }
        seen.insert(channel);
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn the_other_channels_speak_too() {
    let mut options = options(200);
    options.deribit.halt_every = Some(1);
    let server = start(options);
    let table = [
        ("quote.BTC-PERPETUAL", "best_ask_amount"),
        ("ticker.BTC-PERPETUAL.raw", "open_interest"),
        ("perpetual.BTC-PERPETUAL.raw", "interest"),
        ("deribit_price_index.btc_usd", "price"),
        ("chart.trades.BTC-PERPETUAL.1", "cost"),
        ("instrument.state.future.BTC", "state"),
    ];
    let mut socket = connect(&server, PATH);
    subscribe(&mut socket, &table.map(|(channel, _)| channel));
    let mut silent: BTreeMap<_, _> = table.into_iter().collect();
    while !silent.is_empty() {
        let (channel, data) = next_data(&mut socket);
        if let Some(member) = silent.remove(channel.as_str()) {
            assert!(!data[member].is_null(), "{channel}: {data}");
        }
    }
}

#[test]
fn old_forms_can_be_chosen() {
    let mut options = options(200);
    (options.deribit.worst_first, options.deribit.without_type) = (true, true);
    let server = start(options);
    let mut socket = connect(&server, PATH);
    subscribe(&mut socket, &["book.BTC-PERPETUAL.100ms"]);
    let (_, snapshot) = next_data(&mut socket);
    assert_eq!((snapshot.get("type"), snapshot.get("prev_change_id")), (None, None));
    let prices = |data: &Value, side: &str| {
        let rows = data[side].as_array().expect("rows").clone();
        rows.iter().map(|row| row[1].as_f64().expect("a price")).collect::<Vec<_>>()
    };
    assert!(prices(&snapshot, "bids").is_sorted_by(|a, b| a > b), "a snapshot is best first all the same");
    for _ in 0..5 {
        let (_, change) = next_data(&mut socket);
        assert!(change.get("type").is_none() && change["prev_change_id"].is_u64());
        assert!(prices(&change, "bids").is_sorted() && prices(&change, "asks").is_sorted_by(|a, b| a > b));
    }
}

#[test]
fn a_heartbeat_asks_in_turn_and_ends_who_does_not_answer() {
    let mut options = options(0);
    options.deribit.heartbeat_min = 1;
    options.deribit.test_timeout = Duration::from_millis(300);
    let server = start(options);
    let mut socket = connect(&server, PATH);
    assert_eq!(call(&mut socket, "public/set_heartbeat", json!({"interval":1}))["result"], "ok");
    let beat =
        |kind: &str| format!(r#"{{"params":{{"type":"{kind}"}},"method":"heartbeat","jsonrpc":"2.0"}}"#);
    assert_eq!(next_text(&mut socket), beat("heartbeat"));
    assert_eq!(next_text(&mut socket), beat("test_request"));
    assert_eq!(call(&mut socket, "public/test", json!({}))["result"]["version"], "1.2.26");
    assert_eq!(next_text(&mut socket), beat("heartbeat"), "an answer keeps it");
    assert_eq!(read_close(&mut socket), (CloseCode::Library(4_000), "heartbeat close".to_owned()));
}

#[test]
fn credits_are_spent_by_a_burst_and_end_the_session() {
    for (method, most) in [("public/subscribe", 10), ("public/get_time", 100)] {
        let server = start(options(0));
        let mut socket = connect(&server, PATH);
        let mut answered = 0;
        // More than can be earned meanwhile.
        for _ in 0..300 {
            let request = json!({"id":7,"method":method,"params":{"channels":[]}}).to_string();
            if socket.send(request.into()).is_err() {
                break;
            }
        }
        let refused = loop {
            let answer = next_json(&mut socket);
            if answer.get("error").is_some() {
                break answer;
            }
            answered += 1;
        };
        assert_eq!(refused["error"], json!({"code":10_028,"message":"too_many_requests"}));
        assert!((most..most + 100).contains(&answered), "{method}: {answered}");
        assert_eq!(read_close(&mut socket).0, CloseCode::Policy);
    }
}

#[test]
fn maintenance_is_told_and_ends_the_connection() {
    let faults = Faults { shutdown_after: Some(Duration::from_millis(100)), ..Faults::default() };
    let server = start(Options { faults, ..options(0) });
    let mut socket = connect(&server, PATH);
    subscribe(&mut socket, &["platform_state"]);
    assert_eq!(next_data(&mut socket), ("platform_state".to_owned(), json!({"maintenance":true})));
    assert_eq!(call(&mut socket, "public/get_time", json!({}))["error"]["code"], 11_051);
    assert_eq!(read_close(&mut socket).0, CloseCode::Away);
}

#[test]
fn an_idle_connection_is_cut_and_a_subscribed_one_is_not() {
    let mut options = options(0);
    options.deribit.idle_timeout = Duration::from_millis(200);
    let server = start(options);
    let mut kept = connect(&server, PATH);
    subscribe(&mut kept, &["quote.BTC-PERPETUAL"]);
    assert!(ends_without_close(&mut connect(&server, PATH)));
    assert!(call(&mut kept, "public/get_time", json!({}))["result"].is_u64());
}

#[test]
fn one_connection_too_many_is_refused_with_429() {
    let mut options = options(0);
    options.deribit.connections_max = 2;
    let server = start(options);
    let _both = [(); 2].map(|()| connect(&server, PATH));
    let Err(error) = try_connect(&server, PATH) else { panic!("a third one is served") };
    let tungstenite::Error::Http(response) = *error else { panic!("{error}") };
    assert_eq!(response.status(), 429);
}

#[test]
fn answers_may_come_out_of_order() {
    let faults = Faults { answers_out_of_order: true, ..Faults::default() };
    let server = start(Options { faults, ..options(0) });
    let mut socket = connect(&server, PATH);
    for id in 0..4 {
        socket.write(json!({"id":id,"method":"public/test"}).to_string().into()).expect("written");
    }
    socket.flush().expect("sent");
    let order: Vec<_> = (0..4).map(|_| id(&next_json(&mut socket)["id"])).collect();
    assert_eq!(order, [1, 0, 3, 2]);
}
