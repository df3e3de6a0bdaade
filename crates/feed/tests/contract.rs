//! What a machine owes to those around it: what it hides, counts, tells and refuses.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::{BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use tickwire_feed::{Command, Machine, Phase, Plan};
use tickwire_venue::{
    Attempts, BookView, Cause, Command as Wish, Ending, Endpoint, Error, Event, Instrument, LegCounts,
    LinkChange, Misuse, Now, Route, Session, Status, StatusKind,
};

const ROUTE: Route = Route { endpoint: 0, leg: 0 };

/// A session that tells what it is given to tell.
struct Stub {
    endpoints: Vec<Endpoint>,
    subscribed: Vec<String>,
    ready: BTreeSet<Route>,
    events: VecDeque<Event<'static>>,
}

impl Session for Stub {
    fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
    fn attempts(&self) -> Attempts {
        Attempts { max: 9, span: Duration::from_secs(60) }
    }
    fn subscribe(&mut self, streams: &[&str], _: Now) -> Result<(), Error> {
        self.subscribed.extend(streams.iter().map(|stream| (*stream).to_owned()));
        Ok(())
    }
    fn unsubscribe(&mut self, _: &[&str], _: Now) {}
    fn on_open(&mut self, _: Route, _: Now) {}
    fn on_closed(&mut self, _: Route, _: Ending, _: Now) {}
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
    fn on_message(&mut self, _: Route, _: &[u8], _: Now) -> Result<(), Error> {
        Ok(())
    }
    fn has_event(&self) -> bool {
        !self.events.is_empty()
    }
    fn poll_event(&mut self) -> Option<Event<'_>> {
        self.events.pop_front()
    }
    fn poll_command(&mut self) -> Option<Wish<'_>> {
        None
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

struct Rig {
    machine: Machine<Stub>,
    now: Now,
}

impl Rig {
    #[expect(clippy::disallowed_methods, reason = "a manual clock needs some instant to count from")]
    fn new(plan: Plan) -> Self {
        let endpoints = vec![Endpoint::new("stream", "ws://stream/".to_owned())];
        let session =
            Stub { endpoints, subscribed: Vec::new(), ready: BTreeSet::new(), events: VecDeque::new() };
        let now = Now { instant: Instant::now(), unix_ns: 0 };
        Self { machine: Machine::new(session, plan, 7, now), now }
    }

    /// A connection is open and ready, and the machine has looked.
    fn ready(&mut self, leg: usize) {
        let route = Route { endpoint: 0, leg };
        self.machine.on_open(route, self.now);
        self.machine.session_mut().ready.insert(route);
        self.pass(Duration::from_millis(50));
    }

    fn lost(&mut self, leg: usize, cause: Cause) {
        self.machine.on_ended(Route { endpoint: 0, leg }, Ending::Lost, cause, "", self.now);
    }

    /// What was told of connections since the last time.
    fn told(&mut self) -> Vec<(usize, LinkChange<'static>)> {
        let mut told = Vec::new();
        while let Some(event) = self.machine.poll_event() {
            let Event::Link(link) = event else { panic!("{event:?}") };
            told.push((link.route.leg, without_words(link.change)));
        }
        told
    }

    /// Lets time pass, waking the machine when it wants to be.
    fn pass(&mut self, span: Duration) {
        let end = self.now.instant + span;
        while let Some(at) = self.machine.next_deadline().filter(|at| *at <= end) {
            self.now.instant = at;
            self.machine.on_deadline(self.now);
        }
        self.now.instant = end;
    }
}

fn without_words(change: LinkChange<'_>) -> LinkChange<'static> {
    match change {
        LinkChange::Connecting { attempt } => LinkChange::Connecting { attempt },
        LinkChange::Open { after } => LinkChange::Open { after },
        LinkChange::Ready { after } => LinkChange::Ready { after },
        LinkChange::Renewing { why } => LinkChange::Renewing { why },
        LinkChange::Lost { cause, retry_in, .. } => LinkChange::Lost { cause, words: "", retry_in },
        LinkChange::Retiring => LinkChange::Retiring,
        LinkChange::Closed => LinkChange::Closed,
        other => panic!("{other:?}"),
    }
}

/// Something at a time of the venue, if it tells one.
fn status(venue_time_ns: Option<u64>) -> Event<'static> {
    Event::Status(Status { kind: StatusKind::Other, text: "", venue_time_ns })
}

#[test]
fn events_without_a_time_between_those_with_one_leave_no_latency_out() {
    for timed_first in [true, false] {
        let mut rig = Rig::new(Plan::default());
        rig.now.unix_ns = 7_000_000_000;
        rig.machine.on_text(ROUTE, b"", rig.now).unwrap();
        let pair = [timed_first, !timed_first].map(|timed| status(timed.then_some(6_990_000_000)));
        let pairs = std::iter::repeat_n(pair, 128).flatten();
        rig.machine.session_mut().events.extend(pairs);
        while rig.machine.poll_event().is_some() {}
        let latency = &rig.machine.stats().latency_us;
        assert_eq!(latency.len(), 2, "of 128 each 64th");
        assert!((9_900..=10_100).contains(&latency.max()), "{}", latency.max());
    }
}

#[test]
fn a_text_that_is_sent_is_not_shown() {
    let text = r#"{"client_secret":"open sesame"}"#;
    let shown =
        format!("{:?} {:#?}", Command::Send { route: ROUTE, text }, Command::Send { route: ROUTE, text });
    assert!(!shown.contains("sesame"), "{shown}");
    assert!(shown.contains("31 bytes"), "{shown}");
}

#[test]
fn the_longest_settings_are_not_too_long() {
    let longest = Duration::MAX;
    let mut rig = Rig::new(Plan {
        legs: usize::MAX,
        renew_after: Some(longest),
        overlap: longest,
        lag_max: Some(longest),
        retry_max: longest,
        stable_after: longest,
    });
    rig.ready(0);
    rig.machine.renew(rig.now);
    rig.ready(1);
    rig.pass(Duration::from_secs(365 * 24 * 3600));
    let phases = [0, 1].map(|leg| rig.machine.phase(Route { endpoint: 0, leg }));
    assert_eq!(phases, [Some(Phase::Ready); 2], "the overlap is not over after a year");
    for _ in 0..40 {
        rig.lost(1, Cause::Connect);
        let deadline = rig.machine.next_deadline().unwrap_or(rig.now.instant);
        rig.pass(deadline.saturating_duration_since(rig.now.instant));
    }
    assert_eq!(rig.machine.stats().lost, 40);
}

#[test]
fn another_attempt_is_made_when_it_was_told_even_if_the_successor_was_refused_for_good() {
    let refused = Cause::Refused { status: 404, retry_after_s: None };
    let mut rig = Rig::new(Plan::default());
    rig.ready(0);
    rig.machine.renew(rig.now);
    rig.told();
    rig.lost(1, refused);
    let retry_in = Some(Duration::from_secs(600));
    assert_eq!(rig.told(), [(1, LinkChange::Lost { cause: refused, words: "", retry_in })]);
    rig.pass(Duration::from_secs(600) - Duration::from_nanos(1));
    assert_eq!(rig.told(), []);
    rig.pass(Duration::from_nanos(1));
    assert_eq!(rig.told(), [(1, LinkChange::Connecting { attempt: 2 })]);
}

#[test]
fn when_the_old_connection_is_lost_too_the_attempt_is_told_that_is_due_first() {
    let refused = |seconds| Cause::Refused { status: 503, retry_after_s: Some(seconds) };
    let mut rig = Rig::new(Plan::default());
    rig.ready(0);
    rig.machine.renew(rig.now);
    rig.told();
    rig.lost(1, refused(100));
    let [(1, LinkChange::Lost { retry_in: Some(first), .. })] = rig.told()[..] else { panic!("no delay") };
    rig.lost(0, refused(3_600));
    let [(0, LinkChange::Lost { retry_in: Some(second), .. })] = rig.told()[..] else { panic!("no delay") };
    assert_eq!(second, first);
    rig.pass(first - Duration::from_nanos(1));
    assert_eq!(rig.told(), []);
    rig.pass(Duration::from_nanos(1));
    assert!(matches!(rig.told()[..], [(0, LinkChange::Connecting { .. })]));
}

#[test]
fn an_attempt_that_is_closed_before_it_comes_to_something_is_told_as_closed() {
    let mut rig = Rig::new(Plan::default());
    rig.machine.close();
    assert_eq!(rig.told(), [(0, LinkChange::Connecting { attempt: 1 }), (0, LinkChange::Closed)]);
    assert!(rig.machine.is_closed());
}

#[test]
fn who_is_closing_follows_no_more_streams() {
    let mut rig = Rig::new(Plan::default());
    rig.ready(0);
    assert_eq!(rig.machine.subscribe(&["one"], rig.now), Ok(()));
    rig.machine.close();
    assert_eq!(rig.machine.subscribe(&["two"], rig.now), Err(Error::Misuse(Misuse::Closing)));
    assert_eq!(rig.machine.session().subscribed, ["one"]);
}
