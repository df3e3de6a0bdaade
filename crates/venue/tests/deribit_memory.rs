//! What a Deribit session takes of memory when nothing is new: nothing.

mod deribit;

use deribit::{BOOK, Rig, config, leg, notification};
use serde_json::{Value, json};
use tickwire_venue::Session;
use tickwire_venue::deribit::{Channel, Rate};

const TRADES: Channel = Channel::Trades { interval: Rate::Ms100 };

fn texts(id: u64) -> Vec<String> {
    let (bids, asks) =
        (json!([["change", 1.5, id % 7 + 1], ["new", 1.25, 2e1]]), json!([["delete", 3.5, 0.0]]));
    let mut book = deribit::book("A", (Some(id), id + 1), &bids, &asks);
    book["asks"] = json!([["change", 3.0, 6.4e4]]);
    let trade = |nth: u64| {
        json!({
            "trade_seq": 3 * id + nth, "trade_id": "1", "timestamp": 1, "price": 1.0, "amount": 1.0,
            "instrument_name": "A", "direction": "buy",
        })
    };
    let ticker = json!({
        "type": "change", "timestamp": 1, "instrument_name": "A", "mark_price": 1.5, "stats": {"low": 1.0},
    });
    let messages: [Value; 5] = [
        notification("book.A.100ms", &book),
        notification("trades.A.100ms", &json!([trade(0), trade(1), trade(2)])),
        notification("incremental_ticker.A", &ticker),
        notification("quote.A", &json!({"timestamp": 1, "instrument_name": "A", "best_bid_price": 1.0})),
        json!({"params": {"type": "heartbeat"}, "method": "heartbeat", "jsonrpc": "2.0"}),
    ];
    messages.iter().map(Value::to_string).collect()
}

/// What a session takes for the second half of the texts, each brought by so many connections.
fn taken(legs: usize) -> u64 {
    let channels = [BOOK, TRADES, Channel::IncrementalTicker, Channel::Quote];
    let mut rig = Rig::new(config(&["A"], &channels));
    let snapshot = deribit::book("A", (None, 0), &json!([["new", 1.5, 1.0]]), &json!([["new", 3.0, 1.0]]));
    let whole = json!({"type": "snapshot", "timestamp": 1, "instrument_name": "A"});
    for at in 0..legs {
        rig.open_on(at);
        rig.answer_all_on(at);
        rig.notify_on(at, "book.A.100ms", &snapshot);
        rig.notify_on(at, "incremental_ticker.A", &whole);
    }
    let texts: Vec<String> = (0..40).flat_map(texts).collect();
    let (first, rest) = texts.split_at(texts.len() / 2);
    let mut feed = |texts: &[String]| {
        let mut told = 0;
        for text in texts {
            for at in 0..legs {
                rig.session.on_message(leg(at), text.as_bytes(), rig.now).unwrap();
                while rig.session.poll_event().is_some() {
                    told += 1;
                }
                assert!(rig.session.poll_command().is_none());
            }
        }
        told
    };
    assert_eq!(feed(first), 20 * (2 + 3 + 2 + 1));
    let mut told = 0;
    let measured = allocation_counter::measure(|| told = feed(rest));
    assert_eq!(told, 160);
    measured.count_total
}

#[test]
fn messages_of_known_instruments_allocate_nothing() {
    assert_eq!(taken(1), 0);
}

#[test]
fn copies_of_them_allocate_nothing() {
    assert_eq!(taken(2), 0);
}
