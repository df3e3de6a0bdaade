//! Messages that a broken or hostile venue could send: none may panic, none may break the session.

mod deribit;

use std::time::Duration;

use deribit::{BOOK, Rig, config, leg, notification};
use proptest::prelude::*;
use serde_json::{Value, json};
use tickwire_venue::deribit::{Channel, Config, Credentials};
use tickwire_venue::{BookState, ConfigError, Ending, Error, Event, Misuse, Session};

fn messages() -> Vec<String> {
    let book = |ids, bids: &Value| {
        notification("book.A.100ms", &deribit::book("A", ids, bids, &json!([["new", 3.0, 1.0]])))
    };
    let mut texts: Vec<String> = [
        book((None, 10), &json!([["new", 1.0, 2.0]])),
        book((Some(10), 12), &json!([["delete", 1.0, 0.0], ["new", 2.5, 1e1]])),
        notification("incremental_ticker.A", &json!({"type": "snapshot", "timestamp": 1, "mark_price": 1.0})),
        notification(
            "incremental_ticker.A",
            &json!({"type": "change", "timestamp": 1, "stats": {"low": null}}),
        ),
        notification("quote.A", &json!({"timestamp": 1, "instrument_name": "A", "best_bid_price": 1.0})),
        notification("platform_state", &json!({"maintenance": true})),
    ]
    .iter()
    .map(Value::to_string)
    .collect();
    texts.extend([
        r#"{"params":{"type":"test_request"},"method":"heartbeat","jsonrpc":"2.0"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":2,"result":{"access_token":"a","refresh_token":"b","expires_in":18446744073709551615}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":3,"result":["book.A.100ms"]}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":3,"error":{"code":13778,"message":"no","data":{"reason":"\u00e9"}}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","error":{"code":10028,"message":"too_many_requests"}}"#.to_owned(),
    ]);
    texts
}

/// A change of a message: at a place (per mille of its length), of a kind, with a byte.
type Change = (usize, u8, u8);

fn changed(message: &str, changes: &[Change]) -> Vec<u8> {
    let mut text = message.as_bytes().to_vec();
    for (place, kind, byte) in changes {
        let at = text.len() * place / 1000;
        match kind {
            0 if at < text.len() => text[at] = *byte,
            1 if at < text.len() => drop(text.remove(at)),
            2 => text.insert(at, *byte),
            3 => text.truncate(at),
            _ => text.extend_from_within(at..),
        }
    }
    text
}

fn rig() -> Rig {
    let credentials =
        Credentials::Secret { client_id: "an id".into(), client_secret: String::from("a secret").into() };
    let channels = [BOOK, Channel::IncrementalTicker, Channel::Quote];
    let mut rig = Rig::new(Config { credentials: Some(credentials), ..config(&["A"], &channels) });
    rig.open();
    rig
}

fn give(rig: &mut Rig, text: &[u8]) {
    match rig.session.on_message(deribit::ROUTE, text, rig.now) {
        Ok(()) | Err(Error::Malformed { .. } | Error::Unexpected { .. }) => {}
        Err(other) => panic!("the venue is not to blame: {other}"),
    }
    rig.drain();
}

fn assert_alive(rig: &mut Rig) {
    let quote = json!({"timestamp": 1, "instrument_name": "A"});
    assert!(matches!(rig.notify("quote.A", &quote).as_slice(), [Event::Quote(_)]));
    rig.pass(Duration::from_secs(100));
}

proptest! {
    #[test]
    fn damaged_messages_do_not_break_a_session(
        script in proptest::collection::vec(
            (0_usize..11, proptest::collection::vec((0_usize..1000, 0_u8..6, any::<u8>()), 0..3)),
            1..30,
        ),
    ) {
        let messages = messages();
        let mut rig = rig();
        for (which, changes) in script {
            give(&mut rig, &changed(&messages[which], &changes));
        }
        assert_alive(&mut rig);
    }

    #[test]
    fn any_ids_in_any_order_do_not_break_a_session(
        script in proptest::collection::vec((any::<u64>(), proptest::option::of(any::<u64>())), 1..40),
    ) {
        let mut rig = rig();
        for (change_id, previous_id) in script {
            let data = deribit::book("A", (previous_id, change_id), &json!([["new", 1.5, 2.0]]), &json!([]));
            give(&mut rig, notification("book.A.100ms", &data).to_string().as_bytes());
            rig.pass(Duration::from_secs(1));
        }
        assert_alive(&mut rig);
    }
}

/// What happens to a session with several connections.
#[derive(Debug, Clone)]
enum Call {
    Open(usize),
    Close(usize, bool),
    Message(usize, usize, Vec<Change>),
    /// The answer to the oldest request: as it is meant to be, or a refusal.
    Answer(usize, Option<i64>),
    Book(usize, Option<u64>, u64),
    Subscribe(usize),
    Unsubscribe(usize),
    Pass(u64),
}

fn call() -> impl Strategy<Value = Call> {
    let leg = 0_usize..4;
    let changes = proptest::collection::vec((0_usize..1000, 0_u8..6, any::<u8>()), 0..2);
    let codes = [-32602, 10028, 10040, 11051, 13004, 13009, 13020, 13778];
    let refusal = proptest::option::weighted(0.3, (0..codes.len()).prop_map(move |at| codes[at]));
    prop_oneof![
        1 => (0_usize..10).prop_map(Call::Open),
        1 => (leg.clone(), any::<bool>()).prop_map(|(leg, in_order)| Call::Close(leg, in_order)),
        3 => (leg.clone(), 0_usize..11, changes).prop_map(|(leg, which, changes)| Call::Message(leg, which, changes)),
        6 => (leg.clone(), refusal).prop_map(|(leg, code)| Call::Answer(leg, code)),
        6 => (leg, proptest::option::of(0_u64..8), 0_u64..8).prop_map(|(leg, previous, id)| Call::Book(leg, previous, id)),
        1 => (0_usize..5).prop_map(Call::Subscribe),
        1 => (0_usize..5).prop_map(Call::Unsubscribe),
        2 => (0_u64..15_000).prop_map(Call::Pass),
    ]
}

const NAMES: [&str; 5] = ["book.A.100ms", "book.A.agg2", "quote.A", "incremental_ticker.A", "user.lock"];

fn make(rig: &mut Rig, messages: &[String], call: &Call) {
    let say = |rig: &mut Rig, at: usize, text: &[u8]| {
        match rig.session.on_message(leg(at), text, rig.now) {
            Ok(()) | Err(Error::Malformed { .. } | Error::Unexpected { .. }) => {}
            Err(Error::Misuse(Misuse::RouteClosed(_))) => {}
            Err(other) => panic!("the venue is not to blame: {other}"),
        }
        rig.drain();
    };
    match call {
        Call::Open(at) => drop(rig.open_on(*at)),
        Call::Close(at, in_order) => {
            drop(rig.close_on(*at, if *in_order { Ending::InOrder } else { Ending::Lost }));
        }
        Call::Message(at, which, changes) => say(rig, *at, &changed(&messages[*which], changes)),
        Call::Answer(at, code) => {
            let Some(request) = rig.sent_on(*at).pop_front() else { return };
            let mut answer =
                json!({"jsonrpc": "2.0", "id": request["id"], "result": deribit::meant(&request)});
            if let Some(code) = code {
                answer["error"] = json!({"code": code, "message": "no"});
            }
            say(rig, *at, answer.to_string().as_bytes());
        }
        Call::Book(at, previous, id) => {
            let data = deribit::book("A", (*previous, *id), &json!([["new", 1.5, 2.0]]), &json!([]));
            say(rig, *at, notification("book.A.100ms", &data).to_string().as_bytes());
        }
        Call::Subscribe(which) => match rig.session.subscribe(&[NAMES[*which]], rig.now) {
            Ok(()) | Err(Error::Config(ConfigError::DepthTwice)) => drop(rig.drain()),
            Err(other) => panic!("{other}"),
        },
        Call::Unsubscribe(which) => {
            rig.session.unsubscribe(&[NAMES[*which]], rig.now);
            rig.drain();
        }
        Call::Pass(millis) => drop(rig.pass(Duration::from_millis(*millis))),
    }
    for at in 0..5 {
        // Not whether it is, but that it can be asked.
        let _ = rig.session.is_ready(leg(at));
    }
}

proptest! {
    /// Whatever was called: a connection that is then answered as it should be brings all that is followed.
    #[test]
    fn any_calls_in_any_order_do_not_break_a_session(script in proptest::collection::vec(call(), 1..80)) {
        let messages = messages();
        let mut rig = rig();
        for call in &script {
            make(&mut rig, &messages, call);
        }
        (0..10).for_each(|at| drop(rig.close_on(at, Ending::Lost)));
        prop_assert_eq!(rig.session.next_deadline(), None);
        rig.session.subscribe(&["quote.A"], rig.now).unwrap();
        rig.drain();
        rig.open();
        rig.answer_all();
        // Whatever was put off comes in time.
        for _ in 0..60 {
            rig.pass(Duration::from_secs(10));
            rig.answer_all();
        }
        let is_quote = |event: &Event<'_>| matches!(event, Event::Quote(_));
        let quote = json!({"timestamp": u64::MAX / 1_000_000, "instrument_name": "A"});
        prop_assert!(rig.notify("quote.A", &quote).iter().any(is_quote));
        if let Some(name) = NAMES[..2].iter().find(|name| rig.session.subscribe(&[name], rig.now).is_ok()) {
            rig.drain();
            rig.answer_all();
            rig.notify(name, &deribit::book("A", (None, 100), &json!([["new", 1.5, 2.0]]), &json!([])));
            prop_assert_eq!(rig.session.book(rig.find("A")).unwrap().state, BookState::Live);
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    let mut rig = rig();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(rig.feed(&deep), Err(Error::Malformed { .. })));
    let deep = format!(r#"{{"method":"subscription","params":{{"channel":"quote.A","data":{deep}}}}}"#);
    assert!(matches!(rig.feed(&deep), Err(Error::Malformed { .. })));
    assert_alive(&mut rig);
}
