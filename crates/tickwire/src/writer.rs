//! A message of any length, sent as it is made.

use crate::client::Client;
use crate::dial::Socket;
use crate::error::Error;
use crate::transport::Transport;
use mio::event::Source;
use std::io::{self, ErrorKind, Write};
use tickwire_ws::{CloseCode, Kind, SendError};

/// Sends one message in fragments as its bytes are written; from [`Client::message_writer`].
///
/// [`finish`](Self::finish) ends the message. One that is dropped before has no end that could be sent: if any of it has
/// left, the connection is closed (1011), and if not, nothing is sent.
///
/// Writing waits while the outbox is full and the peer takes nothing, as a socket that blocks does. Control frames are dealt
/// with meanwhile (and not told again by [`next_event`](Client::next_event)) and the timers looked at, until a message comes, or
/// what is no frame: it is left for reading, and all behind it, so that a peer that takes nothing more before its messages are
/// read is waited for in vain. Of a client that is registered with a `Poll` of the caller's it answers [`ErrorKind::WouldBlock`] instead, and
/// reads nothing.
///
/// ```no_run
/// use std::io::Write as _;
/// use tickwire::Kind;
///
/// # fn send(client: &mut tickwire::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let mut writer = client.message_writer(Kind::Binary, 64 << 10);
/// std::io::copy(&mut std::fs::File::open("large")?, &mut writer)?;
/// writer.finish()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MessageWriter<'a, T: Transport + Source = Socket> {
    client: &'a mut Client<T>,
    kind: Kind,
    /// The next fragment, which is sent once it is full.
    fragment: Vec<u8>,
    fragment_bytes: usize,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing of the message was sent.
    New,
    /// Its last fragment was not.
    Begun,
    Finished,
}

impl<T: Transport + Source> Client<T> {
    /// Sends a message of any length, in fragments of `fragment_bytes`, at least one: what is written is sent when there is so
    /// much of it. A fragment has to fit the outbox ([`Limits`](crate::Limits)). Text is checked as it is sent.
    pub fn message_writer(&mut self, kind: Kind, fragment_bytes: usize) -> MessageWriter<'_, T> {
        let fragment_bytes = fragment_bytes.max(1);
        MessageWriter { client: self, kind, fragment: Vec::new(), fragment_bytes, stage: Stage::New }
    }
}

impl<T: Transport + Source> MessageWriter<'_, T> {
    /// Sends the rest, and the end of the message. The client's own [`flush`](Client::flush), `wait` or reads write what the
    /// peer has not taken by then.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn finish(&mut self) -> io::Result<()> {
        if self.stage == Stage::Finished {
            return Ok(());
        }
        self.send_held(true)
    }

    /// Sends a fragment, and waits for room if there is none.
    fn send(&mut self, fragment: &[u8], is_last: bool) -> io::Result<()> {
        if self.stage == Stage::Begun {
            self.client.attend().map_err(io::Error::other)?;
        }
        loop {
            match self.client.send_fragment(self.kind, fragment, is_last) {
                Ok(()) => break,
                Err(SendError::Full { .. }) => {
                    if !self.client.write_outbox().map_err(io::Error::other)? {
                        self.wait_to_send()?;
                    }
                }
                Err(SendError::NotUtf8) => return Err(ErrorKind::InvalidData.into()),
                Err(error) => return Err(io::Error::other(Error::from(error))),
            }
        }
        self.stage = if is_last { Stage::Finished } else { Stage::Begun };
        // What the transport takes need not wait until the outbox is full.
        self.client.flush().map_err(io::Error::other)?;
        Ok(())
    }

    /// Waits until the transport may take more, or something has come that is no message.
    fn wait_to_send(&mut self) -> io::Result<()> {
        let until = self.client.attend().map_err(io::Error::other)?;
        if self.client.is_closed() {
            return Err(ErrorKind::NotConnected.into());
        }
        match self.client.wait_for_poll(until) {
            Err(Error::Misuse(_)) => Err(ErrorKind::WouldBlock.into()),
            waited => waited.map(|_| ()).map_err(io::Error::other),
        }
    }

    /// Sends the fragment that is held; it stays if that fails.
    fn send_held(&mut self, is_last: bool) -> io::Result<()> {
        let mut fragment = std::mem::take(&mut self.fragment);
        let sent = self.send(&fragment, is_last);
        if sent.is_ok() {
            fragment.clear();
        }
        self.fragment = fragment;
        sent
    }
}

impl<T: Transport + Source> Write for MessageWriter<'_, T> {
    /// Takes some of `from`: into the fragment that is not full yet, or the next one straight from there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] when a text is not UTF-8, what the connection failed of, or `WouldBlock`.
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        if self.stage == Stage::Finished {
            return Err(ErrorKind::WriteZero.into());
        }
        if self.fragment.len() == self.fragment_bytes {
            self.send_held(false)?;
        }
        if self.fragment.is_empty()
            && let Some(fragment) = from.get(..self.fragment_bytes)
            && from.len() > self.fragment_bytes
        {
            self.send(fragment, false)?;
            return Ok(fragment.len());
        }
        let count = from.len().min(self.fragment_bytes - self.fragment.len());
        self.fragment.extend_from_slice(from.get(..count).unwrap_or_default());
        Ok(count)
    }

    /// Sends what was written as a fragment, full or not, and writes what the transport takes.
    fn flush(&mut self) -> io::Result<()> {
        if !self.fragment.is_empty() {
            self.send_held(false)?;
        }
        while !self.client.flush().map_err(io::Error::other)? {
            self.wait_to_send()?;
        }
        Ok(())
    }
}

impl<T: Transport + Source> Drop for MessageWriter<'_, T> {
    /// A message that was begun and not finished ends the connection.
    fn drop(&mut self) {
        if self.stage == Stage::Begun {
            // A client that has failed is closed.
            let _ = self.client.close(CloseCode::INTERNAL, "");
        }
    }
}
