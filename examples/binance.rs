//! Keeps the order book of a Binance symbol and prints its top, with every gap and resync told.
//!
//! `cargo run -p tickwire-examples --bin binance -- BTCUSDT`
//!
//! Two more arguments, a base URL and a PEM file, lead to a venue on this machine:
//! `cargo run -p tickwire-cli -- sim --port 9443 --ca ca.pem binance` and `... binance -- BTCUSDT wss://localhost:9443 ca.pem`.

use std::io::Write as _;
use std::process::ExitCode;
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::venue::{BookChange, Event, Outcome, Session as _};
use tickwire::{Client, Feed};

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("binance: {error}");
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let streams = vec![Stream::Depth { ms: 100 }, Stream::BookTicker];
    let mut config = Config { streams, ..Config::default() };
    let mut builder = Client::builder();
    match arguments.as_slice() {
        [symbol] => config.symbols = vec![symbol.clone()],
        [symbol, url, pem] => {
            config.symbols = vec![symbol.clone()];
            (config.stream_url, config.api_url) = (url.clone(), format!("{url}/ws-api/v3"));
            let pem = std::fs::read(pem).map_err(|error| format!("{pem}: {error}"))?;
            builder = builder.extra_roots_pem(&pem)?;
        }
        _ => return Err("expected SYMBOL [URL FILE.pem]".into()),
    }
    let mut feed = Feed::connect(Binance::new(config)?, &builder)?;
    let mut out = std::io::stdout().lock();
    while let Some(arrival) = feed.next(None)? {
        match arrival.event {
            Event::Book(event) => {
                let Some(view) = feed.session().book(event.instrument) else { continue };
                match (event.change, view.book.best_bid(), view.book.best_ask()) {
                    (BookChange::Updated { update_id }, Some(bid), Some(ask)) => {
                        writeln!(
                            out,
                            "{update_id} {} {} | {} {}",
                            bid.quantity, bid.price, ask.price, ask.quantity
                        )?;
                    }
                    (change, ..) => writeln!(out, "book: {change:?}")?,
                }
            }
            // A connection that is lost is made again; what it may have missed, and what was left out, is told.
            event @ (Event::Link(_) | Event::Gap(_) | Event::Unreadable(_)) => writeln!(out, "{event:?}")?,
            Event::Check(check) if !check.agrees => writeln!(out, "the venue's quote disagrees: {check:?}")?,
            Event::Rejected(rejection) if rejection.outcome == Outcome::Final => {
                return Err(rejection.message.into());
            }
            _ => {}
        }
    }
    Ok(())
}
