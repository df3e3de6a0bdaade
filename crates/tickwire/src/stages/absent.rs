//! What stands in for the clocks of the stages where there are none.

use crate::transport::Transport;

/// Of a socket.
#[derive(Debug)]
pub(crate) struct ReadMark;

impl ReadMark {
    pub(crate) fn new() -> Self {
        Self
    }

    #[inline]
    pub(crate) fn returned(&mut self) {}
}

/// Of a client.
#[derive(Debug)]
pub(crate) struct Laps;

impl Laps {
    pub(crate) fn new() -> Self {
        Self
    }

    #[inline]
    pub(crate) fn asked(&mut self) {}

    #[inline]
    pub(crate) fn opened(&mut self, _: &impl Transport) {}

    #[inline]
    pub(crate) fn found(&mut self) {}
}

/// Of a feed.
#[derive(Debug)]
pub(crate) struct FeedLaps;

impl FeedLaps {
    pub(crate) fn new() -> Self {
        Self
    }

    #[inline]
    pub(crate) fn decoded(&mut self, _: &mut Laps) {}

    #[inline]
    pub(crate) fn delivered(&mut self) {}
}
