//! What all connections of a server obey.

use std::time::Duration;

use crate::options::Options;

/// Longer than any server runs.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);
/// A client that leaves more unsent than this is closed.
pub(crate) const UNSENT_MAX: usize = 8 * 1024 * 1024;

/// The times and rates among the options, made safe to add to a time.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) ping_interval: Duration,
    pub(crate) pong_timeout: Duration,
    pub(crate) messages_per_second: usize,
    pub(crate) shutdown_after: Option<Duration>,
    pub(crate) cut_after: Option<Duration>,
}

impl Rules {
    pub(crate) fn of(options: &Options) -> Self {
        // A caller may say "never" with the longest duration there is, and no deadline may overflow.
        let bounded = |duration: Duration| duration.min(FOREVER);
        Self {
            ping_interval: bounded(options.ping_interval),
            pong_timeout: bounded(options.pong_timeout),
            messages_per_second: options.messages_per_second,
            shutdown_after: options.faults.shutdown_after.map(bounded),
            cut_after: options.faults.cut_after.map(bounded),
        }
    }
}
