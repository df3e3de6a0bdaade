//! A plain blocking client: tungstenite over rustls, trusting only the server's own authority.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use tickwire_sim::{Levels, Server};
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message, WebSocket};

/// A reply that takes longer than this is missing.
const PATIENCE: Duration = Duration::from_secs(20);

pub type Stream = StreamOwned<ClientConnection, TcpStream>;
pub type Socket = WebSocket<Stream>;

pub fn tls(server: &Server) -> Stream {
    let authority = CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).expect("a PEM certificate");
    let mut roots = RootCertStore::empty();
    roots.add(authority).expect("a usable authority");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let session = ClientConnection::new(Arc::new(config), name).expect("a TLS session");
    let socket = TcpStream::connect(server.addr()).expect("the server listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.set_nodelay(true).expect("no delay");
    StreamOwned::new(session, socket)
}

pub fn try_connect(server: &Server, path: &str) -> Result<Socket, Box<Error>> {
    let url = format!("{}{path}", server.stream_url());
    match tungstenite::client(url, tls(server)) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(error)) => Err(Box::new(error)),
        Err(HandshakeError::Interrupted(_)) => panic!("no answer in time"),
    }
}

pub fn connect(server: &Server, path: &str) -> Socket {
    try_connect(server, path).expect("the path is served")
}

/// The next text message, parsed.
pub fn next_json(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = socket.read().expect("a message in time") {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

/// Sends a text and returns the next message that is an answer, not data.
pub fn ask(socket: &mut Socket, request: &str) -> Value {
    socket.send(request.into()).expect("sent");
    loop {
        let answer = next_json(socket);
        if answer.get("id").is_some() && answer.get("stream").is_none() {
            return answer;
        }
    }
}

/// Reads on to the close frame: its code and reason.
pub fn read_close(socket: &mut Socket) -> (CloseCode, String) {
    loop {
        match socket.read() {
            Ok(Message::Close(Some(frame))) => return (frame.code, frame.reason.to_string()),
            Ok(Message::Close(None)) => panic!("a close without a code"),
            Ok(_) => {}
            Err(error) => panic!("no close frame: {error}"),
        }
    }
}

/// Reads on to the end: whether it came without a close frame.
pub fn ends_without_close(socket: &mut Socket) -> bool {
    loop {
        match socket.read() {
            Ok(Message::Close(_)) | Err(Error::ConnectionClosed) => return false,
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

/// One HTTP exchange: status, headers with lower case names, and the body.
pub fn get(server: &Server, target: &str) -> (u16, BTreeMap<String, String>, Value) {
    let mut stream = tls(server);
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("written");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer and its end");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let (line, fields) = head.split_once("\r\n").expect("headers");
    let status = line.split(' ').nth(1).expect("a status").parse().expect("a number");
    let fields = fields.lines().map(|field| field.split_once(": ").expect("a field"));
    let fields = fields.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    (status, fields.collect(), serde_json::from_str(body).expect("JSON"))
}

/// A decimal as a whole number of 0.00000001, digits read one by one.
pub fn exact(text: &str) -> u64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<8}").parse().expect("at most eight decimals")
}

/// Rows of price and quantity, both as strings.
pub fn rows(value: &Value) -> Vec<(u64, u64)> {
    let number = |value: &Value| exact(value.as_str().expect("a string"));
    value.as_array().expect("rows").iter().map(|row| (number(&row[0]), number(&row[1]))).collect()
}

pub fn id(value: &Value) -> u64 {
    value.as_u64().expect("an id")
}

/// Sets the rows of a diff in a book, the naive way.
pub fn apply(book: &mut Levels, bids: &Value, asks: &Value) {
    for (levels, changed) in [(&mut book.bids, bids), (&mut book.asks, asks)] {
        let mut by_price: BTreeMap<_, _> = levels.iter().copied().collect();
        by_price.extend(rows(changed));
        by_price.retain(|_, quantity| *quantity > 0);
        *levels = by_price.into_iter().collect();
    }
    book.bids.reverse();
}
