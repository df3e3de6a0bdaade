//! Whether a peer that says nothing still takes what is sent to it.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Uptake {
    /// Nothing waited: what is taken fits the system's buffers, whether the peer lives or not.
    #[default]
    Free,
    /// The buffers were full.
    Full,
    /// They were, and something was taken since: so the peer lives.
    Moving,
}

impl Uptake {
    /// What is known when something waits, or nothing.
    pub(super) fn of(waits: bool) -> Self {
        if waits { Self::Full } else { Self::Free }
    }

    /// The transport took something.
    pub(super) fn moved(&mut self) {
        if *self == Self::Full {
            *self = Self::Moving;
        }
    }
}
