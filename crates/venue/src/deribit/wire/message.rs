//! The messages of Deribit's public channels, field by field.
//!
//! Times are nanoseconds since the Unix epoch, whatever unit the venue sent. A field that some instrument or some year
//! does not have, or that may be null, is an `Option`.

use crate::{
    decimal::Decimal,
    json::{Action, Changes, Field, Kind, Rows, Source, Wrong, maybe_rounded, maybe_time, record, time},
    level::Level,
};

record! {
    /// The fields of a [`BookUpdate`].
    pub(super) struct BookFields<'a> {
        "timestamp" time_ns: u64 = time,
        "type" kind: Option<&'a str>,
        "change_id" change_id: u64,
        "instrument_name" instrument: &'a str,
        "bids" bids: Changes,
        "asks" asks: Changes,
        "prev_change_id" previous_id: Option<u64>,
    }
    order { time_ns kind change_id instrument bids asks previous_id }
    order { kind time_ns previous_id instrument change_id bids asks }
}

/// A snapshot of a book, or its changes since the update before (`book.{instrument}.{interval}`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookUpdate<'a> {
    /// When the book changed.
    pub time_ns: u64,
    /// The instrument.
    pub instrument: &'a str,
    /// The id of the book after it. Ids jump.
    pub change_id: u64,
    /// The id of the book before it; `None` for a snapshot.
    pub previous_id: Option<u64>,
    /// Bids: absolute quantities, zero removes.
    pub bids: &'a [Level],
    /// What is done to each of the bids.
    pub bid_actions: &'a [Action],
    /// Asks: absolute quantities, zero removes.
    pub asks: &'a [Level],
    /// What is done to each of the asks.
    pub ask_actions: &'a [Action],
}

impl BookFields<'_> {
    /// The id of the book before it; `None` for a snapshot. Until 2020 there was no `type` to tell.
    #[inline(always)]
    pub(super) fn previous(&self) -> Result<Option<u64>, Wrong> {
        match (self.kind, self.previous_id) {
            (Some("snapshot"), _) => Ok(None),
            (Some("change"), None) => Err("a change without \"prev_change_id\""),
            (_, previous_id) => Ok(previous_id),
        }
    }
}

record! {
    /// The fields of a [`GroupedBook`].
    pub(super) struct GroupedFields<'a> {
        "timestamp" time_ns: u64 = time,
        "change_id" change_id: u64,
        "instrument_name" instrument: &'a str,
        "bids" bids: Rows,
        "asks" asks: Rows,
    }
    order { time_ns change_id instrument bids asks }
    order { time_ns instrument change_id bids asks }
}

/// The best levels of a book (`book.{instrument}.{group}.{depth}.{interval}`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupedBook<'a> {
    /// When the book stood so.
    pub time_ns: u64,
    /// The instrument.
    pub instrument: &'a str,
    /// The id of the book.
    pub change_id: u64,
    /// The bids, best first.
    pub bids: &'a [Level],
    /// The asks, best first.
    pub asks: &'a [Level],
}

record! {
    /// A trade (`trades.…`).
    pub struct Trade<'a> {
        /// When it was traded.
        "timestamp" time_ns: u64 = time,
        /// The price.
        "price" price: Decimal,
        /// The quantity: dollars of inverse futures, else units of the base currency.
        "amount" amount: Decimal,
        /// What the taker did, `buy` or `sell`.
        "direction" direction: &'a str,
        /// The price of the index.
        "index_price" index_price: Option<Decimal>,
        /// The instrument.
        "instrument_name" instrument: &'a str,
        /// Its number among the trades of the instrument.
        "trade_seq" sequence: u64,
        /// The mark price.
        "mark_price" mark_price: Option<Decimal>,
        /// 0 and 1: up, and not down; 2 and 3: down, and not up.
        "tick_direction" tick_direction: Option<u64>,
        /// The number of the match, shared by its trades: since 2026.
        "starbase_match_id" match_id: Option<u64>,
        /// The id of the trade.
        "trade_id" id: &'a str,
        /// The quantity in contracts: since 2024.
        "contracts" contracts: Option<Decimal>,
        /// When it was matched: since 2026.
        "starbase_timestamp" match_time_ns: Option<u64>,
        /// The implied volatility in percent: options.
        "iv" volatility: Option<Decimal> = maybe_rounded,
        /// Who was liquidated, `M`, `T` or `MT`: until 2023.
        "liquidation" liquidation: Option<&'a str>,
        /// The block trade that it is a part of.
        "block_trade_id" block_trade: Option<&'a str>,
        /// How many trades that has.
        "block_trade_leg_count" block_legs: Option<u64>,
        /// The request for quotes that it comes from.
        "block_rfq_id" block_request: Option<u64>,
        /// The combo whose trade it is a leg of.
        "combo_id" combo: Option<&'a str>,
        /// The trade of that combo.
        "combo_trade_id" combo_trade: Option<&'a str>,
    }
    order {
        time_ns price amount direction index_price instrument sequence mark_price tick_direction match_id id
        contracts match_time_ns volatility liquidation block_trade block_legs block_request combo combo_trade
    }
    order {
        sequence id time_ns tick_direction price mark_price liquidation volatility instrument index_price direction
        contracts combo_trade combo block_legs block_trade block_request amount
    }
}

record! {
    /// The best bid and ask (`quote.…`).
    pub struct Quote<'a> {
        /// When they stood.
        "timestamp" time_ns: u64 = time,
        /// The instrument.
        "instrument_name" instrument: &'a str,
        /// The best bid; null or zero when nobody bids.
        "best_bid_price" bid_price: Option<Decimal>,
        /// Its quantity; zero when nobody bids.
        "best_bid_amount" bid_amount: Option<Decimal>,
        /// The best ask; null or zero when nobody asks.
        "best_ask_price" ask_price: Option<Decimal>,
        /// Its quantity; zero when nobody asks.
        "best_ask_amount" ask_amount: Option<Decimal>,
    }
}

record! {
    /// The funding of a perpetual (`perpetual.…`).
    pub struct Perpetual {
        /// When it stood.
        "timestamp" time_ns: u64 = time,
        /// The current rate, as a fraction.
        "interest" interest: Option<Decimal> = maybe_rounded,
        /// The price of the index.
        "index_price" index_price: Option<Decimal>,
    }
}

record! {
    /// The price of an index (`deribit_price_index.…`).
    pub struct PriceIndex<'a> {
        /// When it stood.
        "timestamp" time_ns: u64 = time,
        /// The price.
        "price" price: Decimal,
        /// The index.
        "index_name" index: &'a str,
    }
}

record! {
    /// One of the prices that an index is made of (`deribit_price_ranking.…`).
    pub struct PriceRanking<'a> {
        /// The exchange.
        "identifier" identifier: &'a str,
        /// When its price stood.
        "timestamp" time_ns: Option<u64> = maybe_time,
        /// Its price, as far as it counts.
        "price" price: Option<Decimal> = price_or_none,
        /// Its price.
        "original_price" original_price: Option<Decimal> = price_or_none,
        /// Its weight in percent.
        "weight" weight: Option<Decimal> = maybe_rounded,
        /// Whether it counts.
        "enabled" enabled: Option<bool>,
    }
}

record! {
    /// The day of an index in figures (`deribit_price_statistics.…`).
    pub struct PriceStatistics<'a> {
        /// The index.
        "index_name" index: &'a str,
        /// The lowest price.
        "low24h" low: Option<Decimal>,
        /// The highest price.
        "high24h" high: Option<Decimal>,
        /// The change in percent.
        "change24h" change: Option<Decimal> = maybe_rounded,
        /// Whether the price moves so much that orders are checked otherwise.
        "high_volatility" high_volatility: Option<bool>,
    }
}

record! {
    /// A volatility index (`deribit_volatility_index.…`).
    pub struct VolatilityIndex<'a> {
        /// When it stood.
        "timestamp" time_ns: u64 = time,
        /// The volatility in percent.
        "volatility" volatility: Decimal = rounded,
        /// The index of the price.
        "index_name" index: &'a str,
    }
}

record! {
    /// The estimated price of the next expiration (`estimated_expiration_price.…`).
    pub struct ExpirationPrice {
        /// Seconds until then.
        "seconds" seconds: Option<u64>,
        /// The price.
        "price" price: Decimal = rounded,
        /// Whether it is an estimate by now, rather than the price of the index.
        "is_estimated" estimated: Option<bool>,
    }
}

record! {
    /// The mark price of an option (`markprice.options.…`).
    pub struct OptionMark<'a> {
        /// The option.
        "instrument_name" instrument: &'a str,
        /// The mark price.
        "mark_price" price: Decimal = rounded,
        /// The implied volatility, as a fraction.
        "iv" volatility: Option<Decimal> = maybe_rounded,
        /// When it stood.
        "timestamp" time_ns: Option<u64> = maybe_time,
    }
}

record! {
    /// A candle as it stands (`chart.trades.…`).
    pub struct Candle {
        /// When it begins.
        "tick" open_time_ns: u64 = time,
        /// The first price.
        "open" open: Decimal,
        /// The highest price.
        "high" high: Decimal,
        /// The lowest price.
        "low" low: Decimal,
        /// The last price.
        "close" close: Decimal,
        /// Traded, in base currency.
        "volume" volume: Option<Decimal> = maybe_rounded,
        /// Traded, in quote currency.
        "cost" cost: Option<Decimal> = maybe_rounded,
    }
    order { open_time_ns open high low close volume cost }
    order { volume open_time_ns open low high cost close }
}

record! {
    /// A change of the state of an instrument (`instrument.state.…`).
    pub struct InstrumentState<'a> {
        /// When it changed.
        "timestamp" time_ns: u64 = time,
        /// The state, such as `open`; words have changed over the years.
        "state" state: &'a str,
        /// The instrument.
        "instrument_name" instrument: &'a str,
    }
}

record! {
    /// A new instrument (`instrument.creation.…`).
    pub struct InstrumentCreation<'a> {
        /// Its name.
        "instrument_name" instrument: &'a str,
        /// Its number.
        "instrument_id" id: Option<u64>,
        /// `future`, `option`, `spot`, ...
        "kind" kind: Option<&'a str>,
        /// `linear` or `reversed`.
        "instrument_type" instrument_type: Option<&'a str>,
        /// Its state.
        "state" state: Option<&'a str>,
        /// Whether it can be traded.
        "is_active" active: Option<bool>,
        /// What is traded.
        "base_currency" base: Option<&'a str>,
        /// What prices are told in.
        "quote_currency" quote: Option<&'a str>,
        /// What is settled in.
        "settlement_currency" settlement: Option<&'a str>,
        /// When it was made.
        "creation_timestamp" creation_time_ns: Option<u64> = maybe_time,
        /// When it expires.
        "expiration_timestamp" expiration_time_ns: Option<u64> = maybe_time,
        /// The strike: options.
        "strike" strike: Option<Decimal>,
        /// `call` or `put`: options.
        "option_type" option_type: Option<&'a str>,
        /// The step of prices.
        "tick_size" tick_size: Option<Decimal>,
        /// The least amount of an order.
        "min_trade_amount" amount_min: Option<Decimal>,
        /// The amount of a contract.
        "contract_size" contract_size: Option<Decimal>,
    }
}

record! {
    /// The state of the platform (`platform_state`).
    pub struct PlatformState<'a> {
        /// The index whose markets are locked or unlocked.
        "price_index" index: Option<&'a str>,
        /// Whether they are locked.
        "locked" locked: Option<bool>,
        /// Whether maintenance is on.
        "maintenance" maintenance: Option<bool>,
    }
}

record! {
    /// Whether public requests need no login (`platform_state.public_methods_state`).
    pub struct PublicMethodsState {
        /// Whether they are answered without.
        "allow_unauthenticated_public_requests" allowed: bool,
    }
}

record! {
    /// An announcement (`announcements`).
    pub struct Announcement<'a> {
        /// Its number.
        "id" id: Option<u64>,
        /// `new`, `update`, `delete`, ...
        "action" action: Option<&'a str>,
        /// Its title.
        "title" title: Option<&'a str>,
        /// Its text, which is HTML.
        "body" body: Option<&'a str>,
        /// When it was published.
        "publication_timestamp" time_ns: Option<u64> = maybe_time,
        /// Whether the venue thinks it important.
        "important" important: Option<bool>,
    }
}

record! {
    /// A block trade that a request for quotes led to (`block_rfq.trades.…`); its legs are left out.
    pub struct BlockTrade<'a> {
        /// The number of the request.
        "id" id: u64,
        /// When it was traded.
        "timestamp" time_ns: u64 = time,
        /// What the taker did, `buy` or `sell`.
        "direction" direction: Option<&'a str>,
        /// The amount; times the ratio of a leg that of the leg.
        "amount" amount: Option<Decimal>,
        /// The mark price.
        "mark_price" mark_price: Option<Decimal> = maybe_rounded,
        /// The combo, if its legs make one.
        "combo_id" combo: Option<&'a str>,
    }
}

fn rounded<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Decimal, Wrong> {
    source.rounded()
}

/// A price that may be null, or a word where there is none: until 2022.
fn price_or_none<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Option<Decimal>, Wrong> {
    if source.kind() == Kind::Text {
        return source.text().map(|word| word.parse().ok());
    }
    Field::read(source)
}
