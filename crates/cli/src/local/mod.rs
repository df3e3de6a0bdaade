//! `tickwire sim`: a local venue for other programs.

mod faults;

pub(crate) use faults::{Fault, help, muted};

use crate::exit::{CONNECTION, Failure, USAGE};
use crate::recording::is_recording;
use crate::venue::Venue;
use serde_json::json;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tickwire::Builder;
use tickwire_sim::{BinanceRules, Options, Recording, Server, Source, Venue as Simulated};

/// What a recording consists of, for the help.
pub(crate) const RECORDING: &str = "\
A recording is four files, a line for each message:
  PREFIX.ws.jsonl                 what a combined stream sent: {\"stream\":...,\"data\":...}
  PREFIX.ws.recv.txt              when, in Unix seconds; without this file as fast as it goes
  PREFIX.rest_depth.jsonl         REST depth snapshots
  PREFIX.rest_depth.index.jsonl   for each of them {\"recv\":seconds,\"url\":\"...symbol=X...\"}";

/// A builder that trusts the certificates of a file, too.
pub(crate) fn trusting(builder: Builder, ca: Option<&Path>) -> Result<Builder, Failure> {
    let Some(path) = ca else { return Ok(builder) };
    let told = |error: &dyn std::fmt::Display| Failure::new(USAGE, format!("{}: {error}", path.display()));
    let pem = std::fs::read(path).map_err(|error| told(&error))?;
    builder.extra_roots_pem(&pem).map_err(|error| told(&error))
}

/// Opens what a local venue replays.
pub(crate) fn open(prefix: &Path) -> Result<Recording, Failure> {
    if is_recording(prefix).is_ok_and(|is| is) {
        let what = "a recording of `tickwire record`; --replay takes the PREFIX of plain files";
        let hint = format!("`tickwire replay {}` prints it", prefix.display());
        return Err(Failure::new(USAGE, format!("{}: {what} ({hint})", prefix.display())));
    }
    Ok(Recording::open(prefix)?)
}

/// Run a local venue for other programs.
///
/// It serves on 127.0.0.1 until it is interrupted, and prints where it is. Compression is granted to who offers it.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Example:
  tickwire sim binance --port 9443 --ca ca.pem
  tickwire tap --ca ca.pem wss://localhost:9443/ws/btcusdt@trade
  tickwire watch --ca ca.pem --url wss://localhost:9443 binance BTCUSDT

Generated markets:
{}

{}

{RECORDING}", symbols(), help()))]
pub(crate) struct Arguments {
    /// The port; any free one if it is not given.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// The seed of the market's random walk.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "replay")]
    seed: u64,
    /// Replay a recording instead of a generated market.
    #[arg(long, value_name = "PREFIX")]
    replay: Option<PathBuf>,
    /// How many times faster than recorded to replay; 0 is as fast as the client takes it.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, requires = "replay")]
    speed: f64,
    /// Something that goes wrong on purpose; may be repeated. The list is below.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = Fault::parse)]
    fault: Vec<Fault>,
    /// Without TLS.
    #[arg(long)]
    plain: bool,
    /// Write the certificate of the venue's throw-away authority to this file.
    #[arg(long, value_name = "FILE.pem", conflicts_with = "plain")]
    ca: Option<PathBuf>,
    /// Print where it is as one JSON object.
    #[arg(long)]
    json: bool,
    /// Which venue.
    venue: LocalVenue,
}

/// The venues that can be run locally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LocalVenue {
    /// Binance spot.
    Binance,
    /// Binance USD-M futures.
    BinanceUsdm,
    /// Deribit.
    Deribit,
}

/// The symbols of a generated COIN-M market.
const COIN_M: [&str; 3] = ["BTCUSD_PERP", "ETHUSD_PERP", "BTCUSD_261225"];

/// A local venue that stands for this one: its rules, over a generated market.
pub(crate) fn options(venue: Venue, seed: u64) -> Result<Options, Failure> {
    let options = match venue {
        Venue::Binance => Options::of(Simulated::BinanceSpot),
        Venue::BinanceUsdm => Options::of(Simulated::BinanceUsdM),
        // The protocol is that of USD-M, with every stream on one path.
        Venue::BinanceCoinm => Options {
            source: Source::Market {
                seed,
                symbols: COIN_M.map(str::to_owned).into(),
                events_per_second: 100,
            },
            binance: BinanceRules { unrouted_delivers_all: true, ..BinanceRules::default() },
            ..Options::of(Simulated::BinanceUsdM)
        },
        Venue::Deribit => Options::of(Simulated::Deribit),
        Venue::BinanceOptions => {
            return Err(Failure::new(USAGE, "there is no local venue for options"));
        }
    };
    let source = seeded(options.source, seed);
    Ok(Options { source, ..options })
}

/// The symbols of each generated market, a line for each venue.
fn symbols() -> String {
    let venues = [
        ("binance", Simulated::BinanceSpot),
        ("binance-usdm", Simulated::BinanceUsdM),
        ("deribit", Simulated::Deribit),
    ];
    let line = |(name, venue)| match Options::of(venue).source {
        Source::Market { symbols, .. } => format!("  {name:<13} {}", symbols.join(" ")),
        Source::Recording { .. } => String::new(),
    };
    venues.map(line).join("\n")
}

/// The same market from another seed.
fn seeded(source: Source, seed: u64) -> Source {
    match source {
        Source::Market { symbols, events_per_second, .. } => {
            Source::Market { seed, symbols, events_per_second }
        }
        other => other,
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let rules = Options::of(match arguments.venue {
        LocalVenue::Binance => Simulated::BinanceSpot,
        LocalVenue::BinanceUsdm => Simulated::BinanceUsdM,
        LocalVenue::Deribit => Simulated::Deribit,
    });
    let source = match &arguments.replay {
        Some(prefix) => Source::Recording { recording: open(prefix)?, speed: arguments.speed },
        None => seeded(rules.source, arguments.seed),
    };
    let mut options = Options { port: arguments.port, tls: !arguments.plain, source, ..rules };
    arguments.fault.iter().try_for_each(|fault| fault.apply(&mut options))?;
    let server = Server::start(options)?;
    if let Some(path) = &arguments.ca {
        std::fs::write(path, server.ca_pem())
            .map_err(|error| Failure::new(USAGE, format!("{}: {error}", path.display())))?;
    }
    // Ctrl-C is how it ends.
    ctrlc::set_handler(|| std::process::exit(0)).map_err(|error| Failure::new(CONNECTION, error))?;
    let (stream, api) = (server.stream_url(), server.api_url());
    let mut out = io::stdout().lock();
    if arguments.json {
        let ca = Some(server.ca_pem()).filter(|_| !arguments.plain);
        writeln!(
            out,
            "{}",
            json!({"event": "listening", "url": stream, "stream": stream, "api": api, "ca": ca})
        )?;
    } else {
        let streams = match arguments.venue {
            LocalVenue::Binance => format!("{stream}/ws  {stream}/stream"),
            LocalVenue::BinanceUsdm => format!("{stream}/public/ws  {stream}/market/ws"),
            LocalVenue::Deribit => api.clone(),
        };
        writeln!(out, "url      {stream}\nstreams  {streams}\napi      {api}")?;
        match &arguments.ca {
            Some(path) => writeln!(out, "ca       {} (a new one at every start)", path.display())?,
            None if !arguments.plain => writeln!(out, "ca       not written; --ca FILE.pem writes it")?,
            None => {}
        }
    }
    out.flush()?;
    drop(out);
    Ok(server.wait()?)
}
