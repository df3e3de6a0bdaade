//! Requests and responses of the opening handshake, and their header fields (RFC 9110 5, RFC 6455 4).

use std::fmt;
use thiserror::Error;

/// Header fields in the order of the wire. `Debug` shows names only: values may be secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    fields: Vec<(String, Vec<u8>)>,
}

impl Headers {
    /// The value of the first field of this name (ASCII case is ignored) that is UTF-8.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of all fields of this name that are UTF-8.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.raw(name).filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// Every field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The value of a field that must occur exactly once, as text.
    pub(crate) fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.raw(name);
        let value = values.next().filter(|_| values.next().is_none())?;
        std::str::from_utf8(value).ok()
    }

    /// Whether there is a field of this name, text or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.raw(name).next().is_some()
    }

    /// The fields of this name as one list (RFC 9110 5.3); `None` if one of them is not text.
    pub(crate) fn list(&self, name: &str) -> Option<String> {
        let values: Result<Vec<&str>, _> = self.raw(name).map(std::str::from_utf8).collect();
        values.ok().map(|values| values.join(","))
    }

    fn raw(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Whether a comma-separated field holds this token.
    pub(crate) fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
    }

    pub(crate) fn from_fields(fields: Vec<(String, Vec<u8>)>) -> Self {
        Self { fields }
    }

    pub(crate) fn push(&mut self, name: &str, value: &str) -> Result<(), RequestError> {
        // RFC 9110 5.1, 5.5: names are tokens, values are visible text; a line break would smuggle in a field.
        let is_name = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        let is_value = value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b) || b >= 0x80);
        if !is_name || !is_value {
            return Err(RequestError::Header(name.escape_debug().collect()));
        }
        self.fields.push((name.to_owned(), value.as_bytes().to_vec()));
        Ok(())
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// What a client asks for: built by the client, read by the server. `Debug` leaves out the target: it may hold a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) headers: Headers,
    pub(crate) subprotocols: Vec<String>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("host", &self.host)
            .field("headers", &self.headers)
            .field("subprotocols", &self.subprotocols)
            .finish_non_exhaustive()
    }
}

/// A part of a request that must not go on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The host is empty or holds characters of no host. It is not shown: it may hold a password.
    #[error("the host is empty or holds characters of no host")]
    Host,
    /// The target does not begin with `/` or holds white space or control characters. It is not shown: it may hold a key.
    #[error("the request target must begin with / and hold no white space or control characters")]
    Target,
    /// A header field whose name is no token or whose value holds control characters. The value is not shown.
    #[error("not a header field: {0:?}")]
    Header(String),
    /// A header field that the handshake itself sets.
    #[error("header field {0:?} belongs to the handshake")]
    Reserved(String),
}

/// Header fields that RFC 6455 4.1 gives a meaning of its own.
const RESERVED: [&str; 8] = [
    "host",
    "upgrade",
    "connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "sec-websocket-accept",
];

impl Request {
    /// A request to `host` (with `:port` unless it is the scheme's own) for `target` (path and query).
    ///
    /// # Errors
    /// [`RequestError`] for a host or target that would not be a valid HTTP request line.
    pub fn new(host: &str, target: &str) -> Result<Self, RequestError> {
        let clean = |text: &str| text.bytes().all(|b| (b'!'..=b'~').contains(&b) || b >= 0x80);
        if host.is_empty() || !clean(host) || host.contains(['/', '@', '?', '#']) {
            return Err(RequestError::Host);
        }
        if !target.starts_with('/') || !clean(target) {
            return Err(RequestError::Target);
        }
        Ok(Self {
            host: host.to_owned(),
            target: target.to_owned(),
            headers: Headers::default(),
            subprotocols: Vec::new(),
        })
    }

    /// Adds a header field.
    ///
    /// # Errors
    /// [`RequestError`] for a field that is malformed or belongs to the handshake itself.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, RequestError> {
        if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(RequestError::Reserved(name.to_owned()));
        }
        self.headers.push(name, value)?;
        Ok(self)
    }

    /// Offers a subprotocol, the most wanted first.
    ///
    /// # Errors
    /// [`RequestError`] for a name that is no token.
    pub fn subprotocol(mut self, name: &str) -> Result<Self, RequestError> {
        Headers::default().push(name, "")?;
        self.subprotocols.push(name.to_owned());
        Ok(self)
    }

    /// The host asked for.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Path and query asked for.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The header fields: those added (client) or all that arrived (server).
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The subprotocols offered, the most wanted first.
    #[must_use]
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status; 101 when the connection was upgraded.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body of a refusal, as far as it arrived, at most `handshake_bytes_max` with the head.
    pub body: Vec<u8>,
}

impl Response {
    /// The chosen subprotocol.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.headers.first("sec-websocket-protocol")
    }

    /// The chosen extensions, as the server wrote them.
    #[must_use]
    pub fn extensions(&self) -> Option<&str> {
        self.headers.first("sec-websocket-extensions")
    }
}

impl fmt::Display for Response {
    /// The status and the beginning of the body, control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_CHARS_MAX: usize = 300;
        write!(f, "HTTP status {}", self.status)?;
        if let Some(seconds) = self.headers.first("retry-after") {
            write!(f, ", retry after {}", seconds.escape_debug())?;
        }
        let text = String::from_utf8_lossy(&self.body);
        let text = text.trim();
        if !text.is_empty() {
            let escaped = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
            let shown: String = text.chars().take(SHOWN_CHARS_MAX).map(escaped).collect();
            let more = if text.chars().count() > SHOWN_CHARS_MAX { "..." } else { "" };
            write!(f, ": {shown}{more}")?;
        }
        Ok(())
    }
}
