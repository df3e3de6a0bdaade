//! Any texts at any time: no panic, the three ways of reading agree, and every book is in order.

use std::time::Duration;

use crate::drive::now;
use tickwire_venue::deribit::{Channel, Config, Credentials, Deribit, Rate, wire::Decoder};
use tickwire_venue::{BookFault, Instrument, Now, Route, Session as _, Way};

const ROUTE: Route = Route(0);

/// Input: lines, each a byte of seconds that pass and a text.
pub fn deribit(input: &[u8]) {
    let mut decoders = [(); 3].map(|()| Decoder::new());
    let mut session = session();
    let mut at = Now { instant: now(), unix_ns: 0 };
    session.on_open(ROUTE, at);
    drain(&mut session);
    for line in input.split(|byte| *byte == b'\n') {
        let Some((seconds, text)) = line.split_first() else { continue };
        ways_agree(&mut decoders, text);
        at.instant += Duration::from_secs(u64::from(*seconds));
        session.on_deadline(at);
        drain(&mut session);
        let _ = session.on_message(ROUTE, text, at);
        drain(&mut session);
        assert!(session.next_deadline().is_some(), "an open session listens for silence");
        let book = session.book(Instrument(0)).unwrap().book;
        assert!(matches!(book.check(), Ok(()) | Err(BookFault::Crossed { .. })), "{:?}", book.check());
    }
}

fn session() -> Deribit {
    let book = Channel::Book { interval: Rate::Raw };
    let credentials = Credentials::Secret { client_id: "an id".into(), client_secret: "a secret".into() };
    let config = Config {
        instruments: vec!["A".into()],
        channels: vec![book, Channel::IncrementalTicker],
        credentials: Some(credentials),
        ..Config::default()
    };
    Deribit::new(config).unwrap()
}

fn ways_agree(decoders: &mut [Decoder; 3], text: &[u8]) {
    let [fixed, any, library] = decoders;
    hold_to((fixed, Way::Fixed), (any, Way::AnyOrder), text);
    // The library refuses numbers that a double does not hold.
    if !has_long_number(text) {
        hold_to((any, Way::AnyOrder), (library, Way::Library), text);
    }
}

/// A text means the same messages in both ways, or is refused in both.
fn hold_to((one, way): (&mut Decoder, Way), (other, other_way): (&mut Decoder, Way), text: &[u8]) {
    let mut count = 0;
    let answer = one.decode_from(way, text, |channel, message| {
        let mut nth = 0;
        let read = other.decode_from(other_way, text, |other_channel, other_message| {
            if nth == count {
                assert_eq!((channel, message), (other_channel, other_message));
            }
            nth += 1;
        });
        assert!(read.is_ok() && nth > count, "{read:?}");
        count += 1;
    });
    let mut others = 0;
    let read = other.decode_from(other_way, text, |_, _| others += 1);
    assert_eq!((answer.is_ok(), count), (read.is_ok(), others), "{}", String::from_utf8_lossy(text));
}

fn has_long_number(text: &[u8]) -> bool {
    let mut numbers = text.split(|byte| !byte.is_ascii_digit() && !b".eE".contains(byte));
    let digits = |number: &[u8]| number.iter().filter(|byte| byte.is_ascii_digit()).count();
    numbers.any(|number| digits(number) > 15 && number.iter().any(|byte| !byte.is_ascii_digit()))
}

fn drain(session: &mut Deribit) {
    while session.poll_event().is_some() {}
    while session.poll_command().is_some() {}
}
