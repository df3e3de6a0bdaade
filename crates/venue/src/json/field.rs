//! Types that a field of a record can have.

use super::{
    arena::{Changes, Rows},
    names::List,
    source::{Field, Kind, Source, Wrong},
};
use crate::decimal::Decimal;

impl<'a> Field<'a> for u64 {
    #[inline(always)]
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        source.unsigned()
    }
}

impl<'a> Field<'a> for i64 {
    #[inline(always)]
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        source.signed()
    }
}

impl<'a> Field<'a> for bool {
    #[inline(always)]
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        source.boolean()
    }
}

impl<'a> Field<'a> for &'a str {
    #[inline(always)]
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        source.text()
    }
}

impl<'a> Field<'a> for Decimal {
    #[inline(always)]
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        source.decimal()
    }
}

/// A key that may be missing, or null.
impl<'a, T: Field<'a>> Field<'a> for Option<T> {
    #[inline(always)]
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        if source.kind() == Kind::Null {
            return source.skip().map(|()| None);
        }
        T::read(source).map(Some)
    }

    #[inline(always)]
    fn missing() -> Option<Self> {
        Some(None)
    }
}

/// A time as nanoseconds: 16 digits are microseconds, 13 digits milliseconds.
#[inline(always)]
pub(crate) fn time<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<u64, Wrong> {
    const MICROSECONDS_FROM: u64 = 100_000_000_000_000;
    let ticks = source.unsigned()?;
    let unit = if ticks < MICROSECONDS_FROM { 1_000_000 } else { 1_000 };
    ticks.checked_mul(unit).ok_or("a time")
}

/// A time that may be null.
#[inline(always)]
pub(crate) fn maybe_time<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Option<u64>, Wrong> {
    if source.kind() == Kind::Null {
        return source.skip().map(|()| None);
    }
    time(source).map(Some)
}

/// A decimal that is not below zero.
#[inline(always)]
pub(crate) fn size<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Decimal, Wrong> {
    let size = source.decimal()?;
    if size.mantissa() < 0 { Err("a size below zero") } else { Ok(size) }
}

/// A figure that the venue computed ([`Source::rounded`]), and that may be null.
#[inline(always)]
pub(crate) fn maybe_rounded<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Option<Decimal>, Wrong> {
    if source.kind() == Kind::Null {
        return source.skip().map(|()| None);
    }
    source.rounded().map(Some)
}

/// A list of strings; `None` for an array of something else.
pub(crate) fn list<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Option<List>, Wrong> {
    let mut texts = source.arena().fill_texts();
    let before = texts.place();
    let mut all = true;
    source.array(|element| {
        if element.kind() != Kind::Text {
            all = false;
            return element.skip();
        }
        texts.push(element.text()?);
        Ok(())
    })?;
    Ok(all.then(|| texts.since(before)))
}

/// Rows of `[price, quantity, …]`; whatever follows the quantity is left out.
impl<'a> Field<'a> for Rows {
    #[inline]
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        let mut levels = source.arena().fill();
        let from = levels.len();
        source.levels(&mut levels)?;
        Ok(Self::new(from, levels.len()))
    }
}

/// Rows of `[action, price, quantity]`.
impl<'a> Field<'a> for Changes {
    #[inline]
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        let arena = source.arena();
        let (mut levels, mut actions) = (arena.fill(), arena.fill_actions());
        let (from, actions_from) = (levels.len(), actions.len());
        source.array(|source| {
            let (action, level) = source.change()?;
            levels.push(level);
            actions.push(action);
            Ok(())
        })?;
        Ok(Self::new(Rows::new(from, levels.len()), Rows::new(actions_from, actions.len())))
    }
}
