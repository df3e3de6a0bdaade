//! The messages of Binance's streams, field by field.
//!
//! Times are nanoseconds since the Unix epoch, whatever unit the venue sent. A field that some product or some
//! year does not have is an `Option`.

use crate::{
    decimal::Decimal,
    json::{Field, Kind, Rows, Source, Wrong, maybe_time, record, size, time},
    level::Level,
};

record! {
    /// A trade (`trade`).
    pub struct Trade<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The id of the trade.
        "t" id: u64 = id,
        /// The price.
        "p" price: Decimal = size,
        /// The quantity.
        "q" quantity: Decimal = size,
        /// The buyer's order, until 2024.
        "b" buyer_order: Option<u64>,
        /// The seller's order, until 2024.
        "a" seller_order: Option<u64>,
        /// When it was traded.
        "T" trade_time_ns: u64 = time,
        /// `MARKET`, `ADL`, `INSURANCE_FUND`, `BLOCK`: futures and options.
        "X" kind: Option<&'a str>,
        /// `BUY` or `SELL`: options.
        "S" side: Option<&'a str>,
        /// Whether the buyer was the maker.
        "m" buyer_is_maker: bool,
    }
    order {
        event_time_ns [trade_time_ns] symbol id price quantity buyer_order seller_order trade_time_ns kind side
        buyer_is_maker
    }
}

record! {
    /// The fills of one taker at one price (`aggTrade`).
    pub struct AggTrade<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The id of the aggregate.
        "a" id: u64,
        /// The price.
        "p" price: Decimal = size,
        /// The quantity of all fills.
        "q" quantity: Decimal = size,
        /// The same without fills against retail price improvement orders: USD-M since 2025.
        "nq" normal_quantity: Option<Decimal>,
        /// The first trade in it.
        "f" first_id: u64,
        /// The last trade in it.
        "l" last_id: u64,
        /// When it was traded.
        "T" trade_time_ns: u64 = time,
        /// Whether the buyer was the maker.
        "m" buyer_is_maker: bool,
        /// 1 is USD-M, 2 COIN-M: futures since 2026.
        "st" family: Option<u64>,
    }
    order {
        event_time_ns [id] symbol id price quantity normal_quantity first_id last_id trade_time_ns buyer_is_maker
        family
    }
}

record! {
    /// A trade agreed on outside of the book (`blockTrade`).
    pub struct BlockTrade<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The id of the trade.
        "t" id: u64,
        /// The price.
        "p" price: Decimal = size,
        /// The quantity.
        "q" quantity: Decimal = size,
        /// When it was traded.
        "T" trade_time_ns: u64 = time,
        /// Whether the buyer was the maker.
        "m" buyer_is_maker: bool,
    }
}

record! {
    /// The best bid and ask (`bookTicker`).
    pub struct BookTicker<'a> {
        /// The id of the book update after which they stood.
        "u" update_id: u64,
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The pair: futures since 2026.
        "ps" pair: Option<&'a str>,
        /// The best bid.
        "b" bid_price: Decimal = size,
        /// Its quantity; zero when nobody bids.
        "B" bid_quantity: Decimal = size,
        /// The best ask.
        "a" ask_price: Decimal = size,
        /// Its quantity; zero when nobody asks.
        "A" ask_quantity: Decimal = size,
        /// When the book stood so: futures.
        "T" transaction_time_ns: Option<u64> = maybe_time,
        /// When the venue sent it: futures.
        "E" event_time_ns: Option<u64> = maybe_time,
        /// 1 is USD-M, 2 COIN-M: futures since 2026.
        "st" family: Option<u64>,
    }
    order {
        update_id "\"e\":\"bookTicker\"" symbol pair bid_price bid_quantity ask_price ask_quantity transaction_time_ns
        event_time_ns family
    }
}

record! {
    /// The fields of a [`DepthUpdate`].
    pub(super) struct DepthFields<'a> {
        "E" event_time_ns: u64 = time,
        "T" transaction_time_ns: Option<u64> = maybe_time,
        "s" symbol: &'a str,
        "ps" pair: Option<&'a str>,
        "U" first_id: Option<u64>,
        "u" last_id: u64,
        "pu" previous_id: Option<u64> = maybe_id,
        "b" bids: Rows,
        "a" asks: Rows,
        "st" family: Option<u64>,
    }
}

/// Changed levels of a book, or on a partial depth stream of futures and options the best levels
/// (`depthUpdate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthUpdate<'a> {
    /// When the venue sent it.
    pub event_time_ns: u64,
    /// When the book changed: futures and options.
    pub transaction_time_ns: Option<u64>,
    /// The symbol, in upper case.
    pub symbol: &'a str,
    /// The pair: futures since 2026.
    pub pair: Option<&'a str>,
    /// The first update in it (`U`).
    pub first_id: u64,
    /// The last update in it (`u`).
    pub last_id: u64,
    /// The last update in the event before (`pu`): futures and options.
    pub previous_id: Option<u64>,
    /// Bids: absolute quantities, zero removes.
    pub bids: &'a [Level],
    /// Asks: absolute quantities, zero removes.
    pub asks: &'a [Level],
}

record! {
    /// The fields of a [`PartialDepth`].
    pub(super) struct PartialFields {
        "lastUpdateId" update_id: u64,
        "E" event_time_ns: Option<u64> = maybe_time,
        "T" transaction_time_ns: Option<u64> = maybe_time,
        "bids" bids: Rows,
        "asks" asks: Rows,
    }
}

/// The best levels of a spot book, which do not name their symbol, or the answer to a request for depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialDepth<'a> {
    /// The last update in it.
    pub update_id: u64,
    /// When the venue sent it: futures.
    pub event_time_ns: Option<u64>,
    /// When the book stood so: futures.
    pub transaction_time_ns: Option<u64>,
    /// The bids, best first.
    pub bids: &'a [Level],
    /// The asks, best first.
    pub asks: &'a [Level],
}

record! {
    /// A candle (`kline`, `markPrice_kline`, `indexPrice_kline`).
    pub struct Kline<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The symbol or, of an index, the pair.
        "s" symbol: Option<&'a str>,
        /// The pair.
        "ps" pair: Option<&'a str>,
        /// The candle.
        "k" candle: KlineCandle<'a>,
        /// 1 is USD-M, 2 COIN-M: futures since 2026.
        "st" family: Option<u64>,
    }
}

record! {
    /// A candle of a contract type rather than a contract (`continuous_kline`).
    pub struct ContinuousKline<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The pair.
        "ps" pair: &'a str,
        /// The contract type, such as `PERPETUAL`.
        "ct" contract_type: &'a str,
        /// The candle.
        "k" candle: KlineCandle<'a>,
    }
}

record! {
    /// The candle of a [`Kline`].
    pub struct KlineCandle<'a> {
        /// When it begins.
        "t" open_time_ns: u64 = time,
        /// Its last millisecond.
        "T" close_time_ns: u64 = time,
        /// The symbol.
        "s" symbol: Option<&'a str>,
        /// Its length, such as `1m`.
        "i" interval: &'a str,
        /// The first trade in it; -1 when there was none.
        "f" first_id: Option<i64>,
        /// The last trade in it; -1 when there was none.
        "L" last_id: Option<i64>,
        /// The first price.
        "o" open: Decimal,
        /// The last price.
        "c" close: Decimal,
        /// The highest price.
        "h" high: Decimal,
        /// The lowest price.
        "l" low: Decimal,
        /// Traded, in base currency or contracts.
        "v" volume: Decimal,
        /// Trades.
        "n" trades: u64,
        /// Whether it is over.
        "x" closed: bool,
        /// Traded, in quote currency (COIN-M: in base currency).
        "q" turnover: Decimal,
        /// Bought by takers, as `volume`.
        "V" taker_volume: Option<Decimal>,
        /// Bought by takers, as `turnover`.
        "Q" taker_turnover: Option<Decimal>,
    }
}

record! {
    /// A day in short (`24hrMiniTicker`).
    pub struct MiniTicker<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The pair: futures.
        "ps" pair: Option<&'a str>,
        /// The last price.
        "c" close: Decimal,
        /// The first price.
        "o" open: Decimal,
        /// The highest price.
        "h" high: Decimal,
        /// The lowest price.
        "l" low: Decimal,
        /// Traded, in base currency or contracts.
        "v" volume: Decimal,
        /// Traded, in quote currency (COIN-M: in base currency).
        "q" turnover: Decimal,
        /// 1 is USD-M, 2 COIN-M: futures since 2026.
        "st" family: Option<u64>,
    }
}

record! {
    /// Statistics of a window (`24hrTicker`, `1hTicker`, `4hTicker`, `1dTicker`).
    pub struct Ticker<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The pair: futures.
        "ps" pair: Option<&'a str>,
        /// The change of the price.
        "p" change: Decimal,
        /// The same in percent.
        "P" change_percent: Decimal,
        /// The mean price, weighted by volume.
        "w" mean: Option<Decimal>,
        /// The price before the window.
        "x" previous_close: Option<Decimal>,
        /// The last price.
        "c" close: Decimal,
        /// The quantity of the last trade.
        "Q" last_quantity: Option<Decimal>,
        /// The best bid: spot.
        "b" bid_price: Option<Decimal>,
        /// Its quantity.
        "B" bid_quantity: Option<Decimal>,
        /// The best ask: spot.
        "a" ask_price: Option<Decimal>,
        /// Its quantity.
        "A" ask_quantity: Option<Decimal>,
        /// The first price.
        "o" open: Decimal,
        /// The highest price.
        "h" high: Decimal,
        /// The lowest price.
        "l" low: Decimal,
        /// Traded, in base currency or contracts.
        "v" volume: Option<Decimal>,
        /// Traded, in quote currency (COIN-M: in base currency).
        "q" turnover: Option<Decimal>,
        /// When the window begins.
        "O" open_time_ns: Option<u64> = maybe_time,
        /// When it ends.
        "C" close_time_ns: Option<u64> = maybe_time,
        /// The number of trades.
        "n" trades: Option<u64>,
        /// 1 is USD-M, 2 COIN-M: futures since 2026.
        "st" family: Option<u64>,
    }
}

record! {
    /// The mean price of some minutes (`avgPrice`).
    pub struct AvgPrice<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The span, such as `5m`.
        "i" interval: &'a str,
        /// The mean price.
        "w" price: Decimal = size,
        /// The last trade's time.
        "T" last_trade_time_ns: u64 = time,
    }
}

record! {
    /// A price that the venue refers to (`referencePrice`).
    pub struct ReferencePrice<'a> {
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The price, if there is one.
        "r" price: Option<Decimal>,
        /// When it was made.
        "t" time_ns: u64 = time,
    }
}

record! {
    /// A mark price and funding (`markPriceUpdate`).
    pub struct MarkPrice<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The pair.
        "ps" pair: Option<&'a str>,
        /// The mark price.
        "p" price: Decimal = size,
        /// Its moving average.
        "ap" average: Option<Decimal>,
        /// The estimated settlement price.
        "P" settlement: Option<Decimal>,
        /// The price of the index.
        "i" index: Option<Decimal>,
        /// The funding rate, as a fraction; empty for what has no funding.
        "r" funding_rate: Option<Decimal> = decimal_or_empty,
        /// When funding is paid next; 0 for what has no funding.
        "T" next_funding_ns: Option<u64> = maybe_time,
        /// 1 is USD-M, 2 COIN-M: futures since 2026.
        "st" family: Option<u64>,
    }
}

record! {
    /// The mark price of an option (`markPrice`).
    pub struct OptionMarkPrice<'a> {
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The mark price.
        "mp" price: Decimal = size,
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The price of the index.
        "i" index: Option<Decimal>,
        /// The implied volatility.
        "vo" volatility: Option<Decimal>,
        /// Delta.
        "d" delta: Option<Decimal>,
        /// Theta.
        "t" theta: Option<Decimal>,
        /// Gamma.
        "g" gamma: Option<Decimal>,
        /// Vega.
        "v" vega: Option<Decimal>,
    }
}

record! {
    /// The price of an index (`indexPriceUpdate` of COIN-M, `index` of options).
    pub struct IndexPrice<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The pair: COIN-M.
        "i" pair: Option<&'a str>,
        /// The symbol: options.
        "s" symbol: Option<&'a str>,
        /// The price.
        "p" price: Decimal = size,
    }
}

record! {
    /// An order that liquidates a position (`forceOrder`).
    pub struct ForceOrder<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The order.
        "o" order: LiquidationOrder<'a>,
        /// The pair: since 2026.
        "ps" pair: Option<&'a str>,
        /// 1 is USD-M, 2 COIN-M: since 2026.
        "st" family: Option<u64>,
    }
}

record! {
    /// The order of a [`ForceOrder`].
    pub struct LiquidationOrder<'a> {
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// `BUY` or `SELL`.
        "S" side: &'a str,
        /// The type, such as `LIMIT`.
        "o" kind: &'a str,
        /// The time in force, such as `IOC`.
        "f" time_in_force: &'a str,
        /// The quantity.
        "q" quantity: Decimal = size,
        /// The price.
        "p" price: Decimal = size,
        /// The mean price of the fills.
        "ap" average_price: Option<Decimal>,
        /// The state, such as `FILLED`.
        "X" state: &'a str,
        /// The quantity of the last fill.
        "l" last_filled: Option<Decimal>,
        /// The quantity of all fills.
        "z" filled: Option<Decimal>,
        /// When it was traded.
        "T" trade_time_ns: u64 = time,
    }
}

record! {
    /// A change of a contract (`contractInfo`).
    pub struct ContractInfo<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The pair.
        "ps" pair: Option<&'a str>,
        /// The contract type, such as `PERPETUAL`.
        "ct" contract_type: Option<&'a str>,
        /// When it is delivered.
        "dt" delivery_ns: Option<u64> = maybe_time,
        /// When it was listed.
        "ot" listed_ns: Option<u64> = maybe_time,
        /// The state, such as `TRADING`.
        "cs" state: &'a str,
    }
}

record! {
    /// The index of an asset that serves as margin (`assetIndexUpdate`).
    pub struct AssetIndex<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The asset's symbol.
        "s" symbol: &'a str,
        /// The index.
        "i" price: Decimal = size,
    }
}

record! {
    /// The price of an index made of other assets (`compositeIndex`).
    pub struct CompositeIndex<'a> {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
        /// The symbol, in upper case.
        "s" symbol: &'a str,
        /// The price.
        "p" price: Decimal = size,
    }
}

record! {
    /// The notice that the connection will be closed (`serverShutdown`).
    pub struct ServerShutdown {
        /// When the venue sent it.
        "E" event_time_ns: u64 = time,
    }
}

/// A decimal that is an empty string where there is none.
fn decimal_or_empty<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Option<Decimal>, Wrong> {
    let mut ahead = *source;
    if ahead.kind() == Kind::Text && ahead.text() == Ok("") {
        *source = ahead;
        return Ok(None);
    }
    Field::read(source)
}

/// An id; options had strings of digits until 2025.
#[inline(always)]
fn id<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<u64, Wrong> {
    if source.kind() == Kind::Text {
        return source.text()?.parse().map_err(|_| "an id");
    }
    source.unsigned()
}

/// An id that may be null or, as in partial depth of COIN-M, -1.
#[inline(always)]
fn maybe_id<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Option<u64>, Wrong> {
    if source.kind() == Kind::Null {
        return source.skip().map(|()| None);
    }
    let mut ahead = *source;
    if let Ok(id) = ahead.unsigned() {
        *source = ahead;
        return Ok(Some(id));
    }
    source.signed().map(|_| None)
}
