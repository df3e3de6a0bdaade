//! `tickwire watch --latency` and `--proxy` as a person runs them, on local venues.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Folder, lines, of, text, tickwire};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use tickwire_sim::{Options, Server};

/// Only there the kernel tells times.
const HAS_TIMES: bool = cfg!(target_os = "linux");

const RUN: [&str; 5] = ["watch", "--sim", "--seconds", "2", "--latency"];

#[test]
fn latencies_are_a_table_and_bars_for_people_and_a_drawing() {
    let folder = Folder::new();
    let file = folder.file("latency.svg");
    let output = tickwire(&[&RUN[..], &["--plot", &file, "binance", "BTCUSDT"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    let columns = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let header = ["latency", "events", "min", "p50", "p90", "p99", "p99.9", "max"];
    let table: Vec<_> = stdout.lines().skip_while(|line| columns(line) != header).collect();
    let rows = ["latency ", "kernel to user ", "venue to user "];
    for (line, row) in table.iter().zip(rows) {
        assert!(line.starts_with(row), "{stdout}");
    }
    assert!(table.iter().any(|line| line.contains(" to ") && line.contains('█')), "{stdout}");
    assert!(table[1].contains(" µs") || !HAS_TIMES, "{stdout}");
    assert!(
        table.last().unwrap().starts_with("whole book compared"),
        "the summary is still the end: {stdout}"
    );
    let svg = std::fs::read_to_string(&file).unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for title in ["kernel to user: ", "venue to user: ", " events, p50 "] {
        assert!(svg.contains(title), "no {title} in {svg}");
    }
}

#[test]
fn latencies_are_a_line_for_programs_whose_buckets_add_up() {
    for (venue, symbol) in [("binance", "BTCUSDT"), ("deribit", "BTC-PERPETUAL")] {
        let output = tickwire(&[&RUN[..], &["--json", venue, symbol]].concat());
        assert!(output.status.success(), "{venue}: {}", text(&output.stderr));
        let lines = lines(&output);
        let [.., latency, summary] = lines.as_slice() else { panic!("too few lines") };
        assert_eq!((&latency["event"], &summary["event"]), (&"latency".into(), &"summary".into()));
        for name in ["kernel_to_user", "venue_to_user"] {
            let spans = &latency[name];
            let count = spans["count"].as_u64().unwrap();
            assert!(count > 0 || (name == "kernel_to_user" && !HAS_TIMES), "{venue}: {latency}");
            let buckets = spans["buckets"].as_array().unwrap().iter();
            assert_eq!(
                buckets.map(|bucket| bucket["count"].as_u64().unwrap()).sum::<u64>(),
                count,
                "{venue}"
            );
            // The venue has this machine's clock, and its times lie in the past.
            assert_eq!(spans["negative"], 0, "{venue}: {latency}");
            assert!(spans["p50_ns"].as_u64() <= spans["p999_ns"].as_u64(), "{venue}: {latency}");
        }
    }
}

#[cfg(feature = "stages")]
#[test]
fn every_message_has_its_stages() {
    let output = tickwire(&[&RUN[..], &["--json", "binance", "BTCUSDT"]].concat());
    let lines = lines(&output);
    let messages = lines.last().unwrap()["messages"].as_u64().unwrap();
    let count = |stage: &str| of(&lines, "latency")[0]["stages"][stage]["count"].as_u64().unwrap();
    for stage in ["decrypted", "queued", "parsed", "decoded"] {
        assert_eq!(count(stage), messages, "{stage}");
    }
    // Not every message brings an event, and the first may have no time.
    assert!(count("delivered") <= messages && count("delivered") > 0);
    assert!(count("read") <= messages && (count("read") > 0 || !HAS_TIMES));
}

#[test]
fn a_run_without_the_option_tells_no_latencies() {
    let output = tickwire(&["watch", "--sim", "--seconds", "1", "--json", "binance", "BTCUSDT"]);
    assert!(of(&lines(&output), "latency").is_empty());
}

#[test]
fn a_drawing_that_cannot_be_written_is_told() {
    let folder = Folder::new();
    let missing = folder.file("missing/latency.svg");
    // The one is known at once, the other only when it is written.
    for (file, why) in
        [(missing.as_str(), "No such file or directory"), ("/dev/full", "No space left on device")]
    {
        if file == "/dev/full" && !std::path::Path::new(file).exists() {
            eprintln!("not tested: there is no /dev/full");
            continue;
        }
        let output = tickwire(&[&RUN[..], &["--plot", file, "binance", "BTCUSDT"]].concat());
        assert_eq!(output.status.code(), Some(74), "{file}");
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with(&format!("tickwire: {file}: {why}")), "{stderr}");
    }
}

#[test]
fn an_earlier_drawing_stays_until_there_is_a_new_one() {
    let folder = Folder::new();
    let file = folder.file("latency.svg");
    std::fs::write(&file, "an earlier one").unwrap();
    let run = ["watch", "--sim", "--seconds", "20", "--latency", "--plot", &file, "binance", "NOSUCHCOIN"];
    assert_eq!(tickwire(&run).status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "an earlier one");
}

/// A proxy that leads to `venue`, wherever one wants to go; what it is asked.
fn proxy(venue: SocketAddr) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let tell = tell.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(client.try_clone().unwrap());
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    reader.read_line(&mut head).unwrap();
                }
                tell.send(head).unwrap();
                let mut client = client;
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                let server = TcpStream::connect(venue).unwrap();
                let (mut back, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut back, &mut to_client));
                let mut server = server;
                let _ = std::io::copy(&mut reader, &mut server);
                let _ = server.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    (address, told)
}

#[test]
fn a_venue_is_watched_through_a_proxy() {
    let server = Server::start(Options { tls: false, ..Options::default() }).unwrap();
    let venue = server.stream_url().strip_prefix("ws://").unwrap().parse().unwrap();
    let (proxy, asked) = proxy(venue);
    // A name that nobody but the proxy can look up.
    let base = ["watch", "--json", "--seconds", "2", "--url", "ws://venue.invalid:81", "--proxy"];
    let output =
        tickwire(&[&base[..], &[&format!("http://user:secret@{proxy}"), "binance", "BTCUSDT"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary: Value = lines(&output).pop().unwrap();
    assert_eq!((&summary["synced"], &summary["opened"]), (&1.into(), &2.into()), "{summary}");
    let asked: Vec<_> = asked.try_iter().collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    for head in asked {
        assert!(head.starts_with("CONNECT venue.invalid:81 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ="), "{head}");
    }
}

#[test]
fn a_proxy_that_cannot_be_is_told_without_its_password() {
    let output = tickwire(&["watch", "--proxy", "ftp://user:secret@127.0.0.1:1", "binance", "BTCUSDT"]);
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(text(&output.stderr), "tickwire: --proxy: the scheme is not http or socks5\n");
}

#[test]
fn what_does_not_fit_together_is_a_usage_error() {
    for arguments in [
        &["watch", "--sim", "--plot", "x.svg", "binance", "BTCUSDT"][..],
        &["watch", "--sim", "--proxy", "http://127.0.0.1:1", "binance", "BTCUSDT"],
        &["watch", "--replay", "x", "--proxy", "http://127.0.0.1:1", "binance"],
    ] {
        let output = tickwire(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {}", text(&output.stderr));
    }
}
