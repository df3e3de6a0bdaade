//! Strictness on a real socket: each violation is an error to the program and a Close frame to the peer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;
#[path = "../../ws/tests/common/violations.rs"]
mod violations;

use common::server::head;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::thread::JoinHandle;
use tickwire::ws::{self, Header, Opcode};
use tickwire::{Builder, Client, Error};
use violations::Row;

/// Answers one client by hand, sends `bytes`, and returns everything that the client sends until it ends the stream.
fn serve(extension: &'static str, bytes: Vec<u8>) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    common::server::serve(move |mut stream| {
        let answer = answer(&head(&mut stream), extension);
        stream.write_all(&[answer.as_bytes(), &bytes].concat()).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        rest
    })
}

fn answer(request: &str, extension: &str) -> String {
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{extension}\r\n"
    )
}

/// Reads until the client reports an error; there must be no message before.
fn error(client: &mut Client) -> Error {
    loop {
        match client.next_message_direct() {
            Err(error) => return error,
            Ok(Some(message)) => panic!("{message:?}"),
            Ok(None) => {
                assert!(!client.is_closed(), "closed without an error");
                client.wait(None).unwrap();
            }
        }
    }
}

/// The one frame that `bytes` are: its opcode and its payload, unmasked.
fn only_frame(bytes: &[u8]) -> (Opcode, Vec<u8>) {
    let (header, size) = Header::parse(bytes).unwrap().unwrap();
    let key = header.mask.expect("a client masks");
    let payload = bytes[size..].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    assert_eq!(bytes.len() as u64, size as u64 + header.len, "nothing else");
    (header.opcode, payload)
}

fn check(row: &Row, builder: &Builder, extension: &'static str) {
    let name = &row.name;
    let (address, server) = serve(extension, row.bytes(false));
    let mut client = builder.connect(&format!("ws://{address}/")).unwrap();
    let violation = row.violation(false);
    for _ in 0..2 {
        let error = error(&mut client);
        let right = matches!(&error, Error::WebSocket(ws::Error::Protocol(told)) if *told == violation);
        assert!(right, "{name}: {error:?}");
    }
    // The stream ends behind the Close while the client is still there.
    let written = server.join().unwrap();
    assert_eq!(only_frame(&written), (Opcode::Close, row.code.to_be_bytes().to_vec()), "{name}");
    assert!(client.is_closed() && !client.is_clean(), "{name}");
}

#[test]
fn every_violation_is_told_to_the_program_and_to_the_peer() {
    for row in violations::plain() {
        check(&row, &Client::builder(), "");
    }
}

#[cfg(feature = "deflate")]
#[test]
fn so_is_every_violation_of_agreed_compression() {
    let builder = Client::builder().deflate(tickwire::Deflate::default());
    for row in violations::compressed() {
        check(&row, &builder, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    }
}
