//! Messages that a broken or hostile venue could send: none may panic, none may break the session.

mod deribit;

use deribit::{BOOK, Rig, config, notification};
use proptest::prelude::*;
use serde_json::{Value, json};
use tickwire_venue::deribit::{Channel, Config, Credentials};
use tickwire_venue::{Error, Event, Session};

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
    rig.pass(std::time::Duration::from_secs(100));
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
            rig.pass(std::time::Duration::from_secs(1));
        }
        assert_alive(&mut rig);
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
