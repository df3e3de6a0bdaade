//! The three ways of reading against one another and against another library.

use std::{fs, path::PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::decimal::Decimal;

/// Messages in the documented shapes, with values made up here.
const MADE_UP: &[&str] = &[
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.ABC-PERPETUAL.100ms","data":{"timestamp":1700000000001,"type":"snapshot","change_id":10,"instrument_name":"ABC-PERPETUAL","bids":[["new",41000.5,6.4e4],["new",41000,10]],"asks":[["new",41001.0,2.0e3]]}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.ABC-PERPETUAL.100ms","data":{"timestamp":1700000000002,"type":"change","change_id":17,"instrument_name":"ABC-PERPETUAL","bids":[["change",41000.5,1.0002e6],["moved",1.5,0.25]],"asks":[["delete",41001.0,0.0]],"prev_change_id":10}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.ABC-FS-1JAN27_PERP.raw","data":{"type":"change","timestamp":1700000000002,"prev_change_id":0,"instrument_name":"ABC-FS-1JAN27_PERP","change_id":17,"bids":[["new",-13.5,10.0]],"asks":[]}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.ABC-PERPETUAL.none.10.agg2","data":{"timestamp":1700000000003,"change_id":18,"instrument_name":"ABC-PERPETUAL","bids":[[41000.5,1.2e4]],"asks":[[41001.0,5]]}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.ABC-PERPETUAL.100ms","data":[{"timestamp":1700000000004,"price":41000.5,"amount":8.45e3,"direction":"buy","index_price":41000.67,"instrument_name":"ABC-PERPETUAL","trade_seq":14,"mark_price":41000.12,"tick_direction":0,"starbase_match_id":225046781992378368,"trade_id":"267","contracts":845.0,"starbase_timestamp":1700000000004718924},{"timestamp":1700000000004,"price":41001.0,"amount":10.0,"direction":"sell","index_price":41000.67,"instrument_name":"ABC-PERPETUAL","trade_seq":15,"mark_price":41000.12,"tick_direction":3,"trade_id":"268","block_trade_id":"BLOCK-1","unknown":[1.0e2,{"a":null}]}]}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.option.any.raw","data":[]}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.ABC-PERPETUAL.raw","data":{"timestamp":1700000000005,"stats":{"volume_usd":5.45e8,"volume":17945.19644566,"price_change":-5.4014,"low":null,"high":31903.5},"state":"a new word","open_interest":559791310,"mark_price":41000.7,"last_price":null,"instrument_name":"ABC-PERPETUAL","index_price":41000.67,"interest_value":1.423032929843748e-4,"funding_8h":2.7e-4,"current_funding":-1.0000000000000002e-5,"best_bid_price":41000.5,"best_bid_amount":6.4e4,"best_ask_price":41001.0,"best_ask_amount":0.0}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"incremental_ticker.ABC-PERPETUAL","data":{"type":"snapshot","timestamp":1700000000006,"stats":{"volume":1.5,"low":1.0,"high":2.0},"mark_price":41000.7,"instrument_name":"ABC-PERPETUAL"}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"incremental_ticker.ABC-PERPETUAL","data":{"type":"change","timestamp":1700000000007,"stats":{"low":null},"mark_price":41000.8,"greeks":{"delta":0.5}}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"quote.ABC-PERPETUAL","data":{"timestamp":1700000000008,"instrument_name":"ABC-PERPETUAL","best_bid_price":null,"best_bid_amount":0.0,"best_ask_price":41001.0,"best_ask_amount":20.0}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"perpetual.ABC-PERPETUAL.agg2","data":{"timestamp":1700000000009,"interest":0.004999511380756577,"index_price":41000.67}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"deribit_price_index.abc_usd","data":{"timestamp":1700000000010,"price":41000.67,"index_name":"abc_usd"}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"deribit_price_ranking.abc_usd","data":[{"weight":14.28,"timestamp":1700000000011,"price":"undefined","original_price":null,"identifier":"exchange","enabled":false}]}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"deribit_price_statistics.abc_usd","data":{"low24h":1.0,"high24h":2.0,"change24h":-3.5,"index_name":"abc_usd","high_volatility":false}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"deribit_volatility_index.abc_usd","data":{"volatility":129.3612345678901234,"timestamp":1700000000012,"index_name":"abc_usd"}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"estimated_expiration_price.abc_usd","data":{"seconds":180929,"price":3939.73,"is_estimated":false}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"markprice.options.abc_usd","data":[{"timestamp":1700000000013,"mark_price":0.1,"iv":0.721,"instrument_name":"ABC-1JAN27-1-C"},{"mark_price":0.2,"iv":0.722,"instrument_name":"ABC-1JAN27-2-C"}]}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"chart.trades.ABC-PERPETUAL.1D","data":{"volume":0.05219351,"tick":1700000000014,"open":8869.79,"low":8788.25,"high":8870.31,"cost":460,"close":8791.25}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"instrument.state.any.any","data":{"timestamp":1700000000015,"state":"created","instrument_name":"ABC-1JAN27"}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"instrument.creation.option.ABC","data":{"instrument_name":"ABC-1JAN27-1-C","kind":"option","strike":1.0,"option_type":"call","is_active":true,"state":"open","creation_timestamp":1700000000016,"tick_size_steps":[{"above_price":1.0e1,"tick_size":0.5}]}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"platform_state","data":{"price_index":"sol_usdc","locked":true}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"platform_state","data":{"maintenance":true}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"platform_state.public_methods_state","data":{"allow_unauthenticated_public_requests":true}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"announcements","data":{"id":12,"action":"new","title":"A \"title\"","body":"<p>\u00e9</p>","publication_timestamp":1700000000017,"important":false}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"block_rfq.trades.any","data":{"id":939,"timestamp":1700000000018,"amount":50,"direction":"sell","combo_id":"ABC-CS-1","legs":[{"direction":"buy","price":95318.72,"instrument_name":"ABC-PERPETUAL","ratio":1}],"mark_price":-0.5}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"user.orders.any.any.raw","data":[{"last_update_timestamp":1700000000019,"price":1.0e3}]}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"something.new","data":{"a":1}}}"#,
    r#"{"params":{"type":"heartbeat"},"method":"heartbeat","jsonrpc":"2.0"}"#,
    r#"{"params":{"type":"test_request"},"method":"heartbeat","jsonrpc":"2.0"}"#,
    r#"{"jsonrpc":"2.0","id":1,"result":"ok","usIn":1700000000000001,"usOut":1700000000000046,"usDiff":45,"testnet":true}"#,
    r#"{"jsonrpc":"2.0","id":"a1","result":{"version":"1.2.26"},"testnet":true}"#,
    r#"{"jsonrpc":"2.0","id":4,"result":["trades.option.ABC.100ms","book.ABC-PERPETUAL.raw"],"usIn":1700000000000001}"#,
    r#"{"jsonrpc":"2.0","id":4,"result":[]}"#,
    r#"{"jsonrpc":"2.0","id":5,"result":{"token_type":"bearer","scope":"connection","refresh_token":"one","expires_in":900,"access_token":"two"}}"#,
    r#"{"jsonrpc":"2.0","id":6,"error":{"code":-32602,"data":{"reason":"value must be >= 10","param":"interval"},"message":"Invalid params"},"testnet":true}"#,
    r#"{"jsonrpc":"2.0","error":{"code":11050,"message":"bad_request","data":"invalid json"}}"#,
    r#"{"jsonrpc":"2.0","id":7,"result":[{"instrument_name":"ABC-PERPETUAL","volume":1.0e3}]}"#,
];

fn recorded() -> Vec<(String, String)> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");
    let folder =
        std::env::var_os("TICKWIRE_SAMPLES").map_or_else(|| beside.into(), PathBuf::from).join("deribit");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("skipped: no recordings in {} (TICKWIRE_SAMPLES names their folder)", folder.display());
        return Vec::new();
    };
    let mut lines = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".jsonl") || name.ends_with("client_sent.jsonl") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        lines.extend(text.lines().map(|line| (name.clone(), line.to_owned())));
    }
    lines
}

/// Whether a number has more digits than the library holds exactly; then it refuses what the other ways read.
fn has_long_number(text: &[u8]) -> bool {
    let numbers = text.split(|byte| !byte.is_ascii_digit() && !b".eE".contains(byte));
    let digits = |number: &[u8]| number.iter().filter(|byte| byte.is_ascii_digit()).count();
    numbers.into_iter().any(|number| digits(number) > 15 && number.iter().any(|byte| !byte.is_ascii_digit()))
}

/// Reads a text beginning with each way and holds them to the same messages; the number of these, and the ways used.
fn in_all_ways(text: &[u8]) -> (Result<usize, Error>, [Ways; 3]) {
    let [mut fixed, mut any, mut library] = [(); 3].map(|()| Decoder::new());
    let mut count = 0;
    let last = if has_long_number(text) { Way::AnyOrder } else { Way::Library };
    let answer = library.decode_from(last, text, |channel, message| {
        for (decoder, way) in [(&mut fixed, Way::Fixed), (&mut any, Way::AnyOrder)] {
            let mut nth = 0;
            let read = decoder.decode_from(way, text, |other_channel, other| {
                if nth == count {
                    assert_eq!((channel, message), (other_channel, other), "{way:?}");
                }
                nth += 1;
            });
            assert_eq!(read, Ok(()), "{way:?}");
            assert!(nth > count, "{way:?} gave fewer messages");
        }
        count += 1;
    });
    for (decoder, way) in [(&mut fixed, Way::Fixed), (&mut any, Way::AnyOrder)] {
        let mut others = 0;
        let read = decoder.decode_from(way, text, |_, _| others += 1);
        assert_eq!(
            (read.is_ok(), others),
            (answer.is_ok(), count),
            "{way:?} of {}",
            String::from_utf8_lossy(text)
        );
    }
    (answer.map(|()| count), [fixed.ways(), any.ways(), library.ways()])
}

#[test]
fn documented_messages_are_the_same_in_all_ways() {
    for text in MADE_UP {
        let (count, [_, any, library]) = in_all_ways(text.as_bytes());
        let expected =
            serde_json::from_str::<Value>(text).unwrap()["params"]["data"].as_array().map_or(1, Vec::len);
        let expected = if text.contains("user.") { 1 } else { expected };
        assert_eq!(count, Ok(expected), "{text}");
        assert_eq!(any.library > 0, text.contains('\\'), "{text}: {any:?}");
        assert!(library.library > 0 || has_long_number(text.as_bytes()));
    }
}

#[test]
fn recorded_messages_are_the_same_in_all_ways_and_frequent_ones_are_read_in_their_order() {
    for (file, line) in recorded() {
        let (count, [fixed, any, _]) = in_all_ways(line.as_bytes());
        assert!(count.is_ok_and(|count| count > 0), "{file}: {line}");
        assert_eq!(any.library, 0, "{file}: {line}");
        // Tickers are re-serialised there in an order of keys that needs no fast way.
        let frequent =
            ["\"book.", "\"trades.", "\"quote.", "\"ticker."].iter().any(|kind| line.contains(kind));
        if frequent && line.contains("\"subscription\"") {
            assert_eq!(fixed.any_order, 0, "{file}: {line}");
        }
    }
}

#[test]
fn recorded_numbers_are_those_that_another_library_reads() {
    let mut decoder = Decoder::new();
    let mut seen = [0; 6];
    for (file, line) in recorded() {
        let value: Value = serde_json::from_str(&line).unwrap();
        let data = &value["params"]["data"];
        let mut nth = 0;
        decoder
            .decode(line.as_bytes(), |channel, message| {
                assert_eq!(channel, value["params"]["channel"].as_str(), "{file}");
                match message {
                    Message::Book(book) => {
                        seen[0] += 1;
                        assert_book(data, &book);
                    }
                    Message::GroupedBook(book) => {
                        seen[1] += 1;
                        assert_eq!(pairs(&data["bids"], 0), levels(book.bids));
                        assert_eq!(pairs(&data["asks"], 0), levels(book.asks));
                        assert_eq!(Some(book.change_id), data["change_id"].as_u64());
                    }
                    Message::Trade(trade) => {
                        seen[2] += 1;
                        assert_trade(&data[nth], &trade);
                    }
                    Message::Ticker(ticker) => {
                        seen[3] += 1;
                        assert_ticker(data, &ticker);
                    }
                    Message::Quote(quote) => {
                        seen[4] += 1;
                        let told = [quote.bid_price, quote.bid_amount, quote.ask_price, quote.ask_amount];
                        let keys = ["best_bid_price", "best_bid_amount", "best_ask_price", "best_ask_amount"];
                        assert_eq!(told.map(double), keys.map(|key| data[key].as_f64()));
                    }
                    Message::Candle(candle) => {
                        let told = [candle.open, candle.high, candle.low, candle.close].map(Decimal::to_f64);
                        assert_eq!(
                            told.map(Some),
                            ["open", "high", "low", "close"].map(|key| data[key].as_f64())
                        );
                    }
                    Message::Answer(answer) => {
                        seen[5] += 1;
                        assert_answer(&value, &answer);
                    }
                    Message::TestRequest => assert_eq!(value["params"]["type"], "test_request"),
                    other => panic!("not in the recordings: {other:?}"),
                }
                nth += 1;
            })
            .unwrap();
    }
    println!("books, grouped books, trades, tickers, quotes, answers: {seen:?}");
}

fn double(decimal: Option<Decimal>) -> Option<f64> {
    decimal.map(Decimal::to_f64)
}

fn levels(levels: &[Level]) -> Vec<(f64, f64)> {
    levels.iter().map(|level| (level.price.to_f64(), level.quantity.to_f64())).collect()
}

fn pairs(rows: &Value, from: usize) -> Vec<(f64, f64)> {
    let pair = |row: &Value| (row[from].as_f64().unwrap(), row[from + 1].as_f64().unwrap());
    rows.as_array().unwrap().iter().map(pair).collect()
}

fn assert_book(data: &Value, book: &BookUpdate<'_>) {
    assert_eq!(pairs(&data["bids"], 1), levels(book.bids));
    assert_eq!(pairs(&data["asks"], 1), levels(book.asks));
    assert_eq!(Some(book.change_id), data["change_id"].as_u64());
    assert_eq!(book.previous_id, data["prev_change_id"].as_u64());
    assert_eq!(Some(book.instrument), data["instrument_name"].as_str());
    assert_eq!(Some(book.time_ns / 1_000_000), data["timestamp"].as_u64());
    for (side, actions) in [("bids", book.bid_actions), ("asks", book.ask_actions)] {
        let words = data[side].as_array().unwrap().iter().map(|row| match row[0].as_str().unwrap() {
            "new" => Action::New,
            "change" => Action::Change,
            "delete" => Action::Delete,
            _ => Action::Other,
        });
        assert_eq!(words.collect::<Vec<_>>(), actions);
    }
}

fn assert_trade(data: &Value, trade: &Trade<'_>) {
    assert_eq!(Some(trade.sequence), data["trade_seq"].as_u64());
    assert_eq!(Some(trade.id), data["trade_id"].as_str());
    assert_eq!(Some(trade.direction), data["direction"].as_str());
    assert_eq!(trade.liquidation, data["liquidation"].as_str());
    assert_eq!(trade.match_id, data["starbase_match_id"].as_u64());
    assert_eq!(trade.match_time_ns, data["starbase_timestamp"].as_u64());
    assert_eq!(Some(trade.price.to_f64()), data["price"].as_f64());
    assert_eq!(Some(trade.amount.to_f64()), data["amount"].as_f64());
    assert_eq!(double(trade.mark_price), data["mark_price"].as_f64());
    assert_eq!(double(trade.volatility), data["iv"].as_f64());
}

fn assert_ticker(data: &Value, ticker: &Ticker<'_>) {
    let stats = ticker.stats.unwrap();
    let told = [
        ("last_price", ticker.last_price),
        ("mark_price", ticker.mark_price),
        ("index_price", ticker.index_price),
        ("open_interest", ticker.open_interest),
        ("best_bid_price", ticker.bid_price),
        ("best_bid_amount", ticker.bid_amount),
        ("best_ask_price", ticker.ask_price),
        ("best_ask_amount", ticker.ask_amount),
        ("mark_iv", ticker.mark_volatility),
        ("current_funding", ticker.current_funding),
        ("settlement_price", ticker.settlement_price),
        ("min_price", ticker.min_price),
    ];
    for (key, value) in told {
        assert_eq!(double(value), data[key].as_f64(), "{key}");
    }
    for (key, value) in [("low", stats.low), ("high", stats.high), ("volume", stats.volume)] {
        assert_eq!(double(value), data["stats"][key].as_f64(), "{key}");
    }
    let vega = ticker.greeks.and_then(|greeks| greeks.vega);
    assert_eq!(double(vega), data["greeks"]["vega"].as_f64());
}

fn assert_answer(value: &Value, answer: &Answer<'_>) {
    match answer.id {
        Id::None => assert!(value["id"].is_null()),
        Id::Number(number) => assert_eq!(value["id"], number),
        Id::Text(text) => assert_eq!(value["id"], text),
    }
    assert_eq!(answer.in_time_ns.map(|time| time / 1000), value["usIn"].as_u64());
    match answer.body {
        Body::Done => assert_eq!(value["result"], "ok"),
        Body::Channels(names) => assert_eq!(value["result"], Value::from(names.iter().collect::<Vec<_>>())),
        Body::Version(version) => assert_eq!(value["result"]["version"], version),
        Body::Refused(refusal) => {
            let error = &value["error"];
            assert_eq!(error["code"], refusal.code);
            assert_eq!(error["message"], refusal.message);
            assert_eq!(error["data"]["reason"].as_str(), refusal.reason);
            assert_eq!(error["data"]["param"].as_str(), refusal.param);
        }
        Body::Login(_) => panic!("not in the recordings"),
        Body::Other => assert!(value["result"].is_object() || value["result"][0].is_object()),
    }
}

#[test]
fn figures_of_any_length_are_rounded_to_what_a_decimal_holds() {
    let rows = [
        ("1.423032929843748e-4", "0.000142303292984375"),
        ("-1.423032929843742e-4", "-0.000142303292984374"),
        ("1.5e-30", "0"),
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("123456789012345678", "123456789012345678"),
        ("1234567890123456.7", "1234567890123456.8"),
        ("6.4e4", "64000"),
        ("9.0e18", "9000000000000000000"),
    ];
    for (figure, expected) in rows {
        let text = format!(
            r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"perpetual.A.raw","data":{{"timestamp":1,"interest":{figure}}}}}}}"#
        );
        assert_eq!(in_all_ways(text.as_bytes()).0, Ok(1), "{figure}");
        Decoder::new()
            .decode(text.as_bytes(), |_, message| match message {
                Message::Perpetual(told) => {
                    assert_eq!(told.interest, Some(expected.parse().unwrap()), "{figure}");
                }
                other => panic!("{other:?}"),
            })
            .unwrap();
    }
}

#[test]
fn errors_name_the_channel_and_the_place_and_never_a_token() {
    let text = r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"quote.A","data":{"timestamp":true}}}"#;
    let Err(Error::Malformed { stream, offset, .. }) = Decoder::new().decode(text.as_bytes(), |_, _| ())
    else {
        panic!("a quote without a time")
    };
    assert_eq!(stream.as_deref(), Some("quote.A"));
    assert_eq!(offset, text.find("true"));
    let Err(Error::Malformed { stream, offset, .. }) =
        Decoder::new().decode(&text.as_bytes()[..text.len() - 1], |_, _| ())
    else {
        panic!("half a text")
    };
    assert_eq!(stream.as_deref(), Some("quote.A"));
    assert!(offset.is_some());
    let text = r#"{"id":1,"result":{"access_token":"hidden","refresh_token":"hidden"}}"#;
    let error = Decoder::new().decode(text.as_bytes(), |_, _| ()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hidden"), "{error}");
}

#[test]
fn a_number_too_small_for_a_double_is_refused_and_not_zero() {
    for (quantity, is_good) in [("876e-422", false), ("0.24e-392", false), ("1e-5", true), ("0.0", true)] {
        let text = format!(
            r#"{{"params":{{"channel":"book.A.raw","data":{{"timestamp":1,"instrument_name":"A","change_id":2,"prev_change_id":1,"bids":[["change",100,{quantity}]],"asks":[]}}}},"method":"subscription"}}"#
        );
        assert_eq!(Decoder::new().decode(text.as_bytes(), |_, _| ()).is_ok(), is_good, "{quantity}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_ways_agree_on_damaged_messages(
        which in 0..MADE_UP.len(),
        changes in proptest::collection::vec((0_usize..1000, 0_u8..5, any::<u8>()), 0..4),
    ) {
        let mut text = MADE_UP[which].as_bytes().to_vec();
        for (place, kind, byte) in changes {
            let at = text.len() * place / 1000;
            match kind {
                0 if at < text.len() => text[at] = byte,
                1 if at < text.len() => drop(text.remove(at)),
                2 => text.insert(at, b"0123456789.,:-eE\"[]{} \\"[usize::from(byte) % 23]),
                3 => text.truncate(at),
                _ => text.extend_from_within(at..),
            }
        }
        let _ = in_all_ways(&text);
    }

    #[test]
    fn the_ways_agree_on_numbers(figure in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
        for key in ["interest", "index_price", "unknown"] {
            let text = format!(
                r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"perpetual.A.raw","data":{{"timestamp":1,"{key}":{figure}}}}}}}"#
            );
            let mut figures = Vec::new();
            for way in [Way::Fixed, Way::AnyOrder, Way::Library] {
                let read = Decoder::new().decode_from(way, text.as_bytes(), |_, message| {
                    if let Message::Perpetual(told) = message {
                        figures.push((told.interest, told.index_price));
                    }
                });
                // The library cannot hold long numbers exactly; the others then may.
                prop_assert!(read.is_ok() || way == Way::Library || figures.is_empty(), "{}", key);
            }
            prop_assert!(figures.windows(2).all(|pair| pair[0] == pair[1]), "{}: {:?}", key, figures);
            if let Some((Some(told), _)) = figures.first() {
                let double: f64 = figure.parse().unwrap();
                prop_assert!((told.to_f64() - double).abs() <= double.abs() * 1e-15 + 1e-18);
            }
        }
    }
}
