//! The opening handshake of both roles (RFC 6455 4).
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{NowForTest as _, SEED};
use std::time::Instant;
use tickwire_ws::{
    Config, Connection, Disconnected, Error, Event, Exceeded, HandshakeError, Request, RequestError,
};

fn pending(request: Request) -> (Connection, String) {
    let client = Connection::client(request, Config::default(), SEED, Instant::now_for_test());
    let sent = String::from_utf8(client.transmit().to_vec()).unwrap();
    (client, sent)
}

fn plain() -> Request {
    Request::new("venue.example:9443", "/ws/btcusdt@trade?x=1").unwrap()
}

/// The Accept value for the key in a request, computed by the independent peer.
fn accept_for(sent: &str) -> String {
    let key = sent.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    tungstenite::handshake::derive_accept_key(key.as_bytes())
}

fn response(sent: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        accept_for(sent)
    )
}

fn answered(request: Request, answer: impl Fn(&str) -> String) -> Result<Option<Event>, Error> {
    let (mut client, sent) = pending(request);
    client.feed(answer(&sent).as_bytes(), Instant::now_for_test());
    client.poll()
}

fn refused(request: Request, answer: impl Fn(&str) -> String) -> HandshakeError {
    match answered(request, answer) {
        Err(Error::Handshake(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_request_holds_what_the_rfc_demands() {
    let request =
        plain().header("X-MBX-APIKEY", "k").unwrap().subprotocol("a").unwrap().subprotocol("b").unwrap();
    let (_, sent) = pending(request);
    let lines: Vec<&str> = sent.split("\r\n").collect();
    assert_eq!(lines[0], "GET /ws/btcusdt@trade?x=1 HTTP/1.1");
    for line in [
        "Host: venue.example:9443",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: a, b",
        "X-MBX-APIKEY: k",
    ] {
        assert!(lines.contains(&line), "{line} in {sent}");
    }
    assert!(sent.ends_with("\r\n\r\n"));
}

#[test]
fn a_right_answer_opens_whatever_its_case_order_and_split() {
    let answer = |sent: &str| {
        format!(
            "HTTP/1.1 101 ok\r\nsec-websocket-ACCEPT:{}\r\nX-Other: 1\r\nCONNECTION: keep-alive, upgrade\r\nupgrade: WebSocket\r\n\r\n",
            accept_for(sent)
        )
    };
    let (mut client, sent) = pending(plain());
    let bytes = answer(&sent).into_bytes();
    for (i, byte) in bytes.iter().enumerate() {
        client.feed(&[*byte], Instant::now_for_test());
        let expected = (i + 1 == bytes.len()).then_some(Event::Open);
        assert_eq!(client.poll(), Ok(expected));
    }
    assert_eq!(client.response().unwrap().status, 101);
}

#[test]
fn frames_behind_the_answer_are_not_lost() {
    let (mut client, sent) = pending(plain());
    let bytes = [response(&sent).as_bytes(), b"\x81\x02hi"].concat();
    client.feed(&bytes, Instant::now_for_test());
    assert_eq!(client.poll(), Ok(Some(Event::Open)));
    assert_eq!(client.poll(), Ok(Some(Event::Message)));
    assert_eq!(client.message().unwrap().single(), Some(&b"hi"[..]));
}

#[test]
fn wrong_answers_are_refused_by_name() {
    let without = |field: &'static str| {
        move |sent: &str| {
            response(sent).split_inclusive("\r\n").filter(|line| !line.starts_with(field)).collect::<String>()
        }
    };
    let with = |line: &'static str| {
        move |sent: &str| response(sent).replacen("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"), 1)
    };
    assert_eq!(refused(plain(), without("Upgrade")), HandshakeError::Header("Upgrade"));
    assert_eq!(refused(plain(), without("Connection")), HandshakeError::Header("Connection"));
    assert_eq!(
        refused(plain(), without("Sec-WebSocket-Accept")),
        HandshakeError::Header("Sec-WebSocket-Accept")
    );
    assert_eq!(
        refused(plain(), |_| response("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")),
        HandshakeError::WrongAccept
    );
    assert_eq!(
        refused(plain(), with("Sec-WebSocket-Extensions: permessage-deflate")),
        HandshakeError::UnofferedExtension
    );
    assert_eq!(refused(plain(), with("Sec-WebSocket-Protocol: chat")), HandshakeError::UnofferedSubprotocol);
    let offering = || plain().subprotocol("chat").unwrap();
    assert_eq!(answered(offering(), with("Sec-WebSocket-Protocol: chat")), Ok(Some(Event::Open)));
    assert_eq!(
        refused(offering(), with("Sec-WebSocket-Protocol: chat, other")),
        HandshakeError::UnofferedSubprotocol
    );
    assert_eq!(
        refused(plain(), |sent| response(sent).replace("HTTP/1.1", "HTTP/1.0")),
        HandshakeError::NotHttp
    );
    assert_eq!(refused(plain(), |_| "SSH-2.0-OpenSSH_9.2\r\n\r\n".into()), HandshakeError::NotHttp);
}

#[test]
fn a_refusal_shows_status_and_body_however_the_body_is_framed() {
    let bodies = [
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 12\r\n\r\nnot from US\n".to_owned(),
        "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnot \r\n8\r\nfrom US\n\r\n0\r\n\r\n".to_owned(),
    ];
    for answer in bodies {
        let HandshakeError::Refused(response) = refused(plain(), |_| answer.clone()) else { panic!() };
        assert_eq!((response.status, response.body.as_slice()), (403, &b"not from US\n"[..]));
        assert_eq!(response.to_string(), "HTTP status 403: not from US");
    }
}

#[test]
fn interim_answers_are_skipped_and_answers_without_a_body_are_not_waited_for() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(answered(plain(), |sent| format!("{interim}{}", response(sent))), Ok(Some(Event::Open)));
    let HandshakeError::Refused(refusal) =
        refused(plain(), |_| format!("{interim}HTTP/1.1 204 No Content\r\n\r\n"))
    else {
        panic!()
    };
    assert_eq!((refusal.status, refusal.body.len()), (204, 0));
    let (mut client, _) = pending(plain());
    let error = loop {
        client.feed(interim.repeat(10).as_bytes(), Instant::now_for_test());
        if let Err(error) = client.poll() {
            break error;
        }
    };
    assert_eq!(error, Error::Limit(Exceeded::HandshakeBytes { max: 16 << 10 }), "they are bounded");
}

#[test]
fn a_refusal_without_a_length_is_reported_when_the_stream_ends_or_the_time_is_up() {
    for by_time in [false, true] {
        let (mut client, _) = pending(plain());
        client.feed(
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\n\r\nslow down",
            Instant::now_for_test(),
        );
        assert_eq!(client.poll(), Ok(None));
        if by_time {
            client.on_deadline(client.next_deadline().unwrap());
        } else {
            client.received_end();
        }
        let Err(Error::Handshake(HandshakeError::Refused(response))) = client.poll() else { panic!() };
        assert_eq!(response.to_string(), "HTTP status 429, retry after 17: slow down");
    }
}

#[test]
fn an_endless_refusal_and_an_endless_head_are_bounded() {
    let (mut client, _) = pending(plain());
    client.feed(b"HTTP/1.1 500 Oops\r\n\r\n", Instant::now_for_test());
    let error = loop {
        client.feed(&[b'x'; 4000], Instant::now_for_test());
        if let Err(error) = client.poll() {
            break error;
        }
    };
    let Error::Handshake(HandshakeError::Refused(response)) = error else { panic!("{error:?}") };
    assert!(response.body.len() <= 16 << 10);

    let (mut client, _) = pending(plain());
    client.feed(b"HTTP/1.1 101 ok\r\n", Instant::now_for_test());
    let error = loop {
        client.feed(format!("X-{}: y\r\n", "z".repeat(2000)).as_bytes(), Instant::now_for_test());
        if let Err(error) = client.poll() {
            break error;
        }
    };
    assert_eq!(error, Error::Limit(Exceeded::HandshakeBytes { max: 16 << 10 }));

    let mut config = Config::default();
    config.limits.handshake_headers_max = usize::MAX;
    let mut client = Connection::client(plain(), config, SEED, Instant::now_for_test());
    client.feed(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", Instant::now_for_test());
    assert!(
        matches!(client.poll(), Err(Error::Handshake(HandshakeError::Refused(_)))),
        "no limit takes no memory"
    );

    let many = "X: y\r\n".repeat(65);
    let (mut client, _) = pending(plain());
    client.feed(format!("HTTP/1.1 101 ok\r\n{many}\r\n").as_bytes(), Instant::now_for_test());
    assert_eq!(client.poll(), Err(Error::Limit(Exceeded::HandshakeHeaders { max: 64 })));
}

#[test]
fn the_stream_may_not_end_before_the_answer() {
    let (mut client, _) = pending(plain());
    client.feed(b"HTTP/1.1 101", Instant::now_for_test());
    client.received_end();
    assert_eq!(client.poll(), Err(Error::Disconnected(Disconnected::InHandshake)));
}

#[test]
fn requests_that_would_smuggle_are_refused_and_values_are_not_shown() {
    assert!(matches!(Request::new("", "/"), Err(RequestError::Host)));
    assert!(matches!(Request::new("a b", "/"), Err(RequestError::Host)));
    assert!(matches!(Request::new("a\r\nX: y", "/"), Err(RequestError::Host)));
    assert_eq!(Request::new("a", "x"), Err(RequestError::Target));
    assert_eq!(Request::new("a", "/ HTTP/1.1\r\nX: y"), Err(RequestError::Target));
    assert!(
        matches!(plain().header("X", "secret\r\nY: z"), Err(RequestError::Header(shown)) if !shown.contains("secret"))
    );
    assert!(matches!(plain().header("", "v"), Err(RequestError::Header(_))));
    assert!(matches!(plain().header("Upgrade", "h2c"), Err(RequestError::Reserved(_))));
    assert!(plain().subprotocol("a, b").is_err());
    let debug = format!("{:?}", plain().header("Authorization", "Bearer secret").unwrap());
    assert!(
        debug.contains("Authorization") && !debug.contains("secret") && !debug.contains("trade"),
        "{debug}"
    );
}

fn server_answer(request: &str, act: impl FnOnce(&mut Connection)) -> (Connection, String) {
    let mut server = Connection::server(Config::default(), Instant::now_for_test());
    server.feed(request.as_bytes(), Instant::now_for_test());
    act(&mut server);
    let sent = String::from_utf8(server.transmit().to_vec()).unwrap();
    (server, sent)
}

/// RFC 6455 1.2, with the key of 1.3.
const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn a_server_accepts_the_request_of_the_rfc() {
    let (server, sent) = server_answer(REQUEST, |server| {
        assert_eq!(server.poll(), Ok(Some(Event::Request)));
        let request = server.request().unwrap();
        assert_eq!((request.target(), request.host()), ("/chat", "server.example.com"));
        assert_eq!(request.subprotocols(), ["chat", "superchat"]);
        assert_eq!(request.headers().first("origin"), Some("http://example.com"));
        assert!(server.accept(Some("mqtt")).is_err(), "not offered");
        server.accept(Some("chat")).unwrap();
    });
    assert!(server.is_open());
    assert!(sent.starts_with("HTTP/1.1 101 "), "{sent}");
    assert!(sent.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{sent}");
    assert!(sent.contains("\r\nSec-WebSocket-Protocol: chat\r\n"), "{sent}");
}

#[test]
fn a_server_refuses_bad_requests_with_a_status() {
    let cases = [
        (REQUEST.replace("GET", "POST"), HandshakeError::Method, "405"),
        (REQUEST.replace("Version: 13", "Version: 8"), HandshakeError::Version, "426"),
        (
            REQUEST.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"),
            HandshakeError::Header("Sec-WebSocket-Key"),
            "400",
        ),
        (REQUEST.replace("Host: server.example.com\r\n", ""), HandshakeError::Header("Host"), "400"),
        (REQUEST.replace("Upgrade: websocket\r\n", ""), HandshakeError::Header("Upgrade"), "400"),
        (REQUEST.replace("Connection: Upgrade\r\n", ""), HandshakeError::Header("Connection"), "400"),
    ];
    for (request, error, status) in cases {
        let (server, sent) = server_answer(&request, |server| {
            assert_eq!(server.poll(), Err(error.clone().into()));
        });
        assert!(sent.starts_with(&format!("HTTP/1.1 {status} ")), "{sent}");
        assert!(server.is_ended());
    }
}

#[test]
fn a_server_may_reject_a_request() {
    let (server, sent) = server_answer(REQUEST, |server| {
        server.poll().unwrap();
        server.reject(404, "no such stream").unwrap();
    });
    assert!(sent.starts_with("HTTP/1.1 404 ") && sent.ends_with("\r\n\r\nno such stream"), "{sent}");
    assert!(server.is_ended());
}

#[test]
fn a_fault_behind_the_limit_of_the_head_is_not_looked_at() {
    let limits = tickwire_ws::Limits { handshake_bytes_max: 100, ..tickwire_ws::Limits::default() };
    let config = Config { limits, ..Config::default() };
    // No end within 100 bytes, and behind them something that is no HTTP.
    let head = format!("HTTP/1.1 101 ok\r\nX-Filler: {}", "x".repeat(100));
    let bytes = [head.as_bytes(), b"\r\n\x00\x01 no header\r\n\r\n"].concat();
    for read in 1..=bytes.len() {
        let mut client = Connection::client(plain(), config.clone(), SEED, Instant::now_for_test());
        let seen = common::run(&mut client, &bytes, read);
        let exceeded = Error::Limit(Exceeded::HandshakeBytes { max: 100 });
        assert_eq!(seen, [common::Seen::Error(exceeded)], "reads of {read}");
    }
}

#[test]
fn fields_that_are_not_text_count() {
    for (field, expected) in [
        (&b"Sec-WebSocket-Extensions: x-other\xff"[..], HandshakeError::ExtensionAnswer),
        (b"Sec-WebSocket-Protocol: chat\xff", HandshakeError::UnofferedSubprotocol),
        (b"Sec-WebSocket-Accept: \xff", HandshakeError::Header("Sec-WebSocket-Accept")),
    ] {
        let (mut client, sent) = pending(plain());
        let head = response(&sent);
        let bytes = [head.trim_end().as_bytes(), b"\r\n", field, b"\r\n\r\n"].concat();
        client.feed(&bytes, Instant::now_for_test());
        assert_eq!(client.poll(), Err(Error::Handshake(expected)), "{}", String::from_utf8_lossy(field));
    }
}
