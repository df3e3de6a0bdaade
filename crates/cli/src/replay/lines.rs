//! Plays a plain file of messages: what is not in it, answers and the passing of time, is made up for.

use super::player::{Player, Wish};
use super::progress::Progress;
use super::scan::Scan;
use super::snapshots::Snapshots;
use super::times::nanos;
use super::{open, unreadable};
use crate::exit::{self, DATA, Failure, USAGE};
use crate::lines::{Origin, Printer};
use crate::venue::{Setup, Venue, session};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};
use tickwire::venue::{Fetched, Route, binance};

/// What a line takes where nobody wrote down when it came.
const LINE_NS: u64 = 1_000_000;
/// The longest line: what a block of a recording may hold.
const LINE_BYTES_MAX: usize = 64 << 20;
/// The longest time between two lines that is played; of a longer one the rest is left out.
const PAUSE_NS_MAX: u64 = 600_000_000_000;

pub(super) fn play(
    path: &Path,
    venue: Venue,
    snapshots: Option<&Path>,
    printer: &mut Printer<impl Write>,
) -> Result<(), Failure> {
    let snapshots = snapshots.map_or_else(|| beside(path, ".rest_depth.jsonl"), |path| Some(path.to_owned()));
    let snapshots = match snapshots {
        Some(path) => Snapshots::read(&path)?,
        None => Snapshots::default(),
    };
    let scan = scan(path)?;
    let setup = setup(venue, &scan, &snapshots);
    if setup.streams.is_empty() && setup.markets.is_empty() {
        return Err(Failure::new(USAGE, format!("{}: no message of a stream", path.display())));
    }
    let times = match beside(path, ".ws.recv.txt") {
        Some(path) => Some(Times::open(path)?),
        None => None,
    };
    let player = Player::new(session(&setup)?, printer);
    let timed = times.is_some();
    let mut file = Playback { player, snapshots, began_ns: None, now_ns: 0, left_out_ns: 0, timed };
    let length = path.metadata().map_or(0, |metadata| metadata.len());
    let mut progress = Progress::new(length);
    let played = follow(path, &mut file, times, &mut progress);
    progress.clear();
    played
}

fn follow(
    path: &Path,
    file: &mut Playback<'_, impl Write>,
    mut times: Option<Times>,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let mut lines = Lines::open(path)?;
    let mut began = false;
    while let Some((number, line)) = lines.next(path)? {
        let at_ns = match &mut times {
            Some(times) => times.next(number)?,
            None => file.now_ns.saturating_add(LINE_NS),
        };
        if !std::mem::replace(&mut began, true) {
            file.begin(at_ns)?;
        }
        file.leave_out(number, at_ns);
        file.pass(at_ns)?;
        if !line.is_empty() {
            let received_ns = times.as_ref().map(|_| at_ns);
            file.player.text(Route::first(0), line, Origin { received_ns, line: Some(number) });
            file.grant()?;
        }
        progress.at(lines.position);
    }
    file.end()
}

/// What a session needs to understand the file: its books are those that have snapshots.
fn setup(venue: Venue, scan: &Scan, snapshots: &Snapshots) -> Setup {
    if venue == Venue::Deribit {
        // Its snapshots are among its messages.
        let setup = Setup::new(venue, scan.instruments(), Vec::new(), scan.names().to_vec());
        return Setup { watches: false, ..setup };
    }
    let (books, without): (Vec<_>, Vec<_>) =
        scan.books().into_iter().partition(|symbol| snapshots.has(symbol));
    if !without.is_empty() {
        exit::tell(&format!("no snapshot and so no book of {}", without.join(", ")));
    }
    let mut streams = Vec::new();
    if let Some(depth) = scan.depth().filter(|_| !books.is_empty()) {
        streams.push(depth.to_owned());
        streams.extend(scan.has_quotes().then(|| "bookTicker".to_owned()));
    }
    let markets = scan.others(&books, &streams);
    Setup {
        // What would be asked for has no answer in the file.
        watches: false,
        divided: Some(false),
        snapshots: Some(binance::Snapshots::Rest),
        ..Setup::new(venue, books, streams, markets)
    }
}

fn scan(path: &Path) -> Result<Scan, Failure> {
    let mut scan = Scan::default();
    let mut lines = Lines::open(path)?;
    while let Some((_, line)) = lines.next(path)? {
        scan.look(line);
    }
    Ok(scan)
}

/// The file with another ending beside `NAME.ws.jsonl`, if there is one.
fn beside(path: &Path, ending: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?.strip_suffix(".ws.jsonl")?;
    Some(path.with_file_name(format!("{name}{ending}"))).filter(|path| path.exists())
}

/// A session on the file's clock.
struct Playback<'a, W> {
    player: Player<'a, W>,
    snapshots: Snapshots,
    /// When the first line came.
    began_ns: Option<u64>,
    now_ns: u64,
    /// What was too long between two lines.
    left_out_ns: u64,
    /// Whether lines and snapshots are on one clock; without it snapshots come when they are asked for.
    timed: bool,
}

impl<W: Write> Playback<'_, W> {
    /// All connections open and all subscriptions confirmed.
    fn begin(&mut self, at_ns: u64) -> Result<(), Failure> {
        self.began_ns = Some(at_ns);
        self.set(at_ns);
        for endpoint in 0..self.player.endpoints() {
            self.player.open(Route::first(endpoint));
            self.player.drain()?;
        }
        self.grant()
    }

    /// Leaves out what is too long of the time up to the next line: what was due in hours without a message is not in
    /// the file.
    fn leave_out(&mut self, number: u64, to_ns: u64) {
        let pause_ns = to_ns.saturating_sub(self.now_ns);
        let surplus_ns = pause_ns.saturating_sub(PAUSE_NS_MAX);
        if surplus_ns > 0 {
            let [pause, played] = [pause_ns, PAUSE_NS_MAX].map(|ns| ns / 60_000_000_000);
            exit::tell(&format!(
                "line {number} came {pause} minutes behind the one before; {played} minutes are played"
            ));
            self.left_out_ns += surplus_ns;
            self.now_ns += surplus_ns;
        }
    }

    /// Lets time pass up to a moment, with all that is due until then. Clocks of recorders may be set back; this not.
    fn pass(&mut self, to_ns: u64) -> Result<(), Failure> {
        loop {
            let began_ns = self.began_ns.unwrap_or(0).saturating_add(self.left_out_ns);
            let deadline = self.player.deadline_ns().map(|ns| began_ns.saturating_add_signed(ns));
            let answer = self.snapshots.next_ns().map(|ns| if self.timed { ns } else { self.now_ns });
            let due = |at: &u64| *at <= to_ns;
            match (deadline.filter(due), answer.filter(due)) {
                (deadline, Some(answer)) if deadline.is_none_or(|deadline| answer <= deadline) => {
                    self.set(answer);
                    self.answer()?;
                }
                (Some(deadline), _) => {
                    self.set(deadline);
                    self.player.deadline();
                    self.grant()?;
                }
                (None, _) => break,
            }
        }
        self.set(to_ns);
        Ok(())
    }

    /// What came behind the last line.
    fn end(&mut self) -> Result<(), Failure> {
        while let Some(at_ns) = self.snapshots.next_ns() {
            if self.timed {
                self.set(at_ns);
            }
            self.answer()?;
        }
        Ok(())
    }

    fn answer(&mut self) -> Result<(), Failure> {
        let Some((id, snapshot)) = self.snapshots.take() else { return Ok(()) };
        let (retry_after_s, used_weight) = (None, None);
        let body = snapshot.body.as_bytes();
        self.player.fetched(None, id, Fetched::Answer { status: 200, retry_after_s, used_weight, body });
        self.grant()
    }

    /// Takes what the last call brought: confirms subscriptions, and notes what the session asks for.
    fn grant(&mut self) -> Result<(), Failure> {
        self.player.drain()?;
        while let Some(wish) = self.player.wishes.pop() {
            match wish {
                Wish::Send { route, text } => {
                    let request: Value = serde_json::from_str(&text).unwrap_or_default();
                    self.player.pretend(route, &consent(&request).to_string());
                }
                Wish::Fetch { id, url } => self.snapshots.ask(id, &url),
            }
        }
        Ok(())
    }

    fn set(&mut self, at_ns: u64) {
        self.now_ns = self.now_ns.max(at_ns);
        let elapsed_ns =
            self.now_ns.saturating_sub(self.began_ns.unwrap_or(0)).saturating_sub(self.left_out_ns);
        self.player.at(i64::try_from(elapsed_ns).unwrap_or(i64::MAX), self.now_ns);
    }
}

/// The answer of a venue that agrees: Deribit names the channels, and Binance says nothing.
fn consent(request: &Value) -> Value {
    let id = &request["id"];
    match (request["jsonrpc"].as_str(), &request["params"]["channels"]) {
        (None, _) => json!({"result": null, "id": id}),
        (Some(_), Value::Null) => json!({"jsonrpc": "2.0", "id": id, "result": "ok"}),
        (Some(_), channels) => json!({"jsonrpc": "2.0", "id": id, "result": channels}),
    }
}

/// The lines of a file, without their ends.
struct Lines {
    input: BufReader<File>,
    line: Vec<u8>,
    number: u64,
    position: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, Failure> {
        Ok(Self { input: BufReader::new(open(path)?), line: Vec::new(), number: 0, position: 0 })
    }

    /// The next line and its number, from 1.
    fn next(&mut self, path: &Path) -> Result<Option<(u64, &[u8])>, Failure> {
        self.line.clear();
        let mut input = self.input.by_ref().take(LINE_BYTES_MAX as u64 + 1);
        let read = input.read_until(b'\n', &mut self.line).map_err(|error| unreadable(path, &error))?;
        if read == 0 {
            return Ok(None);
        }
        self.position += read as u64;
        self.number += 1;
        if read > LINE_BYTES_MAX {
            let what = format!("line {} is longer than {} MiB", self.number, LINE_BYTES_MAX >> 20);
            return Err(Failure::new(DATA, format!("{}: {what}", path.display())));
        }
        Ok(Some((self.number, self.line.trim_ascii())))
    }
}

/// When each line came.
struct Times {
    path: PathBuf,
    lines: Lines,
}

impl Times {
    fn open(path: PathBuf) -> Result<Self, Failure> {
        Ok(Self { lines: Lines::open(&path)?, path })
    }

    fn next(&mut self, number: u64) -> Result<u64, Failure> {
        let path = &self.path;
        let told = |what: &str| Failure::new(DATA, format!("{}, line {number}: {what}", path.display()));
        let Some((_, line)) = self.lines.next(path)? else { return Err(told("missing")) };
        let text = std::str::from_utf8(line).unwrap_or_default();
        nanos(text).ok_or_else(|| told("not a time in Unix seconds"))
    }
}
