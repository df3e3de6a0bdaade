//! How a client waits: by a poll of its own, or by the caller's.

use super::{Client, PolledBy};
use crate::clock;
use crate::error::Error;
use crate::transport::Transport;
use crate::wait::Waiter;
use mio::event::Source;
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};
use tickwire_handoff::Waker;

impl<T: Transport + Source> Client<T> {
    /// Waits until there may be something to read, until a timer of the client's is due, or for `timeout` at most, as
    /// the [`WaitPolicy`](crate::WaitPolicy) says. Writes what is queued before. False when the time is up; true may be a
    /// false alarm. Does not wait while messages have not been read to the end, nor when reading would report an error or
    /// the end.
    ///
    /// # Errors
    /// [`Error::Misuse`] when the client is registered with a `Poll` of the caller's; [`Error::Io`] of the poll. What
    /// the connection itself reports comes from reading.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool, Error> {
        self.write_queued();
        if std::mem::take(&mut self.woken) || self.has_more() {
            return Ok(true);
        }
        let user = timeout.and_then(|timeout| clock::now().checked_add(timeout));
        let own = self.next_deadline();
        let until = [user, own].into_iter().flatten().min();
        // A timer of the client's is something to read for, too.
        let ready = self.waiter()?.wait(until)? || until != user;
        self.drained = !ready;
        Ok(ready)
    }

    /// What ends [`wait`](Self::wait) from another thread, the one that is on or else the next: for a
    /// [`handoff::outbox`](crate::handoff::outbox), whose messages this thread sends. It ends no future of an `AsyncClient`.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn waker(&mut self) -> Result<Waker, Error> {
        Ok(self.waiter()?.waker()?)
    }

    /// Waits until something becomes ready, be it only to be written to, or `until` has come. False when the time is up.
    pub(crate) fn wait_for_poll(&mut self, until: Option<Instant>) -> Result<bool, Error> {
        let waiter = self.waiter()?;
        let ready = waiter.wait(until)?;
        // Whoever woke it, or what is there to be read, is not told again.
        self.woken |= waiter.is_woken();
        self.drained &= !ready;
        Ok(ready)
    }

    /// Whether reading has something to tell without another wait.
    fn has_more(&self) -> bool {
        let written = self.over && !self.unwritten;
        !self.drained || written || self.write_error.is_some() || self.is_closed()
    }

    /// Its own poll, which begins with the first call.
    pub(super) fn waiter(&mut self) -> Result<&mut Waiter, Error> {
        if let PolledBy::Nobody = self.polled_by {
            let mut waiter = Waiter::new(self.policy)?;
            waiter.add(&mut self.transport, Token(0))?;
            self.polled_by = PolledBy::Itself(waiter);
        }
        match &mut self.polled_by {
            PolledBy::Itself(waiter) => Ok(waiter),
            PolledBy::Nobody | PolledBy::Caller => {
                Err(Error::Misuse("the client is registered with another Poll: wait there"))
            }
        }
    }
}

/// Registers for reading and writing, edge-triggered, whatever interests are asked for.
impl<T: Transport + Source> Source for Client<T> {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        if matches!(self.polled_by, PolledBy::Itself(_)) {
            return Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "the client is waited for by its own wait()",
            ));
        }
        self.transport.register(registry, token, interests | Interest::READABLE | Interest::WRITABLE)?;
        self.polled_by = PolledBy::Caller;
        Ok(())
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.transport.reregister(registry, token, interests | Interest::READABLE | Interest::WRITABLE)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.polled_by = PolledBy::Nobody;
        self.transport.deregister(registry)
    }
}
