//! Connections end in another order than they should, and what chance makes of delays.

use super::*;

/// What was told of the next attempt, and what is told from here on.
fn retry_in(rig: &mut Rig) -> Option<Duration> {
    rig.done();
    let lost = rig.told.iter().find_map(|(_, change)| match change {
        LinkChange::Lost { retry_in, .. } => Some(*retry_in),
        _ => None,
    });
    rig.told.clear();
    lost.unwrap()
}

#[test]
fn when_the_old_one_is_lost_while_its_successor_waits_there_is_one_attempt_at_the_earlier_time() {
    let mut rig = Rig::up(Plan::default());
    rig.machine.renew(rig.now);
    assert_eq!(rig.done(), [Dial(leg(1), 0)]);
    // The second time it is refused for good, so that the next attempt would be made in ten minutes.
    rig.lost(leg(1), Cause::Connect);
    assert_eq!(rig.done(), [Dial(leg(1), 0)]);
    rig.lost(leg(1), Cause::Refused { status: 401, retry_after_s: None });
    rig.done();
    rig.told.clear();
    assert!(!rig.lost(leg(0), Cause::Lost));
    let delay = retry_in(&mut rig).unwrap();
    assert!(delay <= seconds(1), "{delay:?}");
    assert_eq!(rig.pass(delay), [Dial(leg(0), 0)]);
    assert_eq!(rig.machine.lacking(), 1);
    rig.open(leg(0));
    rig.ready(leg(0));
    assert_eq!(rig.machine.lacking(), 0);
    assert_eq!(rig.machine.stats().recovery_us.len(), 1);
    assert_eq!(rig.pass(seconds(700)), [], "it has no successor");
}

#[test]
fn when_the_old_one_is_lost_the_attempt_for_its_successor_is_made_when_it_was_due() {
    let mut rig = Rig::up(Plan::default());
    rig.machine.renew(rig.now);
    rig.done();
    rig.lost(leg(1), Cause::Connect);
    rig.done();
    rig.told.clear();
    rig.lost(leg(1), Cause::Connect);
    let due = retry_in(&mut rig).unwrap();
    // This would be tried again after five seconds at least.
    rig.lost(leg(0), Cause::Closed { code: Some(1013) });
    assert_eq!(rig.pass(due - Duration::from_nanos(1)), []);
    assert_eq!(rig.pass(Duration::from_nanos(1)), [Dial(leg(0), 0)]);
}

#[test]
fn a_place_whose_only_good_connection_is_refused_for_good_is_given_up() {
    let mut rig = Rig::up(Plan::default());
    rig.machine.renew(rig.now);
    rig.done();
    rig.lost(leg(1), Cause::Refused { status: 401, retry_after_s: None });
    rig.done();
    assert!(rig.lost(leg(0), Cause::Refused { status: 401, retry_after_s: None }));
    assert_eq!(rig.pass(seconds(3600)), []);
    assert!(rig.machine.is_closed());
}

#[test]
fn when_the_old_one_is_lost_in_the_overlap_nothing_was_without_a_connection() {
    let mut rig = Rig::up(Plan::default());
    rig.machine.renew(rig.now);
    rig.done();
    rig.open(leg(1));
    rig.ready(leg(1));
    rig.told.clear();
    rig.lost(leg(0), Cause::Lost);
    assert_eq!(rig.pass(seconds(60)), []);
    assert_eq!(rig.told, [(leg(0), LinkChange::Lost { cause: Cause::Lost, words: "", retry_in: None })]);
    assert_eq!(rig.machine.lacking(), 0);
    assert_eq!(rig.machine.stats().recovery_us.len(), 0);
    assert_eq!(rig.machine.stats().renewed, 0);
}

#[test]
fn an_old_one_that_is_to_be_renewed_once_more_goes_on_while_its_successor_comes() {
    let mut rig = Rig::up(Plan { overlap: seconds(1), ..Plan::default() });
    rig.machine.renew(rig.now);
    rig.done();
    rig.set_ready(leg(0), false);
    let renew = |rig: &mut Rig| rig.machine.session_mut().wishes.push_back(Wish::Renew { route: leg(0) });
    renew(&mut rig);
    assert_eq!(rig.done(), [], "its successor is on its way");
    rig.open(leg(1));
    renew(&mut rig);
    assert_eq!(rig.done(), [], "and is open");
    rig.ready(leg(1));
    renew(&mut rig);
    assert_eq!(rig.done(), [], "and ready");
    assert_eq!(rig.pass(seconds(1)), [Close(leg(0))]);
    assert_eq!(rig.pass(seconds(60)), [], "the successor itself is not to be renewed");
}

#[test]
fn a_lost_connection_is_tried_again_at_once_when_it_was_stable_whatever_was_before() {
    let mut rig = Rig::new(Plan::default());
    rig.done();
    for _ in 0..3 {
        rig.lost(leg(0), Cause::Connect);
        let delay = retry_in(&mut rig).unwrap();
        rig.pass(delay);
    }
    rig.open(leg(0));
    rig.ready(leg(0));
    rig.pass(seconds(10));
    rig.told.clear();
    rig.lost(leg(0), Cause::Lost);
    assert_eq!(retry_in(&mut rig), Some(Duration::ZERO));
}

#[test]
fn a_connection_that_waits_for_a_number_gets_it_when_one_is_free() {
    let budget = Attempts { max: 100, span: seconds(1) };
    let plan = Plan { legs: 4, overlap: seconds(1), ..Plan::default() };
    let mut rig = Rig::within(budget, vec![endpoint("stream", true)], plan);
    assert_eq!(rig.done(), [0, 1, 2, 3].map(|at| Dial(leg(at), at)));
    let open = |rig: &mut Rig, legs: std::ops::Range<usize>| {
        for at in legs {
            rig.open(leg(at));
            rig.set_ready(leg(at), true);
        }
        rig.pass(ms(50));
    };
    open(&mut rig, 0..4);
    rig.machine.renew(rig.now);
    assert_eq!(rig.done(), [0, 1, 2, 3].map(|at| Dial(leg(at + 4), at)));
    open(&mut rig, 4..8);
    assert_eq!(rig.pass(seconds(1)), [0, 1, 2, 3].map(|at| Close(leg(at))));
    rig.machine.renew(rig.now);
    assert_eq!(rig.pass(ms(500)), [], "those that retire have all other numbers");
    rig.machine.on_ended(leg(2), Ending::InOrder, Cause::Closed { code: None }, "", rig.now);
    assert_eq!(rig.pass(ms(50)), [Dial(leg(2), 0)]);
}

#[test]
fn chance_takes_up_to_a_tenth_off_the_age_of_a_renewal() {
    let chances: Vec<_> = chances().take(2).collect();
    for (renew_after, age) in [(Some(seconds(1000)), seconds(1000)), (None, seconds(23 * 3600))] {
        let mut rig = Rig::new(Plan { renew_after, legs: 2, lag_max: None, ..Plan::default() });
        rig.done();
        for at in 0..2 {
            rig.open(leg(at));
            rig.ready(leg(at));
        }
        let renewals = chances.iter().map(|chance| age.mul_f64(1.0 - chance / 10.0));
        // The second was ready 50 ms after the first.
        let due: Vec<_> = renewals.zip([ms(50), ms(0)]).map(|(age, since)| age - since).collect();
        let (first, later) = (due[0].min(due[1]), due[0].max(due[1]));
        let place = |span: Duration| usize::from(due[1] == span);
        assert_eq!(rig.pass(first - Duration::from_nanos(1)), []);
        assert_eq!(rig.pass(Duration::from_nanos(1)), [Dial(leg(2), place(first))]);
        assert_eq!(rig.pass(later - first - Duration::from_nanos(1)), []);
        assert_eq!(rig.pass(Duration::from_nanos(1)), [Dial(leg(3), place(later))]);
    }
}

#[test]
fn chance_takes_any_part_off_a_delay() {
    let mut rig = Rig::new(Plan::default());
    rig.done();
    let mut chances = chances();
    for bound in [0, 500, 1000, 2000, 4000] {
        rig.lost(leg(0), Cause::Lost);
        let delay = retry_in(&mut rig).unwrap();
        assert_eq!(delay, ms(bound).mul_f64(chances.next().unwrap()));
        rig.pass(delay);
    }
}
