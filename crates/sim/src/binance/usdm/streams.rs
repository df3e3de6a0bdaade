//! The names of the futures' streams.

use crate::binance::names::Grammar;

pub(super) const GRAMMAR: Grammar = Grammar {
    kinds: &[
        "aggTrade",
        "trade",
        "bookTicker",
        "markPrice",
        "markPrice@1s",
        "indexPrice",
        "indexPrice@1s",
        "miniTicker",
        "ticker",
        "forceOrder",
        "compositeIndex",
        "assetIndex",
        "depth",
        "depth@0ms",
        "depth@100ms",
        "depth@500ms",
        "depth5",
        "depth10",
        "depth20",
        "depth5@100ms",
        "depth10@100ms",
        "depth20@100ms",
        "depth5@500ms",
        "depth10@500ms",
        "depth20@500ms",
        "rpiDepth@500ms",
    ],
    intervals: &["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"],
    candles: &["kline_", "continuousKline_", "indexPriceKline_", "markPriceKline_"],
    all_market: &[
        "!bookTicker",
        "!markPrice@arr",
        "!markPrice@arr@1s",
        "!miniTicker@arr",
        "!ticker@arr",
        "!forceOrder@arr",
        "!assetIndex@arr",
        "!contractInfo",
        "tradingSession",
    ],
};

/// The names of the streams that the market produces for one symbol.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) trade: String,
    pub(super) aggregate_trade: String,
    pub(super) book_ticker: String,
    pub(super) mark_slow: String,
    pub(super) mark_fast: String,
    pub(super) liquidation: String,
    /// By cadence.
    pub(super) depth: [DepthNames; 3],
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
            mark_slow: format!("{lower}@markPrice"),
            mark_fast: format!("{lower}@markPrice@1s"),
            liquidation: format!("{lower}@forceOrder"),
            depth: ["@100ms", "", "@500ms"].map(depth),
        }
    }
}
