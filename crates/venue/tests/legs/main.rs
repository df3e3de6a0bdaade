//! Several connections with the same streams: each update is told once, in order, and what is lost is told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
mod lag;
mod requests;
mod silence;

use std::{collections::VecDeque, time::Duration};

use common::{Rig, books, changes, config};
use proptest::prelude::*;
use serde_json::{Value, json};
use tickwire_venue::binance::{Config, Stream};
use tickwire_venue::{BookChange, BookState, Ending, Error, Event, Gap, Instrument, Route, Session, Trade};

const SECOND: Duration = Duration::from_secs(1);

/// The connection with this number to the stream endpoint.
fn leg(leg: usize) -> Route {
    Route { endpoint: 0, leg }
}

fn trade(id: u64) -> String {
    let data = json!({
        "e": "trade", "E": id, "s": "XYZABC", "t": id, "p": "1", "q": "1", "T": id, "m": true, "M": true,
    });
    json!({"stream": "xyzabc@trade", "data": data}).to_string()
}

fn quote(id: u64) -> String {
    let data = json!({"u": id, "s": "XYZABC", "b": "1", "B": "1", "a": "2", "A": "1"});
    json!({"stream": "xyzabc@bookTicker", "data": data}).to_string()
}

fn diff(first: u64, last: u64) -> String {
    let data = json!({"e": "depthUpdate", "E": 1, "s": "XYZABC", "U": first, "u": last, "b": [], "a": []});
    json!({"stream": "xyzabc@depth@100ms", "data": data}).to_string()
}

/// With so many legs, each subscribed and confirmed.
fn rig(streams: Vec<Stream>, legs: usize) -> Rig {
    with(config(&["XYZABC"], streams), legs)
}

fn with(config: Config, legs: usize) -> Rig {
    let mut rig = Rig::new(config);
    for number in 0..legs {
        rig.open(leg(number));
    }
    for endpoint in 1..rig.session.endpoints().len() {
        rig.open(Route::first(endpoint));
    }
    rig.confirm();
    rig
}

/// Trades by their ids; gaps by what they lie between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Trade(u64),
    Gap(u64, u64),
}

fn told(events: &[Event<'_>]) -> Vec<Told> {
    let told = |event: &Event<'_>| match event {
        Event::Trade(Trade { id, .. }) => Some(Told::Trade(*id)),
        Event::Quote(quote) => quote.update_id.map(Told::Trade),
        Event::Gap(Gap { after, through, .. }) => Some(Told::Gap(*after, *through)),
        _ => None,
    };
    events.iter().filter_map(told).collect()
}

/// What comes over which leg, and what is told of it.
fn bring(rig: &mut Rig, messages: &[(usize, String)]) -> Vec<Told> {
    let mut all = Vec::new();
    for (number, text) in messages {
        all.extend(told(&rig.feed(leg(*number), text).unwrap()));
    }
    all
}

use Told::{Gap as G, Trade as T};

#[test]
fn the_first_copy_is_told_whichever_leg_brings_it() {
    let mut rig = rig(vec![Stream::Trade], 2);
    let order = [(0, 1), (1, 1), (1, 2), (0, 2), (0, 3), (0, 4), (1, 3), (1, 4), (1, 5)];
    let messages = order.map(|(number, id)| (number, trade(id)));
    assert_eq!(bring(&mut rig, &messages), [T(1), T(2), T(3), T(4), T(5)]);
    let [first, second] = [0, 1].map(|number| rig.session.leg_counts(leg(number)).unwrap().clone());
    assert_eq!((first.firsts, first.copies), (3, 1));
    assert_eq!((second.firsts, second.copies), (2, 3));
    assert_eq!(second.share(), Some(0.4));
}

#[test]
fn a_hole_of_one_leg_is_filled_by_another() {
    let mut rig = rig(vec![Stream::Trade], 2);
    let order =
        [(0, 1), (1, 1), (0, 2), (0, 4), (0, 5), (1, 2), (1, 3), (1, 4), (0, 6), (1, 5), (1, 6), (0, 7)];
    let messages = order.map(|(number, id)| (number, trade(id)));
    // 6 of the first leg comes before 5 of the second, and is left to it.
    assert_eq!(bring(&mut rig, &messages), [1, 2, 3, 4, 5, 6, 7].map(T));
}

#[test]
fn a_hole_of_every_leg_is_a_gap() {
    let mut rig = rig(vec![Stream::Trade], 2);
    let order = [(0, 1), (1, 1), (0, 3), (1, 3), (0, 4), (1, 4)];
    let messages = order.map(|(number, id)| (number, trade(id)));
    assert_eq!(bring(&mut rig, &messages), [T(1), G(1, 2), T(3), T(4)]);
}

#[test]
fn a_hole_that_nobody_fills_in_time_is_a_gap() {
    let mut rig = rig(vec![Stream::Trade], 2);
    let messages = [(0, 1), (1, 1), (0, 4), (0, 5)].map(|(number, id)| (number, trade(id)));
    assert_eq!(bring(&mut rig, &messages), [T(1)]);
    assert_eq!(told(&rig.pass(Duration::from_millis(999))), []);
    // What came beyond the hole was left to the other leg, which is silent: it is missing as well.
    assert_eq!(told(&rig.pass(Duration::from_millis(1))), [G(1, 5)]);
    assert_eq!(bring(&mut rig, &[(0, trade(6)), (1, trade(2)), (1, trade(6)), (1, trade(7))]), [T(6), T(7)]);
}

#[test]
fn a_hole_is_a_gap_as_soon_as_the_leg_that_could_fill_it_is_gone() {
    let mut rig = rig(vec![Stream::Trade], 2);
    let messages = [(0, 1), (1, 1), (0, 4)].map(|(number, id)| (number, trade(id)));
    assert_eq!(bring(&mut rig, &messages), [T(1)]);
    rig.session.on_closed(leg(1), Ending::Lost, rig.both());
    assert_eq!(told(&rig.drain()), [G(1, 4)]);
    assert_eq!(bring(&mut rig, &[(0, trade(5))]), [T(5)]);
}

#[test]
fn after_the_last_leg_was_lost_ids_tell_whether_anything_is_missing() {
    let mut rig = rig(vec![Stream::Trade, Stream::BookTicker], 1);
    assert_eq!(bring(&mut rig, &[(0, trade(1)), (0, quote(10))]), [T(1), T(10)]);
    for (next, missing) in [(2, None), (4, Some(G(2, 3)))] {
        rig.close(leg(0));
        rig.open(leg(0));
        rig.confirm();
        let mut expected = vec![T(next)];
        expected.splice(0..0, missing);
        assert_eq!(bring(&mut rig, &[(0, trade(next))]), expected);
    }
    // Quotes have no such ids: something may be missing where an id lies between.
    assert_eq!(bring(&mut rig, &[(0, quote(12)), (0, quote(19))]), [G(10, 11), T(12), T(19)]);
}

#[test]
fn a_fresh_leg_is_ready_when_it_has_caught_up_and_nothing_is_lost_with_the_old_one() {
    let mut rig = rig(vec![Stream::Trade, Stream::BookTicker], 1);
    assert_eq!(bring(&mut rig, &[(0, trade(1)), (0, quote(10))]), [T(1), T(10)]);
    assert!(rig.session.is_ready(leg(0)));
    rig.open(leg(1));
    assert!(!rig.session.is_ready(leg(1)), "it is not subscribed");
    assert_eq!(rig.confirm(), [], "the streams are followed all the time");
    assert!(rig.session.is_ready(leg(1)), "nothing has come since");
    assert_eq!(bring(&mut rig, &[(0, quote(11)), (0, quote(12))]), [T(11), T(12)]);
    assert!(!rig.session.is_ready(leg(1)), "it does not show that it has those");
    assert_eq!(bring(&mut rig, &[(1, quote(14))]), [], "13 may come by the old leg");
    assert!(!rig.session.is_ready(leg(1)), "it is beyond");
    assert_eq!(bring(&mut rig, &[(0, quote(13)), (0, quote(14)), (1, quote(15))]), [T(13), T(14), T(15)]);
    assert!(rig.session.is_ready(leg(1)));
    rig.session.on_closed(leg(0), Ending::InOrder, rig.both());
    // Trades were silent since before the second leg came, and the first ended in order: none is missing.
    assert_eq!(bring(&mut rig, &[(1, quote(16)), (1, trade(2)), (1, quote(20))]), [T(16), T(2), T(20)]);
}

#[test]
fn a_stream_that_is_quiet_since_its_last_was_under_way_blocks_no_renewal() {
    let mut rig = rig(vec![Stream::Trade, Stream::BookTicker], 1);
    // So that it is no wonder that it is silent later.
    bring(&mut rig, &[(0, quote(10))]);
    rig.pass(20 * SECOND);
    bring(&mut rig, &[(0, quote(11)), (0, trade(1))]);
    rig.open(leg(1));
    rig.confirm();
    assert_eq!(bring(&mut rig, &[(0, quote(12)), (1, trade(2)), (0, trade(2))]), [T(12), T(2)]);
    assert!(!rig.session.is_ready(leg(1)), "it may have missed the quote");
    rig.pass(11 * SECOND);
    assert!(!rig.session.is_ready(leg(1)), "the first leg has brought nothing since");
    assert_eq!(bring(&mut rig, &[(0, trade(3)), (1, trade(3))]), [T(3)]);
    assert!(rig.session.is_ready(leg(1)), "what was under way when it joined has come");
}

#[test]
fn a_stream_that_was_silent_while_its_leg_was_cut_may_lack_something() {
    let mut rig = rig(vec![Stream::BookTicker], 1);
    assert_eq!(bring(&mut rig, &[(0, quote(10))]), [T(10)]);
    rig.open(leg(1));
    rig.confirm();
    rig.session.on_closed(leg(0), Ending::Lost, rig.both());
    assert_eq!(bring(&mut rig, &[(1, quote(12)), (1, quote(13))]), [G(10, 11), T(12), T(13)]);
}

#[test]
fn ids_that_begin_anew_are_a_gap_and_then_followed() {
    let mut rig = rig(vec![Stream::Trade], 1);
    bring(&mut rig, &[(0, trade(1000))]);
    let messages: Vec<_> = (1..=150).map(|id| (0, trade(id))).collect();
    let told = bring(&mut rig, &messages);
    let anew = told.iter().position(|told| matches!(told, G(1000, through) if *through < 1000)).unwrap();
    assert_eq!(told[anew + 1..].len(), 150 - 99, "but for those that might have been repetitions");
}

/// A single leg whose stream stood at 1000 was lost, and another one brings these trades, a second between each two.
fn after_a_loss_at_1000(ids: impl IntoIterator<Item = u64>) -> Vec<Told> {
    let mut rig = rig(vec![Stream::Trade], 1);
    bring(&mut rig, &[(0, trade(1000))]);
    rig.close(leg(0));
    rig.open(leg(0));
    rig.confirm();
    let mut told = Vec::new();
    for id in ids {
        told.extend(bring(&mut rig, &[(0, trade(id))]));
        rig.pass(Duration::from_secs(1));
    }
    told
}

#[test]
fn a_venue_that_was_started_again_may_count_from_below() {
    let expected: Vec<_> = [G(1000, 30)].into_iter().chain((31..=70).map(T)).collect();
    assert_eq!(after_a_loss_at_1000(1..=70), expected);
}

#[test]
fn a_leg_that_lags_behind_one_that_is_gone_catches_up_and_nothing_is_told_twice() {
    // Thirty seconds behind, but for one trade.
    assert_eq!(after_a_loss_at_1000(971..=1005), (1001..=1005).map(T).collect::<Vec<_>>());
    // For more than that, once it has caught up.
    assert_eq!(after_a_loss_at_1000((992..=1001).chain([1001; 60]).chain([1002])), [T(1001), T(1002)]);
}

#[test]
fn a_leg_that_lags_behind_another_is_not_taken_for_a_new_count() {
    let mut rig = rig(vec![Stream::Trade], 2);
    bring(&mut rig, &[(0, trade(1000))]);
    for id in 1..=120 {
        assert_eq!(bring(&mut rig, &[(1, trade(id))]), [], "the first leg is still there");
        rig.pass(Duration::from_secs(1));
    }
}

fn snapshot(rig: &mut Rig, id: u64) -> Vec<BookChange> {
    let (asked, _) = rig.asked().expect("a snapshot is asked for");
    let result = json!({"lastUpdateId": id, "bids": [["1", "1"]], "asks": [["2", "1"]]});
    changes(&rig.api(&json!({"id": asked, "status": 200, "result": result})))
}

#[test]
fn a_book_outlives_a_hole_of_one_leg_and_the_loss_of_another() {
    let mut rig = rig(books(), 2);
    rig.feed(leg(0), &diff(1, 5)).unwrap();
    rig.feed(leg(1), &diff(1, 5)).unwrap();
    assert_eq!(snapshot(&mut rig, 5), [BookChange::Synced { update_id: 5 }]);
    let mut of =
        |number: usize, first: u64, last: u64| changes(&rig.feed(leg(number), &diff(first, last)).unwrap());
    assert_eq!(of(0, 6, 8), [BookChange::Updated { update_id: 8 }]);
    assert_eq!(of(0, 12, 14), [], "9 to 11 may come by the other leg");
    assert_eq!(of(1, 6, 8), []);
    assert_eq!(of(1, 9, 11), [BookChange::Updated { update_id: 11 }]);
    assert_eq!(of(1, 12, 14), [BookChange::Updated { update_id: 14 }]);
    assert_eq!(changes(&rig.close(leg(1))), []);
    assert_eq!(rig.session.book(Instrument(0)).unwrap().state, BookState::Live);
    let told = changes(&rig.feed(leg(0), &diff(15, 16)).unwrap());
    assert_eq!(told, [BookChange::Updated { update_id: 16 }]);
    let stale = changes(&rig.close(leg(0)));
    assert_eq!(stale, [BookChange::Stale { update_id: 16 }]);
    assert!(rig.asked().is_none());
}

#[test]
fn a_book_whose_gap_only_time_shows_is_made_anew() {
    let mut rig = rig(books(), 2);
    rig.feed(leg(0), &diff(1, 5)).unwrap();
    rig.feed(leg(1), &diff(1, 5)).unwrap();
    snapshot(&mut rig, 5);
    rig.feed(leg(0), &diff(8, 9)).unwrap();
    let told = changes(&rig.pass(Duration::from_secs(1)));
    assert_eq!(told, [BookChange::Gap { expected: 6, got: 10 }]);
    assert_eq!(rig.session.book(Instrument(0)).unwrap().state, BookState::Stale);
    rig.feed(leg(0), &diff(10, 12)).unwrap();
    assert_eq!(snapshot(&mut rig, 11), [BookChange::Resynced { update_id: 12 }]);
}

#[test]
fn what_one_leg_is_refused_and_another_brings_is_asked_for_again() {
    let mut rig = rig(vec![Stream::Trade], 1);
    rig.open(leg(1));
    let sent = rig.sent.pop_front().unwrap().1;
    let refusal = json!({"error": {"code": 2, "msg": "Invalid request"}, "id": sent["id"]});
    let told = rig.feed(leg(1), &refusal.to_string()).unwrap();
    assert!(matches!(&told[..], [Event::Rejected(_)]), "it is not missing: {told:?}");
    assert!(!rig.session.is_ready(leg(1)));
    rig.pass(10 * SECOND);
    let expected = ("SUBSCRIBE".to_owned(), 1, json!(["xyzabc@trade"]));
    assert_eq!(requests(&mut rig), [expected]);
}

#[test]
fn a_book_that_a_new_count_ends_is_told_from_where_it_stood() {
    let mut rig = rig(books(), 1);
    rig.feed(leg(0), &diff(999, 1000)).unwrap();
    snapshot(&mut rig, 1000);
    rig.close(leg(0));
    rig.open(leg(0));
    rig.confirm();
    // The venue was started again, and gives a book of its new ids before its diffs are known to be new.
    rig.feed(leg(0), &diff(1, 2)).unwrap();
    assert_eq!(snapshot(&mut rig, 40), [BookChange::Resynced { update_id: 40 }]);
    let mut told = Vec::new();
    for id in 41..=90 {
        rig.pass(SECOND);
        told.extend(changes(&rig.feed(leg(0), &diff(id, id)).unwrap()));
    }
    let gap = told.iter().find(|change| matches!(change, BookChange::Gap { .. })).unwrap();
    assert!(matches!(gap, BookChange::Gap { expected: 41, got: 42..=90 }), "{gap:?}");
}

#[test]
fn a_message_of_another_symbol_than_its_streams_is_refused() {
    let mut rig = with(config(&["XYZABC", "QUIET"], vec![Stream::Trade, Stream::BookTicker]), 1);
    for text in [trade(1), quote(1)] {
        let odd = rig.feed(leg(0), &text.replace("XYZABC", "QUIET"));
        assert!(matches!(odd, Err(Error::Unexpected { .. })), "{odd:?}");
        let its_own = text.replace("xyzabc", "quiet").replace("XYZABC", "QUIET");
        assert_eq!(bring(&mut rig, &[(0, text), (0, its_own)]), [T(1), T(1)]);
    }
}

#[test]
fn a_book_is_compared_with_no_quotes_once_they_are_followed_no_more() {
    let mut rig = rig(vec![Stream::Trade], 1);
    let change = |rig: &mut Rig, wanted: &[&str], left: &[&str]| {
        let now = rig.both();
        rig.session.unsubscribe(left, now);
        rig.session.subscribe(wanted, now).unwrap();
        rig.drain();
        while let Some((route, sent)) = rig.sent.pop_front() {
            rig.feed(route, &json!({"result": null, "id": sent["id"]}).to_string()).unwrap();
        }
        rig.pass(2 * SECOND);
    };
    change(&mut rig, &["aaa@bookTicker"], &[]);
    change(&mut rig, &[], &["aaa@bookTicker"]);
    // Another stream comes into the place of the quotes.
    change(&mut rig, &["bbb@trade"], &[]);
    change(&mut rig, &["aaa@depth@100ms"], &[]);
    let instrument = rig.session.instrument("AAA").unwrap();
    assert!(rig.session.check_counts(instrument).is_none());
}

#[test]
fn a_book_whose_snapshot_is_newer_than_what_is_missing_goes_on() {
    let mut rig = rig(books(), 2);
    rig.feed(leg(0), &diff(1, 5)).unwrap();
    rig.feed(leg(1), &diff(1, 5)).unwrap();
    rig.feed(leg(0), &diff(8, 9)).unwrap();
    assert_eq!(snapshot(&mut rig, 20), [BookChange::Synced { update_id: 20 }]);
    let told = rig.pass(SECOND);
    assert!(matches!(told[..], [Event::Gap(Gap { after: 5, through: 9, .. })]), "{told:?}");
    let told = changes(&rig.feed(leg(0), &diff(10, 21)).unwrap());
    assert_eq!(told, [BookChange::Updated { update_id: 21 }]);
}

/// Requests that were sent, by method and leg.
fn requests(rig: &mut Rig) -> Vec<(String, usize, Value)> {
    let sent = std::mem::take(&mut rig.sent);
    let request = |(route, sent): (Route, Value)| {
        (sent["method"].as_str().unwrap().to_owned(), route.leg, sent["params"].clone())
    };
    sent.into_iter().map(request).collect()
}

#[test]
fn streams_are_added_and_removed_one_by_one_on_every_leg() {
    let mut rig = rig(vec![Stream::Trade], 2);
    let now = rig.both();
    rig.session.subscribe(&["xyzabc@bookTicker", "newcoin@trade", "xyzabc@trade"], now).unwrap();
    rig.drain();
    let names = json!(["xyzabc@bookTicker", "newcoin@trade"]);
    let (first, second) = (rig.sent[0].clone(), rig.sent[1].clone());
    assert_eq!((&first.1["params"], &second.1["params"]), (&names, &names));
    let told = rig.feed(leg(1), &json!({"result": null, "id": second.1["id"]}).to_string()).unwrap();
    let subscribed = |stream, pending| Event::Subscribed { stream, pending };
    assert_eq!(told, [subscribed("xyzabc@bookTicker", 1), subscribed("newcoin@trade", 0)]);
    assert_eq!(rig.feed(leg(0), &json!({"result": null, "id": first.1["id"]}).to_string()).unwrap(), []);
    let instrument = rig.session.instrument("NEWCOIN").unwrap();
    let text = trade(7).replace("xyzabc", "newcoin").replace("XYZABC", "NEWCOIN");
    let told = rig.feed(leg(0), &text).unwrap();
    assert!(matches!(told[..], [Event::Trade(trade)] if trade.instrument == instrument), "{told:?}");

    rig.sent.clear();
    let now = rig.both();
    rig.session.unsubscribe(&["newcoin@trade", "never@trade"], now);
    rig.drain();
    let ids: Vec<_> = rig.sent.iter().map(|(route, sent)| (*route, sent["id"].clone())).collect();
    let expected = |number| ("UNSUBSCRIBE".to_owned(), number, json!(["newcoin@trade"]));
    assert_eq!(requests(&mut rig), [expected(0), expected(1)]);
    let mut done = |(route, id): &(Route, Value)| {
        rig.feed(*route, &json!({"result": null, "id": id}).to_string()).unwrap()
    };
    assert_eq!(done(&ids[0]), []);
    assert_eq!(done(&ids[1]), [Event::Unsubscribed { stream: "newcoin@trade" }]);
}

#[test]
fn a_book_that_is_added_later_is_kept_and_one_that_is_removed_stays_readable() {
    let mut rig = rig(vec![Stream::Trade], 1);
    assert_eq!(rig.session.endpoints().len(), 1);
    let now = rig.both();
    rig.session.subscribe(&["xyzabc@depth@100ms"], now).unwrap();
    assert_eq!(rig.session.endpoints().len(), 2, "snapshots come from the API");
    rig.open(Route::first(1));
    rig.confirm();
    rig.feed(leg(0), &diff(1, 5)).unwrap();
    assert_eq!(snapshot(&mut rig, 5), [BookChange::Synced { update_id: 5 }]);
    let now = rig.both();
    rig.session.unsubscribe(&["xyzabc@depth@100ms"], now);
    rig.drain();
    let view = rig.session.book(Instrument(0)).unwrap();
    assert_eq!((view.state, view.update_id), (BookState::Stale, 5));
}

#[test]
fn a_stream_that_is_not_wanted_is_over_whatever_becomes_of_the_request() {
    let over = Event::Unsubscribed { stream: "xyzabc@bookTicker" };
    let mut rig = rig(vec![Stream::Trade], 1);
    let follow = |rig: &mut Rig| {
        let now = rig.both();
        rig.session.subscribe(&["xyzabc@bookTicker"], now).unwrap();
        assert_eq!(rig.drain(), []);
        rig.sent.pop_front().unwrap().1
    };
    let leave = |rig: &mut Rig| {
        let now = rig.both();
        rig.session.unsubscribe(&["xyzabc@bookTicker"], now);
        rig.drain()
    };
    // Refused when it is not wanted any more: nobody misses it.
    let sent = follow(&mut rig);
    assert_eq!(leave(&mut rig), []);
    let refusal = json!({"error": {"code": 2, "msg": "Invalid request"}, "id": sent["id"]});
    let told = rig.feed(leg(0), &refusal.to_string()).unwrap();
    assert!(matches!(&told[..], [Event::Rejected(_), last] if *last == over), "{told:?}");
    // Never answered.
    follow(&mut rig);
    assert_eq!(leave(&mut rig), []);
    assert_eq!(rig.close(leg(0)), std::slice::from_ref(&over));
    // Not even asked for.
    let now = rig.both();
    rig.session.subscribe(&["xyzabc@bookTicker"], now).unwrap();
    assert_eq!(leave(&mut rig), [over]);
}

/// What happens to a leg of the property below.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The venue sends so many more trades to all that are connected.
    Publish(u64),
    /// So many messages of a leg arrive.
    Arrive(usize, usize),
    /// One message of a leg is lost on its way.
    Lose(usize),
    /// A leg is cut with all that is under way.
    Cut(usize),
    /// A leg is opened and subscribed, if it is not.
    Open(usize),
    /// Time passes.
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..4_u64).prop_map(Step::Publish),
        8 => (0..3_usize, 1..5_usize).prop_map(|(leg, count)| Step::Arrive(leg, count)),
        1 => (0..3_usize).prop_map(Step::Lose),
        1 => (0..3_usize).prop_map(Step::Cut),
        2 => (0..3_usize).prop_map(Step::Open),
        1 => (1..700_u64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Every trade is told once and in order, or a gap covers it; and nothing is missing while one leg had it all.
    #[test]
    fn nothing_is_lost_without_a_gap_and_nothing_is_told_twice(steps in steps()) {
        let mut rig = rig(vec![Stream::Trade], 1);
        let (mut published, mut last) = (0, 0);
        let mut legs: [Option<VecDeque<u64>>; 3] = [Some(VecDeque::new()), None, None];
        let mut all = Vec::new();
        // The first leg is never lost nor loses anything in half of the runs.
        let is_good = steps.len() % 2 == 0;
        for step in &steps {
            match *step {
                Step::Publish(count) => {
                    for _ in 0..count {
                        published += 1;
                        legs.iter_mut().flatten().for_each(|leg| leg.push_back(published));
                    }
                }
                Step::Arrive(number, count) => {
                    for _ in 0..count {
                        let next = legs[number].as_mut().and_then(VecDeque::pop_front);
                        if let Some(id) = next {
                            all.extend(told(&rig.feed(leg(number), &trade(id)).unwrap()));
                        }
                    }
                }
                Step::Lose(0) | Step::Cut(0) if is_good => {}
                Step::Lose(number) => {
                    legs[number].as_mut().and_then(VecDeque::pop_front);
                }
                Step::Cut(number) => {
                    legs[number] = None;
                    all.extend(told(&rig.close(leg(number))));
                }
                Step::Open(number) => {
                    if legs[number].is_none() {
                        legs[number] = Some(VecDeque::new());
                        rig.open(leg(number));
                        rig.confirm();
                    }
                }
                // A leg that is good but does not arrive within a second is given up, as it should be.
                Step::Pass(ms) if is_good => all.extend(told(&rig.pass(Duration::from_micros(ms)))),
                Step::Pass(ms) => all.extend(told(&rig.pass(Duration::from_millis(ms)))),
            }
        }
        let mut covered = 0;
        for told in &all {
            match *told {
                G(after, through) => {
                    prop_assert!(after >= last && through > after, "{told:?} behind {last} in {all:?}");
                    covered = through;
                    prop_assert!(!is_good, "{told:?} in {all:?}");
                }
                T(id) => {
                    prop_assert!(id > last, "{id} is told again or late: {all:?}");
                    // The first of all may be any.
                    let missing = last + 1..id;
                    prop_assert!(last == 0 || missing.is_empty() || covered >= missing.end - 1, "{id} in {all:?}");
                    last = id;
                }
            }
        }
    }
}
