//! What is compared: something that reads messages, and how much of them it looks at.

use std::ops::AddAssign;

/// What was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

/// A reader of messages: a client, or a floor that no client can be faster than.
pub(crate) trait Arm {
    /// Reads until `until` messages were seen, or earlier when nothing comes for now.
    fn drain(&mut self, until: u64) -> Tally;
}

/// What an arm verifies of what it reads; one that verifies less is no equal of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checks {
    /// A lower bound: it only finds the payloads.
    Floor,
    /// A lower bound that validates text.
    FloorUtf8,
    /// The rules of the protocol, UTF-8 among them.
    Protocol,
    /// Reserved bits and masking only: no UTF-8, limits or fragment rules; hands out frames instead of messages.
    #[cfg(feature = "peers")]
    Few,
}

impl Checks {
    /// The sign behind the arm's name.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Floor | Self::FloorUtf8 => " *",
            Self::Protocol => "",
            #[cfg(feature = "peers")]
            Self::Few => " **",
        }
    }
}

/// The signs, for the foot of a table.
pub(crate) const LEGEND: &str = "*  not a client: the least that finds the payloads\n\
     ** no UTF-8, limit or fragment checks; hands out frames, not messages";
