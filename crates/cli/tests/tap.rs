//! `tickwire tap` against servers that behave and servers that do not.
#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread::JoinHandle;
use tungstenite::{Message, WebSocket};

fn tap(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tickwire")).arg("tap").args(arguments).output().unwrap()
}

fn serve(run: impl FnOnce(TcpStream) + Send + 'static) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    (url, std::thread::spawn(move || run(listener.accept().unwrap().0)))
}

fn serve_socket(run: impl FnOnce(&mut WebSocket<TcpStream>) + Send + 'static) -> (String, JoinHandle<()>) {
    serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        run(&mut socket);
        while socket.read().is_ok() {}
    })
}

/// The lines of a `--json` run.
fn events(output: &Output) -> Vec<Value> {
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_kind_of_event_is_one_json_object_a_line() {
    let (url, server) = serve_socket(|socket| {
        assert_eq!(socket.read().unwrap(), Message::text("first"));
        assert_eq!(socket.read().unwrap(), Message::text("second"));
        socket.get_mut().write_all(b"\x01\x02gr\x00\x02\xc3\xbc\x80\x03\xc3\x9f!").unwrap();
        socket.send(Message::binary(vec![0, 255])).unwrap();
        socket.send(Message::Ping(vec![1, 2, 3].into())).unwrap();
        socket.send(Message::Pong(vec![1].into())).unwrap();
        socket
            .close(Some(tungstenite::protocol::CloseFrame { code: 4001.into(), reason: "enough".into() }))
            .unwrap();
    });
    let output = tap(&["--json", "--send", "first", "--send", "second", &url]);
    server.join().unwrap();
    assert_eq!(
        events(&output),
        [
            json!({"event": "open", "extensions": null, "subprotocol": null}),
            json!({"event": "message", "kind": "text", "fragments": 3, "bytes": 7, "data": "grüß!"}),
            json!({"event": "message", "kind": "binary", "fragments": 1, "bytes": 2, "data": "AP8="}),
            json!({"event": "ping", "bytes": 3}),
            json!({"event": "pong", "bytes": 1}),
            json!({"event": "close", "code": 4001, "reason": "enough", "clean": true}),
        ]
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn compression_is_offered_and_taken() {
    let (url, server) = serve(|mut stream| {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let request = String::from_utf8(request).unwrap();
        let field = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        assert!(field("Sec-WebSocket-Extensions: ").starts_with("permessage-deflate"));
        let accept = tungstenite::handshake::derive_accept_key(field("Sec-WebSocket-Key: ").as_bytes());
        let answer = format!(
            "HTTP/1.1 101 ok\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\
             Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).unwrap();
        // RFC 7692 7.2.3.1: "Hello"; then a Close.
        stream.write_all(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x88\x02\x03\xe8").unwrap();
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let output = tap(&["--json", "--deflate", &url]);
    server.join().unwrap();
    assert_eq!(
        events(&output),
        [
            json!({"event": "open", "extensions": "permessage-deflate", "subprotocol": null}),
            json!({"event": "message", "kind": "text", "fragments": 1, "bytes": 5, "data": "Hello"}),
            json!({"event": "close", "code": 1000, "reason": "", "clean": true}),
        ]
    );
}

#[test]
fn texts_are_lines_and_binary_is_raw() {
    let (url, server) = serve_socket(|socket| {
        socket.send(Message::text("one")).unwrap();
        socket.send(Message::binary(vec![b'b', 0])).unwrap();
        socket.close(None).unwrap();
    });
    let output = tap(&[&url]);
    server.join().unwrap();
    assert_eq!((output.stdout.as_slice(), output.status.code()), (&b"one\nb\0"[..], Some(0)));
}

#[test]
fn the_count_ends_with_1000_and_the_echo() {
    let (url, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        for i in 0..5 {
            socket.send(Message::text(i.to_string())).unwrap();
        }
        loop {
            match socket.read() {
                Ok(Message::Close(close)) => assert_eq!(u16::from(close.unwrap().code), 1000),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    });
    let output = tap(&["--json", "--count", "2", &url]);
    server.join().unwrap();
    let events = events(&output);
    assert_eq!(events.iter().filter(|event| event["event"] == "message").count(), 2);
    assert_eq!(events.last(), Some(&json!({"event": "close", "code": 1000, "reason": "", "clean": true})));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_count_does_not_wait_long_for_a_peer_that_never_answers() {
    let (url, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        socket.send(Message::text("only")).unwrap();
        // Reads, and says nothing.
        let _ = std::io::copy(socket.get_mut(), &mut std::io::sink());
    });
    let output = tap(&["--json", "--count", "1", &url]);
    assert_eq!(
        events(&output).last(),
        Some(&json!({"event": "close", "code": null, "reason": "", "clean": false}))
    );
    assert_eq!(output.status.code(), Some(0));
    server.join().unwrap();
}

/// The last line and the exit code, for a server that writes `bytes` behind its handshake.
fn failure(bytes: &'static [u8], arguments: &[&str]) -> (Value, Option<i32>) {
    let (url, server) = serve(move |stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        socket.get_mut().write_all(bytes).unwrap();
        let _ = std::io::copy(socket.get_mut(), &mut std::io::sink());
    });
    let output = tap(&[arguments, &["--json", &url]].concat());
    server.join().unwrap();
    let last = events(&output).pop().unwrap();
    assert_eq!(last["event"], "error", "{last}");
    (last, output.status.code())
}

#[test]
fn each_fault_of_the_peer_has_its_kind_its_close_code_and_exit_2() {
    let cases: [(&[u8], &[&str], &str, u16); 5] = [
        (b"\x83\x00", &[], "protocol", 1002),
        (b"\x81\x02\xc3\x28", &[], "utf8", 1007),
        (b"\x82\x7e\x10\x00", &["--max-frame", "4095"], "limit", 1009),
        (b"\x02\x05aaaaa\x80\x05bbbbb", &["--max-message", "9"], "limit", 1009),
        (b"\x88\x03\x03\xe8\xff", &[], "utf8", 1007),
    ];
    for (bytes, arguments, kind, code) in cases {
        let (last, exit) = failure(bytes, arguments);
        assert_eq!(
            (&last["kind"], &last["sent_close"], exit),
            (&json!(kind), &json!(code), Some(2)),
            "{last}"
        );
        let named = arguments
            .iter()
            .all(|option| !option.starts_with("--") || last["detail"].as_str().unwrap().contains(option));
        assert!(named, "{last}");
    }
}

#[test]
fn a_refused_handshake_shows_status_and_body_on_one_line() {
    let (url, server) = serve(|mut stream| {
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 451 No\r\nContent-Length: 19\r\n\r\nnot\nin your country").unwrap();
    });
    let output = tap(&[&url]);
    server.join().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("451") && stderr.contains("not\\nin your country"), "{stderr}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn connections_that_fail_exit_3() {
    let (url, server) = serve(|stream| drop(tungstenite::accept(stream).unwrap()));
    let lost = tap(&["--json", &url]);
    server.join().unwrap();
    assert_eq!((events(&lost).pop().unwrap()["kind"].clone(), lost.status.code()), (json!("io"), Some(3)));

    let (url, server) = serve(|mut stream| drop(std::io::copy(&mut stream, &mut std::io::sink())));
    let late = tap(&["--json", "--timeout", "0.2", &url]);
    server.join().unwrap();
    assert_eq!(
        (events(&late).pop().unwrap()["kind"].clone(), late.status.code()),
        (json!("timeout"), Some(3))
    );

    let (url, server) = serve(|mut stream| drop(stream.write_all(b"no TLS here")));
    let tls = tap(&["--json", &url.replace("ws://127.0.0.1", "wss://localhost")]);
    server.join().unwrap();
    assert_eq!((events(&tls).pop().unwrap()["kind"].clone(), tls.status.code()), (json!("tls"), Some(3)));
}

#[test]
fn what_cannot_be_served_is_a_usage_error_on_one_line() {
    for arguments in [
        &["http://localhost/"][..],
        &["ws://user:secret@localhost/"],
        &["localhost:80"],
        &["--ca", "/nonexistent.pem", "ws://localhost/"],
    ] {
        let output = tap(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with("tickwire: ") && !stderr.contains("secret"), "{stderr}");
    }
    for wrong in [["--count", "many"], ["--max-message", "0"], ["--max-frame", "0"]] {
        assert_eq!(tap(&[&wrong[..], &["ws://localhost/"]].concat()).status.code(), Some(64), "{wrong:?}");
    }
}

#[test]
fn a_local_venue_is_tapped_over_tls_with_its_own_authority() {
    let server = tickwire_sim::Server::start(tickwire_sim::Options::default()).unwrap();
    let pem = std::env::temp_dir().join(format!("tickwire-tap-{}.pem", std::process::id()));
    std::fs::write(&pem, server.ca_pem()).unwrap();
    let url = format!("{}/ws/btcusdt@depth@100ms", server.stream_url());
    let trusted = tap(&["--json", "--count", "3", "--ca", pem.to_str().unwrap(), &url]);
    std::fs::remove_file(&pem).unwrap();
    assert_eq!(trusted.status.code(), Some(0), "{}", String::from_utf8_lossy(&trusted.stderr));
    let data = events(&trusted)[1]["data"].as_str().unwrap().to_owned();
    assert!(data.starts_with(r#"{"e":"depthUpdate""#), "{data}");

    let untrusted = tap(&[&url]);
    assert_eq!(untrusted.status.code(), Some(3));
    assert!(String::from_utf8(untrusted.stderr).unwrap().starts_with("tickwire: TLS: "));
}

#[test]
fn output_that_cannot_be_written_is_told_where_it_can_be() {
    let full = || std::fs::File::options().write(true).open("/dev/full");
    if full().is_err() {
        eprintln!("not tested: there is no /dev/full");
        return;
    }
    let (url, server) = serve_socket(|socket| {
        socket.send(Message::text("x".repeat(100_000))).unwrap();
        let _ = socket.close(None);
    });
    let tap = Command::new(env!("CARGO_BIN_EXE_tickwire"))
        .args(["tap", &url])
        .stdout(full().unwrap())
        .output()
        .unwrap();
    server.join().unwrap();
    assert_eq!(tap.status.code(), Some(74));
    assert!(String::from_utf8(tap.stderr).unwrap().starts_with("tickwire: standard output: "));

    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    let unheard = command.args(["tap", "http://localhost/"]).stderr(full().unwrap()).status().unwrap();
    assert_eq!(unheard.code(), Some(64), "no panic where nobody listens");
}
