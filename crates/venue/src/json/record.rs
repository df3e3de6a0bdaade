//! Records: objects with known keys.

use super::source::Wrong;

/// Reads a value into its slot; a key that comes twice is wrong.
#[inline(always)]
pub(crate) fn fill<T>(slot: &mut Option<T>, value: Result<T, Wrong>, what: Wrong) -> Result<(), Wrong> {
    match value {
        Ok(value) if slot.is_none() => {
            *slot = Some(value);
            Ok(())
        }
        _ => Err(what),
    }
}

/// Defines a struct that is read from an object.
///
/// A field is `"key" name: type`, or `"key" name: type = reader` where the type alone does not say how it is
/// read. The fixed order that is tried is that of the fields, or if there are `order` lines those; `[name]` is a
/// field that may come there already, and a text is one that may stand there. A field that may be missing (`Field::missing`) may be missing in a fixed
/// order too, and keys that are not known may follow it.
macro_rules! record {
    (
        @define $fields:tt ($($ordered:tt)*)
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<$life:lifetime>)? {
            $( $(#[$doc:meta])* $key:literal $field:ident : $ty:ty $(= $how:path)? ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis struct $name $(<$life>)? {
            $( $(#[$doc])* pub $field: $ty, )+
        }

        const _: () = {
            use $crate::json::{Compact, Field, Record, Source, Wrong};

            struct Key;
            struct Read;

            #[allow(non_upper_case_globals)]
            impl Key {
                $( const $field: &'static [u8] = concat!(",\"", $key, "\":").as_bytes(); )+
            }

            impl Read {
                $(
                    #[inline(always)]
                    fn $field<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<$ty, Wrong> {
                        $crate::json::record!(@how source, $($how)?)
                    }
                )+
            }

            impl<'a> Record<'a> for $crate::json::record!(@name $name $($life)?) {
                #[inline(always)]
                fn read_fixed<'s, C: Compact<'a, 's>>(cursor: &mut C, opened: bool) -> Option<Self> {
                    $crate::json::record!(@orders cursor, opened, $fields { $($field)+ } $($ordered)*);
                    None
                }

                fn read_any<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
                    $( let mut $field: Option<$ty> = None; )+
                    source.object(|key, source| match key {
                        $( $key => $crate::json::fill(
                            &mut $field,
                            Read::$field(source),
                            concat!(stringify!($name), " \"", $key, "\""),
                        ), )+
                        _ => source.skip(),
                    })?;
                    Ok(Self {
                        $( $field: match $field.or_else(<$ty as Field<'a>>::missing) {
                            Some(value) => value,
                            None => return Err(concat!(stringify!($name), " without \"", $key, "\"")),
                        }, )+
                    })
                }
            }

            impl<'a> Field<'a> for $crate::json::record!(@name $name $($life)?) {
                #[inline(always)]
                fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
                    source.record()
                }
            }
        };
    };
    (@orders $cursor:ident, $opened:ident, $fields:tt $declared:tt) => {
        $crate::json::record!(@fixed $cursor, $opened, $fields $declared);
    };
    (@orders $cursor:ident, $opened:ident, $fields:tt $declared:tt $($ordered:tt)+) => {
        $( $crate::json::record!(@fixed $cursor, $opened, $fields $ordered); )+
    };
    (@step $ahead:ident $first:ident $whole:ident $text:literal) => {
        if $whole {
            $ahead.literal(concat!(",", $text).as_bytes());
        }
    };
    (@step $ahead:ident $first:ident $whole:ident [$field:ident]) => {
        if $whole && $ahead.key(Key::$field, $first) {
            $first = false;
            $field = Read::$field(&mut $ahead).ok();
            $whole = $field.is_some();
        }
    };
    (@step $ahead:ident $first:ident $whole:ident $field:ident) => {
        if $whole && $field.is_none() {
            if $ahead.key(Key::$field, $first) {
                $first = false;
                $field = Read::$field(&mut $ahead).ok();
            } else {
                $field = Field::missing();
            }
            $whole = $field.is_some();
        }
    };
    (@name $name:ident $life:lifetime) => { $name<'a> };
    (@name $name:ident) => { $name };
    (@how $source:ident, $how:path) => { $how($source) };
    (@how $source:ident,) => { Field::read($source) };
    (
        @fixed $cursor:ident, $opened:ident,
        { $( $(#[$doc:meta])* $key:literal $field:ident : $ty:ty $(= $how:path)? ),+ $(,)? }
        { $($ordered:tt)+ }
    ) => {
        let mut ahead = *$cursor;
        let mut first = $opened;
        // A field that this order leaves out is not assigned.
        $( #[allow(unused_mut)] let mut $field: Option<$ty> = None; )+
        let mut whole = true;
        $( $crate::json::record!(@step ahead first whole $ordered); )+
        if whole && (ahead.take(b'}') || ahead.trailing(first, |key| matches!(key, $($key)|+))) {
            if let ($(Some($field),)+) = ($($field.or_else(Field::missing),)+) {
                *$cursor = ahead;
                return Some(Self { $($field),+ });
            }
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<$life:lifetime>)? { $($fields:tt)+ }
        $( order { $($ordered:tt)+ } )*
    ) => {
        $crate::json::record! {
            @define { $($fields)+ } ($( { $($ordered)+ } )*)
            $(#[$meta])* $vis struct $name $(<$life>)? { $($fields)+ }
        }
    };
}
pub(crate) use record;
