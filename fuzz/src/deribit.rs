//! Any texts at any time: no panic, the three ways of reading agree, and every book is in order.

use std::time::Duration;

use crate::drive::now;
use crate::ways::ways_agree;
use tickwire_venue::deribit::{Channel, Config, Credentials, Deribit, Rate, wire::Decoder};
use tickwire_venue::{BookFault, Instrument, Now, Route, Session as _};

/// Input: lines, each a byte of seconds that pass and a text; those of odd numbers of seconds come on a second connection.
pub fn deribit(input: &[u8]) {
    let mut decoders = [(); 3].map(|()| Decoder::new());
    let mut session = session();
    let mut at = Now { instant: now(), unix_ns: 0 };
    for leg in [0, 1] {
        session.on_open(Route { endpoint: 0, leg }, at);
        drain(&mut session);
    }
    for line in input.split(|byte| *byte == b'\n') {
        let Some((seconds, text)) = line.split_first() else { continue };
        ways_agree(&mut decoders, text);
        at.instant += Duration::from_secs(u64::from(*seconds));
        session.on_deadline(at);
        drain(&mut session);
        let route = Route { endpoint: 0, leg: usize::from(seconds & 1) };
        let _ = session.on_message(route, text, at);
        drain(&mut session);
        assert!(session.next_deadline().is_some(), "an open session listens for silence");
        let book = session.book(Instrument(0)).unwrap().book;
        assert!(matches!(book.check(), Ok(()) | Err(BookFault::Crossed { .. })), "{:?}", book.check());
    }
}

fn session() -> Deribit {
    let book = Channel::Book { interval: Rate::Raw };
    let credentials =
        Credentials::Secret { client_id: "an id".into(), client_secret: String::from("a secret").into() };
    let config = Config {
        instruments: vec!["A".into()],
        channels: vec![book, Channel::IncrementalTicker],
        credentials: Some(credentials),
        ..Config::default()
    };
    Deribit::new(config).unwrap()
}

ways_agree!(Decoder);

fn drain(session: &mut Deribit) {
    while session.poll_event().is_some() {}
    while session.poll_command().is_some() {}
}
