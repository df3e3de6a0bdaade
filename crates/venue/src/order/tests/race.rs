//! How far legs lag, by samples.

use super::*;

/// A stream that two legs bring.
fn raced(now: Instant) -> Order {
    let mut order = Order::default();
    (0..2).for_each(|leg| order.join(0, leg, now));
    order
}

/// The lags of a leg, about: they are kept with two digits.
fn lags(order: &Order, leg: usize) -> Vec<Duration> {
    let Some(lags) = &order.counts(leg).unwrap().lag_us else { return Vec::new() };
    let each = lags.iter_recorded();
    each.flat_map(|at| (0..at.count_at_value()).map(move |_| ms(at.value_iterated_to() / 1000))).collect()
}

#[test]
fn the_copy_of_a_sample_shows_a_lag() {
    let now = beginning();
    let mut order = raced(now);
    order.judge(0, None, 0, Mark::counted(1), now);
    order.judge(0, None, 0, Mark::counted(2), now + ms(5));
    assert_eq!(order.judge(0, None, 1, Mark::counted(1), now + ms(40)), Verdict::Copy);
    assert_eq!(lags(&order, 1), [ms(40)]);
    // 2 was no sample: one at a time.
    order.judge(0, None, 1, Mark::counted(2), now + ms(60));
    assert_eq!(lags(&order, 1), [ms(40)]);
    assert_eq!(lags(&order, 0), []);
}

#[test]
fn a_sample_is_replaced_when_its_copy_has_not_come_for_more_than_ten_seconds() {
    for (span, expected) in [(TEN, vec![ms(10_010)]), (TEN + ms(1), vec![ms(9)])] {
        let now = beginning();
        let mut order = raced(now);
        order.judge(0, None, 0, Mark::counted(1), now);
        order.judge(0, None, 0, Mark::counted(2), now + span);
        for id in 1..=2 {
            order.judge(0, None, 1, Mark::counted(id), now + ms(10_010));
        }
        let lags = lags(&order, 1);
        let is_about = |(lag, expected): (&Duration, &Duration)| lag.abs_diff(*expected) * 100 <= *expected;
        assert!(lags.len() == 1 && lags.iter().zip(&expected).all(is_about), "{lags:?} {expected:?}");
    }
}

#[test]
fn a_leg_has_no_share_of_nothing() {
    assert_eq!(LegCounts::default().share(), None);
    assert_eq!(LegCounts { firsts: 1, copies: 3, ..LegCounts::default() }.share(), Some(0.25));
}

#[test]
fn a_connection_that_opens_has_no_lags() {
    let now = beginning();
    let mut order = raced(now);
    for leg in 0..2 {
        order.judge(0, None, leg, Mark::counted(1), now);
    }
    assert!(order.counts(1).unwrap().lag_us.is_some());
    order.open(1);
    assert!(order.counts(1).unwrap().lag_us.is_none());
}
