//! What the user says, and what there is to see.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Which payloads are sent from their own memory; for [`Builder::zero_copy`](crate::Builder::zero_copy).
///
/// ```
/// use tickwire::{Client, ZeroCopy};
/// let builder = Client::builder().zero_copy(ZeroCopy::default().threshold(32 << 10));
/// ```
#[derive(Debug, Clone)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "of no effect there"))]
pub struct ZeroCopy {
    pub(super) threshold: usize,
    pub(super) goes_on_when_copied: bool,
    pub(super) held: Option<Arc<AtomicBool>>,
}

impl Default for ZeroCopy {
    fn default() -> Self {
        Self { threshold: 10 << 10, goes_on_when_copied: false, held: None }
    }
}

impl ZeroCopy {
    /// Payloads of so many bytes and more, at least 1. Default 10 KiB, which is where the kernel's documentation expects that a
    /// copy begins to cost more than pinning the memory and telling of it.
    #[must_use]
    pub fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes.max(1);
        self
    }

    /// For tests: goes on when the kernel tells that it copied after all. It always does between two ends on one machine.
    #[must_use]
    pub fn go_on_when_copied(mut self) -> Self {
        self.goes_on_when_copied = true;
        self
    }

    /// For tests: while this is true, completions are left with the kernel, as if they had not come. A connection that is
    /// dropped takes them all the same.
    #[must_use]
    pub fn hold_completions(mut self, held: Arc<AtomicBool>) -> Self {
        self.held = Some(held);
        self
    }
}

/// What became of sends that were not to be copied; from [`Socket::zero_copy`](crate::Socket::zero_copy).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ZeroCopyStats {
    /// Sends that the kernel took so; a payload may need several.
    pub sends: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Sends whose memory the kernel may still read.
    pub in_flight: usize,
    /// Their bytes.
    pub in_flight_bytes: usize,
    /// Sends of which the kernel told that it copied them after all.
    pub copied: u64,
    /// Sends that were made in the ordinary way because the kernel had no room left to tell of their end (`ENOBUFS`).
    pub fell_back: u64,
    /// Completions of sends that were complete already or never made. The kernel sends none.
    pub unexpected: u64,
    /// The kernel has copied, so that it is asked no more: what is sent now is sent in the ordinary way.
    pub is_off: bool,
}
