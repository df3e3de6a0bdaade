//! Events about the books that a session keeps.

use crate::level::Level;

use super::market::Instrument;

/// Something about a book that the session keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookEvent {
    /// Of what.
    pub instrument: Instrument,
    /// What about it.
    pub change: BookChange,
}

/// What happened to a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BookChange {
    /// The book is complete for the first time.
    Synced {
        /// The update id it stands at.
        update_id: u64,
    },
    /// The book is complete again.
    Resynced {
        /// The update id it stands at.
        update_id: u64,
    },
    /// A diff was applied.
    Updated {
        /// The update id it stands at.
        update_id: u64,
    },
    /// A diff brought nothing new and was left out.
    Ignored {
        /// The last id of the diff.
        last_id: u64,
        /// The id that was reached before.
        update_id: u64,
    },
    /// Updates are missing. The last good book stays readable, stale, until a new one is complete.
    Gap {
        /// The id that would have continued the book, or the diffs collected for it.
        expected: u64,
        /// The id that came in its place: the first of the diff, or the one that it follows where the venue
        /// chains diffs so.
        got: u64,
    },
    /// A snapshot was older than the first diff collected; it is fetched again.
    StaleSnapshot {
        /// The id of the snapshot.
        snapshot_id: u64,
        /// The first id collected.
        first_id: u64,
    },
    /// Too much was collected while waiting for a snapshot; collecting starts over.
    Overflow {
        /// Levels that were thrown away.
        levels: usize,
    },
    /// A side was over its bound and lost its worst levels.
    Trimmed {
        /// Levels dropped by this update.
        levels: u64,
    },
    /// The best bid is at or above the best ask, which no book of a market is: the book is made anew.
    Crossed {
        /// The update id it stood at.
        update_id: u64,
    },
    /// A quote of the same update id shows another top: the book is wrong in a level that no diff
    /// corrected, as after a snapshot from inside the interval of a diff. It is made anew.
    Suspect {
        /// The update id of both.
        update_id: u64,
    },
    /// The stream was lost: the book stays readable, stale, until it is complete again. Not told where the stream was
    /// unsubscribed, which makes the book stale, too.
    Stale {
        /// The update id it stands at.
        update_id: u64,
    },
}

/// A comparison of the book with a quote of the same update id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopCheck {
    /// Of what.
    pub instrument: Instrument,
    /// The update id of both.
    pub update_id: u64,
    /// Whether price and quantity are equal on both sides.
    pub agrees: bool,
    /// The bid and ask of the quote.
    pub quote: (Option<Level>, Option<Level>),
    /// The best bid and ask of the book.
    pub book: (Option<Level>, Option<Level>),
}
