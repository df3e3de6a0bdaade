//! A byte stream in memory that can be filled again behind its reader's back.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::rc::Rc;

/// The reader's end: the same bytes again after each [`Tap::refill`], at most `step` a read.
#[derive(Clone)]
pub(crate) struct Wire {
    bytes: Rc<[u8]>,
    position: Rc<Cell<usize>>,
    step: usize,
}

/// The other end: it outlives the client's taking of the wire.
pub(crate) struct Tap(Rc<Cell<usize>>);

impl Wire {
    /// An empty wire that will carry `bytes`.
    pub(crate) fn new(bytes: Rc<[u8]>, step: usize) -> (Self, Tap) {
        let position = Rc::new(Cell::new(bytes.len()));
        (Self { bytes, position: Rc::clone(&position), step }, Tap(position))
    }

    /// The next read's bytes; none when the wire is empty.
    fn next(&self, room: usize) -> &[u8] {
        let from = self.position.get();
        let count = room.min(self.step).min(self.bytes.len() - from);
        self.position.set(from + count);
        &self.bytes[from..from + count]
    }
}

impl Tap {
    pub(crate) fn refill(&self) {
        self.0.set(0);
    }
}

impl Read for Wire {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.next(into.len());
        if bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        into[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for Wire {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "peers")]
mod asynchronous {
    use super::Wire;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    /// Ready while there are bytes; nobody is woken, because nobody sleeps.
    impl AsyncRead for Wire {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let bytes = self.next(into.remaining());
            if bytes.is_empty() {
                return Poll::Pending;
            }
            into.put_slice(bytes);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Wire {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(from.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}
