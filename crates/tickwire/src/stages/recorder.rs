//! How long the messages took in each stage.

use std::time::Duration;
use tickwire_feed::Histogram;

/// The longest span that is told apart.
const SPAN_MAX: Duration = Duration::from_secs(60);

/// How long messages took from stage to stage, in nanoseconds, up to a minute. Stages that a message did not pass, or whose
/// beginning nobody knows, are not counted, nor are messages that are read part by part. One recorder takes some 200 KB.
///
/// ```text
///  kernel ──► the read returned ──► opened ──► its turn came ──► found ──► decoded ──► with the caller
///       read_ns        decrypted_ns      queued_ns       parsed_ns   decoded_ns  delivered_ns
/// ```
#[derive(Debug, Clone)]
pub struct Stages {
    /// From the [kernel's time](crate::Client::kernel_ns) of the last packet of the read that completed the message to the
    /// return of that read: above all, how long the bytes waited for somebody to read them. Counted where kernel
    /// timestamps are on ([`Builder::kernel_timestamps`](crate::Builder::kernel_timestamps)). A wall clock that is set
    /// back in between makes it 0.
    pub read_ns: Histogram<u64>,
    /// From there until all that the read brought was in the receive buffer: opened, if under TLS. One read of many
    /// messages took that long for each of them.
    pub decrypted_ns: Histogram<u64>,
    /// From there until the client looked for the message: the time that the others of the same read took, with all that
    /// the caller did with them.
    pub queued_ns: Histogram<u64>,
    /// From there until its frames were checked and found to be a whole message.
    pub parsed_ns: Histogram<u64>,
    /// From there until the venue's session had read it. Of a feed only.
    pub decoded_ns: Histogram<u64>,
    /// From there until its first event was returned to the caller; a message without an event is not counted. Of a feed
    /// only: a client returns a message as soon as it is found.
    pub delivered_ns: Histogram<u64>,
}

impl Stages {
    pub(super) fn new() -> Self {
        Self {
            read_ns: spans(),
            decrypted_ns: spans(),
            queued_ns: spans(),
            parsed_ns: spans(),
            decoded_ns: spans(),
            delivered_ns: spans(),
        }
    }

    /// The stages by name, in the order in which a message passes them.
    pub fn in_order(&self) -> [(&'static str, &Histogram<u64>); 6] {
        [
            ("read", &self.read_ns),
            ("decrypted", &self.decrypted_ns),
            ("queued", &self.queued_ns),
            ("parsed", &self.parsed_ns),
            ("decoded", &self.decoded_ns),
            ("delivered", &self.delivered_ns),
        ]
    }
}

/// A span goes into a histogram.
pub(super) fn record(spans: &mut Histogram<u64>, span: Duration) {
    spans.saturating_record(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
}

/// Two digits, from a nanosecond on.
fn spans() -> Histogram<u64> {
    let max_ns = u64::try_from(SPAN_MAX.as_nanos()).unwrap_or(u64::MAX);
    #[expect(clippy::expect_used, reason = "the bounds are constants that the library documents as valid")]
    Histogram::new_with_bounds(1, max_ns, 2).expect("valid bounds")
}
