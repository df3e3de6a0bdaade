//! Keeps the order book of a Binance symbol and prints its top, with every gap and resync told.
//!
//! `cargo run -p tickwire-examples --bin binance -- BTCUSDT`
//!
//! Two more arguments, a PEM file and a base URL, lead to a venue on this machine (`tickwire sim binance --ca ca.pem`).

use tickwire::venue::binance::{Binance, Config, Streams};
use tickwire::venue::{BookChange, Event, Outcome, Session as _};
use tickwire::{Client, Feed};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut config = Config {
        symbols: vec![arguments.next().unwrap_or_else(|| "BTCUSDT".to_owned())],
        streams: Streams { depth: true, book_ticker: true, ..Streams::default() },
        ..Config::default()
    };
    let mut builder = Client::builder();
    if let (Some(pem), Some(url)) = (arguments.next(), arguments.next()) {
        builder = builder.extra_roots_pem(&std::fs::read(pem)?)?;
        config.api_url = format!("{url}/ws-api/v3");
        config.stream_url = url;
    }
    let mut feed = Feed::connect(Binance::spot(config)?, &builder)?;
    while !feed.is_closed() {
        match feed.next(None)? {
            Some(Event::Book(event)) => match event.change {
                BookChange::Updated { update_id } => {
                    let Some(view) = feed.session().book(event.instrument) else { continue };
                    if let (Some(bid), Some(ask)) = (view.book.best_bid(), view.book.best_ask()) {
                        println!(
                            "{update_id} {} {} | {} {}",
                            bid.quantity, bid.price, ask.price, ask.quantity
                        );
                    }
                }
                other => println!("book: {other:?}"),
            },
            Some(Event::Check(check)) if !check.agrees => println!("the venue's quote disagrees: {check:?}"),
            Some(Event::Rejected(rejection)) if rejection.outcome == Outcome::Final => {
                return Err(rejection.message.to_owned().into());
            }
            _ => {}
        }
    }
    Ok(())
}
