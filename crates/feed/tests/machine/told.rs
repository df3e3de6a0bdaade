//! What is handed on to the session, what is told of it, and what is counted.

use tickwire_feed::Command;
use tickwire_venue::{
    BookChange, BookEvent, ConfigError, Decimal, Error, Event, Fetched, Gap, Instrument, Misuse, Side, Trade,
};

use super::*;

const HERE: Route = Route { endpoint: 0, leg: 0 };

/// An error that is not the caller's fault; which is all that the machine looks at.
fn error() -> Error {
    Error::Config(ConfigError::NoStreams)
}

#[test]
fn messages_documents_and_wishes_reach_the_session() {
    let mut rig = Rig::up(Plan::default());
    let now = rig.now;
    rig.machine.on_text(HERE, b"one", now).unwrap();
    rig.machine.on_binary(HERE, b"\x02", now).unwrap();
    rig.machine.on_fetched(3, Fetched::Failed, now).unwrap();
    rig.machine.unsubscribe(&["four"], now);
    let expected = [
        format!("text one of {HERE:?}"),
        format!("bytes \\x02 of {HERE:?}"),
        "document 3: Failed".to_owned(),
        "unsubscribe [\"four\"]".to_owned(),
    ];
    assert_eq!(rig.machine.session().heard, expected);
}

#[test]
fn what_the_session_wants_done_is_handed_out() {
    let mut rig = Rig::up(Plan::default());
    let wishes = [Wish::Send { route: HERE, text: "text" }, Wish::Fetch { id: 5, url: "http://there" }];
    rig.machine.session_mut().wishes.extend(wishes);
    let mut done = Vec::new();
    rig.machine.carry_out(rig.now, |command| {
        done.push(match command {
            Command::Send { route, text } => format!("{route:?} {text}"),
            Command::Fetch { id, url } => format!("{id} {url}"),
            other => panic!("{other:?}"),
        });
    });
    assert_eq!(done, [format!("{HERE:?} text"), "5 http://there".to_owned()]);
}

#[test]
fn messages_and_their_bytes_are_counted() {
    let mut rig = Rig::up(Plan::default());
    for text in ["", "four", "seventeen"] {
        rig.machine.on_text(HERE, text.as_bytes(), rig.now).unwrap();
    }
    rig.machine.on_binary(HERE, &[0; 100], rig.now).unwrap();
    let stats = rig.machine.stats();
    assert_eq!((stats.messages, stats.bytes), (4, 4 + 9 + 100));
}

#[test]
fn what_cannot_be_read_is_told_and_counted_and_what_the_caller_did_is_an_error() {
    let mut rig = Rig::up(Plan::default());
    let now = rig.now;
    let tell = |rig: &mut Rig, nth: usize| match nth {
        0 => rig.machine.on_text(HERE, b"1", now),
        1 => rig.machine.on_binary(HERE, b"2", now),
        _ => rig.machine.on_fetched(3, Fetched::Failed, now),
    };
    for nth in 0..3 {
        rig.machine.session_mut().answer = Err(error());
        assert_eq!(tell(&mut rig, nth), Ok(()));
        assert!(rig.machine.has_event());
        assert_eq!(rig.machine.poll_event(), Some(Event::Unreadable(&error())));
        assert_eq!(rig.machine.poll_event(), None);
        assert!(!rig.machine.has_event());
        rig.machine.session_mut().answer = Err(Error::Misuse(Misuse::Undrained));
        assert_eq!(tell(&mut rig, nth), Err(Misuse::Undrained));
        assert!(!rig.machine.has_event());
    }
    assert_eq!(rig.machine.stats().unreadable, 3);
}

#[test]
fn there_is_an_event_exactly_when_one_can_be_taken() {
    let mut rig = Rig::new(Plan::default());
    assert!(rig.machine.has_event(), "it begins to connect");
    rig.done();
    assert!(!rig.machine.has_event());
    rig.machine.session_mut().events.push_back(Event::SignedIn);
    assert!(rig.machine.has_event(), "the session has one");
    assert_eq!(rig.machine.poll_event(), Some(Event::SignedIn));
    assert!(!rig.machine.has_event());
}

#[test]
fn gaps_and_books_that_are_complete_again_are_counted() {
    let mut rig = Rig::up(Plan::default());
    let gap = Event::Gap(Gap { stream: "a", instrument: None, after: 1, through: 2 });
    let book = |change| Event::Book(BookEvent { instrument: Instrument(0), change });
    let (updated, resynced) = (BookChange::Updated { update_id: 1 }, BookChange::Resynced { update_id: 1 });
    let events =
        [gap.clone(), book(updated), gap, book(resynced), book(resynced), book(updated), book(resynced)];
    rig.machine.session_mut().events.extend(events);
    while rig.machine.poll_event().is_some() {}
    assert_eq!((rig.machine.stats().gaps, rig.machine.stats().resyncs), (2, 3));
}

#[test]
fn each_64th_event_has_its_latency_recorded() {
    let mut rig = Rig::up(Plan::default());
    rig.now.unix_ns = 7_000_000_000;
    rig.machine.on_text(HERE, b"", rig.now).unwrap();
    let one = Decimal::new(1, 0).unwrap();
    let trade = Trade {
        instrument: Instrument(0),
        id: 1,
        price: one,
        quantity: one,
        taker: Side::Bid,
        fills: None,
        venue_time_ns: 6_990_000_000,
        event_time_ns: 0,
    };
    let tell = |rig: &mut Rig, event: Event<'static>, times: usize| {
        rig.machine.session_mut().events.extend(std::iter::repeat_n(event, times));
        while rig.machine.poll_event().is_some() {}
        rig.machine.stats().latency_us.len()
    };
    assert_eq!(tell(&mut rig, Event::Trade(trade), 63), 0);
    assert_eq!(tell(&mut rig, Event::Trade(trade), 1), 1);
    assert_eq!(tell(&mut rig, Event::Trade(trade), 63), 1);
    assert_eq!(tell(&mut rig, Event::SignedIn, 1), 1, "of an event without a time there is none");
    assert_eq!(tell(&mut rig, Event::Trade(trade), 64), 2);
    let latency = rig.machine.stats().latency_us.value_at_quantile(0.5);
    assert!((9_900..=10_100).contains(&latency), "{latency}");
}

#[test]
fn connections_are_counted() {
    let mut rig = Rig::new(Plan { legs: 2, ..Plan::default() });
    let counts = |rig: &Rig| {
        let stats = rig.machine.stats();
        [stats.attempts, stats.opened, stats.lost, stats.renewed]
    };
    rig.open(leg(0));
    assert_eq!(counts(&rig), [2, 1, 0, 0]);
    rig.open(leg(1));
    assert_eq!(counts(&rig), [2, 2, 0, 0]);
    rig.lost(leg(1), Cause::Lost);
    rig.lost(leg(0), Cause::Lost);
    assert_eq!(counts(&rig), [4, 2, 2, 0]);
}

#[test]
fn spans_to_ready_and_to_recovery_are_recorded() {
    let mut rig = Rig::new(Plan::default());
    rig.done();
    rig.pass(seconds(1));
    rig.open(leg(0));
    rig.ready(leg(0));
    rig.pass(seconds(20));
    rig.lost(leg(0), Cause::Lost);
    rig.done();
    rig.pass(seconds(3));
    rig.lost(leg(0), Cause::Connect);
    let dialed = rig.pass(seconds(1));
    assert_eq!(dialed, [Dial(leg(0), 0)]);
    rig.open(leg(0));
    rig.ready(leg(0));
    let stats = rig.machine.stats();
    let about = |span: u64, us: u64| (us * 99 / 100..=us * 101 / 100).contains(&span);
    assert_eq!((stats.ready_us.len(), stats.recovery_us.len()), (2, 1));
    assert!(about(stats.ready_us.max(), 1_050_000), "{}", stats.ready_us.max());
    // From the first loss, whatever came to nothing in between.
    assert!(about(stats.recovery_us.max(), 4_050_000), "{}", stats.recovery_us.max());
}

#[test]
fn connections_that_are_not_ready_are_lacking_and_those_that_are_renewed_are_not() {
    let mut rig = Rig::new(Plan { legs: 3, ..Plan::default() });
    rig.done();
    assert_eq!(rig.machine.lacking(), 3);
    rig.open(leg(0));
    assert_eq!(rig.machine.lacking(), 3, "it is not ready");
    rig.ready(leg(0));
    assert_eq!(rig.machine.lacking(), 2);
    rig.machine.renew(rig.now);
    rig.done();
    assert_eq!(rig.machine.lacking(), 2, "the old one is as good as ever");
    rig.lost(leg(1), Cause::Refused { status: 404, retry_after_s: None });
    assert_eq!(rig.machine.lacking(), 1, "what will not be tried again is not waited for");
    rig.machine.close();
    assert_eq!(rig.machine.lacking(), 0);
}

#[test]
fn a_connection_serves_as_the_place_it_was_made_for() {
    let mut rig = Rig::new(Plan { legs: 3, ..Plan::default() });
    rig.done();
    let places = [0, 1, 2, 3].map(|at| rig.machine.place(leg(at)));
    assert_eq!(places, [Some(0), Some(1), Some(2), None]);
    rig.lost(leg(0), Cause::Refused { status: 404, retry_after_s: None });
    assert_eq!(rig.machine.place(leg(0)), None);
    rig.open(leg(2));
    rig.machine.renew(rig.now);
    assert_eq!(rig.done(), [Dial(leg(0), 2)]);
    assert_eq!(rig.machine.place(leg(0)), Some(2));
}

#[test]
fn the_session_is_told_the_time_when_it_wants_to_be() {
    let mut rig = Rig::up(Plan::default());
    let at = rig.now.instant + seconds(5);
    rig.machine.session_mut().deadline = Some(at);
    assert_eq!(rig.machine.next_deadline(), Some(at));
    rig.now.instant = at - ms(1);
    rig.machine.on_deadline(rig.now);
    assert_eq!(rig.machine.session().deadline, Some(at), "it is not yet time");
    rig.now.instant = at;
    rig.machine.on_deadline(rig.now);
    assert_eq!(rig.machine.session().deadline, None);
}
