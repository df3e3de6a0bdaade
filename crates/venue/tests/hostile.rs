//! Messages that a broken or hostile venue could send: none may panic, none may break the session.

mod common;

use common::{API, Rig, STREAM, books, config};
use proptest::prelude::*;
use serde_json::json;
use tickwire_venue::{Error, Session};

const MESSAGES: [&str; 9] = [
    r#"{"stream":"abc@depth@100ms","data":{"e":"depthUpdate","E":1700000000000,"s":"ABC","U":10,"u":12,"b":[["1.5","2"]],"a":[["1.6","0.00"],["1.7","3"]]}}"#,
    r#"{"u":12,"s":"ABC","b":"1.5","B":"2","a":"1.7","A":"3"}"#,
    r#"{"e":"trade","E":1700000000000,"s":"ABC","t":7,"p":"1.5","q":"1e-2","T":1700000000000,"m":true,"M":true}"#,
    r#"{"stream":"abc@depth5","data":{"lastUpdateId":12,"bids":[["1.5","2"]],"asks":[]}}"#,
    r#"{"id":2,"status":200,"result":{"lastUpdateId":11,"bids":[["1.5","2"],["1.4","1"]],"asks":[["1.7","3"]]}}"#,
    r#"{"id":2,"status":429,"error":{"code":-1003,"msg":"no","data":{"serverTime":1700000000000,"retryAfter":1700000001000}}}"#,
    r#"{"result":null,"id":1}"#,
    r#"{"error":{"code":2,"msg":"Invalid request: \u00e9"},"id":null}"#,
    r#"{"event":{"e":"serverShutdown","E":1700000000000}}"#,
];

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

/// Gives the session a message as it is and drains it.
fn give(rig: &mut Rig, on_api: bool, text: &[u8]) {
    let route = if on_api { API } else { STREAM };
    match rig.session.on_message(route, text, rig.both()) {
        Ok(()) | Err(Error::Malformed { .. } | Error::Unexpected { .. }) => {}
        Err(other) => panic!("the venue is not to blame: {other}"),
    }
    while rig.session.poll_event().is_some() {}
    while rig.session.poll_command().is_some() {}
}

fn assert_alive(rig: &mut Rig) {
    let ticker = json!({"u": u64::MAX, "s": "ABC", "b": "1", "B": "1", "a": "2", "A": "1"});
    assert!(!rig.stream(&ticker).is_empty());
}

proptest! {
    #[test]
    fn damaged_messages_do_not_break_a_session(
        script in proptest::collection::vec(
            (0..MESSAGES.len(), any::<bool>(), proptest::collection::vec((0_usize..1000, 0_u8..6, any::<u8>()), 0..4)),
            1..30,
        ),
    ) {
        let mut rig = Rig::confirmed(config(&["ABC"], books()));
        for (which, on_api, changes) in script {
            give(&mut rig, on_api, &changed(MESSAGES[which], &changes));
        }
        assert_alive(&mut rig);
    }

    #[test]
    fn any_ids_in_any_order_do_not_break_a_session(
        script in proptest::collection::vec((0_u8..3, any::<u64>(), any::<u64>(), 0_u64..6), 1..40),
    ) {
        let mut rig = Rig::confirmed(config(&["ABC"], books()));
        for (kind, a, b, id) in script {
            let (first, last) = (a.min(b), a.max(b));
            let bids = json!([["1.5", "2"]]);
            let (on_api, message) = match kind {
                0 => (false, json!({"e": "depthUpdate", "E": 1, "s": "ABC", "U": first, "u": last, "b": bids, "a": []})),
                1 => (false, json!({"u": last, "s": "ABC", "b": "1.5", "B": "2", "a": "0", "A": "0"})),
                _ => (true, json!({"id": id, "status": 200, "result": {"lastUpdateId": last, "bids": bids, "asks": []}})),
            };
            give(&mut rig, on_api, message.to_string().as_bytes());
        }
        assert_alive(&mut rig);
    }
}

#[test]
fn deep_nesting_is_refused() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut rig = Rig::confirmed(config(&["ABC"], books()));
    assert!(matches!(rig.feed(STREAM, &deep), Err(Error::Malformed { .. })));
    assert_alive(&mut rig);
}
