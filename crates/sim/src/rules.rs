//! What all connections of a server obey.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::options::{Fragments, Options};

/// Longer than any server runs.
pub(crate) const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);
/// A client that leaves more unsent than this is closed.
pub(crate) const UNSENT_MAX: usize = 8 * 1024 * 1024;
/// How long an answer waits for the next one when answers come out of order.
const OUT_OF_ORDER: Duration = Duration::from_millis(50);

/// The times and rates among the options, made safe to add to a time.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) deflate: bool,
    pub(crate) ping_interval: Duration,
    pub(crate) pong_timeout: Duration,
    pub(crate) messages_per_second: usize,
    /// How long nobody is let in after one sent too many.
    pub(crate) penalty: Option<Duration>,
    pub(crate) duplicate_every: Option<u64>,
    pub(crate) muted: BTreeSet<String>,
    pub(crate) silent_after: Option<Duration>,
    pub(crate) answer_delay: Duration,
    /// How much longer every second answer waits, if it does.
    pub(crate) answer_swap: Option<Duration>,
    pub(crate) fragments: Option<Fragments>,
    pub(crate) shutdown_after: Option<Duration>,
    pub(crate) cut_after: Option<Duration>,
}

impl Rules {
    pub(crate) fn of(options: &Options) -> Self {
        let faults = &options.faults;
        // A caller may say "never" with the longest duration there is, and no deadline may overflow.
        let bounded = |duration: Duration| duration.min(FOREVER);
        Self {
            deflate: options.deflate,
            ping_interval: bounded(options.ping_interval),
            pong_timeout: bounded(options.pong_timeout),
            messages_per_second: options.messages_per_second,
            penalty: options.binance.penalty.map(bounded),
            duplicate_every: faults.duplicate_every,
            muted: faults.muted.iter().cloned().collect(),
            silent_after: faults.silent_after.map(bounded),
            answer_delay: bounded(faults.answer_delay),
            answer_swap: faults.answers_out_of_order.then_some(OUT_OF_ORDER),
            fragments: faults.fragments,
            shutdown_after: faults.shutdown_after.map(bounded),
            cut_after: faults.cut_after.map(bounded),
        }
    }
}
