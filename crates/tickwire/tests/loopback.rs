//! The client over real sockets, against tungstenite as an independent server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::server::{authority, echo, finish, head, next, serve, serve_tls, until_open};
use common::{fragmented, text};
use mio::{Events, Interest, Poll, Token};
use rustls::pki_types::CertificateDer;
use rustls::{ServerConnection, StreamOwned};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tickwire::bytes::BytesMut;
use tickwire::ws::{Error as WsError, Exceeded, HandshakeError, Opcode, Timeout, Violation};
use tickwire::{Client, DialError, Error, Kind, Limits, Timeouts, TlsRecords, WaitPolicy, ZeroCopy};
use tungstenite::{Message, WebSocket};

/// Reads until the client reports an error.
fn error(client: &mut Client) -> Error {
    loop {
        match client.next_message_direct() {
            Err(error) => return error,
            Ok(Some(_)) => {}
            Ok(None) => {
                client.wait(None).unwrap();
            }
        }
        assert!(!client.is_closed() || client.next_message_direct().is_err(), "closed without an error");
    }
}

#[test]
fn messages_go_round_over_tcp_under_each_wait_policy() {
    for policy in [WaitPolicy::Block, WaitPolicy::Spin, WaitPolicy::SpinThenBlock(Duration::from_micros(50))]
    {
        let (address, server) = serve(|stream| echo(tungstenite::accept(stream).unwrap()));
        let mut client =
            Client::builder().wait_policy(policy).connect(&format!("ws://{address}/chat")).unwrap();
        until_open(&mut client);
        assert_eq!(client.transport().records(), None);
        for size in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
            let message: String = "t".repeat(size);
            client.send_text(&message).unwrap();
            assert_eq!(next(&mut client), message.as_bytes());
        }
        finish(client);
        server.join().unwrap();
    }
}

#[test]
fn the_time_of_arrival_is_that_of_the_latest_message_after_a_pause() {
    let (address, server) = serve(|stream| echo(tungstenite::accept(stream).unwrap()));
    let mut client = Client::connect(&format!("ws://{address}/")).unwrap();
    until_open(&mut client);
    for _ in 0..3 {
        #[expect(clippy::disallowed_methods, reason = "the echo cannot come before this")]
        let before = Instant::now();
        client.send_text("ping").unwrap();
        assert_eq!(next(&mut client), b"ping");
        assert!(client.received_at() >= before);
        assert!(client.next_message().unwrap().is_none(), "a pause");
    }
    finish(client);
    server.join().unwrap();
}

#[test]
fn messages_go_round_over_tls_with_an_extra_root() {
    let (pem, config) = authority("localhost");
    for records in [TlsRecords::Direct, TlsRecords::Rustls] {
        let (address, server) = serve_tls(config.clone());
        let builder = Client::builder().extra_roots_pem(pem.as_bytes()).unwrap().tls_records(records);
        let mut client = builder.connect(&format!("wss://localhost:{}/", address.port())).unwrap();
        until_open(&mut client);
        assert_eq!(client.transport().records(), Some(records));
        assert!(format!("{client:?}").contains(&format!("records: Some({records:?})")));
        for size in [0, 200, 16 << 10, 3 << 20] {
            let message: Vec<u8> = (0u8..=255).cycle().take(size).collect();
            client.send_binary(&message).unwrap();
            assert_eq!(next(&mut client), message);
        }
        finish(client);
        server.join().unwrap();
    }
}

#[test]
fn what_leaves_over_tls_is_not_lent_to_the_kernel_whatever_is_set() {
    let (pem, config) = authority("localhost");
    let (address, server) = serve_tls(config);
    let settings = ZeroCopy::default().go_on_when_copied();
    let builder = Client::builder().extra_roots_pem(pem.as_bytes()).unwrap().zero_copy(settings);
    let mut client = builder.connect(&format!("wss://localhost:{}/", address.port())).unwrap();
    until_open(&mut client);
    assert_eq!(client.transport().zero_copy(), None);
    client.send_bytes(Kind::Binary, &mut BytesMut::zeroed(100_000)).unwrap();
    assert_eq!(next(&mut client), [0; 100_000]);
    finish(client);
    server.join().unwrap();
}

#[test]
fn fragments_arrive_as_slices_over_a_real_socket() {
    let (address, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        let parts: Vec<Vec<u8>> = (0..40u8).map(|i| vec![b'a' + i % 26; 5000]).collect();
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        socket.get_mut().write_all(&fragmented(Opcode::Text, &slices)).unwrap();
        echo(socket);
        parts
    });
    let mut client = Client::connect(&format!("ws://{address}/")).unwrap();
    let parts: Vec<Vec<u8>> = loop {
        if let Some(message) = client.next_message_direct().unwrap() {
            break message.fragments().map(<[u8]>::to_vec).collect();
        }
        client.wait(None).unwrap();
    };
    finish(client);
    assert_eq!(parts, server.join().unwrap());
}

#[test]
fn a_poll_of_the_callers_own_drives_the_client_from_the_first_packet() {
    let (address, server) = serve(|stream| echo(tungstenite::accept(stream).unwrap()));
    let mut client = Client::connect(&format!("ws://localhost:{}/", address.port())).unwrap();
    let mut poll = Poll::new().unwrap();
    poll.registry().register(&mut client, Token(7), Interest::READABLE).unwrap();
    assert!(client.wait(None).is_ok(), "not drained yet: there is nothing to wait for");
    let mut events = Events::with_capacity(8);
    let (mut sent, mut got) = (false, None);
    while got.is_none() {
        if let Some(payload) = client.next_message().unwrap() {
            got = Some(payload.bytes.to_vec());
            continue;
        }
        if client.is_open() && !sent {
            client.send_text("by my own poll").unwrap();
            sent = client.flush().unwrap();
            continue;
        }
        poll.poll(&mut events, None).unwrap();
        assert!(events.iter().all(|event| event.token() == Token(7)));
    }
    assert_eq!(got.unwrap(), b"by my own poll");
    assert!(matches!(client.wait(None), Ok(true) | Err(Error::Misuse(_))));
    poll.registry().deregister(&mut client).unwrap();
    finish(client);
    server.join().unwrap();
}

#[test]
fn a_stream_that_is_already_connected_is_upgraded() {
    let (address, server) = serve(|stream| echo(tungstenite::accept(stream).unwrap()));
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nonblocking(true).unwrap();
    let stream = mio::net::TcpStream::from_std(stream);
    let mut client = Client::builder().connect_over(stream, &format!("ws://{address}/")).unwrap();
    while !client.is_open() {
        client.wait(None).unwrap();
        assert!(client.next_message().unwrap().is_none());
    }
    client.close(1000, "").unwrap();
    while !client.is_closed() {
        client.wait(None).unwrap();
        client.next_message().unwrap();
    }
    server.join().unwrap();
}

#[test]
fn tls_can_be_put_on_a_stream_of_the_callers() {
    let (pem, config) = authority("venue.example");
    let (address, server) = serve_tls(config);
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    let der =
        <CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(pem.as_bytes()).unwrap();
    roots.add(der).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = mio::net::TcpStream::from_std(stream);
    let tls = tickwire::Tls::new(stream, Arc::new(config), "venue.example").unwrap();
    let mut client = Client::builder().connect_through(tls, "wss://venue.example/").unwrap();
    while !client.is_open() {
        client.wait(None).unwrap();
        client.next_message().unwrap();
    }
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_refused_handshake_shows_status_and_body() {
    let (address, server) = serve(|mut stream| {
        head(&mut stream);
        let answer =
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 34\r\n\r\n{\"code\":0,\"msg\":\"restricted area\"}";
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let mut client = Client::connect(&format!("ws://{address}/ws")).unwrap();
    let refused = error(&mut client);
    assert!(refused.to_string().contains(r#"403: {"code":0,"msg":"restricted area"}"#), "{refused}");
    let Error::WebSocket(WsError::Handshake(HandshakeError::Refused(response))) = refused else { panic!() };
    assert_eq!(response.status, 403);
    server.join().unwrap();
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("ws://{}/ws", elsewhere.local_addr().unwrap());
    for status in [301, 302, 303, 307, 308] {
        let answer =
            format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let (address, server) = serve(move |mut stream| {
            head(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let mut client = Client::connect(&format!("ws://{address}/ws")).unwrap();
        let Error::WebSocket(WsError::Handshake(HandshakeError::Refused(response))) = error(&mut client)
        else {
            panic!("{status}")
        };
        assert_eq!((response.status, response.headers.first("location")), (status, Some(location.as_str())));
        server.join().unwrap();
    }
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody came");
}

#[test]
fn the_address_that_is_connected_from_can_be_chosen() {
    let (address, server) = serve(|stream| {
        let from = stream.peer_addr().unwrap().ip();
        echo(tungstenite::accept(stream).unwrap());
        from
    });
    // All of 127.0.0.0/8 is this machine, on Linux; elsewhere only the first is.
    let chosen = if cfg!(target_os = "linux") { "127.0.0.2" } else { "127.0.0.1" };
    let builder = Client::builder().local_address(chosen.parse().unwrap());
    let mut client = builder.connect(&format!("ws://{address}/")).unwrap();
    until_open(&mut client);
    finish(client);
    assert_eq!(server.join().unwrap().to_string(), chosen);
}

#[test]
fn a_certificate_that_does_not_verify_is_a_tls_error() {
    let (_, config) = authority("localhost");
    let (address, server) = serve_tls(config);
    let mut client = Client::connect(&format!("wss://localhost:{}/", address.port())).unwrap();
    let unknown = error(&mut client);
    assert!(matches!(unknown, Error::Tls(_)), "{unknown}");
    server.join().unwrap();

    let (pem, config) = authority("other.example");
    let (address, server) = serve_tls(config);
    let builder = Client::builder().extra_roots_pem(pem.as_bytes()).unwrap();
    let mut client = builder.connect(&format!("wss://localhost:{}/", address.port())).unwrap();
    let other_name = error(&mut client);
    assert!(matches!(other_name, Error::Tls(_)), "{other_name}");
    assert!(matches!(error(&mut client), Error::Tls(_)), "it sticks");
    server.join().unwrap();
}

#[test]
fn a_server_that_speaks_no_tls_is_a_tls_error() {
    let (address, server) = serve(|mut stream| {
        stream.write_all(b"220 mail.example ESMTP\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let mut client = Client::connect(&format!("wss://localhost:{}/", address.port())).unwrap();
    let tls = error(&mut client);
    assert!(matches!(tls, Error::Tls(_)), "{tls}");
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_closed_port_and_an_unknown_host_are_dial_errors() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut client = Client::connect(&format!("ws://localhost:{port}/")).unwrap();
    let closed = error(&mut client);
    assert!(
        matches!(&closed, Error::Dial(DialError::Connect { attempts, .. }) if !attempts.is_empty()),
        "{closed}"
    );
    assert_eq!(client.next_deadline(), None, "nothing more will come");

    let mut client = Client::connect("ws://no-such-host.invalid/").unwrap();
    let unknown = error(&mut client);
    assert!(matches!(unknown, Error::Dial(DialError::Resolve { .. })), "{unknown}");
}

#[test]
fn a_server_that_never_answers_runs_into_the_handshake_timeout() {
    let (address, server) = serve(|mut stream| std::io::copy(&mut stream, &mut std::io::sink()));
    let timeouts = Timeouts { handshake: Duration::from_millis(50), ..Timeouts::default() };
    let mut client = Client::builder().timeouts(timeouts).connect(&format!("ws://{address}/")).unwrap();
    let late = error(&mut client);
    assert!(matches!(late, Error::WebSocket(WsError::Timeout(Timeout::Handshake))), "{late}");
    drop(client);
    server.join().unwrap().unwrap();
}

#[test]
fn waiting_ends_at_its_timeout() {
    let (address, server) = serve(|stream| echo(tungstenite::accept(stream).unwrap()));
    let mut client = Client::connect(&format!("ws://{address}/")).unwrap();
    until_open(&mut client);
    client.next_message().unwrap();
    while client.wait(Some(Duration::from_millis(5))).unwrap() {
        client.next_message().unwrap();
    }
    finish(client);
    server.join().unwrap();
}

#[test]
fn a_violation_over_the_wire_is_told_to_the_server() {
    let raw: [(&[u8], Option<Limits>, WsError, u16); 3] = [
        (b"\x81\x02\xff\xff", None, WsError::Protocol(Violation::Utf8), 1007),
        (b"\x80\x01x", None, WsError::Protocol(Violation::UnexpectedContinuation), 1002),
        (b"\x82\x7d", Some(small()), WsError::Limit(Exceeded::Frame { bytes: 125, max: 100 }), 1009),
    ];
    for (bytes, limits, expected, code) in raw {
        let (address, server) = serve(move |stream| {
            let mut socket = tungstenite::accept(stream).unwrap();
            socket.get_mut().write_all(bytes).unwrap();
            loop {
                match socket.read() {
                    Ok(Message::Close(Some(close))) => return u16::from(close.code),
                    Ok(_) => {}
                    Err(error) => panic!("no Close came: {error}"),
                }
            }
        });
        let mut client = Client::builder()
            .limits(limits.unwrap_or_default())
            .connect(&format!("ws://{address}/"))
            .unwrap();
        let Error::WebSocket(seen) = error(&mut client) else { panic!() };
        assert_eq!(seen, expected);
        assert_eq!(client.sent_close().and_then(|close| close.code).map(u16::from), Some(code));
        drop(client);
        assert_eq!(server.join().unwrap(), code);
    }
}

fn small() -> Limits {
    Limits { frame_bytes_max: 100, ..Limits::default() }
}

/// Says "last words" and Close, and hangs up without reading.
fn hang_up(mut socket: WebSocket<impl std::io::Read + std::io::Write>) {
    socket.get_mut().write_all(&[text("last words"), b"\x88\x02\x03\xf0".to_vec()].concat()).unwrap();
    socket.get_mut().flush().unwrap();
}

/// Sends to a server that has hung up before it reads what the server said.
fn last_words(mut client: Client, server: JoinHandle<()>) {
    let mut server = Some(server);
    while !client.is_closed() {
        if let Some(payload) = client.next_message().unwrap() {
            assert_eq!(payload.bytes, b"last words");
        } else if client.is_open()
            && let Some(server) = server.take()
        {
            server.join().unwrap();
            client.send_binary(&vec![0; 8 << 20]).unwrap();
        } else {
            client.wait(None).unwrap();
        }
    }
    assert_eq!(client.received_close().unwrap().code.map(u16::from), Some(1008));
}

#[test]
fn what_the_server_said_before_it_hung_up_is_still_read() {
    let (address, server) = serve(|stream| hang_up(tungstenite::accept(stream).unwrap()));
    last_words(Client::connect(&format!("ws://{address}/")).unwrap(), server);

    let (pem, config) = authority("localhost");
    let (address, server) = serve(move |stream| {
        let session = ServerConnection::new(config).unwrap();
        hang_up(tungstenite::accept(StreamOwned::new(session, stream)).unwrap());
    });
    let builder = Client::builder().extra_roots_pem(pem.as_bytes()).unwrap();
    last_words(builder.connect(&format!("wss://localhost:{}/", address.port())).unwrap(), server);
}

#[test]
fn messages_before_a_broken_record_are_read_before_the_error() {
    let (pem, config) = authority("localhost");
    let (address, server) = serve(move |stream| {
        let session = ServerConnection::new(config).unwrap();
        let mut socket = tungstenite::accept(StreamOwned::new(session, stream)).unwrap();
        let mut sealed = Vec::new();
        let tls = socket.get_mut();
        tls.conn.writer().write_all(&text("before")).unwrap();
        while tls.conn.wants_write() {
            tls.conn.write_tls(&mut sealed).unwrap();
        }
        // One segment: a good record, and one whose tag cannot be right.
        sealed.extend_from_slice(&[&[23, 3, 3, 0, 40][..], &[0; 40]].concat());
        tls.sock.write_all(&sealed).unwrap();
        let _ = std::io::copy(&mut tls.sock, &mut std::io::sink());
    });
    let builder = Client::builder().extra_roots_pem(pem.as_bytes()).unwrap();
    let mut client = builder.connect(&format!("wss://localhost:{}/", address.port())).unwrap();
    assert_eq!(next(&mut client), b"before");
    assert!(matches!(error(&mut client), Error::Tls(_)));
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_long_send_over_tls_goes_on_at_each_event_of_the_callers_own_poll() {
    let (pem, config) = authority("localhost");
    for records in [TlsRecords::Direct, TlsRecords::Rustls] {
        let (address, server) = serve_tls(config.clone());
        let builder = Client::builder().extra_roots_pem(pem.as_bytes()).unwrap().tls_records(records);
        let mut client = builder.connect(&format!("wss://localhost:{}/", address.port())).unwrap();
        let mut poll = Poll::new().unwrap();
        poll.registry().register(&mut client, Token(0), Interest::READABLE).unwrap();
        let mut events = Events::with_capacity(8);
        let message: Vec<u8> = (0u8..=255).cycle().take(12 << 20).collect();
        let mut sent = false;
        loop {
            if let Some(payload) = client.next_message().unwrap() {
                assert!(payload.bytes == message, "the echo differs");
                break;
            }
            if client.is_open() && !sent {
                client.send_binary(&message).unwrap();
                sent = true;
                continue;
            }
            poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
            assert!(!events.is_empty(), "no event for 10 s with unsent bytes");
        }
        drop(client);
        server.join().unwrap();
    }
}

#[test]
fn a_flush_that_cannot_write_says_so_every_time() {
    let (hang_up, told_to) = std::sync::mpsc::channel();
    let (address, server) = serve(move |stream| {
        let socket = tungstenite::accept(stream).unwrap();
        told_to.recv().unwrap();
        drop(socket);
    });
    let mut client = Client::connect(&format!("ws://{address}/")).unwrap();
    until_open(&mut client);
    hang_up.send(()).unwrap();
    server.join().unwrap();
    let told = loop {
        // The first write may still be taken; the peer's reset refuses the next.
        client.send_binary(&[0; 1000]).unwrap();
        if let Err(error) = client.flush() {
            break error;
        }
    };
    assert!(matches!(told, Error::Io(_)), "{told}");
    assert!(matches!(client.flush(), Err(Error::Io(_))));
}

#[test]
fn a_whole_tls_configuration_and_extra_roots_exclude_each_other() {
    let (pem, _) = authority("localhost");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = Client::builder().tls_config(Arc::new(config)).extra_roots_pem(pem.as_bytes()).unwrap();
    assert!(matches!(builder.connect("wss://localhost/"), Err(Error::TlsSettings(_))));
    assert!(matches!(Client::builder().extra_roots_pem(b"no certificate"), Err(Error::TlsSettings(_))));
}

#[test]
fn a_client_can_be_dropped_at_any_stage() {
    for stage in 0..3 {
        let (address, server) = serve(|stream| {
            if let Ok(socket) = tungstenite::accept(stream) {
                echo(socket);
            }
        });
        let mut client = Client::connect(&format!("ws://localhost:{}/", address.port())).unwrap();
        match stage {
            0 => drop(TcpStream::connect(address).unwrap()),
            1 => {
                while client.next_message().unwrap().is_none() && !client.transport().is_connected() {
                    client.wait(None).unwrap();
                }
            }
            _ => until_open(&mut client),
        }
        drop(client);
        server.join().unwrap();
    }
}
