//! A feed that is awaited.

use super::ready::Ready;
use crate::error::Error;
use crate::feed::{Arrival, Feed};
use std::time::Duration;
use tickwire_venue::Session;
use tokio::task::coop::consume_budget;

/// A [`Feed`] on a tokio runtime, which needs its I/O and its time enabled.
///
/// Its futures may be dropped before they are ready: nothing is lost by that.
///
/// ```no_run
/// use tickwire::venue::binance::{Binance, Config, Stream};
/// use tickwire::{Client, Feed, tokio::AsyncFeed};
///
/// # async fn follow() -> Result<(), tickwire::Error> {
/// let config = Config { symbols: vec!["BTCUSDT".into()], streams: vec![Stream::Trade], ..Config::spot() };
/// let mut feed = AsyncFeed::new(Feed::connect(Binance::new(config)?, &Client::builder())?)?;
/// while let Some(arrival) = feed.next().await? {
///     println!("{:?}", arrival.event);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AsyncFeed<S> {
    ready: Ready,
    feed: Feed<S>,
}

impl<S: Session> AsyncFeed<S> {
    /// Awaits a feed.
    ///
    /// # Errors
    /// [`Error::Io`] outside of a runtime.
    ///
    /// # Panics
    /// In a runtime without I/O; its futures in one without time.
    pub fn new(feed: Feed<S>) -> Result<Self, Error> {
        Ok(Self { ready: Ready::new(feed.descriptor()?)?, feed })
    }

    /// The next event; `None` once there is no connection and will be none.
    ///
    /// # Errors
    /// As [`Feed::next`].
    pub async fn next(&mut self) -> Result<Option<Arrival<'_>>, Error> {
        Ok(if self.find().await? { self.feed.lend() } else { None })
    }

    /// The feed.
    #[must_use]
    pub fn get_ref(&self) -> &Feed<S> {
        &self.feed
    }

    /// The feed, for what needs no waiting, such as [`Feed::subscribe`]: the next call carries it out.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut Feed<S> {
        &mut self.feed
    }

    async fn find(&mut self) -> Result<bool, Error> {
        loop {
            // A feed that never pauses leaves other tasks their time.
            consume_budget().await;
            if self.feed.find(Some(Duration::ZERO))? {
                return Ok(true);
            }
            if self.feed.is_closed() {
                return Ok(false);
            }
            self.ready.wait(self.feed.next_deadline()).await?;
        }
    }
}
