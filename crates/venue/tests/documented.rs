//! Each documented message shape, with values of our own.

mod common;

use std::time::Duration;

use common::{API, Rig, STREAM, books, config};
use serde_json::{Value, json};
use tickwire_venue::binance::Stream;
use tickwire_venue::{
    Decimal, Delta, Error, Event, Fills, Instrument, Level, Misuse, Outcome, Quote, Rejection, Request,
    Route, Session, Side, Snapshot, Status, StatusKind, Trade,
};

/// One of each kind.
fn all() -> Vec<Stream> {
    let partial = Stream::PartialDepth { levels: 5, ms: 100 };
    vec![Stream::Trade, Stream::AggTrade, Stream::BookTicker, Stream::Depth { ms: 100 }, partial]
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn level(price: &str, quantity: &str) -> Level {
    Level { price: number(price), quantity: number(quantity) }
}

/// A session of one symbol with everything confirmed and a snapshot asked for.
fn rig() -> Rig {
    Rig::confirmed(config(&["XYZABC"], all()))
}

fn combined(stream: &str, data: &Value) -> Value {
    json!({"stream": stream, "data": data})
}

/// The payload gives the same events raw and combined, and with its keys in the opposite order.
fn told(stream: &str, data: &Value) -> Vec<Event<'static>> {
    let raw = rig().stream(data);
    assert_eq!(rig().stream(&combined(stream, data)), raw);
    let mut turned = serde_json::Map::new();
    turned.insert("unknown".into(), json!({"e": [1, {"s": null}]}));
    turned.extend(data.as_object().unwrap().iter().rev().map(|(key, value)| (key.clone(), value.clone())));
    assert_eq!(rig().stream(&Value::Object(turned)), raw);
    raw
}

#[test]
fn trade() {
    let data = json!({"e": "trade", "E": 1_700_000_000_123_u64, "s": "XYZABC", "t": 77, "p": "1.2300", "q": "40",
        "T": 1_700_000_000_120_u64, "m": true, "M": true});
    let trade = Trade {
        instrument: Instrument(0),
        id: 77,
        price: number("1.23"),
        quantity: number("40"),
        taker: Side::Ask,
        fills: None,
        venue_time_ns: 1_700_000_000_120_000_000,
        event_time_ns: 1_700_000_000_123_000_000,
    };
    assert_eq!(told("xyzabc@trade", &data), [Event::Trade(trade)]);
}

#[test]
fn aggregate_trade_in_microseconds() {
    let data = json!({"e": "aggTrade", "E": 1_700_000_000_123_456_u64, "s": "XYZABC", "a": 9, "p": "0.5", "q": "1e-3",
        "f": 100, "l": 102, "T": 1_700_000_000_120_001_u64, "m": false, "M": true});
    let trade = Trade {
        instrument: Instrument(0),
        id: 9,
        price: number("0.5"),
        quantity: number("0.001"),
        taker: Side::Bid,
        fills: Some(Fills { first_id: 100, last_id: 102 }),
        venue_time_ns: 1_700_000_000_120_001_000,
        event_time_ns: 1_700_000_000_123_456_000,
    };
    assert_eq!(told("xyzabc@aggTrade", &data), [Event::Trade(trade)]);
}

#[test]
fn book_ticker() {
    let data =
        json!({"u": 400_900_217_u64, "s": "XYZABC", "b": "25.35", "B": "31.21", "a": "25.36", "A": "40.66"});
    let quote = Quote {
        instrument: Instrument(0),
        update_id: Some(400_900_217),
        bid: Some(level("25.35", "31.21")),
        ask: Some(level("25.36", "40.66")),
        venue_time_ns: None,
    };
    assert_eq!(told("xyzabc@bookTicker", &data), [Event::Quote(quote)]);
}

#[test]
fn depth_diff_with_extra_row_elements() {
    let data = json!({"e": "depthUpdate", "E": 1_700_000_000_789_u64, "s": "XYZABC", "U": 157, "u": 160,
        "b": [["0.0024", "10", []]], "a": [["0.0026", "100"], ["0.0027", "0.000"]]});
    let delta = Delta {
        instrument: Instrument(0),
        first_id: 157,
        last_id: 160,
        previous_id: None,
        bids: &[level("0.0024", "10")],
        asks: &[level("0.0026", "100"), level("0.0027", "0")],
        venue_time_ns: 1_700_000_000_789_000_000,
    };
    assert_eq!(told("xyzabc@depth@100ms", &data), [Event::Delta(delta)]);
}

#[test]
fn partial_depth_takes_its_symbol_from_the_stream_name() {
    let data = json!({"lastUpdateId": 160, "bids": [["0.0024", "10"]], "asks": []});
    let bids = [level("0.0024", "10")];
    let depth = |instrument| {
        let (bids, asks) = (bids.as_slice(), &[]);
        Snapshot { instrument, update_id: 160, bids, asks, partial: true, venue_time_ns: None }
    };
    assert_eq!(told("xyzabc@depth5@100ms", &data), [Event::Snapshot(depth(Instrument(0)))]);

    let mut two = Rig::confirmed(config(&["AAA", "XYZABC"], all()));
    let events = two.stream(&combined("xyzabc@depth20", &data));
    assert_eq!(events, [Event::Snapshot(depth(Instrument(1)))]);
    assert!(matches!(two.feed(STREAM, &data.to_string()), Err(Error::Unexpected { .. })));
}

#[test]
fn kinds_without_an_event_of_their_own_are_named() {
    let new = json!({"e": "somethingNew", "E": 1, "s": "XYZABC", "k": {"t": 1, "o": "1"}});
    assert_eq!(told("xyzabc@somethingNew", &new), [Event::Other { kind: "somethingNew" }]);
    let array = json!([new, new]);
    let two = [Event::Other { kind: "somethingNew" }, Event::Other { kind: "somethingNew" }];
    assert_eq!(rig().stream(&array), two);
    assert_eq!(rig().stream(&combined("!somethingNew@arr", &array)), two);
}

#[test]
fn server_shutdown_in_its_three_forms() {
    let data = json!({"e": "serverShutdown", "E": 1_770_000_000_000_u64});
    let venue_time_ns = Some(1_770_000_000_000_000_000);
    let shutdown = Event::Status(Status { kind: StatusKind::Shutdown, text: "", venue_time_ns });
    assert_eq!(rig().api(&json!({"event": data})), told("!serverShutdown", &data));
    assert_eq!(told("!serverShutdown", &data), [shutdown]);
}

#[test]
fn endpoints_follow_the_streams() {
    let with = Rig::new(config(&["A"], all()));
    let urls: Vec<_> = with.session.endpoints().iter().map(|endpoint| endpoint.url.as_str()).collect();
    assert_eq!(urls, ["wss://stream.binance.com:9443/stream", "wss://ws-api.binance.com:443/ws-api/v3"]);
    let without = Rig::new(config(&["A"], vec![Stream::Trade]));
    assert_eq!(without.session.endpoints().len(), 1);
}

#[test]
fn subscriptions_are_sent_in_chunks_and_paced() {
    let symbols: Vec<String> = (0..1000).map(|n| format!("S{n}")).collect();
    let mut rig = Rig::new(tickwire_venue::binance::Config {
        symbols,
        streams: vec![Stream::Trade],
        ..Default::default()
    });
    rig.open(STREAM);
    let mut names = Vec::new();
    let mut told = Vec::new();
    for requests in [3, 2] {
        assert_eq!(rig.sent.len(), requests);
        rig.pass(Duration::from_millis(2500));
        assert_eq!(rig.sent.len(), requests, "they may all be under way yet");
        names.extend(rig.sent.iter().flat_map(|(_, sent)| sent["params"].as_array().unwrap().clone()));
        told.extend(rig.confirm());
        rig.pass(Duration::from_millis(999));
        assert!(rig.sent.is_empty());
        rig.pass(Duration::from_millis(1));
    }
    let expected: Vec<_> = (0..1000).map(|n| Value::from(format!("s{n}@trade"))).collect();
    assert_eq!(names, expected);
    assert_eq!(told.first(), Some(&Event::Subscribed { stream: "s0@trade", pending: 999 }));
    assert_eq!(told.last(), Some(&Event::Subscribed { stream: "s999@trade", pending: 0 }));
    assert_eq!(told.len(), 1000);
    assert_eq!(rig.pass(Duration::from_secs(55)), []);
    assert!(rig.sent.is_empty());
}

#[test]
fn a_subscription_without_an_answer_is_sent_again() {
    let mut rig = Rig::new(config(&["A"], all()));
    rig.open(STREAM);
    let (_, first) = rig.sent.pop_front().unwrap();
    let told = rig.pass(Duration::from_secs(10));
    assert_eq!(told, [Event::Unanswered { request: Request::Subscribe, instrument: None }]);
    let (_, second) = rig.sent.pop_front().unwrap();
    assert_eq!(first["params"], second["params"]);
    assert_ne!(first["id"], second["id"]);
    rig.open(API);
    assert!(rig.asked().is_none(), "no snapshot before the confirmation");
    rig.stream(&json!({"result": null, "id": second["id"]}));
    assert!(rig.asked().is_some());
}

#[test]
fn a_refused_subscription_is_told_in_both_forms_of_the_error() {
    let words = "Invalid request: invalid stream";
    for nested in [true, false] {
        let mut rig = Rig::new(config(&["A"], vec![Stream::Trade]));
        rig.open(STREAM);
        let (_, sent) = rig.sent.pop_front().unwrap();
        let answer = if nested {
            json!({"error": {"code": 2, "msg": words}, "id": sent["id"]})
        } else {
            json!({"code": 2, "msg": words, "id": sent["id"]})
        };
        let rejection = Rejection {
            request: Request::Subscribe,
            instrument: None,
            code: 2,
            message: words,
            outcome: Outcome::Final,
        };
        let told = rig.stream(&answer);
        assert_eq!(told, [Event::Rejected(rejection), Event::Missing { stream: "a@trade" }]);
        assert_eq!(rig.session.next_deadline(), None);
    }
}

#[test]
fn one_bad_name_among_many_is_found_and_the_others_are_followed() {
    let symbols: Vec<String> = (0..20).map(|n| format!("S{n}")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let mut rig = Rig::new(config(&symbols, vec![Stream::Trade]));
    rig.open(STREAM);
    let (mut missing, mut followed, mut requests) = (Vec::new(), Vec::new(), 0);
    while missing.len() + followed.len() < symbols.len() {
        let Some((_, sent)) = rig.sent.pop_front() else {
            let deadline = rig.session.next_deadline().unwrap();
            rig.pass(deadline - rig.now);
            continue;
        };
        requests += 1;
        let bad = sent["params"].as_array().unwrap().contains(&json!("s13@trade"));
        let error = json!({"error": {"code": 2, "msg": "Invalid request"}, "id": sent["id"]});
        let answer = if bad { error } else { json!({"result": null, "id": sent["id"]}) };
        for event in rig.stream(&answer) {
            match event {
                Event::Missing { stream } => missing.push(stream),
                Event::Subscribed { stream, .. } => followed.push(stream),
                Event::Rejected(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(missing, ["s13@trade"]);
    followed.sort_unstable();
    let mut others: Vec<_> = (0..20).filter(|n| *n != 13).map(|n| format!("s{n}@trade")).collect();
    others.sort_unstable();
    assert_eq!(followed, others);
    assert!(requests <= 10, "20 names are halved at most five times: {requests} requests");
}

#[test]
fn a_refusal_of_nothing_we_know_is_told() {
    let words = "Invalid JSON: expected value at line 1 column 1";
    let unknown = Rejection {
        request: Request::Unknown,
        instrument: None,
        code: 3,
        message: words,
        outcome: Outcome::Final,
    };
    for id in [json!(null), json!("some text"), json!(-5), json!(4711)] {
        let answer = json!({"error": {"code": 3, "msg": words}, "id": id});
        assert_eq!(rig().stream(&answer), [Event::Rejected(unknown)]);
        assert_eq!(rig().api(&answer), [Event::Rejected(unknown)]);
    }
    assert_eq!(rig().stream(&json!({"error": {"code": 3, "msg": words}})), [Event::Rejected(unknown)]);
}

#[test]
fn answers_that_nobody_waits_for_are_told() {
    for answer in [
        json!({"result": null, "id": 999}),
        json!({"result": null, "id": null}),
        json!({"result": ["a@trade"], "id": "x"}),
        json!({"result": true, "id": 2}),
    ] {
        assert_eq!(rig().stream(&answer), [Event::Other { kind: "answer" }]);
    }
}

fn refuse(rig: &mut Rig, status: u64, error: &Value) -> Vec<Event<'static>> {
    let (id, _) = rig.asked().expect("a snapshot is asked for");
    rig.api(&json!({"id": id, "status": status, "error": error, "rateLimits": []}))
}

#[test]
fn an_unknown_symbol_is_refused_for_good() {
    let mut rig = rig();
    let told = refuse(&mut rig, 400, &json!({"code": -1121, "msg": "Invalid symbol."}));
    let rejection = Rejection {
        request: Request::Snapshot,
        instrument: Some(Instrument(0)),
        code: -1121,
        message: "Invalid symbol.",
        outcome: Outcome::Final,
    };
    assert_eq!(told, [Event::Rejected(rejection)]);
    rig.pass(Duration::from_secs(3600));
    assert!(rig.asked().is_none());
    for id in [5, 6] {
        let diff = json!({"e": "depthUpdate", "E": 1, "s": "XYZABC", "U": id, "u": id, "b": [], "a": []});
        assert!(matches!(rig.stream(&diff)[..], [Event::Delta(_)]), "no book is kept any more");
    }
}

#[test]
fn too_many_requests_stop_every_snapshot_until_the_time_given() {
    let mut rig = Rig::confirmed(config(&["AAA", "BBB"], books()));
    rig.tell_weight(0);
    let data = json!({"serverTime": 1_700_000_000_000_u64, "retryAfter": 1_700_000_030_000_u64});
    let error = json!({"code": -1003, "msg": "Way too much", "data": data});
    let until = rig.now + Duration::from_secs(30);
    let told = refuse(&mut rig, 429, &error);
    assert!(matches!(&told[..], [Event::Rejected(r)] if r.outcome == Outcome::Retry(until)), "{told:?}");
    // The other's request was under way; its answer never comes, and it must wait as well.
    assert_eq!(rig.asked().map(|(_, symbol)| symbol).as_deref(), Some("BBB"));
    let told = rig.pass(Duration::from_millis(29_999));
    let unanswered = Event::Unanswered { request: Request::Snapshot, instrument: Some(Instrument(1)) };
    assert_eq!(told, [unanswered]);
    assert!(rig.asked().is_none());
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.asked().map(|(_, symbol)| symbol).as_deref(), Some("AAA"));
    assert_eq!(rig.asked().map(|(_, symbol)| symbol).as_deref(), Some("BBB"));
}

#[test]
fn a_hold_beyond_any_ban_is_cut_and_survives_a_new_connection() {
    let mut rig = rig();
    let data = json!({"serverTime": 0, "retryAfter": u64::MAX});
    refuse(&mut rig, 418, &json!({"code": -1003, "msg": "banned", "data": data}));
    rig.close(API);
    rig.open(API);
    let days = Duration::from_secs(3 * 24 * 3600);
    rig.pass(days - Duration::from_millis(1));
    assert!(rig.asked().is_none());
    rig.pass(Duration::from_millis(1));
    assert!(rig.asked().is_some());
}

#[test]
fn too_many_requests_without_a_time_stop_every_snapshot_for_a_minute() {
    for (status, code) in [(429, -1), (418, -1), (400, -1003)] {
        let mut rig = Rig::confirmed(config(&["AAA", "BBB"], books()));
        rig.tell_weight(0);
        let until = rig.now + Duration::from_secs(60);
        let told = refuse(&mut rig, status, &json!({"code": code, "msg": "no"}));
        assert!(matches!(&told[..], [Event::Rejected(r)] if r.outcome == Outcome::Retry(until)), "{told:?}");
        assert_eq!(rig.asked().map(|(_, symbol)| symbol).as_deref(), Some("BBB"), "under way");
        rig.pass(Duration::from_millis(59_999));
        assert!(rig.asked().is_none());
        rig.pass(Duration::from_millis(1));
        assert!(rig.asked().is_some());
    }
}

#[test]
fn a_time_without_the_servers_own_is_counted_from_ours() {
    let mut rig = Rig::new(config(&["AAA"], books()));
    rig.unix_ns = 1_700_000_000_000_000_000;
    rig.open(STREAM);
    rig.open(API);
    rig.confirm();
    let until = rig.now + Duration::from_secs(90);
    let data = json!({"retryAfter": 1_700_000_090_000_u64});
    let told = refuse(&mut rig, 429, &json!({"code": -1003, "msg": "no", "data": data}));
    assert!(matches!(&told[..], [Event::Rejected(r)] if r.outcome == Outcome::Retry(until)), "{told:?}");
}

#[test]
fn a_venue_in_trouble_is_asked_again_with_doubling_delay() {
    let mut rig = rig();
    let troubles = [(500, -1000), (200, -1001), (504, -1007), (503, -1008), (502, 0)];
    for (round, delay) in [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].into_iter().enumerate() {
        let (status, code) = troubles[round % troubles.len()];
        let until = rig.now + Duration::from_millis(delay);
        let told = refuse(&mut rig, status, &json!({"code": code, "msg": "not now"}));
        assert!(matches!(&told[..], [Event::Rejected(r)] if r.outcome == Outcome::Retry(until)), "{told:?}");
        rig.pass(Duration::from_millis(delay - 1));
        assert!(rig.asked().is_none(), "too early, {delay} ms");
        rig.pass(Duration::from_millis(1));
    }
}

#[test]
fn a_snapshot_without_an_answer_is_asked_for_again() {
    let mut rig = rig();
    let (first, _) = rig.asked().unwrap();
    let told = rig.pass(Duration::from_secs(10));
    assert_eq!(told, [Event::Unanswered { request: Request::Snapshot, instrument: Some(Instrument(0)) }]);
    let (second, _) = rig.asked().unwrap();
    assert_ne!(first, second);
}

#[test]
fn snapshots_stay_within_the_weight_of_a_minute() {
    let symbols: Vec<String> = (0..150).map(|n| format!("S{n}")).collect();
    let mut rig = Rig::confirmed(tickwire_venue::binance::Config {
        symbols,
        streams: books(),
        silence_max: None,
        ..Default::default()
    });
    assert_eq!(rig.sent.len(), 1, "what others have used is not known");
    rig.tell_weight(50);
    // Snapshots of 1000 levels weigh 50 each of 5000.
    assert_eq!(rig.sent.len(), 100);
    while let Some((id, _)) = rig.asked() {
        rig.api(&json!({"id": id, "status": 200, "result": {"lastUpdateId": 1, "bids": [], "asks": []}}));
    }
    rig.pass(Duration::from_millis(59_999));
    assert_eq!(rig.sent.len(), 0);
    rig.pass(Duration::from_millis(1));
    // Streams that were silent for so long are asked for again, too.
    rig.sent.retain(|(_, sent)| sent["method"] == "depth");
    assert_eq!(rig.sent.len(), 50);
}

#[test]
fn what_a_program_before_this_one_has_used_of_the_minute_is_not_used_again() {
    let mut rig = Rig::new(config(&["AAA", "BBB"], books()));
    // 20 seconds into a minute.
    rig.unix_ns = 1_700_000_000_000_000_000 / 60_000_000_000 * 60_000_000_000 + 20_000_000_000;
    rig.open(STREAM);
    rig.open(API);
    rig.confirm();
    let (id, _) = rig.asked().unwrap();
    let limit =
        json!({"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "count": 5951});
    let result = json!({"lastUpdateId": 1, "bids": [], "asks": []});
    rig.api(&json!({"id": id, "status": 200, "result": result, "rateLimits": [limit]}));
    // What is left are 49 of 6000, and some are kept for others. The venue's clock may be a second behind.
    rig.pass(Duration::from_millis(40_999));
    assert!(rig.asked().is_none());
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.asked().map(|(_, symbol)| symbol).as_deref(), Some("BBB"));
}

#[test]
fn what_is_not_of_a_documented_shape_is_malformed() {
    let rows = [
        "",
        "nonsense",
        "{",
        "{}",
        "null",
        "7",
        "\"text\"",
        "[]",
        "[1]",
        r#"{"e":7}"#,
        r#"{"stream":"a@trade"}"#,
        r#"{"stream":1,"data":{"e":"kline"}}"#,
        r#"{"id":1}"#,
        r#"{"id":{},"result":null}"#,
        r#"{"error":7,"id":1}"#,
        r#"{"error":{"code":"2","msg":"x"},"id":1}"#,
        r#"{"error":{"code":2},"id":1}"#,
        r#"{"u":1,"s":"XYZABC","b":"1","B":"1","a":"1"}"#,
        r#"{"u":"1","s":"XYZABC","b":"1","B":"1","a":"1","A":"1"}"#,
        r#"{"u":1,"s":"XYZABC","b":"-1","B":"1","a":"1","A":"1"}"#,
        r#"{"u":1,"s":"XYZABC","b":"1x","B":"1","a":"1","A":"1"}"#,
        r#"{"u":1.0,"s":"XYZABC","b":"1","B":"1","a":"1","A":"1"}"#,
        r#"{"e":"depthUpdate","E":1,"s":"XYZABC","U":1,"u":2,"b":[["1"]],"a":[]}"#,
        r#"{"e":"depthUpdate","E":1,"s":"XYZABC","U":1,"u":2,"b":[],"a":{}}"#,
        r#"{"e":"depthUpdate","E":1,"s":"XYZABC","U":3,"u":2,"b":[],"a":[]}"#,
        r#"{"e":"depthUpdate","E":18446744073709551615,"s":"XYZABC","U":1,"u":2,"b":[],"a":[]}"#,
        r#"{"e":"trade","E":1,"s":"XYZABC","t":1,"p":"1","q":"1","T":1,"m":"true"}"#,
        r#"{"e":"aggTrade","E":1,"s":"XYZABC","a":1,"p":"1","q":"1","l":1,"T":1,"m":true}"#,
        r#"{"lastUpdateId":1,"bids":[]}"#,
        r#"{"id":1,"status":200,"result":{"lastUpdateId":1,"bids":[["1","1"]],"asks":[[1]]}}"#,
    ];
    for text in rows {
        let mut rig = rig();
        let error = rig.feed(STREAM, text).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{text}: {error}");
        // The session goes on.
        let data = json!({"u": 5, "s": "XYZABC", "b": "1", "B": "1", "a": "2", "A": "1"});
        assert_eq!(rig.stream(&data).len(), 1, "{text}");
    }
    assert!(matches!(
        rig().session.on_message(STREAM, &[0xff, 0xfe], rig().both()),
        Err(Error::Malformed { .. })
    ));
}

#[test]
fn what_was_not_asked_for_is_unexpected() {
    let other = json!({"u": 1, "s": "OTHER", "b": "1", "B": "1", "a": "2", "A": "1"}).to_string();
    let error = rig().feed(STREAM, &other).unwrap_err();
    assert!(error.to_string().contains("OTHER"), "{error}");
    let ours = other.replace("OTHER", "XYZABC");
    assert!(matches!(rig().feed(API, &ours), Err(Error::Unexpected { .. })));
    let mut rig = rig();
    let (id, _) = rig.asked().unwrap();
    let empty = json!({"id": id, "status": 200, "result": {}}).to_string();
    assert!(matches!(rig.feed(API, &empty), Err(Error::Unexpected { .. })));
}

#[test]
fn misuse_is_refused_and_changes_nothing() {
    let mut rig = rig();
    let ticker =
        |id: u64| json!({"u": id, "s": "XYZABC", "b": "1", "B": "1", "a": "2", "A": "1"}).to_string();
    let now = rig.both();
    rig.session.on_message(STREAM, ticker(1).as_bytes(), now).unwrap();
    let refused = rig.session.on_message(STREAM, ticker(2).as_bytes(), now);
    assert_eq!(refused, Err(Error::Misuse(Misuse::Undrained)));
    assert!(matches!(rig.session.poll_event(), Some(Event::Quote(quote)) if quote.update_id == Some(1)));
    assert_eq!(rig.session.poll_event(), None);
    assert_eq!(
        rig.feed(Route::first(2), &ticker(3)),
        Err(Error::Misuse(Misuse::UnknownRoute(Route::first(2))))
    );
    rig.close(STREAM);
    assert_eq!(rig.feed(STREAM, &ticker(3)), Err(Error::Misuse(Misuse::RouteClosed(STREAM))));
}

#[test]
fn symbols_outside_ascii_are_followed() {
    let mut rig = Rig::confirmed(config(&["１２３usdt"], books()));
    assert_eq!(rig.session.symbol(Instrument(0)), Some("１２３USDT"));
    assert_eq!(rig.asked().map(|(_, symbol)| symbol).as_deref(), Some("１２３USDT"));
    let data = json!({"u": 5, "s": "１２３USDT", "b": "1", "B": "1", "a": "2", "A": "1"});
    assert_eq!(rig.stream(&combined("１２３usdt@bookTicker", &data)).len(), 1);
}
