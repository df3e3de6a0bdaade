//! Follows a Binance symbol over two connections that are renewed each hour, and tells what becomes of them: which one is
//! lost, when another is ready, what may be missing, and each five seconds which of them is ahead.
//!
//! `cargo run -p tickwire-examples --bin resilient -- BTCUSDT`
//!
//! Two more arguments, a base URL and a PEM file, lead to a venue on this machine, such as one that cuts connections:
//! `cargo run -p tickwire-cli -- sim --port 9443 --ca ca.pem --fault cut-after=7 binance` and
//! `... resilient -- BTCUSDT wss://localhost:9443 ca.pem`.

use std::process::ExitCode;
use std::time::{Duration, Instant};
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::venue::{Event, Gap, Outcome};
use tickwire::{Client, Connection, Feed};

/// Between two looks at the connections.
const PERIOD: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("resilient: {error}");
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let streams = vec![Stream::Trade, Stream::BookTicker, Stream::Depth { ms: 100 }];
    let mut config = Config { streams, ..Config::spot() };
    let mut builder = Client::builder();
    match arguments.as_slice() {
        [symbol] => config.symbols = vec![symbol.clone()],
        [symbol, url, pem] => {
            config.symbols = vec![symbol.clone()];
            (config.stream_url, config.api_url) = (url.clone(), format!("{url}/ws-api/v3"));
            builder = builder.extra_roots_pem(&std::fs::read(pem)?)?;
        }
        _ => return Err("expected SYMBOL [URL FILE.pem]".into()),
    }
    let feed = Feed::builder(Binance::new(config)?).client(builder);
    let mut feed = feed.legs(2).renew_after(Duration::from_secs(3600)).connect()?;
    let mut look_at = now() + PERIOD;
    loop {
        // What comes over a network comes as events; an error is the end for good of a connection, to be mended here.
        if let Some(arrival) = feed.next(Some(look_at.saturating_duration_since(now())))? {
            tell(&arrival.event)?;
        } else if feed.is_closed() {
            return Ok(());
        }
        if look_at <= now() {
            look_at = now() + PERIOD;
            feed.connections().for_each(|connection| show(&connection));
        }
    }
}

/// What must not be missed; prices are elsewhere (`binance.rs`).
fn tell(event: &Event<'_>) -> Result<(), Box<dyn std::error::Error>> {
    match event {
        Event::Link(link) => println!("{}/{} {:?}", link.name, link.place, link.change),
        // If these matter, ask the venue's history for what lies between: ids, or times of streams without.
        Event::Gap(Gap { stream, after, through, .. }) => println!("{stream} lacks ({after}, {through}]"),
        Event::Silent { .. } | Event::Unreadable(_) => println!("{event:?}"),
        Event::Rejected(no) if no.outcome == Outcome::Final => return Err(no.message.into()),
        _ => {}
    }
    Ok(())
}

/// How far a connection is, how often it brought an update first, and how many microseconds behind it was otherwise.
fn show(Connection { name, place, phase, counts, .. }: &Connection<'_>) {
    let share = counts.and_then(|counts| counts.share());
    let lag = counts.and_then(|counts| counts.lag_us.as_ref()).map(|lags| lags.value_at_quantile(0.5));
    println!("{name}/{place} {phase:?}, share {share:.2?}, lag {lag:?}");
}

#[expect(clippy::disallowed_methods, reason = "a program has a clock")]
fn now() -> Instant {
    Instant::now()
}
