//! The three ways, as users see them.

/// A way in which a text may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// In an order of keys that the venue is known to send.
    Fixed,
    /// In any order of keys.
    AnyOrder,
    /// By the JSON library.
    Library,
}

/// How texts were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// In an order of keys that the venue is known to send.
    pub fixed: u64,
    /// In any order of keys.
    pub any_order: u64,
    /// By the JSON library: texts with escapes, white space, or something wrong.
    pub library: u64,
}

impl Ways {
    pub(crate) fn count(&mut self, way: Way) {
        match way {
            Way::Fixed => self.fixed += 1,
            Way::AnyOrder => self.any_order += 1,
            Way::Library => self.library += 1,
        }
    }
}
