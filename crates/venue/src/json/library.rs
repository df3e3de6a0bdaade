//! The last way: simd-json's tape, whatever the text.

use std::fmt;

use simd_json::{Buffers, prelude::*, tape};

use super::{
    arena::Arena,
    source::{Kind, Source, Wrong},
};
use crate::decimal::Decimal;

/// What is kept for the next text; more is given back.
const TEXT_BYTES_KEPT: usize = 1 << 20;

/// Decimal digits that a double always holds.
const DIGITS_EXACT: usize = 15;

/// Reads one text at a time, in memory that it keeps.
pub(crate) struct Library {
    text: Vec<u8>,
    buffers: Buffers,
    /// Empty between texts; kept for its memory.
    tape: simd_json::Tape<'static>,
}

impl Library {
    pub(crate) fn new() -> Self {
        let tape = simd_json::Tape::null().reset();
        Self { text: Vec::new(), buffers: Buffers::default(), tape }
    }

    /// Lets `read` read the text.
    ///
    /// # Errors
    /// What is wrong with the text, or what `read` says; the offset in the text where it is known.
    pub(crate) fn read<T>(
        &mut self,
        text: &[u8],
        arena: &Arena,
        read: impl FnOnce(Tape<'_, '_, '_>) -> Result<T, Wrong>,
    ) -> Result<T, (Wrong, Option<usize>)> {
        if self.text.capacity() > TEXT_BYTES_KEPT {
            *self = Self::new();
        }
        self.text.clear();
        self.text.extend_from_slice(text);
        let (exact, tiny) = (!has_long_number(text), has_long_exponent(text));
        let mut tape = std::mem::replace(&mut self.tape, simd_json::Tape(Vec::new())).reset();
        let filled = simd_json::fill_tape(&mut self.text, &mut self.buffers, &mut tape);
        let answer = match filled {
            Ok(()) => {
                read(Tape { value: tape.as_value(), exact, tiny, arena }).map_err(|wrong| (wrong, None))
            }
            Err(error) => Err(("not JSON", Some(error.index()))),
        };
        self.tape = tape.reset();
        answer
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").finish_non_exhaustive()
    }
}

/// Whether a number that is not an integer has more digits than a double holds exactly.
fn has_long_number(text: &[u8]) -> bool {
    let (mut digits, mut point) = (0, false);
    let long = |byte: &u8| {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'.' => point = true,
            b'e' | b'E' if digits > DIGITS_EXACT => return true,
            _ if digits > DIGITS_EXACT && point => return true,
            _ => (digits, point) = (0, false),
        }
        false
    };
    // What ends the text ends a number too.
    text.iter().chain(b" ").any(long)
}

/// Whether a number has an exponent of more than two digits, so that a double of it may be zero though it is not.
fn has_long_exponent(text: &[u8]) -> bool {
    let mut digits = None;
    text.iter().any(|byte| {
        digits = match (byte, digits) {
            (b'e' | b'E', _) => Some(0),
            (b'+' | b'-', Some(0)) => Some(0),
            (b'0'..=b'9', Some(count)) => Some(count + 1),
            _ => None,
        };
        digits > Some(2)
    })
}

/// A value of the tape.
#[derive(Clone, Copy)]
pub(crate) struct Tape<'t, 'a, 's> {
    value: tape::Value<'t, 'a>,
    /// No number of the text is longer than a double holds.
    exact: bool,
    /// A number of the text may be too small for a double.
    tiny: bool,
    arena: &'s Arena,
}

impl<'a, 's> Source<'a, 's> for Tape<'_, 'a, 's> {
    fn kind(&self) -> Kind {
        match self.value.value_type() {
            ValueType::Null => Kind::Null,
            ValueType::Bool => Kind::Boolean,
            ValueType::String => Kind::Text,
            ValueType::Array => Kind::Array,
            ValueType::Object => Kind::Object,
            _ => Kind::Number,
        }
    }

    fn text(&mut self) -> Result<&'a str, Wrong> {
        self.value.into_string().ok_or("not a string")
    }

    fn unsigned(&mut self) -> Result<u64, Wrong> {
        self.value.as_u64().ok_or("not an integer")
    }

    fn signed(&mut self) -> Result<i64, Wrong> {
        self.value.as_i64().ok_or("not an integer")
    }

    fn boolean(&mut self) -> Result<bool, Wrong> {
        self.value.as_bool().ok_or("not a boolean")
    }

    fn decimal(&mut self) -> Result<Decimal, Wrong> {
        const WHAT: Wrong = "not a decimal";
        if let Some(text) = self.value.into_string() {
            return Decimal::parse(text.as_bytes()).map_err(|_| WHAT);
        }
        if let Some(integer) = self.value.as_i64() {
            return Decimal::new(integer, 0).ok_or(WHAT);
        }
        let float = self.value.as_f64().ok_or(WHAT)?;
        if float == 0.0 && self.tiny {
            return Err("a number that may be too small");
        }
        if !self.exact {
            return Err("a number of more digits than are exact in a text of this spelling");
        }
        // The shortest text of a double of so few digits is the number that was read.
        Decimal::parse(format!("{float:e}").as_bytes()).map_err(|_| WHAT)
    }

    fn rounded(&mut self) -> Result<Decimal, Wrong> {
        const WHAT: Wrong = "not a number";
        if let Some(integer) = self.value.as_i64() {
            return Decimal::new(integer, 0).ok_or(WHAT);
        }
        self.value.as_f64().and_then(Decimal::nearest).ok_or(WHAT)
    }

    fn object(&mut self, mut each: impl FnMut(&'a str, &mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        for (key, value) in self.value.as_object().ok_or("not an object")?.iter() {
            each(key, &mut Self { value, ..*self })?;
        }
        Ok(())
    }

    fn array(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        for value in self.value.as_array().ok_or("not an array")?.iter() {
            each(&mut Self { value, ..*self })?;
        }
        Ok(())
    }

    fn skip(&mut self) -> Result<(), Wrong> {
        Ok(())
    }

    fn arena(&self) -> &'s Arena {
        self.arena
    }
}
