//! What can go wrong between the program and the venue, sorted by who is at fault.

use crate::endpoint::UrlError;
use crate::proxy::{ProxyError, ProxyUrlError};
use std::io;
use std::sync::Arc;
use thiserror::Error;
use tickwire_venue as venue;
use tickwire_ws as ws;

/// Why a client or a feed cannot go on. What ends a connection sticks: later reads of it report the same error.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not one of a WebSocket: the caller's to mend.
    #[error("bad URL: {0}")]
    Url(#[from] UrlError),
    /// The URL of a proxy cannot be used: the caller's to mend.
    #[error("bad proxy URL: {0}")]
    Proxy(#[from] ProxyUrlError),
    /// A header field or subprotocol that must not go on the wire: the caller's to mend.
    #[error("bad request: {0}")]
    Request(#[from] ws::RequestError),
    /// Certificates or TLS settings that cannot be used: the caller's to mend.
    #[error("bad TLS settings: {0}")]
    TlsSettings(String),
    /// A call that does not fit what was called before: the caller's to mend.
    #[error("misuse: {0}")]
    Misuse(&'static str),
    /// The host could not be found or reached.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// The operating system reported an error on the connection.
    #[error("connection lost: {0}")]
    Io(Arc<io::Error>),
    /// The TLS session failed: a certificate that does not verify, or a peer that breaks the protocol.
    #[error("TLS: {0}")]
    Tls(rustls::Error),
    /// The WebSocket connection failed; see [`ws::Error`] for whose fault it is.
    #[error("{0}")]
    WebSocket(#[from] ws::Error),
    /// A message could not be queued.
    #[error("cannot send: {0}")]
    Send(#[from] ws::SendError),
    /// The venue sent what it does not document, or the session was configured wrongly.
    #[error("{0}")]
    Venue(#[from] venue::Error),
    /// The peer closed the connection in good order, and nobody here had asked for it.
    #[error("closed by the peer: {}", closed(.0.as_ref()))]
    Closed(Option<ws::Close>),
    /// One connection of a feed will not be tried again: no attempt can succeed before the caller has mended something.
    #[error("{name} connection: {source}")]
    Link {
        /// The endpoint's name.
        name: &'static str,
        /// What happened to it.
        source: Box<Self>,
    },
}

/// Why a host could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DialError {
    /// The name, of the host or of the proxy to it, could not be looked up.
    #[error("cannot look up {host}: {reason}")]
    Resolve {
        /// The host.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// No address, of the host or of the proxy to it, took the connection; what each of them said.
    #[error("cannot connect to {host}: {}", .attempts.join(", "))]
    Connect {
        /// The host.
        host: String,
        /// Address and reason of each attempt.
        attempts: Vec<String>,
    },
    /// A proxy did not let us through to the host.
    #[error("proxy {proxy}: {problem}")]
    Proxy {
        /// The proxy's host.
        proxy: String,
        /// What went wrong with it.
        problem: ProxyError,
    },
    /// The name was not looked up in time.
    #[error("{host} was not looked up in time")]
    ResolveTimeout {
        /// The host.
        host: String,
    },
}

/// A Close frame in words; the reason is the peer's text.
fn closed(close: Option<&ws::Close>) -> String {
    let Some(ws::Close { code, reason }) = close else { return "without a Close frame".to_owned() };
    let code = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
    if reason.is_empty() { code } else { format!("{code}, {}", reason.escape_debug()) }
}

impl From<io::Error> for Error {
    /// Transports speak `io::Error`; what it wraps tells more.
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::Tls(tls.clone());
        }
        if let Some(ours) = inner.and_then(|inner| inner.downcast_ref::<Self>()) {
            return ours.clone();
        }
        Self::Io(Arc::new(error))
    }
}
