//! What is followed at each venue, and what is wrong with the venue all the time.

use std::time::Duration;
use tickwire::Plan;
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::venue::deribit::{self, Channel, Deribit, Rate};
use tickwire_sim::trial::Scene;
use tickwire_sim::{Bursts, Faults, Hazard, Hazards, Options, Server, Source, Venue};

/// How soon all must be well when nothing goes wrong any more.
const CALM: Duration = Duration::from_secs(90);

pub(crate) fn name(venue: Venue) -> &'static str {
    match venue {
        Venue::BinanceUsdM => "usd-m",
        Venue::Deribit => "deribit",
        _ => "spot",
    }
}

/// What the judge needs to know. Messages are lost on single connections, so that where ids do not show it some may be missing.
pub(crate) fn scene(venue: Venue, seed: u64, storm: Duration) -> Scene {
    let symbols: [&str; 2] =
        if venue == Venue::Deribit { ["BTC-PERPETUAL", "ETH-PERPETUAL"] } else { ["BTCUSDT", "ETHUSDT"] };
    Scene {
        seed,
        venue,
        symbols: symbols.map(str::to_owned).into(),
        plan: Plan {
            legs: 2,
            renew_after: Some(Duration::from_secs(25)),
            overlap: Duration::from_secs(3),
            ..Plan::default()
        },
        // As many as fill what the venue remembers of its books within a minute; the others have bursts.
        events_per_second: if venue == Venue::BinanceUsdM { 400 } else { 100 },
        hazards: Hazards::only(Hazard::MessagesLost, 1),
        storm,
        calm: CALM,
        whims: None,
        ..Scene::of(seed)
    }
}

pub(crate) fn options(scene: &Scene) -> Options {
    let Scene { seed, symbols, events_per_second, .. } = scene.clone();
    // USD-M's books are as long as its snapshots: what lies beyond these, a client cannot know.
    let bursts = (scene.venue != Venue::BinanceUsdM).then_some(Bursts { every: 4, levels: 800 });
    let (drop_diff_every, duplicate_every) = (Some(290), Some(97));
    let faults = Faults { drop_diff_every, duplicate_every, bursts, ..Faults::default() };
    let source = Source::Market { seed, symbols, events_per_second };
    Options { source, faults, ..Options::of(scene.venue) }
}

pub(crate) fn binance(scene: &Scene, server: &Server) -> Result<Binance, tickwire::venue::Error> {
    let base = if scene.venue == Venue::BinanceUsdM { Config::usd_m() } else { Config::spot() };
    Binance::new(Config {
        symbols: scene.symbols.clone(),
        streams: vec![Stream::Trade, Stream::BookTicker, Stream::Depth { ms: 100 }],
        snapshot_limit: if scene.venue == Venue::BinanceUsdM { 1_000 } else { 5_000 },
        stream_url: server.stream_url(),
        api_url: server.api_url(),
        ..base
    })
}

pub(crate) fn deribit(scene: &Scene, server: &Server) -> Result<Deribit, tickwire::venue::Error> {
    let interval = Rate::Ms100;
    Deribit::new(deribit::Config {
        url: server.api_url(),
        instruments: scene.symbols.clone(),
        channels: vec![Channel::Trades { interval }, Channel::Quote, Channel::Book { interval }],
        ..deribit::Config::default()
    })
}
