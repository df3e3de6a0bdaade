//! Any text on either route: no panic, the three ways of reading agree, and every book is in order and within its
//! bound.

use crate::drive::now;
use crate::ways::ways_agree;
use arbitrary::{Arbitrary as _, Unstructured};
use tickwire_venue::binance::{Binance, Config, Stream, wire::Decoder};
use tickwire_venue::{BookFault, Instrument, Now, Route, Session as _};

/// Input: texts, each with the route that it comes on.
pub fn binance(input: &[u8]) {
    let Ok(texts) = Vec::<(bool, &[u8])>::arbitrary_take_rest(Unstructured::new(input)) else { return };
    let mut session = subscribed();
    let mut decoders = [(); 3].map(|()| Decoder::new());
    for (api, text) in texts {
        ways_agree(&mut decoders, text);
        let _ = session.on_message(Route(usize::from(api)), text, both());
        drain(&mut session);
        let book = session.book(Instrument(0)).unwrap().book;
        assert!(matches!(book.check(), Ok(()) | Err(BookFault::Crossed { .. })), "{:?}", book.check());
    }
}

ways_agree!(Decoder);

fn subscribed() -> Binance {
    let streams = vec![Stream::Trade, Stream::AggTrade, Stream::BookTicker, Stream::Depth { ms: 100 }];
    let config = Config { symbols: vec!["BTCUSDT".into()], streams, ..Config::default() };
    let mut session = Binance::new(config).unwrap();
    for route in [Route(0), Route(1)] {
        session.on_open(route, both());
    }
    drain(&mut session);
    session.on_message(Route(0), br#"{"result":null,"id":1}"#, both()).unwrap();
    drain(&mut session);
    session
}

fn both() -> Now {
    Now { instant: now(), unix_ns: 0 }
}

fn drain(session: &mut Binance) {
    while session.poll_event().is_some() {}
    while session.poll_command().is_some() {}
}
