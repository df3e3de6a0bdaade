//! Servers for one connection, each on a thread of its own, and what a client does with them.

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use tickwire::venue::Endpoint;
use tickwire::{Client, CloseCode};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

/// Serves the first connection.
pub fn serve<R: Send + 'static>(
    run: impl FnOnce(TcpStream) -> R + Send + 'static,
) -> (SocketAddr, JoinHandle<R>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || run(listener.accept().unwrap().0));
    (address, thread)
}

/// Serves the first connection once it is a WebSocket, and its URL.
pub fn serve_socket<R: Send + 'static>(
    run: impl FnOnce(WebSocket<TcpStream>) -> R + Send + 'static,
) -> (String, JoinHandle<R>) {
    let (address, thread) = serve(|stream| run(tungstenite::accept(stream).unwrap()));
    (format!("ws://{address}/"), thread)
}

/// The same as an endpoint of a session.
pub fn endpoint(
    name: &'static str,
    run: impl FnOnce(WebSocket<TcpStream>) + Send + 'static,
) -> (Endpoint, JoinHandle<()>) {
    let (url, thread) = serve_socket(run);
    (Endpoint::new(name, url), thread)
}

/// A WebSocket that takes messages of any length.
pub fn accept(stream: TcpStream) -> WebSocket<TcpStream> {
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    tungstenite::accept_with_config(stream, Some(config)).unwrap()
}

/// A throw-away authority: its PEM and a server configuration for `name`.
pub fn authority(name: &str) -> (String, Arc<ServerConfig>) {
    let key = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let chain = vec![CertificateDer::from(key.cert.der().to_vec())];
    let private = PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .unwrap();
    (key.cert.pem(), Arc::new(config))
}

/// Echoes the messages of the first connection over TLS, if it gets so far.
pub fn serve_tls(config: Arc<ServerConfig>) -> (SocketAddr, JoinHandle<()>) {
    serve(move |stream| {
        let session = ServerConnection::new(config).unwrap();
        if let Ok(socket) = tungstenite::accept(StreamOwned::new(session, stream)) {
            echo(socket);
        }
    })
}

/// Echoes messages until the peer closes.
pub fn echo<S: Read + Write>(mut socket: WebSocket<S>) {
    loop {
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message).unwrap(),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// All messages until the end, the peer's Close included, which is answered.
pub fn all(mut socket: WebSocket<TcpStream>) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Ok(message) = socket.read() {
        messages.push(message);
    }
    messages
}

/// The request, to its empty line.
pub fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

pub fn until_open(client: &mut Client) {
    while !client.is_open() {
        client.wait(None).unwrap();
        assert!(client.next_message_direct().unwrap().is_none());
    }
}

pub fn next(client: &mut Client) -> Vec<u8> {
    loop {
        if let Some(payload) = client.next_message().unwrap() {
            return payload.bytes.to_vec();
        }
        client.wait(None).unwrap();
    }
}

pub fn finish(mut client: Client) {
    client.close(CloseCode::NORMAL, "done").unwrap();
    while !client.is_closed() {
        client.wait(None).unwrap();
        client.next_message_direct().unwrap();
    }
    assert!(client.is_clean());
}
