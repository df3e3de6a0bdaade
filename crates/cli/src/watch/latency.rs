//! How long messages took: from the kernel and from the venue to this program, and through its stages.

use crate::clock::brief;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use tickwire::{Arrival, Histogram};
use tickwire_chart::{Bar, Chart, OURS, svg};

/// The longest span that is told apart: an hour.
const SPAN_MAX_NS: u64 = 3_600_000_000_000;
/// The longest bar of a drawing on a terminal.
const BAR_MAX: u64 = 40;

/// What was seen since the beginning.
#[derive(Debug)]
pub(crate) struct Latency {
    kernel: Spans,
    venue: Spans,
    /// By name, as the feed has them at the end; none in a program without their clocks.
    pub(crate) stages: Vec<(&'static str, Histogram<u64>)>,
}

/// Spans between two clocks, of which the second should be the later.
#[derive(Debug)]
struct Spans {
    name: &'static str,
    ns: Histogram<u64>,
    /// How many were negative, and the farthest of them: in no histogram.
    negative: u64,
    negative_max_ns: u64,
}

impl Latency {
    pub(crate) fn new() -> Self {
        Self { kernel: Spans::new("kernel to user"), venue: Spans::new("venue to user"), stages: Vec::new() }
    }

    /// Counts an event that a message brought.
    pub(crate) fn count(&mut self, arrival: &Arrival<'_>) {
        let Some(received_ns) = arrival.received_ns else { return };
        if let Some(kernel_ns) = arrival.kernel_ns {
            self.kernel.record(kernel_ns, received_ns);
        }
        if let Some(venue_ns) = arrival.event.venue_time_ns() {
            self.venue.record(venue_ns, received_ns);
        }
    }

    fn both(&self) -> [&Spans; 2] {
        [&self.kernel, &self.venue]
    }

    /// Both in a line, as they are now.
    pub(crate) fn told(&self) -> String {
        self.both().map(Spans::told).join("   ")
    }

    /// For people: tables, and a bar for each bucket.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        table(out, "latency", "events", self.both().map(|spans| (spans.name, &spans.ns)))?;
        for Spans { name, negative, negative_max_ns, .. } in self.both() {
            if *negative > 0 {
                let most = brief(*negative_max_ns);
                let why = "one clock is ahead of the other";
                writeln!(out, "{name}: {negative} more were negative, {most} at most: {why}")?;
            }
        }
        if !self.stages.is_empty() {
            table(out, "stage", "messages", self.stages.iter().map(|(name, spans)| (*name, spans)))?;
        }
        self.both().into_iter().filter(|spans| !spans.ns.is_empty()).try_for_each(|spans| spans.bars(out))
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let spans = |spans: &Spans| {
            let mut of = object(&spans.ns);
            of.insert("negative".into(), spans.negative.into());
            of.insert("negative_max_ns".into(), spans.negative_max_ns.into());
            of.insert("buckets".into(), buckets(&spans.ns).iter().map(Bucket::json).collect());
            of
        };
        let stages: Map<_, _> =
            self.stages.iter().map(|(name, spans)| ((*name).to_owned(), object(spans).into())).collect();
        json!({
            "event": "latency", "kernel_to_user": spans(&self.kernel), "venue_to_user": spans(&self.venue),
            "stages": (!stages.is_empty()).then_some(stages),
        })
    }

    /// All of it as an SVG file.
    pub(crate) fn svg(&self) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let mut charts: Vec<Chart> = self.both().map(Spans::chart).into();
        if !self.stages.is_empty() {
            let bars = self.stages.iter().map(|(name, spans)| stage(name, spans)).collect();
            charts.push(Chart {
                title: "stages: median of the messages, and what one in a hundred is beyond".into(),
                bars,
            });
        }
        svg(&charts)
    }
}

impl Spans {
    fn new(name: &'static str) -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the bounds are constants that the library documents as valid"
        )]
        let ns = Histogram::new_with_bounds(1, SPAN_MAX_NS, 3).expect("valid bounds");
        Self { name, ns, negative: 0, negative_max_ns: 0 }
    }

    fn record(&mut self, from_ns: u64, to_ns: u64) {
        match to_ns.checked_sub(from_ns) {
            Some(span) => self.ns.saturating_record(span),
            None => {
                self.negative += 1;
                self.negative_max_ns = self.negative_max_ns.max(from_ns - to_ns);
            }
        }
    }

    fn told(&self) -> String {
        let Self { name, ns, .. } = self;
        if ns.is_empty() {
            return format!("{name} -");
        }
        let [median, most] = [0.5, 0.99].map(|at| brief(ns.value_at_quantile(at)));
        format!("{name} {median} (p99 {most})")
    }

    /// On a terminal.
    fn bars(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.name)?;
        let buckets = buckets(&self.ns);
        let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(1);
        for Bucket { from_ns, below_ns, count } in buckets {
            let length = usize::try_from((count * BAR_MAX).div_ceil(most)).unwrap_or_default();
            let span = format!("{} to {}", brief(from_ns), brief(below_ns));
            writeln!(out, "  {span:>20}  {} {count}", "█".repeat(length))?;
        }
        Ok(())
    }

    fn chart(&self) -> Chart {
        let Self { name, ns, negative, .. } = self;
        let bar = |Bucket { from_ns, below_ns, count }: &Bucket| Bar {
            label: format!("{} to {}", brief(*from_ns), brief(*below_ns)),
            value: as_float(*count),
            figure: count.to_string(),
            color: OURS,
        };
        let told = if ns.is_empty() { "nothing".to_owned() } else { summary(ns) };
        let negative = if *negative > 0 { format!("; {negative} more were negative") } else { String::new() };
        let title = format!("{name}: {told}{negative}");
        Chart { title, bars: buckets(ns).iter().map(bar).collect() }
    }
}

/// Spans of about the same length.
#[derive(Debug, PartialEq, Eq)]
struct Bucket {
    from_ns: u64,
    below_ns: u64,
    count: u64,
}

impl Bucket {
    fn json(&self) -> Value {
        json!({"from_ns": self.from_ns, "below_ns": self.below_ns, "count": self.count})
    }
}

/// Buckets with bounds of 1, 2 and 5 in each power of ten, from the first that is not empty to the last.
fn buckets(spans: &Histogram<u64>) -> Vec<Bucket> {
    let bounds = (0..14).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)));
    let bounds: Vec<u64> = std::iter::once(0).chain(bounds).collect();
    let mut buckets: Vec<Bucket> = bounds
        .iter()
        .zip(bounds.iter().skip(1))
        .map(|(from, below)| Bucket { from_ns: *from, below_ns: *below, count: 0 })
        .collect();
    for at in spans.iter_recorded() {
        // The library tells the upper end of what it does not tell apart.
        let lowest = spans.lowest_equivalent(at.value_iterated_to());
        let bucket = buckets.partition_point(|bucket| bucket.below_ns <= lowest);
        if let Some(bucket) = buckets.get_mut(bucket) {
            bucket.count += at.count_since_last_iteration();
        }
    }
    let is_empty = |bucket: &Bucket| bucket.count == 0;
    let filled = buckets.iter().rposition(|bucket| !is_empty(bucket)).map_or(0, |last| last + 1);
    buckets.truncate(filled);
    buckets.into_iter().skip_while(is_empty).collect()
}

const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// A table for people: a row for each name.
fn table<'a>(
    out: &mut impl Write,
    of: &str,
    counted: &str,
    rows: impl IntoIterator<Item = (&'a str, &'a Histogram<u64>)>,
) -> io::Result<()> {
    let header = ["min", "p50", "p90", "p99", "p99.9", "max"].map(|title| format!("{title:>9}")).concat();
    writeln!(out, "{of:<16}{counted:>9}{header}")?;
    rows.into_iter().try_for_each(|(name, spans)| writeln!(out, "{}", row(name, spans)))
}

/// A line of it.
fn row(name: &str, spans: &Histogram<u64>) -> String {
    let cell = |ns: u64| if spans.is_empty() { "-".to_owned() } else { brief(ns) };
    let quantiles = QUANTILES.map(|at| spans.value_at_quantile(at));
    let values = [spans.min()].into_iter().chain(quantiles).chain([spans.max()]);
    let cells: String = values.map(|ns| format!("{:>9}", cell(ns))).collect();
    format!("{name:<16}{:>9}{cells}", spans.len())
}

fn object(spans: &Histogram<u64>) -> Map<String, Value> {
    let value = |ns: u64| (!spans.is_empty()).then_some(ns);
    let [p50, p90, p99, p999] = QUANTILES.map(|at| value(spans.value_at_quantile(at)));
    let (min, max) = (value(spans.min()), value(spans.max()));
    let fields = [
        ("count", json!(spans.len())),
        ("min_ns", json!(min)),
        ("p50_ns", json!(p50)),
        ("p90_ns", json!(p90)),
        ("p99_ns", json!(p99)),
        ("p999_ns", json!(p999)),
        ("max_ns", json!(max)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// In a line of words.
fn summary(spans: &Histogram<u64>) -> String {
    let [p50, p90, p99, p999] = QUANTILES.map(|at| brief(spans.value_at_quantile(at)));
    format!(
        "{} events, p50 {p50}, p90 {p90}, p99 {p99}, p99.9 {p999}, max {}",
        spans.len(),
        brief(spans.max())
    )
}

fn stage(name: &str, spans: &Histogram<u64>) -> Bar {
    let [p50, p99] = [0.5, 0.99].map(|at| spans.value_at_quantile(at));
    let figure = if spans.is_empty() { "-".to_owned() } else { format!("{} ({})", brief(p50), brief(p99)) };
    Bar { label: name.to_owned(), value: as_float(p50), figure, color: OURS }
}

#[expect(clippy::cast_precision_loss, reason = "for the eye")]
fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire::venue::{Event, Status, StatusKind};

    fn arrival(
        venue_time_ns: Option<u64>,
        received_ns: Option<u64>,
        kernel_ns: Option<u64>,
    ) -> Arrival<'static> {
        let event = Event::Status(Status { kind: StatusKind::Other, text: "", venue_time_ns });
        Arrival { event, raw: b"", received_ns, kernel_ns, route: None }
    }

    #[test]
    fn spans_begin_at_the_kernel_and_at_the_venue_and_end_with_the_read() {
        let mut latency = Latency::new();
        latency.count(&arrival(Some(1_000), Some(1_500), Some(1_400)));
        latency.count(&arrival(None, Some(1_500), Some(1_300)));
        latency.count(&arrival(Some(1_000), None, None));
        let json = latency.json();
        assert_eq!(json["kernel_to_user"]["count"], 2);
        assert_eq!(
            (&json["kernel_to_user"]["min_ns"], &json["kernel_to_user"]["max_ns"]),
            (&100.into(), &200.into())
        );
        assert_eq!(
            (&json["venue_to_user"]["count"], &json["venue_to_user"]["p50_ns"]),
            (&1.into(), &500.into())
        );
        assert_eq!(json["stages"], Value::Null);
    }

    #[test]
    fn what_would_be_negative_is_counted_apart_and_told() {
        let mut latency = Latency::new();
        latency.count(&arrival(Some(u64::MAX), Some(0), None));
        latency.count(&arrival(Some(2_000), Some(1_000), None));
        latency.count(&arrival(Some(1_000), Some(1_000), None));
        let venue = &latency.json()["venue_to_user"];
        assert_eq!((&venue["count"], &venue["max_ns"]), (&1.into(), &0.into()));
        assert_eq!((&venue["negative"], &venue["negative_max_ns"]), (&2.into(), &u64::MAX.into()));
        let mut told = Vec::new();
        latency.write(&mut told).unwrap();
        let told = String::from_utf8(told).unwrap();
        assert!(told.contains("venue to user: 2 more were negative, "), "{told}");
    }

    #[test]
    fn buckets_are_those_of_a_plain_count() {
        let mut spans = Spans::new("x");
        let values = [3, 999, 1_000, 1_999, 2_000, 40_000];
        values.iter().for_each(|value| spans.record(0, *value));
        let buckets = buckets(&spans.ns);
        let counted = |from: u64, below: u64| {
            values.iter().filter(|value| (from..below).contains(value)).count() as u64
        };
        assert!(buckets.iter().all(|of| of.count == counted(of.from_ns, of.below_ns)), "{buckets:?}");
        assert_eq!(buckets.iter().map(|of| of.count).sum::<u64>(), 6);
        assert_eq!((buckets[0].from_ns, buckets[buckets.len() - 1].below_ns), (2, 50_000));
        assert!(buckets.windows(2).all(|pair| pair[0].below_ns == pair[1].from_ns));
    }

    #[test]
    fn a_drawing_has_a_bar_for_each_bucket_and_each_stage() {
        let mut latency = Latency::new();
        for kernel_ns in [100, 900] {
            latency.count(&arrival(None, Some(1_000), Some(kernel_ns)));
        }
        latency.stages = vec![("decoded", latency.kernel.ns.clone())];
        let svg = latency.svg().unwrap();
        for written in ["100 ns to 200 ns", "500 ns to 1.0 µs", "decoded", "venue to user: nothing"] {
            assert!(svg.contains(written), "no {written} in {svg}");
        }
        // The bucket between them is empty.
        assert_eq!(svg.matches("#1F77B4").count(), 2 + 1, "{svg}");
    }
}
