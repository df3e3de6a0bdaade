//! Prints the messages of one WebSocket, straight from the receive buffer.
//!
//! `cargo run -p tickwire-examples --bin quickstart -- wss://stream.binance.com:9443/ws/btcusdt@trade`
//!
//! A second argument names a PEM file of certificates to trust, for a venue on this machine:
//! `cargo run -p tickwire-cli -- sim --port 9443 --ca ca.pem binance` and
//! `... quickstart -- wss://localhost:9443/ws/btcusdt@trade ca.pem`.

use std::io::Write as _;
use std::process::ExitCode;
use tickwire::Client;

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("quickstart: {error}");
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "wss://stream.binance.com:9443/ws/btcusdt@trade".to_owned());
    let mut builder = Client::builder();
    if let Some(path) = arguments.next() {
        let pem = std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
        builder = builder.extra_roots_pem(&pem)?;
    }
    let mut client = builder.connect(&url)?;
    let mut out = std::io::stdout().lock();
    while !client.is_closed() {
        client.wait(None)?;
        while let Some(message) = client.next_message_direct()? {
            for fragment in message.fragments() {
                out.write_all(fragment)?;
            }
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}
