//! Any text on either route: no panic, and every book is in order and within its bound.

use crate::drive::now;
use arbitrary::{Arbitrary as _, Unstructured};
use tickwire_venue::binance::{Binance, Config, Streams};
use tickwire_venue::{BookFault, Instrument, Route, Session as _};

/// Input: texts, each with the route that it comes on.
pub fn binance(input: &[u8]) {
    let Ok(texts) = Vec::<(bool, &[u8])>::arbitrary_take_rest(Unstructured::new(input)) else { return };
    let mut session = subscribed();
    for (api, text) in texts {
        let _ = session.on_message(Route(usize::from(api)), text, now());
        drain(&mut session);
        let book = session.book(Instrument(0)).unwrap().book;
        assert!(matches!(book.check(), Ok(()) | Err(BookFault::Crossed { .. })), "{:?}", book.check());
    }
}

fn subscribed() -> Binance {
    let streams =
        Streams { trade: true, agg_trade: true, book_ticker: true, depth: true, ..Streams::default() };
    let config = Config { symbols: vec!["BTCUSDT".into()], streams, ..Config::default() };
    let mut session = Binance::spot(config).unwrap();
    for route in [Route(0), Route(1)] {
        session.on_open(route, now());
    }
    drain(&mut session);
    session.on_message(Route(0), br#"{"result":null,"id":1}"#, now()).unwrap();
    drain(&mut session);
    session
}

fn drain(session: &mut Binance) {
    while session.poll_event().is_some() {}
    while session.poll_command().is_some() {}
}
