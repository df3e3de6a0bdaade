//! `tickwire watch` as a person runs it, on local venues and on recordings.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Folder, lines, of, samples, text, tickwire};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tickwire_sim::{Faults, Options, Server, Venue};
use tungstenite::Message;

/// The last line of a `--json` run.
fn summary(output: &Output) -> Value {
    let stdout = text(&output.stdout);
    let last = stdout.lines().last().unwrap_or_else(|| panic!("no output: {}", text(&output.stderr)));
    let summary: Value = serde_json::from_str(last).unwrap();
    assert_eq!(summary["event"], "summary", "{stdout}");
    summary
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
fn books_of_futures_are_the_venues_own_whether_snapshots_come_over_a_websocket_or_http() {
    for (venue, symbol) in [("binance-usdm", "BTCUSDT"), ("binance-coinm", "BTCUSD_PERP")] {
        let output = tickwire(&["watch", "--sim", "--seconds", "3", "--json", venue, symbol]);
        assert!(output.status.success(), "{venue}: {}", text(&output.stderr));
        let summary = summary(&output);
        assert_eq!((&summary["synced"], &summary["gaps"]), (&1.into(), &0.into()), "{venue}");
        assert!(summary["own_compared"].as_u64() > Some(5), "{venue}: {summary}");
        assert_eq!(summary["own_compared"], summary["own_equal"], "{venue}");
    }
}

#[test]
fn whatever_goes_wrong_the_books_are_the_venues_own_at_every_update() {
    for faults in [
        &["drop-diff=9", "duplicate=4"][..],
        &["stale-snapshots", "refuse-snapshots=1", "answers-out-of-order"],
        &["bursts=4000", "fragments=5"],
    ] {
        let named: Vec<_> = faults.iter().flat_map(|fault| ["--fault", fault]).collect();
        let arguments = ["watch", "--sim", "--seed", "5", "--seconds", "4", "--json"];
        let output = tickwire(&[&arguments[..], &named, &["binance", "BTCUSDT"]].concat());
        assert!(output.status.success(), "{faults:?}: {}", text(&output.stderr));
        let summary = summary(&output);
        assert!(summary["own_compared"].as_u64() > Some(5), "{faults:?}: {summary}");
        assert_eq!(summary["own_compared"], summary["own_equal"], "{faults:?}");
        assert!(summary["gaps"].as_u64() > Some(0) || !faults[0].starts_with("drop"), "{summary}");
    }
}

#[test]
fn a_book_that_gets_no_snapshot_is_a_failure() {
    let fault = ["--fault", "refuse-snapshots=9"];
    let output =
        tickwire(&[&["watch", "--sim", "--seconds", "1"], &fault[..], &["binance", "BTCUSDT"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "tickwire: never synced: BTCUSDT\n");
}

#[test]
fn recordings_sync_and_agree_with_every_comparable_quote() {
    let Some(samples) = samples() else { return };
    // Books, and comparisons of rebuilt tops with quotes of the same id, counted by an independent script.
    for (name, venue, books) in [
        ("spot_20210417", "binance", 10),
        ("spot_20211011", "binance", 4),
        ("us_202104", "binance", 10),
        ("tr_20230410", "binance", 3),
        ("usdm_20210722", "binance-usdm", 4),
    ] {
        let prefix = samples.join(format!("binance/{name}_cryptofeed"));
        let output =
            tickwire(&["watch", "--json", "--replay", prefix.to_str().unwrap(), "--speed", "50", venue]);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let summary = summary(&output);
        assert_eq!((summary["synced"].as_u64(), summary["gaps"].as_u64()), (Some(books), Some(0)), "{name}");
        assert!(summary["compared"].as_u64() > Some(0), "{name}");
        assert_eq!(summary["compared"], summary["agreed"], "{name}");
        println!("{name}: {} of {} comparisons agree", summary["agreed"], summary["compared"]);
    }
}

/// A recording of a generated Deribit market: what a client gets of it.
fn recording_of_deribit(folder: &Folder) -> String {
    let server = Server::start(Options { tls: false, ..Options::of(Venue::Deribit) }).unwrap();
    let (mut socket, _) = tungstenite::connect(server.api_url()).unwrap();
    let channels = "book.BTC-PERPETUAL.100ms\",\"trades.BTC-PERPETUAL.100ms\",\"quote.BTC-PERPETUAL";
    let request = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"public/subscribe\",\"params\":{{\"channels\":[\"{channels}\"]}}}}"
    );
    socket.send(Message::text(request)).unwrap();
    let mut lines = String::new();
    while lines.matches("book.BTC-PERPETUAL.100ms").count() < 12 {
        if let Message::Text(text) = socket.read().unwrap() {
            lines.push_str(&text);
            lines.push('\n');
        }
    }
    folder.write("r.ws.jsonl", lines);
    folder.file("r")
}

#[test]
fn a_recording_of_deribit_ends_in_good_order() {
    let folder = Folder::new();
    let prefix = recording_of_deribit(&folder);
    let output = tickwire(&["watch", "--json", "--replay", &prefix, "deribit"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary = summary(&output);
    assert_eq!((&summary["synced"], &summary["gaps"]), (&1.into(), &0.into()), "{summary}");
}

#[test]
fn lines_for_people_end_with_a_summary() {
    let output = tickwire(&["watch", "--sim", "--seconds", "1", "binance", "BTCUSDT"]);
    assert!(output.status.success());
    let stdout = text(&output.stdout);
    assert!(stdout.contains("BTCUSDT synced at "), "{stdout}");
    assert!(stdout.contains("1 of 1 books synced, 0 gaps of books, 0 resyncs"), "{stdout}");
}

#[test]
fn several_connections_are_renewed_without_a_gap_and_told_by_their_lead() {
    let keeping = ["--legs", "2", "--renew-after", "1s", "--overlap", "1s"];
    for (venue, symbol) in [("binance", "BTCUSDT"), ("binance-usdm", "BTCUSDT"), ("deribit", "BTC-PERPETUAL")]
    {
        let base = ["watch", "--sim", "--seconds", "4", "--json"];
        let output = tickwire(&[&base[..], &keeping, &[venue, symbol]].concat());
        assert!(output.status.success(), "{venue}: {}", text(&output.stderr));
        let summary = summary(&output);
        assert!(summary["renewed"].as_u64() > Some(1), "{venue}: {summary}");
        assert_eq!(
            [&summary["lost"], &summary["gaps"], &summary["stream_gaps"], &summary["resyncs"]],
            [0; 4],
            "{venue}: {summary}"
        );
        assert_eq!(summary["own_compared"], summary["own_equal"], "{venue}");
        let legs = summary["legs"].as_array().unwrap();
        let raced: Vec<_> = legs.iter().filter(|leg| leg["endpoint"] == 0).collect();
        let firsts = |leg: &Value| leg["firsts"].as_f64().unwrap();
        let total: f64 = raced.iter().map(|leg| firsts(leg)).sum();
        assert!(raced.len() > 1 && total > 0.0, "{venue}: {summary}");
        for leg in raced {
            let share = leg["share"].as_f64().unwrap();
            assert!((share - firsts(leg) / total).abs() < 1e-9, "{venue}: {leg}");
        }
        let lines = lines(&output);
        let legs = of(&lines, "legs").into_iter().last().unwrap();
        let places: Vec<_> =
            legs["legs"].as_array().unwrap().iter().map(|leg| leg["place"].as_u64()).collect();
        assert!(places.contains(&Some(0)) && places.contains(&Some(1)), "{venue}: {legs}");
        assert!(of(&lines, "link").iter().any(|line| line["change"] == "retiring"), "{venue}");
    }
}

#[test]
fn a_connection_that_is_lost_is_made_again_and_both_are_told() {
    let base = ["watch", "--sim", "--seconds", "4", "--fault", "cut-after=1"];
    let output = tickwire(&[&base[..], &["binance", "BTCUSDT"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    for told in [
        "stream is lost: the peer ended the byte stream without a closing handshake; connecting again at once\n",
        "stream is ready, after ",
        "BTCUSDT synced again at ",
        " lost or in vain, 0 renewed; ready again after ",
    ] {
        assert!(stdout.contains(told), "no {told:?} in {stdout}");
    }
    let output = tickwire(&[&base[..], &["--json", "--legs", "2", "binance", "BTCUSDT"]].concat());
    let summary = summary(&output);
    assert!(summary["lost"].as_u64() > Some(2), "{summary}");
    assert!(summary["recovery_max_ns"].as_u64() >= summary["recovery_p50_ns"].as_u64(), "{summary}");
    assert_eq!(summary["own_compared"], summary["own_equal"]);
}

#[test]
fn each_leg_is_shown_to_people_with_its_share() {
    let output = tickwire(&["watch", "--sim", "--seconds", "2", "--legs", "2", "binance", "BTCUSDT"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    let legs = stdout.lines().find(|line| line.starts_with("stream/0 ready ")).expect("a line of the legs");
    assert!(
        legs.contains(" % first") && legs.contains("   stream/1 ready ") && legs.ends_with("   api ready"),
        "{legs}"
    );
    assert_eq!(stdout.matches(" was the first with ").count(), 2, "{stdout}");
}

#[test]
fn a_single_connection_is_in_the_summary_as_it_is_in_the_line_of_each_second() {
    let output = tickwire(&["watch", "--sim", "--seconds", "1", "--json", "binance", "BTCUSDT"]);
    let places = |of: &Value| -> Vec<_> {
        let legs = of["legs"].as_array().unwrap().iter();
        legs.map(|leg| (leg["name"].clone(), leg["place"].clone())).collect()
    };
    let lines = lines(&output);
    let now = places(of(&lines, "legs").into_iter().last().unwrap());
    assert_eq!(now, [("stream".into(), 0.into()), ("api".into(), 0.into())]);
    assert_eq!(places(&summary(&output)), now);
}

#[test]
fn a_venue_whose_quotes_name_no_update_has_no_line_of_comparisons() {
    for (venue, symbol, has_one) in [("deribit", "BTC-PERPETUAL", false), ("binance", "BTCUSDT", true)] {
        let output = tickwire(&["watch", "--sim", "--seconds", "2", venue, symbol]);
        let stdout = text(&output.stdout);
        assert!(stdout.contains("whole book compared with the local venue's own: "), "{stdout}");
        assert_eq!(stdout.contains("of the same update id"), has_one, "{stdout}");
    }
}

#[test]
fn the_lines_of_books_and_statuses_are_those_of_a_replay() {
    let folder = Folder::new();
    let server = Server::start(Options { tls: false, ..Options::default() }).unwrap();
    let (url, file) = (server.stream_url(), folder.file("x.tick"));
    let base = ["--seconds", "1", "--url", &url];
    let watched = tickwire(&[&["watch", "--json"], &base[..], &["binance", "BTCUSDT"]].concat());
    let recorded = tickwire(&[&["record", "--out", &file], &base[..], &["binance", "BTCUSDT"]].concat());
    assert!(watched.status.success() && recorded.status.success(), "{}", text(&recorded.stderr));
    let replayed = tickwire(&["replay", "--format", "books", &file]);
    let keys = |output: &Output, event: &str| {
        let lines = lines(output);
        let line = of(&lines, event).into_iter().last().unwrap().as_object().unwrap();
        line.keys().cloned().collect::<Vec<_>>()
    };
    for event in ["book", "status", "link"] {
        assert_eq!(keys(&watched, event), keys(&replayed, event), "{event}");
    }
    let lines = lines(&watched);
    let book = of(&lines, "book").into_iter().last().unwrap();
    assert!(book["received_ns"].as_u64() >= book["venue_time_ns"].as_u64(), "{book}");
}

/// Answers whoever comes to this address that there is nothing.
fn refuse_at(address: SocketAddr) {
    let listener = TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
    });
}

#[test]
fn the_summary_of_a_run_that_fails_counts_what_was_told() {
    let server = Server::start(Options { tls: false, ..Options::default() }).unwrap();
    let url = server.stream_url();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    command.args(["watch", "--url", &url, "binance", "BTCUSDT"]).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(told.any(|line| line.starts_with("BTCUSDT synced at ")));
    drop(server);
    refuse_at(url.strip_prefix("ws://").unwrap().parse().unwrap());
    let rest: Vec<_> = told.collect();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(2), "{rest:?}");
    assert!(rest.iter().any(|line| line.starts_with("1 of 1 books synced, 0 gaps of books")), "{rest:?}");
    let stderr = text(&ended.stderr);
    assert!(stderr.contains("connection: the WebSocket handshake failed: the server refused: "), "{stderr}");
}

#[test]
fn a_venue_that_is_not_there_is_tried_until_the_time_is_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = tickwire(&["watch", "--seconds", "1", "--url", &url, "binance", "BTCUSDT"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "tickwire: there was no connection\n");
    assert!(text(&output.stdout).contains("Connection refused"), "{}", text(&output.stdout));
}

#[test]
fn a_certificate_of_nobody_known_comes_with_what_to_do() {
    let server = Server::start(Options::default()).unwrap();
    let url = server.stream_url();
    let output = tickwire(&["watch", "--seconds", "1", "--url", &url, "binance", "BTCUSDT"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("(--ca FILE.pem trusts a further authority)"));
}

#[test]
fn an_authority_of_an_earlier_start_comes_with_what_to_do() {
    let [earlier, server] = [(), ()].map(|()| Server::start(Options::default()).unwrap());
    let folder = Folder::new();
    let ca = folder.write("ca.pem", earlier.ca_pem());
    let url = server.stream_url();
    let watch = ["watch", "--seconds", "1", "--ca", &ca, "--url", &url, "binance", "BTCUSDT"];
    let watched = tickwire(&watch);
    assert_eq!(watched.status.code(), Some(3), "{}", text(&watched.stderr));
    let hint =
        "BadSignature (--ca FILE.pem has another authority: a local venue makes a new one at every start;";
    assert!(text(&watched.stdout).contains(hint), "{}", text(&watched.stdout));
    let tapped = tickwire(&["tap", "--ca", &ca, &format!("{url}/ws/btcusdt@trade")]);
    assert!(text(&tapped.stderr).contains(hint), "{}", text(&tapped.stderr));
}

#[test]
fn a_fault_of_a_stream_that_is_not_followed_is_told() {
    let base = ["watch", "--sim", "--seconds", "1", "--fault"];
    for (fault, is_told) in [("mute=btcusdt@aggTrade", false), ("mute=btcusdt@trade", true)] {
        let output = tickwire(&[&base[..], &[fault, "binance", "BTCUSDT"]].concat());
        let told = format!(
            "tickwire: --fault {fault}: it is not followed; these are: \
             btcusdt@aggTrade btcusdt@bookTicker btcusdt@depth@100ms\n"
        );
        assert_eq!(text(&output.stderr), if is_told { told } else { String::new() });
    }
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
fn an_instrument_that_deribit_does_not_know_ends_in_one_line_and_exit_2() {
    let output = tickwire(&["watch", "--sim", "--seconds", "20", "deribit", "NO-SUCH"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let stderr = text(&output.stderr);
    assert_eq!(stderr, "tickwire: the venue does not confirm trades.NO-SUCH.100ms\n");
}

#[test]
fn what_the_venue_says_about_itself_is_told() {
    let faults = Faults { shutdown_after: Some(Duration::from_millis(300)), ..Faults::default() };
    let server = Server::start(Options { tls: false, faults, ..Options::of(Venue::Deribit) }).unwrap();
    let url = server.stream_url();
    let output = tickwire(&["watch", "--seconds", "2", "--url", &url, "deribit", "BTC-PERPETUAL"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    assert!(stdout.contains("the venue: maintenance\n"), "{stdout}");
    assert!(stdout.contains("api is lost: closed by the peer: 1001"), "{stdout}");
}

#[test]
fn a_recording_of_record_is_no_prefix_of_plain_files() {
    let folder = Folder::new();
    let file = folder.write("x.tick", b"TICKWIRE\x02\x00");
    for arguments in [["watch", "--replay", &file, "binance"], ["sim", "--replay", &file, "binance"]] {
        let output = tickwire(&arguments);
        assert_eq!(output.status.code(), Some(64));
        let told = text(&output.stderr);
        assert!(told.contains("--replay takes the PREFIX of plain files"), "{told}");
        assert!(told.contains(&format!("`tickwire replay {file}` prints it")), "{told}");
    }
}

#[test]
fn what_cannot_be_served_is_a_usage_error() {
    for arguments in [
        &["watch", "--sim", "binance"][..],
        &["watch", "--sim", "binance", "BTC/USDT"],
        &["watch", "--sim", "binance", "BTCUSDT", "btcusdt"],
        &["watch", "--replay", "/nonexistent/recording", "binance"],
        &["watch", "--seed", "1", "binance", "BTCUSDT"],
        &["watch", "--fault", "duplicate", "binance", "BTCUSDT"],
        &["watch", "--sim", "--fault", "nonsense", "binance", "BTCUSDT"],
        &["watch", "--sim", "--fault", "drop-diff=0", "binance", "BTCUSDT"],
        &["watch", "--sim", "binance-options", "BTC-251226-90000-C"],
        &["watch", "--seconds", "soon", "binance", "BTCUSDT"],
        &["watch", "--sim", "--legs", "0", "binance", "BTCUSDT"],
        &["watch", "--sim", "--legs", "5", "binance", "BTCUSDT"],
        &["watch", "--sim", "--renew-after", "30", "binance", "BTCUSDT"],
        &["watch", "--replay", "x", "--legs", "2", "binance"],
        &["watch", "--replay", "x", "--renew-after", "5s", "binance"],
        &["watch", "kraken", "BTCUSDT"],
        &[],
    ] {
        let output = tickwire(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty());
    }
}
