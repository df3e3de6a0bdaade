//! Control frames: each is dealt with as it comes. RFC 6455 5.5.

use super::{Ahead, Connection, Event, State};
use crate::close::Close;
use crate::error::{Error, Exceeded};
use crate::header::{Header, Opcode};
use std::time::Duration;

impl Connection {
    /// Deals with the next control frame, if no message lies before it: for a caller who is not ready for messages, and
    /// whose peer still wants its Pings answered. Releases the message handed out before.
    ///
    /// # Errors
    /// As [`poll`](Self::poll).
    pub fn poll_control(&mut self) -> Result<Ahead, Error> {
        self.release();
        match &self.state {
            State::Failed(error) => Err(error.clone()),
            State::Open | State::CloseSent if self.assembly.open_frame().is_none() => {
                self.next_control().map_err(|error| self.fail(error))
            }
            _ if self.inbox.is_parsed() && !self.end_of_stream => Ok(Ahead::Nothing),
            _ => Ok(Ahead::Other),
        }
    }

    fn next_control(&mut self) -> Result<Ahead, Error> {
        // What is no frame ends the connection once it is read, not before: what is being sent may still arrive.
        let Ok(next) = self.next_header() else { return Ok(Ahead::Other) };
        if let Some((header, size, available)) = next {
            if !header.opcode.is_control() || !self.can_answer(&header) {
                return Ok(Ahead::Other);
            }
            if let Some(event) = self.control_frame(header, size, available)? {
                return Ok(Ahead::Control(event));
            }
        }
        if self.end_of_stream {
            self.on_end_of_stream()?;
        }
        Ok(Ahead::Nothing)
    }

    /// Whether there is room for the answer to a Ping.
    fn can_answer(&self, header: &Header) -> bool {
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        header.opcode != Opcode::Ping || self.outbox.admit(Opcode::Pong, len).is_ok()
    }

    #[cold]
    pub(super) fn control_frame(
        &mut self,
        header: Header,
        size: usize,
        available: usize,
    ) -> Result<Option<Event>, Error> {
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        if available < len {
            return Ok(None);
        }
        let start = self.inbox.position() + size;
        self.unmask(header.mask, start, len);
        self.assembly.end_frame();
        self.inbox.advance(size + len);
        self.control = start..start + len;
        self.count_control()?;
        match header.opcode {
            Opcode::Ping => {
                self.answer_ping()?;
                Ok(Some(Event::Ping))
            }
            Opcode::Close => {
                self.on_close()?;
                Ok(Some(Event::Close))
            }
            _ => Ok(Some(Event::Pong)),
        }
    }

    fn count_control(&mut self) -> Result<(), Exceeded> {
        if self.heard_at.saturating_duration_since(self.control_since) >= Duration::from_secs(1) {
            self.control_since = self.heard_at;
            self.control_count = 0;
        }
        self.control_count += 1;
        let max = self.limits.control_frames_per_second_max;
        if self.control_count > max { Err(Exceeded::ControlFrames { max }) } else { Ok(()) }
    }

    /// RFC 6455 5.5.2: a Ping is answered unless a Close has been received, and after that nothing is read.
    fn answer_ping(&mut self) -> Result<(), Error> {
        let header = self.header(Opcode::Pong, true, self.control.len());
        let payload = self.inbox.bytes().get(self.control.clone()).unwrap_or_default();
        let max = self.limits.outbox_bytes_max;
        self.outbox.push_control(header, payload).map_err(|_| Exceeded::Outbox { max }.into())
    }

    /// RFC 6455 5.5.1: a Close is answered with the same code, once.
    fn on_close(&mut self) -> Result<(), Error> {
        let close = Close::parse(self.control())?;
        if self.sent_close.is_none() {
            let body = close.code.map_or_else(Vec::new, |code| u16::from(code).to_be_bytes().to_vec());
            self.push_close(Close { code: close.code, reason: String::new() }, &body);
        }
        self.received_close = Some(close);
        self.transition(State::CloseDone);
        self.end_server();
        Ok(())
    }
}
