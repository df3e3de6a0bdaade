//! A feed on a tokio runtime, beside a timer: whichever is ready first is dealt with, and the other loses nothing.
//!
//! `cargo run -p tickwire-examples --features tokio --bin tokio`
//!
//! Two arguments, a base URL and a PEM file, lead to a venue on this machine, as in `many_consumers.rs`.

use std::process::ExitCode;
use std::time::Duration;
use tickwire::tokio::AsyncFeed;
use tickwire::venue::Event;
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::{Client, Feed};
use tokio::time::interval;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Err(error) = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run())) else {
        return ExitCode::SUCCESS;
    };
    eprintln!("tokio: {error}");
    ExitCode::FAILURE
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
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
        _ => return Err("usage: tokio [URL FILE.pem]".into()),
    }
    let mut feed = AsyncFeed::new(Feed::connect(Binance::new(config)?, &builder)?)?;
    let mut second = interval(Duration::from_secs(1));
    let (mut trades, mut quotes) = (0, 0);
    loop {
        tokio::select! {
            arrival = feed.next() => match arrival?.map(|arrival| arrival.event) {
                Some(Event::Trade(_)) => trades += 1,
                Some(Event::Quote(_)) => quotes += 1,
                Some(event @ (Event::Gap(_) | Event::Link(_))) => println!("{event:?}"),
                Some(_) => {}
                None => return Ok(()),
            },
            _ = second.tick() => println!("{trades} trades, {quotes} quotes"),
        }
    }
}
