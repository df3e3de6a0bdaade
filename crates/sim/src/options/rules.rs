//! What can be chosen at one venue only.

use std::fmt;
use std::time::Duration;

/// What can be chosen at the Binance venues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BinanceRules {
    /// Errors of control requests are `{"code","msg","id"}`, as documented, instead of nested in `error`, as sent.
    pub flat_errors: bool,
    /// Futures: events have the fields of 2021, without `ps`, `st`, `nq` and `ap`.
    pub fields_2021: bool,
    /// Futures: paths without `/public` or `/market` deliver every class of streams, as before the routes and at COIN-M.
    pub unrouted_delivers_all: bool,
    /// After a connection was closed for its rate, every request is refused with HTTP 429 for so long; the futures
    /// were seen to do so for about two minutes.
    pub penalty: Option<Duration>,
    /// Requests for snapshots are refused for their rate.
    pub refusals: Option<Refusals>,
}

/// Refused requests for snapshots, by HTTP and by the WebSocket API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// So many first requests are refused.
    pub requests: u32,
    /// With 418, as a ban, instead of 429.
    pub banned: bool,
    /// What is told to wait, in whole seconds.
    pub retry_after: Duration,
}

/// What can be chosen at Deribit. The defaults are the production system's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeribitRules {
    /// Who may authenticate, if anyone.
    pub key: Option<Key>,
    /// For how many seconds an authentication holds; default 31,536,000.
    pub token_seconds: u64,
    /// Raw channels need no authentication, as at the Event Nodes.
    pub event_node: bool,
    /// What answers say of themselves; default false.
    pub testnet: bool,
    /// Numbers are written with an exponent where that is shorter, as since 2024-12; default true.
    pub exponents: bool,
    /// Changes list their levels worst first, as before 2021-10-22; snapshots do not.
    pub worst_first: bool,
    /// Book messages have no `type`, as in 2020.
    pub without_type: bool,
    /// The shortest heartbeat interval in seconds, default 10.
    pub heartbeat_min: u64,
    /// How long a `test_request` may stay unanswered; default 10 s.
    pub test_timeout: Duration,
    /// After so long without heartbeats, subscriptions and requests the TCP connection is cut; default 60 s.
    pub idle_timeout: Duration,
    /// Every so many seconds the first instrument's state is said to be halted, or open again; its book goes on.
    pub halt_every: Option<u64>,
    /// Open connections; one more is refused with HTTP 429. Default 32.
    pub connections_max: usize,
}

impl Default for DeribitRules {
    fn default() -> Self {
        Self {
            key: None,
            token_seconds: 31_536_000,
            event_node: false,
            testnet: false,
            exponents: true,
            worst_first: false,
            without_type: false,
            heartbeat_min: 10,
            test_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            halt_every: None,
            connections_max: 32,
        }
    }
}

/// An API key that the server knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The client id.
    pub id: String,
    /// The client secret. It is never printed.
    pub secret: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}
