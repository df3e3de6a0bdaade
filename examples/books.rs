//! Keeps the order books of two venues side by side, on one thread with one poll, and prints their
//! tops each second.
//!
//! `cargo run -p tickwire-examples --bin books`
//!
//! The venues are the real ones. With the base URLs of two local venues, which `tickwire sim --plain binance-usdm` and
//! `tickwire sim --plain deribit` print, those: `... --bin books ws://127.0.0.1:40001 ws://127.0.0.1:40002`.

use mio::{Events, Interest, Poll, Token};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::venue::deribit::{self, Channel, Deribit, Rate};
use tickwire::venue::{BookState, Event, Instrument, Session};
use tickwire::{Client, Error, Feed};

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("books: {error}");
    ExitCode::FAILURE
}

fn run() -> Result<(), Error> {
    let bases: Vec<String> = std::env::args().skip(1).collect();
    let mut futures = Config {
        symbols: vec!["BTCUSDT".into()],
        streams: vec![Stream::Depth { ms: 100 }, Stream::BookTicker],
        ..Config::usd_m()
    };
    let mut perpetual = deribit::Config {
        instruments: vec!["BTC-PERPETUAL".into()],
        channels: vec![Channel::Book { interval: Rate::Ms100 }],
        ..deribit::Config::default()
    };
    if let [binance, deribit] = bases.as_slice() {
        (futures.stream_url, futures.api_url) = (binance.clone(), format!("{binance}/ws-fapi/v1"));
        perpetual.url = format!("{deribit}/ws/api/v2");
    }
    let mut binance = Feed::connect(Binance::new(futures)?, &Client::builder())?;
    let mut deribit = Feed::connect(Deribit::new(perpetual)?, &Client::builder())?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut binance, Token(0), Interest::READABLE)?;
    poll.registry().register(&mut deribit, Token(1), Interest::READABLE)?;
    let mut events = Events::with_capacity(8);
    let mut print_at = now();
    while !binance.is_closed() && !deribit.is_closed() {
        follow(&mut binance)?;
        follow(&mut deribit)?;
        if print_at <= now() {
            print("Binance", binance.session());
            print("Deribit", deribit.session());
            print_at += Duration::from_secs(1);
        }
        let deadlines = [binance.next_deadline(), deribit.next_deadline(), Some(print_at)];
        let next = deadlines.into_iter().flatten().min();
        poll.poll(&mut events, next.map(|at| at.saturating_duration_since(now())))?;
    }
    Ok(())
}

/// Takes all that is there; what happens to books is told, but for their updates.
fn follow<S: Session>(feed: &mut Feed<S>) -> Result<(), Error> {
    while let Some(arrival) = feed.next(Some(Duration::ZERO))? {
        match arrival.event {
            Event::Book(book) if !matches!(book.change, tickwire::venue::BookChange::Updated { .. }) => {
                println!("{:?}", book.change);
            }
            event @ (Event::Link(_) | Event::Gap(_) | Event::Unreadable(_) | Event::Rejected(_)) => {
                println!("{event:?}");
            }
            _ => {}
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a program has a clock")]
fn now() -> Instant {
    Instant::now()
}

fn print(venue: &str, session: &impl Session) {
    for instrument in (0..session.instruments()).map(Instrument) {
        let (Some(symbol), Some(view)) = (session.symbol(instrument), session.book(instrument)) else {
            continue;
        };
        let top = |levels: &mut dyn Iterator<Item = tickwire::venue::Level>| {
            let levels: Vec<_> =
                levels.take(3).map(|level| format!("{} x {}", level.price, level.quantity)).collect();
            levels.join(", ")
        };
        let stale = if view.state == BookState::Live { "" } else { " (not live)" };
        println!(
            "{venue} {symbol}{stale}: bids {}; asks {}",
            top(&mut view.book.bids()),
            top(&mut view.book.asks())
        );
    }
}
