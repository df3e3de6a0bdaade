//! What goes wrong on purpose.

use std::time::Duration;

use crate::error::Error;

/// What goes wrong on purpose. What is said of snapshots, diffs and bursts concerns the generated market only.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// So many first snapshots of each symbol are older than any diff a client can have seen (Binance).
    pub stale_snapshots: u32,
    /// Snapshots show the book of the moment instead of the last diff's end, so they may hold a quantity
    /// that the next diff does not correct (Binance).
    pub snapshots_inside_intervals: bool,
    /// Every nth diff of each stream is lost for everyone.
    pub drop_diff_every: Option<u64>,
    /// Every nth message of data on a connection is sent twice.
    pub duplicate_every: Option<u64>,
    /// Now and then a book gets thousands of levels at once, and loses them again.
    pub bursts: Option<Bursts>,
    /// These streams or channels are acknowledged and never deliver.
    pub muted: Vec<String>,
    /// A connection of this age gets no more data, while pings and requests are answered as before.
    pub silent_after: Option<Duration>,
    /// Answers come so much later than what they acknowledge, so that data comes before them.
    pub answer_delay: Duration,
    /// Every second answer of a connection waits until after the next one, or 50 ms if there is none.
    pub answers_out_of_order: bool,
    /// Messages are sent in several frames.
    pub fragments: Option<Fragments>,
    /// A connection of this age is told of a shutdown where the venue does so (`serverShutdown` at Binance Spot,
    /// maintenance at Deribit), and a second later closed with 1001.
    pub shutdown_after: Option<Duration>,
    /// A connection of this age loses its TCP connection without a close frame.
    pub cut_after: Option<Duration>,
}

impl Faults {
    pub(super) fn check(&self) -> Result<(), Error> {
        let what = if self.drop_diff_every == Some(0) {
            "every zeroth diff cannot be dropped"
        } else if self.duplicate_every == Some(0) {
            "every zeroth message cannot be sent twice"
        } else if self.bursts.is_some_and(|bursts| bursts.every == 0) {
            "bursts need some time between them"
        } else if self.bursts.is_some_and(|bursts| bursts.levels > Bursts::LEVELS_MAX) {
            "a burst has at most 20,000 levels"
        } else if self.fragments.is_some_and(|fragments| fragments.pieces == 0) {
            "a message cannot be sent in no pieces"
        } else {
            return Ok(());
        };
        Err(Error::Options(what))
    }
}

/// Many levels of every book in one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bursts {
    /// Tenths of a second between two, at least 1. One places the levels, the next withdraws them.
    pub every: u64,
    /// Levels in each, of both sides together, at most 20,000. From about 3,500 on a diff is longer than 64 KiB.
    pub levels: usize,
}

impl Bursts {
    const LEVELS_MAX: usize = 20_000;
}

/// How messages are cut into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragments {
    /// Frames a message, at least 1; a message of fewer bytes has fewer.
    pub pieces: usize,
    /// A ping goes between each two of them. Pongs that echo such a ping do not count as messages.
    pub pings: bool,
}
