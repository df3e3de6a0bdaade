//! A message of any length, read as it arrives.

use crate::client::Client;
use crate::dial::Socket;
use crate::error::Error;
use crate::transport::Transport;
use mio::event::Source;
use std::io::{self, BufRead, ErrorKind, Read};
use tickwire_ws::{Kind, Part};

/// Reads one message as its bytes arrive; from [`Client::message_reader`].
///
/// The end of the message is the end of what can be read; a connection that ends before is an
/// [`ErrorKind::UnexpectedEof`]. As [`BufRead`] it lends the bytes of the receive buffer, or what they inflate to, without a
/// copy. Every part is checked before it is handed out, text included, but what follows it may still be wrong.
///
/// Reading waits while nothing is there, as a socket that blocks does; Pings are answered meanwhile. Of a client that is
/// registered with a `Poll` of the caller's it answers [`ErrorKind::WouldBlock`] instead.
///
/// ```no_run
/// # fn save(client: &mut tickwire::Client) -> Result<(), Box<dyn std::error::Error>> {
/// while !client.is_closed() {
///     client.wait(None)?;
///     if let Some(mut reader) = client.message_reader()? {
///         std::io::copy(&mut reader, &mut std::fs::File::create("large")?)?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MessageReader<'a, T: Transport + Source = Socket> {
    client: &'a mut Client<T>,
    kind: Kind,
    /// Bytes of the latest part that were read.
    read: usize,
}

impl<T: Transport> Client<T> {
    /// The next part of a message, as it arrived; `None` when nothing more is there for now. Valid until the next call. A
    /// message of any length takes no more memory than a few reads, if [`Limits`](crate::Limits) let it pass: those on the
    /// bytes of frames and messages hold, and cost nothing if they are raised for this.
    ///
    /// What is left of a message when whole ones are asked for, or another reader, is checked and let go.
    ///
    /// # Errors
    /// An [`Error`] ends the connection and is repeated by every later call.
    pub fn next_part(&mut self) -> Result<Option<Part<'_>>, Error> {
        Ok(if self.find_part()? { self.part() } else { None })
    }
}

impl<T: Transport + Source> Client<T> {
    /// Reads the next message as it arrives; `None` when none begins for now. For its memory see
    /// [`next_part`](Self::next_part).
    ///
    /// # Errors
    /// An [`Error`] ends the connection and is repeated by every later call.
    pub fn message_reader(&mut self) -> Result<Option<MessageReader<'_, T>>, Error> {
        self.let_parts_go();
        let kind = self.next_part()?.map(|part| part.kind);
        Ok(kind.map(|kind| MessageReader { client: self, kind, read: 0 }))
    }
}

impl<T: Transport + Source> MessageReader<'_, T> {
    /// Text or binary.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What was not read of the latest part.
    fn rest(&self) -> &[u8] {
        self.client.part().and_then(|part| part.bytes.get(self.read..)).unwrap_or_default()
    }

    fn next(&mut self) -> io::Result<()> {
        self.read = 0;
        while !self.client.find_part().map_err(io::Error::other)? {
            if self.client.is_closed() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            match self.client.wait_for_poll(self.client.next_deadline()) {
                Err(Error::Misuse(_)) => return Err(ErrorKind::WouldBlock.into()),
                waited => waited.map_err(io::Error::other)?,
            };
        }
        Ok(())
    }
}

impl<T: Transport + Source> BufRead for MessageReader<'_, T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.rest().is_empty() && !self.client.part().is_some_and(|part| part.is_last) {
            self.next()?;
        }
        Ok(self.rest())
    }

    fn consume(&mut self, count: usize) {
        self.read += count;
    }
}

impl<T: Transport + Source> Read for MessageReader<'_, T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.fill_buf()?;
        let count = rest.read(into)?;
        self.consume(count);
        Ok(count)
    }
}
