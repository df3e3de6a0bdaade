//! What a world is made with.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use crate::hazard::Hazards;
use crate::options::Options;

/// What a world is made with.
#[derive(Debug)]
pub struct WorldOptions {
    /// All chance comes from it, that of the markets included.
    pub seed: u64,
    /// The beginning of its time.
    pub start: Instant,
    /// The beginning of its time, in nanoseconds since 1970.
    pub unix_ns: u64,
    /// The venues, each with its name, a market of its own, and what always goes wrong with it. Every port of a name is
    /// the venue; its own `port` is not used. With `tls` a connection takes two round trips longer and can end with an
    /// alert, but its bytes are plain.
    pub hosts: Vec<(String, Options)>,
    /// What the network is like when all is well.
    pub network: Network,
    /// What goes wrong by chance.
    pub hazards: Hazards,
    /// Levels a side that a book has at least, from 4; it has at most about twice as many. Small books make a world
    /// fast.
    pub levels: usize,
    /// How old a connection to Binance may get, unless the host's own faults say so. Its end is told where the venue
    /// does that.
    pub lifetime: Duration,
}

impl WorldOptions {
    /// A world without hosts in which nothing goes wrong. Its hour is 2026-01-01 00:00 UTC.
    #[must_use]
    pub fn new(seed: u64, start: Instant) -> Self {
        Self {
            seed,
            start,
            unix_ns: 1_767_225_600_000_000_000,
            hosts: Vec::new(),
            network: Network::default(),
            hazards: Hazards::NONE,
            levels: 20,
            lifetime: Duration::from_secs(24 * 3_600),
        }
    }
}

/// What a network is like when all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// What bytes take from one end to the other; each connection has its own from this range.
    pub latency: RangeInclusive<Duration>,
    /// What they take longer at most, at times. They never overtake others of the same connection.
    pub jitter: Duration,
    /// Bytes that a client can write before the first of them arrive.
    pub send_buffer: usize,
    /// Bytes that a venue can write before the client reads the first of them.
    pub window: usize,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(1)..=Duration::from_millis(80),
            jitter: Duration::from_millis(4),
            send_buffer: 64 * 1_024,
            window: 256 * 1_024,
        }
    }
}
