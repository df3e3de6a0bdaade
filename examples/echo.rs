//! A server for one's own trials, which sends every message back: the sans-IO connection in the server's role, on a thread
//! for each client.
//!
//! `cargo run -p tickwire-examples --bin echo -- 9001`

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;
use tickwire::ws::{Config, Connection, Event, Limits};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).ok_or("usage: echo PORT")?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("ws://{}/", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = serve(stream) {
                eprintln!("echo: {error}");
            }
        });
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
    // Messages are kept as a whole here.
    let bytes_max = 1 << 30;
    let limits = Limits {
        frame_bytes_max: bytes_max,
        message_bytes_max: bytes_max,
        outbox_bytes_max: 2 * bytes_max,
        ..Limits::default()
    };
    let mut connection = Connection::server(Config { limits, ..Config::default() }, now());
    while !connection.is_ended() {
        match stream.read(connection.recv_buffer()) {
            Ok(0) => connection.received_end(),
            Ok(count) => connection.received(count, now()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        }
        let answered = answer(&mut connection);
        // An error, too, has a Close frame that tells of it.
        while connection.wants_transmit() {
            let count = stream.write(connection.transmit())?;
            connection.transmitted(count);
        }
        answered?;
    }
    Ok(())
}

fn answer(connection: &mut Connection) -> Result<(), Box<dyn std::error::Error>> {
    while let Some(event) = connection.poll()? {
        match event {
            Event::Request => connection.accept(None)?,
            Event::Message => {
                let message = connection.payload().map(|payload| (payload.kind, payload.bytes.to_vec()));
                if let Some((kind, bytes)) = message {
                    connection.send(kind, &bytes)?;
                }
            }
            // Pings and the Close are answered already.
            _ => {}
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a program has a clock")]
fn now() -> Instant {
    Instant::now()
}
