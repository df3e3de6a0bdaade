//! JSON read against shapes that are known beforehand, in three ways.
//!
//! A shape is a [`record`] of keys and types. It is read
//! 1. in a fixed order of keys, straight down, when the text has one of the orders that the venue is known
//!    to send ([`Cursor`]);
//! 2. in any order, unknown keys skipped, when the text is compact and without escapes ([`Cursor`] too);
//! 3. from the tape of simd-json, whatever the text ([`Tape`]).
//!
//! A way that meets something it does not know steps aside for the next; only the last one judges. So the
//! first two never take what the last would refuse, and never take it for something else.

mod cursor;
mod field;
mod library;
mod record;
mod rows;
mod strings;

pub(crate) use cursor::Cursor;
pub(crate) use field::{Field, maybe_time, size, time};
pub(crate) use library::{Library, Tape};
pub(crate) use record::{Record, fill, record};
pub(crate) use rows::{Arena, Rows, changes};

use crate::{decimal::Decimal, level::Level};

/// The part of a text that is not as it should be.
pub(crate) type Wrong = &'static str;

/// A place in a JSON text with a value to read. After a value was read, the source stands behind it.
pub(crate) trait Source<'a, 's>: Copy {
    /// What kind of value is there.
    fn kind(&self) -> Kind;

    /// A string.
    fn text(&mut self) -> Result<&'a str, Wrong>;

    /// An integer, zero or more.
    fn unsigned(&mut self) -> Result<u64, Wrong>;

    /// An integer.
    fn signed(&mut self) -> Result<i64, Wrong>;

    /// `true` or `false`.
    fn boolean(&mut self) -> Result<bool, Wrong>;

    /// A number, or a string that holds one, exactly.
    fn decimal(&mut self) -> Result<Decimal, Wrong>;

    /// An object; `each` reads the value of each key.
    fn object(
        &mut self,
        each: impl FnMut(&'a str, &mut Self) -> Result<(), Wrong>,
    ) -> Result<(), Wrong>;

    /// An array; `each` reads each element.
    fn array(&mut self, each: impl FnMut(&mut Self) -> Result<(), Wrong>) -> Result<(), Wrong>;

    /// Whatever is there.
    fn skip(&mut self) -> Result<(), Wrong>;

    /// A record, in the fastest way there is.
    fn record<T: Record<'a>>(&mut self) -> Result<T, Wrong> {
        T::read_any(self)
    }

    /// Where [`Rows`] are kept.
    fn arena(&self) -> &'s Arena;

    /// A row `[price, quantity, …]`.
    fn level(&mut self) -> Result<Level, Wrong> {
        let mut cells = [None; 2];
        let mut at = 0;
        self.array(|cell| {
            match cells.get_mut(at) {
                Some(slot) => *slot = Some(cell.decimal()?),
                None => cell.skip()?,
            }
            at += 1;
            Ok(())
        })?;
        row(cells)
    }

    /// A row `[action, price, quantity]`; `delete` makes the quantity zero.
    fn change(&mut self) -> Result<Level, Wrong> {
        let mut cells = [None; 2];
        let mut delete = false;
        let mut at = 0;
        self.array(|cell| {
            match at {
                0 => delete = cell.text()? == "delete",
                1 | 2 => cells[at - 1] = Some(cell.decimal()?),
                _ => cell.skip()?,
            }
            at += 1;
            Ok(())
        })?;
        let level = row(cells)?;
        Ok(if delete { Level { quantity: Decimal::ZERO, ..level } } else { level })
    }
}

/// The kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Number,
    Text,
    Array,
    Object,
}

fn row(cells: [Option<Decimal>; 2]) -> Result<Level, Wrong> {
    match cells {
        // The price of a spread may be below zero.
        [Some(price), Some(quantity)] if quantity.mantissa() >= 0 => Ok(Level { price, quantity }),
        _ => Err("a level"),
    }
}
