//! What a server is started with.

mod faults;
mod rules;

pub use faults::{Bursts, Faults, Fragments};
pub use rules::{BinanceRules, DeribitRules, Key, Refusals};

use std::collections::BTreeSet;
use std::time::Duration;

use crate::error::Error;
use crate::recording::Recording;

/// Which venue a server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Venue {
    /// Binance Spot.
    #[default]
    BinanceSpot,
    /// Binance USD-M futures.
    BinanceUsdM,
    /// Deribit.
    Deribit,
}

impl Venue {
    /// The symbols of a generated market unless told otherwise.
    fn symbols(self) -> &'static [&'static str] {
        match self {
            Self::BinanceSpot => &[
                "BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "ADAUSDT", "AVAXUSDT",
                "LINKUSDT", "LTCUSDT", "ETHBTC", "BNBBTC",
            ],
            Self::BinanceUsdM => &["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BTCUSDT_261225"],
            Self::Deribit => &[
                "BTC-PERPETUAL",
                "ETH-PERPETUAL",
                "SOL_USDC-PERPETUAL",
                "BTC-25DEC26",
                "BTC-25DEC26-80000-C",
            ],
        }
    }
}

/// How a server behaves. The defaults are the venue's own rules over a generated market.
#[derive(Debug)]
pub struct Options {
    /// Which venue it is. [`Options::of`] fills in its other rules.
    pub venue: Venue,
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// `wss` with a certificate of a throw-away authority, or plain `ws`.
    pub tls: bool,
    /// Where the data comes from.
    pub source: Source,
    /// Whether permessage-deflate is granted to clients that offer it.
    pub deflate: bool,
    /// Time between two pings of a connection.
    pub ping_interval: Duration,
    /// How long a ping may stay without a pong that echoes it; then the connection is closed with 1008.
    pub pong_timeout: Duration,
    /// Pings, pongs and texts a stream connection may send in any second; one more closes it with 1008.
    pub messages_per_second: usize,
    /// What can be chosen at the Binance venues only.
    pub binance: BinanceRules,
    /// What can be chosen at Deribit only.
    pub deribit: DeribitRules,
    /// What goes wrong on purpose.
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self::of(Venue::default())
    }
}

impl Options {
    /// The rules of a venue, over a generated market of its symbols.
    #[must_use]
    pub fn of(venue: Venue) -> Self {
        let (ping_interval, pong_timeout, messages_per_second) = match venue {
            Venue::BinanceSpot => (Duration::from_secs(20), Duration::from_secs(60), 5),
            Venue::BinanceUsdM => (Duration::from_secs(180), Duration::from_secs(600), 10),
            // It sends heartbeats of its own and counts credits.
            Venue::Deribit => (Duration::MAX, Duration::MAX, usize::MAX),
        };
        let symbols = venue.symbols().iter().map(|&symbol| symbol.to_owned()).collect();
        Self {
            venue,
            port: 0,
            tls: true,
            source: Source::Market { seed: 1, symbols, events_per_second: 100 },
            deflate: true,
            ping_interval,
            pong_timeout,
            messages_per_second,
            binance: BinanceRules::default(),
            deribit: DeribitRules::default(),
            faults: Faults::default(),
        }
    }

    /// Whether they can be obeyed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.ping_interval.is_zero() {
            return Err(Error::Options("the ping interval is zero"));
        }
        self.faults.check()?;
        self.source.check(self.venue)
    }
}

/// Where the data comes from.
#[derive(Debug)]
pub enum Source {
    /// A random walk over full order books.
    Market {
        /// The same seed gives the same events, however fast they come.
        seed: u64,
        /// Each symbol once, as the venue spells it: upper case letters and digits, at Binance's futures with `_`
        /// before a date, at Deribit with `-` and `_`. Known names get a fitting price, tick and lot; any other
        /// name gets a general one.
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
        Options::default().source
    }
}

impl Source {
    fn check(&self, venue: Venue) -> Result<(), Error> {
        match self {
            Self::Market { symbols, .. } => check_symbols(symbols, venue),
            Self::Recording { speed, .. } if !speed.is_finite() || *speed < 0.0 => {
                Err(Error::Options("the speed of a recording is 0 or a positive number"))
            }
            Self::Recording { .. } => Ok(()),
        }
    }
}

/// Symbols become parts of stream names and of JSON texts, and name one instrument each.
fn check_symbols(symbols: &[String], venue: Venue) -> Result<(), Error> {
    let marks = match venue {
        Venue::BinanceSpot => "",
        Venue::BinanceUsdM => "_",
        Venue::Deribit => "-_",
    };
    // Deribit writes the point of a strike as a small d.
    let small = if venue == Venue::Deribit { "d" } else { "" };
    let is_plain =
        |c: char| (c.is_alphanumeric() && !c.is_lowercase()) || marks.contains(c) || small.contains(c);
    let distinct: BTreeSet<_> = symbols.iter().collect();
    if symbols.is_empty() {
        Err(Error::Options("a market needs a symbol"))
    } else if distinct.len() < symbols.len() {
        Err(Error::Options("a symbol is named twice"))
    } else if !symbols.iter().all(|symbol| !symbol.is_empty() && symbol.chars().all(is_plain)) {
        Err(Error::Options("symbols are upper case letters and digits, with the marks that the venue uses"))
    } else {
        Ok(())
    }
}
