//! A client that is awaited.

use super::ready::Ready;
use crate::client::Client;
use crate::clock;
use crate::dial::Socket;
use crate::error::Error;
use crate::transport::Transport;
use bytes::BytesMut;
use mio::event::Source;
use tickwire_ws::{CloseNumber, Kind, Message, Part, Payload, SendError};
use tokio::task::coop::consume_budget;

/// A [`Client`] on a tokio runtime, which needs its I/O and its time enabled.
///
/// Each of its futures may be dropped before it is ready, as `select!` does: nothing is lost by that, and a message is either
/// queued for sending or not.
#[derive(Debug)]
pub struct AsyncClient<T = Socket> {
    ready: Ready,
    client: Client<T>,
}

impl AsyncClient {
    /// Connects to a `ws://` or `wss://` URL with default settings, until messages can be sent. For other settings see
    /// [`new`](Self::new).
    ///
    /// # Errors
    /// As [`Builder::connect`](crate::Builder::connect), and what the network says.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let mut client = Self::new(Client::connect(url)?)?;
        client.open().await?;
        Ok(client)
    }
}

impl<T: Transport + Source> AsyncClient<T> {
    /// Awaits a client that was begun with a [`Builder`](crate::Builder).
    ///
    /// # Errors
    /// [`Error::Misuse`] when the client is registered with a `Poll` of the caller's; [`Error::Io`] outside of a runtime.
    ///
    /// # Panics
    /// In a runtime without I/O; its futures in one without time.
    pub fn new(mut client: Client<T>) -> Result<Self, Error> {
        let ready = Ready::new(client.descriptor()?)?;
        Ok(Self { ready, client })
    }

    /// Waits until messages can be sent. Those that come are not touched.
    ///
    /// # Errors
    /// An [`Error`] ends the connection and is repeated by every later call.
    pub async fn open(&mut self) -> Result<(), Error> {
        while self.client.is_opening() {
            if self.client.advance()?.is_none() && self.client.is_opening() {
                self.wait().await?;
            }
        }
        if self.client.is_closed() {
            return Err(Error::Closed(self.client.received_close().cloned()));
        }
        Ok(())
    }

    /// The next whole message as the payloads of its frames, straight from the receive buffer; `None` once the connection is
    /// closed. Valid until the next call.
    ///
    /// # Errors
    /// As [`Client::next_message_direct`].
    pub async fn next_message_direct(&mut self) -> Result<Option<Message<'_>>, Error> {
        Ok(if self.find(Client::find_message).await? { self.client.message() } else { None })
    }

    /// The next whole message as one slice; `None` once the connection is closed. Valid until the next call.
    ///
    /// # Errors
    /// As [`Client::next_message`].
    pub async fn next_message(&mut self) -> Result<Option<Payload<'_>>, Error> {
        Ok(if self.find(Client::find_message).await? { self.client.payload() } else { None })
    }

    /// The next part of a message, as it arrived; `None` once the connection is closed. Valid until the next call.
    ///
    /// # Errors
    /// As [`Client::next_part`].
    pub async fn next_part(&mut self) -> Result<Option<Part<'_>>, Error> {
        Ok(if self.find(Client::find_part).await? { self.client.part() } else { None })
    }

    /// Sends a text message: waits for room, as [`flush`](Self::flush) does, queues it, and writes what the transport takes. The
    /// next read or `flush` writes the rest. Dropped before it is ready, it has queued nothing.
    ///
    /// # Errors
    /// [`Error::Send`] if it can never be sent, or what ended the connection.
    pub async fn send_text(&mut self, text: &str) -> Result<(), Error> {
        self.send(|client| client.send_text(text)).await
    }

    /// The same with a binary message.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text).
    pub async fn send_binary(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.send(|client| client.send_binary(bytes)).await
    }

    /// The same with a message whose payload is taken: see [`Client::send_bytes`]. Dropped before it is ready, it has taken
    /// nothing.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text); `payload` is as it was unless it was taken before.
    pub async fn send_bytes(&mut self, kind: Kind, payload: &mut BytesMut) -> Result<(), Error> {
        self.send(|client| client.send_bytes(kind, payload)).await
    }

    /// Writes all that is queued, once the connection is open. It takes as long as the peer takes to read it. Control frames are
    /// dealt with meanwhile (and not told again by [`Client::next_event`]) and the timers looked at, until a message comes,
    /// or what is no frame: it is left for reading, and all behind it.
    ///
    /// # Errors
    /// As [`Client::flush`]; [`Error::Closed`] once nothing can be written any more.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.open().await?;
        while !self.client.flush()? {
            self.wait_to_send().await?;
        }
        Ok(())
    }

    /// Begins the closing handshake. Go on reading until there is no message any more.
    ///
    /// # Errors
    /// As [`Client::close`].
    pub fn close(&mut self, code: impl Into<CloseNumber>, reason: &str) -> Result<(), SendError> {
        self.client.close(code, reason)
    }

    /// The client.
    #[must_use]
    pub fn get_ref(&self) -> &Client<T> {
        &self.client
    }

    /// The client, for what needs no waiting.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut Client<T> {
        &mut self.client
    }

    /// Skips to what `find` looks for; false once the connection is closed.
    async fn find(&mut self, find: impl Fn(&mut Client<T>) -> Result<bool, Error>) -> Result<bool, Error> {
        // A connection that never pauses leaves other tasks their time.
        consume_budget().await;
        loop {
            if find(&mut self.client)? {
                return Ok(true);
            }
            if self.client.is_closed() {
                return Ok(false);
            }
            self.wait().await?;
        }
    }

    async fn send(
        &mut self,
        mut queue: impl FnMut(&mut Client<T>) -> Result<(), SendError>,
    ) -> Result<(), Error> {
        while let Err(error) = queue(&mut self.client) {
            if !matches!(error, SendError::Full { .. }) {
                return Err(error.into());
            }
            if !self.client.write_outbox()? {
                self.wait_to_send().await?;
            }
        }
        // The rest is written with the next call.
        self.client.flush()?;
        Ok(())
    }

    /// As [`Client::wait`].
    async fn wait(&mut self) -> Result<(), Error> {
        while !self.client.is_ready()? {
            self.ready.wait(self.client.next_deadline()).await?;
        }
        Ok(())
    }

    /// Waits until the transport may take more, or something has come that is no message.
    async fn wait_to_send(&mut self) -> Result<(), Error> {
        let until = self.client.attend()?;
        if self.client.is_closed() {
            return Err(Error::Closed(self.client.received_close().cloned()));
        }
        if !self.client.wait_for_poll(Some(clock::now()))? {
            self.ready.wait(until).await?;
        }
        Ok(())
    }
}
