//! The numbers of the venue's schema `spot_stream`.

/// The schema's id; it changes when old readers would misread.
pub(super) const SCHEMA_ID: u16 = 1;

pub(super) const TRADES: u16 = 10_000;
pub(super) const BEST_BID_ASK: u16 = 10_001;
pub(super) const DEPTH_SNAPSHOT: u16 = 10_002;
pub(super) const DEPTH_DIFF: u16 = 10_003;

/// The number that stands for "none" in a signed field of 64 bits.
pub(super) const NULL: i64 = i64::MIN;
