//! A session whose market data comes in SBE.
#![cfg(feature = "sign")]

mod common;

use std::sync::Arc;

use common::encode::{self, BestBidAsk, DepthDiff, DepthSnapshot, Exponents, Layout, Message};
use common::{API, Rig, STREAM, changes};
use serde_json::json;
use tickwire_venue::binance::{Config, Stream};
use tickwire_venue::sign::ApiKey;
use tickwire_venue::{
    BookChange, Decimal, Delta, Error, Event, Gap, Instrument, Level, Quote, Session, Side, Snapshot, Trade,
};

const CENTS: Exponents = Exponents { price: -2, quantity: -3 };
const TIME_US: i64 = 1_700_000_000_000_001;
const TIME_NS: u64 = 1_700_000_000_000_001_000;

fn rig() -> Rig {
    let key = Arc::new(ApiKey::new("the-key").unwrap());
    let streams = vec![
        Stream::Trade,
        Stream::BookTicker,
        Stream::Depth { ms: 20 },
        Stream::PartialDepth { levels: 20, ms: 50 },
    ];
    Rig::confirmed(Config { symbols: vec!["XYZABC".into()], streams, ..Config::spot_sbe(key) })
}

fn frame(message: Message<'_>) -> Vec<u8> {
    encode::encode(&message, Layout::default())
}

fn diff(first_id: i64, last_id: i64, bids: &[encode::Level]) -> Vec<u8> {
    let (event_time_us, exponents, asks, symbol) = (TIME_US, CENTS, &[][..], "XYZABC");
    frame(Message::DepthDiff(DepthDiff { event_time_us, first_id, last_id, exponents, bids, asks, symbol }))
}

fn best(update_id: i64, bid: encode::Level) -> Vec<u8> {
    let ask = encode::Level { price: 1010, quantity: 5 };
    let (event_time_us, exponents, symbol) = (TIME_US, CENTS, "XYZABC");
    frame(Message::BestBidAsk(BestBidAsk { event_time_us, update_id, exponents, bid, ask, symbol }))
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn level(price: &str, quantity: &str) -> Level {
    Level { price: number(price), quantity: number(quantity) }
}

#[test]
fn the_handshake_carries_the_key_and_nothing_shows_it() {
    let rig = rig();
    let [stream, api] = rig.session.endpoints() else { panic!("a stream and the API") };
    assert_eq!(stream.url, "wss://stream-sbe.binance.com:9443/stream");
    assert_eq!(stream.headers, [("X-MBX-APIKEY", "the-key".to_owned())]);
    assert!(api.headers.is_empty());
    assert!(!format!("{:?} {:?}", rig.session, stream).contains("the-key"));
}

#[test]
fn a_side_quoted_with_quantity_zero_is_empty() {
    let told = rig().binary(&best(7, encode::Level { price: 1000, quantity: 0 })).unwrap();
    let [Event::Quote(quote)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((quote.bid, quote.ask), (None, Some(level("10.10", "0.005"))));
}

#[test]
fn streams_have_the_names_of_the_binary_host() {
    let key = Arc::new(ApiKey::new("k").unwrap());
    let streams = vec![Stream::BookTicker, Stream::Depth { ms: 20 }];
    let mut rig = Rig::new(Config { symbols: vec!["ABC".into()], streams, ..Config::spot_sbe(key) });
    rig.open(STREAM);
    let (_, sent) = rig.sent.pop_front().unwrap();
    assert_eq!(sent["params"], json!(["abc@bestBidAsk", "abc@depth"]));
}

#[test]
fn binary_messages_are_the_events_of_their_twins() {
    let mut rig = rig();
    let trades = [
        encode::Trade { id: 5, price: 1001, quantity: 20, buyer_is_maker: true },
        encode::Trade { id: 6, price: 1002, quantity: 30, buyer_is_maker: false },
    ];
    let message = Message::Trades(encode::Trades {
        event_time_us: TIME_US,
        transact_time_us: TIME_US - 1,
        exponents: CENTS,
        trades: &trades,
        symbol: "XYZABC",
    });
    let trade = |id, price, quantity, taker| {
        Event::Trade(Trade {
            instrument: Instrument(0),
            id,
            price: number(price),
            quantity: number(quantity),
            taker,
            fills: None,
            venue_time_ns: TIME_NS - 1000,
            event_time_ns: TIME_NS,
        })
    };
    let told = [trade(5, "10.01", "0.020", Side::Ask), trade(6, "10.02", "0.030", Side::Bid)];
    assert_eq!(rig.binary(&frame(message)).unwrap(), told);

    let bids = [encode::Level { price: 999, quantity: 1 }];
    let picture = Message::DepthSnapshot(DepthSnapshot {
        event_time_us: TIME_US,
        update_id: 7,
        exponents: CENTS,
        bids: &bids,
        asks: &[],
        symbol: "XYZABC",
    });
    let snapshot = Snapshot {
        instrument: Instrument(0),
        update_id: 7,
        bids: &[level("9.99", "0.001")],
        asks: &[],
        partial: true,
        venue_time_ns: Some(TIME_NS),
    };
    assert_eq!(rig.binary(&frame(picture)).unwrap(), [Event::Snapshot(snapshot)]);
    assert_eq!(rig.binary(&frame_of_template(20_000)).unwrap(), [Event::Other { kind: "template 20000" }]);
}

/// A header alone: empty block, template, the schema of market data, version 0.
fn frame_of_template(template: u16) -> Vec<u8> {
    [0, template, 1, 0].into_iter().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_book_is_kept_from_binary_diffs_and_checked_with_binary_quotes() {
    let mut rig = rig();
    let (id, _) = rig.asked().unwrap();
    rig.binary(&diff(11, 12, &[encode::Level { price: 1000, quantity: 7 }])).unwrap();
    let result = json!({"lastUpdateId": 11, "bids": [["9.99", "1"]], "asks": [["10.10", "0.005"]]});
    let told = rig.api(&json!({"id": id, "status": 200, "result": result}));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: 12 }]);
    let told = rig.binary(&best(12, encode::Level { price: 1000, quantity: 7 })).unwrap();
    let quote = Quote {
        instrument: Instrument(0),
        update_id: Some(12),
        bid: Some(level("10.00", "0.007")),
        ask: Some(level("10.10", "0.005")),
        venue_time_ns: Some(TIME_NS),
    };
    assert!(
        matches!(&told[..], [Event::Quote(q), Event::Check(check)] if *q == quote && check.agrees),
        "{told:?}"
    );
    let told = rig.binary(&diff(14, 15, &[])).unwrap();
    assert_eq!(changes(&told), [BookChange::Gap { expected: 13, got: 14 }]);
    let empty: Delta<'_> = Delta {
        instrument: Instrument(0),
        first_id: 14,
        last_id: 15,
        previous_id: None,
        bids: &[],
        asks: &[],
        venue_time_ns: TIME_NS,
    };
    let gap = Gap { stream: "xyzabc@depth", instrument: None, after: 12, through: 13 };
    assert_eq!(told[..2], [Event::Gap(gap), Event::Delta(empty)]);
}

#[test]
fn text_and_binary_alternate() {
    let mut rig = rig();
    let bid = encode::Level { price: 1000, quantity: 7 };
    rig.binary(&diff(1, 1, &[bid])).unwrap();
    let told = rig.stream(&json!({"e": "serverShutdown", "E": 1_700_000_000_000_u64}));
    assert!(matches!(told[..], [Event::Status(_)]));
    assert!(matches!(rig.binary(&best(2, bid)).unwrap()[..], [Event::Quote(_)]));
}

#[test]
fn a_damaged_frame_is_malformed_and_the_next_one_counts() {
    let mut rig = rig();
    let mut damaged = diff(1, 1, &[]);
    damaged.truncate(20);
    let error = rig.binary(&damaged).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    assert!(error.to_string().contains("ends inside"), "{error}");
    let stranger =
        diff(1, 1, &[]).iter().map(|byte| if *byte == b'X' { b'Q' } else { *byte }).collect::<Vec<_>>();
    assert!(matches!(rig.binary(&stranger), Err(Error::Unexpected { .. })));
    assert_eq!(rig.binary(&diff(1, 1, &[])).unwrap().len(), 1);
    let _ = API;
}
