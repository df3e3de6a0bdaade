//! Follows a stream through a proxy, with all that a proxy and a server may want to be shown.
//!
//! `cargo run -p tickwire-examples --bin proxy -- socks5://user:password@proxy.example:1080`
//!
//! Without an argument the environment is asked (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`). A second and a third argument, a URL
//! and a PEM file, lead to a venue on this machine, as those of `quickstart.rs` do.

use std::process::ExitCode;
use tickwire::{Client, DialError, Error, Proxy};

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("proxy: {error}");
    if let Some(Error::Dial(DialError::Proxy { .. })) = error.downcast_ref() {
        eprintln!("The proxy was reached, and the venue was not.");
    }
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut builder = Client::builder();
    builder = match arguments.first() {
        Some(url) => builder.proxy(Proxy::parse(url)?),
        None => builder.proxy_from_env(),
    };
    if let Some(pem) = arguments.get(2) {
        builder = builder.extra_roots_pem(&std::fs::read(pem)?)?;
    }
    // A server that wants to know who asks: `builder.bearer_auth(token)`, `builder.basic_auth(user, password)`, or
    // `builder.header(name, value)`.
    let url = arguments.get(1).map_or("wss://stream.binance.com:9443/ws/btcusdt@trade", String::as_str);
    let mut client = builder.connect(url)?;
    while !client.is_closed() {
        client.wait(None)?;
        while let Some(message) = client.next_message()? {
            println!("{}", message.text().unwrap_or("(binary)"));
        }
    }
    Ok(())
}
