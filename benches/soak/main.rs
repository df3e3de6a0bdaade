//! Feeds of three venues over wss for minutes, while connections are cut, fall silent, lag, lose messages and are renewed:
//! what they tell is held to what the venues published, and what they hold is measured.

mod clock;
mod lane;
mod memory;
mod summary;
mod troubles;
mod venues;

use clap::Parser;
use clock::now;
use lane::{Report, Shared, Wanted};
use memory::{Growth, Sample, growths, mib};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tickwire_sim::Venue;
use tickwire_sim::trial::Tally;

/// Follows three local venues for minutes while things go wrong
///
/// Spot, USD-M and Deribit, each with two symbols, two connections to the same streams, renewed after 25 s with 3 s beside
/// each other. It is checked that every book is the venue's own, level by level, at the same update id after each update;
/// that each update of each stream is told at most once and in order, and once unless a gap that was told before covers it
/// (quotes and USD-M's trades, whose ids do not show a hole, may lack what the venue left out on a connection: counted as
/// `unshown`); that no quote contradicts a book; that nothing is late by more than 90 s at any time, and that all is well
/// within 90 s after the last trouble; that the medians of memory in the last third of the run are not above those in the
/// second: by 2 MiB of what the feeds hold, and in runs of ten minutes by 8 MiB of the process with its venues.
#[derive(Parser)]
struct Arguments {
    /// How long things go wrong; at least 1
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    minutes: u64,
    /// Of the markets and the troubles
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Ends with a line of JSON
    #[arg(long)]
    json: bool,
}

const VENUES: [Venue; 3] = [Venue::BinanceSpot, Venue::BinanceUsdM, Venue::Deribit];
/// Between two lines about how it goes.
const LINE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let length = Duration::from_secs(arguments.minutes * 60);
    let (reports, samples) = run(length, arguments.seed);
    let growths = growths(&samples, length);
    let wrong = verdict(&reports, &growths);
    summary::print(&reports, &growths);
    wrong.iter().for_each(|what| println!("WRONG: {what}"));
    println!("{}", if wrong.is_empty() { "all is well" } else { "not all is well" });
    if arguments.json {
        println!("{}", summary::line(&reports, &growths, &wrong));
    }
    ExitCode::from(u8::from(!wrong.is_empty()))
}

type Reports = Vec<Result<Report, String>>;

/// All venues at once, each on a thread; this one looks at the memory.
fn run(length: Duration, seed: u64) -> (Reports, Vec<Sample>) {
    let shared = VENUES.map(|_| Shared::default());
    let (stop, began) = (AtomicBool::new(false), now());
    let (mut reports, mut samples, mut line_at) = (Vec::new(), Vec::new(), LINE);
    std::thread::scope(|scope| {
        let (done, ended) = mpsc::channel();
        for (venue, shared) in VENUES.into_iter().zip(&shared) {
            let (done, stop) = (done.clone(), &stop);
            scope.spawn(move || {
                let report = lane::run(Wanted { venue, seed, storm: length }, shared, stop);
                // Who waits has not gone.
                let _ = done.send(report.map_err(|error| format!("{venue:?}: {error}")));
            });
        }
        while reports.len() < VENUES.len() {
            match ended.recv_timeout(Duration::from_secs(1)) {
                Ok(report) => {
                    let is_well = report.as_ref().is_ok_and(|report: &Report| report.wrong.is_none());
                    stop.fetch_or(!is_well, Ordering::Relaxed);
                    reports.push(report);
                }
                Err(RecvTimeoutError::Timeout) => {
                    let heap = shared.iter().map(|shared| shared.heap.load(Ordering::Relaxed)).sum();
                    let sample = Sample::new(began.elapsed(), heap);
                    samples.push(sample);
                    if sample.at >= line_at {
                        line_at += LINE;
                        progress(&sample, &shared);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    });
    (reports, samples)
}

fn progress(sample: &Sample, shared: &[Shared]) {
    let tally = |shared: &Shared| *shared.tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Tally { updates, books, gaps, lost, renewed, .. } =
        shared.iter().map(tally).fold(Tally::default(), |sum, tally| sum + tally);
    let (minutes, seconds) = (sample.at.as_secs() / 60, sample.at.as_secs() % 60);
    let resident = sample.resident.map_or_else(|| "unknown".to_owned(), mib);
    println!(
        "{minutes:>3}:{seconds:02}  {updates} updates, {books} books, {gaps} gaps, {lost} lost, {renewed} renewed, \
         feeds {}, resident {resident}",
        mib(sample.heap)
    );
}

/// What is wrong.
fn verdict(reports: &Reports, growths: &[Growth]) -> Vec<String> {
    let mut wrong = Vec::new();
    for report in reports {
        match report {
            Err(error) => wrong.push(error.clone()),
            Ok(Report { name, wrong: Some(what), notes, .. }) => {
                notes.iter().for_each(|note| println!("{name} {note}"));
                wrong.push(format!("{name}: {what}"));
            }
            Ok(Report { name, tally, .. }) => {
                let Tally { updates, books, lost, renewed, .. } = *tally;
                if [updates, books, lost, renewed].contains(&0) {
                    wrong.push(format!("{name}: a soak in which something never happened: {tally:?}"));
                }
            }
        }
    }
    wrong.extend(growths.iter().filter(|growth| growth.is_too_much()).map(|growth| format!("{growth}")));
    wrong
}
