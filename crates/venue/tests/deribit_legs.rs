//! What a session makes of several connections with the same channels, by a manual clock.

mod deribit;

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

#[test]
fn the_first_copy_is_told_whichever_connection_brings_it() {
    let mut rig = pair();
    continues(&mut rig, 0, 10, 15);
    silent(&mut rig, 1, 10, 15);
    continues(&mut rig, 1, 15, 20);
    continues(&mut rig, 1, 20, 25);
    rig.pass(3 * MS);
    silent(&mut rig, 0, 15, 20);
    silent(&mut rig, 0, 20, 25);
    let of = |at| rig.session.leg_counts(leg(at)).unwrap().clone();
    assert_eq!((of(0).firsts, of(0).copies), (1, 2));
    // The snapshot too was a copy.
    assert_eq!((of(1).firsts, of(1).copies), (2, 2));
    let lag = of(0).lag_us.unwrap().max();
    assert!((3000..3100).contains(&lag), "{lag} us");
    assert!(rig.session.leg_counts(tickwire_venue::Route::first(1)).is_none());
}

#[test]
fn what_a_connection_brings_twice_is_ignored_and_a_copy_of_another_is_not_even_told() {
    let mut rig = pair();
    continues(&mut rig, 0, 10, 15);
    let told = rig.notify_on(0, CHANNEL, &change(10, 15));
    assert_eq!(changes(&told), [BookChange::Ignored { last_id: 15, update_id: 15 }]);
    assert_eq!(told.len(), 1, "no id is told twice: {told:?}");
    silent(&mut rig, 1, 10, 15);
    let told = rig.notify_on(1, CHANNEL, &snapshot(15));
    assert_eq!(changes(&told), [BookChange::Ignored { last_id: 15, update_id: 15 }]);
    stands_at(&rig, BookState::Live, 15);
}

#[test]
fn a_hole_of_one_connection_is_filled_by_the_other() {
    let mut rig = pair();
    continues(&mut rig, 0, 10, 15);
    silent(&mut rig, 1, 10, 15);
    // 20 is lost on the way of the second.
    silent(&mut rig, 1, 20, 25);
    silent(&mut rig, 1, 25, 30);
    rig.pass(500 * MS);
    continues(&mut rig, 0, 15, 20);
    continues(&mut rig, 0, 20, 25);
    continues(&mut rig, 0, 25, 30);
    continues(&mut rig, 1, 30, 35);
    assert_eq!(rig.session.leg_counts(leg(1)).unwrap().ahead, 2);
    assert_eq!(rig.pass(10 * SECOND), []);
    assert!(rig.sent_on(0).is_empty() && rig.sent_on(1).is_empty());
}

#[test]
fn a_hole_of_all_connections_is_one_gap_and_the_one_that_shows_it_begins_anew() {
    let mut rig = pair();
    silent(&mut rig, 1, 12, 15);
    let told = rig.notify_on(0, CHANNEL, &change(12, 15));
    assert_eq!(told[0], gap(10, 12));
    assert!(matches!(told[1], Event::Delta(delta) if delta.last_id == 15), "{told:?}");
    assert_eq!(changes(&told), [BookChange::Gap { expected: 10, got: 12 }]);
    assert_eq!(told.len(), 3);
    stands_at(&rig, BookState::Stale, 10);
    assert!(rig.sent_on(1).is_empty());

    // Until the snapshot comes nothing is told, but where the connections stand counts.
    for (previous, id) in [(15, 20), (20, 25), (25, 30)] {
        silent(&mut rig, 1, previous, id);
    }
    silent(&mut rig, 0, 15, 20);
    anew(&mut rig, 0);
    let told = rig.notify_on(0, CHANNEL, &snapshot(25));
    assert_eq!(told[0], gap(15, 24));
    assert!(matches!(told[1], Event::Snapshot(_)), "{told:?}");
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 25 }]);
    // The second is beyond it and waits for the first.
    silent(&mut rig, 1, 30, 35);
    continues(&mut rig, 0, 25, 30);
    continues(&mut rig, 0, 30, 35);
    continues(&mut rig, 1, 35, 40);
    assert_eq!(rig.pass(10 * SECOND), []);
}

#[test]
fn connections_behind_a_new_snapshot_bring_copies_up_to_it() {
    let mut rig = pair();
    silent(&mut rig, 1, 12, 15);
    rig.notify_on(0, CHANNEL, &change(12, 15));
    anew(&mut rig, 0);
    let told = rig.notify_on(0, CHANNEL, &snapshot(40));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 40 }]);
    for (previous, id) in [(15, 25), (25, 39), (39, 40)] {
        silent(&mut rig, 1, previous, id);
    }
    continues(&mut rig, 1, 40, 45);
    silent(&mut rig, 0, 40, 45);
}

#[test]
fn a_connection_that_went_on_while_the_book_waited_fills_no_hole_behind_it() {
    let mut rig = pair();
    silent(&mut rig, 1, 12, 15);
    rig.notify_on(0, CHANNEL, &change(12, 15));
    silent(&mut rig, 1, 15, 50);
    anew(&mut rig, 0);
    rig.notify_on(0, CHANNEL, &snapshot(25));
    let told = rig.notify_on(0, CHANNEL, &change(28, 30));
    assert_eq!(told[0], gap(25, 28), "at once: {told:?}");
    assert_eq!(changes(&told), [BookChange::Gap { expected: 25, got: 28 }]);
}

#[test]
fn a_change_that_begins_earlier_continues_the_book() {
    let mut rig = pair();
    continues(&mut rig, 0, 10, 15);
    // The venue joins what one connection is told apart.
    continues(&mut rig, 1, 10, 20);
    continues(&mut rig, 0, 15, 30);
    silent(&mut rig, 1, 20, 25);
}

#[test]
fn a_hole_that_is_not_filled_in_time_is_a_gap_without_another_message() {
    let mut rig = pair();
    silent(&mut rig, 1, 12, 15);
    assert_eq!(rig.pass(999 * MS), []);
    let told = rig.pass(MS);
    assert_eq!(told[0], gap(10, 15));
    assert_eq!(changes(&told), [BookChange::Gap { expected: 10, got: 15 }]);
    assert_eq!(told.len(), 2);
    // The other one may be dead.
    anew(&mut rig, 1);
    let told = rig.notify_on(1, CHANNEL, &snapshot(20));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 20 }]);
    continues(&mut rig, 1, 20, 25);
}

#[test]
fn a_hole_whose_filler_is_lost_is_a_gap_at_once() {
    for ending in [Ending::Lost, Ending::InOrder] {
        let mut rig = pair();
        silent(&mut rig, 1, 12, 15);
        let told = rig.close_on(0, ending);
        assert_eq!(told[0], gap(10, 15));
        assert_eq!(changes(&told), [BookChange::Gap { expected: 10, got: 15 }]);
        anew(&mut rig, 1);
    }
}

#[test]
fn a_fresh_connection_behind_the_others_takes_its_place() {
    let mut rig = pair();
    for (previous, id) in [(10, 15), (15, 20), (20, 25)] {
        continues(&mut rig, 0, previous, id);
    }
    rig.close_on(1, Ending::Lost);
    join(&mut rig, 1);
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(15)), []);
    silent(&mut rig, 1, 15, 20);
    silent(&mut rig, 1, 20, 25);
    continues(&mut rig, 1, 25, 30);
}

#[test]
fn a_fresh_connection_beyond_the_others_waits_for_them() {
    let mut rig = pair();
    rig.close_on(1, Ending::Lost);
    join(&mut rig, 1);
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(20)), []);
    silent(&mut rig, 1, 20, 25);
    assert!(!rig.session.is_ready(leg(1)));
    continues(&mut rig, 0, 10, 15);
    continues(&mut rig, 0, 15, 20);
    assert!(!rig.session.is_ready(leg(1)));
    continues(&mut rig, 0, 20, 25);
    assert!(rig.session.is_ready(leg(1)));
    continues(&mut rig, 1, 25, 30);
}

#[test]
fn what_a_fresh_connection_left_to_one_that_is_lost_is_a_gap() {
    let mut rig = pair();
    rig.close_on(1, Ending::Lost);
    join(&mut rig, 1);
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(20)), []);
    let told = rig.close_on(0, Ending::Lost);
    assert_eq!(told[0], gap(10, 20));
    assert_eq!(changes(&told), [BookChange::Gap { expected: 10, got: 20 }]);
    anew(&mut rig, 1);
    let told = rig.notify_on(1, CHANNEL, &snapshot(25));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 25 }]);
}

#[test]
fn a_snapshot_beyond_a_book_that_nobody_else_feeds_is_taken() {
    // It is confirmed before the other one is lost, and comes after.
    for (id, told_gap) in [(10, None), (12, Some(gap(10, 11)))] {
        let mut rig = pair();
        rig.close_on(1, Ending::Lost);
        join(&mut rig, 1);
        assert_eq!(rig.close_on(0, Ending::Lost), [], "the second has the channel");
        stands_at(&rig, BookState::Live, 10);
        let told = rig.notify_on(1, CHANNEL, &snapshot(id));
        match told_gap {
            None => assert_eq!(told, []),
            Some(gap) => {
                assert_eq!(told[0], gap);
                assert!(matches!(told[1], Event::Snapshot(snapshot) if snapshot.update_id == id), "{told:?}");
                assert_eq!(changes(&told), [BookChange::Resynced { update_id: id }]);
            }
        }
        continues(&mut rig, 1, id, 15);
        assert_eq!(rig.pass(20 * SECOND), [], "no snapshot is waited for");
    }
}

#[test]
fn renewed_in_order_nothing_is_lost_or_doubled() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    join(&mut rig, 0);
    rig.notify_on(0, CHANNEL, &snapshot(10));
    continues(&mut rig, 0, 10, 15);
    rig.open_on(1);
    assert!(!rig.session.is_ready(leg(1)), "it is not subscribed");
    continues(&mut rig, 0, 15, 20);
    rig.answer_all_on(1);
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(30)), []);
    assert!(!rig.session.is_ready(leg(1)), "it is beyond what was told");
    continues(&mut rig, 0, 20, 30);
    assert!(rig.session.is_ready(leg(1)));
    // What is under way while the first closes.
    continues(&mut rig, 1, 30, 35);
    silent(&mut rig, 0, 30, 35);
    continues(&mut rig, 0, 35, 40);
    assert_eq!(rig.close_on(0, Ending::InOrder), []);
    silent(&mut rig, 1, 35, 40);
    continues(&mut rig, 1, 40, 45);
    // The place is free for another.
    assert_eq!(join(&mut rig, 0), []);
    assert_eq!(rig.notify_on(0, CHANNEL, &snapshot(45)), []);
    assert!(rig.session.is_ready(leg(0)));
    continues(&mut rig, 0, 45, 50);
}

#[test]
fn a_quiet_book_is_handed_over_too() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    join(&mut rig, 0);
    rig.notify_on(0, CHANNEL, &snapshot(10));
    join(&mut rig, 1);
    assert!(!rig.session.is_ready(leg(1)), "its snapshot may be beyond all that the first one brings");
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(10)), []);
    assert!(rig.session.is_ready(leg(1)));
    assert_eq!(rig.close_on(0, Ending::InOrder), []);
    assert_eq!(rig.pass(20 * SECOND), []);
    continues(&mut rig, 1, 10, 15);
}

#[test]
fn a_connection_lost_midway_leaves_the_book_to_the_other_and_the_last_one_makes_it_stale() {
    let mut rig = pair();
    continues(&mut rig, 0, 10, 15);
    assert_eq!(rig.close_on(0, Ending::Lost), []);
    stands_at(&rig, BookState::Live, 15);
    silent(&mut rig, 1, 10, 15);
    continues(&mut rig, 1, 15, 20);
    let told = rig.close_on(1, Ending::Lost);
    assert_eq!(changes(&told), [BookChange::Stale { update_id: 20 }]);
    assert_eq!((told.len(), rig.session.next_deadline()), (1, None));
    // Both are opened again: the first snapshot of any is taken.
    rig.open_on(0);
    assert_eq!(join(&mut rig, 1), [Event::Subscribed { stream: CHANNEL, pending: 0 }]);
    assert_eq!(rig.answer_all_on(0), []);
    let told = rig.notify_on(0, CHANNEL, &snapshot(40));
    assert_eq!(told[0], gap(20, 39));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 40 }]);
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(30)), []);
    silent(&mut rig, 1, 30, 40);
    continues(&mut rig, 1, 40, 45);
}

#[test]
fn a_book_that_waits_is_made_anew_by_the_connection_that_is_left() {
    // The one that was to bring the snapshot is lost before it has.
    let mut rig = pair();
    silent(&mut rig, 1, 12, 15);
    rig.notify_on(0, CHANNEL, &change(12, 15));
    rig.request_on(0, "public/unsubscribe");
    assert!(rig.sent_on(1).is_empty());
    assert_eq!(rig.close_on(0, Ending::Lost), []);
    rig.pass(SECOND);
    anew(&mut rig, 1);
    let told = rig.notify_on(1, CHANNEL, &snapshot(20));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 20 }]);

    // The venue does not give it the channel any more.
    let told = rig.notify_on(1, CHANNEL, &change(22, 25));
    assert_eq!(changes(&told), [BookChange::Gap { expected: 20, got: 22 }]);
    join(&mut rig, 0);
    rig.pass(SECOND);
    let leave = rig.request_on(1, "public/unsubscribe");
    rig.notify_on(0, CHANNEL, &snapshot(24));
    rig.answer_on(1, &leave, &json!([CHANNEL]));
    let subscribe = rig.request_on(1, "public/subscribe");
    assert_eq!(rig.answer_on(1, &subscribe, &json!([])), [], "the other brings it");
    continues(&mut rig, 0, 24, 30);
}

#[test]
fn a_snapshot_that_comes_on_neither_connection_is_asked_for_again() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    join(&mut rig, 0);
    rig.pass(5 * SECOND);
    join(&mut rig, 1);
    let told = rig.pass(5 * SECOND);
    assert_eq!(told, [Event::Unanswered { request: Request::Snapshot, instrument: Some(ONLY) }]);
    anew(&mut rig, 0);
    let told = rig.notify_on(1, CHANNEL, &snapshot(10));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: 10 }]);
    assert_eq!(rig.pass(20 * SECOND), []);
}

#[test]
fn a_book_whose_feeder_is_lost_before_the_other_is_confirmed_takes_the_snapshot_of_the_other() {
    // The snapshot comes before the confirmation, and before the first connection is lost.
    let mut rig = pair();
    rig.close_on(1, Ending::Lost);
    rig.open_on(1);
    let subscribe = rig.request_on(1, "public/subscribe");
    rig.answer_all_on(1);
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(10)), []);
    assert_eq!(changes(&rig.close_on(0, Ending::Lost)), [BookChange::Stale { update_id: 10 }]);
    let told = rig.answer_on(1, &subscribe, &json!([CHANNEL]));
    assert_eq!(told, [Event::Subscribed { stream: CHANNEL, pending: 0 }]);
    rig.pass(SECOND);
    anew(&mut rig, 1);
    let told = rig.notify_on(1, CHANNEL, &snapshot(10));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 10 }]);

    // It comes after.
    rig.open_on(0);
    assert_eq!(changes(&rig.close_on(1, Ending::Lost)), [BookChange::Stale { update_id: 10 }]);
    let told = rig.notify_on(0, CHANNEL, &snapshot(10));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 10 }]);
    rig.answer_all_on(0);
    continues(&mut rig, 0, 10, 15);
    assert_eq!(rig.pass(20 * SECOND), []);
}

#[test]
fn a_crossed_book_begins_anew_on_the_connection_that_crossed_it() {
    let mut rig = pair();
    let crossed = book("A", (Some(10), 15), &json!([["new", 1_000_000.0, 1.0]]), &json!([]));
    let told = rig.notify_on(1, CHANNEL, &crossed);
    assert_eq!(changes(&told), [BookChange::Crossed { update_id: 15 }]);
    assert_eq!(rig.notify_on(0, CHANNEL, &crossed), []);
    anew(&mut rig, 1);
}

#[test]
fn ids_that_begin_anew_on_one_connection_begin_anew_on_all() {
    let mut rig = pair();
    let told = rig.notify_on(0, CHANNEL, &change(10, 5));
    assert_eq!(told[0], gap(10, 4));
    assert_eq!(changes(&told), [BookChange::Gap { expected: 10, got: 10 }]);
    silent(&mut rig, 1, 5, 6);
    anew(&mut rig, 0);
    let told = rig.notify_on(0, CHANNEL, &snapshot(6));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 6 }]);
    continues(&mut rig, 1, 6, 7);
    silent(&mut rig, 0, 6, 7);
}

fn trade(instrument: &str, sequence: u64) -> Value {
    json!({
        "trade_seq": sequence, "trade_id": "1", "timestamp": 1_700_000_000_000_u64, "price": 1.5, "amount": 1.0,
        "instrument_name": instrument, "direction": "buy",
    })
}

fn ids(told: &[Event<'_>]) -> Vec<u64> {
    told.iter()
        .map(|event| if let Event::Trade(trade) = event { trade.id } else { panic!("{event:?}") })
        .collect()
}

#[test]
fn trades_are_told_once_and_what_is_missing_is_told_by_instrument() {
    const TRADES: &str = "trades.future.any.100ms";
    let mut rig = Rig::new(Config { more: vec![TRADES.into()], ..Config::default() });
    join(&mut rig, 0);
    join(&mut rig, 1);
    let tell = |rig: &mut Rig, at, trades: &[Value]| rig.notify_on(at, TRADES, &json!(trades));
    assert_eq!(ids(&tell(&mut rig, 0, &[trade("A", 7), trade("B", 100), trade("A", 8)])), [7, 100, 8]);
    assert_eq!(tell(&mut rig, 1, &[trade("A", 7), trade("B", 100)]), []);
    // Cut into messages otherwise, and one is new.
    assert_eq!(ids(&tell(&mut rig, 1, &[trade("A", 8), trade("A", 9)])), [9]);
    // The first misses 101 of B, the second brings it.
    assert_eq!(tell(&mut rig, 0, &[trade("A", 9), trade("B", 102)]), []);
    assert_eq!(ids(&tell(&mut rig, 1, &[trade("B", 101), trade("B", 102)])), [101, 102]);
    // Both miss 103.
    assert_eq!(tell(&mut rig, 0, &[trade("B", 104)]), []);
    let told = tell(&mut rig, 1, &[trade("B", 104)]);
    let instrument = Some(rig.find("B"));
    assert_eq!(told[0], Event::Gap(Gap { stream: TRADES, instrument, after: 102, through: 103 }));
    assert_eq!(ids(&told[1..]), [104]);
}

#[test]
fn what_has_a_time_is_told_once_and_several_of_one_time_each() {
    let mut rig = Rig::new(config(&["A"], &[Channel::Quote]));
    join(&mut rig, 0);
    join(&mut rig, 1);
    let quote = |time: u64, bid: f64| json!({"timestamp": time, "instrument_name": "A", "best_bid_price": bid, "best_bid_amount": 1.0});
    let mut told = |at, time, bid| match rig.notify_on(at, "quote.A", &quote(time, bid)).as_slice() {
        [] => None,
        [Event::Quote(quote)] => Some(quote.bid.unwrap().price.to_f64()),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(0, 1, 1.0), Some(1.0));
    assert_eq!(told(0, 1, 2.0), Some(2.0));
    // It begins with what stands, which is no update, be it told as of now or as of then.
    assert_eq!(told(1, 1, 2.0), None);
    assert_eq!(told(0, 2, 3.0), Some(3.0));
    assert_eq!(told(1, 2, 3.0), None);
    assert_eq!(told(1, 3, 4.0), Some(4.0));
    assert_eq!(told(1, 3, 5.0), Some(5.0));
    assert_eq!(told(0, 3, 4.0), None);
    assert_eq!(told(0, 3, 5.0), None);
    assert_eq!(told(0, 3, 6.0), Some(6.0));
    assert_eq!(told(1, 3, 6.0), None);
}

#[test]
fn what_a_connection_brings_late_that_took_over_in_silence_is_old() {
    let mut rig = Rig::new(config(&["A"], &[BOOK, Channel::Quote]));
    let quote = |time: u64| notification("quote.A", &json!({"timestamp": time, "instrument_name": "A"}));
    join(&mut rig, 0);
    rig.notify_on(0, CHANNEL, &snapshot(15));
    for time in [9, 10] {
        assert_eq!(rig.tell_on(0, &quote(time)).len(), 1);
    }
    join(&mut rig, 1);
    assert_eq!(rig.close_on(0, Ending::InOrder), []);
    assert_eq!(rig.tell_on(1, &quote(9)), []);
    assert_eq!(rig.tell_on(1, &quote(10)), []);
    assert!(matches!(rig.tell_on(1, &quote(11))[..], [Event::Quote(_)]), "and no gap");
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(10)), []);
    silent(&mut rig, 1, 10, 15);
    continues(&mut rig, 1, 15, 20);

    // One that lags behind the stream can hand nothing over.
    join(&mut rig, 0);
    assert_eq!(rig.tell_on(0, &quote(10)), []);
    join(&mut rig, 2);
    assert_eq!(rig.close_on(0, Ending::InOrder), []);
    rig.close_on(1, Ending::Lost);
    let told = rig.tell_on(2, &quote(15));
    let ms = 1_000_000;
    let gap = Gap { stream: "quote.A", instrument: None, after: 11 * ms, through: 15 * ms - 1 };
    assert_eq!(told[0], Event::Gap(gap));
    assert_eq!(told.len(), 2);
}

#[test]
fn what_names_no_order_is_told_once_by_its_text() {
    let credentials = Some(Credentials::Refresh { token: String::from("t").into() });
    let more = vec!["user.lock".into(), "announcements".into(), "platform_state".into()];
    let candles = Channel::ChartTrades { resolution: tickwire_venue::deribit::Resolution::Minutes1 };
    let mut rig = Rig::new(Config { credentials, more, ..config(&["A"], &[candles]) });
    join(&mut rig, 0);
    join(&mut rig, 1);
    let candle = |close: f64| json!({"volume": 1.0, "tick": 60_000, "open": 1.0, "low": 1.0, "high": 9.0, "cost": 1.0, "close": close});
    let texts = [
        notification("chart.trades.A.1", &candle(2.0)),
        notification("chart.trades.A.1", &candle(3.0)),
        notification("user.lock", &json!({"locked": true})),
        notification("announcements", &json!({"id": 1, "title": "A title"})),
        notification("platform_state", &json!({"price_index": "a", "locked": true})),
    ];
    for text in &texts {
        assert_eq!(rig.tell_on(0, text).len(), 1, "{text}");
        assert_eq!(rig.tell_on(1, text), [], "{text}");
    }
    // What comes again is another one.
    assert_eq!(rig.tell_on(1, &texts[1]).len(), 1);
    assert_eq!(rig.tell_on(0, &texts[1]), []);
    // A fresh connection brings nothing of before.
    rig.close_on(1, Ending::Lost);
    join(&mut rig, 1);
    assert_eq!(rig.tell_on(1, &texts[1]).len(), 1);
}

#[test]
fn an_incremental_ticker_is_merged_of_what_is_news() {
    let mut rig = Rig::new(config(&["A"], &[Channel::IncrementalTicker]));
    join(&mut rig, 0);
    join(&mut rig, 1);
    let message = |time: u64, kind: &str, fields: Value| {
        let mut data = json!({"type": kind, "timestamp": time, "instrument_name": "A"});
        data.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        data
    };
    let mut told = |at, time, kind, fields: Value| {
        let told = rig.notify_on(at, "incremental_ticker.A", &message(time, kind, fields));
        let number = |ticker: &Ticker| {
            (ticker.last.map(|last| last.to_f64()), ticker.open_interest.map(|open| open.to_f64()))
        };
        match told.as_slice() {
            [] => None,
            [Event::Ticker(ticker)] => Some(number(ticker)),
            other => panic!("{other:?}"),
        }
    };
    let whole = |last: f64, open: f64| json!({"last_price": last, "open_interest": open});
    assert_eq!(told(0, 10, "snapshot", whole(1.0, 5.0)), Some((Some(1.0), Some(5.0))));
    assert_eq!(told(0, 11, "change", json!({"last_price": 2.0})), Some((Some(2.0), Some(5.0))));
    // The whole of a fresh connection: behind, it changes nothing.
    assert_eq!(told(1, 10, "snapshot", whole(1.0, 5.0)), None);
    assert_eq!(told(1, 11, "change", json!({"last_price": 2.0})), None);
    assert_eq!(told(1, 12, "change", json!({"open_interest": 6.0})), Some((Some(2.0), Some(6.0))));
    assert_eq!(told(0, 12, "change", json!({"open_interest": 6.0})), None);
    // Beyond, it stands for what the others have not brought yet.
    rig.close_on(1, Ending::Lost);
    join(&mut rig, 1);
    let mut told = |at, time, kind, fields: Value| {
        rig.notify_on(at, "incremental_ticker.A", &message(time, kind, fields))
            .iter()
            .map(|event| match event {
                Event::Ticker(ticker) => {
                    (ticker.last.unwrap().to_f64(), ticker.open_interest.unwrap().to_f64())
                }
                other => panic!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(told(1, 15, "snapshot", whole(3.0, 7.0)), [(3.0, 7.0)]);
    assert_eq!(told(0, 14, "change", json!({"last_price": 3.0})), []);
    assert_eq!(told(0, 15, "change", json!({"open_interest": 7.0})), []);
    assert_eq!(told(0, 16, "change", json!({"last_price": 4.0})), [(4.0, 7.0)]);
    // A connection lost leaves what is kept, the last one does not.
    rig.close_on(0, Ending::Lost);
    let change = message(17, "change", json!({"last_price": 5.0}));
    assert_eq!(
        rig.notify_on(1, "incremental_ticker.A", &message(16, "change", json!({"last_price": 4.0}))),
        []
    );
    assert!(matches!(rig.notify_on(1, "incremental_ticker.A", &change)[..], [Event::Ticker(_)]));
    rig.close_on(1, Ending::Lost);
    join(&mut rig, 0);
    let early = notification("incremental_ticker.A", &message(18, "change", json!({"last_price": 6.0})));
    assert!(matches!(rig.feed_on(0, &early.to_string()), Err(Error::Unexpected { .. })));
}

#[test]
fn a_ticker_that_begins_behind_what_was_told_goes_on_from_there() {
    // It is told whole as it stood when all connections were lost, or before.
    for behind in 0..2 {
        let mut rig = Rig::new(config(&["A"], &[Channel::IncrementalTicker]));
        let message = |time: u64, kind: &str, last: u64| {
            let open =
                json!({"type": kind, "timestamp": time, "instrument_name": "A", "open_interest": last});
            notification("incremental_ticker.A", &open)
        };
        join(&mut rig, 0);
        let mut whole = message(10, "snapshot", 1);
        whole["params"]["data"]["last_price"] = json!(7);
        assert_eq!(rig.tell_on(0, &whole).len(), 1);
        assert_eq!(rig.tell_on(0, &message(11, "change", 2)).len(), 1);
        rig.close_on(0, Ending::Lost);
        join(&mut rig, 0);
        let early = rig.feed_on(0, &message(12, "change", 3).to_string());
        assert!(matches!(early, Err(Error::Unexpected { .. })), "it is told whole again: {early:?}");
        assert_eq!(rig.tell_on(0, &message(11 - behind, "snapshot", 2 - behind)), [], "nothing is new");
        if behind > 0 {
            assert_eq!(rig.tell_on(0, &message(11, "change", 2)), []);
        }
        let told = rig.tell_on(0, &json!({
            "jsonrpc": "2.0", "method": "subscription", "params": {"channel": "incremental_ticker.A", "data": {
                "type": "change", "timestamp": 12, "instrument_name": "A", "last_price": 8,
            }},
        }));
        let [Event::Ticker(ticker)] = told.as_slice() else { panic!("{told:?}") };
        let expected = (Some("8".parse().unwrap()), Some("2".parse().unwrap()));
        assert_eq!((ticker.last, ticker.open_interest), expected);
    }
}

#[test]
fn a_silent_connection_is_replaced_and_the_others_are_not() {
    let mut rig = pair();
    let heartbeat = json!({"params": {"type": "heartbeat"}, "method": "heartbeat", "jsonrpc": "2.0"});
    rig.pass(30 * SECOND);
    assert_eq!(rig.tell_on(1, &heartbeat), []);
    let told = rig.pass(35 * SECOND);
    assert_eq!(told, [Event::Status(Status { kind: StatusKind::Silent, text: "", venue_time_ns: None })]);
    assert_eq!(rig.replaced, [leg(0)]);
    assert_eq!(rig.close_on(0, Ending::Lost), []);
    stands_at(&rig, BookState::Live, 10);
}

#[test]
fn what_waits_to_be_sent_over_a_connection_that_is_gone_is_dropped() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    rig.session.on_open(leg(0), rig.now);
    rig.session.on_open(leg(1), rig.now);
    rig.session.on_closed(leg(0), Ending::Lost, rig.now);
    rig.drain();
    assert!(rig.sent_on(0).is_empty());
    let methods: Vec<_> = rig.sent_on(1).iter().map(|sent| sent["method"].clone()).collect();
    assert_eq!(methods, ["public/set_heartbeat", "public/subscribe"]);
}

#[test]
fn an_answer_counts_on_the_connection_that_asked() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    rig.open_on(0);
    rig.open_on(1);
    let subscribe = rig.request_on(1, "public/subscribe");
    assert_eq!(rig.answer_on(0, &subscribe, &json!([CHANNEL])), [Event::Other { kind: "answer" }]);
    let told = rig.answer_on(1, &subscribe, &json!([CHANNEL]));
    assert_eq!(told, [Event::Subscribed { stream: CHANNEL, pending: 0 }]);
    // Each connection answers the venue's own question.
    let test = json!({"params": {"type": "test_request"}, "method": "heartbeat", "jsonrpc": "2.0"});
    rig.tell_on(1, &test);
    rig.request_on(1, "public/test");
    rig.tell_on(0, &test);
    rig.request_on(0, "public/test");
}

#[test]
fn connections_share_the_credits() {
    let instruments: Vec<String> = (0..1500).map(|n| format!("A-{n}")).collect();
    let mut rig = Rig::new(Config { instruments, channels: vec![Channel::Quote], ..Config::default() });
    rig.open_on(0);
    rig.open_on(1);
    let count = |rig: &mut Rig, at: usize| {
        rig.sent_on(at).iter().filter(|sent| sent["method"] == "public/subscribe").count()
    };
    assert_eq!((count(&mut rig, 0), count(&mut rig, 1)), (6, 4));
    rig.pass(299 * MS);
    assert_eq!(count(&mut rig, 1), 4);
    rig.pass(MS);
    assert_eq!(count(&mut rig, 1), 5);
    rig.pass(300 * MS);
    assert_eq!((count(&mut rig, 0), count(&mut rig, 1)), (6, 6));
}

fn with_secret() -> Config {
    let credentials =
        Credentials::Secret { client_id: "an id".into(), client_secret: String::from("hidden").into() };
    let raw = Channel::Book { interval: Rate::Raw };
    Config { credentials: Some(credentials), ..config(&["A"], &[raw, Channel::Quote]) }
}

#[test]
fn each_connection_signs_in_by_itself() {
    let mut rig = Rig::new(with_secret());
    let mut ids = Vec::new();
    for at in 0..2 {
        rig.open_on(at);
        let auth = rig.request_on(at, "public/auth");
        assert_eq!(auth["params"]["grant_type"], "client_credentials");
        rig.answer_all_on(at);
        assert!(!rig.session.is_ready(leg(at)), "it is not signed in");
        assert_eq!(rig.answer_on(at, &auth, &tokens(900)), [Event::SignedIn]);
        ids.push(auth["id"].as_u64().unwrap());
        rig.answer_all_on(at);
    }
    assert_ne!(ids[0], ids[1]);
    rig.notify_on(0, "book.A.raw", &snapshot(10));
    assert!(rig.session.is_ready(leg(0)) && !rig.session.is_ready(leg(1)));
    rig.notify_on(1, "book.A.raw", &snapshot(10));
    assert!(rig.session.is_ready(leg(0)) && rig.session.is_ready(leg(1)));

    // One that is refused follows what needs no sign-in, and the other brings the rest.
    rig.close_on(1, Ending::Lost);
    rig.open_on(1);
    let auth = rig.request_on(1, "public/auth");
    let told = rig.refuse_on(1, &auth, 13004, "invalid_credentials");
    assert!(
        matches!(
            told.as_slice(),
            [Event::Rejected(Rejection { request: Request::SignIn, outcome: Outcome::Final, .. })]
        ),
        "{told:?}"
    );
    assert_eq!(channels(&rig.request_on(1, "public/subscribe")), ["quote.A"]);
}

#[cfg(feature = "sign")]
#[test]
fn no_two_connections_sign_the_same() {
    use tickwire_venue::sign::SigningKey;

    let key = SigningKey::hmac("secret").unwrap().into();
    let credentials = Some(Credentials::Signature { client_id: "an id".into(), key });
    let mut rig = Rig::new(Config { credentials, ..config(&["A"], &[Channel::Quote]) });
    rig.open_on(0);
    rig.open_on(1);
    let nonce = |request: Value| request["params"]["nonce"].as_str().unwrap().to_owned();
    assert_ne!(nonce(rig.request_on(0, "public/auth")), nonce(rig.request_on(1, "public/auth")));
}

#[test]
fn a_token_that_is_good_once_goes_from_connection_to_connection() {
    let credentials = Some(Credentials::Refresh { token: String::from("first").into() });
    let mut rig = Rig::new(Config { credentials, ..config(&["A"], &[Channel::Quote]) });
    let shown = |request: &Value| request["params"]["refresh_token"].as_str().unwrap().to_owned();
    let answer = |token: &str| json!({"access_token": "a", "refresh_token": token, "expires_in": 900});
    rig.open_on(0);
    rig.open_on(1);
    let auth = rig.request_on(0, "public/auth");
    assert_eq!(shown(&auth), "first");
    let is_auth = |sent: &Value| sent["method"] == "public/auth";
    assert!(!rig.sent_on(1).iter().any(is_auth), "the token is in use");
    rig.answer_on(0, &auth, &answer("second"));
    let auth = rig.request_on(1, "public/auth");
    assert_eq!(shown(&auth), "second");
    rig.answer_on(1, &auth, &answer("third"));
    let heartbeat = json!({"params": {"type": "heartbeat"}, "method": "heartbeat", "jsonrpc": "2.0"});
    for _ in 0..24 {
        rig.answer_all_on(0);
        rig.answer_all_on(1);
        rig.pass(29 * SECOND);
        rig.tell_on(0, &heartbeat);
        rig.tell_on(1, &heartbeat);
    }
    rig.pass(24 * SECOND);
    let auth = rig.request_on(0, "public/auth");
    assert_eq!(shown(&auth), "third", "at 720 s, the newest");
    assert!(!rig.sent_on(1).iter().any(is_auth));
    // Lost with it, the turn is the other's.
    rig.close_on(0, Ending::Lost);
    assert_eq!(shown(&rig.request_on(1, "public/auth")), "third");
}

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
    // A channel that the venue does not give it is given up.
    rig.answer_on(1, &subscribe, &json!(["quote.A"]));
    assert!(rig.session.is_ready(leg(1)));
    // A book that is lost makes no connection ready that has it.
    rig.notify_on(0, CHANNEL, &change(999, 1000));
    assert!(!rig.session.is_ready(leg(0)));
    assert!(rig.session.is_ready(leg(1)));
}

/// Everything that is told, held against what happened.
#[derive(Debug, Default)]
struct Checker {
    /// The id at which the book is told to be, and whether a gap was told behind it.
    book: Option<(u64, bool)>,
    /// The last trade, and the gap behind it.
    trade: Option<(u64, Option<u64>)>,
    ticker_time: u64,
    counts: Counts,
}

#[derive(Debug, Default, Clone)]
struct Counts {
    deltas: Vec<u64>,
    trades: Vec<u64>,
    snapshots: usize,
    updated: usize,
    gaps: usize,
    stale: usize,
    tickers: usize,
}

impl Checker {
    fn take(&mut self, rig: &Rig, history: &History, told: &[Event<'_>], hint: &str) {
        for event in told {
            match event {
                Event::Gap(gap) => self.on_gap(gap, hint),
                Event::Snapshot(snapshot) => {
                    self.book = Some((snapshot.update_id, false));
                    self.counts.snapshots += 1;
                }
                Event::Delta(delta) => {
                    let (last, is_gap) = self.book.unwrap_or_else(|| panic!("{hint}: {delta:?}"));
                    let continues = is_gap || delta.previous_id.unwrap() <= last;
                    assert!(continues && delta.last_id > last, "{hint}: at {last}, {delta:?}");
                    self.book = Some((delta.last_id, is_gap));
                    self.counts.deltas.push(delta.last_id);
                }
                Event::Trade(trade) => {
                    if let Some((last, gap)) = self.trade {
                        assert_eq!(trade.id, gap.unwrap_or(last) + 1, "{hint}: after {last}, gap {gap:?}");
                    }
                    self.trade = Some((trade.id, None));
                    self.counts.trades.push(trade.id);
                }
                Event::Ticker(ticker) => {
                    assert!(
                        ticker.venue_time_ns > self.ticker_time,
                        "{hint}: {ticker:?} behind {}",
                        self.ticker_time
                    );
                    self.ticker_time = ticker.venue_time_ns;
                    let step = history.by_time(ticker.venue_time_ns);
                    let told = (ticker.last.unwrap().to_string(), ticker.open_interest.unwrap().to_string());
                    assert_eq!(told, (step.last.to_string(), step.open.to_string()), "{hint}");
                    self.counts.tickers += 1;
                }
                Event::Book(book) => self.on_book(rig, history, book.change, hint),
                // An answer may come late.
                Event::Unanswered { .. } | Event::Other { kind: "answer" } => {}
                Event::Subscribed { .. } | Event::Unsubscribed { .. } => {}
                other => panic!("{hint}: {other:?}"),
            }
        }
        let view = rig.session.book(ONLY).unwrap();
        if !told.is_empty() && view.state != BookState::Empty {
            assert_stands(rig, history, view.update_id, hint);
        }
    }

    fn on_gap(&mut self, gap: &Gap<'_>, hint: &str) {
        // What has only a time may be told to be missing when nothing is, but never without need where there are ids.
        self.counts.gaps += usize::from(gap.stream != replicas::TICKER);
        match gap.stream {
            replicas::BOOK => {
                let (last, is_gap) = self.book.unwrap();
                assert!(gap.after == last || is_gap, "{hint}: at {last}, {gap:?}");
                assert!(gap.through >= gap.after, "{hint}: {gap:?}");
                self.book = Some((last, true));
            }
            replicas::TRADES => {
                let (last, through) = self.trade.unwrap();
                assert_eq!(gap.after, through.unwrap_or(last), "{hint}: {gap:?}");
                assert!(gap.through > gap.after, "{hint}: {gap:?}");
                self.trade = Some((last, Some(gap.through)));
            }
            replicas::TICKER => assert_eq!(gap.after, self.ticker_time, "{hint}: {gap:?}"),
            other => panic!("{hint}: {other}"),
        }
    }

    fn on_book(&mut self, rig: &Rig, history: &History, change: BookChange, hint: &str) {
        match change {
            BookChange::Synced { update_id }
            | BookChange::Resynced { update_id }
            | BookChange::Updated { update_id } => {
                self.counts.updated += 1;
                let view = rig.session.book(ONLY).unwrap();
                assert_eq!((view.state, view.update_id), (BookState::Live, update_id), "{hint}");
                assert_eq!(self.book, Some((update_id, false)), "{hint}: a book goes on behind a gap");
                assert_stands(rig, history, update_id, hint);
            }
            BookChange::Stale { .. } => self.counts.stale += 1,
            BookChange::Gap { .. } => assert!(self.book.unwrap().1, "{hint}: {change:?} without its gap"),
            other => panic!("{hint}: {other:?}"),
        }
    }
}

/// The book is what the market's was at an id.
fn assert_stands(rig: &Rig, history: &History, id: u64, hint: &str) {
    let view = rig.session.book(ONLY).unwrap();
    let step = history.by_id(id).unwrap_or_else(|| panic!("{hint}: {id}"));
    let number = |level: tickwire_venue::Level| {
        let text = |decimal: tickwire_venue::Decimal| decimal.to_string().parse::<u32>().unwrap();
        (text(level.price), text(level.quantity))
    };
    let pair = |(tick, quantity): (&u32, &u32)| (*tick, *quantity);
    assert!(view.book.bids().map(number).eq(step.bids.iter().rev().map(pair)), "{hint}: bids at {id}");
    assert!(view.book.asks().map(number).eq(step.asks.iter().map(pair)), "{hint}: asks at {id}");
}

/// A session, its connections to a venue, and who watches.
struct World {
    dice: Dice,
    history: History,
    rig: Rig,
    /// By leg, of those that are open.
    replicas: [Option<Replica>; 3],
    checker: Checker,
    hint: String,
}

impl World {
    fn new(seed: u64) -> Self {
        let channels = [BOOK, Channel::Trades { interval: Rate::Ms100 }, Channel::IncrementalTicker];
        Self {
            dice: Dice::new(seed),
            history: History::new(),
            rig: Rig::new(config(&["A"], &channels)),
            replicas: [const { None }; 3],
            checker: Checker::default(),
            hint: format!("seed {seed}"),
        }
    }

    fn check(&mut self, told: &[Event<'_>]) {
        self.checker.take(&self.rig, &self.history, told, &self.hint);
        self.serve();
    }

    /// The venue does what is asked for.
    fn serve(&mut self) {
        for (at, replica) in self.replicas.iter_mut().enumerate() {
            let sent = std::mem::take(self.rig.sent_on(at));
            for request in &sent {
                replica.as_mut().unwrap().on_request(request, &self.history, &mut self.dice);
            }
        }
    }

    fn open(&mut self, at: usize, behind: usize) {
        self.replicas[at] = Some(Replica::new(self.history.head().saturating_sub(behind)));
        let told = self.rig.open_on(at);
        self.check(&told);
    }

    fn close(&mut self, at: usize, ending: Ending) {
        if ending == Ending::InOrder {
            self.deliver(at, usize::MAX);
        }
        self.replicas[at] = None;
        let told = self.rig.close_on(at, ending);
        self.check(&told);
    }

    /// So many messages arrive, if there are.
    fn deliver(&mut self, at: usize, count: usize) {
        for _ in 0..count {
            let message = self.replicas[at].as_mut().and_then(|replica| replica.way.pop_front());
            let Some(message) = message else { return };
            let told = self.rig.tell_on(at, &message);
            self.check(&told);
        }
    }

    fn advance(&mut self, at: usize, steps: usize, faults: Faults) {
        if let Some(replica) = &mut self.replicas[at] {
            (0..steps).for_each(|_| replica.advance(&self.history, faults, &mut self.dice));
        }
    }

    fn pass(&mut self, span: Duration) {
        let told = self.rig.pass(span);
        self.check(&told);
    }

    fn is_open(&self, at: usize) -> bool {
        self.replicas[at].is_some()
    }

    /// Anything happens.
    fn happen(&mut self, legs: usize, faults: Faults) {
        let at = self.dice.draw(legs);
        match self.dice.draw(60) {
            0..20 => self.history.step(&mut self.dice),
            20..36 => self.advance(at, 2, faults),
            36..52 => {
                let count = 1 + self.dice.draw(4);
                self.deliver(at, count);
            }
            52..56 => {
                let millis = [5, 50, 300, 1200][self.dice.draw(4)];
                self.pass(millis * MS);
            }
            56 if self.is_open(at) => {
                let ending = [Ending::Lost, Ending::InOrder][self.dice.draw(2)];
                self.close(at, ending);
            }
            57 | 58 if !self.is_open(at) => {
                let behind = self.dice.draw(4);
                self.open(at, behind);
            }
            59 if self.dice.draw(8) == 0 => {
                let name = [replicas::BOOK, replicas::TRADES][self.dice.draw(2)];
                self.rig.session.unsubscribe(&[name], self.rig.now);
                let told = self.rig.drain();
                self.check(&told);
                if self.dice.draw(2) == 0 {
                    self.pass(100 * MS);
                    self.deliver(at, 3);
                }
                if name == replicas::TRADES {
                    self.checker.trade = None;
                }
                self.rig.session.subscribe(&[name], self.rig.now).unwrap();
                let told = self.rig.drain();
                self.check(&told);
            }
            _ => {}
        }
    }

    /// Nothing goes wrong for so many steps.
    fn calm(&mut self, legs: usize, steps: usize, faults: Faults) {
        for _ in 0..steps {
            self.history.step(&mut self.dice);
            for at in 0..legs {
                self.advance(at, self.history.head(), faults);
                self.deliver(at, usize::MAX);
            }
            self.pass(500 * MS);
        }
    }
}

/// Any mixture of losses, cuts and lags: what is told continues what was told, or a gap or a snapshot comes first; the book
/// is what it was at its id; and quiet water brings everything up to date, over all connections.
#[test]
fn no_mixture_of_faults_on_several_connections_makes_a_wrong_book() {
    let mut total = Counts::default();
    for seed in 0..150 {
        let mut world = World::new(seed);
        let faults = Faults { lost: [0, 12, 40][world.dice.draw(3)], joined: [0, 5][world.dice.draw(2)] };
        let legs = 2 + world.dice.draw(2);
        for at in 0..legs {
            world.open(at, 0);
        }
        for _ in 0..600 {
            world.happen(legs, faults);
        }
        for at in 0..legs {
            if !world.is_open(at) {
                world.open(at, 0);
            }
        }
        world.calm(legs, 150, Faults { lost: 0, joined: 0 });
        let World { rig, history, checker, hint, .. } = &world;
        let view = rig.session.book(ONLY).unwrap();
        let head = history.at(history.head());
        assert_eq!((view.state, view.update_id), (BookState::Live, head.id), "{hint}, {faults:?}");
        assert_eq!(checker.trade.unwrap().0, history.head() as u64, "{hint}");
        assert_eq!(history.by_time(checker.ticker_time).id, head.id, "{hint}");
        for at in 0..legs {
            assert!(rig.session.is_ready(leg(at)), "{hint}: {at}");
        }
        let Counts { snapshots, updated, gaps, stale, tickers, .. } = &checker.counts;
        total.snapshots += snapshots;
        total.updated += updated;
        total.gaps += gaps;
        total.stale += stale;
        total.tickers += tickers;
    }
    println!("{total:?}");
    assert!(total.snapshots > 500 && total.gaps > 1000 && total.stale > 150, "{total:?}");
    assert!(total.updated > 20_000 && total.tickers > 20_000, "{total:?}");
}

/// Connections that are closed in order once another is ready: every change and every trade is told, once, in order.
#[test]
fn renewals_lose_and_double_nothing() {
    for seed in 0..60 {
        let mut world = World::new(seed);
        world.open(0, 0);
        let (mut first, mut second, mut renewals, mut is_handed) = (0, 1, 0, false);
        while !world.rig.session.is_ready(leg(first)) {
            world.calm(1, 1, FAULTLESS);
        }
        let (book, trade) = (world.checker.book.unwrap().0, world.checker.trade.unwrap().0);
        for _ in 0..400 {
            world.history.step(&mut world.dice);
            for at in 0..2 {
                // None is more than a few steps behind, and nothing is under way for long.
                let behind = world.dice.draw(4);
                let steps = world.replicas[at].as_ref().map_or(0, |replica| {
                    world.history.head().saturating_sub(behind).saturating_sub(replica.step)
                });
                world.advance(at, steps, FAULTLESS);
                let count = [3, usize::MAX][world.dice.draw(2)];
                world.deliver(at, count);
            }
            world.pass(20 * MS);
            if !world.is_open(second) && world.dice.draw(10) == 0 {
                let behind = world.dice.draw(4);
                world.open(second, behind);
            }
            let session = &mut world.rig.session;
            if session.is_ready(leg(second)) && world.dice.draw(4) == 0 {
                session.hand_over(leg(first));
                is_handed = true;
            }
            if is_handed && session.is_handed_over(leg(first)) {
                is_handed = false;
                world.close(first, Ending::InOrder);
                (first, second) = (second, first);
                renewals += 1;
            }
        }
        world.calm(2, 3, FAULTLESS);
        let World { history, checker, hint, .. } = &world;
        let Counts { deltas, trades, gaps, stale, snapshots, .. } = &checker.counts;
        assert!(renewals > 5, "{hint}: {renewals}");
        assert_eq!((*gaps, *stale, *snapshots), (0, 0, 1), "gaps, stale, snapshots, {hint}");
        let steps = || (1..=history.head()).map(|step| history.at(step).id);
        let later = deltas.iter().copied().filter(|id| *id > book);
        assert!(later.eq(steps().filter(|id| *id > book)), "{hint}: {deltas:?}");
        let later: Vec<_> = trades.iter().copied().filter(|id| *id > trade).collect();
        assert!(later.iter().copied().eq(trade + 1..=history.head() as u64), "{hint}: {later:?}");
    }
}

const FAULTLESS: Faults = Faults { lost: 0, joined: 0 };
