//! What a client is told by a world, and what it holds of it.

/// A connection of the client's, or an attempt at one. No two of a world are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wire(pub(super) u64);

/// Something that a client notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The connection stands, with TLS where the host has it.
    Connected(Wire),
    /// There will be no connection; the wire is gone.
    Failed(Wire, Failure),
    /// Bytes arrived, or the end. Told once; what is left unread is not told of again.
    Readable(Wire),
    /// A write that was cut short or would have blocked may go on.
    Writable(Wire),
    /// What became of a request for a document.
    Fetched {
        /// The client's number for it.
        id: u64,
        /// The answer; `None` if there is none: no look-up, no connection, no answer in time, or only a part of it.
        document: Option<Document>,
    },
}

impl Event {
    pub(super) fn wire(&self) -> Option<Wire> {
        match self {
            Self::Connected(wire) | Self::Failed(wire, _) | Self::Readable(wire) | Self::Writable(wire) => {
                Some(*wire)
            }
            Self::Fetched { .. } => None,
        }
    }
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The name could not be looked up.
    Resolve,
    /// The host refused.
    Refused,
    /// The host did not answer within a minute.
    TimedOut,
    /// The TLS handshake ended with an alert.
    Tls(TlsAlert),
}

/// An alert of the TLS layer, by its number. It is what the [`std::io::Error`] of a read or write wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("TLS alert {0}")]
pub struct TlsAlert(pub u8);

/// An answer over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The status.
    pub status: u16,
    /// The headers that the venue sets, names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}
