//! What a caller needs who only sends for a while.

use super::{Client, PolledBy};
use crate::clock;
use crate::error::Error;
use crate::transport::Transport;
use mio::event::Source;
use std::time::Instant;
use tickwire_ws::Ahead;

impl<T: Transport + Source> Client<T> {
    /// Reads, deals with control frames and timers up to the first message, which is left for whoever reads. When to try
    /// again at the latest, at once if there is new room. With a `Poll` of the caller's it does nothing.
    pub(crate) fn attend(&mut self) -> Result<Option<Instant>, Error> {
        // It would not tell again of what was read here.
        if let PolledBy::Caller = self.polled_by {
            return Ok(None);
        }
        let was_open = self.is_open();
        let moved = std::mem::take(&mut self.moved);
        if moved {
            self.connection.has_room_again(clock::now());
        }
        let until = self.deal_with_control_frames()?;
        // No readiness tells of what was written meanwhile, nor of a Close that was read.
        let is_new = moved || self.moved || !self.unwritten || was_open != self.is_open();
        Ok(if is_new { Some(clock::now()) } else { until })
    }

    fn deal_with_control_frames(&mut self) -> Result<Option<Instant>, Error> {
        loop {
            match self.connection.poll_control() {
                Ok(Ahead::Control(_)) => self.told(),
                Ok(Ahead::Nothing) if self.fill()? => {}
                Ok(Ahead::Nothing) => return Ok(self.next_deadline()),
                // A peer that is not read cannot prove that it lives.
                Ok(Ahead::Other) if self.is_open() => return Ok(None),
                // All that is left to wait for is the end, and that needs no reading.
                Ok(Ahead::Other) if self.due() => {}
                Ok(Ahead::Other) => return Ok(self.next_deadline()),
                Err(error) => return Err(self.fail(error.into())),
            }
        }
    }

    /// Writes what is queued; false while some of it still is. What the transport holds itself takes no room of the outbox.
    pub(crate) fn write_outbox(&mut self) -> Result<bool, Error> {
        Ok(self.flush()? || !self.connection.wants_transmit())
    }
}
