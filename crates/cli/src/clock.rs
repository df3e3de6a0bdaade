//! Time: the one place of this crate that reads the clock, and how people write durations.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tickwire::venue::Now;

#[expect(clippy::disallowed_methods, reason = "everything else gets its time from here")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// This moment by both clocks.
pub(crate) fn both() -> Now {
    #[expect(clippy::disallowed_methods, reason = "everything else gets its time from here")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { instant: now(), unix_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}

/// A time as people type it: `5` or `0.5` seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// A long time as people type it: `30s`, `90m`, `23h` or `2d`; at least a second.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 24 * 3600)];
    let parts = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (number, unit) = parts.ok_or("a unit is missing: s, m, h or d, as in 90m")?;
    let number: u64 = number.parse().map_err(|_| "not a whole number with a unit, as in 90m".to_owned())?;
    match number.checked_mul(*unit) {
        None => Err("that is too long".to_owned()),
        Some(0) => Err("that is no time at all".to_owned()),
        Some(seconds) => Ok(Duration::from_secs(seconds)),
    }
}

/// A time as people read it: `45 ms`, `1.2 s`, `90 s`, `23 h`.
pub(crate) fn words(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    match seconds {
        0.0..0.001 => format!("{:.2} ms", seconds * 1e3),
        0.001..0.1 => format!("{:.1} ms", seconds * 1e3),
        0.1..1.0 => format!("{:.0} ms", seconds * 1e3),
        1.0..10.0 => format!("{seconds:.1} s"),
        10.0..600.0 => format!("{seconds:.0} s"),
        600.0..7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// A short time as people read it: `840 ns`, `4.2 µs`, `45 µs`, `1.2 ms`, `3.4 s`.
pub(crate) fn brief(ns: u64) -> String {
    let units = [(1, "ns"), (1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "s")];
    let (size, unit) = units.into_iter().rev().find(|(size, _)| ns >= *size).unwrap_or((1, "ns"));
    let tenths = ns / (size / 10).max(1);
    // One digit behind the point where there is only one before it; none that were not measured.
    if size > 1 && tenths < 100 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", ns / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_whole_numbers_with_a_unit() {
        for (text, seconds) in [("30s", 30), ("90m", 5400), ("23h", 82_800), ("2d", 172_800)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "30", "0s", "-1s", "1.5h", "1 h", "9h9m", "999999999999999999d"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn short_times_are_told_in_the_unit_that_fits() {
        let told = [0, 840, 1_000, 4_290, 45_678, 654_321, 1_234_567, 12_345_678_901].map(brief);
        assert_eq!(told, ["0 ns", "840 ns", "1.0 µs", "4.2 µs", "45 µs", "654 µs", "1.2 ms", "12 s"]);
    }

    #[test]
    fn spans_are_told_with_as_many_digits_as_anybody_reads() {
        let told = [40, 1_234, 45_678, 654_321, 1_234_567, 45_678_901, 5_400_000_000, 82_800_000_000]
            .map(|us| words(Duration::from_micros(us)));
        assert_eq!(told, ["0.04 ms", "1.2 ms", "45.7 ms", "654 ms", "1.2 s", "46 s", "90 min", "23.0 h"]);
        assert_eq!(words(Duration::ZERO), "0.00 ms");
    }
}
