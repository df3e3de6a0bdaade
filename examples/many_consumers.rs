//! One feed, and consumers on threads of their own: one takes every trade, one the latest quote of each symbol when it has
//! time for it, and a third wants more streams after a while.
//!
//! `cargo run -p tickwire-examples --bin many_consumers`
//!
//! Two arguments, a base URL and a PEM file, lead to a venue on this machine:
//! `cargo run -p tickwire-cli -- sim --port 9443 --ca ca.pem binance` and
//! `... many_consumers wss://localhost:9443 ca.pem`.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use tickwire::handoff::{self, Consumer, Delivery, Offer, Overflow, Registry, Writer};
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::venue::{Event, Quote, Trade};
use tickwire::{Client, Feed};

/// What a consumer gets of an event; the text of the message comes beside it.
#[derive(Debug, Clone, Copy)]
enum Told {
    Trade(Trade),
    Quote(Quote),
}

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("many_consumers: {error}");
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut feed = connect()?;
    let mut registry = Registry::new(2);
    // What waits for each is a mebibyte at most. Trades hold the feed up rather than being dropped; of the quotes of a
    // symbol the latest stands in for those before it.
    let (trades_id, trades) = registry.consumer(1 << 20);
    registry.add(&handoff::Stream::new("trades"), trades_id)?;
    let (quotes_id, quotes) = registry.consumer(1 << 20);
    registry.add(&handoff::Stream::new("quotes").overflow(Overflow::Conflate), quotes_id)?;
    // Whoever wants a stream puts its name in, and this thread, which has the feed, asks for it.
    let (mut wishes, writer) = handoff::outbox(1 << 10, feed.waker()?);
    thread::spawn(move || count_trades(trades));
    thread::spawn(move || print_quotes(quotes));
    thread::spawn(move || want_more(&writer));
    while !feed.is_closed() {
        wishes.drain(|(), name| feed.subscribe(&[std::str::from_utf8(name).unwrap_or_default()]))?;
        // It is `None`, too, when there is a wish.
        let Some(arrival) = feed.next(None)? else { continue };
        let (stream, key, told) = match arrival.event {
            Event::Trade(trade) => ("trades", 0, Told::Trade(trade)),
            Event::Quote(quote) => ("quotes", u64::from(quote.instrument.0), Told::Quote(quote)),
            event @ (Event::Gap(_) | Event::Link(_) | Event::Subscribed { .. } | Event::Missing { .. }) => {
                println!("{event:?}");
                continue;
            }
            _ => continue,
        };
        if registry.offer(stream, key, told, [arrival.raw]) == Offer::Gone {
            return Err(format!("nobody takes {stream} any more").into());
        }
    }
    Ok(())
}

/// Takes each trade, in order.
fn count_trades(mut consumer: Consumer<Told>) {
    let mut count = 0;
    while let Ok(Some(delivery)) = consumer.next(None) {
        let Delivery::Message(message) = delivery else { continue };
        count += 1;
        if let Told::Trade(trade) = message.meta
            && count % 1000 == 0
        {
            println!(
                "{count} trades, the last of {} bytes: {} x {}",
                message.bytes.len(),
                trade.price,
                trade.quantity
            );
        }
    }
}

/// Prints a quote when it has time, which is seldom.
fn print_quotes(mut consumer: Consumer<Told>) {
    while let Ok(Some(delivery)) = consumer.next(None) {
        if let Delivery::Message(message) = delivery
            && let Told::Quote(quote) = message.meta
        {
            let [bid, ask] = [quote.bid, quote.ask].map(|level| level.map(|level| level.price.to_string()));
            println!("{:?}: {bid:?} {ask:?}, {} older quotes left out", quote.instrument, message.missed);
        }
        be_busy(Duration::from_secs(1));
    }
}

/// Wants the streams of another symbol after some seconds.
fn want_more(writer: &Writer<()>) {
    be_busy(Duration::from_secs(5));
    for name in ["ethusdt@trade", "ethusdt@bookTicker"] {
        if let Err(error) = writer.write((), name.as_bytes()) {
            eprintln!("{name}: {error}");
        }
    }
}

/// In the place of work that takes time.
#[expect(clippy::disallowed_methods, reason = "nothing is waited for")]
fn be_busy(span: Duration) {
    thread::sleep(span);
}

fn connect() -> Result<Feed<Binance>, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let streams = vec![Stream::Trade, Stream::BookTicker];
    let mut config = Config { symbols: vec!["BTCUSDT".into()], streams, ..Config::spot() };
    let mut builder = Client::builder();
    match arguments.as_slice() {
        [] => {}
        [url, pem] => {
            (config.stream_url, config.api_url) = (url.clone(), format!("{url}/ws-api/v3"));
            builder = builder.extra_roots_pem(&std::fs::read(pem)?)?;
        }
        _ => return Err("usage: many_consumers [URL FILE.pem]".into()),
    }
    Ok(Feed::connect(Binance::new(config)?, &builder)?)
}
