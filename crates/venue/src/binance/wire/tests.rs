//! The three ways of reading must agree on every text, and with an independent reader.

use std::{fs, path::PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// What a way makes of a text: the stream and the messages, spelled out.
type Read = Option<(Option<String>, Vec<String>)>;

/// What the decoder makes of a text by no way faster than `first`, if that is the way it then takes.
fn by(first: Way, text: &[u8]) -> Read {
    let (mut stream_told, mut messages) = (None, Vec::new());
    let mut decoder = Decoder::new();
    let read = decoder.decode_from(first, text, |stream, message| {
        stream_told = stream.map(str::to_owned);
        messages.push(format!("{message:?}"));
    });
    assert!(read.is_ok() || messages.is_empty(), "told and refused: {}", String::from_utf8_lossy(text));
    let mut took = Ways::default();
    took.count(first);
    (read.is_ok() && decoder.ways() == took).then_some((stream_told, messages))
}

/// A fast way says the same as the library, or nothing.
fn check(text: &[u8]) -> (bool, bool) {
    let (fixed, any, library) = (by(Way::Fixed, text), by(Way::AnyOrder, text), by(Way::Library, text));
    let shown = String::from_utf8_lossy(text);
    if fixed.is_some() {
        assert_eq!(fixed, library, "{shown}");
    }
    if any.is_some() {
        assert_eq!(any, library, "{shown}");
    }
    (fixed.is_some(), any.is_some())
}

fn samples() -> Option<Vec<String>> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");
    let folder = std::env::var_os("TICKWIRE_SAMPLES").map_or_else(|| beside.into(), PathBuf::from);
    let Ok(files) = fs::read_dir(folder.join("binance")) else {
        eprintln!("skipped: no samples at {} (TICKWIRE_SAMPLES names their folder)", folder.display());
        return None;
    };
    let paths = files.map(|file| file.unwrap().path());
    let lines = paths.filter(|path| path.to_string_lossy().ends_with(".jsonl"));
    let text =
        |path: PathBuf| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    Some(lines.flat_map(text).collect())
}

#[test]
fn ids_come_as_strings_of_digits_and_as_minus_one_too() {
    const TRADE: &str = r#"{"e":"trade","E":1,"s":"A","t":"15","p":"2","q":"1","T":1,"S":"1","m":true}"#;
    const DEPTH: &str = r#"{"e":"depthUpdate","E":1,"T":1,"s":"A","U":4,"u":5,"pu":-1,"b":[],"a":[]}"#;
    for text in [TRADE, DEPTH] {
        assert_eq!(check(text.as_bytes()), (true, true), "{text}");
        let decoded = Decoder::new().decode(text.as_bytes(), |_, message| match message {
            Message::Trade(trade) => assert_eq!(trade.id, 15),
            Message::DepthUpdate(update) => assert_eq!(update.previous_id, None),
            other => panic!("{other:?}"),
        });
        assert_eq!(decoded, Ok(()));
    }
}

#[test]
fn what_is_known_by_its_keys_alone_is_not_taken_for_a_quote_by_the_fixed_way() {
    const QUOTE: &str = r#"{"u":1,"s":"AB","b":"1","B":"1","a":"2","A":"1""#;
    assert_eq!(check(format!("{QUOTE}}}").as_bytes()), (true, true));
    for more in [r#""result":null"#, r#""code":1"#, r#""lastUpdateId":1"#, r#""e":"trade""#, r#""x":1"#] {
        assert!(!check(format!("{QUOTE},{more}}}").as_bytes()).0, "{more}");
    }
}

#[test]
fn the_ways_agree_on_every_recorded_line() {
    let Some(lines) = samples() else { return };
    let (mut fixed, mut any) = (0, 0);
    for line in &lines {
        let (by_fixed, by_any) = check(line.as_bytes());
        fixed += usize::from(by_fixed);
        any += usize::from(by_any);
    }
    println!("{} lines: {fixed} in a fixed order, {any} in any order", lines.len());
    // COIN-M of 2021 put the id of a quote before its kind, and that is half of all lines.
    let turned = lines
        .iter()
        .filter(|line| line.contains(r#"{"u":"#) && line.contains(r#","e":"bookTicker""#))
        .count();
    assert!(fixed * 100 > (lines.len() - turned) * 95, "{fixed} of {} - {turned}", lines.len());
    assert!(any * 100 > lines.len() * 98, "{any} of {}", lines.len());
}

/// The message as an independent reader has it, for the kinds that make up the recordings.
#[test]
fn every_recorded_value_is_what_another_reader_reads() {
    let Some(lines) = samples() else { return };
    let mut compared = 0;
    for line in &lines {
        let Ok(value) = serde_json::from_str::<Value>(line) else { continue };
        let data = if value["data"].is_object() { &value["data"] } else { &value };
        let mut decoder = Decoder::new();
        let _ = decoder.decode(line.as_bytes(), |stream, message| {
            assert_eq!(stream, value["stream"].as_str());
            compared += usize::from(is_same(&message, data));
        });
    }
    println!("{compared} of {} lines compared", lines.len());
    assert!(compared * 100 > lines.len() * 98, "{compared} of {}", lines.len());
}

fn is_same(message: &Message<'_>, data: &Value) -> bool {
    let number = |key: &str| data[key].as_u64().unwrap();
    let decimal = |key: &str| data[key].as_str().unwrap().parse::<crate::Decimal>().unwrap();
    let ns = |key: &str| number(key) * 1_000_000;
    let rows = |key: &str| -> Vec<Level> {
        let cell = |cell: &Value| cell.as_str().unwrap().parse().unwrap();
        let row = |row: &Value| Level { price: cell(&row[0]), quantity: cell(&row[1]) };
        data[key].as_array().unwrap().iter().map(row).collect()
    };
    match message {
        Message::BookTicker(ticker) => {
            assert_eq!(ticker.symbol, data["s"]);
            assert_eq!(ticker.update_id, number("u"));
            assert_eq!(ticker.event_time_ns, data["E"].as_u64().map(|ms| ms * 1_000_000));
            let ours = [ticker.bid_price, ticker.bid_quantity, ticker.ask_price, ticker.ask_quantity];
            assert_eq!(ours, ["b", "B", "a", "A"].map(decimal));
        }
        Message::AggTrade(trade) => {
            assert_eq!(trade.symbol, data["s"]);
            let ours = [trade.id, trade.first_id, trade.last_id];
            assert_eq!(ours, ["a", "f", "l"].map(number));
            assert_eq!([trade.event_time_ns, trade.trade_time_ns], ["E", "T"].map(ns));
            assert_eq!([trade.price, trade.quantity], ["p", "q"].map(decimal));
            assert_eq!(trade.buyer_is_maker, data["m"]);
        }
        Message::DepthUpdate(update) => {
            assert_eq!(update.symbol, data["s"]);
            assert_eq!([update.first_id, update.last_id], ["U", "u"].map(number));
            assert_eq!(update.previous_id, data["pu"].as_u64());
            assert_eq!(update.event_time_ns, ns("E"));
            assert_eq!((update.bids, update.asks), (&rows("b")[..], &rows("a")[..]));
        }
        Message::PartialDepth(partial) => {
            assert_eq!(partial.update_id, number("lastUpdateId"));
            assert_eq!((partial.bids, partial.asks), (&rows("bids")[..], &rows("asks")[..]));
        }
        Message::Kline(kline) => {
            let data = &data["k"];
            let decimal = |key: &str| data[key].as_str().unwrap().parse::<crate::Decimal>().unwrap();
            let candle = kline.candle;
            let ours = [candle.open, candle.close, candle.high, candle.low, candle.volume, candle.turnover];
            assert_eq!(ours, ["o", "c", "h", "l", "v", "q"].map(decimal));
            assert_eq!(Value::from(candle.trades), data["n"]);
        }
        _ => return false,
    }
    true
}

/// Texts of every kind, with values of our own, to be damaged.
const TEXTS: &[&str] = &[
    r#"{"u":400,"s":"XYZABC","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}"#,
    r#"{"e":"bookTicker","u":400,"s":"XYZABC","ps":"XYZABC","b":"0.1","B":"2","a":"0.2","A":"3","T":1700000000000,"E":1700000000001,"st":1}"#,
    r#"{"stream":"xyzabc@aggTrade","data":{"e":"aggTrade","E":1700000000001,"s":"XYZABC","a":5,"p":"1.50","q":"2","f":1,"l":3,"T":1700000000000,"m":true,"M":true}}"#,
    r#"{"e":"aggTrade","E":1700000000001,"a":5,"s":"XYZABC","p":"1.50","q":"2","nq":"1","f":1,"l":3,"T":1700000000000,"m":false,"st":1}"#,
    r#"{"e":"trade","E":1700000000001,"s":"XYZABC","t":5,"p":"1","q":"2","b":7,"a":8,"T":1700000000000,"m":true,"M":true}"#,
    r#"{"e":"trade","E":1700000000001,"T":1700000000000,"s":"XYZABC","t":5,"p":"1","q":"2","X":"MARKET","m":true}"#,
    r#"{"stream":"xyzabc@depth@100ms","data":{"e":"depthUpdate","E":1700000000001,"s":"XYZABC","U":157,"u":160,"b":[["0.0024","10"],["0.0023","0.000"]],"a":[]}}"#,
    r#"{"e":"depthUpdate","E":1700000000001,"T":1700000000000,"s":"XYZABC","ps":"XYZABC","U":157,"u":160,"pu":149,"b":[],"a":[["1.5","3",[]]],"st":1}"#,
    r#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}"#,
    r#"{"e":"kline","E":1700000000001,"s":"XYZABC","k":{"t":1700000000000,"T":1700000059999,"s":"XYZABC","i":"1m","f":-1,"L":-1,"o":"1","c":"2","h":"3","l":"1","v":"10","n":0,"x":false,"q":"20","V":"5","Q":"9","B":"0"}}"#,
    r#"[{"e":"24hrMiniTicker","E":1700000000001,"s":"AAA","c":"1","o":"2","h":"3","l":"1","v":"4","q":"5"},{"e":"24hrMiniTicker","E":1700000000001,"s":"BBB","c":"1","o":"2","h":"3","l":"1","v":"4","q":"5"}]"#,
    r#"{"e":"markPriceUpdate","E":1700000000001,"s":"XYZABC","p":"1.5","ap":"1.5","P":"1.4","i":"1.6","r":"-0.00010000","T":1700000000000,"st":1}"#,
    r#"{"e":"forceOrder","E":1700000000001,"o":{"s":"XYZABC","S":"SELL","o":"LIMIT","f":"IOC","q":"1","p":"2","ap":"2.5","X":"FILLED","l":"1","z":"1","T":1700000000000}}"#,
    r#"{"result":null,"id":312}"#,
    r#"{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":null}"#,
    r#"{"id":"x","status":429,"error":{"code":-1003,"msg":"Too many","data":{"serverTime":1,"retryAfter":2}}}"#,
    r#"{"id":1,"status":200,"result":{"lastUpdateId":2,"bids":[["1","2"]],"asks":[]},"rateLimits":[{"limit":6000}]}"#,
    r#"{"event":{"e":"serverShutdown","E":1700000000001}}"#,
    r#"{"subscriptionId":0,"event":{"e":"executionReport","E":1700000000001,"s":"XYZABC"}}"#,
];

#[test]
fn the_fast_ways_read_what_they_are_made_for() {
    for text in TEXTS {
        let (fixed, any) = check(text.as_bytes());
        let frequent =
            ["\"u\"", "Trade\"", "\"trade\"", "depthUpdate"].iter().any(|part| text.contains(part));
        assert!(any, "{text}");
        assert_eq!(fixed, frequent, "{text}");
    }
}

#[test]
fn the_library_reads_what_the_fast_ways_do_not() {
    let spaced = TEXTS[0].replace(',', " , ");
    let escaped = TEXTS[0].replace("XYZ", "\\u0058YZ");
    for text in [spaced, escaped] {
        assert_eq!(check(text.as_bytes()), (false, false), "{text}");
        assert_eq!(by(Way::Library, text.as_bytes()), by(Way::Library, TEXTS[0].as_bytes()));
    }
}

/// The parts that texts are made of, to be put where they do not belong.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    for character in text.chars() {
        if "{}[],:".contains(character) {
            tokens.push(character.to_string());
            tokens.push(String::new());
        } else {
            tokens.last_mut().unwrap().push(character);
        }
    }
    tokens
}

proptest! {
    #[test]
    fn the_ways_agree_on_damaged_texts(
        which in 0..TEXTS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4_u8), 1..4),
    ) {
        let mut parts = tokens(TEXTS[which]);
        for (at, from, how) in changes {
            let (at, from) = (at.index(parts.len()), from.index(parts.len()));
            match how {
                0 => parts.swap(at, from),
                1 => parts[at] = parts[from].clone(),
                2 => parts[at].clear(),
                _ => parts[at].push('1'),
            }
        }
        check(parts.concat().as_bytes());
    }

    #[test]
    fn the_ways_agree_on_damaged_bytes(
        which in 0..TEXTS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut text = TEXTS[which].as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        check(&text);
    }

    #[test]
    fn the_ways_agree_whatever_the_order_of_keys(
        which in prop::sample::select(vec![0_usize, 1, 3, 4, 7, 11]),
        order in Just((0..16_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let object: serde_json::Map<_, _> = serde_json::from_str(TEXTS[which]).unwrap();
        let mut pairs: Vec<_> = object.into_iter().collect();
        pairs.sort_by_key(|(key, _)| order[usize::from(key.as_bytes()[0]) % 16]);
        let text = Value::Object(pairs.into_iter().collect()).to_string();
        let (_, any) = check(text.as_bytes());
        prop_assert!(any);
        prop_assert_eq!(by(Way::Library, text.as_bytes()), by(Way::Library, TEXTS[which].as_bytes()));
    }
}
