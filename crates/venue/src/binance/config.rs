//! What to follow, checked.

use std::collections::BTreeSet;

use crate::error::ConfigError;

/// Streams one connection may carry.
const STREAMS_MAX: usize = 1024;

/// The largest snapshot the venue gives.
const SNAPSHOT_LIMIT_MAX: u16 = 5000;

/// What a Binance spot session follows, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The symbols, in any ASCII case, such as `BTCUSDT`. An [`Instrument`](crate::Instrument) is an index
    /// into this list.
    pub symbols: Vec<String>,
    /// The streams to follow of each of them.
    pub streams: Streams,
    /// The stream host, without a path.
    pub stream_url: String,
    /// The WebSocket API, with its path. Used when `streams.depth` is on.
    pub api_url: String,
    /// Levels a side of a book snapshot, `1..=5000`. The venue's price rises at 100, 500 and 1000.
    pub snapshot_limit: u16,
    /// Levels a side that a book keeps, at least `snapshot_limit`. The worst are dropped beyond it, and
    /// [told](crate::BookChange::Trimmed).
    pub levels_max: usize,
}

impl Default for Config {
    /// No symbols, no streams; the venue's public hosts, snapshots of 1000 levels, books of 10000.
    fn default() -> Self {
        Self {
            symbols: Vec::new(),
            streams: Streams::default(),
            stream_url: "wss://stream.binance.com:9443".into(),
            api_url: "wss://ws-api.binance.com:443/ws-api/v3".into(),
            snapshot_limit: 1000,
            levels_max: 10_000,
        }
    }
}

/// The kinds of streams to follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Streams {
    /// Single trades: [`Trade`](crate::Trade) without `fills`.
    pub trade: bool,
    /// The fills of one taker at one price as one [`Trade`](crate::Trade).
    pub agg_trade: bool,
    /// Each change of the best levels: [`Quote`](crate::Quote).
    pub book_ticker: bool,
    /// The changes of each 100 ms, and a [`Book`](crate::Book) kept by them. With `book_ticker` on, the
    /// two are compared: [`TopCheck`](crate::TopCheck).
    pub depth: bool,
    /// The best levels each 100 ms: [`Depth`](crate::Depth).
    pub partial_depth: Option<PartialDepth>,
}

/// How many levels a side partial depth tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartialDepth {
    /// 5.
    Five,
    /// 10.
    Ten,
    /// 20.
    Twenty,
}

/// The suffix of the stream that feeds books.
pub(super) const DEPTH_SUFFIX: &str = "@depth@100ms";

impl Streams {
    fn suffixes(self) -> impl Iterator<Item = &'static str> {
        let partial = self.partial_depth.map(|levels| match levels {
            PartialDepth::Five => "@depth5@100ms",
            PartialDepth::Ten => "@depth10@100ms",
            PartialDepth::Twenty => "@depth20@100ms",
        });
        [
            self.trade.then_some("@trade"),
            self.agg_trade.then_some("@aggTrade"),
            self.book_ticker.then_some("@bookTicker"),
            self.depth.then_some(DEPTH_SUFFIX),
            partial,
        ]
        .into_iter()
        .flatten()
    }
}

impl Config {
    /// Checks everything; the symbols in the venue's spelling, and the stream names in their order.
    pub(super) fn names(&self) -> Result<(Vec<Box<str>>, Vec<String>), ConfigError> {
        if self.symbols.is_empty() {
            return Err(ConfigError::NoSymbols);
        }
        let kinds = self.streams.suffixes().count();
        if kinds == 0 {
            return Err(ConfigError::NoStreams);
        }
        let streams = self.symbols.len().saturating_mul(kinds);
        if streams > STREAMS_MAX {
            return Err(ConfigError::TooManyStreams { streams, max: STREAMS_MAX });
        }
        let limit = self.snapshot_limit;
        if !(1..=SNAPSHOT_LIMIT_MAX).contains(&limit) {
            return Err(ConfigError::SnapshotLimit { limit });
        }
        if self.levels_max < usize::from(limit) {
            return Err(ConfigError::LevelsMax { levels_max: self.levels_max, snapshot_limit: limit });
        }
        let mut symbols: Vec<Box<str>> = Vec::with_capacity(self.symbols.len());
        let mut seen = BTreeSet::new();
        for given in &self.symbols {
            let symbol: Box<str> = check(given)?.to_ascii_uppercase().into();
            if !seen.insert(symbol.clone()) {
                return Err(ConfigError::SymbolTwice { symbol });
            }
            symbols.push(symbol);
        }
        let of_symbol = |symbol: &str| {
            let lower = symbol.to_ascii_lowercase();
            self.streams.suffixes().map(move |suffix| format!("{lower}{suffix}"))
        };
        let names = symbols.iter().flat_map(|symbol| of_symbol(symbol)).collect();
        Ok((symbols, names))
    }
}

fn check(symbol: &str) -> Result<&str, ConfigError> {
    if symbol.is_empty() {
        return Err(ConfigError::SymbolEmpty);
    }
    let bad = |c: &char| c.is_whitespace() || c.is_control() || "@/?#\"\\".contains(*c);
    match symbol.chars().find(bad) {
        Some(character) => Err(ConfigError::SymbolCharacter { symbol: symbol.into(), character }),
        None => Ok(symbol),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(symbols: &[&str]) -> Config {
        let streams = Streams { trade: true, depth: true, ..Streams::default() };
        let symbols = symbols.iter().map(ToString::to_string).collect();
        Config { symbols, streams, ..Config::default() }
    }

    #[test]
    fn names_are_lower_case_and_symbols_upper_case() {
        let (symbols, names) = config(&["BtcUsdt", "１２３x"]).names().unwrap();
        assert_eq!(symbols, ["BTCUSDT".into(), "１２３X".into()] as [Box<str>; 2]);
        assert_eq!(names, ["btcusdt@trade", "btcusdt@depth@100ms", "１２３x@trade", "１２３x@depth@100ms"]);
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        let many: Vec<String> = (0..513).map(|n| format!("S{n}")).collect();
        let rows = [
            (config(&[]), ConfigError::NoSymbols),
            (Config { streams: Streams::default(), ..config(&["A"]) }, ConfigError::NoStreams),
            (config(&["A", ""]), ConfigError::SymbolEmpty),
            (config(&["a", "A"]), ConfigError::SymbolTwice { symbol: "A".into() }),
            (Config { snapshot_limit: 0, ..config(&["A"]) }, ConfigError::SnapshotLimit { limit: 0 }),
            (Config { snapshot_limit: 5001, ..config(&["A"]) }, ConfigError::SnapshotLimit { limit: 5001 }),
            (
                Config { levels_max: 999, ..config(&["A"]) },
                ConfigError::LevelsMax { levels_max: 999, snapshot_limit: 1000 },
            ),
            (
                Config { symbols: many, ..config(&[]) },
                ConfigError::TooManyStreams { streams: 1026, max: 1024 },
            ),
        ];
        for (config, expected) in rows {
            assert_eq!(config.names().unwrap_err(), expected);
        }
    }

    #[test]
    fn characters_that_would_change_a_stream_name_are_refused() {
        for character in ['@', '/', '?', '#', '"', '\\', ' ', '\u{a0}', '\n', '\0'] {
            let symbol = format!("AB{character}C");
            let expected = ConfigError::SymbolCharacter { symbol: symbol.clone().into(), character };
            assert_eq!(config(&[&symbol]).names().unwrap_err(), expected);
        }
    }

    #[test]
    fn as_many_streams_as_a_connection_carries_are_served() {
        let symbols = (0..512).map(|n| format!("S{n}")).collect();
        let (_, names) = Config { symbols, ..config(&[]) }.names().unwrap();
        assert_eq!(names.len(), 1024);
    }
}
