//! The messages of the schema, borrowed from a frame.

use crate::level::Level;

use super::group::{Levels, TradeEntries};

/// A message. Times are nanoseconds since the Unix epoch by the venue's clock, in steps of 1000.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Message<'a> {
    /// Single trades (`@trade`).
    Trades(Trades<'a>),
    /// The best bid and ask after a change (`@bestBidAsk`).
    BestBidAsk(BestBidAsk<'a>),
    /// The best levels of a book (`@depth20`).
    DepthSnapshot(DepthSnapshot<'a>),
    /// Changes of a book (`@depth`).
    DepthDiff(DepthDiff<'a>),
    /// A message of a template that is not known here; nothing behind its header was looked at.
    Other {
        /// The template's id.
        template_id: u16,
    },
}

/// Trades of one symbol at one time (template 10000).
#[derive(Debug, Clone)]
pub struct Trades<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// When the venue sent them.
    pub event_time_ns: u64,
    /// When they were traded.
    pub trade_time_ns: u64,
    /// The trades.
    pub trades: TradeEntries<'a>,
}

/// The best bid and ask (template 10001).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BestBidAsk<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// The id of the book update after which they stood, at most 2^63 - 1.
    pub update_id: u64,
    /// The best bid; `None` when its price and quantity are null.
    pub bid: Option<Level>,
    /// The best ask; `None` when its price and quantity are null.
    pub ask: Option<Level>,
    /// When the venue sent it.
    pub event_time_ns: u64,
}

/// The best levels of a book (template 10002).
#[derive(Debug, Clone)]
pub struct DepthSnapshot<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// The id of the last book update in it, at most 2^63 - 1.
    pub update_id: u64,
    /// The best bids.
    pub bids: Levels<'a>,
    /// The best asks.
    pub asks: Levels<'a>,
    /// When the venue sent it.
    pub event_time_ns: u64,
}

/// Changes of a book (template 10003): absolute quantities, zero removes.
#[derive(Debug, Clone)]
pub struct DepthDiff<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// The first book update they cover, at most `last_id`.
    pub first_id: u64,
    /// The last book update they cover, at most 2^63 - 1.
    pub last_id: u64,
    /// Changed bids.
    pub bids: Levels<'a>,
    /// Changed asks.
    pub asks: Levels<'a>,
    /// When the venue sent them.
    pub event_time_ns: u64,
}
