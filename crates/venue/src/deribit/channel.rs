//! The names of channels: made from what a caller chooses, and read where a message names its channel.

use std::fmt;

use crate::subscriptions::Group;

/// A channel of one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The whole book: a snapshot, then changes; a [`Book`](crate::Book) is kept by them.
    Book {
        /// How often.
        interval: Rate,
    },
    /// The best levels of the book, again and again.
    GroupedBook {
        /// Levels are joined to multiples of this many units of price; `None` leaves them as they are.
        group: Option<u32>,
        /// How many levels a side.
        depth: Depth,
        /// How often; not [`Rate::Raw`].
        interval: Rate,
    },
    /// Trades.
    Trades {
        /// How often.
        interval: Rate,
    },
    /// Statistics, prices and, of options, volatilities and greeks.
    Ticker {
        /// How often.
        interval: Rate,
    },
    /// The same as changes of what was told before.
    IncrementalTicker,
    /// The best bid and ask.
    Quote,
    /// The funding of a perpetual.
    Perpetual {
        /// How often.
        interval: Rate,
    },
    /// Candles of trades.
    ChartTrades {
        /// Their length.
        resolution: Resolution,
    },
}

/// How often a channel tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Each change; only for who is signed in, except on event nodes.
    Raw,
    /// Each 100 milliseconds.
    Ms100,
    /// Each second or two; the documentation does not agree with itself.
    Agg2,
}

/// How many levels a side a grouped book tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 1.
    One,
    /// 10.
    Ten,
    /// 20.
    Twenty,
}

/// The length of a candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each says it")]
pub enum Resolution {
    Minutes1,
    Minutes3,
    Minutes5,
    Minutes10,
    Minutes15,
    Minutes30,
    Hours1,
    Hours2,
    Hours3,
    Hours6,
    Hours12,
    Days1,
}

/// The kinds of instruments of a channel for many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Futures and perpetuals.
    Future,
    /// Options.
    Option,
    /// Spot pairs.
    Spot,
    /// Spreads of futures.
    FutureCombo,
    /// Strategies of options.
    OptionCombo,
    /// Both kinds of combos.
    Combo,
    /// All.
    Any,
}

impl Channel {
    /// The name of the channel for an instrument.
    pub fn of(self, instrument: &str) -> String {
        match self {
            Self::Book { interval } => format!("book.{instrument}.{interval}"),
            Self::GroupedBook { group: Some(group), depth, interval } => {
                format!("book.{instrument}.{group}.{depth}.{interval}")
            }
            Self::GroupedBook { group: None, depth, interval } => {
                format!("book.{instrument}.none.{depth}.{interval}")
            }
            Self::Trades { interval } => format!("trades.{instrument}.{interval}"),
            Self::Ticker { interval } => format!("ticker.{instrument}.{interval}"),
            Self::IncrementalTicker => format!("incremental_ticker.{instrument}"),
            Self::Quote => format!("quote.{instrument}"),
            Self::Perpetual { interval } => format!("perpetual.{instrument}.{interval}"),
            Self::ChartTrades { resolution } => format!("chart.trades.{instrument}.{resolution}"),
        }
    }
}

/// The trades of all instruments of a kind; `currency` is `BTC`, `ETH`, `USDC`, ... or `any`.
pub fn trades(kind: Kind, currency: &str, interval: Rate) -> String {
    format!("trades.{kind}.{currency}.{interval}")
}

/// The price of an index, such as `btc_usd`.
pub fn price_index(index: &str) -> String {
    format!("deribit_price_index.{index}")
}

/// The prices that an index is made of.
pub fn price_ranking(index: &str) -> String {
    format!("deribit_price_ranking.{index}")
}

/// The day of an index in figures.
pub fn price_statistics(index: &str) -> String {
    format!("deribit_price_statistics.{index}")
}

/// The volatility index of `btc_usd` or `eth_usd`.
pub fn volatility_index(index: &str) -> String {
    format!("deribit_volatility_index.{index}")
}

/// The estimated price of the next expiration.
pub fn expiration_price(index: &str) -> String {
    format!("estimated_expiration_price.{index}")
}

/// The mark prices of the options on an index.
pub fn option_marks(index: &str) -> String {
    format!("markprice.options.{index}")
}

/// Changes of the state of instruments.
pub fn instrument_state(kind: Kind, currency: &str) -> String {
    format!("instrument.state.{kind}.{currency}")
}

/// New instruments.
pub fn instrument_creation(kind: Kind, currency: &str) -> String {
    format!("instrument.creation.{kind}.{currency}")
}

/// Block trades that were made by requests for quotes; `currency` as for [`trades`].
pub fn block_trades(currency: &str) -> String {
    format!("block_rfq.trades.{currency}")
}

/// Maintenance, and indices whose markets are locked.
pub const PLATFORM_STATE: &str = "platform_state";

/// Whether public requests need a login.
pub const PUBLIC_METHODS_STATE: &str = "platform_state.public_methods_state";

/// Announcements.
pub const ANNOUNCEMENTS: &str = "announcements";

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Ms100 => "100ms",
            Self::Agg2 => "agg2",
        })
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "1",
            Self::Ten => "10",
            Self::Twenty => "20",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Future => "future",
            Self::Option => "option",
            Self::Spot => "spot",
            Self::FutureCombo => "future_combo",
            Self::OptionCombo => "option_combo",
            Self::Combo => "combo",
            Self::Any => "any",
        })
    }
}

/// The venue's words for the lengths of candles, with their seconds.
const RESOLUTIONS: [(Resolution, &str, u32); 12] = [
    (Resolution::Minutes1, "1", 60),
    (Resolution::Minutes3, "3", 180),
    (Resolution::Minutes5, "5", 300),
    (Resolution::Minutes10, "10", 600),
    (Resolution::Minutes15, "15", 900),
    (Resolution::Minutes30, "30", 1800),
    (Resolution::Hours1, "60", 3600),
    (Resolution::Hours2, "120", 7200),
    (Resolution::Hours3, "180", 10_800),
    (Resolution::Hours6, "360", 21_600),
    (Resolution::Hours12, "720", 43_200),
    (Resolution::Days1, "1D", 86_400),
];

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = RESOLUTIONS.iter().find(|(resolution, ..)| resolution == self);
        f.write_str(row.map_or("", |(_, word, _)| word))
    }
}

/// What a channel carries, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Book,
    GroupedBook,
    Trades,
    Ticker,
    IncrementalTicker,
    Quote,
    Perpetual,
    ChartTrades,
    PriceIndex,
    PriceRanking,
    PriceStatistics,
    VolatilityIndex,
    ExpirationPrice,
    OptionMarks,
    InstrumentState,
    InstrumentCreation,
    PlatformState,
    PublicMethodsState,
    Announcements,
    BlockTrades,
    /// Of an account, or of a party to a block trade.
    Private,
    Unknown,
}

impl Topic {
    #[inline]
    pub(super) fn of(channel: &str) -> Self {
        if let Some(tail) = channel.strip_prefix("book.") {
            return Self::of_book(tail);
        }
        // The frequent ones first.
        let frequent = [("trades.", Self::Trades), ("ticker.", Self::Ticker), ("quote.", Self::Quote)];
        match frequent.iter().find(|(head, _)| channel.starts_with(head)) {
            Some((_, topic)) => *topic,
            None => Self::of_others(channel),
        }
    }

    #[inline]
    fn of_book(tail: &str) -> Self {
        // In bytes, many of which fit a register; nobody names a channel with 256 dots.
        match tail.bytes().fold(0_u8, |dots, byte| dots.wrapping_add(u8::from(byte == b'.'))) {
            1 => Self::Book,
            3 => Self::GroupedBook,
            _ => Self::Unknown,
        }
    }

    #[inline(never)]
    fn of_others(channel: &str) -> Self {
        let (head, tail) = channel.split_once('.').unwrap_or((channel, ""));
        match head {
            "incremental_ticker" => Self::IncrementalTicker,
            "perpetual" => Self::Perpetual,
            "deribit_price_index" => Self::PriceIndex,
            "deribit_price_ranking" => Self::PriceRanking,
            "deribit_price_statistics" => Self::PriceStatistics,
            "deribit_volatility_index" => Self::VolatilityIndex,
            "estimated_expiration_price" => Self::ExpirationPrice,
            "announcements" => Self::Announcements,
            "platform_state" if tail.is_empty() => Self::PlatformState,
            "platform_state" if tail == "public_methods_state" => Self::PublicMethodsState,
            "chart" if tail.starts_with("trades.") => Self::ChartTrades,
            "markprice" if tail.starts_with("options.") => Self::OptionMarks,
            "instrument" if tail.starts_with("state.") => Self::InstrumentState,
            "instrument" if tail.starts_with("creation.") => Self::InstrumentCreation,
            "block_rfq" if tail.starts_with("trades.") => Self::BlockTrades,
            "user" | "block_rfq" | "block_trade_confirmations" => Self::Private,
            _ => Self::Unknown,
        }
    }
}

/// The instrument or index in the name of a channel of one.
pub(super) fn subject(channel: &str) -> Option<&str> {
    let tail =
        channel.strip_prefix("chart.trades.").or_else(|| channel.split_once('.').map(|(_, tail)| tail))?;
    tail.split('.').next()
}

/// Whether a channel is hardly ever silent for long: most perpetuals are traded all the time.
pub(super) fn is_busy(name: &str) -> bool {
    matches!(Topic::of(name), Topic::Book | Topic::Quote | Topic::Ticker) && name.contains("-PERPETUAL")
}

/// The instrument or index that a channel tells of, if it tells of no other. A volatility index has the name of its
/// channel, for its price has that of the index.
pub(super) fn only_subject(channel: &str) -> Option<&str> {
    match Topic::of(channel) {
        Topic::Book
        | Topic::GroupedBook
        | Topic::Ticker
        | Topic::IncrementalTicker
        | Topic::Quote
        | Topic::Perpetual
        | Topic::ChartTrades
        | Topic::PriceIndex => subject(channel),
        // Those of many name a kind and a currency.
        Topic::Trades if channel.bytes().filter(|byte| *byte == b'.').count() == 2 => subject(channel),
        Topic::VolatilityIndex => Some(channel),
        _ => None,
    }
}

/// The seconds of the candles of a channel.
pub(super) fn candle_seconds(channel: &str) -> Option<u32> {
    let (_, word) = channel.rsplit_once('.')?;
    RESOLUTIONS.iter().find(|(_, known, _)| *known == word).map(|(.., seconds)| *seconds)
}

/// What a channel needs from the connection. Channels of different needs have requests of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    /// Being signed in: each change, except on event nodes.
    SignIn,
    /// The same, and the private method.
    Private,
}

impl Need {
    pub(super) fn of(channel: &str, event_node: bool) -> Self {
        if Topic::of(channel) == Topic::Private {
            Self::Private
        } else if channel.ends_with(".raw") && !event_node {
            Self::SignIn
        } else {
            Self::Nothing
        }
    }

    pub(super) fn group(self) -> Group {
        self as Group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documentation() {
        let rows = [
            (Channel::Book { interval: Rate::Raw }, "book.BTC-PERPETUAL.raw"),
            (
                Channel::GroupedBook { group: None, depth: Depth::Twenty, interval: Rate::Ms100 },
                "book.BTC-PERPETUAL.none.20.100ms",
            ),
            (
                Channel::GroupedBook { group: Some(5), depth: Depth::One, interval: Rate::Agg2 },
                "book.BTC-PERPETUAL.5.1.agg2",
            ),
            (Channel::Trades { interval: Rate::Ms100 }, "trades.BTC-PERPETUAL.100ms"),
            (Channel::Ticker { interval: Rate::Agg2 }, "ticker.BTC-PERPETUAL.agg2"),
            (Channel::IncrementalTicker, "incremental_ticker.BTC-PERPETUAL"),
            (Channel::Quote, "quote.BTC-PERPETUAL"),
            (Channel::Perpetual { interval: Rate::Raw }, "perpetual.BTC-PERPETUAL.raw"),
            (Channel::ChartTrades { resolution: Resolution::Days1 }, "chart.trades.BTC-PERPETUAL.1D"),
        ];
        for (channel, name) in rows {
            assert_eq!(channel.of("BTC-PERPETUAL"), name);
            assert_eq!(subject(name), Some("BTC-PERPETUAL"), "{name}");
        }
        assert_eq!(trades(Kind::OptionCombo, "any", Rate::Raw), "trades.option_combo.any.raw");
        assert_eq!(instrument_state(Kind::Any, "BTC"), "instrument.state.any.BTC");
    }

    #[test]
    fn names_say_what_a_channel_carries() {
        let rows = [
            ("book.XRP_USDC-30JUN23-0d625-C.100ms", Topic::Book),
            ("book.BTC-PERPETUAL.none.10.100ms", Topic::GroupedBook),
            ("book.BTC-PERPETUAL", Topic::Unknown),
            ("trades.option.any.raw", Topic::Trades),
            ("ticker.BTC-FS-30SEP22_PERP.raw", Topic::Ticker),
            ("incremental_ticker.BTC-PERPETUAL", Topic::IncrementalTicker),
            ("quote.BTC-PERPETUAL", Topic::Quote),
            ("perpetual.BTC-PERPETUAL.agg2", Topic::Perpetual),
            ("chart.trades.BTC-PERPETUAL.1", Topic::ChartTrades),
            ("deribit_price_index.btc_usd", Topic::PriceIndex),
            ("deribit_price_ranking.btc_usd", Topic::PriceRanking),
            ("deribit_price_statistics.btc_usd", Topic::PriceStatistics),
            ("deribit_volatility_index.btc_usd", Topic::VolatilityIndex),
            ("estimated_expiration_price.btc_usd", Topic::ExpirationPrice),
            ("markprice.options.btc_usd", Topic::OptionMarks),
            ("instrument.state.any.any", Topic::InstrumentState),
            ("instrument.creation.future.BTC", Topic::InstrumentCreation),
            (PLATFORM_STATE, Topic::PlatformState),
            (PUBLIC_METHODS_STATE, Topic::PublicMethodsState),
            (ANNOUNCEMENTS, Topic::Announcements),
            ("block_rfq.trades.any", Topic::BlockTrades),
            ("block_rfq.maker.BTC", Topic::Private),
            ("block_trade_confirmations", Topic::Private),
            ("user.orders.any.any.raw", Topic::Private),
            ("something.new", Topic::Unknown),
            ("", Topic::Unknown),
        ];
        for (name, topic) in rows {
            assert_eq!(Topic::of(name), topic, "{name}");
        }
    }

    #[test]
    fn channels_of_one_instrument_name_it() {
        let rows = [
            ("book.BTC-PERPETUAL.100ms", Some("BTC-PERPETUAL")),
            ("book.BTC-PERPETUAL.none.10.100ms", Some("BTC-PERPETUAL")),
            ("trades.BTC-PERPETUAL.raw", Some("BTC-PERPETUAL")),
            ("trades.option.BTC.raw", None),
            ("chart.trades.BTC-PERPETUAL.1", Some("BTC-PERPETUAL")),
            ("deribit_price_index.btc_usd", Some("btc_usd")),
            ("deribit_volatility_index.btc_usd", Some("deribit_volatility_index.btc_usd")),
            ("markprice.options.btc_usd", None),
            ("instrument.state.any.any", None),
            ("user.orders.BTC-PERPETUAL.raw", None),
        ];
        for (name, only) in rows {
            assert_eq!(only_subject(name), only, "{name}");
        }
    }

    #[test]
    fn candles_are_as_long_as_their_resolution_says() {
        for (resolution, word, seconds) in RESOLUTIONS {
            assert_eq!(resolution.to_string(), word);
            let name = Channel::ChartTrades { resolution }.of("BTC-PERPETUAL");
            assert_eq!(candle_seconds(&name), Some(seconds));
            let minutes: Option<u32> = word.parse().ok();
            assert_eq!(minutes.unwrap_or(24 * 60) * 60, seconds);
        }
        assert_eq!(candle_seconds("chart.trades.BTC-PERPETUAL.2"), None);
    }
}
