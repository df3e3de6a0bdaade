//! The suite's processes: each has a folder, with its settings, its output and its reports.

use crate::Outcome;
use crate::clock::Deadline;
use crate::plan::CaseId;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// From the start of a process of the suite to its first connection.
const START_MAX: Duration = Duration::from_secs(60);

/// An installed suite.
#[derive(Debug)]
pub(crate) struct Suite {
    program: PathBuf,
}

impl Suite {
    pub(crate) fn find(folder: &Path) -> Outcome<Self> {
        let program = folder.join("bin/wstest");
        if !program.is_file() {
            let folder = folder.display();
            return Err(format!("no suite in {folder}: bash autobahn/install.sh installs it").into());
        }
        Ok(Self { program: fs::canonicalize(program)? })
    }

    /// Starts a fuzzing server for these cases, with a key and a certificate for TLS, and waits until it listens.
    pub(crate) fn serve(
        &self,
        cases: &[CaseId],
        folder: &Path,
        tls: Option<(&Path, &Path)>,
    ) -> Outcome<(Process, u16)> {
        // A port that was free a moment ago; the suite cannot choose one by itself.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut settings = settings(cases);
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        settings["url"] = json!(format!("{scheme}://127.0.0.1:{port}"));
        if let Some((key, certificate)) = tls {
            settings["key"] = json!(key);
            settings["cert"] = json!(certificate);
        }
        let deadline = Deadline::after(START_MAX);
        let mut process = self.start("fuzzingserver", settings, folder)?;
        process.wait_for("Ok, will run", deadline)?;
        process.wait_until_listening(port, deadline)?;
        Ok((process, port))
    }

    /// Starts a fuzzing client that runs these cases against `url`, reports under the name `agent`, and ends.
    pub(crate) fn attack(&self, cases: &[CaseId], folder: &Path, url: &str, agent: &str) -> Outcome<Process> {
        let mut settings = settings(cases);
        settings["servers"] = json!([{ "agent": agent, "url": url }]);
        self.start("fuzzingclient", settings, folder)
    }

    fn start(&self, mode: &str, mut settings: Value, folder: &Path) -> Outcome<Process> {
        fs::create_dir_all(folder)?;
        settings["outdir"] = json!(folder.join("reports"));
        fs::write(folder.join("settings.json"), serde_json::to_string_pretty(&settings)?)?;
        let mut child = Command::new(&self.program)
            .args(["-m", mode, "-s", "settings.json", "-u", "0"])
            .current_dir(folder)
            .env("TICKWIRE_RUNNER", "1")
            // Held open: the suite's launcher ends when this program does, however that happens.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("errors.txt"))?)
            .spawn()?;
        let output = child.stdout.take().ok_or("the suite has no output")?;
        let mut log = File::create(folder.join("output.txt"))?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                // The log is for people: a full disk shows elsewhere.
                let _ = writeln!(log, "{line}");
                let _ = sender.send(line);
            }
        });
        Ok(Process { child, lines, folder: folder.to_owned() })
    }
}

fn settings(cases: &[CaseId]) -> Value {
    let cases: Vec<_> = cases.iter().map(CaseId::to_string).collect();
    json!({ "cases": cases, "exclude-cases": [], "exclude-agent-cases": {} })
}

/// A process of the suite. It is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// What it prints; ends when it does.
    lines: Receiver<String>,
    folder: PathBuf,
}

impl Process {
    /// Where the suite lists its verdicts, once it has written them.
    pub(crate) fn index(&self) -> PathBuf {
        self.folder.join("reports/index.json")
    }

    fn wait_for(&mut self, text: &str, deadline: Deadline) -> Outcome<()> {
        while let Some(line) = self.next_line(deadline)? {
            if line.contains(text) {
                return Ok(());
            }
        }
        Err(self.ended_early())
    }

    /// Waits until the process ends by itself.
    pub(crate) fn wait_for_end(&mut self, deadline: Deadline) -> Outcome<()> {
        while self.next_line(deadline)?.is_some() {}
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(self.ended_early()) }
    }

    fn next_line(&mut self, deadline: Deadline) -> Outcome<Option<String>> {
        let left = deadline.left("the suite is not ready")?;
        match self.lines.recv_timeout(left) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("time is up: the suite hangs, see {}", self.folder.display()).into())
            }
        }
    }

    /// The suite says that it will run before it listens, and nothing afterwards: connecting tells.
    fn wait_until_listening(&mut self, port: u16, deadline: Deadline) -> Outcome<()> {
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if self.child.try_wait()?.is_some() {
                return Err(self.ended_early());
            }
            deadline.left("the suite does not listen")?;
            thread::yield_now();
        }
        Ok(())
    }

    fn ended_early(&mut self) -> Box<dyn std::error::Error + Send + Sync> {
        let status = match self.child.try_wait() {
            Ok(Some(status)) => status.to_string(),
            _ => "it says nothing more".to_owned(),
        };
        let errors = fs::read_to_string(self.folder.join("errors.txt")).unwrap_or_default();
        let last = errors.lines().last().unwrap_or("without a reason");
        format!("the suite ended early, {status}, {last}: see {}", self.folder.display()).into()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
