//! Lists of strings, in memory that is kept from one message to the next.

use std::fmt;

/// Bytes that are kept for the next message; more are given back.
const BYTES_KEPT: usize = 64 << 10;

/// Strings one behind another.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    text: String,
    ends: Vec<usize>,
}

/// A list of strings in [`Texts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct List {
    /// Where the text of the first begins.
    start: usize,
    from: usize,
    to: usize,
}

/// A list of strings that a message holds.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    text: &'a str,
    start: usize,
    ends: &'a [usize],
}

impl Texts {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        if self.text.capacity() > BYTES_KEPT {
            *self = Self::default();
        }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// Where the next list begins.
    pub(super) fn place(&self) -> List {
        List { start: self.text.len(), from: self.ends.len(), to: self.ends.len() }
    }

    /// What was put in since a place.
    pub(super) fn since(&self, place: List) -> List {
        List { to: self.ends.len(), ..place }
    }
}

impl List {
    /// The list in those of its arena.
    pub(crate) fn of(self, texts: &Texts) -> Names<'_> {
        let ends = texts.ends.get(self.from..self.to).unwrap_or(&[]);
        Names { text: &texts.text, start: self.start, ends }
    }
}

impl<'a> Names<'a> {
    /// The strings, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a str> {
        let Self { text, mut start, ends } = *self;
        ends.iter().map(move |end| {
            let from = std::mem::replace(&mut start, *end);
            text.get(from..*end).unwrap_or("")
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

impl PartialEq for Names<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Names<'_> {}

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
