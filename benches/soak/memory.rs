//! Memory over time: what the feeds hold, counted, and what the process has, as the system sees it.

use std::time::Duration;

const KIB: i64 = 1024;

/// By how much what the feeds hold may grow: it moves by half of that with the bursts of the books and with connections that
/// are there twice. A leak of ten bytes an update would show in ten minutes, one of two in an hour.
const HEAP_GROWTH_MAX: i64 = 2 * 1024 * KIB;
/// The same of the process, whose three venues remember the last 100,000 levels of each book.
const RESIDENT_GROWTH_MAX: i64 = 8 * 1024 * KIB;
/// What the venues remember is complete after some minutes, so that a run must be so long for its process to be judged.
const RESIDENT_AFTER: Duration = Duration::from_secs(600);

/// At one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    /// What the feeds have allocated and not given back.
    pub(crate) heap: i64,
    /// The resident size of the process, where the system tells.
    pub(crate) resident: Option<i64>,
}

impl Sample {
    pub(crate) fn new(at: Duration, heap: i64) -> Self {
        Self { at, heap, resident: resident() }
    }
}

/// The medians of the second and of the last third of a run, and what may be between them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    pub(crate) what: &'static str,
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// `None` where the run is too short to judge.
    pub(crate) max: Option<i64>,
}

impl Growth {
    pub(crate) fn is_too_much(&self) -> bool {
        self.max.is_some_and(|max| self.to - self.from > max)
    }
}

impl std::fmt::Display for Growth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, from, to, max } = *self;
        write!(f, "{what}: {} in the second third, {} in the last", mib(from), mib(to))?;
        match max {
            Some(max) => write!(f, ", may grow by {}", mib(max)),
            None => write!(f, ", not judged in so short a run"),
        }
    }
}

/// How memory grew in a run of this length. The first third is for what fills up: buffers, books, what a venue remembers.
pub(crate) fn growths(samples: &[Sample], length: Duration) -> Vec<Growth> {
    let growth = |what, of: fn(&Sample) -> Option<i64>, max| {
        let from = median(samples, of, length / 3, length * 2 / 3)?;
        let to = median(samples, of, length * 2 / 3, length)?;
        Some(Growth { what, from, to, max })
    };
    let resident_max = (length >= RESIDENT_AFTER).then_some(RESIDENT_GROWTH_MAX);
    [
        growth("held by the feeds", |sample| Some(sample.heap), Some(HEAP_GROWTH_MAX)),
        growth("resident, venues included", |sample| sample.resident, resident_max),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn median(samples: &[Sample], of: fn(&Sample) -> Option<i64>, from: Duration, to: Duration) -> Option<i64> {
    let within = samples.iter().filter(|sample| sample.at >= from && sample.at <= to);
    let mut values: Vec<i64> = within.filter_map(of).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// For the eye.
pub(crate) fn mib(bytes: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for the eye")]
    let mib = bytes as f64 / (1024 * KIB) as f64;
    format!("{mib:.2} MiB")
}

/// The resident size of this process in bytes; `None` on systems without /proc.
fn resident() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * KIB)
}
