//! The client's side: RFC 6455 4.1.

use super::head;
use super::key::{accept_key, encode_key};
use crate::deflate::{self, Agreement, Deflate};
use crate::error::{Error, HandshakeError};
use crate::http::{Request, Response};
use crate::limits::Limits;

/// A request that has been sent, and what its answer must match.
#[derive(Debug)]
pub(crate) struct Pending {
    accept: String,
    subprotocols: Vec<String>,
    deflate: Option<Deflate>,
}

/// An answer that opens the connection.
pub(crate) struct Opening {
    pub(crate) response: Response,
    /// The compression agreed on.
    pub(crate) agreement: Option<Agreement>,
    /// Length of the answer.
    pub(crate) bytes: usize,
}

/// The request's bytes and what to check the answer against. `nonce` must be fresh and unpredictable.
pub(crate) fn send(request: Request, deflate: Option<Deflate>, nonce: [u8; 16]) -> (Vec<u8>, Pending) {
    let key = encode_key(nonce);
    let mut out = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n",
        request.target, request.host
    )
    .into_bytes();
    if !request.subprotocols.is_empty() {
        out.extend_from_slice(
            format!("Sec-WebSocket-Protocol: {}\r\n", request.subprotocols.join(", ")).as_bytes(),
        );
    }
    if let Some(wanted) = &deflate {
        out.extend_from_slice(format!("Sec-WebSocket-Extensions: {}\r\n", deflate::offer(wanted)).as_bytes());
    }
    request.headers.write(&mut out);
    out.extend_from_slice(b"\r\n");
    (out, Pending { accept: accept_key(&key), subprotocols: request.subprotocols, deflate })
}

impl Pending {
    /// Reads the answer; `None` while it is incomplete. With `ended`, nothing more will come,
    /// and a refusal is reported with as much of its body as there is.
    pub(crate) fn answer(
        &self,
        bytes: &[u8],
        ended: bool,
        limits: &Limits,
    ) -> Result<Option<Opening>, Error> {
        let Some(head) = final_head(head::visible(bytes, limits), limits)? else {
            return head::incomplete(bytes, limits);
        };
        let mut response = Response { status: head.line, headers: head.headers, body: Vec::new() };
        if response.status == 101 {
            self.check(&response)?;
            let agreement = self.agreement(&response)?;
            return Ok(Some(Opening { response, agreement, bytes: head.bytes }));
        }
        let body = bytes.get(head.bytes..bytes.len().min(limits.handshake_bytes_max)).unwrap_or_default();
        let Some(body) = refusal_body(&response, body, ended || bytes.len() >= limits.handshake_bytes_max)
        else {
            return Ok(None);
        };
        response.body = body;
        Err(HandshakeError::Refused(Box::new(response)).into())
    }

    fn check(&self, response: &Response) -> Result<(), HandshakeError> {
        let headers = &response.headers;
        if !headers.only("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
            return Err(HandshakeError::Header("Upgrade"));
        }
        if !headers.has_token("connection", "upgrade") {
            return Err(HandshakeError::Header("Connection"));
        }
        let accept =
            headers.only("sec-websocket-accept").ok_or(HandshakeError::Header("Sec-WebSocket-Accept"))?;
        if accept != self.accept {
            return Err(HandshakeError::WrongAccept);
        }
        if headers.has("sec-websocket-protocol") {
            let chosen = headers.only("sec-websocket-protocol");
            if !self.subprotocols.iter().any(|offered| Some(offered.as_str()) == chosen) {
                return Err(HandshakeError::UnofferedSubprotocol);
            }
        }
        Ok(())
    }
}

impl Pending {
    /// What the server answered to the offer of compression.
    fn agreement(&self, response: &Response) -> Result<Option<Agreement>, HandshakeError> {
        let Some(answer) = response.headers.list("sec-websocket-extensions") else {
            return Err(HandshakeError::ExtensionAnswer);
        };
        match (deflate::extensions(&answer).next(), &self.deflate) {
            (None, _) => Ok(None),
            (Some((name, _)), Some(wanted)) if name.eq_ignore_ascii_case(deflate::NAME) => {
                deflate::accept(wanted, &answer).map(Some).ok_or(HandshakeError::ExtensionAnswer)
            }
            (Some(_), _) => Err(HandshakeError::UnofferedExtension),
        }
    }
}

/// The head of the answer that counts, its length with what came before: RFC 9110 15.2 allows interim answers.
fn final_head(bytes: &[u8], limits: &Limits) -> Result<Option<head::Head<u16>>, Error> {
    let mut skipped = 0;
    while let Some(mut head) = head::read_response(bytes.get(skipped..).unwrap_or_default(), limits)? {
        head.bytes += skipped;
        if head.line == 101 || !(100..200).contains(&head.line) {
            return Ok(Some(head));
        }
        skipped = head.bytes;
    }
    Ok(None)
}

/// The body of a refusal, once it is whole or cannot become longer.
fn refusal_body(response: &Response, bytes: &[u8], ended: bool) -> Option<Vec<u8>> {
    if response.headers.has_token("transfer-encoding", "chunked") {
        let (body, whole) = joined_chunks(bytes);
        return (whole || ended).then_some(body);
    }
    // RFC 9110 15.3.5, 15.4.5: these have none.
    if matches!(response.status, 204 | 304) {
        return Some(Vec::new());
    }
    let length = response.headers.first("content-length").and_then(|value| value.parse::<usize>().ok());
    match length {
        Some(length) if bytes.len() >= length => Some(bytes.get(..length)?.to_vec()),
        _ => ended.then(|| bytes.to_vec()),
    }
}

/// The chunks that have arrived (RFC 9112 7.1), joined, and whether the last one was among them.
fn joined_chunks(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((at, size))) = httparse::parse_chunk_size(bytes) else {
            return (body, false);
        };
        let chunk = bytes.get(at..).unwrap_or_default();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        body.extend_from_slice(chunk.get(..size).unwrap_or(chunk));
        match size.checked_add(2).and_then(|size| chunk.get(size..)) {
            Some(_) if size == 0 => return (body, true),
            Some(rest) => bytes = rest,
            None => return (body, size == 0),
        }
    }
}
