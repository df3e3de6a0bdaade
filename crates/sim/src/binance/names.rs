//! Stream names.

/// Streams one connection may have.
pub(crate) const STREAMS_MAX: usize = 1_024;

/// Kinds that carry no further part. Those the market does not produce are acknowledged and mute.
const KINDS: [&str; 20] = [
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
];
const INTERVALS: [&str; 16] =
    ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"];
const ALL_MARKET: [&str; 4] = ["!miniTicker@arr", "!ticker_1h@arr", "!ticker_4h@arr", "!ticker_1d@arr"];

/// Whether a name has the form of a stream's. Whether its symbol exists is not looked at: the venue
/// acknowledges unknown symbols and stays silent.
pub(crate) fn is_well_formed(name: &str) -> bool {
    if ALL_MARKET.contains(&name) {
        return true;
    }
    let Some((symbol, kind)) = name.split_once('@') else {
        return false;
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/\\\"'!?&=".contains(c);
    !symbol.is_empty() && !symbol.contains(odd) && (KINDS.contains(&kind) || is_kline(kind))
}

fn is_kline(kind: &str) -> bool {
    let Some(rest) = kind.strip_prefix("kline_") else {
        return false;
    };
    let interval = rest.strip_suffix("@+08:00").unwrap_or(rest);
    INTERVALS.contains(&interval)
}

/// The names of the streams that the market produces for one symbol.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) trade: String,
    pub(crate) aggregate_trade: String,
    pub(crate) book_ticker: String,
    pub(crate) fast: DepthNames,
    pub(crate) slow: DepthNames,
}

/// The depth streams of one speed.
#[derive(Debug)]
pub(crate) struct DepthNames {
    pub(crate) diff: String,
    /// Levels a side, and the name.
    pub(crate) partial: [(usize, String); 3],
}

impl Names {
    /// `symbol` in upper case.
    pub(crate) fn of(symbol: &str) -> Self {
        let lower = symbol.to_lowercase();
        let depth = |speed: &str| DepthNames {
            diff: format!("{lower}@depth{speed}"),
            partial: [5, 10, 20].map(|levels| (levels, format!("{lower}@depth{levels}{speed}"))),
        };
        Self {
            trade: format!("{lower}@trade"),
            aggregate_trade: format!("{lower}@aggTrade"),
            book_ticker: format!("{lower}@bookTicker"),
            fast: depth("@100ms"),
            slow: depth(""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_names_are_well_formed_and_others_are_not() {
        for name in ["btcusdt@aggTrade", "bnbbtc@depth", "bnbbtc@depth20@100ms", "btcusdt@kline_1M"] {
            assert!(is_well_formed(name), "{name}");
        }
        for name in ["btcusdt@kline_1s@+08:00", "!miniTicker@arr", "456@bookTicker", "nosuch@trade"] {
            assert!(is_well_formed(name), "{name}");
        }
        for name in ["", "btcusdt", "@trade", "btcusdt@", "btcusdt@Trade", "btcusdt@depth7", "a b@trade"] {
            assert!(!is_well_formed(name), "{name}");
        }
        for name in ["btcusdt@kline_7m", "!bookTicker", "btc\"usdt@trade", "btcusdt@depth@10ms"] {
            assert!(!is_well_formed(name), "{name}");
        }
    }
}
