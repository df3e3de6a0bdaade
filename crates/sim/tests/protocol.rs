//! The venue's rules, seen by an independent client over real TLS.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod client;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use client::{ask, connect, ends_without_close, next_json, read_close, tls, try_connect};
use serde_json::{Value, json};
use tickwire_sim::{Error, Faults, Options, Server, Source};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, Message};

fn market(events_per_second: u32) -> Source {
    Source::Market { seed: 11, symbols: vec!["BTCUSDT".to_owned(), "ETHUSDT".to_owned()], events_per_second }
}

/// A silent market without a limit on messages, so that a test's requests are answered and nothing else comes.
fn quiet() -> Server {
    let options = Options {
        source: market(0),
        ping_interval: Duration::MAX,
        pong_timeout: Duration::MAX,
        messages_per_second: 10_000,
        ..Options::default()
    };
    Server::start(options).expect("a server")
}

#[test]
fn control_requests_are_answered_with_their_id_in_its_type() {
    let server = quiet();
    let mut socket = connect(&server, "/ws");
    let table = [
        (
            r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","nosuch@depth"],"id":1}"#,
            json!({"result":null,"id":1}),
        ),
        (
            r#"{"method":"LIST_SUBSCRIPTIONS","id":"a-1"}"#,
            json!({"result":["btcusdt@aggTrade","nosuch@depth"],"id":"a-1"}),
        ),
        (
            r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":null}"#,
            json!({"result":null,"id":null}),
        ),
        (r#"{"method":"UNSUBSCRIBE","params":["nosuch@depth"],"id":-312}"#, json!({"result":null,"id":-312})),
        (r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#, json!({"result":["btcusdt@aggTrade"],"id":3})),
        (r#"{"method":"GET_PROPERTY","params":["combined"],"id":2}"#, json!({"result":false,"id":2})),
        (r#"{"method":"SET_PROPERTY","params":["combined",true],"id":5}"#, json!({"result":null,"id":5})),
        (r#"{"method":"GET_PROPERTY","params":["combined"],"id":6}"#, json!({"result":true,"id":6})),
    ];
    for (request, expected) in table {
        assert_eq!(ask(&mut socket, request), expected, "{request}");
    }
    let mut combined = connect(&server, "/stream?streams=btcusdt@trade/ethusdt@depth5@100ms");
    let property = ask(&mut combined, r#"{"method":"GET_PROPERTY","params":["combined"],"id":1}"#);
    assert_eq!(property, json!({"result":true,"id":1}));
    let listed = ask(&mut combined, r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#);
    assert_eq!(listed, json!({"result":["btcusdt@trade","ethusdt@depth5@100ms"],"id":2}));
}

/// Request, then code, id and text of the refusal.
const WRONG_REQUESTS: &str = r#"
{"method":"SUBSCRIBE","params":["btcusdt"],"id":7} -> 2 7 Invalid request: invalid stream
{"method":"SUBSCRIBE","params":["btcusdt@trade",5],"id":7} -> 2 7 Invalid request: invalid stream
{"method":"JUMP","id":1} -> 2 1 Invalid request: unknown variant `JUMP`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 16
{"id":4} -> 2 4 Invalid request: missing field `method` at line 1 column 8
{"method":"LIST_SUBSCRIPTIONS","id":1.5} -> 2 null Invalid request: request ID must be an unsigned integer
{"method":"GET_PROPERTY","params":[true],"id":1} -> 2 1 Invalid request: property name must be a string
{"method":"GET_PROPERTY","params":["combined",1],"id":1} -> 2 1 Invalid request: too many parameters
{"method":"GET_PROPERTY","params":["colour"],"id":1} -> 0 1 Unknown property
{"method":"SET_PROPERTY","params":["combined","yes"],"id":1} -> 1 1 Invalid value type: expected Boolean
hello -> 3 null Invalid JSON: expected value at line 1 column 1
"#;

#[test]
fn wrong_control_requests_get_the_venues_errors() {
    let server = quiet();
    let mut socket = connect(&server, "/ws");
    for line in WRONG_REQUESTS.trim().lines() {
        let (request, answer) = line.split_once(" -> ").expect("an arrow");
        let mut expected = answer.splitn(3, ' ');
        let [code, id, message] = [(); 3].map(|()| expected.next().expect("three parts"));
        let number = |text| serde_json::from_str::<Value>(text).expect("a number or null");
        let expected = json!({"error":{"code":number(code),"msg":message},"id":number(id)});
        assert_eq!(ask(&mut socket, request), expected, "{request}");
    }
    let listed = ask(&mut socket, r#"{"method":"LIST_SUBSCRIPTIONS","id":9}"#);
    assert_eq!(listed, json!({"result":[],"id":9}), "a refused SUBSCRIBE leaves nothing behind");
}

#[test]
fn a_connection_takes_1024_streams_and_not_one_more() {
    let server = quiet();
    let mut socket = connect(&server, "/ws");
    let names: Vec<_> = (0..1_024).map(|n| format!("s{n}@trade")).collect();
    let request = json!({"method":"SUBSCRIBE","params":names,"id":1}).to_string();
    assert_eq!(ask(&mut socket, &request), json!({"result":null,"id":1}));
    let again = r#"{"method":"SUBSCRIBE","params":["s5@trade"],"id":2}"#;
    assert_eq!(ask(&mut socket, again), json!({"result":null,"id":2}), "already there");
    let more = r#"{"method":"SUBSCRIBE","params":["one@trade"],"id":3}"#;
    assert_eq!(ask(&mut socket, more)["error"]["code"], 2);
}

#[test]
fn other_paths_are_refused_with_a_status_and_a_body() {
    let server = quiet();
    for (path, status) in [("/", 404), ("/ws-api/v1", 404), ("/ws/nonsense", 400)] {
        let Err(error) = try_connect(&server, path) else { panic!("{path} is served") };
        let tungstenite::Error::Http(response) = *error else { panic!("{path}: {error}") };
        assert_eq!(response.status(), status, "{path}");
        let body: Value = serde_json::from_slice(response.body().as_deref().expect("a body")).expect("JSON");
        assert_eq!(body["code"], -1, "{path}");
    }
}

#[test]
fn the_api_answers_ping_time_and_depth_and_counts_weight() {
    let server = quiet();
    let mut socket = connect(&server, "/ws-api/v3");
    let ping = ask(&mut socket, r#"{"id":"p","method":"ping"}"#);
    assert_eq!((&ping["id"], &ping["status"], &ping["result"]), (&json!("p"), &json!(200), &json!({})));
    let used = ping["rateLimits"][0]["count"].as_u64().expect("a count");
    let time = ask(&mut socket, r#"{"id":1,"method":"v3/time","params":{"returnRateLimits":false}}"#);
    assert!(time["result"]["serverTime"].as_u64().expect("a time") > 1_700_000_000_000);
    assert_eq!(time.get("rateLimits"), None);

    let depth = ask(&mut socket, r#"{"id":null,"method":"depth","params":{"symbol":"BTCUSDT","limit":7}}"#);
    assert_eq!(depth["id"], Value::Null);
    assert!(depth["result"]["lastUpdateId"].is_u64());
    assert_eq!(depth["result"]["bids"].as_array().map(Vec::len), Some(7));
    assert_eq!(depth["result"]["asks"].as_array().map(Vec::len), Some(7));
    let count = depth["rateLimits"][0]["count"].as_u64().expect("a count");
    // Unless the clock's minute just ended, the account has grown by the costs of `time` and `depth`.
    assert!(count == used + 1 + 5 || count <= 6, "{used} {count}");
    let full = ask(&mut socket, r#"{"id":2,"method":"depth","params":{"symbol":"BTCUSDT","limit":5000}}"#);
    assert!(full["result"]["asks"].as_array().is_some_and(|levels| (450..=1_001).contains(&levels.len())));
}

#[test]
fn wrong_api_requests_get_the_venues_errors() {
    let server = quiet();
    let mut socket = connect(&server, "/ws-api/v3?returnRateLimits=false");
    let table = [
        (r#"{"id":1,"method":"depth","params":{"symbol":"NOSUCH"}}"#, -1121),
        (r#"{"id":1,"method":"depth","params":{"symbol":"btcusdt"}}"#, -1100),
        (r#"{"id":1,"method":"depth"}"#, -1102),
        (r#"{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","limit":0}}"#, -1130),
        (r#"{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","limit":5001}}"#, -1130),
        (r#"{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","limit":"many"}}"#, -1100),
        (r#"{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","colour":1}}"#, -1103),
        (r#"{"id":1,"method":"order.place"}"#, -1020),
        (r#"{"id":1"#, -1135),
    ];
    for (request, code) in table {
        let answer = ask(&mut socket, request);
        assert_eq!((&answer["status"], &answer["error"]["code"]), (&json!(400), &json!(code)), "{request}");
        assert!(answer["error"]["msg"].is_string(), "{request}");
    }
    let expensive = r#"{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","limit":5000}}"#;
    let refused = (0..60).map(|_| ask(&mut socket, expensive)).find(|answer| answer["status"] == 429);
    let refused = refused.expect("60 times 250 are more than two minutes' weight");
    assert_eq!(refused["error"]["code"], -1003);
    assert!(
        refused["error"]["data"]["retryAfter"].as_u64() > refused["error"]["data"]["serverTime"].as_u64()
    );
}

#[test]
fn the_sixth_message_in_a_second_closes_the_connection() {
    let server = Server::start(Options { source: market(0), ..Options::default() }).expect("a server");
    let mut socket = connect(&server, "/ws");
    for id in 0..3 {
        ask(&mut socket, &format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#));
    }
    socket.send(Message::Ping(Bytes::from_static(b"x"))).expect("sent");
    socket.send(Message::Pong(Bytes::new())).expect("sent");
    socket.send("{}".into()).expect("sent");
    assert_eq!(read_close(&mut socket), (CloseCode::Policy, "Too many requests".to_owned()));
}

fn pinging() -> Server {
    let (ping_interval, pong_timeout) = (Duration::from_millis(300), Duration::from_millis(700));
    let options = Options { source: market(0), ping_interval, pong_timeout, ..Options::default() };
    Server::start(options).expect("a server")
}

#[test]
fn a_pong_that_does_not_echo_closes_the_connection() {
    let server = pinging();
    let mut socket = connect(&server, "/ws");
    loop {
        match socket.read().expect("a ping or a close") {
            // A pong of one's own replaces the one that would echo.
            Message::Ping(_) => {
                socket.send(Message::Pong(Bytes::from_static(b"something else"))).expect("sent");
            }
            Message::Close(frame) => {
                let frame = frame.expect("a code");
                assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Policy, "Pong timeout"));
                return;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn pings_carry_a_time_in_milliseconds_and_an_echo_keeps_the_connection() {
    let server = pinging();
    let mut socket = connect(&server, "/ws");
    for _ in 0..6 {
        match socket.read().expect("a ping") {
            Message::Ping(payload) => {
                let text = String::from_utf8(payload.to_vec()).expect("digits");
                assert!(text.parse::<u64>().is_ok_and(|ms| ms > 1_700_000_000_000), "{text}");
                socket.flush().expect("the echo is sent");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_shutdown_is_told_before_the_close() {
    let faults = Faults { shutdown_after: Some(Duration::from_millis(100)), ..Faults::default() };
    let server =
        Server::start(Options { source: market(0), faults, ..Options::default() }).expect("a server");
    let (mut raw, mut combined) = (connect(&server, "/ws"), connect(&server, "/stream"));
    let mut api = connect(&server, "/ws-api/v3");
    assert_eq!(next_json(&mut raw)["e"], "serverShutdown");
    let wrapped = next_json(&mut combined);
    assert_eq!(
        (&wrapped["stream"], &wrapped["data"]["e"]),
        (&json!("!serverShutdown"), &json!("serverShutdown"))
    );
    assert_eq!(next_json(&mut api)["event"]["e"], "serverShutdown");
    assert_eq!(read_close(&mut raw).0, CloseCode::Away);
}

#[test]
fn a_cut_comes_without_a_close() {
    let faults = Faults { cut_after: Some(Duration::from_millis(100)), ..Faults::default() };
    let server =
        Server::start(Options { source: market(0), faults, ..Options::default() }).expect("a server");
    assert!(ends_without_close(&mut connect(&server, "/ws")));
}

#[test]
fn stopping_the_server_says_goodbye() {
    let server = quiet();
    let mut socket = connect(&server, "/ws");
    drop(server);
    assert_eq!(read_close(&mut socket).0, CloseCode::Away);
}

#[test]
fn hostile_clients_lose_their_own_connection_only() {
    let server = quiet();
    let mut witness = connect(&server, "/ws");
    let plain = || TcpStream::connect(server.addr()).expect("it listens");
    // Garbage instead of TLS, half a handshake, and clients that leave at once.
    plain().write_all(&[0xff; 4_096]).expect("written");
    let half = plain();
    let mut garbage = tls(&server);
    garbage.write_all(b"GET \x00\x01 nonsense\r\n\r\n").expect("written");
    assert!(matches!(garbage.read(&mut [0; 16]), Ok(0) | Err(_)), "it is closed, not answered");
    let mut early = tls(&server);
    early.write_all(b"GET /ws HTTP/1.1\r\nHost: localhost\r\n").expect("written");
    let too_many: Vec<_> = (0..300).map(|_| TcpStream::connect(server.addr())).collect();
    // A frame that announces far too much, and text that is none.
    assert_eq!(ask(&mut witness, r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#)["id"], 1);
    drop((half, early, too_many));

    for (frame, code) in [
        (&[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0][..], CloseCode::Size),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff][..], CloseCode::Invalid),
        (&[0x81, 0x01, b'x'][..], CloseCode::Protocol),
    ] {
        // Places become free as the server notices that the others left.
        let mut socket = (0..1_000).find_map(|_| try_connect(&server, "/ws").ok()).expect("a free place");
        socket.get_mut().write_all(frame).expect("written");
        assert_eq!(read_close(&mut socket).0, code);
    }
    assert_eq!(ask(&mut witness, r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#)["id"], 2);
}

#[test]
fn a_consumer_that_does_not_read_is_closed_and_others_go_on() {
    let server = Server::start(Options { source: market(60_000), ..Options::default() }).expect("a server");
    let path = "/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker/btcusdt@depth@100ms/btcusdt@trade";
    let mut slow = connect(&server, path);
    // The other one reads at least what the buffers on the way and the 8 MiB hold.
    let mut quick = connect(&server, path);
    let mut bytes = 0;
    while bytes < 24 * 1024 * 1024 {
        bytes += quick.read().expect("it keeps up").len();
    }
    let (code, reason) = read_close(&mut slow);
    assert_eq!(code, CloseCode::Policy);
    assert!(reason.starts_with("Slow consumer"), "{reason}");
}

#[test]
fn contradicting_options_are_refused() {
    let refused = |options: Options| matches!(Server::start(options), Err(Error::Options(_)));
    for symbols in [&[][..], &["btcusdt"], &["A\"B"], &["BTCUSDT", "BTCUSDT"]] {
        let symbols = symbols.iter().map(ToString::to_string).collect();
        let source = Source::Market { seed: 1, symbols, events_per_second: 1 };
        assert!(refused(Options { source, ..Options::default() }));
    }
    assert!(refused(Options { ping_interval: Duration::ZERO, ..Options::default() }));
    let faults = Faults { drop_diff_every: Some(0), ..Faults::default() };
    assert!(refused(Options { faults, ..Options::default() }));
}
