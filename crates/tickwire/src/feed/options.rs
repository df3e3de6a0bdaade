//! Settings of a feed.

use super::Feed;
use crate::builder::Builder;
use crate::error::Error;
use std::net::IpAddr;
use std::time::Duration;
use tickwire_feed::Plan;
use tickwire_venue::Session;

/// Settings of a feed, from [`Feed::builder`].
///
/// ```no_run
/// use std::time::Duration;
/// use tickwire::venue::binance::{Binance, Config, Stream};
/// use tickwire::Feed;
///
/// # fn main() -> Result<(), tickwire::Error> {
/// let streams = vec![Stream::Depth { ms: 100 }];
/// let session = Binance::new(Config { symbols: vec!["BTCUSDT".into()], streams, ..Config::spot() })?;
/// let feed = Feed::builder(session).legs(2).renew_after(Duration::from_secs(23 * 3600)).connect()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FeedBuilder<S> {
    session: S,
    client: Builder,
    plan: Plan,
    legs: Vec<Leg>,
}

/// Over what one of several connections to the same streams goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leg {
    /// The address to connect from; `None` lets the system choose.
    pub local: Option<IpAddr>,
    /// Another host that serves the same, such as `stream.binance.com:443`; `None` is that of the session.
    pub host: Option<String>,
}

impl Leg {
    pub(super) fn apply(&self, mut builder: Builder) -> Builder {
        if let Some(local) = self.local {
            builder = builder.local_address(local);
        }
        if let Some(host) = &self.host {
            builder = builder.host(host);
        }
        builder
    }
}

impl<S: Session> FeedBuilder<S> {
    pub(super) fn new(session: S) -> Self {
        Self { session, client: Builder::default(), plan: Plan::default(), legs: Vec::new() }
    }

    /// Settings of each connection. Default are those of [`Client::builder`](crate::Client::builder), with the pings that
    /// fit the venue.
    #[must_use]
    pub fn client(mut self, builder: Builder) -> Self {
        self.client = builder;
        self
    }

    /// Everything about how connections are kept, in place of what [`legs`](Self::legs), [`leg`](Self::leg) and
    /// [`renew_after`](Self::renew_after) have said before.
    #[must_use]
    pub fn plan(mut self, plan: Plan) -> Self {
        self.plan = plan;
        self
    }

    /// So many connections to the same streams, `1..=4`: the first to bring an update wins, and when one is lost nothing
    /// is. Default 1. The venue counts each.
    #[must_use]
    pub fn legs(mut self, legs: usize) -> Self {
        self.plan.legs = legs;
        self
    }

    /// One more connection to the same streams, and over what it goes. The first replaces the usual one.
    #[must_use]
    pub fn leg(mut self, leg: Leg) -> Self {
        self.legs.push(leg);
        self.plan.legs = self.legs.len();
        self
    }

    /// Renews each connection at this age: another is opened, and the old one closed when that has caught up and the overlap
    /// is over ([`Plan::overlap`], 12 s), so that it is renewed no more often than that. Default is an hour before the venue
    /// would end it.
    #[must_use]
    pub fn renew_after(mut self, age: Duration) -> Self {
        self.plan.renew_after = Some(age);
        self
    }

    /// Begins to connect to every endpoint of the session.
    ///
    /// # Errors
    /// As [`Builder::connect`]. What the network does is told by events.
    pub fn connect(self) -> Result<Feed<S>, Error> {
        let Self { session, client, plan, legs } = self;
        Feed::begin(session, client, plan, legs)
    }
}
