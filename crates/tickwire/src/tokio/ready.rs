//! A poll that the runtime watches.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::time::timeout_at;

/// A descriptor of a poll, which is ready when one of its sources is.
#[derive(Debug)]
pub(super) struct Ready(AsyncFd<OwnedFd>);

impl Ready {
    /// Begins to watch; an error outside of a runtime.
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe, for what does not own its descriptor; this does"
    )]
    pub(super) fn new(descriptor: OwnedFd) -> io::Result<Self> {
        Handle::try_current().map_err(io::Error::other)?;
        Ok(Self(AsyncFd::with_interest(descriptor, Interest::READABLE)?))
    }

    /// Waits until the poll may have something to tell, or until a time.
    pub(super) async fn wait(&self, until: Option<Instant>) -> io::Result<()> {
        // Cleared before the poll is asked: what comes after that makes it ready again.
        let readable = async { self.0.readable().await.map(|mut ready| ready.clear_ready()) };
        match until {
            None => readable.await,
            Some(until) => timeout_at(until.into(), readable).await.unwrap_or(Ok(())),
        }
    }
}
