//! Runs the client and the server role through the Autobahn test suite, and compares its verdicts with the expected ones.

mod client;
mod clock;
mod identity;
mod plan;
mod report;
mod server;
mod suite;

use clap::{Parser, ValueEnum};
use clock::Deadline;
use identity::Identity;
use plan::{CaseId, Expected, Profile};
use report::Report;
use serde_json::json;
use server::EchoServer;
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use suite::{Process, Suite};
use tickwire::{Client, Deflate};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// One run: one role over one transport.
const RUN_MAX: Duration = Duration::from_secs(90 * 60);

/// Runs the client and the server role through the Autobahn test suite. Fails unless every verdict is the expected one.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which end of the connection is ours.
    #[arg(long, value_enum, default_value = "both")]
    role: Roles,
    /// Without TLS, with it, or both.
    #[arg(long, value_enum, default_value = "both")]
    transport: Transports,
    /// How the client reads messages.
    #[arg(long, value_enum, default_value = "all")]
    read: Reads,
    /// How many of the cases.
    #[arg(long, value_enum, default_value = "quick")]
    profile: Profile,
    /// Where the suite is installed [default: target/autobahn of the workspace].
    #[arg(long, value_name = "FOLDER")]
    suite: Option<PathBuf>,
    /// Processes of the suite at a time [default: one a core].
    #[arg(long, value_name = "COUNT")]
    shards: Option<NonZeroUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Roles {
    Client,
    Server,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Transports {
    Ws,
    Wss,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reads {
    Direct,
    Plain,
    Parts,
    All,
}

/// One run: the server role has one way of reading.
#[derive(Debug, Clone, Copy)]
struct Run {
    client: Option<client::Read>,
    tls: bool,
}

impl Run {
    fn name(self) -> String {
        let transport = if self.tls { "wss" } else { "ws" };
        match self.client {
            Some(client::Read::Direct) => format!("client-{transport}-direct"),
            Some(client::Read::Plain) => format!("client-{transport}-plain"),
            Some(client::Read::Parts) => format!("client-{transport}-parts"),
            None => format!("server-{transport}"),
        }
    }
}

impl Arguments {
    fn runs(&self) -> Vec<Run> {
        let reads = match self.read {
            Reads::Direct => vec![client::Read::Direct],
            Reads::Plain => vec![client::Read::Plain],
            Reads::Parts => vec![client::Read::Parts],
            Reads::All => vec![client::Read::Direct, client::Read::Plain, client::Read::Parts],
        };
        let mut ends: Vec<Option<client::Read>> = Vec::new();
        if self.role != Roles::Server {
            ends.extend(reads.into_iter().map(Some));
        }
        if self.role != Roles::Client {
            ends.push(None);
        }
        let transports = match self.transport {
            Transports::Ws => vec![false],
            Transports::Wss => vec![true],
            Transports::Both => vec![false, true],
        };
        let over = |tls| ends.iter().map(move |&client| Run { client, tls });
        transports.into_iter().flat_map(over).collect()
    }
}

/// What all runs share.
#[derive(Debug)]
struct Stage {
    suite: Suite,
    folder: PathBuf,
    shares: Vec<Vec<CaseId>>,
    identity: Identity,
}

fn main() -> Outcome<ExitCode> {
    let arguments = Arguments::parse();
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let suite = Suite::find(arguments.suite.as_deref().unwrap_or(&target.join("autobahn")))?;
    let folder = target.join("autobahn-reports");
    fs::create_dir_all(&folder)?;
    let folder = fs::canonicalize(folder)?;
    let mut expected = plan::expectation(include_str!("../expected.json"))?;
    expected.retain(|id, _| arguments.profile.has(id));
    let shards = match arguments.shards {
        Some(shards) => shards,
        None => thread::available_parallelism()?,
    };
    let shares = plan::deal(expected.keys(), shards.get());
    let stage = Stage { suite, identity: Identity::make(&folder)?, folder, shares };
    let good = run_all(&stage, &arguments.runs(), &expected)?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether every run was as expected. A run that could not be finished is told and the next one begins.
fn run_all(stage: &Stage, runs: &[Run], expected: &BTreeMap<CaseId, Expected>) -> Outcome<bool> {
    let (mut good, mut written) = (true, Vec::new());
    for &run in runs {
        eprintln!("{}: {} cases ...", run.name(), expected.len());
        match stage.run(run) {
            Ok(report) => {
                let differences = report.differences(expected);
                println!("{}", report.table());
                differences.iter().for_each(|difference| println!("  {difference}"));
                good &= differences.is_empty();
                written.push(report.json(&differences));
            }
            Err(error) => {
                println!("{}: {error}\n", run.name());
                good = false;
                written.push(json!({ "run": run.name(), "error": error.to_string() }));
            }
        }
        let file = json!({ "cases": expected.len(), "runs": written });
        fs::write(stage.folder.join("report.json"), serde_json::to_string_pretty(&file)?)?;
    }
    println!("{}", if good { "as expected" } else { "NOT as expected" });
    Ok(good)
}

impl Stage {
    fn run(&self, run: Run) -> Outcome<Report> {
        let name = run.name();
        let folder = self.folder.join(&name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let folders: Vec<_> = (1..=self.shares.len()).map(|share| folder.join(share.to_string())).collect();
        let (began, deadline) = (clock::now(), Deadline::after(RUN_MAX));
        let processes = match run.client {
            Some(read) => self.run_client(&name, &folders, read, run.tls, deadline)?,
            None => self.run_server(&name, &folders, run.tls, deadline)?,
        };
        let mut verdicts = BTreeMap::new();
        for process in &processes {
            report::read(&process.index(), &name, &mut verdicts)?;
        }
        Ok(Report { name, took: clock::now().duration_since(began), verdicts })
    }

    fn run_client(
        &self,
        agent: &str,
        folders: &[PathBuf],
        read: client::Read,
        tls: bool,
        deadline: Deadline,
    ) -> Outcome<Vec<Process>> {
        let mut builder = Client::builder().deflate(Deflate::default());
        let Identity { key_file, certificate_file, certificate, .. } = &self.identity;
        let mut files = None;
        if tls {
            builder = builder.extra_roots_pem(certificate.as_bytes())?;
            files = Some((key_file.as_path(), certificate_file.as_path()));
        }
        let scheme = if tls { "wss" } else { "ws" };
        // One after the other, so that no two are given the same port.
        let started: Outcome<Vec<_>> = self
            .shares
            .iter()
            .zip(folders)
            .map(|(cases, folder)| self.suite.serve(cases, folder, files))
            .collect();
        let started = started?;
        let settings = client::Settings { builder: &builder, read, agent, deadline };
        thread::scope(|scope| {
            let clients: Vec<_> = started
                .iter()
                .zip(&self.shares)
                .map(|((_, port), cases)| {
                    let (url, settings) = (format!("{scheme}://127.0.0.1:{port}"), &settings);
                    scope.spawn(move || client::run(&url, cases.len(), settings))
                })
                .collect();
            clients.into_iter().try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
        })?;
        Ok(started.into_iter().map(|(process, _)| process).collect())
    }

    fn run_server(
        &self,
        agent: &str,
        folders: &[PathBuf],
        tls: bool,
        deadline: Deadline,
    ) -> Outcome<Vec<Process>> {
        let server = EchoServer::start(tls.then(|| self.identity.server.clone()))?;
        let url = format!("{}://127.0.0.1:{}", if tls { "wss" } else { "ws" }, server.port());
        let started: Outcome<Vec<_>> = self
            .shares
            .iter()
            .zip(folders)
            .map(|(cases, folder)| self.suite.attack(cases, folder, &url, agent))
            .collect();
        let mut started = started?;
        for process in &mut started {
            process.wait_for_end(deadline)?;
        }
        Ok(started)
    }
}
