//! Events about the streams and the requests of a session.

use std::time::Instant;

use super::market::Instrument;

/// Updates of a stream that may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap<'a> {
    /// The name of the stream.
    pub stream: &'a str,
    /// Of what, where the stream tells of several instruments.
    pub instrument: Option<Instrument>,
    /// The last before it, by what orders the stream: ids of trades or of book updates, or times in nanoseconds where it
    /// has no ids.
    pub after: u64,
    /// The last in it, if it was there. Below `after` when the venue began to count anew.
    pub through: u64,
}

/// A request that the venue refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection<'a> {
    /// What was asked.
    pub request: Request,
    /// For whom, where it concerns one instrument.
    pub instrument: Option<Instrument>,
    /// The venue's code.
    pub code: i64,
    /// The venue's words.
    pub message: &'a str,
    /// What the session does about it.
    pub outcome: Outcome,
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// A subscription.
    Subscribe,
    /// The end of a subscription, so that it can begin anew.
    Unsubscribe,
    /// A book snapshot.
    Snapshot,
    /// To sign in.
    SignIn,
    /// Signs of life from the venue.
    Heartbeat,
    /// The venue did not say which request it refused.
    Unknown,
}

/// What a session does about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more on this connection; a new connection asks again.
    Final,
    /// It asks again, not before this time.
    Retry(Instant),
}
