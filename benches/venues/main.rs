//! What venue messages cost behind the socket: decoding beside simd-json, order books beside a B-tree and what else one
//! might write.

mod books;
#[path = "../peers/clock.rs"]
mod clock;
mod decode;
mod digest;
mod messages;
mod typed;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use messages::Messages;

/// Measures decoders and order books with recorded messages, or made-up ones where there are no recordings
#[derive(Parser)]
struct Args {
    /// Only this part
    #[arg(long)]
    only: Option<Part>,
    /// Rounds; the best of each arm counts
    #[arg(long, default_value_t = 40)]
    rounds: u32,
    /// Of the made-up streams
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder of recordings, one folder in it for each venue [default: $TICKWIRE_SAMPLES, or ../shared/samples
    /// beside the workspace]
    #[arg(long, value_name = "FOLDER")]
    samples: Option<PathBuf>,
    /// Counts the instructions of books as well, by callgrind
    #[arg(long)]
    count: bool,
    /// Writes the results as JSON lines
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Runs one arm with one group of workloads, untimed: what valgrind is given
    #[arg(long, hide = true, num_args = 2)]
    run: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Decode,
    Books,
}

impl Args {
    fn samples(&self) -> PathBuf {
        let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples");
        let usual = || std::env::var_os("TICKWIRE_SAMPLES").map_or_else(|| beside.into(), PathBuf::from);
        self.samples.clone().unwrap_or_else(usual)
    }

    fn wants(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    if let Some(names) = &args.run {
        return books::run_one(names, &args);
    }
    let folder = args.samples();
    match folder.is_dir() {
        true => println!("recordings of {}, and made-up streams of seed {}", folder.display(), args.seed),
        false => println!("no recordings in {}: made-up messages only, seed {}", folder.display(), args.seed),
    }
    let mut results = Vec::new();
    if args.wants(Part::Decode) {
        results.extend(decode::run(&Messages::of_folder(&folder), args.rounds));
    }
    if args.wants(Part::Books) {
        results.extend(books::run(&args)?);
    }
    if let Some(path) = &args.json {
        std::fs::write(path, results.iter().map(|line| format!("{line}\n")).collect::<String>())?;
    }
    Ok(())
}
