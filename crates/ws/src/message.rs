//! What is handed out: whole messages as slices of the receive buffer.

use std::ops::Range;

/// Text or binary, RFC 6455 5.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text, already checked.
    Text,
    /// Bytes.
    Binary,
}

/// A whole message, one slice for each frame it came in, borrowed from the connection's receive buffer or, if it came
/// compressed, from the buffer that it was inflated into.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    kind: Kind,
    first: &'a [u8],
    /// Where the further fragments lie in `buf`.
    further: &'a [Range<usize>],
    buf: &'a [u8],
}

impl<'a> Message<'a> {
    /// A message of at least one fragment.
    #[inline]
    pub(crate) fn new(kind: Kind, buf: &'a [u8], spans: &'a [Range<usize>]) -> Option<Self> {
        let (first, further) = spans.split_first()?;
        Some(Self { kind, first: buf.get(first.clone())?, further, buf })
    }

    /// Text or binary.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The payloads of its frames, in order; at least one, any of them may be empty. A code point of a text may be
    /// split between two of them.
    #[inline]
    #[must_use]
    pub fn fragments(&self) -> Fragments<'a> {
        Fragments { first: Some(self.first), further: self.further.iter(), buf: self.buf }
    }

    /// Payload length over all fragments, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first.len() + self.further.iter().map(ExactSizeIterator::len).sum::<usize>()
    }

    /// Whether there is no payload.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The payload, if the message came in a single frame.
    #[inline]
    #[must_use]
    pub fn single(&self) -> Option<&'a [u8]> {
        if self.further.is_empty() { Some(self.first) } else { None }
    }
}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("kind", &self.kind)
            .field("fragments", &self.fragments().len())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The fragments of a [`Message`].
#[derive(Debug, Clone)]
pub struct Fragments<'a> {
    first: Option<&'a [u8]>,
    further: std::slice::Iter<'a, Range<usize>>,
    buf: &'a [u8],
}

impl<'a> Iterator for Fragments<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        match self.first.take() {
            None => self.buf.get(self.further.next()?.clone()),
            first => first,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = usize::from(self.first.is_some()) + self.further.len();
        (count, Some(count))
    }
}

impl ExactSizeIterator for Fragments<'_> {}

/// A whole message as one contiguous slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a> {
    /// Text or binary.
    pub kind: Kind,
    /// The payload; valid UTF-8 when the kind is text.
    pub bytes: &'a [u8],
}

impl<'a> Payload<'a> {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Text => std::str::from_utf8(self.bytes).ok(),
            Kind::Binary => None,
        }
    }
}

/// A part of a message that is handed out as it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Text or binary, the same for each part of a message.
    pub kind: Kind,
    /// Its bytes, none perhaps. Those of a text are UTF-8, but a code point may be split between two parts.
    pub bytes: &'a [u8],
    /// Whether the message ends with it.
    pub is_last: bool,
}
