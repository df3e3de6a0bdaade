//! tickwire, by each of its two ways to read.

use crate::arm::{Arm, Tally};
use std::hint::black_box;
use tickwire::{Client, Transport};

/// Messages as the slices of their frames.
pub(crate) struct Direct<T>(pub(crate) Client<T>);

/// Messages as one slice each.
pub(crate) struct Joined<T>(pub(crate) Client<T>);

impl<T: Transport> Arm for Direct<T> {
    fn drain(&mut self, until: u64) -> Tally {
        let mut seen = Tally::default();
        while seen.messages < until
            && let Some(message) = self.0.next_message_direct().expect("valid frames")
        {
            for fragment in message.fragments() {
                seen.bytes += black_box(fragment).len() as u64;
            }
            seen.messages += 1;
        }
        seen
    }
}

impl<T: Transport> Arm for Joined<T> {
    fn drain(&mut self, until: u64) -> Tally {
        let mut seen = Tally::default();
        while seen.messages < until
            && let Some(payload) = self.0.next_message().expect("valid frames")
        {
            seen.bytes += black_box(payload.bytes).len() as u64;
            seen.messages += 1;
        }
        seen
    }
}
