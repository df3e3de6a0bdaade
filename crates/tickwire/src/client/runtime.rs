//! What a runtime needs of a client, which waits for the descriptor of the client's own poll.

use super::Client;
use crate::error::Error;
use crate::transport::Transport;
use mio::event::Source;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tickwire_ws::Message;

impl<T: Transport + Source> Client<T> {
    /// The message that [`advance`](Client::advance) has just found.
    pub(crate) fn message(&self) -> Option<Message<'_>> {
        self.connection.message()
    }

    pub(crate) fn descriptor(&mut self) -> Result<OwnedFd, Error> {
        Ok(self.waiter()?.descriptor()?)
    }

    /// Whether [`wait`](Self::wait) would not wait.
    pub(crate) fn is_ready(&mut self) -> Result<bool, Error> {
        self.wait(Some(Duration::ZERO))
    }

    pub(crate) fn is_opening(&self) -> bool {
        self.connection.is_opening() && self.failed.is_none()
    }
}
