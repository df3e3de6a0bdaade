//! The venues by name: what to follow there, and the session that does.

mod setup;

pub(crate) use setup::{Hosts, Setup};

use crate::exit::{Failure, USAGE};
use std::time::Duration;
use tickwire::venue::Session;
use tickwire::venue::binance::{Binance, Config, Product, Stream};
use tickwire::venue::deribit::{self, Deribit};

/// The venues that can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Venue {
    /// Binance spot.
    Binance,
    /// Binance USD-M futures.
    BinanceUsdm,
    /// Binance COIN-M futures.
    BinanceCoinm,
    /// Binance options.
    BinanceOptions,
    /// Deribit.
    Deribit,
}

impl Venue {
    const ALL: [Self; 5] =
        [Self::Binance, Self::BinanceUsdm, Self::BinanceCoinm, Self::BinanceOptions, Self::Deribit];

    /// As the command line has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::BinanceUsdm => "binance-usdm",
            Self::BinanceCoinm => "binance-coinm",
            Self::BinanceOptions => "binance-options",
            Self::Deribit => "deribit",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.name() == name)
    }

    /// What is followed of each symbol unless the user says otherwise.
    pub(crate) fn usual_streams(self) -> &'static [&'static str] {
        match self {
            Self::Binance | Self::BinanceUsdm | Self::BinanceCoinm => {
                &["aggTrade", "bookTicker", "depth@100ms"]
            }
            Self::BinanceOptions => &["optionTrade", "bookTicker", "depth@100ms"],
            Self::Deribit => &["trades.100ms", "book.100ms", "quote"],
        }
    }

    /// By which streams the venue tells of itself to whom asks for them.
    pub(crate) fn own_streams(self) -> &'static [&'static str] {
        match self {
            Self::Deribit => &[deribit::channel::PLATFORM_STATE],
            Self::Binance | Self::BinanceUsdm | Self::BinanceCoinm | Self::BinanceOptions => &[],
        }
    }

    /// Which product of Binance it is, if it is one.
    fn product(self) -> Option<Product> {
        match self {
            Self::Binance => Some(Product::Spot),
            Self::BinanceUsdm => Some(Product::UsdM),
            Self::BinanceCoinm => Some(Product::CoinM),
            Self::BinanceOptions => Some(Product::Options),
            Self::Deribit => None,
        }
    }
}

/// A session of a venue.
pub(crate) fn session(setup: &Setup) -> Result<Box<dyn Session>, Failure> {
    match setup.venue.product() {
        Some(product) => {
            let session = Binance::new(binance(setup, product)?).map_err(tickwire::Error::from)?;
            Ok(Box::new(session))
        }
        None => Ok(Box::new(Deribit::new(deribit(setup)).map_err(tickwire::Error::from)?)),
    }
}

fn deribit(setup: &Setup) -> deribit::Config {
    let more = channels(setup);
    let usual = usual_deribit(&more);
    deribit::Config {
        url: setup.hosts.as_ref().map_or_else(|| usual.url.clone(), |hosts| hosts.api.clone()),
        event_node: setup.event_node.unwrap_or(usual.event_node),
        instruments: setup.symbols.clone(),
        more,
        heartbeat_s: setup.heartbeat_s.unwrap_or(usual.heartbeat_s),
        levels_max: setup.levels_max.unwrap_or(usual.levels_max),
        silence_max: if setup.watches { usual.silence_max } else { Some(Duration::MAX) },
        ..usual
    }
}

fn usual_deribit(channels: &[String]) -> deribit::Config {
    // Only event nodes tell each change to whom they do not know.
    let raw = channels.iter().any(|name| name.ends_with(".raw"));
    if raw { deribit::Config::event_node() } else { deribit::Config::default() }
}

/// The names of the streams that are followed, as the venue has them.
pub(crate) fn followed(setup: &Setup) -> Vec<String> {
    if setup.venue == Venue::Deribit {
        return channels(setup);
    }
    let of_symbol = |symbol: &String| {
        let symbol = symbol.to_ascii_lowercase();
        setup.streams.iter().map(move |stream| format!("{symbol}@{stream}"))
    };
    setup.symbols.iter().flat_map(of_symbol).chain(setup.markets.iter().cloned()).collect()
}

/// Channels are followed by their names: of an instrument by what stands around it, `book.100ms` for
/// `book.INSTRUMENT.100ms`; of the whole market by the whole name, behind the `!` that says so on the command line.
fn channels(setup: &Setup) -> Vec<String> {
    let markets = setup.markets.iter().map(|name| name.strip_prefix('!').unwrap_or(name).to_owned());
    let of_instruments = setup
        .symbols
        .iter()
        .flat_map(|instrument| setup.streams.iter().map(move |stream| channel(instrument, stream)));
    of_instruments.chain(markets).collect()
}

fn channel(instrument: &str, stream: &str) -> String {
    // The only kind of two words.
    if let Some(resolution) = stream.strip_prefix("chart.trades.") {
        return format!("chart.trades.{instrument}.{resolution}");
    }
    match stream.split_once('.') {
        Some((kind, rest)) => format!("{kind}.{instrument}.{rest}"),
        None => format!("{stream}.{instrument}"),
    }
}

/// With everything said that is otherwise as the venue usually has it: a later version may have it otherwise.
pub(crate) fn settled(setup: Setup) -> Setup {
    match setup.venue.product().map(usual) {
        Some(usual) => Setup {
            divided: setup.divided.or(Some(usual.divided)),
            snapshots: setup.snapshots.or(Some(usual.snapshots)),
            snapshot_limit: setup.snapshot_limit.or(Some(usual.snapshot_limit)),
            levels_max: setup.levels_max.or(Some(usual.levels_max)),
            ..setup
        },
        None => {
            let usual = usual_deribit(&channels(&setup));
            Setup {
                levels_max: setup.levels_max.or(Some(usual.levels_max)),
                event_node: setup.event_node.or(Some(usual.event_node)),
                heartbeat_s: setup.heartbeat_s.or(Some(usual.heartbeat_s)),
                ..setup
            }
        }
    }
}

fn binance(setup: &Setup, product: Product) -> Result<Config, Failure> {
    let usual = usual(product);
    let hosts = setup.hosts.clone().unwrap_or_else(|| Hosts {
        stream: usual.stream_url.clone(),
        api: usual.api_url.clone(),
        rest: usual.rest_url.clone(),
    });
    let streams = setup.streams.iter().map(|name| stream(product, name)).collect::<Result<_, _>>()?;
    Ok(Config {
        symbols: setup.symbols.clone(),
        streams,
        markets: setup.markets.clone(),
        divided: setup.divided.unwrap_or(usual.divided),
        snapshots: setup.snapshots.unwrap_or(usual.snapshots),
        snapshot_limit: setup.snapshot_limit.unwrap_or(usual.snapshot_limit),
        levels_max: setup.levels_max.unwrap_or(usual.levels_max),
        silence_max: if setup.watches { usual.silence_max } else { Some(Duration::MAX) },
        stream_url: hosts.stream,
        api_url: hosts.api,
        rest_url: hosts.rest,
        ..usual
    })
}

fn usual(product: Product) -> Config {
    match product {
        Product::UsdM => Config::usd_m(),
        Product::CoinM => Config::coin_m(),
        Product::Options => Config::options(),
        // SBE is not offered here: it wants a key.
        Product::Spot | Product::SpotSbe => Config::spot(),
    }
}

/// A stream by its name behind the `@`. Only those that make or check books are known by more than that.
fn stream(product: Product, name: &str) -> Result<Stream, Failure> {
    let usual_ms = match product {
        Product::Spot | Product::SpotSbe => 1000,
        Product::UsdM | Product::CoinM => 250,
        Product::Options => 500,
    };
    Ok(match name.strip_prefix("depth") {
        _ if name == "bookTicker" => Stream::BookTicker,
        Some("") => Stream::Depth { ms: usual_ms },
        Some(speed) if speed.starts_with('@') => {
            let ms = speed.trim_start_matches('@').strip_suffix("ms").and_then(|ms| ms.parse().ok());
            let ms =
                ms.ok_or_else(|| Failure::new(USAGE, format!("stream {name:?}: depth@100ms is meant?")))?;
            Stream::Depth { ms }
        }
        _ => Stream::Other(name.to_owned()),
    })
}

/// Where a server has what the venue has at several hosts: one of this machine, for instance.
pub(crate) fn hosts_at(venue: Venue, base: &str) -> Hosts {
    let base = base.trim_end_matches('/');
    let (api, rest) = match venue {
        Venue::Binance => ("/ws-api/v3", "/api/v3/depth"),
        Venue::BinanceUsdm => ("/ws-fapi/v1", "/fapi/v1/depth"),
        Venue::BinanceCoinm => ("/ws-dapi/v1", "/dapi/v1/depth"),
        Venue::BinanceOptions => ("", "/eapi/v1/depth"),
        Venue::Deribit => ("/ws/api/v2", ""),
    };
    let http = base.strip_prefix("ws").map_or_else(|| base.to_owned(), |rest| format!("http{rest}"));
    Hosts { stream: base.to_owned(), api: format!("{base}{api}"), rest: format!("{http}{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_venue_is_found_by_the_name_that_the_command_line_has() {
        use clap::ValueEnum as _;
        for venue in Venue::value_variants() {
            let name = venue.to_possible_value().unwrap();
            assert_eq!((Venue::of_name(name.get_name()), venue.name()), (Some(*venue), name.get_name()));
        }
    }

    #[test]
    fn channels_of_deribit_have_the_names_that_the_venue_has_for_them() {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let streams = ["quote", "book.100ms", "book.none.10.100ms", "chart.trades.1"];
        let markets = ["!platform_state", "!deribit_price_index.btc_usd", "book.ETH-PERPETUAL.agg2"];
        let setup = Setup::new(Venue::Deribit, texts(&["A-B"]), texts(&streams), texts(&markets));
        let expected = [
            "quote.A-B",
            "book.A-B.100ms",
            "book.A-B.none.10.100ms",
            "chart.trades.A-B.1",
            "platform_state",
            "deribit_price_index.btc_usd",
            "book.ETH-PERPETUAL.agg2",
        ];
        assert_eq!(deribit(&setup).more, expected);
    }

    #[test]
    fn a_recording_of_deribit_says_what_a_later_version_may_have_otherwise() {
        let setup =
            |stream: &str| Setup::new(Venue::Deribit, vec!["A-B".into()], vec![stream.into()], Vec::new());
        for (stream, event_node) in [("book.100ms", false), ("book.raw", true)] {
            let settled = settled(setup(stream));
            assert_eq!(settled.event_node, Some(event_node), "{stream}");
            let usual = deribit::Config::default();
            assert_eq!(
                (settled.levels_max, settled.heartbeat_s),
                (Some(usual.levels_max), Some(usual.heartbeat_s))
            );
        }
        let other = Setup {
            event_node: Some(true),
            heartbeat_s: Some(77),
            levels_max: Some(5),
            ..setup("book.100ms")
        };
        let config = deribit(&Setup::of_header(&settled(other).header()).unwrap());
        assert_eq!((config.event_node, config.heartbeat_s, config.levels_max), (true, 77, 5));
    }

    #[test]
    fn streams_that_make_and_check_books_are_known_by_name() {
        let of = |name| stream(Product::UsdM, name).unwrap();
        assert_eq!(of("bookTicker"), Stream::BookTicker);
        assert_eq!(of("depth"), Stream::Depth { ms: 250 });
        assert_eq!(of("depth@500ms"), Stream::Depth { ms: 500 });
        assert_eq!(of("depth20@100ms"), Stream::Other("depth20@100ms".into()));
        assert!(stream(Product::Spot, "depth@fast").is_err());
    }
}
