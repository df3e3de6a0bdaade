//! What a trial is about: a venue, what is followed there, over how many connections, and what goes wrong.

use std::time::{Duration, Instant};

use tickwire_feed::Plan;
use tickwire_venue::{binance, deribit};

use super::published::Names;
use crate::chance::Chance;
use crate::error::Error;
use crate::hazard::{Hazard, Hazards};
use crate::options::{Options, Source, Venue};
use crate::world::{Network, World, WorldOptions};

/// The name of the venue's host, whatever it is.
pub(super) const HOST: &str = "venue";
/// Which stream of chance a scene is drawn from.
const SCENES: u64 = 1 << 60;
/// What venues that are well let connections live.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// Levels of a snapshot unless there is a crowd.
const SNAPSHOT_LIMIT: u16 = 1000;
/// Of a thousand kinds, how many are switched on in a scene.
const KINDS_ON: u64 = 450;
/// One scene in so many is of each special kind.
const SPECIAL: u64 = 16;
/// What neither costs nor slows anything of what open connections bring: what others bring long before one that is slow is a
/// gap.
const HARMLESS: &[Hazard] = &[
    Hazard::ConnectRefused,
    Hazard::ConnectUnanswered,
    Hazard::TlsRefused,
    Hazard::HandshakeCut,
    Hazard::LookUpFails,
    Hazard::HandshakesRefused,
    Hazard::SnapshotsRefused,
    Hazard::SnapshotsStale,
    Hazard::DocumentLost,
    Hazard::ClockSkew,
];
/// What does not keep connections from being made in time.
const UNHURRIED: &[Hazard] = &[
    Hazard::SmallWindow,
    Hazard::Chopped,
    Hazard::Shutdown,
    Hazard::SnapshotsRefused,
    Hazard::SnapshotsStale,
    Hazard::DocumentLost,
    Hazard::ClockSkew,
];
/// How long connections overlap that are renewed, in seconds, unless it is short.
const OVERLAP: u64 = 12;
/// How long connections are good before one of them lags.
const GOOD: Duration = Duration::from_secs(120);
/// Once in six seconds, of a day.
const RAGGED: u32 = 14_400;
/// Once in twenty seconds.
const LASTING: u32 = 4_320;
/// All is well so soon where connections only stall: sooner than anything is silent for too long.
const SETTLED: u64 = 50;
/// Symbols of a crowd, and how many levels are asked for of each: more weight than there is in a minute.
const CROWD: usize = 30;
const CROWD_LEVELS: u16 = 5000;

/// What a trial is about.
#[derive(Debug, Clone)]
pub struct Scene {
    /// All chance comes from it.
    pub seed: u64,
    /// The venue.
    pub venue: Venue,
    /// Its symbols.
    pub symbols: Vec<String>,
    /// How connections are kept.
    pub plan: Plan,
    /// How many book events each symbol has in a second.
    pub events_per_second: u32,
    /// What goes wrong by chance.
    pub hazards: Hazards,
    /// How long things may go wrong.
    pub storm: Duration,
    /// How soon all must be well when nothing does any more.
    pub calm: Duration,
    /// After what time connections are ended by the venue.
    pub lifetime: Duration,
    /// How often the user changes what is followed; `None` is never.
    pub whims: Option<Duration>,
    /// Whether the user renews connections at times, too.
    pub renews: bool,
    /// How often one connection is cut while all others are ready; `None` is never.
    pub cuts: Option<Duration>,
    /// When one connection begins to lag, once and for all; `None` is never.
    pub lags_after: Option<Duration>,
    /// No gap may be told: there is always a connection that brings everything.
    pub gapless: bool,
    /// Who was told of the end of a connection has the time to renew it, and shall.
    pub renews_in_time: bool,
    /// Levels of a snapshot at Binance.
    pub snapshot_limit: u16,
    /// Bytes arrive together or apart, soon or late.
    pub network: Network,
}

impl Scene {
    /// The scene of a seed: whole kinds of hazards are off in most, so that the others have their day.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed, SCENES);
        let venue = chance.pick(Venue::BinanceSpot, &[Venue::BinanceUsdM, Venue::Deribit]);
        let all = symbols(venue);
        let count = chance.size(2);
        let renew_after = chance.one_in(3).then(|| chance.between(seconds(15)..=seconds(60)));
        let whims = chance.one_in(2).then(|| chance.between(seconds(3)..=seconds(15)));
        let overlap = seconds(if seed / SPECIAL % 4 == 3 { 1 } else { OVERLAP });
        let scene = Self {
            seed,
            venue,
            symbols: all.iter().take(count).map(|symbol| (*symbol).to_owned()).collect(),
            plan: Plan { legs: chance.pick(1, &[1, 2, 2, 3]), renew_after, overlap, ..Plan::default() },
            events_per_second: chance.pick(2, &[5, 10]),
            hazards: hazards(&mut chance),
            storm: chance.between(seconds(20)..=seconds(120)),
            calm: seconds(900),
            lifetime: if chance.one_in(4) { chance.between(seconds(20)..=seconds(90)) } else { LIFETIME },
            whims,
            renews: true,
            cuts: None,
            lags_after: None,
            gapless: false,
            renews_in_time: false,
            snapshot_limit: SNAPSHOT_LIMIT,
            network: Network::default(),
        };
        match seed % SPECIAL {
            2 => scene.lagging(),
            5 => scene.harmless(),
            7 => scene.fickle(),
            8 => scene.held_up(),
            10 => scene.unhurried(),
            13 => scene.ragged(),
            15 => scene.crowded(),
            _ => scene,
        }
    }

    /// Open connections are left alone: nothing may be missing, whatever becomes of attempts to make others.
    fn harmless(mut self) -> Self {
        self.hazards = self.hazards.among(HARMLESS);
        // Who does not want a stream for a moment may miss something of it.
        (self.lifetime, self.whims, self.gapless) = (LIFETIME, None, true);
        // With less, a silent stream may tell a gap in which nothing is.
        self.plan.overlap = seconds(OVERLAP);
        self
    }

    /// Connections end when their end was told, and others can be made before.
    fn unhurried(mut self) -> Self {
        self.hazards = self.hazards.among(UNHURRIED);
        self.hazards.set(Hazard::Shutdown, 3000);
        (self.lifetime, self.renews_in_time) = (LIFETIME, true);
        self
    }

    /// Nothing goes wrong but that one of several connections, all of which were good for some time, lags for good.
    fn lagging(mut self) -> Self {
        self.hazards = Hazards::NONE;
        (self.lifetime, self.whims, self.gapless) = (LIFETIME, None, true);
        self.plan = Plan { legs: self.plan.legs.max(2), ..Plan::default() };
        (self.lags_after, self.storm) = (Some(GOOD), GOOD * 2);
        self
    }

    /// One connection that stalls for longer than an answer may take, and a user who does not know what to follow.
    fn fickle(mut self) -> Self {
        self.hazards = Hazards::only(Hazard::Stall, RAGGED);
        self.symbols = symbols(self.venue).iter().map(|symbol| (*symbol).to_owned()).collect();
        self.plan = Plan { legs: 1, ..Plan::default() };
        (self.lifetime, self.whims, self.renews) = (LIFETIME, Some(seconds(1)), false);
        self.calm = seconds(SETTLED);
        self
    }

    /// A book is lost all the time, and what is asked for it comes late, is refused, or is not wanted any more.
    fn held_up(mut self) -> Self {
        let often = [Hazard::MessagesLost, Hazard::Stall, Hazard::SnapshotsRefused];
        often.iter().for_each(|hazard| self.hazards.set(*hazard, RAGGED));
        if self.venue == Venue::Deribit {
            self.plan.legs = self.plan.legs.max(2);
            self.hazards.set(Hazard::Cut, LASTING);
        } else {
            self.symbols.truncate(1);
            self.whims = Some(seconds(1));
        }
        self
    }

    /// Several connections that lose messages all the time and do not last.
    fn ragged(mut self) -> Self {
        self.hazards.set(Hazard::Cut, RAGGED);
        self.hazards.set(Hazard::MessagesLost, RAGGED);
        self.plan.legs = self.plan.legs.max(2);
        self
    }

    /// More snapshots are needed at once than may be asked for in a minute.
    fn crowded(mut self) -> Self {
        if self.venue == Venue::BinanceSpot {
            self.symbols = (0..CROWD).map(|number| format!("S{number}USDT")).collect();
            self.snapshot_limit = CROWD_LEVELS;
            self.whims = None;
        }
        self
    }

    /// A week with two connections, each renewed every 23 hours, one of which is cut every four minutes: nothing may be
    /// missing. The venue is that of the seed.
    #[must_use]
    pub fn week(seed: u64) -> Self {
        let venue = match seed % 3 {
            0 => Venue::BinanceSpot,
            1 => Venue::BinanceUsdM,
            _ => Venue::Deribit,
        };
        Self {
            seed,
            venue,
            symbols: symbols(venue).iter().take(1).map(|symbol| (*symbol).to_owned()).collect(),
            plan: Plan { legs: 2, renew_after: Some(seconds(23 * 3600)), ..Plan::default() },
            events_per_second: 1,
            hazards: Hazards::NONE,
            storm: seconds(7 * 24 * 3600),
            calm: seconds(900),
            lifetime: seconds(24 * 3600),
            whims: None,
            renews: false,
            cuts: Some(seconds(240)),
            lags_after: None,
            gapless: true,
            renews_in_time: false,
            snapshot_limit: SNAPSHOT_LIMIT,
            network: Network::default(),
        }
    }

    /// Whether the venue ends connections that are not very old.
    pub(super) fn ends_connections(&self) -> bool {
        self.lifetime < LIFETIME
    }

    pub(super) fn names(&self) -> Names {
        if self.venue == Venue::Deribit { Names::DERIBIT } else { Names::BINANCE }
    }

    pub(super) fn host(&self) -> &'static str {
        HOST
    }

    /// The names of the streams that are followed from the beginning.
    #[must_use]
    pub fn streams(&self) -> Vec<String> {
        let names = self.names();
        let of_symbol = |symbol| self.first_kinds().iter().map(move |kind| names.of(kind, symbol));
        self.symbols.iter().flat_map(|symbol| of_symbol(symbol.as_str())).collect()
    }

    /// Whether the venue leaves messages out on single connections.
    pub(super) fn loses_messages(&self) -> bool {
        self.hazards.rate(Hazard::MessagesLost) > 0
    }

    /// Whether a snapshot is never older than what its stream brings, and nobody leaves a stream.
    pub(super) fn keeps_books(&self) -> bool {
        self.whims.is_none() && self.hazards.rate(Hazard::SnapshotsStale) == 0
    }

    /// Whether connections that are renewed overlap as long as something may be under way.
    pub(super) fn overlaps(&self) -> bool {
        self.plan.overlap >= seconds(OVERLAP)
    }

    /// Whether no attempt to connect has to wait for long, so that what is wrong with a connection is mended soon.
    pub(super) fn lets_renew(&self) -> bool {
        let waits = [Hazard::HandshakesRefused, Hazard::Maintenance, Hazard::ConnectUnanswered, Hazard::Cut];
        waits.iter().all(|hazard| self.hazards.rate(*hazard) == 0) && !self.ends_connections()
    }

    /// Whether trades are numbered one by one.
    pub(super) fn counts_trades(&self) -> bool {
        self.venue != Venue::BinanceUsdM
    }

    /// The kinds of streams that are followed from the beginning.
    pub(super) fn first_kinds(&self) -> &'static [&'static str] {
        match self.venue {
            Venue::Deribit => &["trades.*.100ms", "quote.*", "book.*.100ms"],
            _ => &["trade", "bookTicker", "depth@100ms"],
        }
    }

    /// A world as the scene wants it.
    pub(super) fn world(&self, start: Instant) -> Result<World, Error> {
        let options = Options {
            tls: self.seed.is_multiple_of(2),
            source: Source::Market {
                seed: self.seed,
                symbols: self.symbols.clone(),
                events_per_second: self.events_per_second,
            },
            ..Options::of(self.venue)
        };
        World::new(WorldOptions {
            hosts: vec![(HOST.to_owned(), options)],
            network: self.network.clone(),
            hazards: self.hazards,
            levels: 8,
            lifetime: self.lifetime,
            ..WorldOptions::new(self.seed, start)
        })
    }

    /// What a Binance session follows in it.
    pub(super) fn binance(&self) -> binance::Config {
        use binance::{Config, Stream};
        let base = if self.venue == Venue::BinanceUsdM { Config::usd_m() } else { Config::spot() };
        let (api, rest) = match self.venue {
            Venue::BinanceUsdM => ("/ws-fapi/v1", "/fapi/v1/depth"),
            _ => ("/ws-api/v3", "/api/v3/depth"),
        };
        let snapshots =
            if self.seed.is_multiple_of(3) { binance::Snapshots::Rest } else { binance::Snapshots::Api };
        Config {
            symbols: self.symbols.clone(),
            streams: vec![Stream::Trade, Stream::BookTicker, Stream::Depth { ms: 100 }],
            stream_url: format!("ws://{HOST}"),
            api_url: format!("ws://{HOST}{api}"),
            rest_url: format!("http://{HOST}{rest}"),
            snapshots,
            snapshot_limit: self.snapshot_limit,
            levels_max: base.levels_max.max(usize::from(self.snapshot_limit)),
            ..base
        }
    }

    /// What a Deribit session follows in it.
    pub(super) fn deribit(&self) -> deribit::Config {
        use deribit::{Channel, Config, Rate};
        let interval = Rate::Ms100;
        Config {
            url: format!("ws://{HOST}/ws/api/v2"),
            instruments: self.symbols.clone(),
            channels: vec![Channel::Trades { interval }, Channel::Quote, Channel::Book { interval }],
            ..Config::default()
        }
    }
}

fn symbols(venue: Venue) -> &'static [&'static str] {
    match venue {
        Venue::Deribit => &["BTC-PERPETUAL", "ETH-PERPETUAL"],
        _ => &["BTCUSDT", "ETHUSDT"],
    }
}

/// Each kind is off, or strikes once in some seconds to some minutes.
fn hazards(chance: &mut Chance) -> Hazards {
    let mut hazards = Hazards::NONE;
    for hazard in Hazard::ALL {
        if chance.below(1000) >= KINDS_ON {
            continue;
        }
        let rate = if hazard.is_of_a_thousand() { 20 + chance.below(200) } else { 300 + chance.below(4000) };
        hazards.set(hazard, u32::try_from(rate).unwrap_or(u32::MAX));
    }
    hazards
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
