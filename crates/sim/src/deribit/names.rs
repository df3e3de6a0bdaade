//! What the names of instruments and channels say.

/// The intervals of channels, by cadence.
pub(super) const INTERVALS: [&str; 3] = ["raw", "100ms", "agg2"];
/// Ticks that grouped books put together, by their name.
pub(super) const GROUPS: [(&str, u64); 8] =
    [("none", 1), ("1", 1), ("2", 2), ("5", 5), ("10", 10), ("25", 25), ("100", 100), ("250", 250)];
/// Levels a side of grouped books.
pub(super) const DEPTHS: [(&str, usize); 3] = [("1", 1), ("10", 10), ("20", 20)];
/// Periods of candles in milliseconds, by their name.
pub(super) const RESOLUTIONS: [(&str, u64); 12] = [
    ("1", 60_000),
    ("3", 180_000),
    ("5", 300_000),
    ("10", 600_000),
    ("15", 900_000),
    ("30", 1_800_000),
    ("60", 3_600_000),
    ("120", 7_200_000),
    ("180", 10_800_000),
    ("360", 21_600_000),
    ("720", 43_200_000),
    ("1D", 86_400_000),
];
const KINDS: [&str; 7] = ["future", "option", "spot", "future_combo", "option_combo", "combo", "any"];
const CURRENCIES: [&str; 6] = ["BTC", "ETH", "USDC", "USDT", "EURR", "any"];
/// Channels that exist and that the market does not feed: they are acknowledged and mute.
const MUTE: [&str; 10] = [
    "announcements",
    "block_rfq",
    "block_trade_confirmations",
    "deribit_price_ranking",
    "deribit_price_statistics",
    "deribit_volatility_index",
    "estimated_expiration_price",
    "instrument",
    "markprice",
    "platform_state",
];

/// What is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Perpetual,
    Future,
    Option,
    Spot,
}

impl Kind {
    pub(super) fn of(instrument: &str) -> Self {
        match instrument.split('-').count() {
            1 => Self::Spot,
            2 if instrument.ends_with("-PERPETUAL") => Self::Perpetual,
            2 | 3 => Self::Future,
            _ => Self::Option,
        }
    }

    /// As the names of channels have it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Perpetual | Self::Future => "future",
            Self::Option => "option",
            Self::Spot => "spot",
        }
    }
}

/// What an instrument is about, such as `BTC` or `SOL_USDC`.
pub(super) fn base(instrument: &str) -> &str {
    instrument.split('-').next().unwrap_or_default()
}

/// The currency it is settled in.
pub(super) fn currency(instrument: &str) -> &str {
    base(instrument).rsplit('_').next().unwrap_or_default()
}

/// The index below it, such as `btc_usd`.
pub(super) fn index(instrument: &str) -> String {
    let base = base(instrument).to_lowercase();
    if base.contains('_') { base } else { format!("{base}_usd") }
}

/// A channel that can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel<'a> {
    Book {
        instrument: &'a str,
        cadence: usize,
    },
    Grouped {
        instrument: &'a str,
        group: u64,
        depth: usize,
    },
    Trades {
        instrument: &'a str,
        cadence: usize,
    },
    TradesOf {
        cadence: usize,
    },
    Ticker {
        instrument: &'a str,
        cadence: usize,
    },
    IncrementalTicker {
        instrument: &'a str,
    },
    Quote {
        instrument: &'a str,
    },
    Perpetual {
        instrument: &'a str,
        cadence: usize,
    },
    Candles {
        instrument: &'a str,
    },
    Index {
        name: &'a str,
    },
    /// Of no instrument, or fed with nothing.
    Other,
}

impl<'a> Channel<'a> {
    /// `None` for a name that no channel has, whatever instruments there are.
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let parts: Vec<_> = name.split('.').collect();
        let cadence = |interval: &str| INTERVALS.iter().position(|&known| known == interval);
        Some(match *parts.as_slice() {
            ["book", instrument, interval] => Self::Book { instrument, cadence: cadence(interval)? },
            ["book", instrument, group, depth, "100ms" | "agg2"] => Self::Grouped {
                instrument,
                group: GROUPS.iter().find(|(known, _)| *known == group)?.1,
                depth: DEPTHS.iter().find(|(known, _)| *known == depth)?.1,
            },
            ["trades", instrument, interval] => Self::Trades { instrument, cadence: cadence(interval)? },
            ["trades", kind, currency, interval] if is_kind(kind, currency) => {
                Self::TradesOf { cadence: cadence(interval)? }
            }
            ["ticker", instrument, interval] => Self::Ticker { instrument, cadence: cadence(interval)? },
            ["incremental_ticker", instrument] => Self::IncrementalTicker { instrument },
            ["quote", instrument] => Self::Quote { instrument },
            ["perpetual", instrument, interval] => {
                Self::Perpetual { instrument, cadence: cadence(interval)? }
            }
            ["chart", "trades", instrument, resolution] => {
                RESOLUTIONS.iter().find(|(known, _)| *known == resolution)?;
                Self::Candles { instrument }
            }
            ["deribit_price_index", name] => Self::Index { name },
            ["instrument", "state" | "creation", kind, currency] if is_kind(kind, currency) => Self::Other,
            ["instrument", ..] => return None,
            [first, ..] if MUTE.contains(&first) => Self::Other,
            _ => return None,
        })
    }

    /// Whether it tells of every event.
    pub(super) fn is_raw(self) -> bool {
        match self {
            Self::Book { cadence, .. }
            | Self::Trades { cadence, .. }
            | Self::TradesOf { cadence }
            | Self::Ticker { cadence, .. }
            | Self::Perpetual { cadence, .. } => cadence == 0,
            Self::Grouped { .. }
            | Self::IncrementalTicker { .. }
            | Self::Quote { .. }
            | Self::Candles { .. }
            | Self::Index { .. }
            | Self::Other => false,
        }
    }

    /// The instrument that must be there for it.
    pub(super) fn instrument(self) -> Option<&'a str> {
        match self {
            Self::Book { instrument, .. }
            | Self::Grouped { instrument, .. }
            | Self::Trades { instrument, .. }
            | Self::Ticker { instrument, .. }
            | Self::IncrementalTicker { instrument }
            | Self::Quote { instrument }
            | Self::Perpetual { instrument, .. }
            | Self::Candles { instrument } => Some(instrument),
            Self::TradesOf { .. } | Self::Index { .. } | Self::Other => None,
        }
    }
}

fn is_kind(kind: &str, currency: &str) -> bool {
    KINDS.contains(&kind) && CURRENCIES.contains(&currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruments_say_what_they_are() {
        let table = [
            ("BTC-PERPETUAL", Kind::Perpetual, "BTC", "btc_usd"),
            ("BTC-25MAR22", Kind::Future, "BTC", "btc_usd"),
            ("BTC-25MAR22-50000-C", Kind::Option, "BTC", "btc_usd"),
            ("SOL_USDC-PERPETUAL", Kind::Perpetual, "USDC", "sol_usdc"),
            ("XRP_USDC-30JUN23-0d625-C", Kind::Option, "USDC", "xrp_usdc"),
            ("BTC_USDC", Kind::Spot, "USDC", "btc_usdc"),
        ];
        for (name, kind, settled, of) in table {
            assert_eq!((Kind::of(name), currency(name), index(name).as_str()), (kind, settled, of));
        }
    }

    #[test]
    fn documented_channels_are_known_and_others_are_not() {
        let book = Channel::Book { instrument: "BTC-PERPETUAL", cadence: 0 };
        assert_eq!(Channel::parse("book.BTC-PERPETUAL.raw"), Some(book));
        let grouped = Channel::Grouped { instrument: "ETH-PERPETUAL", group: 25, depth: 10 };
        assert_eq!(Channel::parse("book.ETH-PERPETUAL.25.10.agg2"), Some(grouped));
        for name in ["trades.any.any.agg2", "instrument.state.option.BTC", "platform_state", "announcements"]
        {
            assert!(Channel::parse(name).is_some(), "{name}");
        }
        for name in [
            "",
            "book",
            "book.A.50ms",
            "book.A.none.10.raw",
            "book.A.3.10.100ms",
            "trades.x.BTC.raw",
            "nothing.A",
        ] {
            assert_eq!(Channel::parse(name), None, "{name}");
        }
    }
}
