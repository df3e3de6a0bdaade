//! Connections that lag behind the others, and old ones that have not brought what they should.

use super::*;

const GOOD: Duration = Duration::from_millis(20);
/// Beyond what a plan allows by default.
const SLOW: Duration = Duration::from_millis(300);

/// Two connections that are ready, 100 ms after the beginning.
fn two(plan: Plan) -> Rig {
    let mut rig = Rig::new(Plan { legs: 2, ..plan });
    assert_eq!(rig.done(), [Dial(leg(0), 0), Dial(leg(1), 1)]);
    for at in 0..2 {
        rig.open(leg(at));
        rig.ready(leg(at));
    }
    rig.told.clear();
    rig
}

/// What is measured of a connection from now on.
fn lag(rig: &mut Rig, at: usize, lag: impl Into<Option<Duration>>) {
    let lags = &mut rig.machine.session_mut().lags;
    match lag.into() {
        Some(lag) => lags.insert(leg(at), lag),
        None => lags.remove(&leg(at)),
    };
}

#[test]
fn a_connection_that_lags_for_three_looks_is_renewed() {
    let mut rig = two(Plan::default());
    lag(&mut rig, 0, GOOD);
    lag(&mut rig, 1, SLOW);
    assert_eq!(rig.pass(ms(29_899)), []);
    assert_eq!(rig.pass(ms(1)), [Dial(leg(2), 1)]);
    assert_eq!(rig.told[0], (leg(1), LinkChange::Renewing { why: Renewal::Slow }));
}

#[test]
fn a_connection_that_lagged_for_a_moment_is_not_renewed() {
    let mut rig = two(Plan::default());
    for _ in 0..30 {
        lag(&mut rig, 1, SLOW);
        assert_eq!(rig.pass(seconds(20)), []);
        lag(&mut rig, 1, GOOD);
        assert_eq!(rig.pass(seconds(10)), []);
    }
}

#[test]
fn a_look_that_finds_nothing_to_judge_by_neither_blames_nor_forgives() {
    let mut rig = two(Plan::default());
    lag(&mut rig, 1, SLOW);
    assert_eq!(rig.pass(seconds(20)), []);
    lag(&mut rig, 1, None);
    assert_eq!(rig.pass(seconds(600)), []);
    lag(&mut rig, 1, SLOW);
    assert_eq!(rig.pass(seconds(10)), [Dial(leg(2), 1)]);
}

#[test]
fn a_connection_may_lag_by_as_much_as_the_plan_says() {
    for (lag_max, expected) in
        [(Some(SLOW), vec![]), (Some(SLOW - Duration::from_nanos(1)), vec![Dial(leg(2), 1)]), (None, vec![])]
    {
        let mut rig = two(Plan { lag_max, ..Plan::default() });
        lag(&mut rig, 1, SLOW);
        assert_eq!(rig.pass(seconds(60)), expected, "{lag_max:?}");
    }
}

#[test]
fn a_connection_without_another_that_is_ready_is_not_renewed_for_its_lag() {
    let mut rig = two(Plan { retry_max: ms(1), ..Plan::default() });
    lag(&mut rig, 1, SLOW);
    rig.lost(leg(0), Cause::Lost);
    rig.set_ready(leg(0), false);
    assert_eq!(rig.pass(seconds(60)), [Dial(leg(0), 0)]);
    rig.open(leg(0));
    assert_eq!(rig.pass(seconds(60)), [], "the other is open, but not ready");
    rig.ready(leg(0));
    assert_eq!(rig.pass(seconds(10)), [Dial(leg(2), 1)]);
}

#[test]
fn a_successor_that_lags_as_well_has_ten_minutes() {
    let mut rig = two(Plan { overlap: seconds(1), ..Plan::default() });
    lag(&mut rig, 1, SLOW);
    lag(&mut rig, 2, SLOW);
    assert_eq!(rig.pass(ms(29_900)), [Dial(leg(2), 1)]);
    rig.open(leg(2));
    rig.ready(leg(2));
    assert_eq!(rig.pass(seconds(1)), [Close(leg(1))]);
    rig.machine.on_ended(leg(1), Ending::InOrder, Cause::Closed { code: None }, "", rig.now);
    assert_eq!(rig.pass(seconds(600) - ms(1_051)), []);
    assert_eq!(rig.pass(ms(1)), [Dial(leg(1), 1)]);
}

#[test]
fn one_connection_alone_is_not_looked_at_for_lag() {
    let rig = Rig::up(Plan::default());
    let next = rig.machine.next_deadline().unwrap();
    assert!(next > rig.now.instant + seconds(20 * 3600), "only its renewal is due");
    let mut rig = two(Plan::default());
    rig.done();
    assert_eq!(rig.machine.next_deadline(), Some(rig.now.instant + ms(9_900)));
}

#[test]
fn an_old_one_that_owes_something_has_ten_seconds_and_counts_as_lost() {
    for pays in [false, true] {
        let mut rig = Rig::up(Plan { overlap: seconds(12), ..Plan::default() });
        rig.machine.session_mut().owing.insert(leg(0));
        rig.machine.renew(rig.now);
        rig.done();
        rig.open(leg(1));
        assert_eq!(rig.machine.session().handed_over, []);
        rig.ready(leg(1));
        assert_eq!(rig.machine.session().handed_over, [leg(0)]);
        assert_eq!(rig.pass(ms(21_950)), [], "twelve seconds and ten");
        if pays {
            rig.machine.session_mut().owing.clear();
        }
        assert_eq!(rig.pass(ms(50)), [Close(leg(0))]);
        rig.machine.on_ended(leg(0), Ending::InOrder, Cause::Closed { code: None }, "", rig.now);
        let ending = if pays { Ending::InOrder } else { Ending::Lost };
        assert_eq!(rig.machine.session().endings, [(leg(0), ending)]);
    }
}

#[test]
fn an_old_one_is_closed_as_soon_as_it_owes_nothing_after_the_overlap() {
    let mut rig = Rig::up(Plan { overlap: seconds(1), ..Plan::default() });
    rig.machine.session_mut().owing.insert(leg(0));
    rig.machine.renew(rig.now);
    rig.done();
    rig.open(leg(1));
    rig.ready(leg(1));
    assert_eq!(rig.pass(seconds(4)), []);
    rig.machine.session_mut().owing.clear();
    assert_eq!(rig.pass(ms(50)), [Close(leg(0))]);
}

#[test]
fn whether_a_connection_is_ready_is_seen_however_late_the_time_is_told() {
    let mut rig = Rig::new(Plan::default());
    rig.done();
    rig.open(leg(0));
    rig.set_ready(leg(0), true);
    rig.now.instant += ms(60);
    rig.machine.on_deadline(rig.now);
    assert_eq!(rig.machine.phase(leg(0)), Some(Phase::Ready));
}
