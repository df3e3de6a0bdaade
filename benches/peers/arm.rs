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

/// What stands below the tables: the signs, and who is missing where.
pub(crate) const LEGEND: &str = "\
*  not a client: the least that finds the payloads. At 64 KiB and more a client that reads into a smaller buffer can be \
faster than the floor, which has each frame in one piece; the floor in pieces has not.
** no UTF-8, limit or fragment checks; hands out frames, not messages; masks with a key of zero. Under TLS: over rustls \
0.23 like the others (its own feature brings 0.22).
The asynchronous clients are missing from the round trips, because their runtimes do not spin, and from the connections.
Under TLS the peers read through rustls' buffered API, as they are used.";

/// The same for a build without the peers.
pub(crate) const MISSING: &str =
    "boomnet and the asynchronous clients are missing: build with `--features peers`.";
