//! A message in parts, as its bytes arrive: nothing of it is kept.

use super::{Connection, Event};
use crate::error::{Error, Violation};
use crate::inbox::WINDOW_BYTES;
use crate::mask;
use crate::message::{Kind, Part};

/// A part of a compressed message ends when so much has come out.
const INFLATED_BYTES: usize = WINDOW_BYTES;
/// Compressed bytes that are inflated at a time: what comes out may be a thousand times as much.
const STEP_BYTES: usize = 128;

impl Connection {
    /// As [`poll`](Self::poll), but a message is handed out in parts as its bytes arrive ([`Event::Part`]), so that one of any
    /// length takes no more memory than some windows of the receive buffer. Each part is checked before it is handed out,
    /// text included. A message that `poll` has found the beginning of goes on in parts; what `poll` is called in the
    /// middle of, it checks and lets go to the end.
    ///
    /// The [`Limits`](crate::Limits) on the bytes of frames and messages hold, that on fragments does not: they are not kept.
    ///
    /// # Errors
    /// As [`poll`](Self::poll).
    pub fn poll_part(&mut self) -> Result<Option<Event>, Error> {
        self.release();
        self.assembly.end_part();
        self.poll_by(|connection| connection.after_let_go(Self::parts))
    }

    /// Lets the rest of a message go whose beginning was handed out in parts: what comes of it is checked, and no part.
    pub fn let_parts_go(&mut self) {
        self.assembly.let_go();
    }

    /// The part of the last [`Event::Part`], until the next call that takes `&mut self`.
    #[must_use]
    pub fn part(&self) -> Option<Part<'_>> {
        let (kind, part, is_last) = self.assembly.part()?;
        Some(Part { kind, bytes: self.message_bytes().get(part)?, is_last })
    }

    /// Lets the rest of a message go that is not wanted any more, then polls by `next`.
    pub(super) fn after_let_go(
        &mut self,
        next: impl FnOnce(&mut Self) -> Result<Option<Event>, Error>,
    ) -> Result<Option<Event>, Error> {
        while self.assembly.is_let_go() {
            match self.parts()? {
                Some(Event::Part) => self.release(),
                other => return Ok(other),
            }
        }
        next(self)
    }

    fn parts(&mut self) -> Result<Option<Event>, Error> {
        if self.assembly.holds_fragments() {
            self.begin_parts();
            return Ok(Some(Event::Part));
        }
        let (mut checked, mut begins) = (0, false);
        if self.assembly.open_frame().is_none() {
            let Some((header, size, available)) = self.next_header()? else { return Ok(None) };
            if header.opcode.is_control() {
                return self.control_frame(header, size, available);
            }
            let kind = self.assembly.admit(&header, &self.limits)?;
            if header.rsv != 0 {
                self.assembly.set_compressed();
            }
            self.inbox.advance(size);
            begins = !self.assembly.is_in_parts();
            checked = self.assembly.open(kind, &header);
        }
        let is_part = if self.assembly.is_compressed() {
            self.inflate_part(checked)?
        } else {
            self.plain_part(checked)?
        };
        // A message that is begun can only go on in parts: that is told, if by no byte, or it would be let go untold.
        Ok((is_part || begins).then_some(Event::Part))
    }

    /// The fragments that are held are the first part.
    fn begin_parts(&mut self) {
        let held = match &self.codec {
            Some(codec) if self.assembly.is_compressed() => 0..codec.inflated().len(),
            _ => self.inbox.join(self.assembly.spans_mut()),
        };
        self.assembly.begin_parts(held);
    }

    /// What has arrived of the open frame, of which `checked` bytes were unmasked and checked before.
    fn plain_part(&mut self, checked: usize) -> Result<bool, Error> {
        let Some((kind, frame)) = self.assembly.open_frame() else { return Ok(false) };
        let start = self.inbox.position();
        let end = start + frame.left.min(self.inbox.unparsed().len());
        let new = self.inbox.range_mut(start + checked..end);
        if let Some(key) = frame.mask {
            mask::apply(new, key, frame.done + checked);
        }
        if kind == Kind::Text {
            self.assembly.text(new)?;
        }
        self.inbox.advance(end - start);
        Ok(self.assembly.push_part(end - start, start..end)?)
    }

    /// What comes out of the open frame, of which `checked` bytes were inflated before.
    fn inflate_part(&mut self, checked: usize) -> Result<bool, Error> {
        let Some((kind, frame)) = self.assembly.open_frame() else { return Ok(false) };
        let Some(codec) = &mut self.codec else { return Err(Violation::ReservedBit.into()) };
        let held = usize::try_from(self.assembly.bytes()).unwrap_or(usize::MAX);
        let max = self.limits.message_bytes_max.saturating_sub(held);
        let from = codec.inflated().len();
        let mut taken = checked;
        let mut result = Ok(());
        self.inbox.advance(checked);
        while result.is_ok() && codec.inflated().len() < INFLATED_BYTES {
            let start = self.inbox.position();
            let count = STEP_BYTES.min(frame.left - taken).min(self.inbox.unparsed().len());
            if count == 0 {
                break;
            }
            let piece = self.inbox.range_mut(start..start + count);
            if let Some(key) = frame.mask {
                mask::apply(piece, key, frame.done + taken);
            }
            result = codec.inflate(piece, max);
            self.inbox.advance(count);
            taken += count;
        }
        if result.is_ok() && taken == frame.left && frame.fin {
            result = codec.finish(max);
        }
        let end = self.inflated(kind, from, result)?;
        Ok(self.assembly.push_part(taken, 0..end)?)
    }
}
