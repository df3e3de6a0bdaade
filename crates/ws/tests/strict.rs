//! Strictness: every violation fails either role with the close code of the RFC, however it is cut.
#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(feature = "deflate")]
#[path = "common/agreed.rs"]
mod agreed;
mod common;
#[path = "common/violations.rs"]
mod violations;

use common::{Seen, run, sent};
use tickwire_ws::{Config, Connection, Error, Kind, Opcode, SendError};
use violations::Row;

/// Sends the row in reads of one byte and as a whole.
fn check(row: &Row, from_client: bool, make: impl Fn() -> Connection) {
    let bytes = row.bytes(from_client);
    let violation = row.violation(from_client);
    let name = &row.name;
    for read in [1, 2, bytes.len()] {
        let mut connection = make();
        let seen = run(&mut connection, &bytes, read);
        assert_eq!(seen, [Seen::Error(Error::Protocol(violation))], "{name}");
        let close = row.code.to_be_bytes().to_vec();
        assert_eq!(sent(&mut connection), [(Opcode::Close, close)], "{name}");
        assert_eq!(connection.poll(), Err(Error::Protocol(violation)), "{name}: the error sticks");
        assert_eq!(connection.send(Kind::Text, b"x"), Err(SendError::Closing), "{name}");
        assert!(connection.is_ended() && !connection.is_clean(), "{name}");
    }
}

#[test]
fn a_client_refuses_every_violation() {
    for row in violations::plain() {
        check(&row, false, || common::client(Config::default()));
    }
}

#[test]
fn a_server_refuses_every_violation() {
    for row in violations::plain() {
        check(&row, true, || common::server(Config::default()));
    }
}

#[cfg(feature = "deflate")]
#[test]
fn both_roles_refuse_every_violation_of_agreed_compression() {
    let config = Config { deflate: Some(tickwire_ws::Deflate::default()), ..Config::default() };
    let pair = || agreed::pair(&config, &config, common::NowForTest::now_for_test());
    for row in violations::compressed() {
        check(&row, false, || pair().0);
        check(&row, true, || pair().1);
    }
}

#[cfg(feature = "deflate")]
#[test]
fn agreed_compression_relaxes_nothing_else() {
    let config = Config { deflate: Some(tickwire_ws::Deflate::default()), ..Config::default() };
    let pair = || agreed::pair(&config, &config, common::NowForTest::now_for_test());
    // RSV1 on the first frame of a message is what the extension is about.
    let still_wrong = |row: &Row| !matches!(row.name.as_str(), "RSV1 on text" | "RSV1 on binary");
    for row in violations::plain().iter().filter(|row| still_wrong(row)) {
        check(row, false, || pair().0);
        check(row, true, || pair().1);
    }
}
