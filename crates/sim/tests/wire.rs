//! How messages travel: fragments, pings between them, compression, long lengths.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod client;
#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod frames;

use client::{connect, id, next_json};
use frames::{CONTINUATION, Frames, PING, PONG, TEXT};
use serde_json::Value;
use tickwire_sim::{Bursts, DeribitRules, Faults, Fragments, Options, Server, Source, Venue};
use tungstenite::Message;

const OFFER: &str = "permessage-deflate; client_max_window_bits";

fn options(venue: Venue, faults: Faults) -> Options {
    let symbol = if venue == Venue::Deribit { "BTC-PERPETUAL" } else { "BTCUSDT" };
    let source = Source::Market { seed: 5, symbols: vec![symbol.to_owned()], events_per_second: 200 };
    let deribit = DeribitRules { event_node: true, ..DeribitRules::default() };
    Options { source, faults, deribit, ..Options::of(venue) }
}

fn start(venue: Venue, faults: Faults) -> Server {
    Server::start(options(venue, faults)).expect("a server")
}

/// Where diffs come without a request, and the request that brings them elsewhere.
fn path(venue: Venue) -> (&'static str, Option<&'static str>) {
    match venue {
        Venue::BinanceSpot => ("/ws/btcusdt@depth@100ms", None),
        Venue::BinanceUsdM => ("/public/ws/btcusdt@depth@100ms", None),
        _ => {
            let channel = r#"{"channels":["book.BTC-PERPETUAL.100ms"]}"#;
            assert!(channel.len() < 126);
            (
                "/ws/api/v2",
                Some(
                    r#"{"id":1,"method":"public/subscribe","params":{"channels":["book.BTC-PERPETUAL.100ms"]}}"#,
                ),
            )
        }
    }
}

const ALL: [Venue; 3] = [Venue::BinanceSpot, Venue::BinanceUsdM, Venue::Deribit];

#[test]
fn messages_can_come_in_fragments_with_pings_between() {
    for venue in ALL {
        let faults = Faults { fragments: Some(Fragments { pieces: 3, pings: true }), ..Faults::default() };
        let server = start(venue, faults);
        let (path, request) = path(venue);
        let mut client = Frames::open(&server, path, None);
        if let Some(request) = request {
            client.send(TEXT, request.as_bytes());
        }
        for _ in 0..5 {
            let message = client.next_message();
            let kinds: Vec<_> = message.iter().map(|frame| (frame.opcode, frame.fin)).collect();
            let expected =
                [(TEXT, false), (PING, true), (CONTINUATION, false), (PING, true), (CONTINUATION, true)];
            assert_eq!(kinds, expected, "{venue:?}");
            assert!(serde_json::from_str::<Value>(&client.text(&message)).is_ok(), "{venue:?}");
            for ping in message.iter().filter(|frame| frame.opcode == PING) {
                client.send(PONG, &ping.payload);
            }
        }
    }
}

#[test]
fn pongs_between_fragments_do_not_count_as_messages() {
    let faults = Faults { fragments: Some(Fragments { pieces: 9, pings: true }), ..Faults::default() };
    let server = start(Venue::BinanceSpot, faults);
    let mut socket = connect(&server, "/ws/btcusdt@depth@100ms");
    let mut pings = 0;
    for _ in 0..60 {
        pings += usize::from(socket.read().expect("it stays open").is_ping());
        socket.flush().expect("the echo is sent");
    }
    assert!(pings > 40, "{pings}");
}

#[test]
fn compression_is_granted_as_each_venue_does() {
    let table = [
        (Venue::BinanceSpot, "permessage-deflate; server_no_context_takeover; client_max_window_bits=15"),
        (Venue::BinanceUsdM, "permessage-deflate; server_no_context_takeover; client_max_window_bits=15"),
        (Venue::Deribit, "permessage-deflate; client_max_window_bits=15"),
    ];
    for (venue, expected) in table {
        let server = start(venue, Faults::default());
        let (path, request) = path(venue);
        let mut client = Frames::open(&server, path, Some(OFFER));
        assert_eq!(client.agreed.as_deref(), Some(expected), "{venue:?}");
        if let Some(request) = request {
            client.send_compressed(request);
        }
        let (mut packed, mut plain) = (0, 0);
        for _ in 0..8 {
            if venue != Venue::Deribit {
                client.forget();
            }
            let message = client.next_message();
            assert!(message[0].rsv1, "{venue:?}");
            packed += message[0].payload.len();
            let text = client.text(&message);
            plain += text.len();
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{venue:?}: {text}");
        }
        assert!(packed < plain, "{venue:?}: {packed} of {plain}");
        assert_eq!(Frames::open(&server, path, None).agreed, None);
    }
    let declining = Options { deflate: false, ..options(Venue::BinanceSpot, Faults::default()) };
    let server = Server::start(declining).expect("a server");
    assert_eq!(Frames::open(&server, "/ws", Some(OFFER)).agreed, None);
}

#[test]
fn compressed_and_plain_requests_are_understood_on_one_connection() {
    let server = start(Venue::BinanceSpot, Faults::default());
    let mut client = Frames::open(&server, "/ws", Some(OFFER));
    for count in 0..4 {
        let request = format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{count}}}"#);
        match count % 2 {
            0 => client.send_compressed(&request),
            _ => client.send(TEXT, request.as_bytes()),
        }
        client.forget();
        let message = client.next_message();
        assert_eq!(client.text(&message), format!(r#"{{"result":[],"id":{count}}}"#));
    }
}

#[test]
fn compressed_messages_can_come_in_fragments() {
    let faults = Faults { fragments: Some(Fragments { pieces: 4, pings: false }), ..Faults::default() };
    let server = start(Venue::BinanceUsdM, faults);
    let mut client = Frames::open(&server, "/public/ws/btcusdt@depth@100ms", Some(OFFER));
    for _ in 0..5 {
        client.forget();
        let message = client.next_message();
        assert_eq!(message.len(), 4);
        assert!(message[0].rsv1);
        assert!(client.text(&message).starts_with(r#"{"e":"depthUpdate""#));
    }
}

#[test]
fn bursts_make_messages_of_thousands_of_levels_and_beyond_64_kib() {
    for venue in ALL {
        let faults = Faults { bursts: Some(Bursts { every: 2, levels: 4_000 }), ..Faults::default() };
        let server = start(venue, faults);
        let (path, request) = path(venue);
        let mut socket = connect(&server, path);
        if let Some(request) = request {
            socket.send(request.into()).expect("sent");
        }
        let (mut long, mut placed, mut withdrawn) = (0, 0, 0);
        while placed < 1 || withdrawn < 1 {
            let Message::Text(text) = socket.read().expect("a message in time") else { continue };
            long = long.max(text.len());
            let message: Value = serde_json::from_str(&text).expect("JSON");
            let (rows, amount) = match venue {
                Venue::Deribit => (message["params"]["data"]["asks"].as_array().cloned(), 2),
                _ => (message["a"].as_array().cloned(), 1),
            };
            let rows = rows.unwrap_or_default();
            let is_zero = |row: &Value| {
                let text = row[amount].as_str().map_or_else(|| row[amount].to_string(), str::to_owned);
                text.chars().all(|c| "0.".contains(c))
            };
            if rows.len() >= 2_000 {
                let zeros = rows.iter().filter(|row| is_zero(row)).count();
                placed += usize::from(zeros < 1_000);
                withdrawn += usize::from(zeros > 1_900);
            }
        }
        assert!(long > 64 * 1024, "{venue:?}: {long}");
    }
}

#[test]
fn a_burst_is_a_part_of_the_simulators_own_book() {
    let faults = Faults { bursts: Some(Bursts { every: 3, levels: 3_000 }), ..Faults::default() };
    let server = start(Venue::BinanceSpot, faults);
    let mut socket = connect(&server, "/ws/btcusdt@depth@100ms");
    let mut before = None;
    for _ in 0..8 {
        let diff = next_json(&mut socket);
        let own = server.book_at("BTCUSDT", id(&diff["u"])).expect("an event");
        if let Some(mut book) = before {
            client::apply(&mut book, &diff["b"], &diff["a"]);
            assert_eq!(book, own, "at {}", diff["u"]);
        }
        before = Some(own);
    }
}
