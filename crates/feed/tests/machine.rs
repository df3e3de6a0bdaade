//! The decisions about connections, with a session that has no streams and a clock that stands still until it is told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use tickwire_feed::{Command, Machine, Phase, Plan};
use tickwire_venue::{
    Attempts, BookView, Cause, Command as Wish, Ending, Endpoint, Error, Event, Instrument, LegCounts,
    LinkChange, Now, Renewal, Route, Session, Terms,
};

/// A session that is ready when it is said to be.
struct Stub {
    endpoints: Vec<Endpoint>,
    attempts: Attempts,
    ready: BTreeSet<Route>,
    open: BTreeSet<Route>,
    wishes: VecDeque<Wish<'static>>,
    endings: Vec<(Route, Ending)>,
    /// What is measured between two looks; nothing of those that are not here.
    lags: BTreeMap<Route, Duration>,
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
    fn unsubscribe(&mut self, _: &[&str], _: Now) {}
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
    fn hand_over(&mut self, _: Route) {}
    fn is_handed_over(&mut self, _: Route) -> bool {
        true
    }
    fn leg_counts(&self, _: Route) -> Option<&LegCounts> {
        None
    }
    fn take_lag(&mut self, route: Route) -> Option<Duration> {
        self.lags.get(&route).copied()
    }
    fn on_message(&mut self, _: Route, _: &[u8], _: Now) -> Result<(), Error> {
        Ok(())
    }
    fn has_event(&self) -> bool {
        false
    }
    fn poll_event(&mut self) -> Option<Event<'_>> {
        None
    }
    fn poll_command(&mut self) -> Option<Wish<'_>> {
        self.wishes.pop_front()
    }
    fn next_deadline(&self) -> Option<Instant> {
        None
    }
    fn on_deadline(&mut self, _: Now) {}
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

fn endpoint(name: &'static str, races: bool) -> Endpoint {
    let terms = Terms { races, lifetime: Some(Duration::from_secs(24 * 3600)), ..Terms::default() };
    Endpoint { terms, ..Endpoint::new(name, format!("ws://{name}/")) }
}

/// What was done, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Dial(Route, usize),
    Close(Route),
    Drop(Route),
}

use Done::{Close, Dial, Drop};

struct Rig {
    machine: Machine<Stub>,
    now: Now,
    told: Vec<(Route, LinkChange<'static>)>,
}

impl Rig {
    fn new(plan: Plan) -> Self {
        Self::of(vec![endpoint("stream", true)], plan)
    }

    #[expect(clippy::disallowed_methods, reason = "a manual clock needs some instant to count from")]
    fn of(endpoints: Vec<Endpoint>, plan: Plan) -> Self {
        let session = Stub {
            endpoints,
            attempts: Attempts { max: 5, span: Duration::from_secs(60) },
            ready: BTreeSet::new(),
            open: BTreeSet::new(),
            wishes: VecDeque::new(),
            endings: Vec::new(),
            lags: BTreeMap::new(),
        };
        let now = Now { instant: Instant::now(), unix_ns: 0 };
        Self { machine: Machine::new(session, plan, 7, now), now, told: Vec::new() }
    }

    /// Everything that is to be done now.
    fn done(&mut self) -> Vec<Done> {
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

    fn open(&mut self, route: Route) {
        self.machine.on_open(route, self.now);
    }

    /// The session says that a connection brings everything, and the machine has looked.
    fn ready(&mut self, route: Route) -> Vec<Done> {
        self.set_ready(route, true);
        self.pass(Duration::from_millis(50))
    }

    /// The session is not there to be changed: what it says is changed by a wish that it grants itself.
    fn set_ready(&mut self, route: Route, ready: bool) {
        let session = self.machine.session_mut();
        if ready {
            session.ready.insert(route)
        } else {
            session.ready.remove(&route)
        };
    }

    fn lost(&mut self, route: Route, cause: Cause) -> bool {
        self.machine.on_ended(route, Ending::Lost, cause, "lost", self.now)
    }

    /// Lets time pass, waking the machine when it wants to be.
    fn pass(&mut self, span: Duration) -> Vec<Done> {
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

    /// So many connections that are ready, and what is measured of their lags from now on.
    fn racing(lags: &[Duration], plan: Plan) -> Self {
        let mut rig = Self::new(Plan { legs: lags.len(), ..plan });
        rig.done();
        (0..lags.len()).for_each(|at| rig.open(leg(at)));
        (0..lags.len()).for_each(|at| _ = rig.ready(leg(at)));
        rig.told.clear();
        rig.machine.session_mut().lags = lags.iter().enumerate().map(|(at, lag)| (leg(at), *lag)).collect();
        rig
    }

    /// The connections that are renewed since they are slow, since this was asked last.
    fn slow(&mut self) -> Vec<Route> {
        let is_slow = |change: &LinkChange<'_>| matches!(change, LinkChange::Renewing { why: Renewal::Slow });
        self.told.drain(..).filter(|(_, change)| is_slow(change)).map(|(route, _)| route).collect()
    }

    /// A connection that is ready.
    fn up(plan: Plan) -> Self {
        let mut rig = Self::new(plan);
        assert_eq!(rig.done(), [Dial(leg(0), 0)]);
        rig.open(leg(0));
        assert_eq!(rig.ready(leg(0)), []);
        rig.told.clear();
        rig
    }
}

fn leg(leg: usize) -> Route {
    Route { endpoint: 0, leg }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_connection_is_made_opened_and_ready() {
    let mut rig = Rig::new(Plan::default());
    assert_eq!(rig.done(), [Dial(leg(0), 0)]);
    rig.pass(seconds(2));
    rig.open(leg(0));
    rig.pass(seconds(1));
    assert_eq!(rig.machine.phase(leg(0)), Some(Phase::Open));
    rig.ready(leg(0));
    let after = seconds(3) + Duration::from_millis(50);
    let expected = [
        (leg(0), LinkChange::Connecting { attempt: 1 }),
        (leg(0), LinkChange::Open { after: seconds(2) }),
        (leg(0), LinkChange::Ready { after }),
    ];
    assert_eq!(rig.told, expected);
    assert_eq!(rig.machine.phase(leg(0)), Some(Phase::Ready));
}

#[test]
fn the_first_attempt_after_a_stable_time_is_made_at_once_and_the_next_is_not() {
    let mut rig = Rig::up(Plan::default());
    rig.pass(seconds(10));
    assert!(!rig.lost(leg(0), Cause::Lost));
    assert_eq!(rig.done(), [Dial(leg(0), 0)]);
    assert_eq!(rig.machine.session().endings, [(leg(0), Ending::Lost)]);
    let lost = LinkChange::Lost { cause: Cause::Lost, words: "", retry_in: Some(Duration::ZERO) };
    assert_eq!(rig.told, [(leg(0), lost), (leg(0), LinkChange::Connecting { attempt: 2 })]);
    rig.told.clear();
    rig.lost(leg(0), Cause::Connect);
    assert_eq!(rig.done(), []);
    let [(_, LinkChange::Lost { retry_in: Some(delay), .. })] = rig.told[..] else {
        panic!("{:?}", rig.told)
    };
    assert!(delay > Duration::ZERO && delay <= Duration::from_millis(500), "{delay:?}");
    assert_eq!(rig.pass(delay - Duration::from_nanos(1)), []);
    assert_eq!(rig.pass(Duration::from_nanos(1)), [Dial(leg(0), 0)]);
}

#[test]
fn a_connection_that_is_lost_as_soon_as_it_is_ready_is_no_reason_to_hurry() {
    let mut rig = Rig::up(Plan::default());
    rig.lost(leg(0), Cause::Lost);
    assert_eq!(rig.done(), [Dial(leg(0), 0)]);
    rig.open(leg(0));
    rig.ready(leg(0));
    rig.pass(seconds(9));
    rig.lost(leg(0), Cause::Lost);
    assert_eq!(rig.done(), [], "it was not stable for ten seconds");
}

#[test]
fn attempts_stay_within_the_venues_budget() {
    let mut rig = Rig::new(Plan { retry_max: Duration::from_millis(1), ..Plan::default() });
    let began = rig.now.instant;
    let mut attempts = Vec::new();
    for _ in 0..11 {
        while rig.done().is_empty() {
            let at = rig.machine.next_deadline().unwrap();
            rig.now.instant = at;
            rig.machine.on_deadline(rig.now);
        }
        attempts.push((rig.now.instant - began).as_secs());
        rig.lost(leg(0), Cause::Connect);
    }
    assert_eq!(attempts, [0, 0, 0, 0, 0, 60, 60, 60, 60, 60, 120]);
}

#[test]
fn a_venue_that_asks_for_time_is_not_bothered_by_any_connection() {
    let endpoints = vec![endpoint("stream", true), endpoint("api", false)];
    let mut rig = Rig::of(endpoints, Plan::default());
    let api = Route::first(1);
    assert_eq!(rig.done(), [Dial(leg(0), 0), Dial(api, 0)]);
    rig.lost(leg(0), Cause::Refused { status: 429, retry_after_s: Some(90) });
    rig.lost(api, Cause::Lost);
    let done = rig.pass(Duration::from_millis(89_999));
    assert_eq!(done, [], "the other one, which may at once, waits as well");
    let done: BTreeSet<_> = rig.pass(seconds(1)).into_iter().map(|done| format!("{done:?}")).collect();
    assert_eq!(done.len(), 2);
}

#[test]
fn a_connection_that_is_refused_for_good_is_given_up_and_told() {
    let mut rig = Rig::new(Plan::default());
    rig.done();
    assert!(rig.lost(leg(0), Cause::Refused { status: 401, retry_after_s: None }));
    assert_eq!(rig.pass(seconds(3600)), []);
    let stopped =
        LinkChange::Stopped { cause: Cause::Refused { status: 401, retry_after_s: None }, words: "" };
    assert_eq!(rig.told[1..], [(leg(0), stopped)]);
    assert!(rig.machine.is_closed());
}

#[test]
fn a_connection_is_renewed_before_its_end_and_closed_when_the_other_has_caught_up() {
    let mut rig = Rig::up(Plan { renew_after: Some(seconds(1000)), overlap: seconds(1), ..Plan::default() });
    assert_eq!(rig.pass(seconds(899)), [], "at most a tenth earlier");
    assert_eq!(rig.pass(seconds(101)), [Dial(leg(1), 0)]);
    rig.open(leg(1));
    assert_eq!(rig.pass(seconds(5)), [], "it has not caught up");
    assert_eq!(rig.ready(leg(1)), []);
    assert_eq!(rig.pass(Duration::from_millis(949)), [], "both go on for a second");
    assert_eq!(rig.pass(Duration::from_millis(51)), [Close(leg(0))]);
    assert_eq!(rig.machine.phase(leg(0)), Some(Phase::Retiring));
    let normal = Cause::Closed { code: Some(1000) };
    assert!(!rig.machine.on_ended(leg(0), Ending::InOrder, normal, "", rig.now));
    assert_eq!(rig.pass(seconds(1)), []);
    assert_eq!(rig.machine.session().endings, [(leg(0), Ending::InOrder)]);
    let changes: Vec<_> = rig.told.iter().map(|(route, change)| (route.leg, *change)).collect();
    assert_eq!(changes[0], (0, LinkChange::Renewing { why: Renewal::Age }));
    assert_eq!(changes[1], (1, LinkChange::Connecting { attempt: 1 }));
    assert!(matches!(changes[2..4], [(1, LinkChange::Open { .. }), (1, LinkChange::Ready { .. })]));
    assert_eq!(changes[4..], [(0, LinkChange::Retiring), (0, LinkChange::Closed)]);
    assert_eq!(rig.machine.stats().renewed, 1);
}

#[test]
fn a_successor_that_falls_behind_again_does_not_take_over() {
    let mut rig = Rig::up(Plan { overlap: seconds(1), ..Plan::default() });
    rig.machine.renew(rig.now);
    assert_eq!(rig.done(), [Dial(leg(1), 0)]);
    rig.open(leg(1));
    rig.ready(leg(1));
    rig.set_ready(leg(1), false);
    assert_eq!(rig.pass(seconds(5)), []);
    rig.set_ready(leg(1), true);
    assert_eq!(rig.pass(Duration::from_millis(50)), [Close(leg(0))]);
}

#[test]
fn a_successor_that_is_lost_is_tried_again_while_the_old_one_goes_on() {
    let mut rig = Rig::up(Plan::default());
    rig.machine.renew(rig.now);
    rig.done();
    rig.lost(leg(1), Cause::Connect);
    assert_eq!(rig.done(), [Dial(leg(1), 0)], "at once, for the first time");
    // Even if it is refused for good: the old one is still good.
    assert!(!rig.lost(leg(1), Cause::Refused { status: 401, retry_after_s: None }));
    assert_eq!(rig.pass(seconds(599)), []);
    assert_eq!(rig.pass(seconds(1)), [Dial(leg(1), 0)]);
    assert_eq!(rig.machine.phase(leg(0)), Some(Phase::Ready));
}

#[test]
fn when_the_old_one_is_lost_its_successor_goes_on_alone() {
    let mut rig = Rig::up(Plan::default());
    rig.machine.renew(rig.now);
    rig.done();
    rig.open(leg(1));
    rig.done();
    rig.told.clear();
    rig.lost(leg(0), Cause::Lost);
    assert_eq!(rig.pass(seconds(5)), []);
    assert_eq!(rig.told, [(leg(0), LinkChange::Lost { cause: Cause::Lost, words: "", retry_in: None })]);
    assert_eq!(rig.ready(leg(1)), []);
    assert_eq!(rig.machine.phase(leg(1)), Some(Phase::Ready));
    assert_eq!(rig.machine.stats().recovery_us.len(), 1);
}

#[test]
fn a_session_can_have_a_connection_renewed_or_replaced() {
    let mut rig = Rig::up(Plan::default());
    rig.machine.session_mut().wishes.push_back(Wish::Renew { route: leg(0) });
    assert_eq!(rig.done(), [Dial(leg(1), 0)]);
    assert_eq!(rig.told[0], (leg(0), LinkChange::Renewing { why: Renewal::Session }));
    let mut rig = Rig::up(Plan::default());
    rig.machine.session_mut().wishes.push_back(Wish::Replace { route: leg(0) });
    assert_eq!(rig.done(), [Drop(leg(0)), Dial(leg(0), 0)]);
    assert!(matches!(rig.told[0], (_, LinkChange::Lost { cause: Cause::Silent, .. })));
    assert_eq!(rig.machine.session().endings, [(leg(0), Ending::Lost)]);
}

#[test]
fn a_successor_that_is_to_be_renewed_takes_over_first() {
    let mut rig = Rig::up(Plan { overlap: seconds(1), ..Plan::default() });
    rig.machine.renew(rig.now);
    rig.done();
    rig.open(leg(1));
    rig.ready(leg(1));
    rig.told.clear();
    rig.machine.session_mut().wishes.push_back(Wish::Renew { route: leg(1) });
    assert_eq!(rig.done(), []);
    assert_eq!(rig.pass(seconds(1)), [Close(leg(0)), Dial(leg(2), 0)]);
    let renewing = (leg(1), LinkChange::Renewing { why: Renewal::Session });
    assert!(rig.told.contains(&renewing), "{:?}", rig.told);
}

#[test]
fn a_successor_that_is_to_be_renewed_before_it_is_ready_is_given_up_for_another() {
    let mut rig = Rig::up(Plan::default());
    rig.machine.renew(rig.now);
    rig.done();
    rig.open(leg(1));
    rig.machine.session_mut().wishes.push_back(Wish::Renew { route: leg(1) });
    assert_eq!(rig.done(), [Drop(leg(1)), Dial(leg(1), 0)]);
    assert_eq!(rig.machine.session().endings, [(leg(1), Ending::Lost)]);
    assert_eq!(rig.machine.phase(leg(0)), Some(Phase::Ready));
    // What retires was renewed already.
    rig.open(leg(1));
    rig.ready(leg(1));
    assert_eq!(rig.pass(seconds(12)), [Close(leg(0))]);
    rig.machine.session_mut().wishes.push_back(Wish::Renew { route: leg(0) });
    assert_eq!(rig.pass(seconds(1)), []);
}

#[test]
fn a_successor_that_falls_behind_and_is_to_be_renewed_is_given_up_for_another() {
    let mut rig = Rig::up(Plan { overlap: seconds(1), ..Plan::default() });
    rig.machine.renew(rig.now);
    rig.done();
    rig.open(leg(1));
    rig.ready(leg(1));
    rig.set_ready(leg(1), false);
    rig.machine.session_mut().wishes.push_back(Wish::Renew { route: leg(1) });
    assert_eq!(rig.done(), [Drop(leg(1)), Dial(leg(1), 0)]);
    assert_eq!(rig.machine.phase(leg(0)), Some(Phase::Ready));
}

#[test]
fn several_legs_are_kept_where_they_can_race_and_one_where_they_cannot() {
    let endpoints = vec![endpoint("stream", true), endpoint("api", false)];
    let mut rig = Rig::of(endpoints, Plan { legs: 3, ..Plan::default() });
    let expected = [Dial(leg(0), 0), Dial(leg(1), 1), Dial(leg(2), 2), Dial(Route::first(1), 0)];
    assert_eq!(rig.done(), expected);
    let count = |legs| Rig::new(Plan { legs, ..Plan::default() }).done().len();
    assert_eq!([0, 1, 4, 99].map(count), [1, 1, 4, 4]);
}

#[test]
fn an_endpoint_that_is_added_is_connected() {
    let mut rig = Rig::up(Plan::default());
    rig.machine.subscribe(&["more"], rig.now).unwrap();
    assert_eq!(rig.done(), [Dial(Route::first(1), 0)]);
}

#[test]
fn closing_ends_everything_in_good_order() {
    let endpoints = vec![endpoint("stream", true), endpoint("api", false)];
    let mut rig = Rig::of(endpoints, Plan::default());
    rig.done();
    rig.open(leg(0));
    rig.machine.close();
    assert_eq!(rig.done(), [Close(leg(0)), Drop(Route::first(1))], "one was not open");
    assert!(!rig.machine.is_closed());
    rig.told.clear();
    rig.machine.on_ended(leg(0), Ending::InOrder, Cause::Closed { code: Some(1000) }, "", rig.now);
    assert_eq!(rig.pass(seconds(3600)), []);
    assert_eq!(rig.told, [(leg(0), LinkChange::Closed)]);
    assert!(rig.machine.is_closed());
}

const GOOD: Duration = Duration::from_millis(20);
/// Beyond what a plan allows by default.
const SLOW: Duration = Duration::from_millis(300);

#[test]
fn a_connection_that_lags_for_three_looks_is_renewed() {
    let mut rig = Rig::racing(&[GOOD, SLOW, GOOD], Plan::default());
    rig.pass(seconds(20));
    assert_eq!(rig.slow(), []);
    rig.pass(seconds(10));
    assert_eq!(rig.slow(), [leg(1)]);
}

#[test]
fn a_connection_that_lagged_for_a_moment_is_not_renewed() {
    let mut rig = Rig::racing(&[GOOD, SLOW], Plan::default());
    for _ in 0..30 {
        rig.machine.session_mut().lags.insert(leg(1), SLOW);
        rig.pass(seconds(20));
        rig.machine.session_mut().lags.insert(leg(1), GOOD);
        rig.pass(seconds(10));
    }
    assert_eq!(rig.slow(), []);
}

#[test]
fn a_look_that_finds_nothing_to_judge_by_neither_blames_nor_forgives() {
    let mut rig = Rig::racing(&[GOOD, SLOW], Plan::default());
    rig.pass(seconds(20));
    rig.machine.session_mut().lags.remove(&leg(1));
    rig.pass(seconds(600));
    assert_eq!(rig.slow(), []);
    rig.machine.session_mut().lags.insert(leg(1), SLOW);
    rig.pass(seconds(10));
    assert_eq!(rig.slow(), [leg(1)]);
}

#[test]
fn a_successor_that_lags_as_well_is_borne_for_ten_minutes() {
    let mut rig = Rig::racing(&[GOOD, SLOW], Plan::default());
    let done = rig.pass(seconds(30));
    assert_eq!((done, rig.slow()), (vec![Dial(leg(2), 1)], vec![leg(1)]));
    rig.open(leg(2));
    rig.ready(leg(2));
    rig.machine.session_mut().lags.insert(leg(2), SLOW);
    assert_eq!(rig.pass(seconds(13)), [Close(leg(1))]);
    rig.machine.on_ended(leg(1), Ending::InOrder, Cause::Closed { code: Some(1000) }, "", rig.now);
    assert_eq!(rig.pass(seconds(586)), [], "the patience lasts");
    assert_eq!(rig.slow(), []);
    assert_eq!(rig.pass(seconds(1)), [Dial(leg(1), 1)]);
    assert_eq!(rig.slow(), [leg(2)]);
}

#[test]
fn lag_is_no_reason_where_the_plan_says_so_or_no_other_is_ready() {
    let mut rig = Rig::racing(&[GOOD, SLOW], Plan { lag_max: None, ..Plan::default() });
    rig.pass(seconds(3600));
    assert_eq!(rig.slow(), []);
    let mut rig = Rig::racing(&[GOOD, SLOW], Plan::default());
    rig.lost(leg(0), Cause::Refused { status: 401, retry_after_s: None });
    rig.pass(seconds(3600));
    assert_eq!(rig.slow(), []);
}
