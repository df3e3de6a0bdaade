//! Any bytes in any cut: no panic, the same events as in one piece, by the long way, part by part and with control frames dealt
//! with alone, bounded output, errors that stick.

use crate::drive::{SEED, now, read_size, run, run_attended, run_parts, run_whole};
use tickwire_ws::{Config, Connection, Request, Role};

/// Input: which connection, how large the reads are, what arrives.
pub fn connection(input: &[u8]) {
    let [kind, read, bytes @ ..] = input else { return };
    let make = || match kind % 4 {
        0 => Connection::upgraded(Role::Client, Config::default(), SEED, now()),
        1 => Connection::upgraded(Role::Server, Config::default(), SEED, now()),
        2 => Connection::client(Request::new("a", "/").unwrap(), Config::default(), SEED, now()),
        _ => Connection::server(Config::default(), now()),
    };
    let whole = run_whole(&mut make(), bytes);
    assert_eq!(run(&mut make(), bytes, read_size(*read)), whole);
    assert_eq!(run_attended(&mut make(), bytes, read_size(*read)), whole);
    assert_eq!(run_parts(&mut make(), bytes, read_size(*read)).joined(), whole.joined());
}
