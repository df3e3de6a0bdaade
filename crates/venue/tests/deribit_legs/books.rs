//! Books of several connections.

use super::*;

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
fn a_snapshot_that_is_older_than_what_was_told_waits_for_a_newer_one() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    join(&mut rig, 0);
    rig.notify_on(0, CHANNEL, &snapshot(10));
    join(&mut rig, 1);
    let told = rig.notify_on(0, CHANNEL, &change(15, 20));
    assert_eq!(told[0], gap(10, 15));
    // Nothing is told again that was told before.
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(15)), []);
    silent(&mut rig, 1, 15, 20);
    anew(&mut rig, 0);
    let told = rig.notify_on(0, CHANNEL, &snapshot(25));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 25 }]);
    silent(&mut rig, 1, 20, 25);
    continues(&mut rig, 1, 25, 30);
}

#[test]
fn a_snapshot_that_was_held_up_is_asked_for_again_by_the_only_connection_that_is_left() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    join(&mut rig, 0);
    rig.notify_on(0, CHANNEL, &snapshot(10));
    rig.open_on(1);
    continues(&mut rig, 0, 10, 15);
    let told = rig.close_on(0, Ending::Lost);
    assert_eq!(changes(&told), [BookChange::Stale { update_id: 15 }]);
    // Nothing is told again that was told before.
    rig.answer_all_on(1);
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(12)), []);
    anew(&mut rig, 1);
    let told = rig.notify_on(1, CHANNEL, &snapshot(20));
    assert_eq!(told[0], gap(15, 19));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 20 }]);
}

#[test]
fn a_book_that_is_wanted_again_does_not_begin_with_a_snapshot_that_was_held_up() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    join(&mut rig, 0);
    rig.notify_on(0, CHANNEL, &snapshot(10));
    rig.open_on(1);
    continues(&mut rig, 0, 10, 15);
    rig.session.unsubscribe(&[CHANNEL], rig.now);
    rig.drain();
    rig.answer_all_on(0);
    rig.session.subscribe(&[CHANNEL], rig.now).unwrap();
    rig.drain();
    rig.answer_all_on(1);
    assert_eq!(changes(&rig.notify_on(1, CHANNEL, &snapshot(12))), []);
    // Nothing is missing of the time when it was not wanted.
    let told = rig.notify_on(0, CHANNEL, &snapshot(20));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 20 }]);
    assert!(!told.contains(&gap(15, 19)), "{told:?}");
}

#[test]
fn a_venue_that_counts_anew_is_believed_by_the_connection_that_was_asked() {
    let mut rig = pair();
    silent(&mut rig, 1, 12, 15);
    rig.notify_on(0, CHANNEL, &change(12, 15));
    anew(&mut rig, 0);
    let told = rig.notify_on(0, CHANNEL, &snapshot(3));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 3 }]);
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
    rig.notify_on(0, CHANNEL, &snapshot(26));
    rig.answer_on(1, &leave, &json!([CHANNEL]));
    let subscribe = rig.request_on(1, "public/subscribe");
    assert_eq!(rig.answer_on(1, &subscribe, &json!([])), [], "the other brings it");
    continues(&mut rig, 0, 26, 30);
}

#[test]
fn a_snapshot_that_comes_on_neither_connection_is_asked_for_again() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    join(&mut rig, 0);
    rig.pass(5 * SECOND);
    join(&mut rig, 1);
    let told = rig.pass(5 * SECOND);
    assert_eq!(told, [Event::Unanswered { request: Request::Snapshot, instrument: Some(ONLY) }]);
    anew(&mut rig, 1);
    let told = rig.notify_on(0, CHANNEL, &snapshot(10));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: 10 }]);
    assert_eq!(rig.pass(20 * SECOND), []);
}

#[test]
fn the_connections_take_turns_at_a_snapshot_that_does_not_come() {
    let mut rig = pair();
    silent(&mut rig, 1, 12, 15);
    rig.notify_on(0, CHANNEL, &change(12, 15));
    for at in [0, 1, 0, 1] {
        anew(&mut rig, at);
        let told = rig.pass(10 * SECOND);
        assert_eq!(told, [Event::Unanswered { request: Request::Snapshot, instrument: Some(ONLY) }]);
        // No sooner than the pace of repairs.
        rig.pass(5 * SECOND);
    }
    anew(&mut rig, 0);
    let told = rig.notify_on(0, CHANNEL, &snapshot(20));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: 20 }]);
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
