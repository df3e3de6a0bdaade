//! What stands in for the clocks of the stages where there are none.

use crate::transport::Transport;

/// Of a socket.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReadMark;

impl ReadMark {
    #[inline]
    pub(crate) fn returned(&mut self) {}
}

/// Of a client.
#[derive(Debug, Default)]
pub(crate) struct Laps;

impl Laps {
    #[inline]
    pub(crate) fn asked(&mut self) {}

    #[inline]
    pub(crate) fn opened(&mut self, _: &impl Transport) {}

    #[inline]
    pub(crate) fn found(&mut self) {}
}

/// Of a feed.
#[derive(Debug, Default)]
pub(crate) struct FeedLaps;

impl FeedLaps {
    #[inline]
    pub(crate) fn decoded(&mut self, _: &mut Laps) {}

    #[inline]
    pub(crate) fn delivered(&mut self) {}
}
