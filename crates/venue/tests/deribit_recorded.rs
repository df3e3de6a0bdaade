//! Recorded Deribit streams: every book comes up, follows, and is what a naive book is.

mod deribit;

use std::collections::BTreeMap;

use deribit::{Naive, Rig, apply, assert_same, changes, config, recording};
use serde_json::Value;
use tickwire_venue::deribit::{Channel, Config, Oddities, Rate};
use tickwire_venue::{BookChange, BookState, Event, Instrument, Session};

#[derive(Debug, Default)]
struct Counts {
    synced: usize,
    updated: usize,
    tickers: usize,
    marks: usize,
    trades: usize,
    partial: usize,
    gaps: Vec<(u64, u64)>,
    others: Vec<String>,
}

impl Counts {
    fn take(&mut self, told: &[Event<'_>]) {
        for event in told {
            match event {
                Event::Book(book) => match book.change {
                    BookChange::Synced { .. } => self.synced += 1,
                    BookChange::Updated { .. } => self.updated += 1,
                    BookChange::Gap { expected, got } => self.gaps.push((expected, got)),
                    other => self.others.push(format!("{other:?}")),
                },
                Event::Ticker(_) => self.tickers += 1,
                Event::Mark(_) => self.marks += 1,
                Event::Trade(_) => self.trades += 1,
                Event::Snapshot(snapshot) if snapshot.partial => self.partial += 1,
                Event::Snapshot(_) | Event::Delta(_) => {}
                other => self.others.push(format!("{other:?}")),
            }
        }
    }
}

/// Feeds notifications and compares every book with a naive one after each, as long as it is live.
fn replay(rig: &mut Rig, lines: &[String]) -> Counts {
    let mut counts = Counts::default();
    let mut naive: BTreeMap<String, (Naive, Naive)> = BTreeMap::new();
    for line in lines {
        let message: Value = serde_json::from_str(line).unwrap();
        if message["method"] != "subscription" {
            continue;
        }
        counts.take(&rig.feed(line).unwrap());
        let data = &message["params"]["data"];
        if data["bids"][0][0].is_string() || data["asks"][0][0].is_string() || data["change_id"] == 0 {
            let name = data["instrument_name"].as_str().unwrap();
            let (bids, asks) = naive.entry(name.to_owned()).or_default();
            if rig.session.book(rig.find(name)).unwrap().state == BookState::Live {
                if data["prev_change_id"].is_null() {
                    (*bids, *asks) = Default::default();
                }
                apply(bids, &data["bids"]);
                apply(asks, &data["asks"]);
            }
            assert_same(rig, rig.find(name), bids, asks);
        }
    }
    counts
}

#[test]
fn options_2021_ten_books_follow_without_a_gap() {
    let Some(lines) = recording("options_20210417_cryptofeed.ws") else { return };
    let confirmed: Value = serde_json::from_str(&lines[0]).unwrap();
    let more = confirmed["result"].as_array().unwrap();
    let more: Vec<String> = more.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    let mut rig = Rig::new(Config { more: more.clone(), event_node: true, ..Config::default() });
    rig.open();
    // The answer as it was recorded, in an order of its own; the request of that time had another id.
    let request = rig.request("public/subscribe");
    let told = rig.answer(&request, &confirmed["result"]);
    let mut subscribed: Vec<_> = told
        .iter()
        .zip((0..30).rev())
        .map(|(event, left)| match event {
            Event::Subscribed { stream, pending } if *pending == left => (*stream).to_owned(),
            other => panic!("{other:?}, {left} left"),
        })
        .collect();
    subscribed.sort();
    let mut named = more;
    named.sort();
    assert_eq!(subscribed, named);
    let counts = replay(&mut rig, &lines);
    println!("{counts:?}, {:?}", rig.session.oddities());
    assert_eq!((counts.synced, counts.updated, counts.tickers, counts.marks), (10, 46, 92, 92));
    assert!(counts.gaps.is_empty() && counts.others.is_empty(), "{counts:?}");
    assert_eq!(rig.session.oddities(), Oddities::default());
    let live = (0..rig.session.instruments()).filter_map(|number| rig.session.book(Instrument(number)));
    assert_eq!(live.filter(|view| view.state == BookState::Live).count(), 10);
    assert_eq!(rig.session.ways().library, 0);
}

#[test]
fn the_2020_testnet_stream_ends_in_a_gap() {
    let Some(lines) = recording("btc_perpetual_raw_20200622_testnet_ssc2ce") else { return };
    let channels = [Channel::Book { interval: Rate::Raw }];
    let mut rig = Rig::confirmed(Config { event_node: true, ..config(&["BTC-PERPETUAL"], &channels) });
    let (last, before) = lines.split_last().unwrap();
    let counts = replay(&mut rig, before);
    assert_eq!((counts.synced, counts.updated), (1, 3));
    assert!(counts.gaps.is_empty() && counts.others.is_empty(), "{counts:?}");
    let only = rig.find("BTC-PERPETUAL");
    assert_eq!(rig.session.book(only).unwrap().state, BookState::Live);
    let told = rig.feed(last).unwrap();
    assert_eq!(changes(&told), [BookChange::Gap { expected: 4_095_205_462, got: 4_095_205_463 }]);
    let view = rig.session.book(only).unwrap();
    assert_eq!((view.state, view.update_id), (BookState::Stale, 4_095_205_462));
    let leave = rig.request("public/unsubscribe");
    assert_eq!(leave["params"]["channels"][0], "book.BTC-PERPETUAL.raw");
}

#[test]
fn perpetual_2026_grouped_books_and_two_changes_on_a_cut_snapshot() {
    let (Some(lines), Some(cut)) = (
        recording("perp_20260913_testnet_fastmm"),
        recording("trimmed_perp_snapshot_20260913_testnet_fastmm"),
    ) else {
        return;
    };
    let channels = [Channel::Book { interval: Rate::Ms100 }, Channel::Trades { interval: Rate::Ms100 }];
    let mut rig = Rig::confirmed(config(&["BTC-PERPETUAL"], &channels));
    // The snapshot is cut, so that changes beyond it are of levels that it does not have.
    let counts = replay(&mut rig, &[cut, lines.clone()].concat());
    assert_eq!((counts.synced, counts.trades, counts.updated, counts.partial), (1, 3, 2, 1), "{counts:?}");
    assert!(counts.gaps.is_empty() && counts.others.is_empty(), "{counts:?}");
    assert_eq!(rig.session.oddities(), Oddities { new_but_there: 0, changed_but_missing: 1 });
    // A test request is answered; answers that nobody waits for are told.
    for line in lines.iter().filter(|line| !line.contains("subscription")) {
        for event in rig.feed(line).unwrap() {
            assert!(matches!(event, Event::Other { kind: "answer" } | Event::Rejected(_)), "{event:?}");
        }
    }
    assert_eq!(rig.sent.iter().filter(|request| request["method"] == "public/test").count(), 1);
}

#[test]
fn single_messages_of_several_years_are_told() {
    for name in ["misc_crypto-msg-parser", "reserialised_tardis_deribit_messages"] {
        let Some(lines) = recording(name) else { return };
        let mut rig = Rig::confirmed(config(&["BTC-PERPETUAL"], &[Channel::Quote]));
        for line in lines {
            match rig.feed(&line) {
                Ok(told) => assert!(!told.is_empty(), "{line}"),
                // Books that were not asked for.
                Err(error) => assert!(line.contains("[\"new\","), "{line}: {error}"),
            }
        }
    }
}
