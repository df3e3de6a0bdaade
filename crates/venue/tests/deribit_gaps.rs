//! What a session does when something is missing, late, refused or wrong, by a manual clock.

mod deribit;

use std::time::Duration;

use deribit::{BOOK, ROUTE, Rig, book, changes, channels, config, meant, tokens};
use serde_json::{Value, json};
use tickwire_venue::deribit::{Channel, Config, Credentials, Rate};
use tickwire_venue::{
    BookChange, BookState, Event, Gap, Instrument, Outcome, Rejection, Request, Session, Side, Status,
    StatusKind,
};

const ONLY: Instrument = Instrument(0);
const CHANNEL: &str = "book.A.100ms";

const SECOND: Duration = Duration::from_secs(1);

fn rig() -> Rig {
    let mut rig = Rig::confirmed(config(&["A"], &[BOOK]));
    let told = rig.notify(CHANNEL, &snapshot(10));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: 10 }]);
    rig
}

fn snapshot(id: u64) -> Value {
    book("A", (None, id), &json!([["new", 1.0, 5.0]]), &json!([["new", 2.0, 5.0]]))
}

fn change(previous: u64, id: u64, bids: &Value) -> Value {
    book("A", (Some(previous), id), bids, &json!([]))
}

#[test]
fn a_gap_leaves_the_book_readable_and_the_channel_is_subscribed_anew() {
    let mut rig = rig();
    let told = rig.notify(CHANNEL, &change(10, 15, &json!([["change", 1.0, 7.0]])));
    assert_eq!(changes(&told), [BookChange::Updated { update_id: 15 }]);
    let told = rig.notify(CHANNEL, &change(14, 15, &json!([["change", 1.0, 9.0]])));
    assert_eq!(changes(&told), [BookChange::Ignored { last_id: 15, update_id: 15 }]);

    let told = rig.notify(CHANNEL, &change(16, 20, &json!([["change", 1.0, 9.0]])));
    assert_eq!(told[0], Event::Gap(Gap { stream: CHANNEL, instrument: None, after: 15, through: 16 }));
    assert!(matches!(told[1], Event::Delta(delta) if delta.last_id == 20), "{told:?}");
    assert_eq!(changes(&told), [BookChange::Gap { expected: 15, got: 16 }]);
    assert_eq!(told.len(), 3);
    let view = rig.session.book(ONLY).unwrap();
    assert_eq!((view.state, view.update_id), (BookState::Stale, 15));
    assert_eq!(view.book.best_bid().unwrap().quantity, "7".parse().unwrap());

    // Nothing more until the venue said that the channel is left.
    let leave = rig.request("public/unsubscribe");
    assert_eq!(channels(&leave), [CHANNEL]);
    assert!(rig.sent.is_empty());
    assert_eq!(
        rig.notify(CHANNEL, &change(20, 21, &json!([]))),
        [],
        "a book that is not live follows nothing"
    );
    assert_eq!(rig.answer(&leave, &json!([CHANNEL])), []);
    let subscribe = rig.request("public/subscribe");
    assert_eq!(channels(&subscribe), [CHANNEL]);
    let told = rig.answer(&subscribe, &json!([CHANNEL]));
    assert_eq!(told, [Event::Subscribed { stream: CHANNEL, pending: 0 }]);
    let told = rig.notify(CHANNEL, &snapshot(30));
    // What was not told while the book waited is missing too.
    assert_eq!(told[0], Event::Gap(Gap { stream: CHANNEL, instrument: None, after: 20, through: 29 }));
    assert!(matches!(told[1], Event::Snapshot(_)), "{told:?}");
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 30 }]);
    assert_eq!(rig.session.book(ONLY).unwrap().state, BookState::Live);
    assert!(rig.sent.is_empty());
}

#[test]
fn a_book_that_is_lost_before_its_channel_is_confirmed_is_made_anew() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    rig.open();
    let subscribe = rig.request("public/subscribe");
    rig.answer_all();
    let told = rig.notify(CHANNEL, &snapshot(10));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: 10 }]);
    let told = rig.notify(CHANNEL, &change(16, 20, &json!([])));
    assert_eq!(changes(&told), [BookChange::Gap { expected: 10, got: 16 }]);
    rig.answer(&subscribe, &json!([CHANNEL]));
    rig.pass(SECOND);
    let leave = rig.request("public/unsubscribe");
    assert_eq!(channels(&leave), [CHANNEL]);
    rig.answer_all();
    rig.answer(&leave, &json!([CHANNEL]));
    rig.answer_all();
    let told = rig.notify(CHANNEL, &snapshot(30));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 30 }]);
}

#[test]
fn a_book_that_is_lost_again_and_again_is_made_anew_ever_later() {
    let mut rig = rig();
    let mut waited = Vec::new();
    for round in 0_u64..5 {
        rig.notify(CHANNEL, &change(999, 1000, &json!([])));
        let before = rig.now.instant;
        if rig.sent.is_empty() {
            let deadline = rig.session.next_deadline().unwrap();
            rig.pass(deadline - before);
        }
        waited.push((rig.now.instant - before).as_millis());
        rig.answer_all();
        rig.notify(CHANNEL, &snapshot(10 + round));
    }
    assert_eq!(waited, [0, 250, 500, 1000, 2000]);
    // A quiet minute, and it is done at once again.
    rig.pass(61 * SECOND);
    rig.answer_all();
    rig.notify(CHANNEL, &change(999, 1000, &json!([])));
    assert_eq!(channels(&rig.request("public/unsubscribe")), [CHANNEL]);
}

#[test]
fn a_crossed_book_is_made_anew() {
    let mut rig = rig();
    let told = rig.notify(CHANNEL, &change(10, 11, &json!([["new", 2.0, 1.0]])));
    assert_eq!(changes(&told), [BookChange::Crossed { update_id: 11 }]);
    assert_eq!(rig.session.book(ONLY).unwrap().state, BookState::Stale);
    rig.request("public/unsubscribe");
}

#[test]
fn a_book_over_its_bound_tells_what_it_drops() {
    let mut rig = Rig::confirmed(Config { levels_max: 2, ..config(&["A"], &[BOOK]) });
    let bids = json!([["new", 3.0, 1.0], ["new", 2.0, 1.0], ["new", 1.0, 1.0]]);
    let told = rig.notify(CHANNEL, &book("A", (None, 1), &bids, &json!([])));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: 1 }, BookChange::Trimmed { levels: 1 }]);
    let told = rig.notify(CHANNEL, &change(1, 2, &json!([["new", 4.0, 1.0]])));
    assert_eq!(changes(&told), [BookChange::Updated { update_id: 2 }, BookChange::Trimmed { levels: 1 }]);
    assert_eq!(rig.session.book(ONLY).unwrap().book.len(Side::Bid), 2);
}

#[test]
fn a_lost_connection_makes_books_stale_and_a_new_one_begins_anew() {
    let mut rig = rig();
    let told = rig.close();
    assert_eq!(changes(&told), [BookChange::Stale { update_id: 10 }]);
    assert_eq!(rig.session.next_deadline(), None);
    rig.open();
    let methods: Vec<_> = rig.sent.iter().map(|request| request["method"].clone()).collect();
    assert_eq!(methods, ["public/set_heartbeat", "public/subscribe"]);
    rig.answer_all();
    let told = rig.notify(CHANNEL, &snapshot(40));
    assert_eq!(told[0], Event::Gap(Gap { stream: CHANNEL, instrument: None, after: 10, through: 39 }));
    assert!(matches!(told[1], Event::Snapshot(_)), "{told:?}");
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 40 }]);
    // Nothing can be missing before a snapshot that is not beyond what was told.
    rig.close();
    rig.open();
    rig.answer_all();
    let told = rig.notify(CHANNEL, &snapshot(40));
    assert!(matches!(told[0], Event::Snapshot(_)), "{told:?}");
}

#[test]
fn a_snapshot_that_does_not_come_is_asked_for_anew() {
    let mut rig = Rig::confirmed(config(&["A"], &[BOOK]));
    let told = rig.pass(10 * SECOND);
    assert_eq!(told, [Event::Unanswered { request: Request::Snapshot, instrument: Some(ONLY) }]);
    rig.answer_all();
    let told = rig.notify(CHANNEL, &snapshot(10));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: 10 }]);
    let told = rig.pass(10 * SECOND);
    assert_eq!(told, []);
}

#[test]
fn many_channels_are_subscribed_in_parts_that_the_credits_allow() {
    let instruments: Vec<String> = (0..3000).map(|n| format!("A-{n}")).collect();
    let mut rig = Rig::new(Config { instruments, channels: vec![Channel::Quote], ..Config::default() });
    rig.open();
    assert_eq!(rig.request("public/set_heartbeat")["params"], json!({"interval": 30}));
    // Five at once, and five when those are known to have arrived; then one each 300 ms.
    assert_eq!(rig.sent.len(), 5);
    rig.pass(9 * SECOND);
    assert_eq!(rig.sent.len(), 5);
    // Answers in any order, and names in any order in them.
    let (mut all, mut pending) = (Vec::new(), 3000);
    let mut answer = |rig: &mut Rig, request: &Value| {
        let mut names = channels(request);
        assert_eq!(names.len(), 250);
        all.extend(names.iter().map(|name| (*name).to_owned()));
        names.reverse();
        let told = rig.answer(request, &json!(names));
        names.reverse();
        let expected: Vec<_> =
            (0..250).map(|at| Event::Subscribed { stream: names[at], pending: pending - 1 - at }).collect();
        assert_eq!(told, expected);
        pending -= 250;
        pending
    };
    while let Some(request) = rig.sent.pop_back() {
        answer(&mut rig, &request);
    }
    rig.pass(Duration::from_millis(299));
    assert!(rig.sent.is_empty(), "{:?}", rig.sent);
    let last = [1, 300].map(|millis| {
        rig.pass(Duration::from_millis(millis));
        let request = rig.request("public/subscribe");
        answer(&mut rig, &request)
    });
    assert_eq!(last, [250, 0]);
    let mut expected: Vec<_> = (0..3000).map(|n| format!("quote.A-{n}")).collect();
    all.sort_unstable();
    expected.sort_unstable();
    assert_eq!(all, expected);
}

#[test]
fn channels_that_the_answer_leaves_out_are_missing() {
    let mut rig = Rig::new(config(&["A", "B", "C"], &[Channel::Quote]));
    rig.open();
    let request = rig.request("public/subscribe");
    let told = rig.answer(&request, &json!(["quote.B", "quote.Z"]));
    let missing = |stream| Event::Missing { stream };
    let subscribed = Event::Subscribed { stream: "quote.B", pending: 0 };
    assert_eq!(told, [missing("quote.A"), subscribed, missing("quote.C")]);
}

#[test]
fn requests_that_are_not_answered_are_told_and_sent_again() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    rig.open();
    rig.sent.clear();
    let told = rig.pass(10 * SECOND);
    let unanswered = |request| Event::Unanswered { request, instrument: None };
    assert_eq!(told, [unanswered(Request::Heartbeat), unanswered(Request::Subscribe)]);
    let late = rig.sent.back().unwrap().clone();
    rig.answer_all();
    assert_eq!(rig.answer(&late, &json!([])), [Event::Other { kind: "answer" }]);

    // A subscription whose answer was lost, but not its data: no other snapshot comes, and none is needed.
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    rig.open();
    let heartbeat = rig.request("public/set_heartbeat");
    rig.answer(&heartbeat, &json!("ok"));
    rig.sent.clear();
    rig.notify(CHANNEL, &snapshot(10));
    rig.pass(10 * SECOND);
    rig.answer_all();
    assert_eq!(rig.session.book(ONLY).unwrap().state, BookState::Live);
    let told = rig.notify(CHANNEL, &change(10, 11, &json!([])));
    assert_eq!(changes(&told), [BookChange::Updated { update_id: 11 }]);
    assert_eq!(rig.pass(20 * SECOND), []);
}

fn refused(rig: &mut Rig, code: i64) -> Outcome {
    let request = rig.request("public/subscribe");
    let told = rig.refuse(&request, code, "no");
    let Event::Rejected(rejection) = &told[0] else { panic!("{told:?}") };
    assert_eq!((rejection.request, rejection.code, rejection.message), (Request::Subscribe, code, "no"));
    match rejection.outcome {
        Outcome::Final => assert_eq!(told[1..], [Event::Missing { stream: "quote.A" }]),
        Outcome::Retry(_) => assert_eq!(told.len(), 1),
    }
    rejection.outcome
}

#[test]
fn a_refusal_is_final_or_made_again_by_its_code() {
    for code in [-32602, 11050, 13004, 13020, 13021, 13009, 13778, 4711] {
        let mut rig = Rig::new(config(&["A"], &[Channel::Quote]));
        rig.open();
        assert_eq!(refused(&mut rig, code), Outcome::Final, "{code}");
        rig.request("public/set_heartbeat");
        rig.pass(9 * SECOND);
        assert!(rig.sent.is_empty(), "{code}");
    }
    let rows = [
        (10040, 250),
        (10047, 250),
        (11094, 250),
        (11052, 250),
        (13503, 250),
        (11051, 15_000),
        (10028, 10_000),
    ];
    for (code, millis) in rows {
        let mut rig = Rig::new(config(&["A"], &[Channel::Quote]));
        rig.open();
        let heartbeat = rig.request("public/set_heartbeat");
        rig.answer(&heartbeat, &json!("ok"));
        let at = rig.now.instant + Duration::from_millis(millis);
        assert_eq!(refused(&mut rig, code), Outcome::Retry(at), "{code}");
        rig.pass(Duration::from_millis(millis - 1));
        assert!(rig.sent.is_empty(), "{code}");
        rig.pass(Duration::from_millis(1));
        assert_eq!(channels(&rig.request("public/subscribe")), ["quote.A"], "{code}");
    }
}

#[test]
fn refusals_without_an_id_are_told_and_too_many_requests_hold_everything() {
    let mut rig = rig();
    let error =
        json!({"jsonrpc": "2.0", "error": {"code": 11050, "message": "bad_request", "data": "invalid json"}});
    let told = rig.tell(&error);
    let rejection = Rejection {
        request: Request::Unknown,
        instrument: None,
        code: 11050,
        message: "bad_request: invalid json",
        outcome: Outcome::Final,
    };
    assert_eq!(told, [Event::Rejected(rejection)]);
    rig.tell(&json!({"jsonrpc": "2.0", "error": {"code": 10028, "message": "too_many_requests"}}));
    rig.notify(CHANNEL, &change(999, 1000, &json!([])));
    rig.pass(9 * SECOND);
    assert!(rig.sent.is_empty());
    rig.pass(SECOND);
    rig.request("public/unsubscribe");
}

#[test]
fn a_test_request_is_answered_at_once() {
    let mut rig = rig();
    let test = json!({"params": {"type": "test_request"}, "method": "heartbeat", "jsonrpc": "2.0"});
    assert_eq!(rig.tell(&test), []);
    let request = rig.request("public/test");
    assert_eq!(rig.answer(&request, &json!({"version": "1.2.26"})), []);
    // Even when nothing else may leave.
    rig.pass(SECOND);
    rig.tell(&json!({"jsonrpc": "2.0", "error": {"code": 10028, "message": "too_many_requests"}}));
    rig.tell(&test);
    rig.request("public/test");
}

#[test]
fn a_storm_of_test_requests_is_answered_once_a_second() {
    let mut rig = rig();
    let test = json!({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}});
    (0..1000).for_each(|_| drop(rig.tell(&test)));
    assert_eq!(rig.sent.len(), 1);
    rig.pass(SECOND);
    rig.tell(&test);
    assert_eq!(rig.sent.len(), 2);
}

#[test]
fn ids_that_begin_anew_are_a_gap() {
    let mut rig = rig();
    let told = rig.notify(CHANNEL, &change(10, 5, &json!([])));
    assert_eq!(told[0], Event::Gap(Gap { stream: CHANNEL, instrument: None, after: 10, through: 4 }));
    assert_eq!(changes(&told), [BookChange::Gap { expected: 10, got: 10 }]);
    rig.request("public/unsubscribe");
}

#[test]
fn a_silent_connection_is_to_be_replaced_once_and_again_after_a_sign_of_life() {
    // Without a channel, heartbeats are all that comes.
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    rig.open();
    while let Some(request) = rig.sent.pop_front() {
        let result = if request["method"] == "public/subscribe" { json!([]) } else { meant(&request) };
        rig.answer(&request, &result);
    }
    let silent = Event::Status(Status { kind: StatusKind::Silent, text: "", venue_time_ns: None });
    assert_eq!(rig.pass(Duration::from_millis(64_999)), []);
    assert_eq!(rig.replaced, []);
    assert_eq!(rig.pass(Duration::from_millis(1)), std::slice::from_ref(&silent));
    assert_eq!(rig.pass(1000 * SECOND), []);
    assert_eq!(rig.replaced, [ROUTE]);
    let heartbeat = json!({"params": {"type": "heartbeat"}, "method": "heartbeat", "jsonrpc": "2.0"});
    rig.tell(&heartbeat);
    assert_eq!(rig.pass(30 * SECOND), []);
    rig.tell(&heartbeat);
    assert_eq!(rig.pass(64 * SECOND), []);
    assert_eq!(rig.pass(SECOND), [silent]);
    assert_eq!(rig.replaced, [ROUTE; 2]);
}

fn with_credentials() -> Config {
    let credentials =
        Credentials::Secret { client_id: "an id".into(), client_secret: String::from("hidden").into() };
    let raw = Channel::Book { interval: Rate::Raw };
    Config {
        credentials: Some(credentials),
        more: vec!["user.lock".into()],
        ..config(&["A"], &[raw, Channel::Quote])
    }
}

#[test]
fn it_signs_in_before_it_subscribes() {
    let config = with_credentials();
    assert!(!format!("{config:?}").contains("hidden"));
    let mut rig = Rig::new(config);
    rig.open();
    rig.request("public/set_heartbeat");
    let auth = rig.request("public/auth");
    let params = json!({"grant_type": "client_credentials", "client_id": "an id", "client_secret": "hidden"});
    assert_eq!(auth["params"], params);
    assert!(rig.sent.is_empty());
    assert_eq!(rig.answer(&auth, &tokens(900)), [Event::SignedIn]);
    assert_eq!(channels(&rig.request("public/subscribe")), ["book.A.raw"]);
    assert_eq!(channels(&rig.request("public/subscribe")), ["quote.A"]);
    assert_eq!(channels(&rig.request("private/subscribe")), ["user.lock"]);
    let shown = format!("{:?}", rig.session);
    assert!(!shown.contains("hidden") && !shown.contains("made up"), "{shown}");
}

#[test]
fn the_token_is_renewed_at_four_fifths_of_its_time_and_the_credentials_help_when_it_is_refused() {
    let mut rig = Rig::confirmed(with_credentials());
    rig.notify("book.A.raw", &snapshot(1));
    rig.sent.clear();
    // Quiet channels are asked for again, and confirmed; until the session signs in.
    let alive = |rig: &mut Rig, seconds: u32| {
        for _ in 0..seconds / 10 {
            rig.pass(10 * SECOND);
            rig.tell(&json!({"params": {"type": "heartbeat"}, "method": "heartbeat", "jsonrpc": "2.0"}));
            while rig.sent.front().is_some_and(|request| request["method"] != "public/auth") {
                let request = rig.sent.pop_front().unwrap();
                rig.answer(&request, &meant(&request));
            }
        }
    };
    alive(&mut rig, 710);
    assert!(rig.sent.is_empty(), "{:?}", rig.sent);
    alive(&mut rig, 10);
    let auth = rig.request("public/auth");
    assert_eq!(auth["params"], json!({"grant_type": "refresh_token", "refresh_token": "made up too"}));
    assert_eq!(rig.answer(&auth, &tokens(900)), [Event::SignedIn]);
    alive(&mut rig, 720);
    let auth = rig.request("public/auth");
    let told = rig.refuse(&auth, 13009, "unauthorized");
    let again = rig.now.instant + Duration::from_millis(250);
    let Some(Event::Rejected(Rejection { request: Request::SignIn, outcome, .. })) = told.first() else {
        panic!("{told:?}")
    };
    assert_eq!(*outcome, Outcome::Retry(again));
    rig.pass(SECOND);
    assert_eq!(rig.request("public/auth")["params"]["grant_type"], "client_credentials");
}

#[test]
fn wrong_credentials_are_final_and_what_needs_none_is_subscribed() {
    let mut rig = Rig::new(with_credentials());
    rig.open();
    let auth = rig.request("public/auth");
    let told = rig.refuse(&auth, 13004, "invalid_credentials");
    let rejection = Rejection {
        request: Request::SignIn,
        instrument: None,
        code: 13004,
        message: "invalid_credentials",
        outcome: Outcome::Final,
    };
    let missing = |stream| Event::Missing { stream };
    assert_eq!(told, [Event::Rejected(rejection), missing("book.A.raw"), missing("user.lock")]);
    assert_eq!(channels(&rig.request("public/subscribe")), ["quote.A"]);
    rig.sent.clear();
    rig.pass(9 * SECOND);
    assert!(rig.sent.is_empty());
}

#[test]
fn who_is_told_to_log_in_does_so_and_asks_again() {
    let mut rig = Rig::new(with_credentials());
    rig.open();
    let auth = rig.request("public/auth");
    rig.answer(&auth, &tokens(900));
    let mut at = Vec::new();
    for _ in 0..3 {
        let raw = rig.request("public/subscribe");
        assert_eq!(channels(&raw), ["book.A.raw"]);
        rig.sent.clear();
        let before = rig.now.instant;
        rig.refuse(&raw, 13778, "raw_subscriptions_not_available_for_unauthorized");
        let deadline = rig.session.next_deadline().unwrap();
        rig.pass(deadline - before);
        at.push((rig.now.instant - before).as_millis());
        let auth = rig.request("public/auth");
        rig.answer(&auth, &tokens(900));
    }
    // Each time later, for nothing says that it will help.
    assert_eq!(at, [250, 500, 1000]);
}

#[test]
fn a_token_of_the_configuration_is_used_once() {
    let credentials = Some(Credentials::Refresh { token: String::from("first").into() });
    let mut rig = Rig::new(Config { credentials, ..config(&["A"], &[Channel::Quote]) });
    rig.open();
    let auth = rig.request("public/auth");
    assert_eq!(auth["params"]["refresh_token"], "first");
    rig.answer(&auth, &tokens(900));
    rig.close();
    rig.open();
    assert_eq!(rig.request("public/auth")["params"]["refresh_token"], "made up too");
}

#[cfg(feature = "sign")]
#[test]
fn a_signature_is_of_the_time_and_a_nonce() {
    use tickwire_venue::sign::{SigningKey, client_signature};

    let key = || SigningKey::hmac("secret").unwrap();
    let credentials = Some(Credentials::Signature { client_id: "an id".into(), key: key().into() });
    let mut rig = Rig::new(Config { credentials, ..config(&["A"], &[Channel::Quote]) });
    rig.open();
    let params = rig.request("public/auth")["params"].clone();
    assert_eq!((&params["grant_type"], &params["client_id"]), (&json!("client_signature"), &json!("an id")));
    let timestamp = params["timestamp"].as_u64().unwrap();
    assert_eq!(timestamp, deribit::UNIX_NS / 1_000_000);
    let nonce = params["nonce"].as_str().unwrap();
    assert_eq!(params["signature"], client_signature(&key(), timestamp, nonce, "").unwrap());
    assert!(!nonce.is_empty() && params["data"] == "");
}
