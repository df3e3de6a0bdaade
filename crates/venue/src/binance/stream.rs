//! The names of streams.

use super::product::Product;
use crate::{error::ConfigError, event::Interval};

/// A stream of one symbol. Not every product has every one; the venue confirms what it does not have, and the
/// stream stays mute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stream {
    /// Single trades: [`Trade`](crate::Trade) without `fills`. Options: `optionTrade`.
    Trade,
    /// The fills of one taker at one price as one [`Trade`](crate::Trade).
    AggTrade,
    /// Each change of the best levels: [`Quote`](crate::Quote).
    BookTicker,
    /// The changes of each so many milliseconds, and a [`Book`](crate::Book) kept by them: spot 100 or 1000, futures
    /// 100, 250 or 500 (0, undocumented, about 30), options 100 or 500, SBE 20. With [`BookTicker`](Self::BookTicker), the two
    /// are compared: [`TopCheck`](crate::TopCheck).
    Depth {
        /// Milliseconds.
        ms: u16,
    },
    /// The best levels each so many milliseconds: [`Snapshot`](crate::Snapshot).
    PartialDepth {
        /// 5, 10 or 20.
        levels: u8,
        /// Milliseconds, as for [`Depth`](Self::Depth); SBE has 20 levels each 50.
        ms: u16,
    },
    /// A [`Candle`](crate::Candle) while it forms.
    Kline(Interval),
    /// A day in short: [`Ticker`](crate::Ticker).
    MiniTicker,
    /// A day at length: [`Ticker`](crate::Ticker). Options: `optionTicker`.
    Ticker,
    /// Mark price and funding each second: [`Mark`](crate::Mark).
    MarkPrice,
    /// The price of the index of a pair, each second: [`Index`](crate::Index). COIN-M; the symbol is the pair.
    IndexPrice,
    /// The largest liquidation of each second: [`Liquidation`](crate::Liquidation).
    ForceOrder,
    /// Anything else, by what follows `<symbol>@`, such as `avgPrice`.
    Other(String),
}

impl Stream {
    /// What follows the `@`, and behind.
    pub(super) fn suffix(&self, product: Product) -> Result<String, ConfigError> {
        let options = product == Product::Options;
        let sbe = product == Product::SpotSbe;
        Ok(match self {
            Self::Trade if options => "optionTrade".into(),
            Self::Trade => "trade".into(),
            Self::AggTrade => "aggTrade".into(),
            Self::BookTicker if sbe => "bestBidAsk".into(),
            Self::BookTicker => "bookTicker".into(),
            Self::Depth { ms } => format!("depth{}", speed(product, *ms)?),
            // There is one, each 50 ms.
            Self::PartialDepth { levels: 20, ms: 50 } if sbe => "depth20".into(),
            Self::PartialDepth { .. } if sbe => return Err(ConfigError::PartialDepthSbe),
            Self::PartialDepth { levels: levels @ (5 | 10 | 20), ms } => {
                format!("depth{levels}{}", speed(product, *ms)?)
            }
            Self::PartialDepth { levels, .. } => return Err(ConfigError::PartialLevels { levels: *levels }),
            Self::Kline(interval) => format!("kline_{}", interval_name(*interval)?),
            Self::MiniTicker => "miniTicker".into(),
            Self::Ticker if options => "optionTicker".into(),
            Self::Ticker => "ticker".into(),
            Self::MarkPrice if options => "optionMarkPrice".into(),
            Self::MarkPrice => "markPrice@1s".into(),
            Self::IndexPrice => "indexPrice@1s".into(),
            Self::ForceOrder => "forceOrder".into(),
            Self::Other(suffix) => suffix.clone(),
        })
    }
}

fn speed(product: Product, ms: u16) -> Result<String, ConfigError> {
    let (usual, others) = product.diff_speeds();
    match ms {
        _ if ms == usual => Ok(String::new()),
        _ if others.contains(&ms) => Ok(format!("@{ms}ms")),
        _ => Err(ConfigError::DepthSpeed { ms }),
    }
}

/// Lengths of candles in seconds, and the venue's names for them.
const INTERVALS: [(u32, &str); 15] = [
    (1, "1s"),
    (60, "1m"),
    (180, "3m"),
    (300, "5m"),
    (900, "15m"),
    (1800, "30m"),
    (3600, "1h"),
    (7200, "2h"),
    (14_400, "4h"),
    (21_600, "6h"),
    (28_800, "8h"),
    (43_200, "12h"),
    (86_400, "1d"),
    (259_200, "3d"),
    (604_800, "1w"),
];

fn interval_name(interval: Interval) -> Result<&'static str, ConfigError> {
    let Interval::Seconds(seconds) = interval else { return Ok("1M") };
    let known = INTERVALS.iter().find(|(length, _)| *length == seconds);
    known.map(|(_, name)| *name).ok_or(ConfigError::CandleInterval { seconds })
}

/// The length that a name stands for; `None` for one that is not documented.
pub(super) fn interval_of(name: &str) -> Option<Interval> {
    if name == "1M" {
        return Some(Interval::Month);
    }
    let known = INTERVALS.iter().find(|(_, known)| *known == name);
    known.map(|(length, _)| Interval::Seconds(*length))
}

/// What a message is, where it does not name its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    AggTrade,
    BlockTrade,
    BookTicker,
    Diff,
    Partial,
    Trade,
}

impl Kind {
    /// What the messages of a stream are, by what follows its symbol.
    pub(super) fn of(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "aggTrade" => Self::AggTrade,
            "blockTrade" => Self::BlockTrade,
            "bestBidAsk" | "bookTicker" => Self::BookTicker,
            "optionTrade" | "trade" => Self::Trade,
            _ if suffix == "depth" || suffix.starts_with("depth@") => Self::Diff,
            _ if suffix.starts_with("depth") => Self::Partial,
            _ => return None,
        })
    }
}

/// What a message of the kind `depthUpdate` is, which its stream tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DepthKind {
    /// Changes.
    Diff,
    /// The best levels.
    Partial,
    /// Changes of another book, with orders that only retail traders meet.
    Rpi,
}

/// By the name of the stream; without one, what is followed.
pub(super) fn depth_kind(stream: Option<&str>, usual: DepthKind) -> DepthKind {
    let Some((_, kind)) = stream.and_then(|stream| stream.split_once('@')) else { return usual };
    match kind.as_bytes() {
        [b'd', b'e', b'p', b't', b'h', b'0'..=b'9', ..] => DepthKind::Partial,
        [b'r', ..] => DepthKind::Rpi,
        _ => DepthKind::Diff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_the_venue_documents() {
        let rows = [
            (Stream::Depth { ms: 100 }, Product::Spot, "depth@100ms"),
            (Stream::Depth { ms: 1000 }, Product::Spot, "depth"),
            (Stream::Depth { ms: 250 }, Product::UsdM, "depth"),
            (Stream::Depth { ms: 0 }, Product::CoinM, "depth@0ms"),
            (Stream::PartialDepth { levels: 20, ms: 100 }, Product::Spot, "depth20@100ms"),
            (Stream::Kline(Interval::Seconds(60)), Product::Spot, "kline_1m"),
            (Stream::Kline(Interval::Month), Product::Spot, "kline_1M"),
            (Stream::Trade, Product::Options, "optionTrade"),
            (Stream::BookTicker, Product::SpotSbe, "bestBidAsk"),
            (Stream::Depth { ms: 20 }, Product::SpotSbe, "depth"),
            (Stream::PartialDepth { levels: 20, ms: 50 }, Product::SpotSbe, "depth20"),
            (Stream::MarkPrice, Product::UsdM, "markPrice@1s"),
        ];
        for (stream, product, name) in rows {
            assert_eq!(stream.suffix(product).unwrap(), name);
        }
    }

    #[test]
    fn what_the_venue_does_not_have_is_refused() {
        let speed = Stream::Depth { ms: 100 + 1 }.suffix(Product::Spot);
        assert_eq!(speed, Err(ConfigError::DepthSpeed { ms: 101 }));
        let levels = Stream::PartialDepth { levels: 7, ms: 100 }.suffix(Product::Spot);
        assert_eq!(levels, Err(ConfigError::PartialLevels { levels: 7 }));
        for (levels, ms) in [(5, 50), (20, 20), (20, 100), (7, 50)] {
            let sbe = Stream::PartialDepth { levels, ms }.suffix(Product::SpotSbe);
            assert_eq!(sbe, Err(ConfigError::PartialDepthSbe), "{levels} {ms}");
        }
        let interval = Stream::Kline(Interval::Seconds(61)).suffix(Product::Spot);
        assert_eq!(interval, Err(ConfigError::CandleInterval { seconds: 61 }));
    }

    #[test]
    fn intervals_survive_the_round_trip() {
        for (seconds, name) in INTERVALS {
            assert_eq!(interval_of(name), Some(Interval::Seconds(seconds)));
            assert_eq!(interval_name(Interval::Seconds(seconds)), Ok(name));
        }
        assert_eq!(interval_of("1M"), Some(Interval::Month));
        assert_eq!(interval_of("7m"), None);
    }

    #[test]
    fn the_stream_tells_what_a_depth_update_is() {
        let rows = [
            (Some("btcusdt@depth"), DepthKind::Diff),
            (Some("btcusdt@depth@100ms"), DepthKind::Diff),
            (Some("btcusdt@depth5"), DepthKind::Partial),
            (Some("btcusdt@depth20@500ms"), DepthKind::Partial),
            (Some("btcusdt@rpiDepth@500ms"), DepthKind::Rpi),
            (None, DepthKind::Partial),
        ];
        for (stream, kind) in rows {
            assert_eq!(depth_kind(stream, DepthKind::Partial), kind, "{stream:?}");
        }
    }
}
