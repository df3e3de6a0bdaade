//! Any bytes in any cut: no panic, the same events as in one piece, bounded output, errors that stick.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Instant;
use tickwire_ws::{Config, Connection, Error, Event, Request, Role};

/// Events with their payloads, and how it ended.
type Seen = (Vec<(Event, Vec<u8>)>, Option<Error>);

fn run(mut connection: Connection, bytes: &[u8], read: usize, now: Instant) -> Seen {
    let mut seen = Vec::new();
    for chunk in bytes.chunks(read) {
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = &rest[connection.feed(rest, now)..];
            loop {
                match connection.poll() {
                    Ok(None) => break,
                    Ok(Some(event)) => {
                        let payload = match event {
                            Event::Message => connection.message().unwrap().fragments().collect::<Vec<_>>().concat(),
                            Event::Ping | Event::Pong => connection.control().to_vec(),
                            _ => Vec::new(),
                        };
                        seen.push((event, payload));
                        if event == Event::Request {
                            connection.accept(None).unwrap();
                        }
                    }
                    Err(error) => {
                        assert_eq!(connection.poll(), Err(error.clone()), "errors stick");
                        return (seen, Some(error));
                    }
                }
            }
        }
    }
    assert!(connection.transmit().len() <= bytes.len() * 4 + 4096, "answers are no larger than questions");
    (seen, None)
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (kind, cut, bytes) = input;
    let now = Instant::now();
    let make = || match kind % 4 {
        0 => Connection::upgraded(Role::Client, Config::default(), [1; 32], now),
        1 => Connection::upgraded(Role::Server, Config::default(), [1; 32], now),
        2 => Connection::client(Request::new("a", "/").unwrap(), Config::default(), [1; 32], now),
        _ => Connection::server(Config::default(), now),
    };
    let whole = run(make(), bytes, bytes.len().max(1), now);
    assert_eq!(run(make(), bytes, usize::from(cut) + 1, now), whole);
});
