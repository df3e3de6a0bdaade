//! How far a leg lags behind the others.

use super::*;

#[test]
fn how_far_a_leg_lags_is_measured() {
    let mut rig = rig(vec![Stream::Trade], 2);
    for id in 1..=20 {
        rig.feed(leg(0), &trade(id)).unwrap();
        rig.pass(Duration::from_millis(30));
        rig.feed(leg(1), &trade(id)).unwrap();
        rig.pass(Duration::from_millis(70));
    }
    let lags = rig.session.leg_counts(leg(1)).unwrap().lag_us.clone().unwrap();
    assert_eq!(lags.len(), 20);
    // Two digits.
    assert!((29_700..=30_300).contains(&lags.value_at_quantile(0.5)), "{}", lags.value_at_quantile(0.5));
    assert!(rig.session.leg_counts(leg(0)).unwrap().lag_us.is_none());
}

/// A trade a second with these ids, each brought by each leg as late as `lag` says of the leg and the id.
fn race(
    rig: &mut Rig,
    ids: std::ops::RangeInclusive<u64>,
    legs: usize,
    lag: impl Fn(usize, u64) -> Duration,
) {
    let start = rig.now;
    let first = *ids.start();
    let arrival = |number, id| (Duration::from_secs(id - first) + lag(number, id), number, id);
    let mut all: Vec<_> = ids.flat_map(|id| (0..legs).map(move |number| (number, id))).collect();
    all.sort_by_key(|(number, id)| arrival(*number, *id));
    for (number, id) in all {
        rig.pass(start + arrival(number, id).0 - rig.now);
        rig.feed(leg(number), &trade(id)).unwrap();
    }
}

/// Whether a lag is this one, by two digits.
fn is_about(lag: Option<Duration>, ms: u64) -> bool {
    let wanted = Duration::from_millis(ms);
    lag.is_some_and(|lag| lag >= wanted.mul_f64(0.99) && lag <= wanted.mul_f64(1.01))
}

#[test]
fn of_three_legs_the_slowest_is_found() {
    let mut rig = rig(vec![Stream::Trade], 3);
    let behind = [0, 10, 3500];
    race(&mut rig, 1..=60, 3, |number, _| Duration::from_millis(behind[number]));
    let lags = [0, 1, 2].map(|number| rig.session.take_lag(leg(number)));
    assert!(lags[0].is_none() && is_about(lags[1], 10) && is_about(lags[2], 3500), "{lags:?}");
    assert_eq!([0, 1, 2].map(|number| rig.session.take_lag(leg(number))), [None; 3], "they were taken");
}

#[test]
fn a_leg_that_was_good_for_an_hour_and_is_slow_is_found_after_ten_seconds() {
    let mut rig = rig(vec![Stream::Trade], 2);
    let behind = |ms| move |number, _| Duration::from_millis(ms * u64::from(number == 1));
    for look in 0..360 {
        race(&mut rig, look * 10 + 1..=look * 10 + 10, 2, behind(5));
        let lag = rig.session.take_lag(leg(1));
        assert!(is_about(lag, 5), "{lag:?}");
    }
    race(&mut rig, 3601..=3610, 2, behind(800));
    let lag = rig.session.take_lag(leg(1));
    assert!(is_about(lag, 800), "{lag:?}");
    let all = rig.session.leg_counts(leg(1)).unwrap().lag_us.as_ref().unwrap();
    assert_eq!(
        (all.len(), all.value_at_quantile(0.5) / 1000),
        (3610, 5),
        "that of its whole life is another"
    );
}

#[test]
fn a_leg_that_is_further_behind_than_samples_are_waited_for_is_found() {
    let mut rig = rig(vec![Stream::Trade], 2);
    // It falls back little by little, so that it is never silent for long.
    let behind = |number, id| {
        if number == 1 { Duration::from_millis(id * 500).min(12 * SECOND) } else { Duration::ZERO }
    };
    race(&mut rig, 1..=300, 2, behind);
    let lag = rig.session.take_lag(leg(1));
    assert!(is_about(lag, 10_000), "{lag:?}");
    assert_eq!(rig.session.take_lag(leg(0)), None);
}

#[test]
fn a_leg_that_has_no_traffic_is_not_taken_to_lag() {
    let mut rig = rig(vec![Stream::Trade], 3);
    // The second brings its copies in time, however seldom there are some; the third never brought any.
    for id in 1..=5 {
        for number in [0, 1] {
            rig.feed(leg(number), &trade(id)).unwrap();
        }
        rig.pass(20 * SECOND);
    }
    // 6 is lost on its way to the second, which goes on.
    for (number, id) in [(0, 6), (0, 7), (1, 7)] {
        rig.feed(leg(number), &trade(id)).unwrap();
    }
    rig.pass(20 * SECOND);
    rig.feed(leg(0), &trade(8)).unwrap();
    rig.feed(leg(1), &trade(8)).unwrap();
    let most = rig.session.leg_counts(leg(1)).unwrap().lag_us.as_ref().unwrap().max();
    assert_eq!(most, 1, "microseconds");
    assert!(rig.session.take_lag(leg(1)).is_some());
    assert_eq!(rig.session.take_lag(leg(2)), None);
}

#[test]
fn what_waits_while_another_leg_is_read_does_not_lag() {
    let mut rig = rig(vec![Stream::Trade], 2);
    for burst in 0..10 {
        // All of it is there at once, and who takes the events needs 1.5 s for what each leg brings.
        for number in 0..2 {
            rig.session.on_readable(leg(number), rig.now);
        }
        for number in 0..2 {
            for id in burst * 100 + 1..=burst * 100 + 100 {
                rig.feed(leg(number), &trade(id)).unwrap();
                rig.pass(Duration::from_millis(15));
            }
        }
    }
    assert_eq!(rig.session.take_lag(leg(1)), Some(Duration::from_micros(1)), "the least that is told apart");
    // What is there may hold even what is ten seconds old.
    for number in 0..2 {
        rig.session.on_readable(leg(number), rig.now);
    }
    for id in [1001, 1002] {
        rig.feed(leg(0), &trade(id)).unwrap();
        rig.pass(12 * SECOND);
    }
    assert_eq!(rig.session.take_lag(leg(1)), None);
}

#[test]
fn a_leg_lags_until_it_has_something_to_read() {
    let mut rig = rig(vec![Stream::Trade], 2);
    for id in 1..=10 {
        rig.session.on_readable(leg(0), rig.now);
        rig.feed(leg(0), &trade(id)).unwrap();
        rig.pass(Duration::from_millis(800));
        rig.session.on_readable(leg(1), rig.now);
        rig.pass(Duration::from_millis(300));
        rig.feed(leg(1), &trade(id)).unwrap();
    }
    let lag = rig.session.take_lag(leg(1));
    assert!(is_about(lag, 800), "{lag:?}");
}
