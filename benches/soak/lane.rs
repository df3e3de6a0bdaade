//! One venue, the feed that follows it, and the judge between them.

use crate::clock::now;
use crate::troubles::Troubles;
use crate::venues;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tickwire::venue::Session;
use tickwire::{Builder, Client, Feed, Phase, Stats};
use tickwire_sim::trial::{Judge, Scene, Stage, Tally};
use tickwire_sim::{Levels, Server, Venue, Witnessed};

/// What is told may be so late once nothing goes wrong.
const LATE: Duration = Duration::from_secs(12);
/// The same while things do: both connections may be silent at once, and the attempts to replace them be cut.
const LATE_IN_STORM: Duration = Duration::from_secs(90);
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
    let Wanted { venue, seed, storm } = wanted;
    let scene = venues::scene(venue, seed, storm);
    let server = Server::start(venues::options(&scene))?;
    let builder = Client::builder().extra_roots_pem(server.ca_pem().as_bytes())?;
    let running = Running { scene, server, builder, shared, stop };
    match venue {
        Venue::Deribit => {
            let session = venues::deribit(&running.scene, &running.server)?;
            running.follow(session)
        }
        _ => {
            let session = venues::binance(&running.scene, &running.server)?;
            running.follow(session)
        }
    }
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

/// A venue that runs, and what a feed of it needs.
struct Running<'a> {
    scene: Scene,
    server: Server,
    builder: Builder,
    shared: &'a Shared,
    stop: &'a AtomicBool,
}

impl Running<'_> {
    fn follow<S: Session>(self, session: S) -> Result<Report, Box<dyn Error>> {
        let Self { scene, server, builder, shared, stop } = self;
        let notes = RefCell::new(VecDeque::new());
        let mut note = |line: &str| {
            let mut notes = notes.borrow_mut();
            notes.push_back(line.to_owned());
            if notes.len() > NOTES {
                notes.pop_front();
            }
        };
        let judge = judge(&scene, &server, &mut note);
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
            troubles: Troubles::new(scene.seed, began),
            heap: counted.bytes_current,
            look_at: began,
            pauses: Pauses::default(),
            shared,
            stop,
        };
        lane.storm(began + scene.storm)?;
        let healed_in = lane.heal(&scene)?;
        let Lane { feed, judge, troubles, pauses, .. } = lane;
        let (name, pause, troubles) = (venues::name(scene.venue), pauses.longest, troubles.counts());
        let (tally, stats, wrong) = (judge.tally(), feed.stats().clone(), judge.wrong().map(str::to_owned));
        drop(judge);
        let notes = notes.into_inner().into();
        Ok(Report { name, wrong, notes, tally, stats, troubles, pause, healed_in })
    }
}

/// Who judges all streams of a scene, which the server witnesses from now on.
fn judge<'a>(scene: &Scene, server: &Server, note: &'a mut dyn FnMut(&str)) -> Judge<'a> {
    let mut judge = Judge::new(scene, Some(note));
    let streams = scene.streams();
    server.observe(&streams.iter().map(String::as_str).collect::<Vec<_>>());
    streams.iter().for_each(|stream| judge.want(stream, true));
    judge
}

/// The longest time without any update.
#[derive(Default)]
struct Pauses {
    told: u64,
    told_at: Option<Instant>,
    longest: Duration,
}

impl Pauses {
    /// So many updates were told by now.
    fn see(&mut self, told: u64) {
        if told == self.told {
            return;
        }
        self.told = told;
        let now = now();
        if let Some(before) = self.told_at.replace(now) {
            self.longest = self.longest.max(now - before);
        }
    }
}

struct Lane<'a, S> {
    feed: Feed<S>,
    local: Local,
    judge: Judge<'a>,
    troubles: Troubles,
    heap: i64,
    look_at: Instant,
    pauses: Pauses,
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

    /// Follows it until all is well, for as long as something may be late at least; from when on it was, as of now.
    fn heal(&mut self, scene: &Scene) -> Result<Duration, tickwire::Error> {
        let (began, mut well_since) = (now(), None);
        while !self.is_over() {
            self.take(self.look_at)?;
            if now() < self.look_at {
                continue;
            }
            self.look(LATE_IN_STORM);
            let now = now();
            match self.ailment(scene) {
                None => {
                    well_since.get_or_insert(now);
                    if now >= began + LATE {
                        break;
                    }
                }
                Some(what) if now >= began + scene.calm => {
                    self.judge.blame(&self.local, &format!("not well after {:?}: {what}", scene.calm));
                }
                Some(_) => well_since = None,
            }
        }
        Ok(well_since.unwrap_or_else(now) - began)
    }

    /// Takes an event, if one comes until then.
    fn take(&mut self, until: Instant) -> Result<(), tickwire::Error> {
        let Self { feed, local, judge, heap, look_at, pauses, .. } = self;
        let timeout = until.min(*look_at).saturating_duration_since(now());
        let mut taken = Ok(None);
        let counted = allocation_counter::measure(|| taken = feed.next(Some(timeout)));
        *heap += counted.bytes_current;
        // Whatever the feed can have told by now was published before.
        judge.witness(local);
        let Some(arrival) = taken? else { return Ok(()) };
        judge.see(&arrival.event, local);
        judge.look(feed.session(), local);
        pauses.see(judge.tally().updates);
        Ok(())
    }

    /// Sees each second that nothing is too late.
    fn look(&mut self, late: Duration) {
        let now = now();
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
