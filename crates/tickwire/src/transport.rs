//! What a client reads from and writes to.

use bytes::Bytes;
use mio::event::Source;
use mio::{Interest, Registry, Token};
use std::io::{self, Read, Write};
use std::time::Instant;

/// A byte stream that never blocks: a call that would have to wait answers [`io::ErrorKind::WouldBlock`].
///
/// [`Plain`] makes one of anything that reads and writes; [`Tls`](crate::Tls) puts TLS on top of another.
pub trait Transport {
    /// Reads into `into`; `Ok(0)` is the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; anything else ends the connection.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Writes from `from`, at least one byte.
    ///
    /// # Errors
    /// `WouldBlock` when nothing can be taken; anything else ends the connection.
    fn write(&mut self, from: &[u8]) -> io::Result<usize>;

    /// From how many bytes on a payload that is the client's own is to be written by [`write_owned`](Self::write_owned) instead of
    /// being copied. None is, unless a transport says otherwise.
    fn owned_bytes_min(&self) -> usize {
        usize::MAX
    }

    /// The same as [`write`](Self::write), of bytes that stay as they are for as long as there is a handle on them.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn write_owned(&mut self, from: &Bytes) -> io::Result<usize> {
        self.write(from)
    }

    /// Passes on what the transport itself still holds.
    ///
    /// # Errors
    /// `WouldBlock` when something is left; anything else ends the connection.
    fn flush(&mut self) -> io::Result<()>;

    /// Tells the peer, as far as that is possible without waiting, that nothing more will be written.
    fn shutdown(&mut self);

    /// When [`on_deadline`](Self::on_deadline) wants to be called. A transport that only moves bytes has none.
    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// Does what is due at `now`; errors are reported by the next read.
    fn on_deadline(&mut self, now: Instant) {
        let _ = now;
    }

    /// When the kernel got the last packet of the latest read that brought something, in nanoseconds since the Unix epoch;
    /// see [`Client::kernel_ns`](crate::Client::kernel_ns). `None` where nobody knows.
    fn kernel_ns(&self) -> Option<u64> {
        None
    }

    /// When the latest read of the stream below returned, before anything was opened of what it brought; for
    /// [`Stages`](crate::Stages). `None` where nobody knows.
    #[cfg(feature = "stages")]
    fn read_at(&self) -> Option<Instant> {
        None
    }
}

/// Any nonblocking stream, used as it is.
#[derive(Debug)]
pub struct Plain<S>(
    /// The stream.
    pub S,
);

impl<S: Read + Write> Transport for Plain<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.write(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    fn shutdown(&mut self) {}
}

impl<S: Source> Source for Plain<S> {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.0.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.0.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.0.deregister(registry)
    }
}
