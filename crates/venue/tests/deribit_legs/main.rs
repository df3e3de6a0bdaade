//! What a session makes of several connections with the same channels, by a manual clock.

mod books;
mod channels;
#[path = "../deribit/mod.rs"]
mod deribit;
mod runtime;
mod storms;

use std::time::Duration;

use deribit::replicas::{self, Dice, Faults, History, Replica};
use deribit::{BOOK, Rig, book, changes, channels, config, leg, notification, tokens};
use serde_json::{Value, json};
use tickwire_venue::deribit::{Channel, Config, Credentials, Rate};
use tickwire_venue::{
    BookChange, BookState, ConfigError, Ending, Error, Event, Gap, Instrument, Outcome, Rejection, Request,
    Session, Status, StatusKind, Ticker,
};

const ONLY: Instrument = Instrument(0);
const CHANNEL: &str = "book.A.100ms";
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn snapshot(id: u64) -> Value {
    book("A", (None, id), &json!([["new", 1.0, id]]), &json!([["new", 1_000_000.0, 5.0]]))
}

/// A change that makes the quantity of the only bid its id.
fn change(previous: u64, id: u64) -> Value {
    book("A", (Some(previous), id), &json!([["change", 1.0, id]]), &json!([]))
}

/// Opens a connection and answers all it asks as it is meant to be.
fn join(rig: &mut Rig, at: usize) -> Vec<Event<'static>> {
    rig.open_on(at);
    rig.answer_all_on(at)
}

/// Two connections that have brought the same snapshot.
fn pair() -> Rig {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    assert_eq!(join(&mut rig, 0), [Event::Subscribed { stream: CHANNEL, pending: 0 }]);
    assert_eq!(join(&mut rig, 1), [], "it is followed already");
    let told = rig.notify_on(0, CHANNEL, &snapshot(10));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: 10 }]);
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(10)), []);
    rig
}

/// A change that is news and continues the book.
fn continues(rig: &mut Rig, at: usize, previous: u64, id: u64) {
    let told = rig.notify_on(at, CHANNEL, &change(previous, id));
    let [Event::Delta(delta), Event::Book(book)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((delta.previous_id, delta.last_id), (Some(previous), id));
    assert_eq!(book.change, BookChange::Updated { update_id: id });
    stands_at(rig, BookState::Live, id);
}

/// A change that is not told.
fn silent(rig: &mut Rig, at: usize, previous: u64, id: u64) {
    assert_eq!(rig.notify_on(at, CHANNEL, &change(previous, id)), [], "{previous} to {id} on {at}");
}

fn stands_at(rig: &Rig, state: BookState, id: u64) {
    let view = rig.session.book(ONLY).unwrap();
    assert_eq!((view.state, view.update_id), (state, id));
    assert_eq!(view.book.best_bid().unwrap().quantity.to_string(), id.to_string());
}

fn gap(after: u64, through: u64) -> Event<'static> {
    Event::Gap(Gap { stream: CHANNEL, instrument: None, after, through })
}

/// Unsubscribes and subscribes anew, as was asked on a connection and on no other.
fn anew(rig: &mut Rig, at: usize) {
    let leave = rig.request_on(at, "public/unsubscribe");
    assert_eq!(channels(&leave), [CHANNEL]);
    rig.answer_on(at, &leave, &json!([CHANNEL]));
    let subscribe = rig.request_on(at, "public/subscribe");
    assert_eq!(channels(&subscribe), [CHANNEL]);
    rig.answer_on(at, &subscribe, &json!([CHANNEL]));
    assert!(rig.sent_on(0).is_empty() && rig.sent_on(1).is_empty());
}
