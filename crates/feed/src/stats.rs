//! What a feed counts.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest span that is told apart: an hour in microseconds.
const SPAN_MAX_US: u64 = 3_600_000_000;

/// Counts since the beginning, and spans of time in microseconds. Reading them costs the messages nothing.
#[derive(Debug, Clone)]
pub struct Stats {
    /// Messages of all connections, copies included.
    pub messages: u64,
    /// Their payload in bytes.
    pub bytes: u64,
    /// Messages that were left out, since the venue does not document them.
    pub unreadable: u64,
    /// Gaps in streams.
    pub gaps: u64,
    /// Books that were complete again.
    pub resyncs: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// Connections that were opened.
    pub opened: u64,
    /// Connections that were lost, attempts that came to nothing among them, and those that the venue ended by itself
    /// before they were retired, such as behind `serverShutdown`, even in good order and with a successor there already.
    pub lost: u64,
    /// Connections that were retired: a successor was ready, the overlap was over, and they were closed by us.
    pub renewed: u64,
    /// From an attempt to a connection that is ready.
    pub ready_us: Histogram<u64>,
    /// From the loss of the only connection of its place to the next that is ready.
    pub recovery_us: Histogram<u64>,
    /// From the venue's time of an event to the read that brought it, a sample: the clocks of two machines, so that it may
    /// be off by their difference. What lies in the future counts as one.
    pub latency_us: Histogram<u64>,
}

impl Stats {
    pub(crate) fn new() -> Self {
        Self {
            messages: 0,
            bytes: 0,
            unreadable: 0,
            gaps: 0,
            resyncs: 0,
            attempts: 0,
            opened: 0,
            lost: 0,
            renewed: 0,
            ready_us: spans(),
            recovery_us: spans(),
            latency_us: spans(),
        }
    }
}

/// A span goes into a histogram.
pub(crate) fn record(spans: &mut Histogram<u64>, span: Duration) {
    let span = u64::try_from(span.as_micros()).unwrap_or(SPAN_MAX_US);
    spans.saturating_record(span.clamp(1, SPAN_MAX_US));
}

/// Two digits, from a microsecond to an hour.
fn spans() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "the bounds are constants that the library documents as valid")]
    Histogram::new_with_bounds(1, SPAN_MAX_US, 2).expect("valid bounds")
}
