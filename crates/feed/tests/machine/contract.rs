//! What a machine owes to those around it: what it hides, counts, tells and refuses.

use std::mem::take;

use tickwire_feed::Command;
use tickwire_venue::{Error, Event, Misuse, Session as _, Status, StatusKind};

use super::*;

/// A connection is open and ready.
fn up(rig: &mut Rig, at: usize) {
    rig.open(leg(at));
    rig.ready(leg(at));
}

/// What was told of connections since the last time.
fn told(rig: &mut Rig) -> Vec<(usize, LinkChange<'static>)> {
    rig.done();
    take(&mut rig.told).into_iter().map(|(route, change)| (route.leg, change)).collect()
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
        rig.machine.on_text(leg(0), b"", rig.now).unwrap();
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
        format!("{:?} {:#?}", Command::Send { route: leg(0), text }, Command::Send { route: leg(0), text });
    assert!(!shown.contains("sesame"), "{shown}");
    assert!(shown.contains("31 bytes"), "{shown}");
}

#[test]
fn the_longest_settings_are_not_too_long() {
    let longest = Duration::MAX;
    let plan = Plan {
        legs: usize::MAX,
        renew_after: Some(longest),
        overlap: longest,
        lag_max: Some(longest),
        retry_max: longest,
        stable_after: longest,
    };
    let attempts = Attempts { max: 90, span: seconds(60) };
    let mut rig = Rig::within(attempts, vec![endpoint("stream", false)], plan);
    up(&mut rig, 0);
    rig.machine.renew(rig.now);
    up(&mut rig, 1);
    rig.pass(seconds(365 * 24 * 3600));
    let phases = [0, 1].map(|at| rig.machine.phase(leg(at)));
    assert_eq!(phases, [Some(Phase::Ready); 2], "the overlap is not over after a year");
    for _ in 0..40 {
        rig.lost(leg(1), Cause::Connect);
        let deadline = rig.machine.next_deadline().unwrap_or(rig.now.instant);
        rig.pass(deadline.saturating_duration_since(rig.now.instant));
    }
    assert_eq!(rig.machine.stats().lost, 40);
}

#[test]
fn another_attempt_is_made_when_it_was_told_even_if_the_successor_was_refused_for_good() {
    let refused = Cause::Refused { status: 404, retry_after_s: None };
    let mut rig = Rig::new(Plan::default());
    up(&mut rig, 0);
    rig.machine.renew(rig.now);
    told(&mut rig);
    rig.lost(leg(1), refused);
    let retry_in = Some(seconds(600));
    assert_eq!(told(&mut rig), [(1, LinkChange::Lost { cause: refused, words: "", retry_in })]);
    rig.pass(seconds(600) - Duration::from_nanos(1));
    assert_eq!(told(&mut rig), []);
    rig.pass(Duration::from_nanos(1));
    assert_eq!(told(&mut rig), [(1, LinkChange::Connecting { attempt: 2 })]);
}

#[test]
fn when_the_old_connection_is_lost_too_the_attempt_is_told_that_is_due_first() {
    let refused = |seconds| Cause::Refused { status: 503, retry_after_s: Some(seconds) };
    let mut rig = Rig::new(Plan::default());
    up(&mut rig, 0);
    rig.machine.renew(rig.now);
    told(&mut rig);
    rig.lost(leg(1), refused(100));
    let [(1, LinkChange::Lost { retry_in: Some(first), .. })] = told(&mut rig)[..] else {
        panic!("no delay")
    };
    rig.lost(leg(0), refused(3_600));
    let [(0, LinkChange::Lost { retry_in: Some(second), .. })] = told(&mut rig)[..] else {
        panic!("no delay")
    };
    assert_eq!(second, first);
    rig.pass(first - Duration::from_nanos(1));
    assert_eq!(told(&mut rig), []);
    rig.pass(Duration::from_nanos(1));
    assert!(matches!(told(&mut rig)[..], [(0, LinkChange::Connecting { .. })]));
}

#[test]
fn an_attempt_that_is_closed_before_it_comes_to_something_is_told_as_closed() {
    let mut rig = Rig::new(Plan::default());
    rig.machine.close();
    assert_eq!(told(&mut rig), [(0, LinkChange::Connecting { attempt: 1 }), (0, LinkChange::Closed)]);
    assert!(rig.machine.is_closed());
}

#[test]
fn who_is_closing_follows_no_more_streams() {
    let mut rig = Rig::new(Plan::default());
    up(&mut rig, 0);
    assert_eq!(rig.machine.subscribe(&["one"], rig.now), Ok(()));
    rig.machine.close();
    assert_eq!(rig.machine.subscribe(&["two"], rig.now), Err(Error::Misuse(Misuse::Closing)));
    assert_eq!(rig.machine.session().endpoints().len(), 2, "the session has heard of the first alone");
}
