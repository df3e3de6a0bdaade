//! A message to a frame, as the venue would send it: for simulators and tests.
//!
//! The numbers are those of the wire, so that everything can be written that a venue could send, mistakes included.

use super::schema::{BEST_BID_ASK, DEPTH_DIFF, DEPTH_SNAPSHOT, SCHEMA_ID, TRADES};

pub use super::value::Exponents;

/// What appended fields are filled with.
const APPENDED: u8 = 0xA5;

/// The bytes of the known fields.
const TRADE_BYTES: u16 = 25;
const LEVEL_BYTES: u16 = 16;

/// A message to write. Null is -2^63 in any of its 64-bit numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// Template 10000.
    Trades(Trades<'a>),
    /// Template 10001.
    BestBidAsk(BestBidAsk<'a>),
    /// Template 10002.
    DepthSnapshot(DepthSnapshot<'a>),
    /// Template 10003.
    DepthDiff(DepthDiff<'a>),
}

/// Trades of one symbol at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trades<'a> {
    /// When it is sent, in microseconds since the Unix epoch.
    pub event_time_us: i64,
    /// When the trades happened, in microseconds since the Unix epoch.
    pub transact_time_us: i64,
    /// Of the numbers in `trades`.
    pub exponents: Exponents,
    /// The trades, at most 2^32 - 1.
    pub trades: &'a [Trade],
    /// The symbol, at most 255 bytes.
    pub symbol: &'a str,
}

/// A trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Its id.
    pub id: i64,
    /// The price's mantissa.
    pub price: i64,
    /// The quantity's mantissa.
    pub quantity: i64,
    /// Whether the buyer's order stood in the book.
    pub buyer_is_maker: bool,
}

/// The best bid and ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BestBidAsk<'a> {
    /// When it is sent, in microseconds since the Unix epoch.
    pub event_time_us: i64,
    /// The id of the book update after which they stand.
    pub update_id: i64,
    /// Of the numbers in `bid` and `ask`.
    pub exponents: Exponents,
    /// The best bid.
    pub bid: Level,
    /// The best ask.
    pub ask: Level,
    /// The symbol, at most 255 bytes.
    pub symbol: &'a str,
}

/// The best levels of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthSnapshot<'a> {
    /// When it is sent, in microseconds since the Unix epoch.
    pub event_time_us: i64,
    /// The id of the last book update in it.
    pub update_id: i64,
    /// Of the numbers in `bids` and `asks`.
    pub exponents: Exponents,
    /// The best bids, at most 65535.
    pub bids: &'a [Level],
    /// The best asks, at most 65535.
    pub asks: &'a [Level],
    /// The symbol, at most 255 bytes.
    pub symbol: &'a str,
}

/// Changes of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthDiff<'a> {
    /// When it is sent, in microseconds since the Unix epoch.
    pub event_time_us: i64,
    /// The first book update that it covers.
    pub first_id: i64,
    /// The last book update that it covers.
    pub last_id: i64,
    /// Of the numbers in `bids` and `asks`.
    pub exponents: Exponents,
    /// Changed bids, at most 65535.
    pub bids: &'a [Level],
    /// Changed asks, at most 65535.
    pub asks: &'a [Level],
    /// The symbol, at most 255 bytes.
    pub symbol: &'a str,
}

/// A price level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The price's mantissa.
    pub price: i64,
    /// The quantity's mantissa.
    pub quantity: i64,
}

/// The version to write, and how much longer than in version 0 its blocks are. The default is version 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    /// The version of the schema.
    pub version: u16,
    /// Bytes appended to the root block.
    pub root_appended: u16,
    /// Bytes appended to each entry of a group.
    pub entry_appended: u16,
}

/// Why a message does not fit the format; the caller is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The symbol is too long.
    #[error("a symbol of {0} bytes is longer than 255")]
    SymbolTooLong(usize),
    /// A group has more entries than its count can tell.
    #[error("{0} entries are more than the group can count")]
    TooManyEntries(usize),
    /// The appended bytes make a block longer than 65535 bytes.
    #[error("a block with {0} bytes appended is longer than 65535")]
    BlockTooLong(u16),
}

/// Appends the frame of a message to `out`.
///
/// # Errors
/// [`Error`] for a message that the format cannot tell; nothing is appended then.
pub fn encode(message: &Message<'_>, layout: Layout, out: &mut Vec<u8>) -> Result<(), Error> {
    let start = out.len();
    let mut writer = Writer { layout, out };
    let written = match message {
        Message::Trades(trades) => writer.trades(trades),
        Message::BestBidAsk(best) => writer.best_bid_ask(best),
        Message::DepthSnapshot(snapshot) => writer.depth_snapshot(snapshot),
        Message::DepthDiff(diff) => writer.depth_diff(diff),
    };
    if written.is_err() {
        out.truncate(start);
    }
    written
}

struct Writer<'a> {
    layout: Layout,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn trades(&mut self, trades: &Trades<'_>) -> Result<(), Error> {
        self.header(TRADES, 18)?;
        self.i64s(&[trades.event_time_us, trades.transact_time_us]);
        self.exponents(trades.exponents);
        self.append(self.layout.root_appended);
        let count = u32::try_from(trades.trades.len());
        let count = count.map_err(|_| Error::TooManyEntries(trades.trades.len()))?;
        self.entry_length(TRADE_BYTES)?;
        self.out.extend(count.to_le_bytes());
        for trade in trades.trades {
            self.i64s(&[trade.id, trade.price, trade.quantity]);
            self.out.push(trade.buyer_is_maker.into());
            self.append(self.layout.entry_appended);
        }
        self.symbol(trades.symbol)
    }

    fn best_bid_ask(&mut self, best: &BestBidAsk<'_>) -> Result<(), Error> {
        self.header(BEST_BID_ASK, 50)?;
        self.i64s(&[best.event_time_us, best.update_id]);
        self.exponents(best.exponents);
        self.i64s(&[best.bid.price, best.bid.quantity, best.ask.price, best.ask.quantity]);
        self.append(self.layout.root_appended);
        self.symbol(best.symbol)
    }

    fn depth_snapshot(&mut self, snapshot: &DepthSnapshot<'_>) -> Result<(), Error> {
        self.header(DEPTH_SNAPSHOT, 18)?;
        self.i64s(&[snapshot.event_time_us, snapshot.update_id]);
        self.exponents(snapshot.exponents);
        self.append(self.layout.root_appended);
        self.levels(snapshot.bids)?;
        self.levels(snapshot.asks)?;
        self.symbol(snapshot.symbol)
    }

    fn depth_diff(&mut self, diff: &DepthDiff<'_>) -> Result<(), Error> {
        self.header(DEPTH_DIFF, 26)?;
        self.i64s(&[diff.event_time_us, diff.first_id, diff.last_id]);
        self.exponents(diff.exponents);
        self.append(self.layout.root_appended);
        self.levels(diff.bids)?;
        self.levels(diff.asks)?;
        self.symbol(diff.symbol)
    }

    fn header(&mut self, template_id: u16, known: u16) -> Result<(), Error> {
        let length = longer(known, self.layout.root_appended)?;
        for number in [length, template_id, SCHEMA_ID, self.layout.version] {
            self.out.extend(number.to_le_bytes());
        }
        Ok(())
    }

    fn levels(&mut self, levels: &[Level]) -> Result<(), Error> {
        let count = u16::try_from(levels.len()).map_err(|_| Error::TooManyEntries(levels.len()))?;
        self.entry_length(LEVEL_BYTES)?;
        self.out.extend(count.to_le_bytes());
        for level in levels {
            self.i64s(&[level.price, level.quantity]);
            self.append(self.layout.entry_appended);
        }
        Ok(())
    }

    fn entry_length(&mut self, known: u16) -> Result<(), Error> {
        self.out.extend(longer(known, self.layout.entry_appended)?.to_le_bytes());
        Ok(())
    }

    fn symbol(&mut self, symbol: &str) -> Result<(), Error> {
        let length = u8::try_from(symbol.len()).map_err(|_| Error::SymbolTooLong(symbol.len()))?;
        self.out.push(length);
        self.out.extend(symbol.as_bytes());
        Ok(())
    }

    fn exponents(&mut self, exponents: Exponents) {
        self.out.extend(exponents.price.to_le_bytes());
        self.out.extend(exponents.quantity.to_le_bytes());
    }

    fn i64s(&mut self, numbers: &[i64]) {
        self.out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }

    fn append(&mut self, count: u16) {
        self.out.extend(std::iter::repeat_n(APPENDED, count.into()));
    }
}

fn longer(known: u16, appended: u16) -> Result<u16, Error> {
    known.checked_add(appended).ok_or(Error::BlockTooLong(appended))
}
