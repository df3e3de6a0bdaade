//! What differs between Binance's products.

use std::time::Duration;

use super::sync::Rule;
use crate::session::{Attempts, Terms};

/// A product of Binance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// Spot.
    Spot,
    /// Spot, with market data in SBE, a binary encoding, instead of JSON. Its host wants an API key.
    SpotSbe,
    /// Futures margined in USD coins.
    UsdM,
    /// Futures margined in the coin itself.
    CoinM,
    /// European options.
    Options,
}

/// Where a stream is served: futures and options divide theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Class {
    /// Books and what changes with them; on an undivided host everything.
    Public,
    /// Everything else.
    Market,
}

/// Where snapshots of books come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Snapshots {
    /// The WebSocket API: one more connection, no helper.
    Api,
    /// HTTP, by [`Command::Fetch`](crate::Command::Fetch).
    Rest,
}

impl Product {
    /// Where streams, the WebSocket API and HTTP are.
    pub(super) fn hosts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Spot => (
                "wss://stream.binance.com:9443",
                "wss://ws-api.binance.com:443/ws-api/v3",
                "https://api.binance.com/api/v3/depth",
            ),
            Self::SpotSbe => (
                "wss://stream-sbe.binance.com:9443",
                "wss://ws-api.binance.com:443/ws-api/v3",
                "https://api.binance.com/api/v3/depth",
            ),
            Self::UsdM => (
                "wss://fstream.binance.com",
                "wss://ws-fapi.binance.com/ws-fapi/v1",
                "https://fapi.binance.com/fapi/v1/depth",
            ),
            Self::CoinM => (
                "wss://dstream.binance.com",
                "wss://ws-dapi.binance.com/ws-dapi/v1",
                "https://dapi.binance.com/dapi/v1/depth",
            ),
            Self::Options => ("wss://fstream.binance.com", "", "https://eapi.binance.com/eapi/v1/depth"),
        }
    }

    /// Whether the stream host has a path for each [`Class`].
    pub(super) fn divides_streams(self) -> bool {
        matches!(self, Self::UsdM | Self::Options)
    }

    /// Where snapshots come from unless the configuration says otherwise: only two of the WebSocket APIs are
    /// documented to have them.
    pub(super) fn snapshots(self) -> Snapshots {
        match self {
            Self::Spot | Self::SpotSbe | Self::UsdM => Snapshots::Api,
            Self::CoinM | Self::Options => Snapshots::Rest,
        }
    }

    /// How diffs continue a book.
    pub(super) fn rule(self) -> Rule {
        match self {
            Self::Spot | Self::SpotSbe => Rule::Contiguous,
            Self::UsdM | Self::CoinM | Self::Options => Rule::Chained,
        }
    }

    /// Streams that one connection may carry.
    pub(super) fn streams_max(self) -> usize {
        match self {
            Self::Options => 200,
            Self::Spot | Self::SpotSbe | Self::UsdM | Self::CoinM => 1024,
        }
    }

    /// What becomes of connections: the venue ends them after a day, and pings by itself.
    pub(super) fn terms(self) -> Terms {
        let lifetime = Some(Duration::from_secs(24 * 3600));
        let (ping_after, pong_within) = match self {
            // Its own pings come each 20 seconds, so that silence is telling.
            Self::Spot | Self::SpotSbe => (Duration::from_secs(25), Duration::from_secs(10)),
            Self::UsdM | Self::CoinM | Self::Options => (Duration::from_secs(30), Duration::from_secs(10)),
        };
        Terms { races: false, lifetime, ping_after, pong_within }
    }

    /// Connection attempts that we make: a third of what the venue allows an address.
    pub(super) fn attempts(self) -> Attempts {
        Attempts { max: 100, span: Duration::from_secs(300) }
    }

    /// Requests a second on a stream connection: two less than the venue allows, for pings and pongs count too.
    pub(super) fn requests_per_second(self) -> usize {
        match self {
            Self::Spot | Self::SpotSbe => 3,
            Self::UsdM | Self::CoinM | Self::Options => 8,
        }
    }

    /// The time between two diffs of a stream that does not name one, and those that can be named, in ms.
    pub(super) fn diff_speeds(self) -> (u16, &'static [u16]) {
        match self {
            Self::Spot => (1000, &[100]),
            Self::SpotSbe => (20, &[]),
            Self::UsdM | Self::CoinM => (250, &[0, 100, 500]),
            Self::Options => (500, &[100, 500]),
        }
    }

    /// Levels that a snapshot can be asked to have, at most and otherwise (`None`: any number up to that).
    pub(super) fn snapshot_limits(self) -> (u16, Option<&'static [u16]>) {
        match self {
            Self::Spot | Self::SpotSbe => (5000, None),
            Self::UsdM | Self::CoinM | Self::Options => (1000, Some(&[5, 10, 20, 50, 100, 500, 1000])),
        }
    }

    /// What the venue charges for a snapshot.
    pub(super) fn snapshot_weight(self, limit: u16) -> usize {
        match (self, limit) {
            (Self::Spot | Self::SpotSbe, 0..=100) => 5,
            (Self::Spot | Self::SpotSbe, 101..=500) => 25,
            (Self::Spot | Self::SpotSbe, 501..=1000) => 50,
            (Self::Spot | Self::SpotSbe, _) => 250,
            (_, 0..=50) => 2,
            (_, 51..=100) => 5,
            (_, 101..=500) => 10,
            (_, _) => 20,
        }
    }

    /// The weight that one address has in a minute.
    pub(super) fn weight_limit(self) -> u64 {
        match self {
            Self::Spot | Self::SpotSbe => 6000,
            Self::UsdM | Self::CoinM => 2400,
            Self::Options => 400,
        }
    }

    /// What the session spends of that; the rest is for others.
    pub(super) fn weight_budget(self) -> (usize, Duration) {
        let minute = Duration::from_secs(60);
        match self {
            Self::Spot | Self::SpotSbe => (5000, minute),
            Self::UsdM | Self::CoinM => (2000, minute),
            Self::Options => (300, minute),
        }
    }
}

/// The class of a stream, by its name.
pub(super) fn class_of(name: &str) -> Class {
    let kind = name
        .split_once('@')
        .map_or(name, |(symbol, kind)| if symbol.starts_with('!') { symbol } else { kind });
    let public = ["bookTicker", "!bookTicker", "depth", "rpiDepth", "trade", "optionTrade", "!optionSymbol"];
    let begins = |with: &&str| kind.starts_with(with);
    if public.iter().any(begins) { Class::Public } else { Class::Market }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_served_by_class() {
        let public = [
            "btcusdt@bookTicker",
            "!bookTicker",
            "btcusdt@depth@100ms",
            "btcusdt@depth20",
            "x@rpiDepth@500ms",
            "btc-251226-100000-c@optionTrade",
            "!optionSymbol",
        ];
        let market = [
            "btcusdt@aggTrade",
            "btcusdt@markPrice@1s",
            "!markPrice@arr@1s",
            "btcusdt@kline_1m",
            "btcusdt_perpetual@continuousKline_1m",
            "!ticker@arr",
            "!miniTicker@arr",
            "btcusdt@forceOrder",
            "!forceOrder@arr",
            "!contractInfo",
            "tradingSession",
            "btcusdt@optionMarkPrice",
            "btc-251226-100000-c@optionTicker",
            "!index@arr",
        ];
        assert!(public.iter().all(|name| class_of(name) == Class::Public));
        assert!(market.iter().all(|name| class_of(name) == Class::Market));
    }
}
