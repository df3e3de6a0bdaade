//! Runs the client against a fuzzing server of the Autobahn test suite, and prints its verdicts.

use clap::{Parser, ValueEnum};
use std::collections::BTreeMap;
use std::process::ExitCode;
use tickwire::{Client, Deflate, Error, FrameAssembler, Kind, Payload};

/// Echoes every case of a running Autobahn fuzzing server through the client and prints the suite's verdicts.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the fuzzing server listens.
    #[arg(default_value = "ws://127.0.0.1:9001")]
    url: String,
    /// How messages are read.
    #[arg(long, value_enum, default_value = "direct")]
    read: Read,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Read {
    /// Borrowed fragments, joined by the frame assembler.
    Direct,
    /// One contiguous slice.
    Plain,
}

impl Read {
    /// The name under which the suite files the verdicts.
    fn agent(self) -> &'static str {
        match self {
            Self::Direct => "tickwire-direct",
            Self::Plain => "tickwire-plain",
        }
    }
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let Arguments { url, read } = Arguments::parse();
    let agent = read.agent();
    let cases: u32 = ask(&format!("{url}/getCaseCount"))?.parse()?;
    if cases == 0 {
        return Err("the server has no cases".into());
    }
    let mut verdicts: BTreeMap<String, u32> = BTreeMap::new();
    let mut failed = false;
    for case in 1..=cases {
        // How a connection ends is part of the case: the suite judges it.
        let _ = echo(&format!("{url}/runCase?case={case}&agent={agent}"), read);
        let status: serde_json::Value =
            serde_json::from_str(&ask(&format!("{url}/getCaseStatus?case={case}&agent={agent}"))?)?;
        let behavior = status["behavior"].as_str().ok_or("the suite gave no verdict")?;
        if !matches!(behavior, "OK" | "INFORMATIONAL") {
            failed = true;
            let info: serde_json::Value =
                serde_json::from_str(&ask(&format!("{url}/getCaseInfo?case={case}"))?)?;
            println!("{} {behavior}", info["id"].as_str().unwrap_or("?"));
        }
        *verdicts.entry(behavior.to_owned()).or_default() += 1;
    }
    ask(&format!("{url}/updateReports?agent={agent}"))?;
    for (behavior, count) in &verdicts {
        println!("{count:>4} {behavior}");
    }
    println!("{cases:>4} cases, read {}", agent.trim_start_matches("tickwire-"));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The suite's answer to a question: the first message, if there is one.
fn ask(url: &str) -> Result<String, Error> {
    let mut client = Client::connect(url)?;
    let mut answer = String::new();
    while !client.is_closed() {
        client.wait(None)?;
        while let Some(payload) = client.next_message()? {
            answer = payload.text().unwrap_or_default().to_owned();
        }
    }
    Ok(answer)
}

/// Sends every message back until the connection is over.
fn echo(url: &str, read: Read) -> Result<(), Error> {
    let mut client = Client::builder().deflate(Deflate::default()).connect(url)?;
    let mut joined = Vec::new();
    while !client.is_closed() {
        client.wait(None)?;
        while let Some(kind) = copy_next(&mut client, read, &mut joined)? {
            match (kind, std::str::from_utf8(&joined)) {
                (Kind::Text, Ok(text)) => client.send_text(text)?,
                _ => client.send_binary(&joined)?,
            }
            client.flush()?;
        }
    }
    Ok(())
}

/// Copies the next message into `joined`, by the chosen way of reading.
fn copy_next(client: &mut Client, read: Read, joined: &mut Vec<u8>) -> Result<Option<Kind>, Error> {
    match read {
        Read::Direct => Ok(client.next_message_direct()?.map(|message| {
            *joined = message.fragments().collect::<FrameAssembler<'_>>().reassemble();
            message.kind()
        })),
        Read::Plain => Ok(client.next_message()?.map(|Payload { kind, bytes }| {
            joined.clear();
            joined.extend_from_slice(bytes);
            kind
        })),
    }
}
