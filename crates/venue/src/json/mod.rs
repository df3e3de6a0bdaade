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

mod arena;
mod cursor;
mod field;
mod id;
mod library;
mod names;
mod record;
mod source;
mod strings;
mod way;

pub use arena::Action;
pub(crate) use arena::{Arena, Changes, Rows};
pub(crate) use cursor::Cursor;
pub(crate) use field::{list, maybe_rounded, maybe_time, size, time};
pub use id::Id;
pub(crate) use library::Library;
pub(crate) use names::List;
pub use names::Names;
pub(crate) use record::{fill, record};
pub(crate) use source::{Compact, Field, Kind, Record, Source, Wrong};
pub use way::{Way, Ways};
