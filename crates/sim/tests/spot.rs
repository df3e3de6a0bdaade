//! What only Binance Spot has: its members and their order, its candles, its units of time, its HTTP.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod client;

use std::collections::BTreeMap;

use client::{connect, exact, get, id, next_json, rows};
use serde_json::Value;
use tickwire_sim::{Options, Server, Source};

fn server() -> Server {
    let symbols = vec!["BTCUSDT".to_owned(), "XRPUSDT".to_owned()];
    let source = Source::Market { seed: 23, symbols, events_per_second: 200 };
    Server::start(Options { source, ..Options::default() }).expect("a server")
}

fn number(text: &Value) -> u64 {
    exact(text.as_str().expect("a string"))
}

#[test]
fn snapshots_come_over_http_too() {
    let server = server();
    let (status, headers, body) = get(&server, "/api/v3/depth?symbol=BTCUSDT&limit=20");
    assert_eq!(status, 200);
    assert!(headers["x-mbx-used-weight-1m"].parse::<u64>().is_ok_and(|used| used >= 5), "{headers:?}");
    let own = server.book_at("BTCUSDT", id(&body["lastUpdateId"])).expect("an event");
    assert_eq!(
        (rows(&body["bids"]), rows(&body["asks"])),
        (own.bids[..20].to_vec(), own.asks[..20].to_vec())
    );
}

/// Stream, and the members of its events in the documented order.
const DOCUMENTED: [(&str, &str); 9] = [
    ("btcusdt@trade", "e,E,s,t,p,q,T,m,M"),
    ("btcusdt@aggTrade", "e,E,s,a,p,q,f,l,T,m,M"),
    ("btcusdt@depth@100ms", "e,E,s,U,u,b,a"),
    ("btcusdt@depth5@100ms", "lastUpdateId,bids,asks"),
    ("btcusdt@kline_1s", "e,E,s,k"),
    ("btcusdt@miniTicker", "e,E,s,c,o,h,l,v,q"),
    ("!miniTicker@arr", "e,E,s,c,o,h,l,v,q"),
    ("btcusdt@ticker", "e,E,s,p,P,w,x,c,Q,b,B,a,A,o,h,l,v,q,O,C,F,L,n"),
    ("btcusdt@avgPrice", "e,E,s,i,w,T"),
];

#[test]
fn events_have_the_documented_members_in_their_order() {
    let server = server();
    for (stream, expected) in DOCUMENTED {
        let event = next_json(&mut connect(&server, &format!("/ws/{stream}")));
        let event = if event.is_array() { event[0].clone() } else { event };
        let keys: Vec<_> = event.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(keys.join(","), expected, "{stream}");
        if let Some(candle) = event["k"].as_object() {
            let keys: Vec<_> = candle.keys().cloned().collect();
            assert_eq!(keys.join(","), "t,T,s,i,f,L,o,c,h,l,v,n,x,q,V,Q,B");
        }
    }
}

#[test]
fn a_second_ends_with_a_closed_candle_that_sums_up_its_trades() {
    let server = server();
    let mut socket = connect(&server, "/ws/btcusdt@trade/btcusdt@kline_1s");
    let (mut trades, mut compared) = (BTreeMap::new(), 0);
    while compared < 2 {
        let event = next_json(&mut socket);
        if event["e"] == "trade" {
            trades.insert(id(&event["t"]), (number(&event["p"]), number(&event["q"])));
            continue;
        }
        let candle = &event["k"];
        let ids = candle["f"].as_u64().zip(candle["L"].as_u64());
        let Some((first, last)) = ids.filter(|(first, _)| candle["x"] == true && trades.contains_key(first))
        else {
            continue;
        };
        let own: Vec<_> = trades.range(first..=last).map(|(_, trade)| *trade).collect();
        let prices = || own.iter().map(|(price, _)| *price);
        assert_eq!(own.len() as u64, id(&candle["n"]));
        let [open, close, high, low] = ["o", "c", "h", "l"].map(|name| number(&candle[name]));
        assert_eq!((Some(open), Some(close)), (prices().next(), prices().next_back()));
        assert_eq!((Some(high), Some(low)), (prices().max(), prices().min()));
        assert_eq!(number(&candle["v"]), own.iter().map(|(_, quantity)| quantity).sum::<u64>());
        compared += 1;
    }
}

#[test]
fn times_are_in_microseconds_where_that_is_asked_for() {
    let server = server();
    for (query, digits, minute) in [
        ("", 13, 60_000),
        ("?timeUnit=MICROSECOND", 16, 60_000_000),
        ("?timeUnit=microsecond", 16, 60_000_000),
    ] {
        let mut socket = connect(&server, &format!("/ws/btcusdt@aggTrade/btcusdt@kline_1m{query}"));
        let mut seen = [false; 2];
        while seen != [true; 2] {
            let event = next_json(&mut socket);
            let candle = event["e"] == "kline";
            let times = if candle { [&event["E"], &event["k"]["T"]] } else { [&event["E"], &event["T"]] };
            assert_eq!(times.map(|time| time.to_string().len()), [digits; 2], "{event}");
            if candle {
                assert_eq!(id(&event["k"]["T"]) - id(&event["k"]["t"]), minute - 1);
            }
            seen[usize::from(candle)] = true;
        }
    }
}
