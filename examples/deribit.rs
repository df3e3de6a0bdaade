//! Subscribes to a Deribit order book by hand and prints each message, its fragments counted.
//!
//! `cargo run -p tickwire-examples --bin deribit`
//!
//! The channel is aggregated to 100 ms, which Deribit gives without signing in. An argument names another URL.

use std::process::ExitCode;
use tickwire::{Client, FrameAssembler};

const SUBSCRIBE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"public/subscribe","params":{"channels":["book.BTC-PERPETUAL.100ms"]}}"#;

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("deribit: {error}");
    ExitCode::FAILURE
}

fn run() -> Result<(), tickwire::Error> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "wss://test.deribit.com/ws/api/v2".to_owned());
    let mut client = Client::connect(&url)?;
    let mut subscribed = false;
    while !client.is_closed() {
        client.wait(None)?;
        while let Some(message) = client.next_message_direct()? {
            let joined = message.fragments().collect::<FrameAssembler<'_>>().reassemble();
            println!("{} fragment(s): {}", message.fragments().len(), String::from_utf8_lossy(&joined));
        }
        if client.is_open() && !subscribed {
            client.send_text(SUBSCRIBE)?;
            client.flush()?;
            subscribed = true;
        }
    }
    Ok(())
}
