//! Requests that are not answered, are refused, or do not leave in their time.

use super::*;

/// A book, whose streams may be silent for ever.
fn patient() -> Rig {
    with(Config { silence_max: Some(Duration::MAX), ..config(&["XYZABC"], books()) }, 1)
}

#[test]
fn an_api_that_is_open_and_answers_nothing_is_renewed_once() {
    let mut rig = patient();
    rig.feed(leg(0), &diff(1, 2)).unwrap();
    rig.pass(Duration::from_millis(29_999));
    assert_eq!(rig.renewals, []);
    let told = rig.pass(Duration::from_secs(600));
    assert_eq!(rig.renewals, [Route::first(1)], "after the third");
    assert!(told.len() > 50 && told.iter().all(|event| matches!(event, Event::Unanswered { .. })));
    // The successor is as bad.
    let successor = Route { endpoint: 1, leg: 1 };
    rig.open(successor);
    rig.close(Route::first(1));
    rig.pass(Duration::from_secs(60));
    assert_eq!(rig.renewals, [Route::first(1), successor]);
}

#[test]
fn an_answer_between_those_that_do_not_come_is_enough() {
    let mut rig = patient();
    rig.feed(leg(0), &diff(1, 2)).unwrap();
    for _ in 0..10 {
        rig.pass(Duration::from_secs(15));
        rig.tell_weight(1);
    }
    assert_eq!(rig.renewals, []);
}
