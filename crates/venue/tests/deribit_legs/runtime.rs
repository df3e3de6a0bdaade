//! Channels that come and go while connections are open.

use super::*;

#[test]
fn channels_come_and_go_at_run_time() {
    let mut rig = Rig::new(config(&["A"], &[Channel::Quote]));
    join(&mut rig, 0);
    join(&mut rig, 1);
    let now = rig.now;
    let refused = |rig: &mut Rig, names: &[&str], expected: ConfigError| {
        assert_eq!(rig.session.subscribe(names, now), Err(Error::Config(expected)), "{names:?}");
        assert_eq!(rig.drain(), []);
        assert!(rig.sent_on(0).is_empty(), "nothing changed");
    };
    let stream = Box::from("book.B.raw");
    refused(&mut rig, &["quote.B", "book.B.raw"], ConfigError::StreamSignIn { stream });
    refused(&mut rig, &["user.lock"], ConfigError::StreamSignIn { stream: "user.lock".into() });
    refused(&mut rig, &["book.B.100ms", "book.B.agg2"], ConfigError::DepthTwice);
    refused(&mut rig, &["a\nb"], ConfigError::StreamCharacter { stream: "a\nb".into(), character: '\n' });

    rig.session.subscribe(&["book.B.100ms", "quote.A", "quote.B", "book.B.100ms"], now).unwrap();
    assert_eq!(rig.drain(), []);
    for at in 0..2 {
        let subscribe = rig.request_on(at, "public/subscribe");
        assert_eq!(channels(&subscribe), ["book.B.100ms", "quote.B"], "quote.A is followed already");
        let told = rig.answer_on(at, &subscribe, &json!(["quote.B", "book.B.100ms"]));
        let subscribed = |stream, pending| Event::Subscribed { stream, pending };
        match at {
            0 => assert_eq!(told, [subscribed("book.B.100ms", 1), subscribed("quote.B", 0)]),
            _ => assert_eq!(told, []),
        }
    }
    let b = rig.find("B");
    assert_eq!(rig.session.book(b).unwrap().state, BookState::Empty);
    let of_b = |ids| book("B", ids, &json!([["new", 1.0, 2.0]]), &json!([]));
    let told = rig.notify_on(1, "book.B.100ms", &of_b((None, 5)));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: 5 }]);
    refused(&mut rig, &["book.B.agg2"], ConfigError::DepthTwice);

    // The last connection to leave tells that it is over.
    rig.session.unsubscribe(&["book.B.100ms", "quote.Z"], now);
    assert_eq!(rig.drain(), []);
    let view = rig.session.book(b).unwrap();
    assert_eq!((view.state, view.update_id, view.book.bids().count()), (BookState::Stale, 5, 1));
    let leave = rig.request_on(0, "public/unsubscribe");
    assert_eq!(channels(&leave), ["book.B.100ms"]);
    assert_eq!(rig.answer_on(0, &leave, &json!(["book.B.100ms"])), []);
    assert_eq!(rig.notify_on(1, "book.B.100ms", &of_b((Some(5), 6))), [], "nobody wants it");
    let leave = rig.request_on(1, "public/unsubscribe");
    let told = rig.answer_on(1, &leave, &json!(["book.B.100ms"]));
    assert_eq!(told, [Event::Unsubscribed { stream: "book.B.100ms" }]);
    assert!(rig.session.is_ready(leg(0)) && rig.session.is_ready(leg(1)));
    assert_eq!(rig.session.book(b).unwrap().update_id, 5);

    // Another channel may feed the book then.
    rig.session.subscribe(&["book.B.agg2"], now).unwrap();
    rig.drain();
    rig.answer_all_on(0);
    rig.answer_all_on(1);
    let told = rig.notify_on(0, "book.B.agg2", &of_b((None, 8)));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 8 }]);
}

#[test]
fn channels_that_are_not_confirmed_are_unsubscribed_too() {
    let unsubscribed = [Event::Unsubscribed { stream: "quote.A" }];
    // Without a connection.
    let mut rig = Rig::new(config(&["A", "B"], &[Channel::Quote]));
    rig.session.unsubscribe(&["quote.A"], rig.now);
    assert_eq!(rig.drain(), unsubscribed);
    rig.session.unsubscribe(&["quote.A"], rig.now);
    assert_eq!(rig.drain(), [], "it is not followed");
    rig.open();
    assert_eq!(channels(&rig.request("public/subscribe")), ["quote.B"]);

    // While it is asked for: confirmed, left out, refused, lost.
    let asked = || {
        let mut rig = Rig::new(config(&["A"], &[Channel::Quote]));
        rig.open();
        let subscribe = rig.request("public/subscribe");
        rig.session.unsubscribe(&["quote.A"], rig.now);
        assert_eq!(rig.drain(), []);
        (rig, subscribe)
    };
    let (mut rig, subscribe) = asked();
    assert_eq!(rig.answer(&subscribe, &json!(["quote.A"])), []);
    let leave = rig.request("public/unsubscribe");
    assert_eq!(rig.answer(&leave, &json!(["quote.A"])), unsubscribed);
    let (mut rig, subscribe) = asked();
    assert_eq!(rig.answer(&subscribe, &json!([])), unsubscribed);
    let (mut rig, subscribe) = asked();
    let told = rig.refuse(&subscribe, 11050, "bad_request");
    assert!(matches!(told[0], Event::Rejected(Rejection { outcome: Outcome::Final, .. })), "{told:?}");
    assert_eq!(told[1..], unsubscribed);
    let (mut rig, _) = asked();
    assert_eq!(rig.close(), unsubscribed);

    // While it waits for its credits, and when it is missing.
    let mut rig = Rig::confirmed(config(&["B"], &[Channel::Quote]));
    rig.tell(&json!({"jsonrpc": "2.0", "error": {"code": 10028, "message": "too_many_requests"}}));
    rig.session.subscribe(&["quote.A"], rig.now).unwrap();
    rig.session.unsubscribe(&["quote.A"], rig.now);
    assert_eq!(rig.drain(), unsubscribed);
    let mut rig = Rig::new(config(&["A"], &[Channel::Quote]));
    rig.open();
    let subscribe = rig.request("public/subscribe");
    assert_eq!(rig.answer(&subscribe, &json!([])), [Event::Missing { stream: "quote.A" }]);
    rig.session.unsubscribe(&["quote.A"], rig.now);
    assert_eq!(rig.drain(), unsubscribed);

    // A refusal to leave, and a connection lost before the answer.
    let mut rig = Rig::confirmed(config(&["A"], &[Channel::Quote]));
    rig.session.unsubscribe(&["quote.A"], rig.now);
    assert_eq!(rig.drain(), []);
    let leave = rig.request("public/unsubscribe");
    let told = rig.refuse(&leave, 11050, "bad_request");
    assert_eq!(told[1..], unsubscribed);
    let mut rig = Rig::confirmed(config(&["A"], &[Channel::Quote]));
    rig.session.unsubscribe(&["quote.A"], rig.now);
    assert_eq!(rig.drain(), []);
    assert_eq!(rig.close(), unsubscribed);
}

#[test]
fn a_channel_that_comes_back_before_it_is_left_gets_a_snapshot_too() {
    let mut rig = pair();
    // Nothing may leave for now.
    rig.tell(&json!({"jsonrpc": "2.0", "error": {"code": 10028, "message": "too_many_requests"}}));
    rig.session.unsubscribe(&[CHANNEL], rig.now);
    assert_eq!(rig.drain(), []);
    stands_at(&rig, BookState::Stale, 10);
    rig.session.subscribe(&[CHANNEL], rig.now).unwrap();
    assert_eq!(rig.drain(), []);
    rig.pass(9 * SECOND);
    assert!(rig.sent_on(0).is_empty() && rig.sent_on(1).is_empty());
    rig.pass(SECOND);
    anew(&mut rig, 0);
    let told = rig.notify_on(0, CHANNEL, &snapshot(20));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 20 }]);
    continues(&mut rig, 1, 20, 25);

    // While the venue is told to leave it.
    rig.session.unsubscribe(&[CHANNEL], rig.now);
    rig.session.subscribe(&[CHANNEL], rig.now).unwrap();
    assert_eq!(rig.drain(), []);
    assert_eq!(rig.answer_all_on(0), [Event::Subscribed { stream: CHANNEL, pending: 0 }]);
    let told = rig.notify_on(0, CHANNEL, &snapshot(30));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 30 }]);
    assert_eq!(rig.answer_all_on(1), []);
}

#[test]
fn a_refused_request_is_halved_down_to_the_name_to_blame() {
    let names: Vec<String> = (0..20).map(|n| format!("A-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for code in [-32602, 11050, 13020, 13021] {
        let mut rig = Rig::new(config(&names, &[Channel::Quote]));
        rig.open();
        let (mut missing, mut followed, mut requests, mut rejected) = (Vec::new(), Vec::new(), 0, Vec::new());
        loop {
            let Some(request) = rig.sent.pop_front() else {
                if rig.session.is_ready(leg(0)) {
                    break;
                }
                rig.pass(300 * MS);
                continue;
            };
            let is_bad =
                request["method"] == "public/subscribe" && channels(&request).contains(&"quote.A-13");
            requests += usize::from(request["method"] == "public/subscribe");
            let told = match is_bad {
                true => rig.refuse(&request, code, "no"),
                false => rig.answer(&request, &deribit::meant(&request)),
            };
            for event in told {
                match event {
                    Event::Missing { stream } => missing.push(stream),
                    Event::Subscribed { stream, .. } => followed.push(stream),
                    Event::Rejected(Rejection { request: Request::Subscribe, outcome, .. }) => {
                        rejected.push(outcome);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(missing, ["quote.A-13"], "{code}");
        followed.sort_unstable();
        let mut others: Vec<_> = (0..20).filter(|n| *n != 13).map(|n| format!("quote.A-{n}")).collect();
        others.sort_unstable();
        assert_eq!(followed, others, "{code}");
        assert_eq!(rejected.last(), Some(&Outcome::Final));
        let (_, before) = rejected.split_last().unwrap();
        assert!(before.iter().all(|outcome| matches!(outcome, Outcome::Retry(_))), "{rejected:?}");
        assert!(requests <= 10, "20 names are halved at most five times: {requests} requests");
    }
}

#[test]
fn a_refusal_that_others_would_get_too_is_not_halved() {
    for code in [13004, 13009, 13778] {
        let mut rig = Rig::new(config(&["A", "B"], &[Channel::Quote]));
        rig.open();
        let request = rig.request("public/subscribe");
        let told = rig.refuse(&request, code, "no");
        assert!(matches!(told[0], Event::Rejected(Rejection { outcome: Outcome::Final, .. })), "{told:?}");
        let missing = |stream| Event::Missing { stream };
        assert_eq!(told[1..], [missing("quote.A"), missing("quote.B")]);
        rig.answer_all();
        rig.pass(9 * SECOND);
        assert!(rig.sent.is_empty(), "{code}");
    }
}

#[test]
fn a_connection_is_ready_when_nothing_would_be_missing_without_the_others() {
    let mut rig = Rig::new(config(&["A"], &[BOOK, Channel::Quote]));
    assert!(!rig.session.is_ready(leg(0)), "it is closed");
    rig.open_on(0);
    rig.answer_all_on(0);
    assert!(!rig.session.is_ready(leg(0)), "there is no book");
    rig.notify_on(0, CHANNEL, &snapshot(10));
    assert!(rig.session.is_ready(leg(0)));
    assert!(!rig.session.is_ready(tickwire_venue::Route::first(1)));
    rig.open_on(1);
    let subscribe = rig.request_on(1, "public/subscribe");
    // A channel that another brings is asked for again.
    rig.answer_on(1, &subscribe, &json!(["quote.A"]));
    assert!(!rig.session.is_ready(leg(1)));
    rig.pass(10 * SECOND);
    let subscribe = rig.request_on(1, "public/subscribe");
    rig.answer_on(1, &subscribe, &json!([CHANNEL]));
    rig.notify_on(1, CHANNEL, &snapshot(10));
    assert!(rig.session.is_ready(leg(1)));
    // A book that is lost makes no connection ready that has it.
    rig.notify_on(0, CHANNEL, &change(999, 1000));
    assert!(!rig.session.is_ready(leg(0)));
}

#[test]
fn a_channel_that_goes_with_the_last_connection_that_had_it_is_asked_for_and_then_told() {
    let mut rig = Rig::new(config(&["A", "B"], &[Channel::Quote]));
    rig.open_on(0);
    rig.answer_all_on(0);
    rig.open_on(1);
    let subscribe = rig.request_on(1, "public/subscribe");
    assert_eq!(rig.answer_on(1, &subscribe, &json!(["quote.A"])), []);
    rig.close_on(0, Ending::InOrder);
    rig.answer_all_on(1);
    rig.pass(10 * SECOND);
    let subscribe = rig.request_on(1, "public/subscribe");
    assert_eq!(subscribe["params"]["channels"], json!(["quote.B"]));
    assert_eq!(rig.answer_on(1, &subscribe, &json!([])), [Event::Missing { stream: "quote.B" }]);
    assert!(rig.session.is_ready(leg(1)), "nobody brings it");
}

#[test]
fn what_a_connection_without_an_account_lacks_is_told_when_no_other_has_it() {
    let credentials =
        Credentials::Secret { client_id: "an id".into(), client_secret: String::from("a secret").into() };
    let account = "user.portfolio.btc";
    let of_account = Config {
        credentials: Some(credentials),
        more: vec![account.into()],
        ..config(&["A"], &[Channel::Quote])
    };
    let mut rig = Rig::new(of_account);
    rig.open_on(0);
    rig.answer_all_on(0);
    rig.open_on(1);
    let sign_in = rig.request_on(1, "public/auth");
    rig.refuse_on(1, &sign_in, 13_004, "invalid_credentials");
    rig.answer_all_on(1);
    assert!(!rig.session.is_ready(leg(1)), "the other has more");
    let told = rig.close_on(0, Ending::InOrder);
    assert!(told.contains(&Event::Missing { stream: account }), "{told:?}");
    assert!(rig.session.is_ready(leg(1)));
}

#[test]
fn a_connection_that_is_heard_and_answers_nothing_is_renewed_once() {
    let quotes = config(&["A"], &[Channel::Quote]);
    let mut rig = Rig::new(Config { silence_max: Some(Duration::MAX), ..quotes });
    rig.open_on(0);
    let heartbeat = rig.request_on(0, "public/set_heartbeat");
    rig.answer_on(0, &heartbeat, &json!("ok"));
    let beat = json!({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "heartbeat"}});
    let silent_for = |rig: &mut Rig, seconds: u64| {
        for _ in 0..seconds {
            rig.pass(SECOND);
            rig.tell_on(0, &beat);
        }
    };
    silent_for(&mut rig, 29);
    assert_eq!(rig.renewed, []);
    silent_for(&mut rig, 600);
    assert_eq!((rig.renewed.clone(), rig.replaced.len()), (vec![leg(0)], 0), "after the third");
    // Once it answers again, it is judged anew.
    let subscribe = rig.sent_on(0).pop_back().unwrap();
    rig.answer_on(0, &subscribe, &json!(["quote.A"]));
    rig.session.subscribe(&["quote.B"], rig.now).unwrap();
    silent_for(&mut rig, 29);
    assert_eq!(rig.renewed.len(), 1);
    silent_for(&mut rig, 600);
    assert_eq!(rig.renewed, [leg(0); 2]);
}

#[test]
fn no_silence_is_so_short_that_nothing_else_is_done() {
    let perpetual = config(&["BTC-PERPETUAL"], &[Channel::Quote]);
    let mut rig = Rig::new(Config { silence_max: Some(Duration::ZERO), ..perpetual });
    join(&mut rig, 0);
    let told = rig.pass(10 * SECOND);
    let silent = |event: &&Event<'_>| matches!(event, Event::Silent { .. });
    assert!((1..=4).contains(&told.iter().filter(silent).count()), "each second, then two, then four");
}

#[test]
fn a_leg_whose_messages_are_not_read_yet_is_not_silent() {
    let mut rig = pair();
    for id in 10..15 {
        continues(&mut rig, 0, id, id + 1);
        rig.notify_on(1, CHANNEL, &change(id, id + 1));
        rig.pass(SECOND);
    }
    // Nobody reads for longer than the venue may be silent.
    rig.now.instant += 66 * SECOND;
    continues(&mut rig, 0, 15, 16);
    assert_eq!(rig.notify_on(1, CHANNEL, &change(15, 16)), []);
    rig.session.on_deadline(rig.now);
    assert_eq!(rig.drain(), []);
    assert_eq!(rig.replaced, []);
}
