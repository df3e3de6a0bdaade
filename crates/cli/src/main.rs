//! The `tickwire` program: watch a venue's books, record and replay what it sends, tap a WebSocket, run a local venue.

mod clock;
mod exit;
mod keeping;
mod lines;
mod links;
mod local;
mod record;
mod recording;
mod refusal;
mod replay;
mod tap;
mod tape;
mod venue;
mod watch;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Exchange market data over WebSocket: live order books, recordings, raw messages, and a local venue to try them on.
#[derive(Debug, Parser)]
#[command(name = "tickwire", version, after_help = exit::CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Watch(watch::Arguments),
    Record(record::Arguments),
    Replay(replay::Arguments),
    Tap(tap::Arguments),
    Sim(local::Arguments),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            // When the terminal is gone there is nobody to tell.
            let _ = error.print();
            return if usage { exit::USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    let ended = match cli.command {
        Command::Watch(arguments) => watch::run(&arguments),
        Command::Record(arguments) => record::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Tap(arguments) => tap::run(&arguments),
        Command::Sim(arguments) => local::run(&arguments),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(line) = &failure.line {
                exit::tell(line);
            }
            failure.code.into()
        }
    }
}
