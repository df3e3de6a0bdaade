//! `tickwire sim` as other programs start it.
#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

fn sim() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    command.arg("sim");
    command
}

/// The one line that tells where it is.
fn told(arguments: &[&str]) -> Value {
    let mut venue = sim().args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(venue.stdout.take().unwrap()).read_line(&mut line).unwrap();
    venue.kill().unwrap();
    venue.wait().unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn a_program_is_told_where_the_venue_is_and_whom_to_trust() {
    let secret = told(&["--json", "binance"]);
    assert!(secret["url"].as_str().unwrap().starts_with("wss://localhost:"), "{secret}");
    assert!(secret["ca"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"), "{secret}");
    let plain = told(&["--json", "--plain", "binance"]);
    assert!(plain["url"].as_str().unwrap().starts_with("ws://"), "{plain}");
    assert_eq!((&plain["url"], &plain["ca"]), (&plain["stream"], &Value::Null));
}

#[test]
fn the_help_names_the_symbols_that_there_are() {
    let help = String::from_utf8(sim().arg("--help").output().unwrap().stdout).unwrap();
    for symbol in ["BTCUSDT", "ETHUSDT", "DOGEUSDT", "BNBBTC"] {
        assert!(help.contains(symbol), "{help}");
    }
}
