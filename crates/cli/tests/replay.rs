//! `tickwire replay` of plain files: invented ones in the documented shape, and those that others recorded.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Folder, lines, of, samples, text, tickwire};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// A spot diff of one bid.
fn diff(first: u64, last: u64, price: &str, quantity: &str) -> String {
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1700000000001,"s":"BTCUSDT","U":{first},"u":{last},"b":[["{price}","{quantity}"]],"a":[]}}}}"#
    )
}

fn quote(update_id: u64, bid: [&str; 2], ask: [&str; 2]) -> String {
    let ([b, bq], [a, aq]) = (bid, ask);
    format!(
        r#"{{"stream":"btcusdt@bookTicker","data":{{"u":{update_id},"s":"BTCUSDT","b":"{b}","B":"{bq}","a":"{a}","A":"{aq}"}}}}"#
    )
}

fn snapshot(update_id: u64, bid: [&str; 2], ask: [&str; 2]) -> String {
    json!({"lastUpdateId": update_id, "bids": [bid], "asks": [ask]}).to_string()
}

/// Writes a file, its times a tenth of a second apart, and its snapshots with theirs.
fn plain(folder: &Folder, messages: &[String], snapshots: &[(&str, String)]) -> String {
    let times = (0..messages.len()).map(|at| format!("1700000000.{at}00001\n")).collect::<String>();
    let bodies = snapshots.iter().map(|(_, body)| format!("{body}\n")).collect::<String>();
    let index = snapshots.iter().map(|(recv, _)| {
        format!("{{\"recv\": {recv}, \"url\": \"https://host/api/v3/depth?symbol=BTCUSDT&limit=1000\"}}\n")
    });
    folder.write("x.ws.recv.txt", times);
    folder.write("x.rest_depth.jsonl", bodies);
    folder.write("x.rest_depth.index.jsonl", index.collect::<String>());
    folder.write("x.ws.jsonl", messages.join("\n"))
}

#[test]
fn a_book_is_shown_after_each_update_and_mended_after_a_gap() {
    let folder = Folder::new();
    let messages = [
        diff(101, 110, "9.50", "1"),
        diff(111, 120, "10.00", "3.10"),
        quote(120, ["10.00", "3.1"], ["11.00", "1"]),
        diff(125, 130, "10.10", "1"),
        diff(131, 140, "10.00", "0"),
        diff(141, 150, "9.9", "7"),
    ];
    let snapshots = [
        ("1700000000.050001", snapshot(105, ["9", "2"], ["11.00", "1"])),
        ("1700000000.450001", snapshot(131, ["10.10", "1"], ["12.00", "0.5"])),
    ];
    let file = plain(&folder, &messages, &snapshots);
    let output = tickwire(&["replay", "--venue", "binance", "--format", "books", &file]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let book = |id: u64, bid: [&str; 2], ask: [&str; 2], received_ns: Option<u64>| json!({"event": "book", "symbol": "BTCUSDT", "venue_time_ns": 1_700_000_000_001_000_000_u64, "state": "live", "update_id": id, "bid": bid, "ask": ask, "received_ns": received_ns});
    let at = |tenth: u64| 1_700_000_000_000_001_000 + tenth * 100_000_000;
    let status = |status: &str, id: u64| json!({"event": "status", "symbol": "BTCUSDT", "status": status, "update_id": id, "received_ns": null});
    assert_eq!(
        lines(&output),
        [
            status("synced", 110),
            book(110, ["9.50", "1"], ["11.00", "1"], None),
            book(120, ["10.00", "3.10"], ["11.00", "1"], Some(at(1))),
            json!({"event": "stream_gap", "symbol": null, "stream": "btcusdt@depth@100ms", "after": 120, "through": 124, "received_ns": at(3)}),
            json!({"event": "gap", "symbol": "BTCUSDT", "expected": 121, "got": 125, "received_ns": at(3)}),
            status("resynced", 140),
            book(140, ["10.10", "1"], ["12.00", "0.5"], None),
            book(150, ["10.10", "1"], ["12.00", "0.5"], Some(at(5))),
        ]
    );
    let told = text(&output.stderr);
    assert!(told.contains("6 messages"), "{told}");
    assert!(told.contains("1 comparisons agree, 0 differ") && told.contains("1 gaps, 0 errors"), "{told}");
}

#[test]
fn without_times_a_snapshot_comes_when_it_is_asked_for() {
    let folder = Folder::new();
    let messages = [diff(101, 110, "9.50", "1"), diff(111, 120, "10.00", "3.10")];
    plain(&folder, &messages, &[("1700000099.5", snapshot(105, ["9", "2"], ["11", "1"]))]);
    let file = folder.write("untimed.jsonl", messages.join("\n"));
    let snapshots = folder.file("x.rest_depth.jsonl");
    let output =
        tickwire(&["replay", "--venue", "binance", "--format", "books", "--snapshots", &snapshots, &file]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let ids: Vec<_> = of(&lines(&output), "book").iter().map(|line| line["update_id"].as_u64()).collect();
    assert_eq!(ids, [Some(105), Some(110), Some(120)]);
}

#[test]
fn events_are_exact_and_what_is_not_told_is_null() {
    let folder = Folder::new();
    let trade = r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1700000000002,"s":"BTCUSDT","a":7,"p":"41000.50","q":"0.020","f":1,"l":3,"T":1700000000000,"m":true,"M":true}}"#;
    let messages = [trade.to_owned(), quote(1, ["1.50", "2.00"], ["1.60", "3"]), diff(1, 2, "1.50", "0.00")];
    let file = folder.write("only.ws.jsonl", messages.join("\n"));
    let output = tickwire(&["replay", "--venue", "binance", &file]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(
        lines(&output),
        [
            json!({
                "event": "trade", "symbol": "BTCUSDT", "venue_time_ns": 1_700_000_000_000_000_000_u64,
                "event_time_ns": 1_700_000_000_002_000_000_u64, "id": 7, "price": "41000.50", "quantity": "0.020",
                "taker": "sell", "fills": [1, 3], "received_ns": null,
            }),
            json!({
                "event": "quote", "symbol": "BTCUSDT", "venue_time_ns": null, "update_id": 1, "bid": ["1.50", "2.00"],
                "ask": ["1.60", "3"], "received_ns": null,
            }),
            json!({
                "event": "delta", "symbol": "BTCUSDT", "venue_time_ns": 1_700_000_000_001_000_000_u64, "first_id": 1,
                "last_id": 2, "previous_id": null, "bids": [["1.50", "0.00"]], "asks": [], "received_ns": null,
            }),
        ]
    );
    assert!(text(&output.stderr).contains("no snapshot and so no book of BTCUSDT"));
}

#[test]
fn a_message_that_does_not_parse_is_told_by_line_and_stream_and_the_rest_goes_on() {
    let folder = Folder::new();
    let broken = r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":3}}"#;
    let messages = [diff(1, 2, "1", "1"), broken.to_owned(), "<html>".to_owned(), diff(3, 4, "1", "1")];
    let file = folder.write("x.ws.jsonl", messages.join("\r\n") + "\r\n");
    let output = tickwire(&["replay", "--venue", "binance", &file]);
    let lines = lines(&output);
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["delta", "error", "error", "delta"]);
    let place = |at: usize| (lines[at]["line"].clone(), lines[at]["stream"].clone());
    assert_eq!(place(1), (json!(2), json!("btcusdt@depth@100ms")));
    assert_eq!(place(2), (json!(3), Value::Null));
    assert!(lines[2]["offset"].is_u64(), "{}", lines[2]);
    assert_eq!(output.status.code(), Some(65));
    assert!(text(&output.stderr).contains("2 errors"));
}

#[test]
fn recordings_of_others_have_no_error_and_every_comparison_agrees_but_those_of_suspects() {
    let Some(samples) = samples() else { return };
    // Books, and comparisons that differ, counted by an independent script (SOURCES.md).
    for (name, venue, books, differ, suspects) in [
        ("spot_20210417", "binance", 10, 0, 0),
        ("spot_20211011", "binance", 4, 0, 0),
        ("us_202104", "binance", 10, 0, 0),
        ("tr_20230410", "binance", 3, 0, 0),
        ("usdm_20210722", "binance-usdm", 4, 0, 0),
        ("coinm_202104", "binance-coinm", 10, 5, 2),
    ] {
        let file = samples.join(format!("binance/{name}_cryptofeed.ws.jsonl"));
        let output = tickwire(&["replay", "--venue", venue, "--format", "books", file.to_str().unwrap()]);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let told = text(&output.stderr);
        println!("{name}: {told}");
        let lines = lines(&output);
        assert_eq!(of(&lines, "error").len() + of(&lines, "gap").len(), 0, "{name}");
        assert_eq!(of(&lines, "check").len(), differ, "{name}");
        let status =
            |status: &str| of(&lines, "status").iter().filter(|line| line["status"] == status).count();
        assert_eq!((status("synced"), status("suspect")), (books, suspects), "{name}");
        let shown: BTreeSet<_> = of(&lines, "book").iter().map(|line| line["symbol"].to_string()).collect();
        assert_eq!(shown.len(), books, "{name}");
        assert!(
            told.contains(&format!(" {differ} differ ({suspects} suspect books), 0 gaps, 0 errors")),
            "{told}"
        );
    }
}

#[test]
fn of_a_leap_of_hours_only_minutes_are_played() {
    let folder = Folder::new();
    let messages =
        [diff(101, 110, "9.50", "1"), diff(111, 120, "10.00", "3.10"), diff(121, 130, "10.00", "3")];
    let file = plain(&folder, &messages, &[("1700000000.05", snapshot(105, ["9", "2"], ["11", "1"]))]);
    folder.write("x.ws.recv.txt", "1700000000.0\n1700000001.0\n1700036001.0\n");
    let output = tickwire(&["replay", "--venue", "binance", "--format", "books", &file]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stderr);
    assert!(told.contains("line 3 came 600 minutes behind the one before; 10 minutes are played"), "{told}");
    let lines = lines(&output);
    // A file has no answer to one who asks for a silent stream anew.
    assert_eq!(of(&lines, "silent"), [] as [&Value; 0]);
    let last = of(&lines, "book").last().copied().unwrap();
    assert_eq!(
        (&last["update_id"], &last["received_ns"]),
        (&130.into(), &1_700_036_001_000_000_000_u64.into())
    );
}

#[test]
fn a_line_without_end_is_not_read_to_its_end() {
    let folder = Folder::new();
    let path = folder.file("endless.jsonl");
    std::fs::File::create(&path).unwrap().set_len((64 << 20) + 1).unwrap();
    let output = tickwire(&["replay", "--venue", "binance", &path]);
    assert_eq!(output.status.code(), Some(65), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("line 1 is longer than 64 MiB"), "{}", text(&output.stderr));
}

#[test]
fn a_recording_of_an_older_version_is_refused_in_words() {
    let folder = Folder::new();
    let file = folder.write("old.tick", b"TICKWIRE\x01\x00");
    let output = tickwire(&["replay", &file]);
    assert_eq!(output.status.code(), Some(65));
    let told = "a recording of version 1, by an older tickwire, which can replay it; this one reads 2\n";
    assert!(text(&output.stderr).ends_with(told), "{}", text(&output.stderr));
}

#[test]
fn what_cannot_be_played_is_told() {
    let folder = Folder::new();
    let file = folder.write("x.ws.jsonl", diff(1, 2, "1", "1"));
    let nothing = folder.write("nothing.ws.jsonl", "\n");
    let short = folder.write("short.ws.jsonl", [diff(1, 2, "1", "1"), diff(3, 4, "1", "1")].join("\n"));
    folder.write("short.ws.recv.txt", "1700000000.5\n");
    for (arguments, code) in [
        (&["replay", &file][..], 64),
        (&["replay", "--venue", "binance", &nothing], 64),
        (&["replay", "--venue", "binance", "--snapshots", "/nonexistent", &file], 64),
        (&["replay", "--venue", "binance", "/nonexistent"], 64),
        (&["replay", "--venue", "binance", &short], 65),
    ] {
        let output = tickwire(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).starts_with("tickwire: "), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_leaves_early_ends_it_quietly() {
    let folder = Folder::new();
    let messages: Vec<_> = (0..20_000).map(|id| diff(id * 2 + 1, id * 2 + 2, "1", "1")).collect();
    let file = folder.write("x.ws.jsonl", messages.join("\n"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_tickwire"))
        .args(["replay", "--venue", "binance", &file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!text(&output.stderr).contains("messages,"), "{}", text(&output.stderr));
}

#[test]
fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    let output = tickwire(&["replay", "--venue", "binance", "/dev/null"]);
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(text(&output.stderr), "tickwire: /dev/null: not a regular file\n");
}
