//! The client's side of a connection.

use std::io;
use std::time::Instant;

use super::{Around, CLIENT_GONE, Link, State};
use crate::net::Ending;
use crate::world::event::TlsAlert;
use crate::world::host::Host;
use crate::world::strikes::Strikes;

impl Link {
    /// Reads what has arrived.
    pub(in crate::world) fn read(&mut self, into: &mut [u8], now: Instant) -> io::Result<usize> {
        match self.state {
            State::Left | State::Failed => return Err(io::ErrorKind::NotConnected.into()),
            State::LookingUp { .. } | State::Connecting { .. } | State::Securing { .. } | State::Open => {}
        }
        let ready = self.inbox.get(self.read..).unwrap_or_default();
        let len = ready.len().min(into.len());
        if len == 0 && !into.is_empty() {
            return self.ended.map_or_else(|| Err(io::ErrorKind::WouldBlock.into()), end);
        }
        into.iter_mut().zip(ready).for_each(|(to, from)| *to = *from);
        self.read += len;
        if self.read == self.inbox.len() {
            self.inbox.clear();
            self.read = 0;
        }
        if let Some(far) = &self.far {
            far.plug.release(len);
            if far.plug.take_starved() {
                self.reopens = Some(now + self.up.latency());
            }
        }
        Ok(len)
    }

    /// Writes as much as there is room for.
    pub(in crate::world) fn write(&mut self, bytes: &[u8], around: &mut Around<'_>) -> io::Result<usize> {
        match self.state {
            State::Open => {}
            State::Left | State::Failed => return Err(io::ErrorKind::NotConnected.into()),
            State::LookingUp { .. } | State::Connecting { .. } | State::Securing { .. } => {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        if let Some(ended) = self.ended.filter(|ended| *ended != Ending::Finished) {
            return end(ended);
        }
        let room = self.send_buffer.saturating_sub(self.unarrived);
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.wants_room |= taken.len() < bytes.len();
        if taken.is_empty() && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.unarrived += taken.len();
        if let Some(plan) = self.up.send(taken, around.now, &mut self.chance) {
            around.counts.add(plan.hazard);
            self.down.end(plan.ending, around.now);
        }
        Ok(taken.len())
    }

    /// The client is done with it.
    pub(in crate::world) fn hang_up(&mut self, host: Option<&mut Host>, now: Instant) {
        if let Some(host) = host.filter(|_| self.is_counted()) {
            host.count_out();
        }
        self.state = if self.far.is_some() { State::Left } else { State::Failed };
        self.strikes = Strikes::none();
        self.up.end(Ending::Finished, now);
        self.down.die();
        let gone = now + CLIENT_GONE;
        self.given_up = Some(self.given_up.map_or(gone, |at| at.min(gone)));
        if let Some(far) = &self.far {
            // What waits to be read is of no interest any more.
            far.plug.release(self.window);
        }
    }
}

/// The end of a stream as a read or a write tells it.
fn end(ending: Ending) -> io::Result<usize> {
    match ending {
        Ending::Finished => Ok(0),
        Ending::Reset => Err(io::ErrorKind::ConnectionReset.into()),
        Ending::Alert(alert) => Err(io::Error::new(io::ErrorKind::InvalidData, TlsAlert(alert))),
    }
}
