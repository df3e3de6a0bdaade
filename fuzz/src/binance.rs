//! Any text on any connection: no panic, the three ways of reading agree, and every book is in order and within its
//! bound.

use crate::drive::now;
use crate::ways::ways_agree;
use arbitrary::{Arbitrary as _, Unstructured};
use tickwire_venue::binance::{Binance, Config, Stream, wire::Decoder};
use tickwire_venue::{BookFault, Instrument, Now, Route, Session as _};

/// Two connections to the streams, between them the one to the API, which takes half of the texts.
const ROUTES: [Route; 4] = [Route::first(0), API, Route { endpoint: 0, leg: 1 }, API];
const API: Route = Route::first(1);

/// Input: texts, each with the connection that it comes on.
pub fn binance(input: &[u8]) {
    let Ok(texts) = Vec::<(u8, &[u8])>::arbitrary_take_rest(Unstructured::new(input)) else { return };
    let mut session = subscribed();
    let mut decoders = [(); 3].map(|()| Decoder::new());
    for (route, text) in texts {
        ways_agree(&mut decoders, text);
        let _ = session.on_message(ROUTES[usize::from(route & 3)], text, both());
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
    for (route, answer) in [
        (ROUTES[0], r#"{"result":null,"id":1}"#),
        (ROUTES[2], r#"{"result":null,"id":2}"#),
        (API, r#"{"id":"nobody's","status":200,"result":{}}"#),
    ] {
        session.on_open(route, both());
        drain(&mut session);
        let _ = session.on_message(route, answer.as_bytes(), both());
        drain(&mut session);
        assert!(session.is_ready(route));
    }
    session
}

fn both() -> Now {
    Now { instant: now(), unix_ns: 0 }
}

fn drain(session: &mut Binance) {
    while session.poll_event().is_some() {}
    while session.poll_command().is_some() {}
}
