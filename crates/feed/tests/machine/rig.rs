//! A machine whose session has no streams, and whose clock stands still until it is told.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use chacha20::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use tickwire_feed::{Command, Machine, Plan};
use tickwire_venue::{
    Attempts, BookView, Cause, Command as Wish, Ending, Endpoint, Error, Event, Fetched, Instrument,
    LegCounts, LinkChange, Now, Route, Session, Terms,
};

/// What chance begins with.
pub(crate) const SEED: u64 = 7;

/// A session that says what it is told to say, and remembers what it was told.
pub(crate) struct Stub {
    endpoints: Vec<Endpoint>,
    attempts: Attempts,
    ready: BTreeSet<Route>,
    open: BTreeSet<Route>,
    pub(crate) wishes: VecDeque<Wish<'static>>,
    pub(crate) endings: Vec<(Route, Ending)>,
    /// Those that were handed over, and have not brought everything.
    pub(crate) owing: BTreeSet<Route>,
    pub(crate) handed_over: Vec<Route>,
    /// What is measured between two looks; nothing of those that are not here.
    pub(crate) lags: BTreeMap<Route, Duration>,
    pub(crate) events: VecDeque<Event<'static>>,
    /// What it was told of messages, documents and streams, in words; and what it answers.
    pub(crate) heard: Vec<String>,
    pub(crate) answer: Result<(), Error>,
    pub(crate) deadline: Option<Instant>,
}

impl Stub {
    fn new(endpoints: Vec<Endpoint>, attempts: Attempts) -> Self {
        Self {
            endpoints,
            attempts,
            ready: BTreeSet::new(),
            open: BTreeSet::new(),
            wishes: VecDeque::new(),
            endings: Vec::new(),
            owing: BTreeSet::new(),
            handed_over: Vec::new(),
            lags: BTreeMap::new(),
            events: VecDeque::new(),
            heard: Vec::new(),
            answer: Ok(()),
            deadline: None,
        }
    }

    fn hear(&mut self, what: String) -> Result<(), Error> {
        self.heard.push(what);
        self.answer.clone()
    }
}

impl Session for Stub {
    fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
    fn attempts(&self) -> Attempts {
        self.attempts
    }
    fn subscribe(&mut self, _: &[&str], _: Now) -> Result<(), Error> {
        self.endpoints.push(endpoint("more", false));
        Ok(())
    }
    fn unsubscribe(&mut self, streams: &[&str], _: Now) {
        self.heard.push(format!("unsubscribe {streams:?}"));
    }
    fn on_open(&mut self, route: Route, _: Now) {
        assert!(self.open.insert(route), "{route:?} is open already");
    }
    fn on_closed(&mut self, route: Route, ending: Ending, _: Now) {
        assert!(self.open.remove(&route), "{route:?} is not open");
        self.endings.push((route, ending));
    }
    fn is_ready(&self, route: Route) -> bool {
        self.ready.contains(&route)
    }
    fn hand_over(&mut self, route: Route) {
        self.handed_over.push(route);
    }
    fn is_handed_over(&mut self, route: Route) -> bool {
        !self.owing.contains(&route)
    }
    fn leg_counts(&self, _: Route) -> Option<&LegCounts> {
        None
    }
    fn take_lag(&mut self, route: Route) -> Option<Duration> {
        self.lags.get(&route).copied()
    }
    fn on_message(&mut self, route: Route, text: &[u8], _: Now) -> Result<(), Error> {
        self.hear(format!("text {} of {route:?}", text.escape_ascii()))
    }
    fn on_binary(&mut self, route: Route, bytes: &[u8], _: Now) -> Result<(), Error> {
        self.hear(format!("bytes {} of {route:?}", bytes.escape_ascii()))
    }
    fn on_fetched(&mut self, id: u64, fetched: Fetched<'_>, _: Now) -> Result<(), Error> {
        self.hear(format!("document {id}: {fetched:?}"))
    }
    fn has_event(&self) -> bool {
        !self.events.is_empty()
    }
    fn poll_event(&mut self) -> Option<Event<'_>> {
        self.events.pop_front()
    }
    fn poll_command(&mut self) -> Option<Wish<'_>> {
        self.wishes.pop_front()
    }
    fn next_deadline(&self) -> Option<Instant> {
        self.deadline
    }
    fn on_deadline(&mut self, _: Now) {
        self.deadline = None;
    }
    fn instruments(&self) -> u32 {
        0
    }
    fn symbol(&self, _: Instrument) -> Option<&str> {
        None
    }
    fn instrument(&self, _: &str) -> Option<Instrument> {
        None
    }
    fn book(&self, _: Instrument) -> Option<BookView<'_>> {
        None
    }
}

pub(crate) fn endpoint(name: &'static str, races: bool) -> Endpoint {
    let terms = Terms { races, lifetime: Some(Duration::from_secs(24 * 3600)), ..Terms::default() };
    Endpoint { terms, ..Endpoint::new(name, format!("ws://{name}/")) }
}

/// What was done, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Dial(Route, usize),
    Close(Route),
    Drop(Route),
}

pub(crate) use Done::{Close, Dial, Drop};

pub(crate) struct Rig {
    pub(crate) machine: Machine<Stub>,
    pub(crate) now: Now,
    pub(crate) told: Vec<(Route, LinkChange<'static>)>,
}

impl Rig {
    pub(crate) fn new(plan: Plan) -> Self {
        Self::of(vec![endpoint("stream", true)], plan)
    }

    pub(crate) fn of(endpoints: Vec<Endpoint>, plan: Plan) -> Self {
        Self::within(Attempts { max: 5, span: Duration::from_secs(60) }, endpoints, plan)
    }

    #[expect(clippy::disallowed_methods, reason = "a manual clock needs some instant to count from")]
    pub(crate) fn within(attempts: Attempts, endpoints: Vec<Endpoint>, plan: Plan) -> Self {
        let now = Now { instant: Instant::now(), unix_ns: 0 };
        Self { machine: Machine::new(Stub::new(endpoints, attempts), plan, SEED, now), now, told: Vec::new() }
    }

    /// Everything that is to be done now.
    pub(crate) fn done(&mut self) -> Vec<Done> {
        let mut done = Vec::new();
        self.machine.carry_out(self.now, |command| match command {
            Command::Dial { route, place, .. } => done.push(Dial(route, place)),
            Command::Close { route } => done.push(Close(route)),
            Command::Drop { route } => done.push(Drop(route)),
            other => panic!("{other:?}"),
        });
        while let Some(event) = self.machine.poll_event() {
            let Event::Link(link) = event else { panic!("{event:?}") };
            let change = match link.change {
                LinkChange::Lost { cause, retry_in, .. } => LinkChange::Lost { cause, words: "", retry_in },
                LinkChange::Stopped { cause, .. } => LinkChange::Stopped { cause, words: "" },
                LinkChange::Connecting { attempt } => LinkChange::Connecting { attempt },
                LinkChange::Open { after } => LinkChange::Open { after },
                LinkChange::Ready { after } => LinkChange::Ready { after },
                LinkChange::Renewing { why } => LinkChange::Renewing { why },
                LinkChange::Retiring => LinkChange::Retiring,
                LinkChange::Closed => LinkChange::Closed,
                other => panic!("{other:?}"),
            };
            self.told.push((link.route, change));
        }
        done
    }

    pub(crate) fn open(&mut self, route: Route) {
        self.machine.on_open(route, self.now);
    }

    /// The session says that a connection brings everything, and the machine has looked.
    pub(crate) fn ready(&mut self, route: Route) -> Vec<Done> {
        self.set_ready(route, true);
        self.pass(Duration::from_millis(50))
    }

    /// The session is not there to be changed: what it says is changed by a wish that it grants itself.
    pub(crate) fn set_ready(&mut self, route: Route, ready: bool) {
        let session = self.machine.session_mut();
        if ready {
            session.ready.insert(route)
        } else {
            session.ready.remove(&route)
        };
    }

    pub(crate) fn lost(&mut self, route: Route, cause: Cause) -> bool {
        self.machine.on_ended(route, Ending::Lost, cause, "lost", self.now)
    }

    /// Lets time pass, waking the machine when it wants to be.
    pub(crate) fn pass(&mut self, span: Duration) -> Vec<Done> {
        let end = self.now.instant + span;
        let mut done = self.done();
        while let Some(at) = self.machine.next_deadline().filter(|at| *at <= end) {
            assert!(at >= self.now.instant, "a deadline in the past");
            self.now.instant = at;
            self.machine.on_deadline(self.now);
            done.extend(self.done());
            assert!(self.machine.next_deadline() != Some(at), "a deadline that stays");
        }
        self.now.instant = end;
        done
    }

    /// A connection that is ready.
    pub(crate) fn up(plan: Plan) -> Self {
        let mut rig = Self::new(plan);
        assert_eq!(rig.done(), [Dial(leg(0), 0)]);
        rig.open(leg(0));
        assert_eq!(rig.ready(leg(0)), []);
        rig.told.clear();
        rig
    }
}

pub(crate) fn leg(leg: usize) -> Route {
    Route { endpoint: 0, leg }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The numbers in `0.0..1.0` that chance gives, one after the other.
pub(crate) fn chances() -> impl Iterator<Item = f64> {
    let mut chance = ChaCha8Rng::seed_from_u64(SEED);
    std::iter::repeat_with(move || f64::from(chance.next_u32()) / 2.0_f64.powi(32))
}
