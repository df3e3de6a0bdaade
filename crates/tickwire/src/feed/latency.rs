//! What a feed knows of the time that its messages took.

use super::Feed;
use crate::stages::Stages;

impl<S> Feed<S> {
    /// How long the messages took in each stage, over all connections since the beginning, copies included.
    pub fn stages(&mut self) -> &Stages {
        self.laps.stages()
    }
}
