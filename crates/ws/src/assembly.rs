//! The message in progress: which frames may come next (RFC 6455 5.4), what they add up to, where they lie.

use crate::error::{Error, Exceeded, Violation};
use crate::header::{Header, Opcode};
use crate::limits::Limits;
use crate::message::Kind;
use crate::utf8::Utf8;
use std::ops::Range;

/// Room for the fragments of usual messages, kept for good; more is given back after the message.
const SPANS_KEPT: usize = 1024;

pub(crate) struct Assembly {
    /// The kind of the message in progress or handed out.
    kind: Option<Kind>,
    /// Its payload so far, in bytes.
    bytes: u64,
    /// Where its fragments lie in the inbox.
    spans: Vec<Range<usize>>,
    utf8: Utf8,
    /// It is compressed: its fragments lie in the inflated bytes, not in the inbox.
    compressed: bool,
    /// The message has been handed out and goes with the next release.
    whole: bool,
}

impl Assembly {
    pub(crate) fn new() -> Self {
        Self {
            kind: None,
            bytes: 0,
            spans: Vec::with_capacity(64),
            utf8: Utf8::default(),
            compressed: false,
            whole: false,
        }
    }

    /// Lets a message that was handed out go. True when no message is in progress either.
    #[inline]
    pub(crate) fn release(&mut self) -> bool {
        if self.whole {
            self.whole = false;
            self.kind = None;
            self.compressed = false;
            self.bytes = 0;
            self.spans.clear();
            if self.spans.capacity() > SPANS_KEPT {
                self.spans.shrink_to(SPANS_KEPT);
            }
        }
        self.kind.is_none()
    }

    /// Checks a data frame by its header alone and tells the kind of its message. Changes nothing, so that it may be
    /// asked again while the frame arrives.
    #[inline]
    pub(crate) fn admit(&self, header: &Header, limits: &Limits) -> Result<Kind, Error> {
        let kind = match (header.opcode, self.kind) {
            (Opcode::Text, None) => Kind::Text,
            (Opcode::Binary, None) => Kind::Binary,
            (Opcode::Continuation, Some(kind)) => kind,
            (Opcode::Continuation, None) => return Err(Violation::UnexpectedContinuation.into()),
            _ => return Err(Violation::ExpectedContinuation.into()),
        };
        // Both are below 2^63: the header's by RFC 6455 5.2, the sum so far by the limit. What a compressed frame adds is
        // known when it is inflated.
        let bytes = if self.compressed || header.rsv != 0 { 0 } else { self.bytes + header.len };
        if header.len > limits.frame_bytes_max as u64 {
            return Err(Exceeded::Frame { bytes: header.len, max: limits.frame_bytes_max }.into());
        }
        if bytes > limits.message_bytes_max as u64 {
            return Err(Exceeded::Message { bytes, max: limits.message_bytes_max }.into());
        }
        if self.spans.len() >= limits.fragments_max {
            return Err(Exceeded::Fragments { max: limits.fragments_max }.into());
        }
        Ok(kind)
    }

    /// Whether the message in progress or handed out is compressed.
    #[inline]
    pub(crate) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// The message whose first frame is being taken is compressed.
    pub(crate) fn set_compressed(&mut self) {
        self.compressed = true;
    }

    /// Where the last fragment ends.
    pub(crate) fn end(&self) -> usize {
        self.spans.last().map_or(0, |span| span.end)
    }

    /// Whether the message is whole and was handed out.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Checks text as it arrives.
    #[inline]
    pub(crate) fn text(&mut self, piece: &[u8]) -> Result<(), Violation> {
        self.utf8.push(piece)
    }

    /// Takes a frame that is whole and admitted. True when its message is whole, too.
    #[inline]
    pub(crate) fn push(&mut self, kind: Kind, span: Range<usize>, fin: bool) -> Result<bool, Violation> {
        self.kind = Some(kind);
        self.bytes += span.len() as u64;
        self.spans.push(span);
        if fin {
            if kind == Kind::Text {
                self.utf8.finish()?;
            }
            self.whole = true;
        }
        Ok(fin)
    }

    /// Takes a message of a single frame, admitted and checked, when none is in progress.
    #[inline]
    pub(crate) fn push_whole(&mut self, kind: Kind, span: Range<usize>) {
        self.kind = Some(kind);
        self.spans.push(span);
        self.whole = true;
    }

    /// The whole message: its kind and where its fragments lie.
    #[inline]
    pub(crate) fn message(&self) -> Option<(Kind, &[Range<usize>])> {
        self.kind.filter(|_| self.whole).map(|kind| (kind, self.spans.as_slice()))
    }

    /// Replaces the fragments of the whole message by the one range they were joined into.
    pub(crate) fn joined(&mut self, span: Range<usize>) {
        self.spans.clear();
        self.spans.push(span);
    }

    /// Whether fragments of an unfinished message are held.
    #[inline]
    pub(crate) fn in_message(&self) -> bool {
        self.kind.is_some() && !self.whole
    }

    /// The fragments that lie in the inbox.
    pub(crate) fn spans_mut(&mut self) -> &mut [Range<usize>] {
        if self.compressed { &mut [] } else { &mut self.spans }
    }
}
