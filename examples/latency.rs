//! Tells each five seconds where the time of a Binance symbol's messages goes: from the venue to the kernel of this machine,
//! and from there to this program.
//!
//! `cargo run --release -p tickwire-examples --bin latency -- BTCUSDT`
//!
//! With `--features stages` it tells as well what happens to a message inside: read, decrypted, queued behind others of the
//! same read, parsed, decoded, delivered. Two more arguments, a base URL and a PEM file, lead to a venue on this machine, as
//! those of `binance.rs` do.

use std::process::ExitCode;
use std::time::{Duration, Instant};
use tickwire::venue::Event;
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::{Client, Feed, Histogram};

/// Between two looks at the histograms.
const PERIOD: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("latency: {error}");
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut config = Config { streams: vec![Stream::AggTrade, Stream::Depth { ms: 100 }], ..Config::spot() };
    // Linux only; elsewhere `kernel_ns` is `None`.
    let mut builder = Client::builder().kernel_timestamps(true);
    match arguments.as_slice() {
        [symbol] if !symbol.starts_with('-') => config.symbols = vec![symbol.clone()],
        [symbol, url, pem] => {
            config.symbols = vec![symbol.clone()];
            (config.stream_url, config.api_url) = (url.clone(), format!("{url}/ws-api/v3"));
            builder = builder.extra_roots_pem(&std::fs::read(pem)?)?;
        }
        _ => return Err("usage: latency SYMBOL [URL FILE.pem]".into()),
    }
    let mut feed = Feed::connect(Binance::new(config)?, &builder)?;
    let [mut network, mut waited] = [Histogram::<u64>::new(2)?, Histogram::new(2)?];
    let mut look_at = now() + PERIOD;
    loop {
        let timeout = look_at.saturating_duration_since(now());
        if let Some(arrival) = feed.next(Some(timeout))? {
            if let Event::Link(_) | Event::Rejected(_) = arrival.event {
                println!("{:?}", arrival.event);
            }
            let (sent, got) = (arrival.event.venue_time_ns(), arrival.kernel_ns);
            // Two machines, two clocks: a venue whose clock is ahead would come out below zero.
            if let Some(span) = got.zip(sent).and_then(|(got, sent)| got.checked_sub(sent)) {
                network.record(span)?;
            }
            // One clock, unless somebody sets it meanwhile. Messages of one read have one time: that of its last packet.
            if let Some(span) = arrival.received_ns.zip(got).and_then(|(read, got)| read.checked_sub(got)) {
                waited.record(span)?;
            }
        } else if feed.is_closed() {
            return Ok(());
        }
        if look_at <= now() {
            look_at = now() + PERIOD;
            show("venue to kernel", &network);
            show("kernel to here", &waited);
            #[cfg(feature = "stages")]
            feed.stages().in_order().iter().for_each(|(name, spans)| show(name, spans));
        }
    }
}

fn show(name: &str, spans: &Histogram<u64>) {
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|at| spans.value_at_quantile(at));
    println!("{name:<16} {:>9} times, ns: p50 {p50:>12} p99 {p99:>12} p99.9 {p999:>12}", spans.len());
}

#[expect(clippy::disallowed_methods, reason = "a program has a clock")]
fn now() -> Instant {
    Instant::now()
}
