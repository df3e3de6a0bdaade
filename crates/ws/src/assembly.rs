//! The message in progress: which frames may come next (RFC 6455 5.4), what they add up to, where they lie.

use crate::error::{Error, Exceeded, Violation};
use crate::header::{self, Header, Opcode};
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
    /// Where its fragments lie.
    spans: Vec<Range<usize>>,
    /// Where the fragment of a single one lies.
    single: Range<usize>,
    /// The frame whose payload is handed out in parts, and where the latest of them lies.
    open: Option<OpenFrame>,
    part: Range<usize>,
    /// What is still to come of the message in parts is not wanted.
    let_go: bool,
    /// How much of the payload of the frame at the front has been unmasked and checked.
    arrived: usize,
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
    /// The last part of a message was handed out.
    Ended,
    /// A message whose last frame is still to come.
    Begun,
    /// The same, but what has come of it was handed out in parts, and is not kept.
    InParts,
}

/// A frame whose header is done with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenFrame {
    pub(crate) fin: bool,
    pub(crate) mask: Option<[u8; 4]>,
    /// Bytes of its payload that were handed out, and that are still to come.
    pub(crate) done: usize,
    pub(crate) left: usize,
}

/// What comes next, behind the frames that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The message is whole.
    Message,
    /// Another frame, a fault perhaps.
    Frame,
    /// So many bytes of a frame that has begun to arrive.
    Bytes(usize),
}

impl Assembly {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Idle,
            kind: Kind::Binary,
            bytes: 0,
            spans: Vec::new(),
            single: 0..0,
            open: None,
            part: 0..0,
            let_go: false,
            arrived: 0,
            utf8: Utf8::default(),
            compressed: false,
        }
    }

    /// Lets a message or a part that was handed out go. True when no fragments are held either.
    #[inline]
    pub(crate) fn release(&mut self) -> bool {
        match self.stage {
            Stage::Begun => return false,
            Stage::InParts | Stage::Idle => return true,
            // Behind a single one there may be what it took the place of.
            Stage::Single | Stage::Whole | Stage::Inflated | Stage::Ended => {
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
        self.arrived == 0 && matches!(self.stage, Stage::Idle | Stage::Single | Stage::Whole)
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
    pub(crate) fn admit(&self, header: &Header, limits: &Limits) -> Result<Kind, Error> {
        let continues = self.stage == Stage::InParts && header.opcode == Opcode::Continuation;
        let kind = if continues { Some(self.kind) } else { self.kind_of(header.opcode as u8) };
        let Some(kind) = kind else {
            return Err(match header.opcode {
                Opcode::Continuation => Violation::UnexpectedContinuation.into(),
                _ => Violation::ExpectedContinuation.into(),
            });
        };
        // What a compressed frame adds is known when it is inflated.
        let compressed = self.compressed || header.rsv != 0;
        match self.exceeds(header.len, if compressed { 0 } else { header.len }, limits) {
            Some(exceeded) => Err(exceeded.into()),
            None => Ok(kind),
        }
    }

    /// The kind of the message that a frame with this opcode belongs to, if one may come now and be kept.
    #[inline]
    fn kind_of(&self, opcode: u8) -> Option<Kind> {
        match (opcode, self.stage) {
            (0x0, Stage::Begun) => Some(self.kind),
            (0x0, _) | (_, Stage::Begun | Stage::InParts) => None,
            (0x1, _) => Some(Kind::Text),
            (0x2, _) => Some(Kind::Binary),
            _ => None,
        }
    }

    /// What a frame of `len` bytes that adds `more` to its message would exceed.
    #[inline]
    fn exceeds(&self, len: u64, more: u64, limits: &Limits) -> Option<Exceeded> {
        // Both are below 2^63: a length by RFC 6455 5.2, the sum so far by the limit.
        let bytes = self.bytes + more;
        if len > limits.frame_bytes_max as u64 {
            Some(Exceeded::Frame { bytes: len, max: limits.frame_bytes_max })
        } else if bytes > limits.message_bytes_max as u64 {
            Some(Exceeded::Message { bytes, max: limits.message_bytes_max })
        } else if self.spans.len() >= limits.fragments_max {
            Some(Exceeded::Fragments { max: limits.fragments_max })
        } else {
            None
        }
    }

    /// Takes plain data frames from the front of `bytes`, which lie at `position` in the inbox, to the end of a message at
    /// most; how many bytes, and what comes next. Of a frame that is not whole it checks what is new.
    pub(crate) fn take_plain(
        &mut self,
        bytes: &[u8],
        position: usize,
        limits: &Limits,
    ) -> Result<(usize, Next), Violation> {
        let mut rest = bytes;
        let mut next = Next::Frame;
        while let Some((first, size, len)) = header::plain(rest)
            && let Some(kind) = self.kind_of(first & 0x7F)
            && self.exceeds(len as u64, len as u64, limits).is_none()
        {
            let Some((frame, after)) = rest.split_at_checked(size + len) else {
                let payload = rest.get(size..).unwrap_or_default();
                self.text_of(kind, payload)?;
                self.arrived = payload.len();
                next = Next::Bytes(len - payload.len());
                break;
            };
            self.text_of(kind, frame.get(size..).unwrap_or_default())?;
            let end = position + bytes.len() - after.len();
            rest = after;
            if self.push(kind, end - len..end, first & 0x80 != 0)? {
                next = Next::Message;
                break;
            }
        }
        Ok((bytes.len() - rest.len(), next))
    }

    /// Checks what is new of a payload, if it is text.
    #[inline]
    fn text_of(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Violation> {
        if kind == Kind::Binary {
            return Ok(());
        }
        self.utf8.push(payload.get(self.arrived..).unwrap_or_default())
    }

    /// Of the payload of the frame at the front, `available` bytes are here: which of them are new.
    pub(crate) fn arrive(&mut self, available: usize) -> Range<usize> {
        std::mem::replace(&mut self.arrived, available)..available
    }

    /// The frame at the front is done with.
    pub(crate) fn end_frame(&mut self) {
        self.arrived = 0;
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
    pub(crate) fn text(&mut self, piece: &[u8]) -> Result<(), Violation> {
        self.utf8.push(piece)
    }

    /// Takes a frame that is whole and admitted. True when its message is whole, too.
    #[inline]
    pub(crate) fn push(&mut self, kind: Kind, span: Range<usize>, fin: bool) -> Result<bool, Violation> {
        self.arrived = 0;
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

    /// The whole message, if it is any other: its kind and where its fragments lie.
    pub(crate) fn message(&self) -> Option<(Kind, &[Range<usize>])> {
        match self.stage {
            Stage::Whole | Stage::Inflated => Some((self.kind, &self.spans)),
            Stage::Idle | Stage::Single | Stage::Begun | Stage::InParts | Stage::Ended => None,
        }
    }

    /// Replaces the fragments of the whole message by the one range they were joined into.
    pub(crate) fn joined(&mut self, span: Range<usize>) {
        self.spans.clear();
        self.spans.push(span);
    }

    /// Whether a message has begun and not ended.
    pub(crate) fn in_message(&self) -> bool {
        matches!(self.stage, Stage::Begun | Stage::InParts)
    }

    /// Whether fragments of an unfinished message are held.
    pub(crate) fn holds_fragments(&self) -> bool {
        self.stage == Stage::Begun
    }

    /// Whether a message is being handed out in parts.
    pub(crate) fn is_in_parts(&self) -> bool {
        self.stage == Stage::InParts
    }

    /// What is still to come of a message in parts is not wanted.
    pub(crate) fn let_go(&mut self) {
        self.let_go = self.is_in_parts();
    }

    /// Whether a message in parts is not wanted any more.
    pub(crate) fn is_let_go(&self) -> bool {
        self.let_go
    }

    /// What came of the message in progress lies in `held`: that is its first part, and the rest follows in parts.
    pub(crate) fn begin_parts(&mut self, held: Range<usize>) {
        self.spans.clear();
        self.bytes = held.len() as u64;
        self.part = held;
        self.stage = Stage::InParts;
    }

    /// Begins an admitted frame whose payload is handed out in parts: how many bytes of it were unmasked and checked before.
    pub(crate) fn open(&mut self, kind: Kind, header: &Header) -> usize {
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        (self.kind, self.stage) = (kind, Stage::InParts);
        self.open = Some(OpenFrame { fin: header.fin, mask: header.mask, done: 0, left: len });
        std::mem::take(&mut self.arrived)
    }

    /// The frame whose payload is handed out in parts, and the kind of its message.
    pub(crate) fn open_frame(&self) -> Option<(Kind, OpenFrame)> {
        self.open.map(|frame| (self.kind, frame))
    }

    /// Takes the next part, out of the next `count` bytes of that frame. True when there is something to hand out: bytes, or
    /// the end of the frame.
    pub(crate) fn push_part(&mut self, count: usize, part: Range<usize>) -> Result<bool, Violation> {
        let Some(mut frame) = self.open.take() else { return Ok(false) };
        frame.done += count;
        frame.left -= count;
        self.bytes += part.len() as u64;
        self.part = part;
        if frame.left > 0 {
            self.open = Some(frame);
            return Ok(!self.part.is_empty());
        }
        if frame.fin {
            self.stage = Stage::Ended;
            self.let_go = false;
            self.utf8.finish()?;
        }
        Ok(true)
    }

    /// The part that was handed out is not there any more.
    pub(crate) fn end_part(&mut self) {
        self.part = 0..0;
    }

    /// The latest part: the kind of its message, where it lies, and whether it is the last.
    pub(crate) fn part(&self) -> Option<(Kind, Range<usize>, bool)> {
        match self.stage {
            Stage::InParts | Stage::Ended => Some((self.kind, self.part.clone(), self.stage == Stage::Ended)),
            Stage::Idle | Stage::Single | Stage::Whole | Stage::Inflated | Stage::Begun => None,
        }
    }

    /// The payload of the message so far, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The fragments that lie in the inbox and are still wanted.
    pub(crate) fn spans_mut(&mut self) -> &mut [Range<usize>] {
        if self.compressed { &mut [] } else { &mut self.spans }
    }
}
