//! One venue, the feed that follows it, and the judge between them.

use crate::clock::now;
use crate::troubles::Troubles;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tickwire::venue::Session;
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::venue::deribit::{self, Channel, Deribit, Rate};
use tickwire::{Builder, Client, Feed, Phase, Plan, Stats};
use tickwire_sim::trial::{Judge, Scene, Stage, Tally};
use tickwire_sim::{Bursts, Faults, Hazard, Hazards, Levels, Options, Server, Source, Venue, Witnessed};

/// What is told may be so late once nothing goes wrong.
const LATE: Duration = Duration::from_secs(12);
/// The same while things do: both connections may be silent at once, and the attempts to replace them be cut.
const LATE_IN_STORM: Duration = Duration::from_secs(90);
/// How soon all must be well when nothing goes wrong any more.
const CALM: Duration = Duration::from_secs(90);
/// Between two looks at what is late, and at the counts.
const LOOK: Duration = Duration::from_secs(1);
/// Lines that are kept of what happened, for a failure.
const NOTES: usize = 60;

/// What a lane shares with who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// What the feed has allocated and not given back, in bytes.
    pub(crate) heap: AtomicI64,
    pub(crate) tally: Mutex<Tally>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) name: &'static str,
    pub(crate) wrong: Option<String>,
    /// What happened before that.
    pub(crate) notes: Vec<String>,
    pub(crate) tally: Tally,
    pub(crate) stats: Stats,
    pub(crate) troubles: Vec<(&'static str, usize)>,
    /// The longest time without an update of any stream.
    pub(crate) pause: Duration,
    /// From the last trouble until all was well.
    pub(crate) healed_in: Duration,
}

/// What is wanted of a lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) venue: Venue,
    pub(crate) seed: u64,
    pub(crate) storm: Duration,
}

/// Follows a venue for as long as is wanted, or until something is wrong or the others `stop`.
pub(crate) fn run(wanted: Wanted, shared: &Shared, stop: &AtomicBool) -> Result<Report, Box<dyn Error>> {
    let scene = scene(wanted);
    let server = Server::start(options(&scene))?;
    let builder = Client::builder().extra_roots_pem(server.ca_pem().as_bytes())?;
    match wanted.venue {
        Venue::Deribit => follow(wanted, &scene, (deribit(&scene, &server)?, builder), server, shared, stop),
        _ => follow(wanted, &scene, (binance(&scene, &server)?, builder), server, shared, stop),
    }
}

fn name(venue: Venue) -> &'static str {
    match venue {
        Venue::BinanceUsdM => "usd-m",
        Venue::Deribit => "deribit",
        _ => "spot",
    }
}

/// What the judge needs to know. Messages are lost on single connections, so that where ids do not show it some may be missing.
fn scene(Wanted { venue, seed, storm }: Wanted) -> Scene {
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

fn options(scene: &Scene) -> Options {
    let Scene { seed, symbols, events_per_second, .. } = scene.clone();
    // USD-M's books are as long as its snapshots: what lies beyond these, a client cannot know.
    let bursts = (scene.venue != Venue::BinanceUsdM).then_some(Bursts { every: 4, levels: 800 });
    let (drop_diff_every, duplicate_every) = (Some(290), Some(97));
    let faults = Faults { drop_diff_every, duplicate_every, bursts, ..Faults::default() };
    let source = Source::Market { seed, symbols, events_per_second };
    Options { source, faults, ..Options::of(scene.venue) }
}

fn binance(scene: &Scene, server: &Server) -> Result<Binance, tickwire::venue::Error> {
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

fn deribit(scene: &Scene, server: &Server) -> Result<Deribit, tickwire::venue::Error> {
    let interval = Rate::Ms100;
    Deribit::new(deribit::Config {
        url: server.api_url(),
        instruments: scene.symbols.clone(),
        channels: vec![Channel::Trades { interval }, Channel::Quote, Channel::Book { interval }],
        ..deribit::Config::default()
    })
}

/// The local venue, as the judge sees it.
struct Local {
    server: Server,
    began: Instant,
}

impl Stage for Local {
    fn elapsed(&self) -> Duration {
        now() - self.began
    }

    fn book_at(&self, symbol: &str, update_id: u64) -> Option<Levels> {
        self.server.book_at(symbol, update_id)
    }

    fn witnessed(&mut self) -> Vec<Witnessed> {
        self.server.witnessed()
    }
}

fn follow<S: Session>(
    wanted: Wanted,
    scene: &Scene,
    (session, builder): (S, Builder),
    server: Server,
    shared: &Shared,
    stop: &AtomicBool,
) -> Result<Report, Box<dyn Error>> {
    let notes = RefCell::new(VecDeque::new());
    let mut note = |line: &str| {
        let mut notes = notes.borrow_mut();
        notes.push_back(line.to_owned());
        if notes.len() > NOTES {
            notes.pop_front();
        }
    };
    let mut judge = Judge::new(scene, Some(&mut note));
    let streams = scene.streams();
    server.observe(&streams.iter().map(String::as_str).collect::<Vec<_>>());
    streams.iter().for_each(|stream| judge.want(stream, true));
    let mut feed = Err("not connected".into());
    let counted = allocation_counter::measure(|| {
        let builder = Feed::builder(session).client(builder).plan(scene.plan.clone());
        feed = builder.connect().map_err(Box::<dyn Error>::from);
    });
    let began = now();
    let mut lane = Lane {
        feed: feed?,
        local: Local { server, began },
        judge,
        troubles: Troubles::new(wanted.seed, began),
        heap: counted.bytes_current,
        look_at: began,
        told: (0, began),
        pause: Duration::ZERO,
        shared,
        stop,
    };
    lane.storm(began + wanted.storm)?;
    let healed_in = lane.heal(scene)?;
    let Lane { feed, judge, troubles, pause, .. } = lane;
    let wrong = judge.wrong().map(str::to_owned);
    let (tally, stats, troubles) = (judge.tally(), feed.stats().clone(), troubles.counts());
    drop(judge);
    let notes = notes.into_inner().into();
    Ok(Report { name: name(wanted.venue), wrong, notes, tally, stats, troubles, pause, healed_in })
}

struct Lane<'a, S> {
    feed: Feed<S>,
    local: Local,
    judge: Judge<'a>,
    troubles: Troubles,
    heap: i64,
    look_at: Instant,
    /// Updates, and when they last became more.
    told: (u64, Instant),
    pause: Duration,
    shared: &'a Shared,
    stop: &'a AtomicBool,
}

impl<S: Session> Lane<'_, S> {
    fn is_over(&self) -> bool {
        self.judge.wrong().is_some() || self.stop.load(Ordering::Relaxed)
    }

    /// Follows the feed while things go wrong.
    fn storm(&mut self, until: Instant) -> Result<(), tickwire::Error> {
        while now() < until && !self.is_over() {
            if let Some((trouble, choice)) = self.troubles.take(now()) {
                self.judge.note(&self.local, &format!("{trouble:?} strikes"));
                self.local.server.strike(trouble, choice);
            }
            self.take(until.min(self.troubles.next_deadline()))?;
            self.look(LATE_IN_STORM);
        }
        self.judge.note(&self.local, "nothing goes wrong any more");
        self.local.server.calm();
        Ok(())
    }

    /// Follows it until all is well; how long that took.
    fn heal(&mut self, scene: &Scene) -> Result<Duration, tickwire::Error> {
        let began = now();
        while !self.is_over() {
            self.take(self.look_at)?;
            if now() < self.look_at {
                continue;
            }
            self.look(LATE_IN_STORM);
            match self.ailment(scene) {
                None if now() >= began + LATE => return Ok(began.elapsed()),
                Some(what) if now() >= began + scene.calm => {
                    self.judge.blame(&self.local, &format!("not well after {CALM:?}: {what}"));
                }
                _ => {}
            }
        }
        Ok(began.elapsed())
    }

    /// Takes an event, if one comes until then.
    fn take(&mut self, until: Instant) -> Result<(), tickwire::Error> {
        let Self { feed, local, judge, heap, look_at, .. } = self;
        let timeout = until.min(*look_at).saturating_duration_since(now());
        let mut taken = Ok(None);
        let counted = allocation_counter::measure(|| taken = feed.next(Some(timeout)));
        *heap += counted.bytes_current;
        // Whatever the feed can have told by now was published before.
        judge.witness(local);
        let Some(arrival) = taken? else { return Ok(()) };
        judge.see(&arrival.event, local);
        judge.look(feed.session(), local);
        Ok(())
    }

    /// Sees each second that nothing is too late.
    fn look(&mut self, late: Duration) {
        let (now, updates) = (now(), self.judge.tally().updates);
        if updates > self.told.0 {
            self.pause = self.pause.max(if self.told.0 == 0 { Duration::ZERO } else { now - self.told.1 });
            self.told = (updates, now);
        }
        if now < self.look_at {
            return;
        }
        self.look_at = now + LOOK;
        if let Some(what) = now.checked_sub(late).and_then(|before| self.judge.overdue(before)) {
            self.judge.blame(&self.local, &what);
        }
        self.shared.heap.store(self.heap, Ordering::Relaxed);
        *self.shared.tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = self.judge.tally();
    }

    /// What is not yet as it should be.
    fn ailment(&self, scene: &Scene) -> Option<String> {
        let session = self.feed.session();
        let legs = |races: bool| if races { scene.plan.legs } else { 1 };
        let wanted: usize = session.endpoints().iter().map(|endpoint| legs(endpoint.terms.races)).sum();
        let ready = self.feed.connections().filter(|connection| connection.phase == Phase::Ready).count();
        let lacking = wanted.saturating_sub(ready);
        (lacking > 0)
            .then(|| format!("{lacking} connections are not ready"))
            .or_else(|| self.judge.unlike(session, &self.local, &scene.symbols))
            .or_else(|| self.judge.overdue(now().checked_sub(LATE)?))
    }
}
