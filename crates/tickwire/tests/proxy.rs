//! Connections through proxies: each is a thread that keeps to its RFC, over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::server::{authority, finish, head, next, serve, serve_tls, until_open};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;
use tickwire::venue::binance::{self, Binance, Config};
use tickwire::venue::{Cause, Event, LinkChange};
use tickwire::{Builder, Client, DialError, Error, Feed, Proxy, ProxyError};

/// A name that nobody but the proxy can look up.
const VENUE: &str = "venue.invalid";

/// Passes on what either says until one is done.
fn forward(client: TcpStream, venue: SocketAddr) {
    let server = TcpStream::connect(venue).unwrap();
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        })
    };
    let there = copy(client.try_clone().unwrap(), server.try_clone().unwrap());
    copy(server, client).join().unwrap();
    there.join().unwrap();
}

/// Each byte in a segment of its own.
fn dribble(stream: &mut TcpStream, bytes: &[u8]) {
    stream.set_nodelay(true).unwrap();
    bytes.chunks(1).for_each(|byte| stream.write_all(byte).unwrap());
}

fn take<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// A word to the venue and back.
fn talk(builder: &Builder) {
    let mut client = builder.connect(&format!("wss://{VENUE}:9443/ws")).unwrap();
    until_open(&mut client);
    client.send_text("a word").unwrap();
    assert_eq!(next(&mut client), b"a word");
    finish(client);
}

fn through(scheme: &str, proxy: SocketAddr) -> Proxy {
    Proxy::parse(&format!("{scheme}://us%40er:pass@{proxy}")).unwrap()
}

#[test]
fn tls_to_the_venue_goes_through_an_http_proxy() {
    let (authority, config) = authority(VENUE);
    let (venue, _) = serve_tls(config);
    let (proxy, thread) = serve(move |mut client| {
        let head = head(&mut client);
        dribble(&mut client, b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n");
        forward(client, venue);
        head
    });
    let builder = Client::builder().extra_roots_pem(authority.as_bytes()).unwrap();
    talk(&builder.proxy(through("http", proxy)));
    let head = thread.join().unwrap();
    assert!(
        head.starts_with("CONNECT venue.invalid:9443 HTTP/1.1\r\nHost: venue.invalid:9443\r\n"),
        "{head}"
    );
    // "us@er:pass"; what the venue is asked goes to it alone.
    assert!(
        head.contains("\r\nProxy-Authorization: Basic dXNAZXI6cGFzcw==\r\n") && !head.contains("Sec-"),
        "{head}"
    );
}

#[test]
fn tls_to_the_venue_goes_through_a_socks_proxy() {
    let (authority, config) = authority(VENUE);
    let (venue, _) = serve_tls(config);
    let (proxy, thread) = serve(move |mut client| {
        assert_eq!(take(&mut client), [5, 2, 0, 2]);
        dribble(&mut client, &[5, 2]);
        assert_eq!(&take(&mut client), b"\x01\x05us@er\x04pass");
        dribble(&mut client, &[1, 0]);
        assert_eq!(take(&mut client), [5, 1, 0, 3, 13]);
        assert_eq!(&take::<15>(&mut client), b"venue.invalid\x24\xe3");
        // A name as the bound address.
        dribble(&mut client, b"\x05\x00\x00\x03\x03abc\x00\x50");
        forward(client, venue);
    });
    let builder = Client::builder().extra_roots_pem(authority.as_bytes()).unwrap();
    talk(&builder.proxy(through("socks5", proxy)));
    thread.join().unwrap();
}

/// What a client says of a proxy that answers so.
fn problem(scheme: &'static str, answers: &'static [&'static [u8]]) -> ProxyError {
    problem_of(scheme, move |mut client| {
        for answer in answers {
            assert!(client.read(&mut [0; 1024]).unwrap() > 0);
            client.write_all(answer).unwrap();
        }
        // Its end, unless the client has gone before.
        let _ = client.shutdown(std::net::Shutdown::Write);
        while client.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {}
    })
}

fn problem_of(scheme: &'static str, run: impl FnOnce(TcpStream) + Send + 'static) -> ProxyError {
    let (proxy, thread) = serve(run);
    let mut client = Client::builder().proxy(through(scheme, proxy)).connect("ws://venue.invalid/").unwrap();
    let problem = loop {
        match client.next_message() {
            Ok(message) => assert!(message.is_none()),
            Err(Error::Dial(DialError::Proxy { proxy, problem })) => {
                assert_eq!(proxy, "127.0.0.1");
                break problem;
            }
            Err(error) => panic!("{error}"),
        }
        client.wait(None).unwrap();
    };
    drop(client);
    thread.join().unwrap();
    problem
}

#[test]
fn a_reset_by_a_proxy_is_told_as_the_proxys() {
    for scheme in ["http", "socks5"] {
        let reset = problem_of(scheme, |client| {
            // What it does not read makes its end a reset.
            assert_eq!(client.peek(&mut [0]).unwrap(), 1);
        });
        assert_eq!(reset, ProxyError::Lost(ErrorKind::ConnectionReset));
    }
}

#[test]
fn a_proxy_that_does_not_let_us_through_says_why() {
    assert_eq!(problem("http", &[b"HTTP/1.1 407 No\r\n\r\n"]), ProxyError::Credentials);
    assert_eq!(
        problem("http", &[b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno"]),
        ProxyError::Status(503)
    );
    assert_eq!(problem("socks5", &[&[5, 0xff]]), ProxyError::Credentials);
    assert_eq!(problem("socks5", &[&[5, 2], &[1, 9]]), ProxyError::Credentials);
    assert_eq!(problem("socks5", &[&[5, 0], &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]]), ProxyError::Reply(5));
}

#[test]
fn a_proxy_that_is_none_is_told_as_that() {
    let is_broken = |problem| matches!(problem, ProxyError::Broken(_));
    assert!(is_broken(problem("http", &[b""])), "it ends the connection");
    assert!(is_broken(problem("http", &[b"\x05\xff"])));
    assert!(is_broken(problem("http", &[b"HTTP/1.1 200 OK\r\n\r\nand more"])));
    assert!(is_broken(problem("socks5", &[b"HTTP/1.1 400 Bad Request\r\n\r\n"])));
    assert!(is_broken(problem("socks5", &[&[5, 0], &[5, 0, 0]])));
}

#[test]
fn a_feed_does_not_try_a_proxy_again_that_does_not_take_the_credentials() {
    let (proxy, thread) = serve(|mut client| {
        head(&mut client);
        client.write_all(b"HTTP/1.1 407 No\r\n\r\n").unwrap();
        while client.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {}
    });
    let config = Config {
        symbols: vec!["BTCUSDT".into()],
        streams: vec![binance::Stream::Trade],
        stream_url: "ws://venue.invalid".into(),
        ..Config::default()
    };
    let builder = Client::builder().proxy(through("http", proxy));
    let mut feed = Feed::connect(Binance::new(config).unwrap(), &builder).unwrap();
    let mut is_stopped = false;
    let error = loop {
        match feed.next(Some(Duration::from_secs(60))) {
            Ok(Some(arrival)) => {
                let refused = Cause::Refused { status: 407, retry_after_s: None };
                is_stopped |= matches!(arrival.event, Event::Link(link)
                    if matches!(link.change, LinkChange::Stopped { cause, .. } if cause == refused));
            }
            Ok(None) => panic!("nothing is told"),
            Err(error) => break error,
        }
    };
    assert!(is_stopped && error.to_string().contains("credentials"), "{error}");
    assert!(!error.to_string().contains("pass"), "{error}");
    thread.join().unwrap();
}

/// A proxy for any number of connections, to whatever host they name; says which they named.
#[cfg(feature = "rest")]
fn proxy(is_socks: bool) -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (named, names) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, named) = (client.unwrap(), named.clone());
            thread::spawn(move || {
                let name = if is_socks { socks_name(&mut client) } else { connect_name(&mut client) };
                named.send(name.clone()).unwrap();
                forward(client, std::net::ToSocketAddrs::to_socket_addrs(&name).unwrap().next().unwrap());
            });
        }
    });
    (address, names)
}

#[cfg(feature = "rest")]
fn connect_name(client: &mut TcpStream) -> String {
    let head = head(client);
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    head.split(' ').nth(1).unwrap().to_owned()
}

#[cfg(feature = "rest")]
fn socks_name(client: &mut TcpStream) -> String {
    let [_, methods] = take(client);
    client.read_exact(&mut vec![0; methods.into()]).unwrap();
    client.write_all(&[5, 0]).unwrap();
    let [_, _, _, kind, len] = take(client);
    assert_eq!(kind, 3, "a name");
    let mut name = vec![0; len.into()];
    client.read_exact(&mut name).unwrap();
    let port = u16::from_be_bytes(take(client));
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
    format!("{}:{port}", String::from_utf8(name).unwrap())
}

#[cfg(feature = "rest")]
#[test]
fn documents_go_through_the_proxy_too() {
    use tickwire::venue::BookChange;
    use tickwire_sim::{Options, Server, Source, Venue};
    for (scheme, is_socks) in [("http", false), ("socks5", true)] {
        let source = Source::Market { seed: 5, symbols: vec!["BTCUSDT".into()], events_per_second: 200 };
        let server = Server::start(Options { source, ..Options::of(Venue::BinanceUsdM) }).unwrap();
        let (address, names) = proxy(is_socks);
        let config = Config {
            symbols: vec!["BTCUSDT".into()],
            streams: vec![binance::Stream::Depth { ms: 100 }],
            stream_url: server.stream_url(),
            snapshots: binance::Snapshots::Rest,
            rest_url: format!("{}/fapi/v1/depth", server.rest_url()),
            ..Config::usd_m()
        };
        let builder = Client::builder().extra_roots_pem(server.ca_pem().as_bytes()).unwrap();
        let builder = builder.proxy(Proxy::parse(&format!("{scheme}://{address}")).unwrap());
        let mut feed = Feed::connect(Binance::new(config).unwrap(), &builder).unwrap();
        loop {
            let arrival = feed.next(None).unwrap().expect("an open feed");
            if matches!(arrival.event, Event::Book(book) if matches!(book.change, BookChange::Synced { .. }))
            {
                break;
            }
        }
        let hosts: Vec<String> = names.try_iter().collect();
        let host = server.stream_url().replace("wss://", "");
        assert_eq!(hosts, [host.clone(), host], "the stream, and the document");
    }
}

/// What a server is shown.
fn shown(builder: &Builder) -> Vec<String> {
    let (server, thread) = serve(|mut client| head(&mut client));
    let mut client = builder.connect(&format!("ws://{server}/")).unwrap();
    while !thread.is_finished() {
        let _ = client.next_message();
        client.wait(Some(Duration::from_millis(10))).unwrap();
    }
    let head = thread.join().unwrap();
    head.lines().filter_map(|line| line.strip_prefix("Authorization: ")).map(str::to_owned).collect()
}

#[test]
fn a_server_is_shown_what_the_rfcs_say_and_only_the_last() {
    let basic = || Client::builder().basic_auth("Aladdin", "open sesame").unwrap();
    // The examples of RFC 7617 2 and RFC 6750 2.1.
    assert_eq!(shown(&basic()), ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]);
    assert_eq!(shown(&basic().bearer_auth("mF_9.B5f-4.1JqM")), ["Bearer mF_9.B5f-4.1JqM"]);
    assert!(matches!(Client::builder().basic_auth("a:b", ""), Err(Error::Misuse(_))));
}

#[test]
fn what_is_shown_to_the_server_is_no_part_of_the_settings_shown_here() {
    let builder = Client::builder()
        .basic_auth("user", "secret")
        .unwrap()
        .bearer_auth("token-secret")
        .proxy(Proxy::parse("http://user:secret@proxy.example:1").unwrap());
    assert!(!format!("{builder:?}").contains("secret"), "{builder:?}");
}
