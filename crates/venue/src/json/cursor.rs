//! The fast ways: a place in a compact text without escapes.

use super::{
    arena::{Action, Arena},
    source::{Compact, Kind, Record, Source, Wrong, row},
    strings,
};
use crate::{
    decimal::{Decimal, DecimalError},
    digits::{self, DIGITS_MAX},
    level::Level,
};

/// Arrays and objects in one another that are skipped; deeper ones are left to the library.
const DEPTH_MAX: usize = 16;

/// Numbers of fewer digits are held exactly by a double.
const MANTISSA_EXACT: u64 = 1_000_000_000_000_000;

/// What the cursor does not know; the next way may.
const ASIDE: Wrong = "not compact";

/// A place in a text. Anything else than compact JSON without escapes is an error, as are numbers that are not
/// held exactly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a, 's> {
    /// The whole text, of which strings are parts.
    whole: &'a str,
    /// What is still to be read.
    rest: &'a [u8],
    arena: &'s Arena,
    /// Records are read in any order even if they come in one that is known.
    only_any_order: bool,
    /// Records with keys that are not known are not read in a fixed order.
    only_known_keys: bool,
}

impl<'a, 's> Cursor<'a, 's> {
    /// `None` for what is no UTF-8, which the library judges.
    pub(crate) fn new(text: &'a [u8], arena: &'s Arena) -> Option<Self> {
        let whole = simdutf8::basic::from_utf8(text).ok()?;
        Some(Self { whole, rest: text, arena, only_any_order: false, only_known_keys: false })
    }

    /// Reads records in any order even if they come in one that is known.
    pub(crate) fn without_fixed_orders(self) -> Self {
        Self { only_any_order: true, ..self }
    }

    /// Leaves records with keys that are not known to the other ways.
    #[inline(always)]
    pub(crate) fn without_unknown_keys(self) -> Self {
        Self { only_known_keys: true, ..self }
    }

    /// Where it is, in bytes from the beginning.
    #[inline(always)]
    pub(crate) fn at(&self) -> usize {
        self.whole.len() - self.rest.len()
    }

    /// Whether everything is read.
    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Passes over the first `len` bytes, of which there are as many.
    #[inline(always)]
    fn pass(&mut self, len: usize) {
        if let Some(behind) = self.rest.get(len..) {
            self.rest = behind;
        }
    }

    /// Goes on with `way`, which is not inlined, on a copy, so that this cursor can stay in registers.
    #[inline(always)]
    fn apart<T>(&mut self, way: impl FnOnce(&mut Self) -> T) -> T {
        let mut copy = *self;
        let result = way(&mut copy);
        *self = copy;
        result
    }

    /// A string behind its opening quote.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Option<&'a str> {
        let (len, behind) = strings::plain(self.rest)?;
        let at = self.at();
        self.rest = behind;
        // Inlined, unlike a range with two ends.
        self.whole.get(at..)?.get(..len)
    }

    /// An integer behind its sign: the first digit is zero only if it is the only one.
    #[inline(always)]
    fn integer(&mut self) -> Option<u64> {
        let (value, count) = digits::leading(self.rest);
        let padded = count > 1 && self.peek() == Some(b'0');
        if count == 0 || count > DIGITS_MAX || padded {
            return None;
        }
        self.pass(count);
        Some(value)
    }

    /// A decimal that is not a plain one in quotes.
    #[inline(never)]
    fn other_decimal(&mut self) -> Option<Decimal> {
        let quoted = self.take(b'"');
        let (decimal, len) = match Decimal::leading(self.rest) {
            Some((decimal, len)) => (Ok(decimal), len),
            None => long_number(self.rest),
        };
        self.pass(len);
        let closed = if quoted { self.take(b'"') } else { !matches!(self.peek(), Some(b'.' | b'e' | b'E')) };
        decimal.ok().filter(|_| closed)
    }

    /// A number that a double does not hold exactly, or that is no number.
    #[cold]
    fn long_rounded(&mut self) -> Result<Decimal, Wrong> {
        let (decimal, len) = long_number(self.rest);
        let number = self.rest.get(..len).unwrap_or(&[]);
        self.pass(len);
        let integer = !number.iter().any(|byte| b".eE".contains(byte));
        match decimal {
            Ok(decimal) if integer || decimal.mantissa().unsigned_abs() < MANTISSA_EXACT => Ok(decimal),
            Ok(_) | Err(DecimalError::OutOfRange) => {
                let double = str::from_utf8(number).ok().and_then(|number| number.parse().ok());
                double.filter(|double: &f64| double.is_finite()).and_then(Decimal::nearest).ok_or(ASIDE)
            }
            Err(DecimalError::Syntax) => Err(ASIDE),
        }
    }

    /// The action of a change in a word that is not known, up to and with the comma.
    #[cold]
    fn other_action(&mut self) -> Result<Action, Wrong> {
        if !self.take(b'[') {
            return Err(ASIDE);
        }
        let action = Action::of(self.text()?);
        if self.take(b',') { Ok(action) } else { Err(ASIDE) }
    }

    /// Price, quantity and whatever follows, up to and with the bracket.
    #[inline(never)]
    fn row_end(&mut self) -> Result<Level, Wrong> {
        let price = self.decimal()?;
        if !self.take(b',') {
            return Err(ASIDE);
        }
        let quantity = self.decimal()?;
        while !self.take(b']') {
            if !self.take(b',') {
                return Err(ASIDE);
            }
            self.skip()?;
        }
        row([Some(price), Some(quantity)])
    }

    /// Keys that are not known, up to and with the closing brace.
    #[inline(never)]
    fn unknown(&mut self, first: bool, is_known: impl Fn(&str) -> bool) -> bool {
        let mut comma = !first;
        loop {
            if comma && !self.take(b',') {
                return self.take(b'}');
            }
            comma = true;
            let Ok(key) = self.text() else { return false };
            if is_known(key) || !self.take(b':') || self.skip().is_err() {
                return false;
            }
        }
    }

    fn skip_number(&mut self) -> Option<()> {
        let negative = self.take(b'-');
        let (value, count) = digits::leading(self.rest);
        let padded = count > 1 && self.peek() == Some(b'0');
        // The library refuses integers beyond 64 bits; longer numbers are left to it.
        let beyond = count > DIGITS_MAX || (negative && i64::try_from(value).is_err());
        if count == 0 || beyond || padded {
            return None;
        }
        self.pass(count);
        if self.take(b'.') {
            let (_, count) = digits::leading(self.rest);
            if count == 0 {
                return None;
            }
            self.pass(count);
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            let (_, count) = digits::leading(self.rest);
            // Long exponents are left to the library too: it refuses those beyond its range.
            if !(1..=2).contains(&count) {
                return None;
            }
            self.pass(count);
        }
        Some(())
    }

    fn skip_value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => {
                self.take(b'"');
                self.string().map(drop)
            }
            b'-' | b'0'..=b'9' => self.skip_number(),
            b't' => self.literal(b"true").then_some(()),
            b'f' => self.literal(b"false").then_some(()),
            b'n' => self.literal(b"null").then_some(()),
            b'[' if depth > 0 => self.skip_all(b'[', b']', |cursor| cursor.skip_value(depth - 1)),
            b'{' if depth > 0 => self.skip_all(b'{', b'}', |cursor| {
                let key = cursor.take(b'"') && cursor.string().is_some() && cursor.take(b':');
                if key { cursor.skip_value(depth - 1) } else { None }
            }),
            _ => None,
        }
    }

    fn skip_all(&mut self, open: u8, close: u8, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if !self.take(open) {
            return None;
        }
        if self.take(close) {
            return Some(());
        }
        loop {
            one(self)?;
            if !self.take(b',') {
                return self.take(close).then_some(());
            }
        }
    }
}

impl<'a, 's> Compact<'a, 's> for Cursor<'a, 's> {
    #[inline(always)]
    fn take(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, behind)) if *first == byte => {
                self.rest = behind;
                true
            }
            _ => false,
        }
    }

    #[inline(always)]
    fn literal(&mut self, text: &[u8]) -> bool {
        match self.rest.strip_prefix(text) {
            Some(behind) => {
                self.rest = behind;
                true
            }
            None => false,
        }
    }

    #[inline(always)]
    fn key(&mut self, key: &'static [u8], first: bool) -> bool {
        match key {
            [_, bare @ ..] if first => self.literal(bare),
            _ => self.literal(key),
        }
    }

    #[inline(always)]
    fn trailing(&mut self, first: bool, is_known: impl Fn(&str) -> bool) -> bool {
        !self.only_known_keys && self.apart(|cursor| cursor.unknown(first, is_known))
    }
}

/// A row `["price","quantity"]` of plain numbers and nothing else, and the rest of the text.
#[inline(always)]
fn plain_row(text: &[u8]) -> Option<(Level, &[u8])> {
    let text = text.strip_prefix(b"[\"")?;
    let (price, len) = Decimal::plain(text)?;
    let text = text.get(len..)?.strip_prefix(b"\",\"")?;
    let (quantity, len) = Decimal::plain(text)?;
    Some((Level { price, quantity }, text.get(len..)?.strip_prefix(b"\"]")?))
}

/// The end `price,quantity]` of a row and nothing else, and the rest of the text.
#[inline(always)]
fn short_row_end(text: &[u8]) -> Option<(Level, &[u8])> {
    let (price, len) = Decimal::leading(text)?;
    let text = text.get(len..)?.strip_prefix(b",")?;
    let (quantity, len) = Decimal::leading(text)?;
    Some((Level { price, quantity }, text.get(len..)?.strip_prefix(b"]")?))
}

/// The number at the front of a text, of whatever length, and its length.
fn long_number(text: &[u8]) -> (Result<Decimal, DecimalError>, usize) {
    let part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let len = text.iter().take_while(|byte| part(byte)).count();
    (Decimal::parse(text.get(..len).unwrap_or(&[])), len)
}

impl<'a, 's> Source<'a, 's> for Cursor<'a, 's> {
    #[inline(always)]
    fn kind(&self) -> Kind {
        match self.peek() {
            Some(b'"') => Kind::Text,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    #[inline(always)]
    fn text(&mut self) -> Result<&'a str, Wrong> {
        if self.take(b'"') { self.string().ok_or(ASIDE) } else { Err(ASIDE) }
    }

    #[inline(always)]
    fn unsigned(&mut self) -> Result<u64, Wrong> {
        let value = self.integer().ok_or(ASIDE)?;
        // A fraction or an exponent behind it are the library's.
        if matches!(self.peek(), Some(b',' | b'}' | b']')) { Ok(value) } else { Err(ASIDE) }
    }

    #[inline(always)]
    fn signed(&mut self) -> Result<i64, Wrong> {
        let negative = self.take(b'-');
        let value = i64::try_from(self.unsigned()?).map_err(|_| ASIDE)?;
        Ok(if negative { -value } else { value })
    }

    #[inline(always)]
    fn boolean(&mut self) -> Result<bool, Wrong> {
        if self.literal(b"true") {
            Ok(true)
        } else if self.literal(b"false") {
            Ok(false)
        } else {
            Err(ASIDE)
        }
    }

    #[inline(always)]
    fn decimal(&mut self) -> Result<Decimal, Wrong> {
        if let Some(text) = self.rest.strip_prefix(b"\"")
            && let Some((decimal, len)) = Decimal::plain(text)
            && let Some([b'"', behind @ ..]) = text.get(len..)
        {
            self.rest = behind;
            return Ok(decimal);
        }
        self.apart(Self::other_decimal).ok_or(ASIDE)
    }

    #[inline(always)]
    fn rounded(&mut self) -> Result<Decimal, Wrong> {
        match Decimal::leading(self.rest) {
            Some((decimal, len)) if decimal.mantissa().unsigned_abs() < MANTISSA_EXACT => {
                self.pass(len);
                Ok(decimal)
            }
            _ => self.apart(Self::long_rounded),
        }
    }

    #[inline]
    fn object(&mut self, mut each: impl FnMut(&'a str, &mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        if !self.take(b'{') {
            return Err(ASIDE);
        }
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.text()?;
            if !self.take(b':') {
                return Err(ASIDE);
            }
            each(key, self)?;
            if !self.take(b',') {
                return if self.take(b'}') { Ok(()) } else { Err(ASIDE) };
            }
        }
    }

    #[inline(always)]
    fn array(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        // A copy stays in registers.
        let mut ahead = *self;
        if !ahead.take(b'[') {
            return Err(ASIDE);
        }
        if !ahead.take(b']') {
            loop {
                each(&mut ahead)?;
                if !ahead.take(b',') {
                    break;
                }
            }
            if !ahead.take(b']') {
                return Err(ASIDE);
            }
        }
        *self = ahead;
        Ok(())
    }

    #[inline(always)]
    fn skip(&mut self) -> Result<(), Wrong> {
        self.apart(|cursor| cursor.skip_value(DEPTH_MAX)).ok_or(ASIDE)
    }

    #[inline]
    fn record<T: Record<'a>>(&mut self) -> Result<T, Wrong> {
        if self.only_any_order {
            return T::read_any(self);
        }
        let mut ahead = *self;
        if ahead.take(b'{')
            && let Some(record) = T::read_fixed(&mut ahead, true)
        {
            *self = ahead;
            return Ok(record);
        }
        T::read_any(self)
    }

    fn arena(&self) -> &'s Arena {
        self.arena
    }

    #[inline(never)]
    fn level(&mut self) -> Result<Level, Wrong> {
        if !self.take(b'[') {
            return Err(ASIDE);
        }
        self.row_end()
    }

    #[inline]
    fn levels(&mut self, levels: &mut Vec<Level>) -> Result<(), Wrong> {
        if !self.take(b'[') {
            return Err(ASIDE);
        }
        if self.take(b']') {
            return Ok(());
        }
        // A copy stays in a register.
        let mut rest = self.rest;
        loop {
            if let Some((level, behind)) = plain_row(rest) {
                levels.push(level);
                rest = behind;
            } else {
                self.rest = rest;
                levels.push(self.apart(Self::level)?);
                rest = self.rest;
            }
            match rest.split_first() {
                Some((b',', behind)) => rest = behind,
                Some((b']', behind)) => {
                    self.rest = behind;
                    return Ok(());
                }
                _ => return Err(ASIDE),
            }
        }
    }

    #[inline(always)]
    fn change(&mut self) -> Result<(Action, Level), Wrong> {
        let action = if self.literal(b"[\"change\",") {
            Action::Change
        } else if self.literal(b"[\"delete\",") {
            Action::Delete
        } else if self.literal(b"[\"new\",") {
            Action::New
        } else {
            self.apart(Self::other_action)?
        };
        let level = match short_row_end(self.rest) {
            // The quantity cannot be below zero.
            Some((level, behind)) if level.quantity.mantissa() >= 0 => {
                self.rest = behind;
                level
            }
            _ => self.apart(Self::row_end)?,
        };
        Ok((action, action.level(level)))
    }
}
