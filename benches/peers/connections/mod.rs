//! Many connections on one thread: what an idle one weighs, and whether a message costs more among many.
//!
//! Server and clients are processes of their own. They talk over a plain connection beside the measured ones: the client
//! asks for connections to be accepted or for messages to be sent, and the server says when it has done so.

mod clients;
mod server;

use crate::Outcome;
use crate::arm::Checks;
use crate::options::{Child, Options};
use crate::table::{Row, Table};
use clients::{Floor, Tickwire, Tungstenite};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

/// How many connections have something to say in a round.
const ACTIVE: usize = 10;

/// What they are called, and what the process is told.
const ARMS: [(&str, &str, Checks); 3] = [
    ("floor", "floor", Checks::Floor),
    ("tickwire", "tickwire", Checks::Protocol),
    ("tungstenite over rustls", "tungstenite", Checks::Protocol),
];

pub(crate) fn run(options: &Options, report: &mut dyn FnMut(Table)) -> Outcome<()> {
    let many = options.connections();
    let workload = format!("{many} over wss on one thread, {ACTIVE} of them with a message");
    if !options.wants("connections", &workload) {
        return Ok(());
    }
    let mut rows = Vec::new();
    for (name, argument, checks) in ARMS {
        eprintln!("connections: {workload}, {name}");
        let result = measure(options, argument)?;
        // The floor's memory is that of the session it was opened with.
        let value = |key: &str| result.get(key).and_then(Value::as_f64);
        let (few, all) = (value("few_ns"), value("many_ns"));
        rows.push(Row {
            arm: name.to_owned(),
            checks,
            values: vec![
                value("bytes").filter(|_| checks != Checks::Floor).map(|bytes| bytes / 1024.0),
                few,
                all,
                few.zip(all).map(|(few, all)| all / few),
            ],
        });
    }
    let columns = &["KiB/connection", "ns/message among 10", "ns/message among all", "ratio"];
    report(Table { mode: "connections", workload, columns, rows });
    Ok(())
}

/// One arm in a process of its own, against a server in another.
fn measure(options: &Options, argument: &str) -> Outcome<Value> {
    let program = std::env::current_exe()?;
    let child = |name: &str| {
        let mut command = Command::new(&program);
        command.args(["--child", name]);
        if options.quick {
            command.arg("--quick");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    };
    let mut server = child("server").spawn()?;
    let mut address = String::new();
    BufReader::new(server.stdout.take().ok_or("the server's output")?).read_line(&mut address)?;
    let mut client = child(argument).spawn()?;
    client.stdin.take().ok_or("the client's input")?.write_all(address.as_bytes())?;
    let output = client.wait_with_output()?;
    // The server ends with its client.
    let ended = server.wait()?;
    if !output.status.success() || !ended.success() {
        return Err(format!("{argument}: the client's or the server's process failed").into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What the other processes do.
pub(crate) fn run_child(child: Child, options: &Options) -> Outcome<()> {
    match child {
        Child::Server => server::run(),
        Child::Floor => clients::run::<Floor>(options),
        Child::Tickwire => clients::run::<Tickwire>(options),
        Child::Tungstenite => clients::run::<Tungstenite>(options),
    }
}
