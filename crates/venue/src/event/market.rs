//! Events about the market.

use crate::{
    decimal::Decimal,
    level::{Level, Side},
};

/// An instrument or an index of a session: numbers from 0, first the configured symbols in their order, then
/// whatever else streams of several instruments name, in the order of appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instrument(pub u32);

/// A trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// What was traded.
    pub instrument: Instrument,
    /// The number of the trade, or of the aggregate (`fills`), in the instrument's own sequence.
    pub id: u64,
    /// The price.
    pub price: Decimal,
    /// The quantity, of all fills together.
    pub quantity: Decimal,
    /// Who took: a [`Side::Bid`] buys.
    pub taker: Side,
    /// For an aggregate the ids of the trades it stands for; `None` for a single trade.
    pub fills: Option<Fills>,
    /// When it was traded.
    pub venue_time_ns: u64,
    /// When the venue sent it.
    pub event_time_ns: u64,
}

/// The trades that an aggregate stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fills {
    /// Id of the first.
    pub first_id: u64,
    /// Id of the last.
    pub last_id: u64,
}

/// The best bid and ask after an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Of what.
    pub instrument: Instrument,
    /// The id of the book update after which they stood, where the venue tells.
    pub update_id: Option<u64>,
    /// The best bid; `None` when nobody bids.
    pub bid: Option<Level>,
    /// The best ask; `None` when nobody asks.
    pub ask: Option<Level>,
    /// When they stood, where the venue tells.
    pub venue_time_ns: Option<u64>,
}

/// A picture of a book, best levels first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot<'a> {
    /// Of what.
    pub instrument: Instrument,
    /// The id of the last book update in it.
    pub update_id: u64,
    /// The bids.
    pub bids: &'a [Level],
    /// The asks.
    pub asks: &'a [Level],
    /// Only the best levels, as many as the stream carries.
    pub partial: bool,
    /// When it stood, where the venue tells.
    pub venue_time_ns: Option<u64>,
}

/// Changes of a book: absolute quantities, zero removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delta<'a> {
    /// Of what.
    pub instrument: Instrument,
    /// The first book update they cover.
    pub first_id: u64,
    /// The last book update they cover.
    pub last_id: u64,
    /// The last update of the delta before, where the venue chains them so.
    pub previous_id: Option<u64>,
    /// Changed bids, in the venue's order.
    pub bids: &'a [Level],
    /// Changed asks, in the venue's order.
    pub asks: &'a [Level],
    /// When the book changed, or else when the venue sent it.
    pub venue_time_ns: u64,
}

/// Statistics of a window, of the last day unless the stream says otherwise. What the venue does not tell, or
/// tells as null, is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticker {
    /// Of what.
    pub instrument: Instrument,
    /// The price of the last trade.
    pub last: Option<Decimal>,
    /// The first price of the window.
    pub open: Option<Decimal>,
    /// The highest price.
    pub high: Option<Decimal>,
    /// The lowest price.
    pub low: Option<Decimal>,
    /// Traded, in the instrument's unit of quantity.
    pub volume: Option<Decimal>,
    /// Traded, in the other currency.
    pub turnover: Option<Decimal>,
    /// The best bid.
    pub bid: Option<Level>,
    /// The best ask.
    pub ask: Option<Level>,
    /// The mark price.
    pub mark: Option<Decimal>,
    /// The price of the underlying index.
    pub index: Option<Decimal>,
    /// Open interest.
    pub open_interest: Option<Decimal>,
    /// When the venue sent it.
    pub venue_time_ns: u64,
}

/// A mark price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Of what.
    pub instrument: Instrument,
    /// The mark price.
    pub price: Decimal,
    /// The price of the underlying index.
    pub index: Option<Decimal>,
    /// The funding rate, as a fraction.
    pub funding_rate: Option<Decimal>,
    /// When funding is paid next.
    pub next_funding_ns: Option<u64>,
    /// The implied volatility of an option, in the venue's unit.
    pub implied_volatility: Option<Decimal>,
    /// When the venue sent it.
    pub venue_time_ns: u64,
}

/// The funding of a perpetual, from a stream that has no mark price beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funding {
    /// Of what.
    pub instrument: Instrument,
    /// The current rate, as a fraction.
    pub rate: Decimal,
    /// The price of the underlying index.
    pub index: Option<Decimal>,
    /// When the venue sent it.
    pub venue_time_ns: u64,
}

/// The price of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// The index.
    pub instrument: Instrument,
    /// Its price.
    pub price: Decimal,
    /// When the venue sent it.
    pub venue_time_ns: u64,
}

/// A candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// Of what.
    pub instrument: Instrument,
    /// Which price it draws.
    pub of: CandleOf,
    /// Its length.
    pub interval: Interval,
    /// When it begins.
    pub open_time_ns: u64,
    /// Its last moment, where the venue tells.
    pub close_time_ns: Option<u64>,
    /// The first price.
    pub open: Decimal,
    /// The highest price.
    pub high: Decimal,
    /// The lowest price.
    pub low: Decimal,
    /// The last price.
    pub close: Decimal,
    /// Traded, in the instrument's unit of quantity.
    pub volume: Option<Decimal>,
    /// Traded, in the other currency.
    pub turnover: Option<Decimal>,
    /// Trades.
    pub trades: Option<u64>,
    /// Whether it is over, where the venue tells.
    pub closed: Option<bool>,
    /// When the venue sent it, where it tells.
    pub venue_time_ns: Option<u64>,
}

/// The price that a [`Candle`] draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CandleOf {
    /// Trades.
    Trades,
    /// The mark price.
    Mark,
    /// An index.
    Index,
}

/// The length of a [`Candle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interval {
    /// So many seconds.
    Seconds(u32),
    /// A calendar month.
    Month,
}

/// An order that liquidates a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Liquidation {
    /// Of what.
    pub instrument: Instrument,
    /// The side of the order: a [`Side::Ask`] sells, and ends a long position.
    pub side: Side,
    /// The price of the order.
    pub price: Decimal,
    /// The mean price of what was filled.
    pub average_price: Option<Decimal>,
    /// The quantity of the order.
    pub quantity: Decimal,
    /// What was filled of it.
    pub filled: Option<Decimal>,
    /// When it happened.
    pub venue_time_ns: u64,
}

/// An instrument was opened, halted, closed, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstrumentState<'a> {
    /// Which.
    pub instrument: Instrument,
    /// The venue's word, such as `open` or `TRADING`; new words appear without notice.
    pub state: &'a str,
    /// Whether that word means that it can be traded.
    pub open: bool,
    /// When the venue sent it, where it tells.
    pub venue_time_ns: Option<u64>,
}
