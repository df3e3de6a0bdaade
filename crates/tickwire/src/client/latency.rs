//! What a client knows of the time that its messages took.

use super::Client;
#[cfg(feature = "stages")]
use crate::stages::Stages;
use crate::transport::Transport;
use tickwire_ws as ws;

impl<T: Transport> Client<T> {
    /// When the kernel got the message that was handed out last, in nanoseconds since the Unix epoch by the machine's wall
    /// clock; `None` unless it was [asked for](crate::Builder::kernel_timestamps), and where the system does not tell.
    ///
    /// To be exact, it is the time of the last packet of the read that completed the message, under TLS of the read that
    /// completed its last record: it is the same for all messages of one read, and the first bytes of a message may have
    /// come before. It is taken when the packet comes into the network stack, before any wait in the socket: a message
    /// that waited there for the program shows that wait. Packets that wait there together may be joined by the kernel,
    /// and then bear the time of the last of them. A kernel begins to note times when the first socket asks for them, and
    /// a moment later: the first messages of a program may have none.
    #[must_use]
    pub fn kernel_ns(&self) -> Option<u64> {
        self.transport.kernel_ns()
    }

    /// How long the messages took in each stage, those that were taken from this client itself: a feed has its
    /// [own](crate::Feed::stages) of all its clients.
    #[cfg(feature = "stages")]
    pub fn stages(&mut self) -> &Stages {
        self.laps.stages()
    }

    /// Looks for the next message: the usual one, if it is there.
    #[expect(clippy::inline_always, reason = "measured, see the instruction counts in benches")]
    #[inline(always)]
    pub(super) fn next_single(&mut self) -> bool {
        self.laps.asked();
        self.poll_single()
    }

    /// The usual message, if it is there.
    #[expect(clippy::inline_always, reason = "measured, see the instruction counts in benches")]
    #[inline(always)]
    pub(super) fn poll_single(&mut self) -> bool {
        let is_there = self.connection.poll_single();
        if is_there {
            self.laps.found();
        }
        is_there
    }

    /// Anything else that is there.
    #[inline]
    pub(super) fn poll_any(&mut self) -> Result<Option<ws::Event>, ws::Error> {
        if self.connection.is_used_up() {
            return Ok(None);
        }
        let polled = self.connection.poll();
        if let Ok(Some(ws::Event::Message)) = polled {
            self.laps.found();
        }
        polled
    }
}
