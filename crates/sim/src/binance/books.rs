//! What the rooms here must know of a venue of Binance.

use super::tariff::Account;
use crate::clock::Now;
use crate::market::{Instrument, Snapshot};
use crate::venue::Venue;

/// A venue of Binance.
pub(super) trait Books: Venue {
    /// Whether it tells of a coming disconnect.
    const ANNOUNCES_END: bool;

    fn account(&mut self) -> &mut Account;

    /// The answer to a request for a book, down to `limit` levels a side.
    fn book(instrument: &Instrument, snapshot: &Snapshot, limit: usize, now: Now) -> String;
}
