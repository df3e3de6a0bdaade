//! Our client against the suite's fuzzing server.

use crate::Outcome;
use crate::clock::Deadline;
use clap::ValueEnum;
use std::io::Write as _;
use std::time::Duration;
use tickwire::{Builder, Client, FrameAssembler, Kind, Part, Payload};

/// One case; the suite itself gives up after 480 s at most.
const CASE_MAX: Duration = Duration::from_secs(500);
/// One question to the suite.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// How messages are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Read {
    /// Borrowed fragments, joined by the frame assembler.
    Direct,
    /// One contiguous slice.
    Plain,
    /// Part by part as it arrives; sent back in fragments.
    Parts,
}

/// Fragments of what is sent back part by part: the cases have messages shorter and longer than that.
const FRAGMENT_BYTES: usize = 1000;

/// How the client goes about it.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) builder: &'a Builder,
    pub(crate) read: Read,
    pub(crate) agent: &'a str,
    pub(crate) deadline: Deadline,
}

/// Goes through every case of the fuzzing server at `url` and has it write its reports.
pub(crate) fn run(url: &str, cases: usize, settings: &Settings<'_>) -> Outcome<()> {
    let Settings { builder, agent, deadline, .. } = settings;
    let ask = |question: &str| {
        let client = builder.connect(&format!("{url}/{question}"))?;
        answer(client, deadline.earlier(Deadline::after(ANSWER_MAX)))
            .map_err(|error| format!("the suite does not answer {question}: {error}").into())
    };
    let count: Outcome<String> = ask("getCaseCount");
    let count: usize = count?.parse()?;
    if count != cases {
        return Err(format!("the suite has {count} of {cases} cases").into());
    }
    for case in 1..=count {
        let client = builder.connect(&format!("{url}/runCase?case={case}&agent={agent}"))?;
        let limit = deadline.earlier(Deadline::after(CASE_MAX));
        // How a connection ends is part of the case: the suite judges it.
        let _ = echo(client, settings.read, limit);
        // The next case begins when this one has its verdict.
        ask(&format!("getCaseStatus?case={case}&agent={agent}"))?;
    }
    ask(&format!("updateReports?agent={agent}"))?;
    Ok(())
}

/// The suite's answer to a question: the last message, if there is one.
fn answer(mut client: Client, deadline: Deadline) -> Outcome<String> {
    let mut answer = String::new();
    while !client.is_closed() {
        client.wait(Some(deadline.left("no answer")?))?;
        while let Some(payload) = client.next_message()? {
            answer = payload.text().unwrap_or_default().to_owned();
        }
    }
    Ok(answer)
}

/// Sends every message back until the connection is over.
fn echo(mut client: Client, read: Read, deadline: Deadline) -> Outcome<()> {
    let mut joined = Vec::new();
    while !client.is_closed() {
        client.wait(Some(deadline.left("a case does not end")?))?;
        while let Some(kind) = copy_next(&mut client, read, &mut joined)? {
            send_back(&mut client, read, kind, &joined)?;
            joined.clear();
            client.flush()?;
        }
    }
    Ok(())
}

fn send_back(client: &mut Client, read: Read, kind: Kind, message: &[u8]) -> Outcome<()> {
    match kind {
        _ if read == Read::Parts => {
            let mut writer = client.message_writer(kind, FRAGMENT_BYTES);
            writer.write_all(message)?;
            writer.finish()?;
        }
        Kind::Text => client.send_text(std::str::from_utf8(message)?)?,
        Kind::Binary => client.send_binary(message)?,
    }
    Ok(())
}

/// Appends the next message to `joined`, by the chosen way of reading; its kind once it is whole.
fn copy_next(client: &mut Client, read: Read, joined: &mut Vec<u8>) -> Result<Option<Kind>, tickwire::Error> {
    match read {
        Read::Direct => Ok(client.next_message_direct()?.map(|message| {
            *joined = message.fragments().collect::<FrameAssembler<'_>>().reassemble();
            message.kind()
        })),
        Read::Plain => Ok(client.next_message()?.map(|Payload { kind, bytes }| {
            joined.extend_from_slice(bytes);
            kind
        })),
        Read::Parts => {
            while let Some(Part { kind, bytes, is_last }) = client.next_part()? {
                joined.extend_from_slice(bytes);
                if is_last {
                    return Ok(Some(kind));
                }
            }
            Ok(None)
        }
    }
}
