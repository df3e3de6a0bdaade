//! Messages whose payload is taken instead of copied.

use super::Client;
use crate::transport::Transport;
use bytes::BytesMut;
use tickwire_ws::{Kind, SendError};

impl<T: Transport> Client<T> {
    /// Queues a message and takes its payload, which is empty afterwards. Where the transport writes payloads of this length
    /// from their own memory ([`Builder::zero_copy`](crate::Builder::zero_copy)), it is masked where it lies and not copied,
    /// unless compression is agreed on; everywhere else it is queued as [`send_binary`](Self::send_binary) does. Text is
    /// checked.
    ///
    /// `BytesMut::from` makes a payload of `Bytes`, by a copy only if they are shared: who masks them must own them.
    ///
    /// ```no_run
    /// use tickwire::bytes::BytesMut;
    /// # fn send(client: &mut tickwire::Client) -> Result<(), tickwire::Error> {
    /// let mut payload = BytesMut::zeroed(1 << 20);
    /// client.send_bytes(tickwire::Kind::Binary, &mut payload)?;
    /// assert!(payload.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SendError`]: nothing was queued, and `payload` is as it was.
    pub fn send_bytes(&mut self, kind: Kind, payload: &mut BytesMut) -> Result<(), SendError> {
        self.may_send()?;
        self.connection.send_bytes(kind, payload, self.transport.owned_bytes_min())
    }
}
