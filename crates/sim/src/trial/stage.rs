//! Where a trial takes place: a venue that remembers what it published.

use std::time::Duration;

use super::scene::HOST;
use crate::truth::Levels;
use crate::witness::Witnessed;
use crate::world::World;

/// A venue, and for how long it has been looked at.
pub trait Stage {
    /// Since it began.
    fn elapsed(&self) -> Duration;

    /// The venue's own book after the event with this id, if it remembers one.
    fn book_at(&self, symbol: &str, update_id: u64) -> Option<Levels>;

    /// What was published on the observed streams since the last call.
    fn witnessed(&mut self) -> Vec<Witnessed>;
}

impl Stage for World {
    fn elapsed(&self) -> Duration {
        Self::elapsed(self)
    }

    fn book_at(&self, symbol: &str, update_id: u64) -> Option<Levels> {
        Self::book_at(self, HOST, symbol, update_id)
    }

    fn witnessed(&mut self) -> Vec<Witnessed> {
        self.witness(HOST)
    }
}
