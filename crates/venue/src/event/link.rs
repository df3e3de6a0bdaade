//! Events about connections. Sessions tell none: who drives them does.

use std::time::Duration;

use crate::route::Route;

/// Something about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkEvent<'a> {
    /// Which. Before it exists, the one that is to be.
    pub route: Route,
    /// The name of its endpoint.
    pub name: &'static str,
    /// Which of the connections that are kept to the endpoint it serves as, from 0. A successor has that of the one before.
    pub place: usize,
    /// What about it.
    pub change: LinkChange<'a>,
}

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkChange<'a> {
    /// An attempt to connect begins, the how manieth in a row.
    Connecting {
        /// From 1.
        attempt: u32,
    },
    /// The handshake is complete; it is being subscribed.
    Open {
        /// Since the attempt began.
        after: Duration,
    },
    /// It brings all that it should.
    Ready {
        /// Since the attempt began.
        after: Duration,
    },
    /// A successor is wanted; it goes on until that one is ready.
    Renewing {
        /// Why.
        why: Renewal,
    },
    /// Its successor is ready: it is being closed, and read to its end.
    Retiring,
    /// It ended as it was asked to, and everything that was sent on it has come.
    Closed,
    /// It was lost, or came to nothing.
    Lost {
        /// Why.
        cause: Cause,
        /// The same in words.
        words: &'a str,
        /// After what time another attempt is made, if one is needed and the venue's budget allows it; `None` when its
        /// successor is there already, or the end was wanted.
        retry_in: Option<Duration>,
    },
    /// It will not be tried again: another attempt cannot succeed.
    Stopped {
        /// Why.
        cause: Cause,
        /// The same in words.
        words: &'a str,
    },
}

/// Why a connection is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Renewal {
    /// It is as old as it shall be.
    Age,
    /// The user asked for it.
    Asked,
    /// The session did: the venue is about to close it, or it does not bring what it should.
    Session,
    /// It lags behind the others.
    Slow,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The venue closed it, with this code if it gave one.
    Closed {
        /// RFC 6455 7.4.
        code: Option<u16>,
    },
    /// No address of the host, or of the proxy to it, took the connection, the proxy did not let us through, or the handshake
    /// took too long.
    Connect,
    /// A limit of ours does not allow what came, or what was to be sent.
    Limit,
    /// It was cut: an end without a Close frame, a reset.
    Lost,
    /// The venue broke the WebSocket protocol.
    Protocol,
    /// The venue refused the handshake, or a proxy the credentials (407, whatever it speaks).
    Refused {
        /// The HTTP status.
        status: u16,
        /// Seconds after which it wants to be asked again, from `Retry-After`.
        retry_after_s: Option<u64>,
    },
    /// The name of the host, or of the proxy to it, was not found.
    Resolve,
    /// Nothing came for too long, or not what should.
    Silent,
    /// TLS failed: a certificate that does not verify, an alert.
    Tls,
}
