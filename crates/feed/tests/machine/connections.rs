//! Connections are made, tried again, renewed and closed.

use super::*;

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
fn a_look_up_that_fails_is_no_attempt_for_the_venue() {
    let plan = Plan { legs: 2, overlap: Duration::ZERO, ..Plan::default() };
    let attempts = Attempts { max: 4, span: seconds(3600) };
    let mut rig = Rig::within(attempts, vec![endpoint("stream", true)], plan);
    assert_eq!(rig.done(), [Dial(leg(0), 0), Dial(leg(1), 1)]);
    rig.open(leg(0));
    rig.ready(leg(0));
    rig.machine.renew(rig.now);
    // One connection that is to be made, and a successor of the other.
    rig.lost(leg(1), Cause::Resolve);
    let mut dialed = 0;
    for _ in 0..600 {
        for done in rig.pass(seconds(1)) {
            let Dial(route, _) = done else { panic!("{done:?}") };
            dialed += 1;
            rig.lost(route, Cause::Resolve);
        }
    }
    assert!(dialed > 40, "{dialed}");
    let next: Vec<_> = (0..60).flat_map(|_| rig.pass(seconds(1))).collect();
    assert_eq!(next.len(), 2, "{next:?}");
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
fn a_successor_that_is_to_be_renewed_as_soon_as_it_is_ready_is_renewed() {
    let mut rig = Rig::up(Plan { overlap: seconds(1), ..Plan::default() });
    rig.machine.renew(rig.now);
    rig.done();
    rig.open(leg(1));
    rig.set_ready(leg(1), true);
    rig.machine.session_mut().wishes.push_back(Wish::Renew { route: leg(1) });
    assert_eq!(rig.done(), []);
    assert_eq!(rig.machine.phase(leg(1)), Some(Phase::Ready));
    assert_eq!(rig.pass(seconds(1)), [Close(leg(0)), Dial(leg(2), 0)]);
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

#[test]
fn renewals_leave_half_of_the_attempts_to_what_is_lost() {
    let attempts = Attempts { max: 6, span: seconds(60) };
    let plan = Plan { legs: 2, overlap: Duration::ZERO, ..Plan::default() };
    let mut rig = Rig::within(attempts, vec![endpoint("stream", true)], plan);
    assert_eq!(rig.done(), [Dial(leg(0), 0), Dial(leg(1), 1)]);
    for at in 0..2 {
        rig.open(leg(at));
        rig.ready(leg(at));
    }
    // Each successor fails at once, and is tried again.
    rig.machine.renew(rig.now);
    let mut dialed = 0;
    for _ in 0..100 {
        for done in rig.pass(ms(100)) {
            let Dial(route, _) = done else { panic!("{done:?}") };
            dialed += 1;
            rig.lost(route, Cause::Connect);
        }
    }
    assert_eq!(dialed, 3);
    rig.lost(leg(0), Cause::Lost);
    assert_eq!(rig.pass(seconds(1)), [Dial(leg(0), 0)]);
}
