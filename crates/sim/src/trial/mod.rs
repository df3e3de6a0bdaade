//! A feed on trial: the decisions of `tickwire-feed`, with sessions and WebSocket as in production, in a world where things
//! go wrong, under the eyes of a judge who knows what the venue published.
//!
//! After each step it is checked that
//! - each update of a stream is told at most once and in order, and once unless a gap that was told before covers it;
//! - each book is the venue's own at the same update id;
//! - the venue's limits are kept, and nobody knocks who was told to stay away;
//! - only the first attempt to connect is made at once, and no connection is kept on which nothing arrives;
//! - no book is live without a connection, and memory is bounded;
//! - nothing is unreadable, and no quote contradicts a book;
//! - where nothing else goes wrong, a connection that begins to lag is renewed within a minute, and no other for its lag;
//!
//! and when nothing goes wrong any more, that everything is followed again within a stated time, and that connections are
//! then renewed without a gap; and that each connection brings what the others bring.
#![expect(clippy::panic, reason = "a trial that cannot be held is a mistake of its own")]

mod client;
mod cuts;
mod judge;
mod laggard;
mod ledger;
mod published;
mod scene;
mod stage;
mod user;

use std::time::{Duration, Instant};

use tickwire_feed::Machine;
use tickwire_venue::binance::Binance;
use tickwire_venue::deribit::Deribit;
use tickwire_venue::{Route, Session};

use client::{Client, now};
use cuts::Cuts;
pub use judge::{Judge, Tally, Trace};
use laggard::Laggard;
pub use scene::Scene;
pub use stage::Stage;
use user::User;

use crate::options::Venue;
use crate::world::World;

/// What is told may be so late.
const LATE: Duration = Duration::from_secs(12);
/// When no end comes any more that was told of before all faults were over.
const ENDS_COME: Duration = Duration::from_secs(90);
/// How long it is counted then what each connection brings.
const LISTENING: Duration = Duration::from_secs(60);
/// What was published so long before may still be under way.
const UNDER_WAY: Duration = Duration::from_secs(1);
/// How long connections take to be renewed, and what is told of it.
const RENEWED_IN: Duration = Duration::from_secs(30);
/// How often it is seen how much a feed holds.
const WEIGHING: Duration = Duration::from_secs(60);

/// How a trial ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What is wrong, and when in the trial's time it showed.
    pub wrong: Option<String>,
    /// How long the trial lasted in its own time.
    pub lasted: Duration,
    /// How long it took from the last hazard until all was well.
    pub healed_in: Option<Duration>,
    /// What was seen.
    pub tally: Tally,
    /// What went wrong on purpose, and how often.
    pub faults: Vec<(&'static str, u64)>,
}

/// Runs a trial; `trace` is told what happens.
pub fn run(scene: &Scene, trace: Option<&mut dyn FnMut(&str)>) -> Outcome {
    let start = start();
    let world = scene.world(start).unwrap_or_else(|error| panic!("{error}"));
    let judge = Judge::new(scene, trace);
    match scene.venue {
        Venue::Deribit => {
            let session = Deribit::new(scene.deribit()).unwrap_or_else(|error| panic!("{error}"));
            Trial::new(scene, session, world, judge).run(scene)
        }
        Venue::BinanceSpot | Venue::BinanceUsdM => {
            let session = Binance::new(scene.binance()).unwrap_or_else(|error| panic!("{error}"));
            Trial::new(scene, session, world, judge).run(scene)
        }
    }
}

/// Some instant to count from: nothing depends on which.
fn start() -> Instant {
    crate::clock::now().instant
}

struct Trial<'a, S> {
    world: World,
    client: Client<S>,
    judge: Judge<'a>,
    user: User,
    cuts: Cuts,
    laggard: Laggard,
    weigh_at: Instant,
}

impl<'a, S: Session + std::fmt::Debug> Trial<'a, S> {
    fn new(scene: &Scene, session: S, mut world: World, mut judge: Judge<'a>) -> Self {
        let user = User::new(scene, &mut judge, world.now());
        if scene.keeps_books() {
            judge.hold_books();
        }
        if scene.lags_after.is_some() {
            judge.hold_to_lags();
        }
        let observed: Vec<&str> = user.all().collect();
        world.observe(scene.host(), &observed);
        let machine = Machine::new(session, scene.plan.clone(), scene.seed, now(&world));
        let cuts = Cuts::new(scene, world.now());
        let laggard = Laggard::new(scene, world.now());
        let weigh_at = world.now();
        Self { client: Client::new(machine, scene.seed), world, judge, user, cuts, laggard, weigh_at }
    }

    fn run(mut self, scene: &Scene) -> Outcome {
        let storm_ends = self.world.now() + scene.storm;
        self.client.settle(&mut self.world, &mut self.judge);
        self.pass(storm_ends);
        self.user.rest();
        self.cuts.rest();
        self.world.calm();
        self.judge.note(&self.world, "nothing goes wrong any more");
        let healed_in = self.heal(scene, storm_ends, storm_ends + scene.calm);
        if healed_in.is_some() && !scene.ends_connections() {
            self.renew(scene, storm_ends);
        }
        if let Some(violation) = self.world.violations().first().map(ToString::to_string) {
            self.judge.blame(&self.world, &format!("a limit of the venue: {violation}"));
        }
        let faults = self.world.faults().collect();
        let lasted = self.world.elapsed();
        Outcome {
            wrong: self.judge.wrong().map(str::to_owned),
            lasted,
            healed_in,
            tally: self.judge.tally(),
            faults,
        }
    }

    /// Lets time pass, up to `end` or until something is wrong.
    fn pass(&mut self, end: Instant) {
        let Self { world, client, judge, user, cuts, laggard, weigh_at } = self;
        while world.now() < end && judge.wrong().is_none() {
            let own = [user.next_deadline(), cuts.next_deadline(), laggard.next_deadline()];
            let others = own.into_iter().flatten().chain([end]);
            let next = client.next_deadline().into_iter().chain(others).min();
            world.advance(next.unwrap_or(end).max(world.now()));
            judge.witness(world);
            while let Some(event) = world.poll_event() {
                client.on_event(event, world, judge);
            }
            client.on_time(world, judge);
            user.act(client, world, judge);
            cuts.act(client, world);
            laggard.act(client, world, judge);
            if client.is_cut_off() {
                judge.look_for_live(client.machine.session(), world);
            }
            if world.now() >= *weigh_at {
                *weigh_at = world.now() + WEIGHING;
                judge.weigh(&client.machine, world);
            }
        }
    }

    /// Waits until all is well, as long as it may take; how long it took.
    fn heal(&mut self, scene: &Scene, since: Instant, must_end: Instant) -> Option<Duration> {
        loop {
            let now = self.world.now();
            let wrong = self.ailment(scene);
            if wrong.is_none() && now >= since + LATE * 2 {
                return Some(now - since);
            }
            if self.judge.wrong().is_some() {
                return None;
            }
            if let Some(what) = wrong.filter(|_| now >= must_end) {
                self.judge.blame(&self.world, &format!("not well after {:?}: {what}", scene.calm));
                return None;
            }
            self.pass(now + Duration::from_secs(1));
        }
    }

    /// All connections are renewed while all is well, which costs nothing.
    fn renew(&mut self, scene: &Scene, since: Instant) {
        self.pass(since + ENDS_COME - LISTENING);
        let before = self.client.racing();
        if scene.lets_renew() {
            self.judge.listen();
        }
        self.pass(since + ENDS_COME);
        let racing = self.client.racing();
        // One that is being renewed may be so for what it does not bring, and one that is not ready is known to lack something.
        let machine = &self.client.machine;
        let place = |route: Route| (route.endpoint, machine.place(route));
        let is_alone = |of: Route| racing.iter().filter(|(_, route)| place(*route) == place(of)).count() == 1;
        let is_well = |of: &Route| is_alone(*of) && machine.session().is_ready(*of);
        let same = racing.iter().filter(|line| before.contains(line));
        let routes: Vec<_> = same.map(|(_, route)| *route).filter(is_well).collect();
        self.judge.compare(&routes, &self.world);
        // Some of those there are may be wounded for good, and nothing has shown it.
        self.client.machine.renew(now(&self.world));
        self.client.settle(&mut self.world, &mut self.judge);
        self.pass(self.world.now() + RENEWED_IN);
        let must_end = self.world.now() + scene.calm;
        if self.heal(scene, since, must_end).is_none() {
            return;
        }
        // With a short overlap, what comes just as the old connection ends may fall into a gap.
        if scene.overlaps() {
            self.judge.be_fair(Some(self.world.now()));
        }
        self.pass(self.world.now() + UNDER_WAY);
        self.judge.note(&self.world, "all connections are renewed in fair weather");
        self.client.machine.renew(now(&self.world));
        self.client.settle(&mut self.world, &mut self.judge);
        self.pass(self.world.now() + RENEWED_IN);
    }

    /// What is not yet as it should be.
    fn ailment(&self, scene: &Scene) -> Option<String> {
        let names = scene.names();
        let has_book = |symbol: &&String| self.user.wants(&names.of(names.book(), symbol));
        let books: Vec<String> = scene.symbols.iter().filter(has_book).cloned().collect();
        let session = self.client.machine.session();
        self.client
            .unready()
            .or_else(|| self.judge.unlike(session, &self.world, &books))
            .or_else(|| self.judge.overdue(self.world.now().checked_sub(LATE)?))
    }
}
