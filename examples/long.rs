//! Sends a file as one message and reads the answer as it arrives, in little memory however long they are.
//!
//! `cargo run -p tickwire-examples --bin echo -- 9001` is a server that sends it back, and beside it
//! `cargo run -p tickwire-examples --bin long -- ws://127.0.0.1:9001/ Cargo.lock answer` asks.
//!
//! The server has to take the whole message before it answers: no message is read while one is sent.

use std::fs::File;
use std::io;
use std::process::ExitCode;
use tickwire::{Client, Kind, Limits};

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("long: {error}");
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, question, answer] = arguments.as_slice() else {
        return Err("usage: long URL FILE ANSWER".into());
    };
    // These limits are there for whole messages, which are kept; parts are not.
    let limits = Limits { frame_bytes_max: 1 << 40, message_bytes_max: 1 << 40, ..Limits::default() };
    let mut client = Client::builder().limits(limits).connect(url)?;
    while !client.is_open() {
        client.wait(None)?;
        client.next_event()?;
    }
    let mut writer = client.message_writer(Kind::Binary, 64 << 10);
    let sent = io::copy(&mut File::open(question)?, &mut writer)?;
    writer.finish()?;
    drop(writer);
    println!("{sent} bytes sent");
    receive(&mut client, answer)?;
    client.close(1000, "")?;
    while !client.is_closed() {
        client.wait(None)?;
        client.next_event()?;
    }
    Ok(())
}

fn receive(client: &mut Client, answer: &str) -> Result<(), Box<dyn std::error::Error>> {
    while !client.is_closed() {
        client.wait(None)?;
        if let Some(mut reader) = client.message_reader()? {
            println!("{} bytes came back", io::copy(&mut reader, &mut File::create(answer)?)?);
            return Ok(());
        }
    }
    Err(format!("there was no answer: {:?}", client.received_close()).into())
}
