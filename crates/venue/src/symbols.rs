//! The names of instruments, and their numbers.

use rustc_hash::FxHashMap;

use crate::event::Instrument;

/// Names that are kept; more than any venue lists.
const NAMES_MAX: usize = 1 << 17;

/// Bytes of a name; more than any venue's has.
const NAME_BYTES_MAX: usize = 128;

/// Names in the order in which they became known.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    names: Vec<Box<str>>,
    /// The hash is made for speed, not against chosen names; the bound on names bounds what they can cost.
    index: FxHashMap<Box<str>, u32>,
}

impl Symbols {
    /// The number of a name.
    #[inline]
    pub(crate) fn find(&self, name: &str) -> Option<Instrument> {
        self.index.get(name).copied().map(Instrument)
    }

    /// The number of a name, which gets one if it has none. `None` when there are too many, or it
    /// is too long.
    pub(crate) fn intern(&mut self, name: &str) -> Option<Instrument> {
        if let Some(known) = self.find(name) {
            return Some(known);
        }
        if name.len() > NAME_BYTES_MAX {
            return None;
        }
        let number = u32::try_from(self.names.len()).ok().filter(|_| self.names.len() < NAMES_MAX)?;
        self.names.push(name.into());
        self.index.insert(name.into(), number);
        Some(Instrument(number))
    }

    /// Another spelling of a name.
    pub(crate) fn alias(&mut self, instrument: Instrument, spelling: &str) {
        self.index.insert(spelling.into(), instrument.0);
    }

    pub(crate) fn name(&self, instrument: Instrument) -> Option<&str> {
        self.names.get(at(instrument)).map(AsRef::as_ref)
    }

    pub(crate) fn count(&self) -> u32 {
        // At most `NAMES_MAX`.
        u32::try_from(self.names.len()).unwrap_or(u32::MAX)
    }
}

/// The place of an instrument in a list of all.
pub(crate) fn at(instrument: Instrument) -> usize {
    // An index that does not fit is beyond every list.
    usize::try_from(instrument.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_too_long_gets_no_number() {
        let mut symbols = Symbols::default();
        assert_eq!(symbols.intern(&"A".repeat(129)), None);
        assert_eq!(symbols.count(), 0);
        assert_eq!(symbols.intern(&"A".repeat(128)), Some(Instrument(0)));
    }
}
