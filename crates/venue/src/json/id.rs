//! The id of a request.

use super::source::{Field, Kind, Source, Wrong};

/// The id of a request, as the venue gives it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id<'a> {
    /// Null, or left out, as where the request could not be read.
    None,
    /// A number.
    Number(i64),
    /// A string.
    Text(&'a str),
}

impl<'a> Field<'a> for Id<'a> {
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        match source.kind() {
            Kind::Null => source.skip().map(|()| Self::None),
            Kind::Text => source.text().map(Self::Text),
            _ => source.signed().map(Self::Number),
        }
    }

    fn missing() -> Option<Self> {
        Some(Self::None)
    }
}
