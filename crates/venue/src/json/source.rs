//! What shapes are read from, and what a shape is.

use super::arena::{Action, Arena};
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

    /// A figure that the venue computed: exactly up to 15 digits, and as [`Decimal::nearest`] has it beyond.
    fn rounded(&mut self) -> Result<Decimal, Wrong>;

    /// An object; `each` reads the value of each key.
    fn object(&mut self, each: impl FnMut(&'a str, &mut Self) -> Result<(), Wrong>) -> Result<(), Wrong>;

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

    /// Rows, added to `levels`.
    fn levels(&mut self, levels: &mut Vec<Level>) -> Result<(), Wrong> {
        self.array(|source| {
            levels.push(source.level()?);
            Ok(())
        })
    }

    /// A row `[action, price, quantity]`; `delete` makes the quantity zero.
    fn change(&mut self) -> Result<(Action, Level), Wrong> {
        let mut action = Action::Other;
        let mut cells = [None; 2];
        let mut at = 0;
        self.array(|cell| {
            match at {
                0 => action = Action::of(cell.text()?),
                1 => cells[0] = Some(cell.decimal()?),
                2 => cells[1] = Some(cell.decimal()?),
                _ => cell.skip()?,
            }
            at += 1;
            Ok(())
        })?;
        Ok((action, action.level(row(cells)?)))
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

pub(super) fn row(cells: [Option<Decimal>; 2]) -> Result<Level, Wrong> {
    match cells {
        // The price of a spread may be below zero.
        [Some(price), Some(quantity)] if quantity.mantissa() >= 0 => Ok(Level { price, quantity }),
        _ => Err("a level"),
    }
}

/// A source that can be read in a fixed order of keys.
pub(crate) trait Compact<'a, 's>: Source<'a, 's> {
    /// Takes `byte` if it is next.
    fn take(&mut self, byte: u8) -> bool;

    /// Takes `text` if it is next.
    fn literal(&mut self, text: &[u8]) -> bool;

    /// Takes `,"key":`, without the comma if it is the `first`.
    fn key(&mut self, key: &'static [u8], first: bool) -> bool;

    /// Keys that are not known, up to and with the closing brace.
    fn trailing(&mut self, first: bool, is_known: impl Fn(&str) -> bool) -> bool;
}

/// A type that can be read from JSON.
pub(crate) trait Field<'a>: Sized {
    /// Reads one.
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong>;

    /// What stands for a key that is not there; `None` if it must be there.
    #[inline(always)]
    fn missing() -> Option<Self> {
        None
    }
}

/// An object with known keys.
pub(crate) trait Record<'a>: Sized {
    /// Reads one whose keys come in an order that is known, up to and with its closing brace. `opened` says that the
    /// opening brace is all that was taken; otherwise a field was. `None` leaves the cursor where it is.
    fn read_fixed<'s, C: Compact<'a, 's>>(cursor: &mut C, opened: bool) -> Option<Self>;

    /// Reads one whose keys come in any order, with others among them.
    fn read_any<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong>;
}
