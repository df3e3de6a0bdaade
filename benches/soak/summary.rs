//! What is printed at the end.

use crate::Reports;
use crate::lane::Report;
use crate::memory::Growth;
use serde_json::json;
use tickwire::Stats;
use tickwire_sim::trial::Tally;

/// Upper ends of the rows of the histogram, in milliseconds.
const ROWS_MS: [u64; 9] = [5, 10, 20, 50, 100, 1_000, 5_000, 20_000, 60_000];

pub(crate) fn print(reports: &Reports, growths: &[Growth]) {
    for report in reports.iter().flatten() {
        let Report { name, tally, stats, troubles, pause, healed_in, .. } = report;
        let Tally { updates, books, gaps, missed, unshown, lost, renewed, .. } = *tally;
        println!("{name}");
        println!("  {updates} updates told, {books} books equal to the venue's own");
        println!("  {gaps} gaps told, {missed} updates missed, {unshown} of them unshown");
        println!("  {} connects, {lost} connections lost, {renewed} renewed without a break", stats.attempts);
        let troubles: Vec<_> = troubles.iter().map(|(name, count)| format!("{count} {name}")).collect();
        println!("  troubles: {}", troubles.join(", "));
        println!("  longest pause of all data {pause:.1?}; all well {healed_in:.1?} after the last trouble");
    }
    if let Some(all) = recoveries(reports) {
        println!(
            "from the loss of a connection to a ready one in its place, {} times",
            all.recovery_us.len()
        );
        let mut from = 0;
        for to in ROWS_MS {
            let count = all.recovery_us.count_between(from * 1_000 + 1, to * 1_000);
            println!("  up to {to:>6} ms  {count:>5}");
            from = to;
        }
        let [median, p99, max] = spans(&all);
        println!("  median {median:.1} ms, p99 {p99:.1} ms, max {max:.1} ms");
    }
    growths.iter().for_each(|growth| println!("memory {growth}"));
}

/// The statistics of the first feed, with the recoveries of all.
fn recoveries(reports: &Reports) -> Option<Stats> {
    let mut reports = reports.iter().flatten();
    let mut all = reports.next()?.stats.clone();
    // All have the same bounds.
    reports.for_each(|report| _ = all.recovery_us.add(&report.stats.recovery_us));
    Some(all)
}

/// Median, 99th percentile and maximum, in milliseconds.
fn spans(stats: &Stats) -> [f64; 3] {
    #[expect(clippy::cast_precision_loss, reason = "for the eye")]
    [0.5, 0.99, 1.0].map(|at| stats.recovery_us.value_at_quantile(at) as f64 / 1_000.0)
}

pub(crate) fn line(reports: &Reports, growths: &[Growth], wrong: &[String]) -> serde_json::Value {
    let venue = |report: &Report| {
        let Tally { updates, books, gaps, missed, unshown, lost, renewed, .. } = report.tally;
        json!({
            "venue": report.name, "updates": updates, "books": books, "gaps": gaps, "missed": missed,
            "unshown": unshown, "lost": lost, "renewed": renewed, "connects": report.stats.attempts,
            "pause_ms": report.pause.as_millis(),
        })
    };
    let growth = |growth: &Growth| json!({"what": growth.what, "second_third_bytes": growth.from, "last_third_bytes": growth.to});
    let recoveries = recoveries(reports).map(|all| {
        let [median, p99, max] = spans(&all);
        json!({"count": all.recovery_us.len(), "median_ms": median, "p99_ms": p99, "max_ms": max})
    });
    json!({
        "wrong": wrong, "venues": reports.iter().flatten().map(venue).collect::<Vec<_>>(),
        "recovery": recoveries, "memory": growths.iter().map(growth).collect::<Vec<_>>(),
    })
}
