//! Rounds: every arm reads the same messages in turn, again and again, and keeps its best time.

use crate::arm::{Arm, Checks, Tally};
use crate::clock;
use crate::table::{Row, Table};
use std::time::{Duration, Instant};

/// An arm and what makes its messages ready to be read.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) checks: Checks,
    pub(crate) fill: Box<dyn FnMut()>,
    pub(crate) arm: Box<dyn Arm>,
}

/// What a contest is about.
#[derive(Debug, Clone)]
pub(crate) struct Contest {
    pub(crate) mode: &'static str,
    pub(crate) workload: String,
    /// What every arm has to see in every round.
    pub(crate) expected: Tally,
    pub(crate) rounds: usize,
}

/// The arm that others are compared with.
fn best(entries: &[Entry], times: &[Vec<Duration>], checks: Checks) -> Option<f64> {
    let at = entries.iter().position(|entry| entry.checks == checks)?;
    times[at].iter().min().map(Duration::as_secs_f64)
}

/// One round of one arm: nothing but the reading is timed.
fn round(entry: &mut Entry, expected: Tally) -> Duration {
    (entry.fill)();
    let start = clock::now();
    read(entry, expected, start);
    clock::now() - start
}

/// Reads all that was filled in; a wrong count is the end of the program, for its times mean nothing.
fn read(entry: &mut Entry, expected: Tally, start: Instant) {
    let mut seen = Tally::default();
    loop {
        seen += entry.arm.drain(expected.messages - seen.messages);
        if seen.messages >= expected.messages {
            break;
        }
        assert!(
            clock::now() - start < Duration::from_secs(20),
            "{}: only {seen:?} of {expected:?} came",
            entry.name
        );
    }
    assert_eq!(seen, expected, "{}", entry.name);
}

/// Runs the rounds: the order rotates, and turns around every other time, so that nobody always follows the same one.
pub(crate) fn run(contest: &Contest, entries: &mut [Entry]) -> Table {
    let Contest { mode, workload, expected, rounds } = contest;
    eprintln!("{mode}: {workload}, {} messages a round, {rounds} rounds", expected.messages);
    let mut allocations = Vec::new();
    for entry in &mut *entries {
        for _ in 0..2 {
            round(entry, *expected);
        }
        (entry.fill)();
        let counted = allocation_counter::measure(|| read(entry, *expected, clock::now()));
        allocations.push(counted.count_total);
    }
    let count = entries.len();
    let mut times = vec![Vec::with_capacity(*rounds); count];
    for turn in 0..*rounds {
        for step in 0..count {
            let at = if turn % 2 == 0 { (turn + step) % count } else { (turn + count - step) % count };
            times[at].push(round(&mut entries[at], *expected));
        }
    }
    table(contest, entries, times, &allocations)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn table(contest: &Contest, entries: &[Entry], mut times: Vec<Vec<Duration>>, allocations: &[u64]) -> Table {
    let messages = contest.expected.messages as f64;
    let floor = best(entries, &times, Checks::Floor);
    let utf8 = best(entries, &times, Checks::FloorUtf8);
    let mut rows = Vec::new();
    for ((entry, times), allocations) in entries.iter().zip(&mut times).zip(allocations) {
        times.sort_unstable();
        let best = times[0].as_secs_f64();
        let median = times[times.len() / 2].as_secs_f64();
        rows.push(Row {
            arm: entry.name.to_owned(),
            checks: entry.checks,
            values: vec![
                Some(best * 1e9 / messages),
                floor.map(|floor| best / floor),
                utf8.map(|utf8| best / utf8),
                Some(*allocations as f64 / messages),
                Some(median * 1e9 / messages),
            ],
        });
    }
    Table {
        mode: contest.mode,
        workload: contest.workload.clone(),
        columns: &["ns/message", "x floor", "x floor+utf8", "allocations/message", "median ns"],
        rows,
    }
}
