//! What a server is started with.

use std::time::Duration;

use crate::market::default_symbols;
use crate::recording::Recording;

/// How a server behaves. The defaults are the venue's own rules over a generated market.
#[derive(Debug)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// `wss` with a certificate of a throw-away authority, or plain `ws`.
    pub tls: bool,
    /// Where the data comes from.
    pub source: Source,
    /// Time between two pings of a connection.
    pub ping_interval: Duration,
    /// How long a ping may stay without a pong that echoes it; then the connection is closed with 1008.
    pub pong_timeout: Duration,
    /// Pings, pongs and texts a stream connection may send in any second; one more closes it with 1008.
    pub messages_per_second: usize,
    /// What goes wrong on purpose.
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            tls: true,
            source: Source::default(),
            ping_interval: Duration::from_secs(20),
            pong_timeout: Duration::from_secs(60),
            messages_per_second: 5,
            faults: Faults::default(),
        }
    }
}

/// Where the data comes from.
#[derive(Debug)]
pub enum Source {
    /// A random walk over full order books.
    Market {
        /// The same seed gives the same events, however fast they come.
        seed: u64,
        /// Upper case letters and digits, each symbol once. Known names get a fitting price, tick and lot; any other name gets a general one.
        symbols: Vec<String>,
        /// Mean number of book events per symbol and second; 0 is a silent market. Beyond what the
        /// machine can make, it makes fewer.
        events_per_second: u32,
    },
    /// What a venue once sent, byte for byte, from its beginning for each connection.
    Recording {
        /// The messages and snapshots.
        recording: Recording,
        /// 1 plays as recorded, 2 twice as fast; 0 as fast as the client reads.
        speed: f64,
    },
}

impl Default for Source {
    fn default() -> Self {
        Self::Market { seed: 1, symbols: default_symbols(), events_per_second: 100 }
    }
}

/// What goes wrong on purpose. All but `shutdown_after` and `cut_after` concern the generated market.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// So many first `depth` answers for each symbol are older than any diff a client can have seen.
    pub stale_snapshots: u32,
    /// Snapshots show the book of the moment instead of the last diff's end, so they may hold a quantity
    /// that the next diff does not correct.
    pub snapshots_inside_intervals: bool,
    /// Every nth diff of each stream is lost for everyone.
    pub drop_diff_every: Option<u64>,
    /// A connection of this age is told `serverShutdown`, and a second later closed with 1001.
    pub shutdown_after: Option<Duration>,
    /// A connection of this age loses its TCP connection without a close frame.
    pub cut_after: Option<Duration>,
}
