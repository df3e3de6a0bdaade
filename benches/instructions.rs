//! Instructions per message of the hot entry points, counted by callgrind, against a budget that is kept beside this
//! file. Counts do not depend on what else the machine does, so that a change of a few per cent shows.

use clap::Parser;
use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use tickwire::ws::{Header, Opcode};
use tickwire::{Client, Kind};

/// Counts instructions per message and compares them with benches/instructions.json. Needs valgrind
#[derive(Parser)]
struct Args {
    /// Writes the counts into the budget instead of comparing them
    #[arg(long)]
    update: bool,
    /// Counts only the cases whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Keeps the profile of each case in this folder, for callgrind_annotate
    #[arg(long, value_name = "FOLDER")]
    profiles: Option<std::path::PathBuf>,
    /// Runs one case, uncounted: what valgrind is given
    #[arg(long, hide = true)]
    run: Option<String>,
}

type Budget = BTreeMap<String, f64>;

/// A count may exceed its budget by this much.
const TOLERANCE: f64 = 0.03;
const MESSAGES: usize = 20_000;

struct Case {
    name: &'static str,
    run: fn(),
}

const CASES: &[Case] = &[
    Case { name: "receive 160 B text", run: || receive(Opcode::Text, 160, 1, WINDOW) },
    Case { name: "receive 160 B text, one a read", run: || receive(Opcode::Text, 160, 1, 164) },
    Case { name: "receive 160 B text, 4 KiB a read", run: || receive(Opcode::Text, 160, 1, 4 << 10) },
    Case { name: "receive 160 B binary", run: || receive(Opcode::Binary, 160, 1, WINDOW) },
    Case { name: "receive 1200 B text", run: || receive(Opcode::Text, 1200, 1, WINDOW) },
    Case { name: "receive 4 x 1 KiB text", run: || receive(Opcode::Text, 4096, 4, WINDOW) },
    Case { name: "receive joined 4 x 1 KiB text", run: || receive_joined(4096, 4) },
    Case { name: "send 160 B text", run: send },
];

/// What a read brings, in bytes.
const WINDOW: usize = 64 << 10;

/// One stream of messages, in reads of equal size.
struct Wire {
    bytes: Vec<u8>,
    at: usize,
    read: usize,
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let rest = &self.bytes[self.at..];
        let count = into.len().min(rest.len()).min(self.read);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        into[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(black_box(from).len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn wire(opcode: Opcode, len: usize, frames: usize) -> Wire {
    let unit = br#"{"e":"depthUpdate","E":1,"s":"TICKWIRE","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}"#;
    let payload: Vec<u8> = unit.iter().copied().cycle().take(len).collect();
    let mut bytes = Vec::new();
    for _ in 0..MESSAGES {
        for (i, part) in payload.chunks(len.div_ceil(frames)).enumerate() {
            let opcode = if i == 0 { opcode } else { Opcode::Continuation };
            Header { fin: i + 1 == frames, rsv: 0, opcode, mask: None, len: part.len() as u64 }
                .encode(&mut bytes);
            bytes.extend_from_slice(part);
        }
    }
    Wire { bytes, at: 0, read: WINDOW }
}

fn receive(opcode: Opcode, len: usize, frames: usize, read: usize) {
    let wire = Wire { read, ..wire(opcode, len, frames) };
    let mut client = Client::builder().upgraded(wire, b"").expect("a client");
    assert_eq!(counted(|| drain(&mut client)), (MESSAGES, MESSAGES * len));
}

fn drain(client: &mut Client<tickwire::Plain<Wire>>) -> (usize, usize) {
    let (mut messages, mut total) = (0, 0);
    while let Some(message) = client.next_message_direct().expect("valid frames") {
        for fragment in message.fragments() {
            total += black_box(fragment).len();
        }
        messages += 1;
    }
    (messages, total)
}

fn receive_joined(len: usize, frames: usize) {
    let mut client = Client::builder().upgraded(wire(Opcode::Text, len, frames), b"").expect("a client");
    let total = counted(|| {
        let mut total = 0;
        while let Some(payload) = client.next_message().expect("valid frames") {
            assert_eq!(payload.kind, Kind::Text);
            total += black_box(payload.bytes).len();
        }
        total
    });
    assert_eq!(total, MESSAGES * len);
}

fn send() {
    let mut client =
        Client::builder().upgraded(Wire { bytes: Vec::new(), at: 0, read: WINDOW }, b"").expect("a client");
    let text = "x".repeat(160);
    counted(|| {
        for _ in 0..MESSAGES {
            client.send_text(black_box(&text)).expect("room");
            client.flush().expect("a writer that takes all");
        }
    });
}

/// What callgrind counts: it starts at this function's beginning and stops at its end.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

/// Runs a case of this very program under callgrind; instructions per message.
fn count(case: &Case, profiles: &Path) -> Result<f64, Box<dyn Error>> {
    let file = profiles.join(format!("callgrind.{}.{}.out", case.name.replace(' ', "-"), std::process::id()));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted*"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe()?)
        .args(["--run", case.name])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let profile = std::fs::read_to_string(&file)?;
    let total =
        profile.lines().find_map(|line| line.strip_prefix("totals: ")).ok_or("a profile without totals")?;
    Ok(total.trim().parse::<f64>()? / MESSAGES as f64)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    if let Some(name) = &args.run {
        let case = CASES.iter().find(|case| case.name == name).ok_or("no such case")?;
        (case.run)();
        return Ok(ExitCode::SUCCESS);
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("not counted: valgrind is not on this machine");
        return Ok(ExitCode::SUCCESS);
    }
    let folder = args.profiles.clone().unwrap_or_else(std::env::temp_dir);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json");
    let mut budget: Budget = match std::fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) if args.update => Budget::new(),
        Err(error) => return Err(error.into()),
    };
    let mut exceeded = false;
    println!("{:<32} {:>10} {:>10}", "instructions per message", "counted", "budget");
    for case in CASES.iter().filter(|case| case.name.contains(&args.only)) {
        let counted = (count(case, &folder)? * 10.0).round() / 10.0;
        let allowed = budget.get(case.name).copied();
        let over = allowed.is_none_or(|allowed| counted > allowed * (1.0 + TOLERANCE));
        let under = allowed.is_some_and(|allowed| counted < allowed * (1.0 - TOLERANCE));
        let remark = match (over, under) {
            (true, _) => "  exceeded",
            (_, true) => "  less than allowed: --update keeps the gain",
            _ => "",
        };
        println!("{:<32} {counted:>10.1} {:>10.1}{remark}", case.name, allowed.unwrap_or(0.0));
        exceeded |= over;
        if args.update {
            budget.insert(case.name.to_owned(), counted);
        }
    }
    if args.update {
        std::fs::write(&file, serde_json::to_string_pretty(&budget)? + "\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if exceeded { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
