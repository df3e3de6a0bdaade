//! `tickwire watch` as a person runs it, on local venues and on recordings.
#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tickwire_sim::{Faults, Options, Server};

fn tickwire(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tickwire")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The last line of a `--json` run.
fn summary(output: &Output) -> Value {
    let stdout = text(&output.stdout);
    let last = stdout.lines().last().unwrap_or_else(|| panic!("no output: {}", text(&output.stderr)));
    let summary: Value = serde_json::from_str(last).unwrap();
    assert_eq!(summary["event"], "summary", "{stdout}");
    summary
}

/// Where recorded messages are, if they are there.
fn samples() -> Option<PathBuf> {
    let place = std::env::var_os("TICKWIRE_SAMPLES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples"), PathBuf::from);
    let found = place.join("binance").is_dir();
    if !found {
        eprintln!("not tested: there are no recordings at {}", place.display());
    }
    found.then_some(place)
}

#[test]
fn the_generated_market_is_followed_without_a_gap_and_every_comparison_agrees() {
    let output = tickwire(&[
        "watch",
        "--sim",
        "--seed",
        "7",
        "--seconds",
        "2",
        "--json",
        "binance",
        "btcusdt",
        "ETHUSDT",
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary = summary(&output);
    assert_eq!((&summary["books"], &summary["synced"]), (&2.into(), &2.into()));
    assert_eq!(summary["gaps"], 0);
    assert!(summary["compared"].as_u64().unwrap() > 0, "{summary}");
    assert_eq!(summary["compared"], summary["agreed"]);
    for kind in ["trade", "book", "status"] {
        let line = format!("{{\"event\":\"{kind}\"");
        assert!(text(&output.stdout).lines().any(|found| found.starts_with(&line)), "no {kind}");
    }
}

#[test]
fn recordings_sync_and_agree_with_every_comparable_quote() {
    let Some(samples) = samples() else { return };
    // Books, and comparisons of rebuilt tops with quotes of the same id, counted by an independent script.
    for (name, books) in [("spot_20210417", 10), ("spot_20211011", 4), ("us_202104", 10), ("tr_20230410", 3)]
    {
        let prefix = samples.join(format!("binance/{name}_cryptofeed"));
        let output =
            tickwire(&["watch", "--json", "--replay", prefix.to_str().unwrap(), "--speed", "50", "binance"]);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let summary = summary(&output);
        assert_eq!((summary["synced"].as_u64(), summary["gaps"].as_u64()), (Some(books), Some(0)), "{name}");
        assert!(summary["compared"].as_u64() > Some(0), "{name}");
        assert_eq!(summary["compared"], summary["agreed"], "{name}");
        println!("{name}: {} of {} comparisons agree", summary["agreed"], summary["compared"]);
    }
}

#[test]
fn lines_for_people_end_with_a_summary() {
    let output = tickwire(&["watch", "--sim", "--seconds", "1", "binance", "BTCUSDT"]);
    assert!(output.status.success());
    let stdout = text(&output.stdout);
    assert!(stdout.contains("BTCUSDT synced at "), "{stdout}");
    assert!(stdout.contains("1 of 1 books synced, 0 gaps, 0 resyncs"), "{stdout}");
}

#[test]
fn the_summary_of_a_run_that_fails_counts_what_was_told() {
    let faults = Faults { cut_after: Some(Duration::from_millis(700)), ..Faults::default() };
    let server = Server::start(Options { tls: false, faults, ..Options::default() }).unwrap();
    let output = tickwire(&["watch", "--url", &server.stream_url(), "binance", "BTCUSDT"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    let synced = usize::from(stdout.contains("BTCUSDT synced at "));
    assert!(stdout.contains(&format!("{synced} of 1 books synced")), "{stdout}");
}

#[test]
fn an_authority_may_be_trusted_for_any_venue() {
    let output = tickwire(&["watch", "--ca", "/nonexistent.pem", "binance", "BTCUSDT"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).starts_with("tickwire: /nonexistent.pem: "), "{}", text(&output.stderr));
}

#[test]
fn an_unknown_symbol_ends_in_one_line_and_exit_2() {
    let output = tickwire(&["watch", "--sim", "--seconds", "20", "binance", "NOSUCHCOIN"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert_eq!(stderr, "tickwire: NOSUCHCOIN: the venue refuses: Invalid symbol. (code -1121)\n");
}

#[test]
fn what_cannot_be_served_is_a_usage_error() {
    for arguments in [
        &["watch", "--sim", "binance"][..],
        &["watch", "--sim", "binance", "BTC/USDT"],
        &["watch", "--sim", "binance", "BTCUSDT", "btcusdt"],
        &["watch", "--replay", "/nonexistent/recording", "binance"],
        &["watch", "--seed", "1", "binance", "BTCUSDT"],
        &["watch", "--seconds", "soon", "binance", "BTCUSDT"],
        &["watch", "kraken", "BTCUSDT"],
        &[],
    ] {
        let output = tickwire(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty());
    }
}
