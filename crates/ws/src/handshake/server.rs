//! The server's side: RFC 6455 4.2.

use super::head;
use super::key::{accept_key, is_key};
use crate::deflate::{self, Agreement, Deflate};
use crate::error::{Error, HandshakeError};
use crate::http::Request;
use crate::limits::Limits;

/// A request that was read and waits for the application's answer.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) request: Request,
    key: String,
}

/// Reads a request and its length in bytes; `None` while it is incomplete.
pub(crate) fn receive(bytes: &[u8], limits: &Limits) -> Result<Option<(Received, usize)>, Error> {
    let Some(head) = head::read_request(head::visible(bytes, limits), limits)? else {
        return head::incomplete(bytes, limits);
    };
    let headers = head.headers;
    if head.line.method != "GET" {
        return Err(HandshakeError::Method.into());
    }
    let missing = |name| Error::Handshake(HandshakeError::Header(name));
    let host = headers.only("host").ok_or_else(|| missing("Host"))?.to_owned();
    if !headers.has_token("upgrade", "websocket") {
        return Err(missing("Upgrade"));
    }
    if !headers.has_token("connection", "upgrade") {
        return Err(missing("Connection"));
    }
    if headers.only("sec-websocket-version") != Some("13") {
        return Err(HandshakeError::Version.into());
    }
    let key = headers
        .only("sec-websocket-key")
        .filter(|key| is_key(key))
        .ok_or_else(|| missing("Sec-WebSocket-Key"))?
        .to_owned();
    let subprotocols = headers
        .all("sec-websocket-protocol")
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    let request = Request { host, target: head.line.target, headers, subprotocols };
    Ok(Some((Received { request, key }, head.bytes)))
}

impl Received {
    /// The compression to agree on, if any is wanted and offered, and the answer to that offer.
    pub(crate) fn agreement(&self, wanted: &Deflate) -> Option<(Agreement, String)> {
        let offers: Vec<&str> = self.request.headers.all("sec-websocket-extensions").collect();
        // What is not text cannot be an offer that we know.
        deflate::choose(wanted, &offers.join(","))
    }

    /// The bytes of the answer that upgrades the connection; `subprotocol` must be one that was offered, `extensions`
    /// the answer to an offer.
    pub(crate) fn accept(&self, subprotocol: Option<&str>, extensions: Option<&str>) -> Vec<u8> {
        let protocol = match subprotocol {
            Some(name) => format!("Sec-WebSocket-Protocol: {name}\r\n"),
            None => String::new(),
        };
        let extensions = match extensions {
            Some(answer) => format!("Sec-WebSocket-Extensions: {answer}\r\n"),
            None => String::new(),
        };
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n{protocol}{extensions}\r\n",
            accept_key(&self.key)
        )
        .into_bytes()
    }
}

/// The bytes of an answer that refuses.
pub(crate) fn refuse(status: u16, body: &str) -> Vec<u8> {
    // RFC 6455 4.4: tell a client of another version which one we speak.
    let version = if status == 426 { "Sec-WebSocket-Version: 13\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status} {}\r\n{version}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        reason(status),
        body.len()
    )
    .into_bytes()
}

/// The status that tells a client what was wrong with its request.
pub(crate) fn status_of(error: &HandshakeError) -> u16 {
    match error {
        HandshakeError::Method => 405,
        HandshakeError::Version => 426,
        _ => 400,
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Refused",
    }
}
