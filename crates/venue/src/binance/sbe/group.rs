//! The repeating groups of a frame, read entry by entry where they lie.

use std::{fmt, slice::ChunksExact};

use crate::{decimal::Decimal, level::Level};

use super::{
    error::Error,
    reader::Reader,
    value::{self, Exponents},
};

/// The bytes of each entry of a group, appended fields included.
pub(super) type Entries<'a> = ChunksExact<'a, u8>;

/// The levels of one side of a book, in the venue's order.
#[derive(Clone)]
pub struct Levels<'a> {
    entries: Entries<'a>,
    exponents: Exponents,
    names: &'static LevelNames,
}

/// What errors call the group and its fields.
pub(super) struct LevelNames {
    pub(super) group: &'static str,
    price: &'static str,
    quantity: &'static str,
}

pub(super) const BIDS: LevelNames = LevelNames { group: "bids", price: "bids.price", quantity: "bids.qty" };
pub(super) const ASKS: LevelNames = LevelNames { group: "asks", price: "asks.price", quantity: "asks.qty" };

impl<'a> Levels<'a> {
    /// Checks every entry, so that reading them again cannot fail.
    pub(super) fn new(
        entries: Entries<'a>,
        exponents: Exponents,
        names: &'static LevelNames,
    ) -> Result<Self, Error> {
        for entry in entries.clone() {
            level(entry, exponents, names)?;
        }
        Ok(Self { entries, exponents, names })
    }
}

fn level(entry: &[u8], exponents: Exponents, names: &LevelNames) -> Result<Level, Error> {
    let mut fields = Reader::new(entry);
    let (Some(price), Some(quantity)) = (fields.i64(), fields.i64()) else {
        return Err(too_short(names.group, entry));
    };
    Ok(Level {
        price: value::decimal(price, exponents.price, names.price)?,
        quantity: value::decimal(quantity, exponents.quantity, names.quantity)?,
    })
}

impl Iterator for Levels<'_> {
    type Item = Level;

    fn next(&mut self) -> Option<Level> {
        level(self.entries.next()?, self.exponents, self.names).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for Levels<'_> {}

impl fmt::Debug for Levels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// A trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Its id, at most 2^63 - 1.
    pub id: u64,
    /// The price.
    pub price: Decimal,
    /// The quantity.
    pub quantity: Decimal,
    /// Whether the buyer's order stood in the book and the seller took.
    pub buyer_is_maker: bool,
}

/// The trades of a message, in the venue's order.
#[derive(Clone)]
pub struct TradeEntries<'a> {
    entries: Entries<'a>,
    exponents: Exponents,
}

impl<'a> TradeEntries<'a> {
    /// Checks every entry, so that reading them again cannot fail.
    pub(super) fn new(entries: Entries<'a>, exponents: Exponents) -> Result<Self, Error> {
        for entry in entries.clone() {
            trade(entry, exponents)?;
        }
        Ok(Self { entries, exponents })
    }
}

fn trade(entry: &[u8], exponents: Exponents) -> Result<Trade, Error> {
    let mut fields = Reader::new(entry);
    let (Some(id), Some(price), Some(quantity), Some(buyer_is_maker)) =
        (fields.i64(), fields.i64(), fields.i64(), fields.u8())
    else {
        return Err(too_short("trades", entry));
    };
    Ok(Trade {
        id: value::natural(id, "trades.id")?,
        price: value::decimal(price, exponents.price, "trades.price")?,
        quantity: value::decimal(quantity, exponents.quantity, "trades.qty")?,
        buyer_is_maker: value::boolean(buyer_is_maker, "trades.isBuyerMaker")?,
    })
}

impl Iterator for TradeEntries<'_> {
    type Item = Trade;

    fn next(&mut self) -> Option<Trade> {
        trade(self.entries.next()?, self.exponents).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for TradeEntries<'_> {}

impl fmt::Debug for TradeEntries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// An entry came from a length of 16 bits, so its length fits.
fn too_short(part: &'static str, entry: &[u8]) -> Error {
    Error::BlockTooShort { part, length: u16::try_from(entry.len()).unwrap_or(u16::MAX) }
}
