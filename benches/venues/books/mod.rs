//! Order books of several kinds with the same diffs: tickwire's beside a B-tree and what else one might write.

mod arms;
mod window;
mod workload;

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{Args, clock};
use arms::{Arm, Binary, Hybrid, Linear, Pair, Sides, Trees};
use serde_json::json;
use tickwire::venue::{Book, Decimal};
use window::Window;
use workload::{PLANS, Workload, far_apart, recorded};

struct Contender {
    name: &'static str,
    /// Applies all diffs to fresh books.
    time: fn(&Workload) -> Duration,
    /// What the books hold at the end.
    end: fn(&Workload) -> Vec<[Vec<Pair>; 2]>,
}

impl Contender {
    const fn new<A: Arm>(name: &'static str) -> Self {
        Self { name, time: time::<A>, end: end::<A> }
    }
}

/// The first is what the others are compared with.
const CONTENDERS: &[Contender] = &[
    Contender::new::<Trees<i64>>("BTreeMap"),
    Contender::new::<Trees<Decimal>>("of Decimal"),
    Contender::new::<Book>("tickwire"),
    Contender::new::<Sides<Binary>>("Vec, binary"),
    Contender::new::<Sides<Linear>>("Vec, linear"),
    Contender::new::<Sides<Hybrid>>("Vec + map"),
    Contender::new::<Sides<Window>>("window"),
];

/// The name of all recorded captures together.
const RECORDED: &str = "recorded, all";

fn load<A: Arm>(workload: &Workload) -> Vec<A> {
    workload.snapshots.iter().map(|snapshot| A::load(&snapshot.bids, &snapshot.asks)).collect()
}

/// What is timed, and what callgrind counts.
#[inline(never)]
fn counted<A: Arm>(workload: &Workload, books: &mut [A]) {
    for diff in &workload.diffs {
        let book = &mut books[diff.book];
        book.apply(workload.bids(diff), workload.asks(diff));
        black_box(book.top());
    }
}

fn time<A: Arm>(workload: &Workload) -> Duration {
    let mut books = load::<A>(workload);
    let start = clock::now();
    counted(workload, &mut books);
    clock::now() - start
}

fn end<A: Arm>(workload: &Workload) -> Vec<[Vec<Pair>; 2]> {
    let mut books = load::<A>(workload);
    counted(workload, &mut books);
    books.iter().map(A::levels).collect()
}

/// Results of all arms, for one workload or several together.
struct Row {
    workload: String,
    changes: usize,
    nanos: Vec<f64>,
    instructions: Vec<f64>,
}

impl Row {
    /// Per change.
    fn per_change<'a>(&self, totals: &'a [f64]) -> impl Iterator<Item = f64> + use<'a> {
        let changes = self.changes as f64;
        totals.iter().map(move |total| total / changes)
    }

    fn json(&self) -> String {
        let names: Vec<_> = CONTENDERS.iter().map(|arm| arm.name).collect();
        let nanos: Vec<_> = self.per_change(&self.nanos).collect();
        let instructions: Vec<_> = self.per_change(&self.instructions).collect();
        let Self { workload, changes, .. } = self;
        json!({"workload": workload, "changes": changes, "arms": names, "ns": nanos, "instructions": instructions})
            .to_string()
    }
}

/// The best round of each arm. The arms take turns, so that what disturbs the machine disturbs all.
fn measure(workload: &Workload, rounds: u32) -> Row {
    let expected = (CONTENDERS[0].end)(workload);
    for arm in CONTENDERS {
        assert!((arm.end)(workload) == expected, "{}: {} ends with another book", workload.name, arm.name);
    }
    let mut nanos = vec![f64::INFINITY; CONTENDERS.len()];
    for _ in 0..rounds {
        for (arm, best) in CONTENDERS.iter().zip(&mut nanos) {
            *best = best.min((arm.time)(workload).as_nanos() as f64);
        }
    }
    Row { workload: workload.name.clone(), changes: workload.changes(), nanos, instructions: Vec::new() }
}

fn total(rows: &[Row]) -> Option<Row> {
    let changes = rows.iter().map(|row| row.changes).sum();
    let sum = |arm: usize| rows.iter().map(|row| row.nanos[arm]).sum();
    let nanos = (0..CONTENDERS.len()).map(sum).collect();
    (!rows.is_empty()).then(|| Row { workload: RECORDED.into(), changes, nanos, instructions: Vec::new() })
}

/// Runs this very program under callgrind; instructions of an arm with a group of workloads.
fn count(arm: &Contender, group: &str, args: &Args) -> Result<f64, Box<dyn Error>> {
    let file = std::env::temp_dir().join(format!("callgrind.books.{}.out", std::process::id()));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted*"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe()?)
        .args(["--run", arm.name, group, "--seed", &args.seed.to_string()])
        .arg("--samples")
        .arg(args.samples())
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let profile = std::fs::read_to_string(&file)?;
    std::fs::remove_file(&file)?;
    let total =
        profile.lines().find_map(|line| line.strip_prefix("totals: ")).ok_or("a profile without totals")?;
    Ok(total.trim().parse()?)
}

/// What valgrind is given.
pub(crate) fn run_one(names: &[String], args: &Args) -> Result<(), Box<dyn Error>> {
    let [arm, group] = names else { return Err("an arm and a group".into()) };
    let arm = CONTENDERS.iter().find(|contender| contender.name == arm).ok_or("no such arm")?;
    if group == RECORDED {
        for workload in recorded(&args.samples().join("binance"))? {
            (arm.time)(&workload);
        }
    } else {
        let plan = PLANS.iter().find(|plan| plan.name == group).ok_or("no such workload")?;
        (arm.time)(&plan.workload(args.seed));
    }
    Ok(())
}

fn print(title: &str, rows: &[Row], figures: impl Fn(&Row) -> Vec<f64>, digits: usize) {
    print!("\n{title:<34} {:>8}", "changes");
    CONTENDERS.iter().for_each(|arm| print!(" {:>11}", arm.name));
    println!();
    for row in rows {
        print!("{:<34} {:>8}", row.workload, row.changes);
        figures(row).iter().for_each(|figure| print!(" {figure:>11.digits$}"));
        println!();
    }
}

/// How long one diff of very many levels holds the thread.
fn print_worst(rounds: u32) {
    const COUNT: u32 = 100_000;
    println!("\none diff of {COUNT} levels a side, far apart, to a book of 10,000 a side, tickwire:");
    let standing = far_apart(10_000, |at| at);
    let worst_first = far_apart(COUNT, |at| u64::from(COUNT) - 1 - at);
    // A prime that does not divide the number of levels, so that each comes once.
    let shuffled = far_apart(COUNT, |at| at * 48_271);
    for (name, diff) in [("worst first", worst_first), ("shuffled", shuffled)] {
        let best = (0..rounds.min(10)).map(|_| {
            let mut book: Book = Arm::load(&standing.bids, &standing.asks);
            let start = clock::now();
            book.apply(&diff.bids, &diff.asks);
            clock::now() - start
        });
        println!("{name}: {:.1} ms", best.min().unwrap_or_default().as_secs_f64() * 1e3);
    }
}

/// Measures and prints; the results as JSON lines.
pub(crate) fn run(args: &Args) -> Result<Vec<String>, Box<dyn Error>> {
    let folder = args.samples().join("binance");
    let captures = if Path::new(&folder).is_dir() { recorded(&folder)? } else { Vec::new() };
    let mut rows: Vec<Row> = captures.iter().map(|workload| measure(workload, args.rounds)).collect();
    let total = total(&rows);
    let first_group = rows.len();
    rows.extend(total);
    rows.extend(PLANS.iter().map(|plan| measure(&plan.workload(args.seed), args.rounds)));
    if args.count {
        for row in &mut rows[first_group..] {
            row.instructions =
                CONTENDERS.iter().map(|arm| count(arm, &row.workload, args)).collect::<Result<_, _>>()?;
        }
    }
    print("books, ns a change", &rows, |row| row.per_change(&row.nanos).collect(), 1);
    let ratios = |of: &[f64]| of.iter().map(|figure| of[0] / figure).collect();
    print("times as fast as BTreeMap", &rows, |row| ratios(&row.nanos), 2);
    if args.count {
        let counted = &rows[first_group..];
        print("instructions a change", counted, |row| row.per_change(&row.instructions).collect(), 0);
        print("BTreeMap's in multiples of them", counted, |row| ratios(&row.instructions), 2);
    }
    print_worst(args.rounds);
    Ok(rows.iter().map(Row::json).collect())
}
