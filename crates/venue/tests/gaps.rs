//! Generated streams with faults, against a market that knows its whole book at every update.

mod common;

use std::{collections::BTreeMap, time::Duration};

use common::{API, Rig, STREAM, books, changes, config};
use serde_json::{Value, json};
use tickwire_venue::binance::Config;
use tickwire_venue::{BookChange, BookState, Event, Instrument, Level, Session};

const ONLY: Instrument = Instrument(0);

type Ticks = BTreeMap<u32, u32>;

/// A full book of integer ticks, kept as simply as can be, with its content after each diff.
struct Market {
    seed: u64,
    id: u64,
    bids: Ticks,
    asks: Ticks,
    history: BTreeMap<u64, (Ticks, Ticks)>,
}

impl Market {
    fn new(seed: u64) -> Self {
        let mut market = Self {
            seed: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            id: 1000,
            bids: (900..1000).map(|tick| (tick, 5)).collect(),
            asks: (1000..1100).map(|tick| (tick, 5)).collect(),
            history: BTreeMap::new(),
        };
        market.remember();
        market
    }

    fn remember(&mut self) {
        self.history.insert(self.id, (self.bids.clone(), self.asks.clone()));
    }

    /// xorshift64*: 0 up to `below`.
    fn draw(&mut self, below: u32) -> u32 {
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        let high = self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        u32::try_from(high).unwrap() % below
    }

    /// One to five updates, and the diff that tells of them.
    fn diff(&mut self) -> Value {
        let before = (self.bids.clone(), self.asks.clone());
        let first_id = self.id + 1;
        for _ in 0..=self.draw(5) {
            self.id += 1;
            let (tick, quantity) = (self.draw(100), self.draw(4));
            let (side, tick) = match self.draw(2) {
                0 => (&mut self.bids, 900 + tick),
                _ => (&mut self.asks, 1000 + tick),
            };
            match quantity {
                0 => side.remove(&tick),
                quantity => side.insert(tick, quantity),
            };
        }
        self.remember();
        json!({"stream": "abc@depth@100ms", "data": {
            "e": "depthUpdate", "E": 1_700_000_000_000_u64, "s": "ABC", "U": first_id, "u": self.id,
            "b": changed(&before.0, &self.bids), "a": changed(&before.1, &self.asks),
        }})
    }

    /// The snapshot after the diff that ends with `id`.
    fn snapshot(&self, request: u64, id: u64) -> Value {
        let rows =
            |ticks: &Ticks| ticks.iter().map(|(tick, quantity)| row(*tick, *quantity)).collect::<Vec<_>>();
        let (bids, asks) = &self.history[&id];
        let bids: Vec<_> = rows(bids).into_iter().rev().collect();
        json!({"id": request, "status": 200, "result": {"lastUpdateId": id, "bids": bids, "asks": rows(asks)}})
    }

    fn quote(&self) -> Value {
        let side = |best: Option<(&u32, &u32)>| {
            best.map_or_else(|| row(0, 0), |(tick, quantity)| row(*tick, *quantity))
        };
        let (bid, ask) = (side(self.bids.last_key_value()), side(self.asks.first_key_value()));
        json!({"stream": "abc@bookTicker", "data": {
            "u": self.id, "s": "ABC", "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1],
        }})
    }
}

fn row(tick: u32, quantity: u32) -> Value {
    json!([format!("{}.{:02}000000", tick / 100, tick % 100), format!("{quantity}.00000000")])
}

fn changed(before: &Ticks, after: &Ticks) -> Vec<Value> {
    let gone = before.keys().filter(|tick| !after.contains_key(*tick)).map(|tick| row(*tick, 0));
    let set = after.iter().filter(|(tick, quantity)| before.get(*tick) != Some(*quantity));
    gone.chain(set.map(|(tick, quantity)| row(*tick, *quantity))).collect()
}

/// The session's book is what the market's was at the id that it claims.
fn assert_book(rig: &Rig, market: &Market, state: BookState, told: &str) {
    let view = rig.session.book(ONLY).unwrap();
    assert_eq!(view.state, state, "{told}");
    assert_eq!(view.book.check(), Ok(()), "{told}");
    let (bids, asks) = &market.history[&view.update_id];
    let ticks = |level: Level| {
        (level.price.rescale(2).unwrap().mantissa(), level.quantity.rescale(0).unwrap().mantissa())
    };
    let wide = |(tick, quantity): (&u32, &u32)| (i64::from(*tick), i64::from(*quantity));
    assert!(
        view.book.bids().map(ticks).eq(bids.iter().rev().map(wide)),
        "bids at {}, {told}",
        view.update_id
    );
    assert!(view.book.asks().map(ticks).eq(asks.iter().map(wide)), "asks at {}, {told}", view.update_id);
}

/// A book that is live and has followed ten diffs.
fn live(seed: u64) -> (Rig, Market) {
    let mut market = Market::new(seed);
    let mut rig = Rig::confirmed(config(&["ABC"], books()));
    let (request, _) = rig.asked().unwrap();
    rig.stream(&market.diff());
    let told = rig.api(&market.snapshot(request, market.id));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: market.id }]);
    for _ in 0..10 {
        let told = rig.stream(&market.diff());
        assert_eq!(changes(&told), [BookChange::Updated { update_id: market.id }]);
    }
    (rig, market)
}

#[test]
fn a_lost_diff_is_a_gap_and_the_book_comes_back() {
    for seed in 0..50 {
        let told = format!("seed {seed}");
        let (mut rig, mut market) = live(seed);
        let good = market.id;
        market.diff();
        let lost_to = market.id;
        let events = rig.stream(&market.diff());
        assert_eq!(changes(&events), [BookChange::Gap { expected: good + 1, got: lost_to + 1 }], "{told}");
        assert_book(&rig, &market, BookState::Stale, &told);
        assert_eq!(rig.session.book(ONLY).unwrap().update_id, good, "{told}");
        let (request, symbol) = rig.asked().unwrap();
        assert_eq!(symbol, "ABC");
        let snapshot_id = market.id;
        assert_eq!(changes(&rig.stream(&market.diff())), [], "{told}");
        assert_book(&rig, &market, BookState::Stale, &told);
        let events = rig.api(&market.snapshot(request, snapshot_id));
        assert_eq!(changes(&events), [BookChange::Resynced { update_id: market.id }], "{told}");
        assert_book(&rig, &market, BookState::Live, &told);
        rig.stream(&market.diff());
        assert_book(&rig, &market, BookState::Live, &told);
    }
}

#[test]
fn a_stale_snapshot_is_asked_for_again_with_doubling_delay() {
    let mut market = Market::new(1);
    let old = market.id;
    market.diff();
    let mut rig = Rig::confirmed(config(&["ABC"], books()));
    let first_id = market.id + 1;
    rig.stream(&market.diff());
    for delay in [250, 500, 1000, 2000, 4000, 5000, 5000] {
        let (request, _) = rig.asked().expect("asked again");
        let told = rig.api(&market.snapshot(request, old));
        assert_eq!(changes(&told), [BookChange::StaleSnapshot { snapshot_id: old, first_id }]);
        assert_eq!(rig.session.book(ONLY).unwrap().state, BookState::Empty);
        rig.pass(Duration::from_millis(delay - 1));
        assert!(rig.asked().is_none(), "too early, {delay} ms");
        rig.pass(Duration::from_millis(1));
    }
    let (request, _) = rig.asked().unwrap();
    let told = rig.api(&market.snapshot(request, market.id));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: market.id }]);
    assert_book(&rig, &market, BookState::Live, "after stale snapshots");

    market.diff();
    rig.stream(&market.diff());
    let (request, _) = rig.asked().unwrap();
    rig.api(&market.snapshot(request, old));
    rig.pass(Duration::from_millis(250));
    assert!(rig.asked().is_some(), "a book that was live begins with the first delay");
}

#[test]
fn a_suspect_book_that_gets_no_other_snapshot_stays_live() {
    let (mut rig, mut market) = live(8);
    let (tick, quantity) = market.bids.pop_last().unwrap();
    let wrong = market.quote();
    market.bids.insert(tick, quantity);
    let told = rig.stream(&wrong);
    assert_eq!(changes(&told), [BookChange::Suspect { update_id: market.id }]);
    rig.pass(Duration::from_millis(250));
    let (request, _) = rig.asked().expect("another snapshot");
    let error = json!({"code": -1121, "msg": "Invalid symbol."});
    rig.api(&json!({"id": request, "status": 400, "error": error}));
    assert_book(&rig, &market, BookState::Live, "refused");
    let told = rig.stream(&market.diff());
    assert_eq!(changes(&told), [BookChange::Updated { update_id: market.id }]);
    market.diff();
    let told = rig.stream(&market.diff());
    assert!(matches!(changes(&told)[..], [BookChange::Gap { .. }]), "{told:?}");
    assert!(rig.asked().is_some(), "a gap asks anew");
}

#[test]
fn old_diffs_again_change_nothing() {
    let (mut rig, mut market) = live(2);
    let (a, b) = (market.diff(), market.diff());
    rig.stream(&a);
    rig.stream(&b);
    for again in [&b, &a, &b] {
        let last_id = again["data"]["u"].as_u64().unwrap();
        let told = rig.stream(again);
        assert_eq!(changes(&told), [BookChange::Ignored { last_id, update_id: market.id }]);
        assert_book(&rig, &market, BookState::Live, "after an old diff");
    }
    assert!(rig.asked().is_none());
}

#[test]
fn a_lost_stream_leaves_the_book_stale_until_it_is_synced_again() {
    let (mut rig, mut market) = live(3);
    let good = market.id;
    let told = rig.close(STREAM);
    assert_eq!(changes(&told), [BookChange::Stale { update_id: good }]);
    assert_book(&rig, &market, BookState::Stale, "closed");
    market.diff();
    rig.open(STREAM);
    rig.stream(&market.diff());
    assert!(rig.asked().is_none(), "not before the subscription is confirmed");
    rig.confirm();
    let (request, _) = rig.asked().unwrap();
    assert_book(&rig, &market, BookState::Stale, "open again");
    let told = rig.api(&market.snapshot(request, market.id));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: market.id }]);
    assert_book(&rig, &market, BookState::Live, "synced again");
}

#[test]
fn a_book_that_is_followed_again_before_its_stream_was_left_is_synced_again() {
    let (mut rig, mut market) = live(6);
    let now = rig.both();
    // No other request may leave in this second.
    rig.session.subscribe(&["abc@trade"], now).unwrap();
    rig.session.subscribe(&["abc@aggTrade"], now).unwrap();
    rig.session.unsubscribe(&["abc@depth@100ms"], now);
    rig.session.subscribe(&["abc@depth@100ms"], now).unwrap();
    rig.drain();
    let (request, _) = rig.asked().unwrap();
    let told = rig.api(&market.snapshot(request, market.id));
    assert_eq!(changes(&told), [BookChange::Resynced { update_id: market.id }]);
    rig.stream(&market.diff());
    assert_book(&rig, &market, BookState::Live, "it was never left");
}

#[test]
fn a_snapshot_asked_for_on_a_lost_connection_is_asked_for_on_the_next() {
    let mut market = Market::new(4);
    let mut rig = Rig::confirmed(config(&["ABC"], books()));
    let (lost, _) = rig.asked().unwrap();
    rig.close(API);
    rig.stream(&market.diff());
    assert!(rig.asked().is_none());
    rig.open(API);
    let (request, _) = rig.asked().unwrap();
    assert_ne!(lost, request);
    let told = rig.api(&market.snapshot(lost, market.id));
    assert_eq!(told, [Event::Other { kind: "answer" }]);
    rig.api(&market.snapshot(request, market.id));
    assert_book(&rig, &market, BookState::Live, "second connection");
}

#[test]
fn a_gap_before_the_book_is_live_asks_for_no_snapshot_of_its_own() {
    let mut market = Market::new(5);
    let mut rig = Rig::new(config(&["ABC"], books()));
    rig.open(STREAM);
    rig.open(API);
    rig.stream(&market.diff());
    let expected = market.id + 1;
    market.diff();
    let got = market.id + 1;
    assert_eq!(changes(&rig.stream(&market.diff())), [BookChange::Gap { expected, got }]);
    assert!(rig.asked().is_none(), "the subscription is not confirmed");
    rig.confirm();
    assert!(rig.asked().is_some());
    rig.stream(&market.diff());
    market.diff();
    let told = rig.stream(&market.diff());
    assert!(matches!(changes(&told)[..], [BookChange::Gap { .. }]));
    assert!(rig.asked().is_none(), "one is under way");
}

#[test]
fn quotes_that_wait_are_given_up_with_their_stream() {
    let (mut rig, mut market) = live(7);
    market.diff();
    rig.stream(&market.quote());
    let before = rig.session.check_counts(ONLY).unwrap().passed;
    rig.close(STREAM);
    assert_eq!(rig.session.check_counts(ONLY).unwrap().passed, before + 1);
}

#[test]
fn a_book_over_its_bound_tells_what_it_drops() {
    let small = Config { snapshot_limit: 2, levels_max: 2, ..config(&["ABC"], books()) };
    let mut rig = Rig::confirmed(small);
    let (request, _) = rig.asked().unwrap();
    let bids = [row(999, 1), row(998, 1), row(997, 1)];
    let result = json!({"lastUpdateId": 10, "bids": bids, "asks": []});
    let told = rig.api(&json!({"id": request, "status": 200, "result": result}));
    assert_eq!(changes(&told), [BookChange::Synced { update_id: 10 }, BookChange::Trimmed { levels: 1 }]);
    let diff =
        json!({"e": "depthUpdate", "E": 1, "s": "ABC", "U": 11, "u": 12, "b": [row(1000, 1)], "a": []});
    let told = rig.stream(&diff);
    assert_eq!(changes(&told), [BookChange::Updated { update_id: 12 }, BookChange::Trimmed { levels: 1 }]);
}

/// Any mixture of faults: what the session calls its book at an id always is the book at that id, and
/// quiet water brings it live.
#[test]
fn no_mixture_of_faults_makes_a_wrong_book() {
    let mut checks = 0;
    for seed in 0..300 {
        let told = format!("seed {seed}");
        let mut market = Market::new(seed);
        let mut rig = Rig::confirmed(config(&["ABC"], books()));
        let mut past = Vec::new();
        for step in 0..200 {
            let calm = step >= 150;
            let diff = market.diff();
            let fault = if calm { 99 } else { market.draw(30) };
            let mut events = Vec::new();
            match fault {
                0 => {}
                1 => {
                    rig.close(STREAM);
                    rig.open(STREAM);
                    rig.confirm();
                }
                2 => {
                    rig.close(API);
                    rig.open(API);
                }
                3 if !past.is_empty() => {
                    let at = market.draw(u32::try_from(past.len()).unwrap());
                    events.extend(rig.stream(&past[at as usize]));
                    events.extend(rig.stream(&diff));
                }
                _ => {
                    if market.draw(2) == 0 {
                        events.extend(rig.stream(&market.quote()));
                        events.extend(rig.stream(&diff));
                    } else {
                        events.extend(rig.stream(&diff));
                        events.extend(rig.stream(&market.quote()));
                    }
                }
            }
            past.push(diff);
            let answers = calm || market.draw(4) == 0;
            if let Some((request, _)) = answers.then(|| rig.asked()).flatten() {
                let back = if calm { 0 } else { market.draw(5) };
                let id = *market.history.keys().rev().nth(back as usize).unwrap_or(&market.id);
                events.extend(rig.api(&market.snapshot(request, id)));
            }
            events.extend(rig.pass(Duration::from_millis(200)));
            for event in &events {
                if let Event::Check(check) = event {
                    checks += 1;
                    assert!(check.agrees, "{told}, step {step}: {check:?}");
                }
            }
            let state = rig.session.book(ONLY).unwrap().state;
            if state != BookState::Empty {
                assert_book(&rig, &market, state, &format!("{told}, step {step}"));
            }
        }
        assert_book(&rig, &market, BookState::Live, &told);
        assert_eq!(rig.session.book(ONLY).unwrap().update_id, market.id, "{told}");
    }
    assert!(checks > 10_000, "{checks} checks");
}
