//! Futures and options: each documented message shape with values of our own, and the rules that differ from spot.

mod common;

use std::time::Duration;

use common::{Rig, books, changes, config};
use serde_json::{Value, json};
use tickwire_venue::binance::{Config, Snapshots, Stream};
use tickwire_venue::{
    BookChange, BookState, Candle, CandleOf, Decimal, Event, Fetched, Fills, Index, Instrument,
    InstrumentState, Interval, Level, Liquidation, Mark, Outcome, Quote, Request, Route, Session, Side,
    Snapshot, Ticker, Trade,
};

const PUBLIC: Route = Route::first(0);
const MARKET: Route = Route::first(1);
const T_MS: u64 = 1_700_000_000_000;
const T_NS: u64 = 1_700_000_000_000_000_000;
const E_MS: u64 = 1_700_000_000_005;
const E_NS: u64 = 1_700_000_000_005_000_000;

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn level(price: &str, quantity: &str) -> Level {
    Level { price: number(price), quantity: number(quantity) }
}

fn usd_m(streams: Vec<Stream>) -> Config {
    Config { markets: vec!["!miniTicker@arr".into()], ..Config { streams, ..base(&["XYZABC"]) } }
}

fn base(symbols: &[&str]) -> Config {
    Config { symbols: config(symbols, Vec::new()).symbols, silence_max: None, ..Config::usd_m() }
}

/// The payload raw and combined, on the connection for its class, with the keys as given and turned around.
fn told(stream: &str, data: &Value) -> Vec<Event<'static>> {
    let rig = || Rig::confirmed(usd_m(vec![Stream::BookTicker, Stream::AggTrade]));
    let combined = rig().feed(MARKET, &json!({"stream": stream, "data": data}).to_string()).unwrap();
    assert_eq!(rig().feed(MARKET, &data.to_string()).unwrap(), combined);
    if let Some(object) = data.as_object() {
        let turned: serde_json::Map<_, _> = object.clone().into_iter().rev().collect();
        assert_eq!(rig().feed(PUBLIC, &Value::Object(turned).to_string()).unwrap(), combined);
    }
    combined
}

#[test]
fn quotes_with_the_field_sets_of_all_years() {
    let old = json!({"u": 400, "e": "bookTicker", "s": "XYZABC", "b": "25.35", "B": "31.21", "a": "25.36", "A": "0.000",
        "T": T_MS, "E": E_MS});
    let new = json!({"e": "bookTicker", "u": 400, "s": "XYZABC", "ps": "XYZABC", "b": "25.35", "B": "31.21",
        "a": "25.36", "A": "0.000", "T": T_MS, "E": E_MS, "st": 1});
    let quote = Quote {
        instrument: Instrument(0),
        update_id: Some(400),
        bid: Some(level("25.35", "31.21")),
        ask: None,
        venue_time_ns: Some(T_NS),
    };
    assert_eq!(told("xyzabc@bookTicker", &old), [Event::Quote(quote)]);
    assert_eq!(told("xyzabc@bookTicker", &new), [Event::Quote(quote)]);
}

#[test]
fn trades_single_and_together() {
    let aggregate = json!({"e": "aggTrade", "E": E_MS, "a": 9, "s": "XYZABC", "p": "0.5", "q": "3", "nq": "2", "f": 100,
        "l": 102, "T": T_MS, "m": true, "st": 1});
    let single = json!({"e": "trade", "E": E_MS, "T": T_MS, "s": "XYZABC", "t": 9, "p": "0.5", "q": "3", "X": "MARKET",
        "m": true});
    let trade = Trade {
        instrument: Instrument(0),
        id: 9,
        price: number("0.5"),
        quantity: number("3"),
        taker: Side::Ask,
        fills: None,
        venue_time_ns: T_NS,
        event_time_ns: E_NS,
    };
    let fills = Some(Fills { first_id: 100, last_id: 102 });
    assert_eq!(told("xyzabc@aggTrade", &aggregate), [Event::Trade(Trade { fills, ..trade })]);
    assert_eq!(told("xyzabc@trade", &single), [Event::Trade(trade)]);
}

#[test]
fn mark_prices_alone_and_of_all() {
    let of = |symbol: &str, rate: &str, next: u64| {
        json!({"e": "markPriceUpdate", "E": E_MS, "s": symbol, "p": "11794.15", "ap": "11794.2", "P": "11784.6",
            "i": "11784.62", "r": rate, "T": next, "st": 1})
    };
    let mark = Mark {
        instrument: Instrument(0),
        price: number("11794.15"),
        index: Some(number("11784.62")),
        funding_rate: Some(number("-0.00038167")),
        next_funding_ns: Some(T_NS),
        implied_volatility: None,
        venue_time_ns: E_NS,
    };
    let perpetual = of("XYZABC", "-0.00038167", T_MS);
    assert_eq!(told("xyzabc@markPrice@1s", &perpetual), [Event::Mark(mark)]);
    // A delivery contract has no funding, and says so with an empty rate or zeros.
    let both = json!([perpetual, of("XYZABC_250101", "", 0)]);
    let unfunded = Mark { instrument: Instrument(1), funding_rate: None, next_funding_ns: None, ..mark };
    assert_eq!(told("!markPrice@arr@1s", &both), [Event::Mark(mark), Event::Mark(unfunded)]);
}

#[test]
fn tickers_short_and_long() {
    let mini = json!({"e": "24hrMiniTicker", "E": E_MS, "s": "XYZABC", "ps": "XYZABC", "c": "2", "o": "1", "h": "3",
        "l": "0.5", "v": "10", "q": "20", "st": 1});
    let long = json!({"e": "24hrTicker", "E": E_MS, "s": "XYZABC", "ps": "XYZABC", "p": "-1", "P": "-5.5", "w": "1.5",
        "c": "2", "Q": "4", "o": "1", "h": "3", "l": "0.5", "v": "10", "q": "20", "O": 1, "C": 2, "F": 3, "L": 4, "n": 5});
    let ticker = Ticker {
        instrument: Instrument(0),
        last: Some(number("2")),
        open: Some(number("1")),
        high: Some(number("3")),
        low: Some(number("0.5")),
        volume: Some(number("10")),
        turnover: Some(number("20")),
        bid: None,
        ask: None,
        mark: None,
        index: None,
        open_interest: None,
        venue_time_ns: E_NS,
    };
    assert_eq!(told("xyzabc@miniTicker", &mini), [Event::Ticker(ticker)]);
    assert_eq!(told("xyzabc@ticker", &long), [Event::Ticker(ticker)]);
    let mut other = mini.clone();
    other["s"] = json!("OTHER");
    let of_other = Event::Ticker(Ticker { instrument: Instrument(1), ..ticker });
    assert_eq!(told("!miniTicker@arr", &json!([mini, other])), [Event::Ticker(ticker), of_other]);
}

#[test]
fn candles_of_trades_marks_and_indices() {
    let k = json!({"t": T_MS, "T": T_MS + 59_999, "s": "XYZABC", "i": "1m", "f": 1, "L": 2, "o": "1", "c": "2", "h": "3",
        "l": "0.5", "v": "10", "n": 7, "x": false, "q": "20", "V": "5", "Q": "9", "B": "0"});
    let kline = json!({"e": "kline", "E": E_MS, "s": "XYZABC", "ps": "XYZABC", "k": k, "st": 1});
    let candle = Candle {
        instrument: Instrument(0),
        of: CandleOf::Trades,
        interval: Interval::Seconds(60),
        open_time_ns: T_NS,
        close_time_ns: Some(T_NS + 59_999_000_000),
        open: number("1"),
        high: number("3"),
        low: number("0.5"),
        close: number("2"),
        volume: Some(number("10")),
        turnover: Some(number("20")),
        trades: Some(7),
        closed: Some(false),
        venue_time_ns: Some(E_NS),
    };
    assert_eq!(told("xyzabc@kline_1m", &kline), [Event::Candle(candle)]);
    let mark = json!({"e": "markPrice_kline", "E": E_MS, "ps": "XYZ", "k": k});
    let without = Candle { of: CandleOf::Mark, volume: None, turnover: None, trades: None, ..candle };
    assert_eq!(told("xyzabc@markPriceKline_1m", &mark), [Event::Candle(without)]);
    let index = json!({"e": "indexPrice_kline", "E": E_MS, "ps": "XYZ", "k": k});
    let of_pair = Candle { instrument: Instrument(1), of: CandleOf::Index, ..without };
    assert_eq!(told("xyz@indexPriceKline_1m", &index), [Event::Candle(of_pair)]);
}

#[test]
fn liquidations_indices_and_states() {
    let order = json!({"s": "XYZABC", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.014", "p": "9910", "ap": "9910.5",
        "X": "FILLED", "l": "0.014", "z": "0.014", "T": T_MS});
    let liquidation = Liquidation {
        instrument: Instrument(0),
        side: Side::Ask,
        price: number("9910"),
        average_price: Some(number("9910.5")),
        quantity: number("0.014"),
        filled: Some(number("0.014")),
        venue_time_ns: T_NS,
    };
    let force = json!({"e": "forceOrder", "E": E_MS, "o": order});
    assert_eq!(told("!forceOrder@arr", &force), [Event::Liquidation(liquidation)]);

    let index = |instrument, price| {
        Event::Index(Index { instrument: Instrument(instrument), price: number(price), venue_time_ns: E_NS })
    };
    let composite =
        json!({"e": "compositeIndex", "E": E_MS, "s": "DEFIABC", "p": "554.4", "C": "baseAsset", "c": []});
    assert_eq!(told("defiabc@compositeIndex", &composite), [index(1, "554.4")]);
    let pair = json!({"e": "indexPriceUpdate", "E": E_MS, "i": "XYZ", "p": "9636.5"});
    assert_eq!(told("xyz@indexPrice@1s", &pair), [index(1, "9636.5")]);

    let info = json!({"e": "contractInfo", "E": E_MS, "s": "XYZABC", "ps": "XYZABC", "ct": "PERPETUAL",
        "dt": 4_133_404_800_000_u64, "ot": 1_569_398_400_000_u64, "cs": "SETTLING", "bks": []});
    let instrument = Instrument(0);
    let state = InstrumentState { instrument, state: "SETTLING", open: false, venue_time_ns: Some(E_NS) };
    assert_eq!(told("!contractInfo", &info), [Event::State(state)]);
}

#[test]
fn partial_depth_is_told_from_diffs_by_the_name_of_its_stream() {
    let data = json!({"e": "depthUpdate", "E": E_MS, "T": T_MS, "s": "XYZABC", "ps": "XYZABC", "U": 1, "u": 5, "pu": 0,
        "b": [["9", "1"]], "a": [], "st": 1});
    let mut rig = Rig::confirmed(usd_m(books()));
    let mut send = |stream: &str| {
        rig.feed(PUBLIC, &json!({"stream": stream, "data": data}).to_string()).unwrap().remove(0)
    };
    let picture = Snapshot {
        instrument: Instrument(0),
        update_id: 5,
        bids: &[level("9", "1")],
        asks: &[],
        partial: true,
        venue_time_ns: Some(T_NS),
    };
    assert_eq!(send("xyzabc@depth5@100ms"), Event::Snapshot(picture));
    assert!(matches!(send("xyzabc@depth@100ms"), Event::Delta(delta) if delta.previous_id == Some(0)));
    assert_eq!(send("xyzabc@rpiDepth@500ms"), Event::Other { kind: "rpiDepth" });
}

fn diff(previous: u64, first: u64, last: u64, bids: &Value) -> Value {
    json!({"e": "depthUpdate", "E": E_MS, "T": T_MS, "s": "XYZABC", "U": first, "u": last, "pu": previous, "b": bids,
        "a": []})
}

fn snapshot(id: u64) -> Value {
    json!({"lastUpdateId": id, "E": E_MS, "T": T_MS, "bids": [["9", "1"]], "asks": [["11", "1"]]})
}

#[test]
fn a_futures_book_follows_the_chain_and_asks_anew_when_it_breaks() {
    let mut rig = Rig::confirmed(usd_m(books()));
    let (id, _) = rig.asked().unwrap();
    let none = json!([]);
    rig.feed(PUBLIC, &diff(90, 95, 99, &none).to_string()).unwrap();
    rig.feed(PUBLIC, &diff(99, 103, 110, &json!([["9.5", "2"]])).to_string()).unwrap();
    let answer = json!({"id": id, "status": 200, "result": snapshot(105)}).to_string();
    let api = Route::first(rig.session.endpoints().len() - 1);
    assert_eq!(changes(&rig.feed(api, &answer).unwrap()), [BookChange::Synced { update_id: 110 }]);
    let told = rig.feed(PUBLIC, &diff(110, 130, 131, &none).to_string()).unwrap();
    assert_eq!(changes(&told), [BookChange::Updated { update_id: 131 }]);
    let told = rig.feed(PUBLIC, &diff(133, 140, 141, &none).to_string()).unwrap();
    assert_eq!(changes(&told), [BookChange::Gap { expected: 131, got: 133 }]);
    assert_eq!(rig.session.book(Instrument(0)).unwrap().state, BookState::Stale);
    let (again, symbol) = rig.asked().unwrap();
    assert_ne!(again, id);
    assert_eq!(symbol, "XYZABC");
}

#[test]
fn a_book_follows_one_stream_of_its_symbol_whatever_else_brings_diffs() {
    let others = [
        Config { markets: vec!["xyzabc@depth@500ms".into()], ..base(&["XYZABC"]) },
        Config { streams: vec![Stream::Other("depth@500ms".into())], ..base(&["XYZABC"]) },
    ];
    for other in others {
        let mut streams = other.streams.clone();
        streams.push(Stream::Depth { ms: 100 });
        let mut rig = Rig::confirmed(Config { streams, ..other });
        let (id, _) = rig.asked().unwrap();
        let api = Route::first(rig.session.endpoints().len() - 1);
        rig.feed(api, &json!({"id": id, "status": 200, "result": snapshot(100)}).to_string()).unwrap();
        let mut of = |stream: &str, previous: u64, last: u64| {
            let data = diff(previous, previous + 1, last, &json!([]));
            let message = json!({"stream": stream, "data": data.get("data").unwrap_or(&data)});
            changes(&rig.feed(PUBLIC, &message.to_string()).unwrap())
        };
        assert_eq!(of("xyzabc@depth@100ms", 99, 110), [BookChange::Updated { update_id: 110 }]);
        // The slow stream's chain has other links: 90, 120.
        assert_eq!(of("xyzabc@depth@500ms", 90, 120), []);
        assert_eq!(of("xyzabc@depth@100ms", 110, 120), [BookChange::Updated { update_id: 120 }]);
    }
}

#[test]
fn a_book_that_would_cross_is_made_anew() {
    let mut rig = Rig::confirmed(usd_m(books()));
    let (id, _) = rig.asked().unwrap();
    let api = Route::first(rig.session.endpoints().len() - 1);
    rig.feed(api, &json!({"id": id, "status": 200, "result": snapshot(100)}).to_string()).unwrap();
    let told = rig.feed(PUBLIC, &diff(100, 100, 105, &json!([["11", "2"]])).to_string()).unwrap();
    let crossed = [BookChange::Updated { update_id: 105 }, BookChange::Crossed { update_id: 105 }];
    assert_eq!(changes(&told), crossed);
    assert_eq!(rig.session.book(Instrument(0)).unwrap().state, BookState::Stale);
    rig.pass(Duration::from_millis(250));
    let (id, _) = rig.asked().expect("a snapshot of the book as it is now");
    let told = rig.feed(api, &json!({"id": id, "status": 200, "result": snapshot(106)}).to_string()).unwrap();
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 106 }]);
}

#[test]
fn a_snapshot_that_what_was_collected_crosses_is_not_taken_for_a_book() {
    let mut rig = Rig::confirmed(usd_m(books()));
    let api = Route::first(rig.session.endpoints().len() - 1);
    let (request, _) = rig.asked().unwrap();
    rig.feed(PUBLIC, &diff(100, 100, 105, &json!([["11", "2"]])).to_string()).unwrap();
    let answer = json!({"id": request, "status": 200, "result": snapshot(100)});
    let told = rig.feed(api, &answer.to_string()).unwrap();
    let crossed = [BookChange::Synced { update_id: 105 }, BookChange::Crossed { update_id: 105 }];
    assert_eq!(changes(&told), crossed);
    assert_eq!(rig.session.book(Instrument(0)).unwrap().state, BookState::Stale);
    rig.pass(Duration::from_millis(250));
    assert!(rig.asked().is_some());
}

#[test]
fn a_book_that_crosses_after_a_calm_minute_is_made_anew_without_the_delays_of_before() {
    let mut rig = Rig::confirmed(usd_m(books()));
    let api = Route::first(rig.session.endpoints().len() - 1);
    let mut id = 100;
    let mut crosses = |rig: &mut Rig, delay: u64| {
        let (request, _) = rig.asked().expect("a snapshot");
        rig.feed(api, &json!({"id": request, "status": 200, "result": snapshot(id)}).to_string()).unwrap();
        rig.feed(PUBLIC, &diff(id, id, id + 5, &json!([["11", "2"]])).to_string()).unwrap();
        id += 10;
        if delay > 0 {
            rig.pass(Duration::from_millis(delay - 1));
            assert!(rig.asked().is_none(), "before {delay} ms");
            rig.pass(Duration::from_millis(1));
        }
    };
    for delay in [0, 250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
        crosses(&mut rig, delay);
    }
    let (request, _) = rig.asked().expect("a snapshot");
    rig.feed(api, &json!({"id": request, "status": 200, "result": snapshot(300)}).to_string()).unwrap();
    rig.pass(Duration::from_secs(60));
    rig.feed(PUBLIC, &diff(300, 300, 305, &json!([["11", "2"]])).to_string()).unwrap();
    assert!(rig.asked().is_some(), "at once");
}

/// A session whose snapshots come by HTTP, with the request for one.
fn coin_m() -> (Rig, u64) {
    let mut rig =
        Rig::confirmed(Config { streams: books(), symbols: vec!["XYZABC".into()], ..Config::coin_m() });
    let (id, url) = rig.fetches.pop_front().expect("a document");
    assert_eq!(url, "https://dapi.binance.com/dapi/v1/depth?symbol=XYZABC&limit=1000");
    (rig, id)
}

#[test]
fn snapshots_by_http_make_books_too() {
    let (mut rig, id) = coin_m();
    assert_eq!(rig.session.endpoints().len(), 1);
    let told = rig.fetched(id, 200, &snapshot(100).to_string());
    assert_eq!(changes(&told), [BookChange::Synced { update_id: 100 }]);
    assert!(rig.fetched(id, 200, &snapshot(200).to_string()).is_empty(), "nobody waits for it any more");
}

#[test]
fn a_server_that_wants_no_requests_is_left_alone_as_long_as_it_says() {
    let (mut rig, id) = coin_m();
    let body = json!({"code": -1003, "msg": "Too much request weight used"}).to_string();
    let answer =
        Fetched::Answer { status: 429, retry_after_s: Some(30), used_weight: None, body: body.as_bytes() };
    rig.session.on_fetched(id, answer, rig.both()).unwrap();
    let until = rig.now + Duration::from_secs(30);
    let refused = rig.session.poll_event().unwrap();
    let Event::Rejected(rejection) = refused else { panic!("{refused:?}") };
    assert_eq!((rejection.request, rejection.outcome), (Request::Snapshot, Outcome::Retry(until)));
    rig.pass(Duration::from_millis(29_999));
    assert!(rig.fetches.is_empty());
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.fetches.len(), 1);
}

#[test]
fn a_refusal_that_nobody_waits_for_any_more_counts_all_the_same() {
    let (mut rig, id) = coin_m();
    // It is late: it was asked for again.
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.fetches.len(), 1);
    rig.fetches.clear();
    let body = json!({"code": -1003, "msg": "Too much request weight used"}).to_string();
    let answer =
        Fetched::Answer { status: 429, retry_after_s: Some(30), used_weight: None, body: body.as_bytes() };
    rig.session.on_fetched(id, answer, rig.both()).unwrap();
    rig.pass(Duration::from_millis(29_999));
    assert!(rig.fetches.is_empty());
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.fetches.len(), 1);
}

#[test]
fn a_document_that_does_not_come_is_asked_for_again() {
    let (mut rig, id) = coin_m();
    rig.session.on_fetched(id, Fetched::Failed, rig.both()).unwrap();
    let told = rig.session.poll_event();
    let instrument = Some(Instrument(0));
    assert_eq!(told, Some(Event::Unanswered { request: Request::Snapshot, instrument }));
    rig.pass(Duration::from_millis(250));
    let (id, _) = rig.fetches.pop_front().unwrap();
    // What a proxy in trouble says is no JSON of the venue's.
    let told = rig.fetched(id, 502, "<html>Bad Gateway</html>");
    assert!(matches!(&told[..], [Event::Rejected(r)] if matches!(r.outcome, Outcome::Retry(_))), "{told:?}");
}

#[test]
fn a_page_that_is_not_the_venues_refuses_nothing_for_good() {
    for status in [302, 403, 404, 408, 451] {
        let (mut rig, id) = coin_m();
        let told = rig.fetched(id, status, "<html>Request blocked</html>");
        let until = rig.now + Duration::from_millis(250);
        assert!(
            matches!(&told[..], [Event::Rejected(r)] if r.outcome == Outcome::Retry(until)),
            "{status}: {told:?}"
        );
        rig.pass(Duration::from_millis(250));
        let (id, _) = rig.fetches.pop_front().expect("another try");
        let told = rig.fetched(id, 200, &snapshot(100).to_string());
        assert_eq!(changes(&told), [BookChange::Synced { update_id: 100 }]);
    }
}

#[test]
fn an_unknown_symbol_is_refused_by_http_for_good() {
    let (mut rig, id) = coin_m();
    let told = rig.fetched(id, 400, r#"{"code":-1121,"msg":"Invalid symbol."}"#);
    assert!(
        matches!(&told[..], [Event::Rejected(r)] if (r.code, r.outcome) == (-1121, Outcome::Final)),
        "{told:?}"
    );
}

#[test]
fn where_snapshots_come_from_can_be_chosen() {
    let streams = vec![Stream::Depth { ms: 100 }];
    let mut rig = Rig::confirmed(Config { snapshots: Snapshots::Rest, streams, ..base(&["XYZABC"]) });
    let (_, url) = rig.fetches.pop_front().unwrap();
    assert_eq!(url, "https://fapi.binance.com/fapi/v1/depth?symbol=XYZABC&limit=1000");
}

#[test]
fn an_options_snapshot_that_lags_is_fetched_until_it_reaches_the_diffs() {
    let streams = vec![Stream::Depth { ms: 100 }];
    let symbols = vec!["BTC-251226-100000-C".into()];
    let mut rig = Rig::confirmed(Config { streams, symbols, ..Config::options() });
    let diff = |previous: u64, first: u64, last: u64| {
        json!({"e": "depthUpdate", "E": E_MS, "T": T_MS, "s": "BTC-251226-100000-C", "U": first, "u": last,
            "pu": previous, "b": [["5", first.to_string()]], "a": []})
    };
    for at in (100..200).step_by(10) {
        rig.feed(PUBLIC, &diff(at - 1, at, at + 9).to_string()).unwrap();
    }
    for _ in 0..6 {
        let (id, _) = rig.fetches.pop_front().expect("another try");
        let told = rig.fetched(id, 200, &snapshot(50).to_string());
        assert_eq!(changes(&told), [BookChange::StaleSnapshot { snapshot_id: 50, first_id: 100 }]);
        rig.pass(Duration::from_secs(5));
    }
    let (id, _) = rig.fetches.pop_front().unwrap();
    assert_eq!(
        changes(&rig.fetched(id, 200, &snapshot(155).to_string())),
        [BookChange::Synced { update_id: 199 }]
    );
    assert_eq!(rig.session.book(Instrument(0)).unwrap().book.bids().count(), 2);
}

#[test]
fn the_mark_prices_of_options_have_a_volatility() {
    let symbols = vec!["BTC-251226-100000-C".into()];
    let mut rig = Rig::confirmed(Config { streams: vec![Stream::MarkPrice], symbols, ..Config::options() });
    let data = json!([{"s": "BTC-251226-100000-C", "mp": "1450.5", "E": E_MS, "e": "markPrice", "i": "104334.6",
        "P": "0", "vo": "0.86", "d": "0.75", "t": "-0.05", "g": "0.002", "v": "0.15"}]);
    let told =
        rig.feed(PUBLIC, &json!({"stream": "btcusdt@optionMarkPrice", "data": data}).to_string()).unwrap();
    let mark = Mark {
        instrument: Instrument(0),
        price: number("1450.5"),
        index: Some(number("104334.6")),
        funding_rate: None,
        next_funding_ns: None,
        implied_volatility: Some(number("0.86")),
        venue_time_ns: E_NS,
    };
    assert_eq!(told, [Event::Mark(mark)]);
}
