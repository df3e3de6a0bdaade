//! Streams that are silent for longer than they should be.

use super::*;

/// A stream that was heard so often, one second after another.
fn heard(order: &mut Order, stream: usize, times: u64, from: Instant) -> Instant {
    order.join(stream, 0, from);
    let at = |nth| from + Duration::from_secs(nth);
    for nth in 0..times {
        order.judge(stream, None, 0, Mark::counted(nth + 1), at(nth));
    }
    at(times.saturating_sub(1))
}

fn never(_: usize) -> Option<Duration> {
    None
}

#[test]
fn what_was_never_heard_is_told_twice() {
    let (mut order, now) = (Order::default(), beginning());
    order.join(0, 0, now);
    for (span, told) in [(60, 1), (120, 2)] {
        let span = Duration::from_secs(span);
        assert_eq!(order.silence_deadline(never), Some(now + span));
        assert!(order.silent(now + span - ms(1), never).streams.is_empty());
        assert_eq!(order.silent(now + span, never).streams, [(0, span, told)]);
    }
    assert_eq!(order.silence_deadline(never), None);
}

#[test]
fn what_was_heard_often_is_told_sooner_and_each_time_later() {
    for (times, first) in [(15, 300), (16, 60)] {
        let mut order = Order::default();
        let last = heard(&mut order, 0, times, beginning());
        for (span, told) in [(first, 1), (2 * first, 2), (4 * first, 3)] {
            let span = Duration::from_secs(span);
            assert_eq!(order.silence_deadline(never), Some(last + span));
            assert_eq!(order.silent(last + span, never).streams, [(0, span, told)]);
        }
    }
}

#[test]
fn silence_is_total_when_what_is_known_to_come_does_not_and_nothing_else_does() {
    let total = |times: u64, limit: Option<u64>| {
        let mut order = Order::default();
        let last = heard(&mut order, 0, times, beginning());
        order.silent(last + Duration::from_secs(300), |_| limit.map(Duration::from_secs)).is_total
    };
    assert!(total(16, None));
    assert!(!total(15, None), "too little was heard to know it");
    assert!(!total(15, Some(15)) && !total(0, Some(15)) && !total(0, None));
}

#[test]
fn silence_is_not_total_while_another_stream_is_within_its_time() {
    for (other_heard_at, is_total) in [(299, false), (1, true)] {
        let mut order = Order::default();
        let now = beginning();
        heard(&mut order, 0, 16, now);
        heard(&mut order, 1, 16, now + Duration::from_secs(other_heard_at));
        let silence = order.silent(now + Duration::from_secs(330), never);
        assert_eq!((silence.streams.len(), silence.is_total), (1 + usize::from(is_total), is_total));
    }
}
