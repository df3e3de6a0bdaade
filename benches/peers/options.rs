//! What the command line asks for.

use clap::{Parser, ValueEnum};
use std::cell::RefCell;
use std::path::PathBuf;

/// Compares tickwire with its peers: the same messages, in turn, with counts checked and allocations counted.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// What to measure.
    #[arg(long, value_enum, default_value = "all")]
    pub(crate) mode: Mode,
    /// Small and short: enough to see that everything runs.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only workloads with this in their name ("mode: workload").
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Writes the results as JSON lines.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Draws the results as SVG files.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) plot: Option<PathBuf>,
    /// The program runs itself in other processes for the connections.
    #[arg(long, value_enum, hide = true)]
    pub(crate) child: Option<Child>,
    /// The workloads that were left out.
    #[arg(skip)]
    unwanted: RefCell<Vec<String>>,
}

/// A process of its own, so that its memory is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Child {
    Server,
    Floor,
    Tickwire,
    Tungstenite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Reading from memory.
    Memory,
    /// Draining a full socket.
    Tcp,
    /// The same under TLS 1.3.
    Tls,
    /// One message there and back, spinning.
    Roundtrip,
    /// A thousand connections on one thread.
    Connections,
    All,
}

impl Options {
    pub(crate) fn wants(&self, mode: &str, workload: &str) -> bool {
        let name = format!("{mode}: {workload}");
        let wanted = self.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()));
        if !wanted {
            self.unwanted.borrow_mut().push(name);
        }
        wanted
    }

    /// What to say when nothing was wanted.
    pub(crate) fn nothing_to_do(&self) -> String {
        let filter = self.filter.as_deref().unwrap_or_default();
        format!("no workload has {filter:?} in its name; there are\n{}", self.unwanted.borrow().join("\n"))
    }

    /// The size of a round in memory: short rounds find the quiet moments of a busy machine.
    pub(crate) fn bytes_a_round(&self) -> usize {
        if self.quick { 1 << 20 } else { 4 << 20 }
    }

    /// What is queued in a socket for a round.
    pub(crate) fn bytes_queued(&self) -> usize {
        if self.quick { 256 << 10 } else { 1 << 20 }
    }

    /// Blocks of round trips, and how many are in each.
    pub(crate) fn blocks(&self) -> (usize, usize) {
        if self.quick { (10, 100) } else { (60, 500) }
    }

    /// How many connections are open at a time.
    pub(crate) fn connections(&self) -> usize {
        if self.quick { 50 } else { 1000 }
    }

    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 5 } else { 61 }
    }
}
