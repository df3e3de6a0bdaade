//! `tickwire-sim`: puts the feed on trial in simulated worlds, a seed each.
#![allow(clippy::disallowed_methods, reason = "a program that measures how fast it is")]

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Parser;
use tickwire_sim::trial::{self, Outcome, Scene, Tally};

/// Run the feed in simulated worlds where connections are cut, venues misbehave and a user changes their mind.
///
/// Each seed makes a world of its own: a venue, a network, and which kinds of things go wrong. What the feed tells is held
/// to what the venue published. A seed that fails is told with the command that replays it.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Examples:
  tickwire-sim --seeds 10000            ten thousand worlds, on all cores
  tickwire-sim --seed 4711              one world, and everything that happens in it
  tickwire-sim --seeds 500 --from 20000
  tickwire-sim --week --seeds 3         a week at each venue, without a gap

Exit codes: 0 all is well, 1 a seed failed, 2 wrong usage."
)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// Run this seed alone and print what happens.
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "from", "jobs"])]
    seed: Option<u64>,
    /// Threads; as many as there are cores without it.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Instead of storms, a week with two connections, renewals every 23 hours and a cut every four minutes, in which
    /// nothing may be missing; each seed takes minutes.
    #[arg(long)]
    week: bool,
    /// Stop at the first seed that fails.
    #[arg(long)]
    fail_fast: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.seed {
        Some(seed) => replay(&arguments.scene(seed)),
        None => run(&arguments),
    }
}

impl Arguments {
    fn scene(&self, seed: u64) -> Scene {
        if self.week { Scene::week(seed) } else { Scene::of(seed) }
    }
}

/// One seed, with everything that happens.
fn replay(scene: &Scene) -> ExitCode {
    println!("{scene:#?}");
    let outcome = trial::run(scene, Some(&mut |line| println!("{line}")));
    println!("{outcome:#?}");
    ExitCode::from(u8::from(outcome.wrong.is_some()))
}

/// What many seeds came to.
#[derive(Debug, Default)]
struct Sum {
    seeds: u64,
    failed: Vec<(u64, String)>,
    lasted: Duration,
    tally: Tally,
    faults: BTreeMap<&'static str, u64>,
    /// The longest time to heal, and its seed.
    slowest: Option<(Duration, u64)>,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: Outcome, week: &str) {
        self.seeds += 1;
        self.lasted += outcome.lasted;
        self.tally = self.tally + outcome.tally;
        for (fault, count) in outcome.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        self.slowest = self.slowest.max(outcome.healed_in.map(|healed_in| (healed_in, seed)));
        if let Some(wrong) = outcome.wrong {
            eprintln!(
                "\rseed {seed}: {wrong}\n  replay: cargo run --profile sim -p tickwire-sim -- {week}--seed {seed}"
            );
            self.failed.push((seed, wrong));
        }
    }

    fn print(&self, took: Duration) {
        let Self { seeds, failed, lasted, tally, faults, slowest } = self;
        let hours = lasted.as_secs_f64() / 3600.0;
        let per_second = *seeds as f64 / took.as_secs_f64();
        println!(
            "{seeds} seeds in {:.1} s ({per_second:.1} a second), {hours:.1} simulated hours, {} failed",
            took.as_secs_f64(),
            failed.len()
        );
        let Tally { updates, books, gaps, missed, unshown, lost, renewed, weight } = tally;
        println!(
            "{updates} updates told, {books} books compared, {gaps} gaps told, {missed} updates missed, {unshown} of them where ids do not show it"
        );
        println!("{lost} connections lost, {renewed} renewed without a break");
        println!("a feed holds at most {weight} bytes, written out");
        if let Some((healed_in, seed)) = slowest {
            println!(
                "all well at the latest {:.1} s after the last fault (seed {seed})",
                healed_in.as_secs_f64()
            );
        }
        println!("faults: {} in all", faults.values().sum::<u64>());
        for (fault, count) in faults {
            println!("  {count:>10}  {fault}");
        }
    }
}

fn run(arguments: &Arguments) -> ExitCode {
    let began = Instant::now();
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.unwrap_or_else(cores).max(1);
    let (next, end) = (AtomicU64::new(arguments.from), arguments.from.saturating_add(arguments.seeds));
    let (done, outcomes) = mpsc::channel();
    let mut sum = Sum::default();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (done, next) = (done.clone(), &next);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || done.send((seed, trial::run(&arguments.scene(seed), None))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        for (seed, outcome) in outcomes {
            sum.add(seed, outcome, if arguments.week { "--week " } else { "" });
            if arguments.fail_fast && !sum.failed.is_empty() {
                next.store(end, Ordering::Relaxed);
            }
            progress(&sum, arguments.seeds, began);
        }
    });
    sum.print(began.elapsed());
    ExitCode::from(u8::from(!sum.failed.is_empty()))
}

fn progress(sum: &Sum, seeds: u64, began: Instant) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() && sum.seeds.is_multiple_of(10) {
        let per_second = sum.seeds as f64 / began.elapsed().as_secs_f64();
        let _ = write!(terminal, "\r{} of {seeds} seeds, {per_second:.1} a second ", sum.seeds);
    }
}
