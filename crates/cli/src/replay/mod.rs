//! `tickwire replay`: the events of a recording, without a connection.

mod lines;
mod player;
mod progress;
mod recorded;
mod scan;
mod snapshots;
mod times;

use crate::exit::{self, DATA, Failure, USAGE};
use crate::lines::{Format, LINES, Printer};
use crate::recording;
use crate::venue::Venue;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// Print the events of a recording.
///
/// Takes a file of `tickwire record`, and plain files of messages, a text a line, as a combined stream sent them
/// ({"stream":...,"data":...}) or without their streams' names. Plain files hold no answers: subscriptions count as
/// confirmed, and snapshots come from further files. Lines go to standard output, a summary to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  tickwire replay btc.tick
  tickwire replay --format books btc.tick | grep BTCUSDT
  tickwire replay --venue binance-coinm --format books recordings/coinm.ws.jsonl

A recording has the lines of connections, too: what was lost, renewed, and how long it took.

Beside a plain file NAME.ws.jsonl:
  NAME.ws.recv.txt              when each line came, in Unix seconds; without it a line is a millisecond. Of a longer
                                pause than 10 minutes the rest is left out.
  NAME.rest_depth.jsonl         snapshots, unless --snapshots names another file; without any there are no books
  NAME.rest_depth.index.jsonl   for each of them {{\"recv\":seconds,\"url\":\"...symbol=X...\"}}

{LINES}

{}", exit::CODES))]
pub(crate) struct Arguments {
    /// The venue of a plain file; a recording knows its own.
    #[arg(long, value_enum)]
    venue: Option<Venue>,
    /// What to print.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "events")]
    format: Format,
    /// Snapshots for a plain file.
    #[arg(long, value_name = "FILE.rest_depth.jsonl")]
    snapshots: Option<PathBuf>,
    /// A recording, or a plain file of messages.
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut printer = Printer::new(arguments.format, BufWriter::new(io::stdout().lock()));
    let played = if begins_as_recording(&arguments.file)? {
        if arguments.snapshots.is_some() {
            return Err(Failure::new(
                USAGE,
                "a recording has its own snapshots; --snapshots is for plain files",
            ));
        }
        recorded::play(&arguments.file, arguments.venue, &mut printer)
    } else {
        let venue = arguments.venue.ok_or_else(|| {
            let why = "not a recording of tickwire; for a file of messages say which --venue sent them";
            Failure::new(USAGE, format!("{}: {why}", arguments.file.display()))
        })?;
        lines::play(&arguments.file, venue, arguments.snapshots.as_deref(), &mut printer)
    };
    // Somebody who stopped reading wants no summary either.
    printer.flush()?;
    if !matches!(played, Err(Failure { line: None, .. })) {
        exit::tell(&printer.tally.line());
    }
    played?;
    match printer.tally.errors {
        0 => Ok(()),
        errors => Err(Failure::new(DATA, format!("{errors} messages could not be used"))),
    }
}

fn begins_as_recording(path: &Path) -> Result<bool, Failure> {
    let kind = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !kind.is_file() {
        // A pipe would give its beginning only once, and keep who opens it waiting.
        return Err(Failure::new(USAGE, format!("{}: not a regular file", path.display())));
    }
    recording::is_recording(path).map_err(|error| unreadable(path, &error))
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(USAGE, format!("{}: {error}", path.display()))
}
