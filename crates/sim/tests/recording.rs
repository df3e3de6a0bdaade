//! Recordings are replayed byte for byte.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod client;

use std::fs;
use std::path::{Path, PathBuf};

use client::{ask, connect, read_close};
use tickwire_sim::{BinanceRules, Options, Recording, Server, Source, Venue};
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

/// A folder that is removed when the test ends, however it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tickwire-sim-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn write(&self, file: &str, lines: &[&str]) {
        fs::write(self.0.join(file), lines.join("\n") + "\n").expect("written");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const LINES: [&str; 4] = [
    r#"{"stream":"abcusdt@trade","data":{"e":"trade", "p":"1.50","q":"2"}}"#,
    r#"{"stream":"abcusdt@kline_1m","data":{"e":"kline"}}"#,
    r#"{"stream":"xyzusdt@trade","data":{"e":"trade","p":"7.0"}}"#,
    r#"{"stream":"abcusdt@trade","data":{"e":"trade","p":"1.51","q":"3"}}"#,
];
const SNAPSHOTS: [&str; 2] =
    [r#"{"lastUpdateId":5, "bids":[["1.0","2"]],"asks":[]}"#, r#"{"lastUpdateId":9,"bids":[],"asks":[]}"#];

fn small(name: &str) -> (Folder, PathBuf) {
    let folder = Folder::new(name);
    folder.write("r.ws.jsonl", &LINES);
    folder.write("r.ws.recv.txt", &["100.00", "100.05", "100.10", "100.15"]);
    folder.write("r.rest_depth.jsonl", &SNAPSHOTS);
    let index = r#"{"recv":100.01,"url":"https://example.invalid/api/v3/depth?symbol=ABCUSDT&limit=10"}"#;
    folder.write("r.rest_depth.index.jsonl", &[index, index]);
    let prefix = folder.0.join("r");
    (folder, prefix)
}

fn serve(prefix: &Path, speed: f64) -> Server {
    let recording = Recording::open(prefix).expect("a recording");
    Server::start(Options { source: Source::Recording { recording, speed }, ..Options::default() })
        .expect("a server")
}

/// A recording of another venue, as fast as it is read.
fn serve_as(venue: Venue, prefix: &Path) -> Server {
    let recording = Recording::open(prefix).expect("a recording");
    let binance = BinanceRules { unrouted_delivers_all: true, ..BinanceRules::default() };
    let source = Source::Recording { recording, speed: 0.0 };
    Server::start(Options { source, binance, ..Options::of(venue) }).expect("a server")
}

/// All texts up to the close, and the close.
fn read_all(socket: &mut client::Socket) -> (Vec<String>, (CloseCode, String)) {
    let mut texts = Vec::new();
    loop {
        match socket.read().expect("a message in time") {
            Message::Text(text) => texts.push(text.to_string()),
            Message::Close(frame) => {
                let frame = frame.expect("a code");
                return (texts, (frame.code, frame.reason.to_string()));
            }
            _ => {}
        }
    }
}

fn the_end() -> (CloseCode, String) {
    (CloseCode::Normal, "end of recording".to_owned())
}

#[test]
fn a_recording_knows_its_symbols_and_length() {
    let (_folder, prefix) = small("symbols");
    let recording = Recording::open(&prefix).expect("a recording");
    assert_eq!(recording.symbols(), ["ABCUSDT", "XYZUSDT"]);
    assert_eq!((recording.len(), recording.is_empty()), (4, false));
}

#[test]
fn files_of_different_length_are_refused_by_name_and_line() {
    let (folder, prefix) = small("lengths");
    folder.write("r.ws.recv.txt", &["100.00", "100.05"]);
    let told = Recording::open(&prefix).expect_err("two times for four lines").to_string();
    assert!(told.contains("r.ws.recv.txt, line 3: 2 lines"), "{told}");
}

#[test]
fn a_connection_gets_the_lines_it_subscribed_to_and_then_the_end() {
    let (_folder, prefix) = small("replay");
    for speed in [0.0, 1.0] {
        let server = serve(&prefix, speed);
        let mut combined = connect(&server, "/stream?streams=abcusdt@trade/xyzusdt@trade");
        let expected = [LINES[0], LINES[2], LINES[3]].map(str::to_owned);
        assert_eq!(read_all(&mut combined), (expected.to_vec(), the_end()), "speed {speed}");

        let mut raw = connect(&server, "/ws/abcusdt@trade/abcusdt@kline_1m");
        let expected = [
            r#"{"e":"trade", "p":"1.50","q":"2"}"#,
            r#"{"e":"kline"}"#,
            r#"{"e":"trade","p":"1.51","q":"3"}"#,
        ];
        assert_eq!(read_all(&mut raw), (expected.map(str::to_owned).to_vec(), the_end()), "speed {speed}");
    }
}

#[test]
fn playback_waits_for_the_first_subscription() {
    let (_folder, prefix) = small("waits");
    let server = serve(&prefix, 0.0);
    let mut socket = connect(&server, "/stream");
    ask(&mut socket, r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#);
    ask(&mut socket, r#"{"method":"SUBSCRIBE","params":["xyzusdt@trade"],"id":2}"#);
    assert_eq!(read_all(&mut socket), (vec![LINES[2].to_owned()], the_end()));
}

#[test]
fn snapshots_come_in_their_order_and_with_every_byte() {
    let (_folder, prefix) = small("snapshots");
    let server = serve(&prefix, 0.0);
    let mut api = connect(&server, "/ws-api/v3?returnRateLimits=false");
    for snapshot in [SNAPSHOTS[0], SNAPSHOTS[1], SNAPSHOTS[1]] {
        api.send(r#"{"id":1,"method":"depth","params":{"symbol":"ABCUSDT"}}"#.into()).expect("sent");
        let answer = api.read().expect("an answer").to_string();
        assert_eq!(answer, format!(r#"{{"id":1,"status":200,"result":{snapshot}}}"#));
    }
    let unknown = ask(&mut api, r#"{"id":2,"method":"depth","params":{"symbol":"XYZUSDT"}}"#);
    assert_eq!(unknown["error"]["code"], -1121, "no snapshot was recorded for it");
}

#[test]
fn an_empty_recording_ends_with_the_first_subscription() {
    let folder = Folder::new("empty");
    folder.write("r.ws.jsonl", &[]);
    fs::write(folder.0.join("r.ws.jsonl"), "").expect("written");
    let server = serve(&folder.0.join("r"), 0.0);
    assert_eq!(read_close(&mut connect(&server, "/ws/abcusdt@trade")), the_end());
}

const CHANNEL_LINES: [&str; 5] = [
    r#"{"jsonrpc":"2.0","id":0,"result":["book.ABC-PERPETUAL.raw"],"usIn":1,"usOut":2,"usDiff":1,"testnet":false}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.ABC-PERPETUAL.raw","data":{"change_id":5}}}"#,
    r#"{"params":{"type":"heartbeat"},"method":"heartbeat","jsonrpc":"2.0"}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.XYZ-1JAN30-1-C.raw","data":[]}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.ABC-PERPETUAL.raw","data":{"change_id":6.0}}}"#,
];

#[test]
fn channels_are_played_back_and_answers_are_the_servers_own() {
    let folder = Folder::new("channels");
    folder.write("r.ws.jsonl", &CHANNEL_LINES);
    folder.write("r.ws.recv.txt", &["1.0", "1.01", "1.02", "1.03", "1.04"]);
    let prefix = folder.0.join("r");
    let recording = Recording::open(&prefix).expect("a recording");
    assert_eq!(
        (recording.len(), recording.symbols()),
        (3, ["ABC-PERPETUAL", "XYZ-1JAN30-1-C"].map(str::to_owned).to_vec())
    );
    assert_eq!(recording.book_symbols(), ["ABC-PERPETUAL"]);
    let server = serve_as(Venue::Deribit, &prefix);
    let mut socket = connect(&server, "/ws/api/v2");
    let channels = r#"{"channels":["book.ABC-PERPETUAL.raw","book.ABC-PERPETUAL.100ms"]}"#;
    let answer = ask(&mut socket, &format!(r#"{{"id":1,"method":"public/subscribe","params":{channels}}}"#));
    assert_eq!(answer["result"], serde_json::json!(["book.ABC-PERPETUAL.raw"]), "only what was recorded");
    assert_eq!(
        read_all(&mut socket),
        ([CHANNEL_LINES[1], CHANNEL_LINES[4]].map(str::to_owned).to_vec(), the_end())
    );
}

#[test]
fn futures_are_played_back_by_their_roots() {
    let (_folder, prefix) = small("roots");
    let recording = Recording::open(&prefix).expect("a recording");
    let source = Source::Recording { recording, speed: 0.0 };
    let server = Server::start(Options { source, ..Options::of(Venue::BinanceUsdM) }).expect("a server");
    for (root, expected) in
        [("/public", vec![LINES[0], LINES[3]]), ("/market", vec![LINES[1]]), ("", vec![LINES[0], LINES[3]])]
    {
        let mut socket = connect(&server, &format!("{root}/stream?streams=abcusdt@trade/abcusdt@kline_1m"));
        assert_eq!(read_all(&mut socket).0, expected, "{root}");
    }
    let (status, _, body) = client::get(&server, "/fapi/v1/depth?symbol=ABCUSDT&limit=5");
    assert_eq!((status, body["lastUpdateId"].as_u64()), (200, Some(5)));
}

/// The prefixes of the recorded files in a folder of the samples, if they are there.
fn samples(folder: &str) -> Vec<PathBuf> {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");
    let samples = std::env::var_os("TICKWIRE_SAMPLES").map_or_else(|| PathBuf::from(here), PathBuf::from);
    let folder = samples.join(folder);
    let Ok(files) = fs::read_dir(&folder) else {
        eprintln!("NOT RUN: no recordings in {}", folder.display());
        return Vec::new();
    };
    let names = files.filter_map(|file| file.expect("a file").file_name().into_string().ok());
    let prefixes: Vec<_> =
        names.filter_map(|n| n.strip_suffix(".ws.jsonl").map(|p| folder.join(p))).collect();
    assert!(!prefixes.is_empty(), "the samples have recordings");
    prefixes
}

fn text_of(prefix: &Path) -> String {
    fs::read_to_string(format!("{}.ws.jsonl", prefix.display())).expect("the recording's text")
}

#[test]
fn a_real_recording_arrives_as_it_was_recorded() {
    for prefix in samples("binance") {
        let text = text_of(&prefix);
        let futures =
            prefix.to_string_lossy().contains("m_2021") || prefix.to_string_lossy().contains("coinm");
        let server = serve_as(if futures { Venue::BinanceUsdM } else { Venue::BinanceSpot }, &prefix);
        let mut socket = connect(&server, "/stream");
        let streams = text
            .lines()
            .map(|line| line.split('"').nth(3).expect("the stream is the first member's value").to_owned());
        let streams: std::collections::BTreeSet<_> = streams.collect();
        let request = serde_json::json!({"method":"SUBSCRIBE","params":streams,"id":1}).to_string();
        assert_eq!(ask(&mut socket, &request)["result"], serde_json::Value::Null, "{}", prefix.display());
        let (texts, end) = read_all(&mut socket);
        assert_eq!(end, the_end());
        assert!(texts.iter().map(String::as_str).eq(text.lines()), "{}", prefix.display());
    }
}

#[test]
fn a_real_recording_of_channels_arrives_as_it_was_recorded() {
    for prefix in samples("deribit") {
        let text = text_of(&prefix);
        let answer: serde_json::Value =
            serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
        let server = serve_as(Venue::Deribit, &prefix);
        let mut socket = connect(&server, "/ws/api/v2");
        let parameters = serde_json::json!({"channels": answer["result"]});
        let request = serde_json::json!({"id":1,"method":"public/subscribe","params":parameters});
        let accepted = ask(&mut socket, &request.to_string())["result"].as_array().map_or(0, Vec::len);
        assert!(accepted > 10, "those that were recorded: {accepted}");
        let (texts, end) = read_all(&mut socket);
        assert_eq!(end, the_end());
        assert!(texts.iter().map(String::as_str).eq(text.lines().skip(1)), "{}", prefix.display());
    }
}
