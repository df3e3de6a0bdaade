//! What goes wrong on purpose, at each venue where it can.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod client;

use std::time::Duration;

use client::{Socket, ask, connect, ends_without_close, get, id, next_json};
use serde_json::{Value, json};
use tickwire_sim::{BinanceRules, DeribitRules, Faults, Options, Server, Source, Venue};

const ALL: [Venue; 3] = [Venue::BinanceSpot, Venue::BinanceUsdM, Venue::Deribit];

fn options(venue: Venue, faults: Faults) -> Options {
    let symbols: &[&str] = match venue {
        Venue::Deribit => &["BTC-PERPETUAL", "ETH-PERPETUAL"],
        _ => &["BTCUSDT", "ETHUSDT"],
    };
    let symbols = symbols.iter().map(ToString::to_string).collect();
    let source = Source::Market { seed: 5, symbols, events_per_second: 200 };
    let deribit = DeribitRules { event_node: true, ..DeribitRules::default() };
    Options { source, faults, deribit, ..Options::of(venue) }
}

fn start(venue: Venue, faults: Faults) -> Server {
    Server::start(options(venue, faults)).expect("a server")
}

/// The stream of a symbol's fast diffs.
fn stream(venue: Venue, base: &str) -> String {
    match venue {
        Venue::Deribit => format!("book.{base}-PERPETUAL.100ms"),
        _ => format!("{}usdt@depth@100ms", base.to_lowercase()),
    }
}

fn open(server: &Server, venue: Venue) -> Socket {
    connect(
        server,
        match venue {
            Venue::BinanceSpot => "/stream",
            Venue::BinanceUsdM => "/public/stream",
            _ => "/ws/api/v2",
        },
    )
}

fn subscription(venue: Venue, streams: &[String]) -> String {
    match venue {
        Venue::Deribit => {
            json!({"id":1,"method":"public/subscribe","params":{"channels":streams}}).to_string()
        }
        _ => json!({"method":"SUBSCRIBE","params":streams,"id":1}).to_string(),
    }
}

/// The stream that a message belongs to.
fn origin(message: &Value) -> Option<&str> {
    message.get("stream").or_else(|| message.get("params")?.get("channel"))?.as_str()
}

#[test]
fn every_second_message_can_come_twice() {
    for venue in ALL {
        let server = start(venue, Faults { duplicate_every: Some(2), ..Faults::default() });
        let mut socket = open(&server, venue);
        socket.send(subscription(venue, &[stream(venue, "BTC")]).into()).expect("sent");
        let messages: Vec<_> = std::iter::repeat_with(|| next_json(&mut socket))
            .filter(|message| origin(message).is_some())
            .take(9)
            .collect();
        let twice: Vec<_> = messages.windows(2).map(|pair| pair[0] == pair[1]).collect();
        assert_eq!(twice, [false, true, false, false, true, false, false, true], "{venue:?}");
    }
}

#[test]
fn a_muted_stream_is_acknowledged_and_silent() {
    for venue in ALL {
        let both = ["BTC", "ETH"].map(|base| stream(venue, base));
        let server = start(venue, Faults { muted: vec![both[0].clone()], ..Faults::default() });
        let mut socket = open(&server, venue);
        socket.send(subscription(venue, &both).into()).expect("sent");
        let answer = next_json(&mut socket);
        match venue {
            Venue::Deribit => assert_eq!(answer["result"].as_array().map(Vec::len), Some(2)),
            _ => assert_eq!(answer, json!({"result":null,"id":1})),
        }
        for _ in 0..5 {
            assert_eq!(origin(&next_json(&mut socket)), Some(both[1].as_str()), "{venue:?}");
        }
    }
}

/// The answer to a request that asks for nothing, and how much data came before it.
fn data_before_answer(socket: &mut Socket, venue: Venue) -> usize {
    let request = match venue {
        Venue::Deribit => r#"{"id":2,"method":"public/test"}"#,
        _ => r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#,
    };
    socket.send(request.into()).expect("sent");
    std::iter::repeat_with(|| next_json(socket)).take_while(|message| origin(message).is_some()).count()
}

#[test]
fn a_connection_can_fall_silent_and_still_answer() {
    for venue in ALL {
        let faults = Faults { silent_after: Some(Duration::from_secs(1)), ..Faults::default() };
        let options = Options { messages_per_second: usize::MAX, ..options(venue, faults) };
        let server = Server::start(options).expect("a server");
        let subscription = subscription(venue, &[stream(venue, "BTC")]);
        let mut quiet = open(&server, venue);
        quiet.send(subscription.as_str().into()).expect("sent");
        next_json(&mut quiet);
        let (mut heard, mut missed) = (0, 0);
        while missed < 3 {
            // What a younger connection hears, the older one hears as well until it falls silent.
            let mut witness = open(&server, venue);
            witness.send(subscription.as_str().into()).expect("sent");
            while origin(&next_json(&mut witness)).is_none() {}
            match data_before_answer(&mut quiet, venue) {
                0 => missed += 1,
                count => heard += count,
            }
        }
        assert!(heard > 0, "{venue:?}");
    }
}

#[test]
fn data_can_come_before_the_answer_that_acknowledges_it() {
    for venue in ALL {
        let server = start(venue, Faults { answer_delay: Duration::from_millis(300), ..Faults::default() });
        let mut socket = open(&server, venue);
        socket.send(subscription(venue, &[stream(venue, "BTC")]).into()).expect("sent");
        assert_eq!(origin(&next_json(&mut socket)), Some(stream(venue, "BTC").as_str()), "{venue:?}");
        while next_json(&mut socket).get("id").is_none() {}
    }
}

#[test]
fn answers_can_overtake_each_other() {
    for (venue, path) in [(Venue::BinanceSpot, "/ws-api/v3"), (Venue::BinanceUsdM, "/ws-fapi/v1")] {
        let server = start(venue, Faults { answers_out_of_order: true, ..Faults::default() });
        let mut socket = connect(&server, path);
        for id in 0..4 {
            let request =
                json!({"id":id,"method":"depth","params":{"symbol":"BTCUSDT","limit":5}}).to_string();
            socket.write(request.into()).expect("written");
        }
        socket.flush().expect("sent");
        let order: Vec<_> = (0..4).map(|_| id(&next_json(&mut socket)["id"])).collect();
        assert_eq!(order, [1, 0, 3, 2], "{venue:?}");
    }
}

#[test]
fn a_cut_comes_without_a_close() {
    for venue in ALL {
        let server =
            start(venue, Faults { cut_after: Some(Duration::from_millis(100)), ..Faults::default() });
        assert!(ends_without_close(&mut open(&server, venue)), "{venue:?}");
    }
}

/// A snapshot of the moment may lie inside the interval of the next diff, which then spans it.
#[test]
fn snapshots_inside_intervals_are_spanned_by_a_diff() {
    for (venue, path) in [(Venue::BinanceSpot, "/api/v3/depth"), (Venue::BinanceUsdM, "/fapi/v1/depth")] {
        let faults = Faults { snapshots_inside_intervals: true, ..Faults::default() };
        // Many events, so that some fall between a diff and the snapshot that is asked for then.
        let source =
            Source::Market { seed: 5, symbols: vec!["BTCUSDT".to_owned()], events_per_second: 5_000 };
        let server = Server::start(Options { source, ..options(venue, faults) }).expect("a server");
        let mut socket = open(&server, venue);
        socket.send(subscription(venue, &[stream(venue, "BTC")]).into()).expect("sent");
        let mut inside = 0;
        while inside < 2 {
            while origin(&next_json(&mut socket)).is_none() {}
            let snapshot = id(&get(&server, &format!("{path}?symbol=BTCUSDT&limit=5")).2["lastUpdateId"]);
            loop {
                let message = next_json(&mut socket);
                let [first, last] = ["U", "u"].map(|name| message["data"][name].as_u64().unwrap_or(0));
                if last >= snapshot {
                    inside += usize::from(first < snapshot && snapshot < last);
                    break;
                }
            }
        }
    }
}

#[test]
fn control_errors_are_nested_unless_the_documented_form_is_chosen() {
    for (flat_errors, expected) in [
        (false, json!({"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":4})),
        (true, json!({"code":2,"msg":"Invalid request: invalid stream","id":4})),
    ] {
        for venue in [Venue::BinanceSpot, Venue::BinanceUsdM] {
            let binance = BinanceRules { flat_errors, ..BinanceRules::default() };
            let server = Server::start(Options { binance, ..Options::of(venue) }).expect("a server");
            let mut socket = open(&server, venue);
            let request = r#"{"method":"SUBSCRIBE","params":["nonsense"],"id":4}"#;
            assert_eq!(ask(&mut socket, request), expected, "{venue:?}");
        }
    }
}
