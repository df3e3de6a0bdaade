//! The names of Spot's streams.

use crate::binance::names::Grammar;

pub(in crate::binance) const GRAMMAR: Grammar = Grammar {
    kinds: &[
        "trade",
        "aggTrade",
        "blockTrade",
        "referencePrice",
        "bookTicker",
        "avgPrice",
        "miniTicker",
        "ticker",
        "ticker_1h",
        "ticker_4h",
        "ticker_1d",
        "depth",
        "depth@100ms",
        "depth@1000ms",
        "depth5",
        "depth10",
        "depth20",
        "depth5@100ms",
        "depth10@100ms",
        "depth20@100ms",
    ],
    intervals: &[
        "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
    ],
    candles: &["kline_"],
    all_market: &["!miniTicker@arr", "!ticker_1h@arr", "!ticker_4h@arr", "!ticker_1d@arr"],
};

/// The names of the streams that the market produces for one symbol.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) trade: String,
    pub(super) aggregate_trade: String,
    pub(super) book_ticker: String,
    pub(super) average: String,
    /// By cadence.
    pub(super) depth: [DepthNames; 2],
}

/// The depth streams of one speed.
#[derive(Debug)]
pub(super) struct DepthNames {
    pub(super) diff: String,
    /// Levels a side, and the name.
    pub(super) partial: [(usize, String); 3],
}

impl Names {
    /// `symbol` in upper case.
    pub(super) fn of(symbol: &str) -> Self {
        let lower = symbol.to_lowercase();
        let depth = |speed: &str| DepthNames {
            diff: format!("{lower}@depth{speed}"),
            partial: [5, 10, 20].map(|levels| (levels, format!("{lower}@depth{levels}{speed}"))),
        };
        Self {
            trade: format!("{lower}@trade"),
            aggregate_trade: format!("{lower}@aggTrade"),
            book_ticker: format!("{lower}@bookTicker"),
            average: format!("{lower}@avgPrice"),
            depth: ["@100ms", ""].map(depth),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_names_are_well_formed_and_others_are_not() {
        for name in ["btcusdt@aggTrade", "bnbbtc@depth", "bnbbtc@depth20@100ms", "btcusdt@kline_1M"] {
            assert!(GRAMMAR.allows(name), "{name}");
        }
        for name in ["btcusdt@kline_1s@+08:00", "!miniTicker@arr", "456@bookTicker", "nosuch@trade"] {
            assert!(GRAMMAR.allows(name), "{name}");
        }
        for name in ["", "btcusdt", "@trade", "btcusdt@", "btcusdt@Trade", "btcusdt@depth7", "a b@trade"] {
            assert!(!GRAMMAR.allows(name), "{name}");
        }
        for name in ["btcusdt@kline_7m", "!bookTicker", "btc\"usdt@trade", "btcusdt@depth@10ms"] {
            assert!(!GRAMMAR.allows(name), "{name}");
        }
    }
}
