//! Any text on either route: no panic, and every book that is live is readable and within its bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Instant;
use tickwire_venue::binance::{Binance, Config, Streams};
use tickwire_venue::{Instrument, Route, Session, Side};

fuzz_target!(|input: Vec<(bool, &[u8])>| {
    let now = Instant::now();
    let streams = Streams { trade: true, agg_trade: true, book_ticker: true, depth: true, ..Streams::default() };
    let config = Config { symbols: vec!["BTCUSDT".into()], streams, ..Config::default() };
    let mut session = Binance::spot(config).unwrap();
    for route in [Route(0), Route(1)] {
        session.on_open(route, now);
    }
    let drain = |session: &mut Binance| {
        while session.poll_event().is_some() {}
        while session.poll_command().is_some() {}
    };
    drain(&mut session);
    session.on_message(Route(0), br#"{"result":null,"id":1}"#, now).unwrap();
    drain(&mut session);
    for (api, text) in input {
        let _ = session.on_message(Route(usize::from(api)), text, now);
        drain(&mut session);
        let view = session.book(Instrument(0)).unwrap();
        assert!(view.book.len(Side::Bid) <= view.book.levels_max() && view.book.len(Side::Ask) <= view.book.levels_max());
    }
});
