//! Compares tickwire with the WebSocket clients its users would take instead.
//!
//! Every arm reads the same bytes in turn; messages and bytes are counted in every round, allocations in one that is not
//! timed. The best round counts, because whatever else the machine does only makes a round slower. The allocator counts
//! in every arm alike, which costs an allocation about a nanosecond.

mod arm;
mod arms;
mod certificates;
mod clock;
mod connections;
mod loopback;
mod machine;
mod memory;
mod options;
mod plot;
mod records;
mod rounds;
mod roundtrip;
mod sessions;
mod table;
mod tcp;
mod tls;
mod wire;
mod workload;

use clap::Parser as _;
use options::{Mode, Options};
use std::fs::File;
use std::io::Write as _;
use table::Table;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let options = Options::parse();
    if let Some(child) = options.child {
        return connections::run_child(child, &options);
    }
    for line in machine::description() {
        println!("{line}");
    }
    println!();
    let mut tables = Vec::new();
    measure(&options, &mut |table| {
        println!("{table}");
        tables.push(table);
    })?;
    if tables.is_empty() {
        eprintln!("{}", options.nothing_to_do());
        std::process::exit(1);
    }
    println!("{}", arm::LEGEND);
    if cfg!(not(feature = "peers")) {
        println!("{}", arm::MISSING);
    }
    save(&options, &tables)
}

fn measure(options: &Options, report: &mut dyn FnMut(Table)) -> Outcome<()> {
    let wants = |mode| options.mode == mode || options.mode == Mode::All;
    if wants(Mode::Memory) {
        memory::run(options, report);
    }
    if wants(Mode::Tcp) {
        tcp::run(options, report)?;
    }
    if wants(Mode::Tls) {
        tls::run(options, report)?;
    }
    if wants(Mode::Roundtrip) {
        roundtrip::run(options, report)?;
    }
    if wants(Mode::Connections) {
        connections::run(options, report)?;
    }
    Ok(())
}

fn save(options: &Options, tables: &[Table]) -> Outcome<()> {
    if let Some(path) = &options.json {
        let mut file = File::create(path)?;
        for line in tables.iter().flat_map(Table::json) {
            writeln!(file, "{line}")?;
        }
    }
    if let Some(folder) = &options.plot {
        std::fs::create_dir_all(folder)?;
        for table in tables {
            plot::draw(table, folder)?;
        }
    }
    Ok(())
}
