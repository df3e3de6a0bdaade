//! A TCP stream that lends payloads to the kernel and keeps them until it has them back.

use super::kernel::{self, Completion};
use super::settings::{ZeroCopy, ZeroCopyStats};
use super::tracker::Tracker;
use crate::tcp::Tcp;
use crate::transport::Transport;
use bytes::Bytes;
use nix::errno::Errno;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::atomic::Ordering;

/// Completions make a poll report an error and the end of writing on a socket that is well. Nobody here judges by that:
/// each readiness leads to a read and, while something is in flight, to a [`flush`](Transport::flush), which takes them;
/// an error of the socket itself is what those calls answer.
pub(crate) struct Stream {
    stream: Tcp,
    settings: ZeroCopy,
    lent: Tracker<Bytes>,
    /// Where completions are read into.
    room: Vec<u8>,
    /// All but what is in flight.
    counts: ZeroCopyStats,
}

impl Stream {
    /// The stream as it was where the system knows no such sends.
    pub(crate) fn new(stream: Tcp, settings: &ZeroCopy) -> Result<Self, Tcp> {
        match kernel::allow(stream.stream()) {
            Ok(()) => Ok(Self {
                stream,
                settings: settings.clone(),
                lent: Tracker::default(),
                room: kernel::room(),
                counts: ZeroCopyStats::default(),
            }),
            Err(_) => Err(stream),
        }
    }

    pub(crate) fn tcp(&self) -> &Tcp {
        &self.stream
    }

    /// What a poll watches.
    pub(crate) fn tcp_mut(&mut self) -> &mut Tcp {
        &mut self.stream
    }

    pub(crate) fn stats(&self) -> ZeroCopyStats {
        let in_flight_bytes = self.lent.handles().map(Bytes::len).sum();
        ZeroCopyStats { in_flight: self.lent.handles().count(), in_flight_bytes, ..self.counts }
    }

    fn lend(&mut self, from: &Bytes) -> io::Result<usize> {
        match kernel::send_lent(self.stream.stream(), from) {
            Ok(count) => {
                let mut sent = from.clone();
                sent.truncate(count);
                self.lent.sent(sent);
                self.counts.sends += 1;
                self.counts.bytes += count as u64;
                Ok(count)
            }
            Err(Errno::ENOBUFS) => {
                let count = self.stream.write(from)?;
                self.counts.fell_back += 1;
                Ok(count)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes back what the kernel has done with, unless that is held.
    fn take_back(&mut self) {
        let held = self.settings.held.as_ref();
        if !held.is_some_and(|held| held.load(Ordering::Relaxed)) {
            self.take_all_back();
        }
    }

    fn take_all_back(&mut self) {
        while !self.lent.is_empty()
            && let Some(Completion { low, high, was_copied }) =
                kernel::next_completion(self.stream.stream(), &mut self.room)
        {
            let unexpected = self.lent.complete(low, high);
            self.counts.unexpected += unexpected;
            if was_copied {
                self.counts.copied += u64::from(high.wrapping_sub(low)) + 1 - unexpected;
            }
            self.counts.is_off |= was_copied && !self.settings.goes_on_when_copied;
        }
    }
}

impl Transport for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.read(into)
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.stream.write(from)
    }

    fn owned_bytes_min(&self) -> usize {
        if self.counts.is_off { usize::MAX } else { self.settings.threshold }
    }

    fn write_owned(&mut self, from: &Bytes) -> io::Result<usize> {
        self.take_back();
        if from.len() < self.owned_bytes_min() { self.stream.write(from) } else { self.lend(from) }
    }

    /// Something is left while the kernel may still read our memory. So a client that closes waits for its completions, up to
    /// its close timer, as it waits for what could not be written.
    fn flush(&mut self) -> io::Result<()> {
        self.take_back();
        if self.lent.is_empty() { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
    }

    fn shutdown(&mut self) {
        self.stream.shut();
    }
}

impl Drop for Stream {
    /// A closed socket goes on sending, and would send whatever is made of the memory next. So a connection that ends with
    /// sends in flight is broken off (RST), upon which the kernel lets them go and still tells; what a network card holds
    /// even then is never given back.
    fn drop(&mut self) {
        self.take_all_back();
        if self.lent.is_empty() {
            return;
        }
        // If it fails, nothing is told, and all of it is kept.
        let _ = rustix::net::connect_unspec(self.stream.stream());
        self.take_all_back();
        if !self.lent.is_empty() {
            std::mem::forget(std::mem::take(&mut self.lent));
        }
    }
}

impl std::fmt::Debug for Stream {
    /// No payloads.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("stream", &self.stream)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
