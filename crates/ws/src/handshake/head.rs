//! Heads on the wire, read into owned requests and responses within the limits.

use crate::error::{Error, Exceeded, HandshakeError};
use crate::http::Headers;
use crate::limits::Limits;

/// A parsed first line, its header fields, and the length of the whole head in bytes.
pub(super) struct Head<L> {
    pub(super) line: L,
    pub(super) headers: Headers,
    pub(super) bytes: usize,
}

pub(super) struct RequestLine {
    pub(super) method: String,
    pub(super) target: String,
}

/// What of the bytes may belong to a head: an error behind the limit is never seen, however the bytes were cut.
pub(super) fn visible<'a>(bytes: &'a [u8], limits: &Limits) -> &'a [u8] {
    bytes.get(..limits.handshake_bytes_max).unwrap_or(bytes)
}

/// A head is incomplete: an error once it can no longer become complete within the limit.
pub(super) fn incomplete<T>(bytes: &[u8], limits: &Limits) -> Result<Option<T>, Error> {
    let max = limits.handshake_bytes_max;
    if bytes.len() > max { Err(Exceeded::HandshakeBytes { max }.into()) } else { Ok(None) }
}

/// Reads the head of a request; `None` while it is incomplete.
pub(super) fn read_request(bytes: &[u8], limits: &Limits) -> Result<Option<Head<RequestLine>>, Error> {
    let mut fields = room(bytes, limits);
    let mut request = httparse::Request::new(&mut fields);
    let Some(size) = complete(request.parse(bytes), limits)? else {
        return Ok(None);
    };
    let (Some(method), Some(target), Some(1)) = (request.method, request.path, request.version) else {
        return Err(HandshakeError::NotHttp.into());
    };
    let line = RequestLine { method: method.to_owned(), target: target.to_owned() };
    Ok(Some(Head { line, headers: copied(request.headers), bytes: size }))
}

/// Reads the head of a response, its status as the line; `None` while it is incomplete.
pub(super) fn read_response(bytes: &[u8], limits: &Limits) -> Result<Option<Head<u16>>, Error> {
    let mut fields = room(bytes, limits);
    let mut response = httparse::Response::new(&mut fields);
    let Some(size) = complete(response.parse(bytes), limits)? else {
        return Ok(None);
    };
    // A refusal may come from an old proxy: HTTP/1.0 is read, the upgrade itself demands 1.1.
    let (Some(status), Some(version)) = (response.code, response.version) else {
        return Err(HandshakeError::NotHttp.into());
    };
    if status == 101 && version != 1 {
        return Err(HandshakeError::NotHttp.into());
    }
    Ok(Some(Head { line: status, headers: copied(response.headers), bytes: size }))
}

/// Room for header fields: as many as the limit allows, and no more than there can be.
fn room<'a>(bytes: &[u8], limits: &Limits) -> Vec<httparse::Header<'a>> {
    vec![httparse::EMPTY_HEADER; limits.handshake_headers_max.min(bytes.len())]
}

fn complete(parsed: httparse::Result<usize>, limits: &Limits) -> Result<Option<usize>, Error> {
    match parsed {
        Ok(httparse::Status::Complete(size)) => Ok(Some(size)),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            Err(Exceeded::HandshakeHeaders { max: limits.handshake_headers_max }.into())
        }
        Err(_) => Err(HandshakeError::NotHttp.into()),
    }
}

fn copied(fields: &[httparse::Header<'_>]) -> Headers {
    Headers::from_fields(fields.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect())
}
