//! `tickwire record` of local venues: what is replayed is what was told while it was recorded.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Folder, lines, of, text, tickwire};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tickwire_sim::{BinanceRules, Faults, Options, Server, Source, Venue};

fn server(venue: Venue, symbols: &[&str], faults: Faults, binance: BinanceRules) -> Server {
    let symbols = symbols.iter().map(ToString::to_string).collect();
    let source = Source::Market { seed: 11, symbols, events_per_second: 300 };
    Server::start(Options { source, faults, binance, ..Options::of(venue) }).unwrap()
}

/// Records a local venue for a while and prints what it tells meanwhile.
fn record(server: &Server, folder: &Folder, file: &str, arguments: &[&str]) -> Output {
    let ca = folder.write("ca.pem", server.ca_pem());
    let url = server.stream_url();
    let base =
        ["record", "--out", file, "--seconds", "2.5", "--format", "events", "--url", &url, "--ca", &ca];
    tickwire(&[&base, arguments].concat())
}

/// Records, replays, and compares line by line.
fn is_replayed_as_it_was_told(server: &Server, arguments: &[&str]) -> Vec<Value> {
    let folder = Folder::new();
    let file = folder.file("x.tick");
    let live = record(server, &folder, &file, arguments);
    let told = text(&live.stderr);
    let replayed = tickwire(&["replay", &file]);
    let (live_text, replayed_text) = (text(&live.stdout), text(&replayed.stdout));
    assert!(live_text.lines().count() > 20, "{told}");
    for (number, (live, replayed)) in (1..).zip(live_text.lines().zip(replayed_text.lines())) {
        assert_eq!(live, replayed, "line {number}");
    }
    assert_eq!(live_text.lines().count(), replayed_text.lines().count());
    let books = |output: &Output| text(&output.stderr).split(": ").last().unwrap().to_owned();
    println!("{told}{}", books(&replayed));
    lines(&live)
}

#[test]
fn spot_is_replayed_as_it_was_told() {
    let server =
        server(Venue::BinanceSpot, &["BTCUSDT", "ETHUSDT"], Faults::default(), BinanceRules::default());
    let told = is_replayed_as_it_was_told(&server, &["binance", "BTCUSDT", "ETHUSDT"]);
    let synced = of(&told, "status").iter().filter(|line| line["status"] == "synced").count();
    assert_eq!(synced, 2);
    for kind in ["trade", "quote", "delta"] {
        assert!(!of(&told, kind).is_empty(), "no {kind}");
    }
    assert!(of(&told, "trade").iter().all(|line| line["received_ns"].is_u64()));
}

#[test]
fn gaps_duplicates_and_late_answers_are_replayed_as_they_were_told() {
    let faults = Faults {
        drop_diff_every: Some(7),
        duplicate_every: Some(5),
        stale_snapshots: 1,
        answers_out_of_order: true,
        ..Faults::default()
    };
    let server = server(Venue::BinanceSpot, &["BTCUSDT"], faults, BinanceRules::default());
    let told = is_replayed_as_it_was_told(&server, &["binance", "BTCUSDT"]);
    assert!(!of(&told, "gap").is_empty());
}

#[test]
fn usd_m_is_replayed_as_it_was_told() {
    let server = server(Venue::BinanceUsdM, &["BTCUSDT"], Faults::default(), BinanceRules::default());
    let streams = "aggTrade,bookTicker,depth@100ms,markPrice@1s,kline_1m,!miniTicker@arr";
    let told = is_replayed_as_it_was_told(&server, &["--streams", streams, "binance-usdm", "BTCUSDT"]);
    for kind in ["delta", "mark", "ticker"] {
        assert!(!of(&told, kind).is_empty(), "no {kind}");
    }
}

#[test]
fn deribit_is_replayed_as_it_was_told() {
    let faults = Faults { drop_diff_every: Some(9), ..Faults::default() };
    let server = server(Venue::Deribit, &["BTC-PERPETUAL"], faults, BinanceRules::default());
    let streams = "book.100ms,trades.100ms,quote,incremental_ticker";
    let told = is_replayed_as_it_was_told(&server, &["--streams", streams, "deribit", "BTC-PERPETUAL"]);
    for kind in ["delta", "snapshot", "trade", "quote", "ticker", "gap"] {
        assert!(!of(&told, kind).is_empty(), "no {kind}");
    }
}

#[test]
fn snapshots_over_http_are_replayed_too() {
    let rules = BinanceRules { unrouted_delivers_all: true, ..BinanceRules::default() };
    let server = server(Venue::BinanceUsdM, &["BTCUSD_PERP"], Faults::default(), rules);
    let told = is_replayed_as_it_was_told(&server, &["binance-coinm", "BTCUSD_PERP"]);
    let synced = of(&told, "status").iter().filter(|line| line["status"] == "synced").count();
    assert_eq!(synced, 1);
}

/// How often connections changed so.
fn changes(told: &[Value], change: &str) -> usize {
    of(told, "link").iter().filter(|line| line["change"] == change).count()
}

#[test]
fn a_lost_connection_is_made_again_and_replayed_as_it_was_told() {
    let faults = Faults { cut_after: Some(Duration::from_millis(900)), ..Faults::default() };
    let server = server(Venue::BinanceSpot, &["BTCUSDT"], faults, BinanceRules::default());
    let told = is_replayed_as_it_was_told(&server, &["binance", "BTCUSDT"]);
    let statuses: Vec<_> = of(&told, "status").iter().map(|line| line["status"].clone()).collect();
    let stale = statuses.iter().position(|status| *status == "stale").expect("stale");
    assert!(statuses[stale..].contains(&"resynced".into()), "{statuses:?}");
    assert!(changes(&told, "lost") > 1 && changes(&told, "ready") > 2, "{:?}", of(&told, "link"));
    let lost = of(&told, "link").into_iter().find(|line| line["change"] == "lost").unwrap();
    assert_eq!((&lost["cause"], &lost["retry_in_ns"]), (&"lost".into(), &0.into()), "{lost}");
    assert!(lost["received_ns"].is_u64());
}

#[test]
fn several_connections_and_their_renewals_are_replayed_as_they_were_told() {
    let age = ["--legs", "2", "--renew-after", "1s", "--overlap", "1s"];
    for (venue, name, symbol) in [
        (Venue::BinanceSpot, "binance", "BTCUSDT"),
        (Venue::BinanceUsdM, "binance-usdm", "BTCUSDT"),
        (Venue::Deribit, "deribit", "BTC-PERPETUAL"),
    ] {
        let server = server(venue, &[symbol], Faults::default(), BinanceRules::default());
        let told = is_replayed_as_it_was_told(&server, &[&age[..], &[name, symbol]].concat());
        assert!(changes(&told, "retiring") > 1 && changes(&told, "closed") > 0, "{name}");
        assert_eq!((changes(&told, "lost"), of(&told, "stream_gap").len()), (0, 0), "{name}");
        let places: BTreeSet<_> = of(&told, "link").iter().map(|line| line["place"].as_u64()).collect();
        assert_eq!(places, BTreeSet::from([Some(0), Some(1)]), "{name}");
    }
}

#[test]
fn everything_that_may_happen_to_connections_at_once_is_replayed_as_it_was_told() {
    let faults = Faults {
        cut_after: Some(Duration::from_millis(800)),
        duplicate_every: Some(7),
        drop_diff_every: Some(11),
        ..Faults::default()
    };
    for (venue, name, symbol) in
        [(Venue::BinanceSpot, "binance", "BTCUSDT"), (Venue::Deribit, "deribit", "BTC-PERPETUAL")]
    {
        let server = server(venue, &[symbol], faults.clone(), BinanceRules::default());
        let arguments = ["--legs", "3", "--renew-after", "1s", "--overlap", "1s", name, symbol];
        let told = is_replayed_as_it_was_told(&server, &arguments);
        assert!(changes(&told, "lost") > 2, "{name}");
    }
}

#[test]
fn the_end_for_good_of_a_connection_is_told_by_the_exit_code() {
    // Nobody is there, then somebody who knows no such path.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("ws://{}", listener.local_addr().unwrap());
    let folder = Folder::new();
    let record = |file: &str| {
        let file = folder.file(file);
        let base = base.as_str();
        tickwire(&["record", "--out", &file, "--seconds", "1", "--url", base, "binance-coinm", "BTCUSD_PERP"])
    };
    let refusing = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let refused = record("refused.tick");
    refusing.join().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("tickwire: stream connection: "), "{}", text(&refused.stderr));
    let alone = record("alone.tick");
    assert_eq!(alone.status.code(), Some(3), "{}", text(&alone.stderr));
    assert!(text(&alone.stderr).contains("Connection refused"), "{}", text(&alone.stderr));
    assert!(text(&alone.stderr).ends_with("tickwire: there was no connection\n"), "{}", text(&alone.stderr));
    let replayed = tickwire(&["replay", &folder.file("alone.tick")]);
    assert!(changes(&lines(&replayed), "lost") > 0, "{}", text(&replayed.stderr));
}

#[test]
fn a_cut_or_damaged_recording_plays_to_the_damage_and_says_where() {
    let server = server(Venue::BinanceSpot, &["BTCUSDT"], Faults::default(), BinanceRules::default());
    let folder = Folder::new();
    let file = folder.file("x.tick");
    let live = text(&record(&server, &folder, &file, &["binance", "BTCUSDT"]).stdout);
    let whole = fs::read(&file).unwrap();

    let cut = folder.write("cut.tick", &whole[..whole.len() * 2 / 3]);
    let mut damaged = whole.clone();
    damaged[whole.len() * 2 / 3] ^= 0x10;
    let damaged = folder.write("damaged.tick", damaged);
    for (file, what) in [(cut, "the file ends inside the block at byte "), (damaged, "the checksum is wrong")]
    {
        let output = tickwire(&["replay", &file]);
        let replayed = text(&output.stdout);
        assert!(!replayed.is_empty() && live.starts_with(&replayed));
        assert_eq!(output.status.code(), Some(65));
        assert!(text(&output.stderr).contains(what), "{}", text(&output.stderr));
    }
}

#[test]
fn what_cannot_be_recorded_is_told_and_nothing_is_overwritten() {
    let folder = Folder::new();
    let there = folder.write("there.tick", "something");
    let new = folder.file("new.tick");
    for (arguments, code, what) in [
        (&["record", "--out", &there, "binance", "BTCUSDT"][..], 74, "there.tick: "),
        (&["record", "--out", "/nonexistent/x.tick", "binance", "BTCUSDT"], 74, "/nonexistent/x.tick: "),
        (&["record", "--out", &new, "binance"], 64, "no symbol"),
        (&["record", "--out", &new, "--streams", "depth@7ms", "binance", "BTCUSDT"], 64, "depth"),
        (&["record", "--out", &new, "--streams", "book.fast", "deribit", "BTC\"PERPETUAL"], 64, "holds"),
        (&["record", "binance", "BTCUSDT"], 64, "--out"),
    ] {
        let output = tickwire(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(what), "{arguments:?}: {}", text(&output.stderr));
    }
    assert_eq!(fs::read(&there).unwrap(), b"something");
    assert!(fs::metadata(&new).is_err(), "no file for nothing");
}

#[test]
fn a_symbol_that_does_not_exist_is_told_while_the_others_are_recorded() {
    let server = server(Venue::BinanceSpot, &["BTCUSDT"], Faults::default(), BinanceRules::default());
    let folder = Folder::new();
    let file = folder.file("x.tick");
    let output = record(&server, &folder, &file, &["binance", "NOSUCHCOIN", "BTCUSDT"]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    let refused = "tickwire: NOSUCHCOIN: the venue refuses: Invalid symbol. (code -1121)\n";
    assert!(told.contains(refused), "{told}");
    let again = tickwire(&["replay", "--format", "books", "--venue", "binance", &file]);
    assert!(of(&lines(&again), "book").iter().all(|line| line["symbol"] == "BTCUSDT"));
    for wrong in [["--venue", "binance-usdm"], ["--snapshots", "x.rest_depth.jsonl"]] {
        assert_eq!(
            tickwire(&[&["replay"], &wrong[..], &[&file]].concat()).status.code(),
            Some(64),
            "{wrong:?}"
        );
    }
}

#[test]
fn a_full_disk_names_the_file() {
    if fs::metadata("/dev/full").is_err() {
        eprintln!("not tested: there is no /dev/full");
        return;
    }
    let server = server(Venue::BinanceSpot, &["BTCUSDT"], Faults::default(), BinanceRules::default());
    let folder = Folder::new();
    let output = record(&server, &folder, "/dev/full", &["binance", "BTCUSDT"]);
    assert_eq!(output.status.code(), Some(74));
    assert!(text(&output.stderr).contains("tickwire: /dev/full: "), "{}", text(&output.stderr));
}

#[test]
fn a_killed_recorder_loses_at_most_its_last_second() {
    let server = server(Venue::BinanceSpot, &["BTCUSDT"], Faults::default(), BinanceRules::default());
    let folder = Folder::new();
    let (file, ca) = (folder.file("x.tick"), folder.write("ca.pem", server.ca_pem()));
    let url = server.stream_url();
    let base =
        ["record", "--out", &file, "--format", "events", "--url", &url, "--ca", &ca, "binance", "BTCUSDT"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    let mut child = command.args(base).stdout(Stdio::piped()).spawn().unwrap();
    let received = |line: &Value| line["received_ns"].as_u64();
    let mut live: Vec<Value> = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        live.push(serde_json::from_str(&line.unwrap()).unwrap());
        let first = live.iter().find_map(received);
        if received(&live[live.len() - 1])
            .zip(first)
            .is_some_and(|(last, first)| last > first + 2_500_000_000)
        {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let output = tickwire(&["replay", &file]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("the end mark is missing"), "{}", text(&output.stderr));
    let replayed = lines(&output);
    assert_eq!(replayed[..], live[..replayed.len()]);
    let lost = &live[replayed.len()..];
    let kept_until = received(&live[live.len() - 1]).unwrap() - 1_000_000_000;
    assert!(lost.iter().filter_map(received).all(|received| received > kept_until));
}
