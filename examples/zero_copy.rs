//! Sends large messages from their own memory (`MSG_ZEROCOPY`, on Linux and without TLS), and tells what became of that.
//!
//! `cargo run -p tickwire-examples --bin zero_copy -- ws://127.0.0.1:9001/ 1000 1048576`
//!
//! That many messages of that many bytes, to a server such as `echo.rs`. Over loopback the kernel copies all the same, and is
//! not asked again.

use std::process::ExitCode;
use tickwire::bytes::BytesMut;
use tickwire::{Client, Error, Kind, SendError, ZeroCopy};

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("zero_copy: {error}");
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, messages, bytes] = arguments.as_slice() else {
        return Err("usage: zero_copy URL MESSAGES BYTES".into());
    };
    let (mut left, bytes): (u64, usize) = (messages.parse()?, bytes.parse()?);
    let mut client = Client::builder().zero_copy(ZeroCopy::default()).connect(url)?;
    while !client.is_closed() {
        client.wait(None)?;
        while client.next_message_direct()?.is_some() {}
        while client.is_open() && left > 0 && send(&mut client, BytesMut::zeroed(bytes))? {
            left -= 1;
        }
        // Nothing is lent any more: the peer has it all.
        if client.is_open() && left == 0 && client.flush()? {
            println!("all messages were sent; of those that were not copied by us:");
            println!("{:#?}", client.transport().zero_copy());
            client.close(1000, "")?;
        }
    }
    if left > 0 {
        return Err(format!("{left} messages were not sent: {:?}", client.received_close()).into());
    }
    Ok(())
}

/// False when there is no room for now.
fn send(client: &mut Client, mut payload: BytesMut) -> Result<bool, Error> {
    match client.send_bytes(Kind::Binary, &mut payload) {
        Ok(()) => Ok(true),
        Err(SendError::Full { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
