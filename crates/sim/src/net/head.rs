//! The head of an HTTP request, and the answers to it as bytes.

use std::fmt::Write as _;

use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{self, create_response, write_response};
use tungstenite::http::HeaderValue;
use tungstenite::http::header::{SEC_WEBSOCKET_EXTENSIONS, UPGRADE};

use super::deflate::{Agreement, agree};
use crate::venue::{Answer, Request};

/// Longer heads are not read to their end.
pub(super) const BYTES_MAX: usize = 64 * 1024;

/// A request whose head is complete.
#[derive(Debug)]
pub(super) struct Head {
    request: server::Request,
    /// Bytes of the head.
    pub(super) len: usize,
}

/// Not HTTP, or not a request that is served here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Head {
    /// `None` until it is complete.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, Unreadable> {
        let parsed = server::Request::try_parse(bytes).map_err(|_| Unreadable)?;
        Ok(parsed.map(|(len, request)| Self { request, len }))
    }

    pub(super) fn request(&self, open: usize) -> Request<'_> {
        let uri = self.request.uri();
        let upgrade = self.request.headers().contains_key(UPGRADE);
        Request { path: uri.path(), query: uri.query().unwrap_or_default(), upgrade, open }
    }

    /// What can be agreed about compression.
    pub(super) fn agree(&self, forgets: bool) -> Option<Agreement> {
        let offers = self.request.headers().get_all(SEC_WEBSOCKET_EXTENSIONS);
        offers.iter().filter_map(|offer| offer.to_str().ok()).find_map(|offer| agree(offer, forgets))
    }

    /// The bytes that open the WebSocket, or those that refuse a request that is none for it.
    pub(super) fn accept(&self, agreed: Option<&Agreement>) -> Result<Vec<u8>, Vec<u8>> {
        let refused =
            || bytes(&Answer::new(400, r#"{"code":-1,"msg":"Not a WebSocket handshake."}"#.to_owned()));
        let mut response = create_response(&self.request).map_err(|_| refused())?;
        if let Some(value) = agreed.and_then(|agreed| HeaderValue::from_str(&agreed.answer).ok()) {
            response.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, value);
        }
        let mut bytes = Vec::new();
        write_response(&mut bytes, &response).map_err(|_| refused())?;
        Ok(bytes)
    }
}

/// An answer, after which the connection ends.
pub(super) fn bytes(answer: &Answer) -> Vec<u8> {
    let reason = tungstenite::http::StatusCode::from_u16(answer.status).ok();
    let reason = reason.and_then(|status| status.canonical_reason()).unwrap_or("Unknown");
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", answer.status);
    for (name, value) in &answer.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let _ = write!(
        text,
        "Content-Type: application/json;charset=UTF-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        answer.body.len(),
        answer.body
    );
    text.into_bytes()
}
