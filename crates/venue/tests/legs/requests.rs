//! Requests that are not answered, are refused, or do not leave in their time.

use super::*;

/// A book, whose streams may be silent for ever.
fn patient() -> Rig {
    with(Config { silence_max: Some(Duration::MAX), ..config(&["XYZABC"], books()) }, 1)
}

fn refuse(rig: &mut Rig, (route, sent): &(Route, Value)) -> Vec<Event<'static>> {
    let refusal = json!({"error": {"code": 2, "msg": "Invalid request"}, "id": sent["id"]});
    rig.feed(*route, &refusal.to_string()).unwrap()
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

#[test]
fn a_stream_whose_unsubscription_is_refused_is_not_missed() {
    let streams = vec![Stream::BookTicker, Stream::Trade];
    let config = Config { silence_max: Some(Duration::from_secs(60)), ..config(&["XYZABC"], streams) };
    let mut rig = with(config, 1);
    for id in 1..=20 {
        bring(&mut rig, &[(0, quote(id)), (0, trade(id))]);
        rig.pass(SECOND);
    }
    let now = rig.both();
    rig.session.unsubscribe(&["xyzabc@bookTicker"], now);
    rig.drain();
    let sent = rig.sent.pop_front().unwrap();
    let over = Event::Unsubscribed { stream: "xyzabc@bookTicker" };
    let told = refuse(&mut rig, &sent);
    assert!(matches!(&told[..], [Event::Rejected(_), last] if *last == over), "{told:?}");
    for id in 21..=600 {
        bring(&mut rig, &[(0, trade(id))]);
        assert_eq!(rig.pass(SECOND), []);
    }
    assert!(rig.renewals.is_empty() && rig.sent.is_empty());
}

#[test]
fn a_stream_in_the_place_of_one_whose_unsubscription_was_refused_waits_for_no_leg_that_does_not_bring_it() {
    let mut rig = rig(vec![Stream::BookTicker], 2);
    bring(&mut rig, &[(0, quote(1)), (1, quote(1))]);
    let now = rig.both();
    rig.session.unsubscribe(&["xyzabc@bookTicker"], now);
    rig.drain();
    while let Some(sent) = rig.sent.pop_front() {
        refuse(&mut rig, &sent);
    }
    rig.pass(2 * SECOND);
    let now = rig.both();
    rig.session.subscribe(&["xyzabc@trade"], now).unwrap();
    rig.drain();
    let at = rig.sent.iter().position(|(route, _)| *route == leg(0)).unwrap();
    let (route, sent) = rig.sent.remove(at).unwrap();
    rig.feed(route, &json!({"result": null, "id": sent["id"]}).to_string()).unwrap();
    assert_eq!(bring(&mut rig, &[(0, trade(1)), (0, trade(4))]), [T(1), G(1, 3), T(4)]);
}

#[test]
fn a_request_that_did_not_leave_in_its_time_is_not_made_of_nothing() {
    let mut rig = rig(vec![Stream::Trade], 1);
    let now = rig.both();
    rig.session.subscribe(&["a@trade"], now).unwrap();
    // Its commands are not taken for longer than an answer may take.
    rig.now += Duration::from_secs(11);
    rig.session.on_deadline(rig.both());
    assert_eq!(rig.drain(), [], "what did not leave cannot be answered");
    assert_eq!(requests(&mut rig), [("SUBSCRIBE".to_owned(), 0, json!(["a@trade"]))]);
    // The first has taken no place of those that leave within a second.
    for name in ["b@trade", "c@trade", "d@trade"] {
        let now = rig.both();
        rig.session.subscribe(&[name], now).unwrap();
        rig.drain();
    }
    assert_eq!(requests(&mut rig).len(), 2);
}

#[test]
fn a_request_that_is_answered_before_it_leaves_does_not_leave() {
    let mut rig = rig(vec![Stream::Trade], 1);
    let now = rig.both();
    rig.session.subscribe(&["a@trade"], now).unwrap();
    // Ids count up, so that who wants to can answer ahead.
    for id in 0..10 {
        rig.session.on_message(leg(0), format!(r#"{{"result":null,"id":{id}}}"#).as_bytes(), now).unwrap();
        while rig.session.poll_event().is_some() {}
    }
    rig.drain();
    assert_eq!(requests(&mut rig), []);
}
