//! The message in progress: which frames may come next (RFC 6455 5.4), what they add up to, where they lie.

use crate::error::{Error, Exceeded, Violation};
use crate::header::{Header, Opcode};
use crate::limits::Limits;
use crate::message::Kind;
use crate::utf8::Utf8;
use std::ops::Range;
use std::slice;

/// Room for the fragments of usual messages, kept for good; more is given back after the message.
const SPANS_KEPT: usize = 1024;

pub(crate) struct Assembly {
    stage: Stage,
    /// The kind of the message, if there is one.
    kind: Kind,
    /// Its payload so far, in bytes.
    bytes: u64,
    /// Where its fragments lie in the inbox, and where its only one does.
    spans: Vec<Range<usize>>,
    single: Range<usize>,
    utf8: Utf8,
    /// It is compressed: its fragments lie in the inflated bytes, not in the inbox.
    compressed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No message.
    Idle,
    /// A whole message in one plain frame; it goes with the next release.
    Single,
    /// Another whole message.
    Whole,
    /// A whole message that was compressed.
    Inflated,
    /// A message whose last frame is still to come.
    Begun,
}

/// What comes behind the plain frames that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The message is whole.
    Message,
    /// The rest of a frame that is still to arrive.
    Bytes { missing: usize },
    /// Something else, a fault perhaps.
    Other,
}

impl Assembly {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Idle,
            kind: Kind::Binary,
            bytes: 0,
            spans: Vec::new(),
            single: 0..0,
            utf8: Utf8::default(),
            compressed: false,
        }
    }

    /// Lets a message that was handed out go. True when no message is in progress either.
    #[inline]
    pub(crate) fn release(&mut self) -> bool {
        match self.stage {
            Stage::Begun => return false,
            Stage::Idle => {}
            // Behind a single one there may be what it took the place of.
            Stage::Single | Stage::Whole | Stage::Inflated => {
                self.compressed = false;
                self.bytes = 0;
                self.spans.clear();
                if self.spans.capacity() > SPANS_KEPT {
                    self.spans.shrink_to(SPANS_KEPT);
                }
            }
        }
        self.stage = Stage::Idle;
        true
    }

    /// Whether nothing that is still wanted would be lost with [`single`](Self::single).
    #[inline]
    pub(crate) fn is_free(&self) -> bool {
        matches!(self.stage, Stage::Idle | Stage::Single | Stage::Whole)
    }

    /// Takes a whole message of one plain frame that was checked, in place of one that was handed out.
    #[inline]
    pub(crate) fn single(&mut self, kind: Kind, span: Range<usize>) {
        self.stage = Stage::Single;
        self.kind = kind;
        self.single = span;
    }

    /// Checks a data frame by its header alone and tells the kind of its message. Changes nothing, so that it may be
    /// asked again while the frame arrives.
    #[inline]
    pub(crate) fn admit(&self, header: &Header, limits: &Limits) -> Result<Kind, Error> {
        let kind = match (header.opcode, self.stage) {
            (Opcode::Continuation, Stage::Begun) => self.kind,
            (Opcode::Continuation, _) => return Err(Violation::UnexpectedContinuation.into()),
            (_, Stage::Begun) => return Err(Violation::ExpectedContinuation.into()),
            (Opcode::Text, _) => Kind::Text,
            _ => Kind::Binary,
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

    /// Takes plain frames from the front of `bytes`, which lie at `position` in the inbox, to the end of a message at most;
    /// how many bytes, and what comes next. Of a frame that is not whole it checks what is new, and moves `arrived` on.
    pub(crate) fn plain_frames(
        &mut self,
        bytes: &[u8],
        position: usize,
        arrived: &mut usize,
        limits: &Limits,
    ) -> Result<(usize, Next), Violation> {
        let mut rest = bytes;
        let mut next = Next::Other;
        while let Some((first, size, len)) = plain_header(rest) {
            let kind = match (first & 0x7F, self.stage) {
                (0x0, Stage::Begun) => self.kind,
                (0x0, _) | (_, Stage::Begun) => break,
                (0x1, _) => Kind::Text,
                (0x2, _) => Kind::Binary,
                _ => break,
            };
            if len > limits.frame_bytes_max
                || self.bytes + len as u64 > limits.message_bytes_max as u64
                || self.spans.len() >= limits.fragments_max
            {
                break;
            }
            let Some((frame, after)) = rest.split_at_checked(size + len) else {
                let payload = rest.get(size..).unwrap_or_default();
                if kind == Kind::Text {
                    self.utf8.push(payload.get(*arrived..).unwrap_or_default())?;
                }
                *arrived = payload.len();
                next = Next::Bytes { missing: len - payload.len() };
                break;
            };
            if kind == Kind::Text {
                self.utf8.push(frame.get(size + *arrived..).unwrap_or_default())?;
            }
            *arrived = 0;
            let end = position + bytes.len() - after.len();
            rest = after;
            if self.push(kind, end - len..end, first & 0x80 != 0)? {
                next = Next::Message;
                break;
            }
        }
        Ok((bytes.len() - rest.len(), next))
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

    /// Checks text as it arrives.
    #[inline]
    pub(crate) fn text(&mut self, piece: &[u8]) -> Result<(), Violation> {
        self.utf8.push(piece)
    }

    /// Takes a frame that is whole and admitted. True when its message is whole, too.
    #[inline]
    pub(crate) fn push(&mut self, kind: Kind, span: Range<usize>, fin: bool) -> Result<bool, Violation> {
        self.kind = kind;
        self.bytes += span.len() as u64;
        self.spans.push(span);
        if fin && kind == Kind::Text {
            self.utf8.finish()?;
        }
        self.stage = match (fin, self.compressed) {
            (false, _) => Stage::Begun,
            (true, false) => Stage::Whole,
            (true, true) => Stage::Inflated,
        };
        Ok(fin)
    }

    /// The whole message, if it is one plain frame.
    #[inline]
    pub(crate) fn single_message(&self) -> Option<(Kind, &[Range<usize>])> {
        if self.stage == Stage::Single { Some((self.kind, slice::from_ref(&self.single))) } else { None }
    }

    /// The whole message: its kind and where its fragments lie.
    #[inline]
    pub(crate) fn message(&self) -> Option<(Kind, &[Range<usize>])> {
        match self.stage {
            Stage::Single => Some((self.kind, slice::from_ref(&self.single))),
            Stage::Whole | Stage::Inflated => Some((self.kind, &self.spans)),
            Stage::Idle | Stage::Begun => None,
        }
    }

    /// Replaces the fragments of the whole message by the one range they were joined into.
    pub(crate) fn joined(&mut self, span: Range<usize>) {
        self.spans.clear();
        self.spans.push(span);
    }

    /// Whether fragments of an unfinished message are held.
    pub(crate) fn in_message(&self) -> bool {
        self.stage == Stage::Begun
    }

    /// The fragments that lie in the inbox and are still wanted.
    pub(crate) fn spans_mut(&mut self) -> &mut [Range<usize>] {
        if self.compressed { &mut [] } else { &mut self.spans }
    }
}

/// The first byte of an unmasked frame, the length of its header and that of its payload.
#[inline]
fn plain_header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    // RFC 6455 5.2: the minimal number of bytes must be used.
    match *bytes {
        [first, len @ 0..=125, ..] => Some((first, 2, usize::from(len))),
        [first, 126, high, low, ..] if high > 0 || low >= 126 => {
            Some((first, 4, usize::from(u16::from_be_bytes([high, low]))))
        }
        [first, 127, 0, 0, 0, 0, a, b, c, d, ..] if a > 0 || b > 0 => {
            Some((first, 10, u32::from_be_bytes([a, b, c, d]) as usize))
        }
        _ => None,
    }
}
