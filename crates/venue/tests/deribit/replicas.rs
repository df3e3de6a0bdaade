//! A venue with one instrument, that serves each connection by a replica that is as far as it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::{book, channels, meant, notification};

pub(crate) const BOOK: &str = "book.A.100ms";
pub(crate) const TRADES: &str = "trades.A.100ms";
pub(crate) const TICKER: &str = "incremental_ticker.A";

type Ticks = BTreeMap<u32, u32>;

/// xorshift64*.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 0 up to `below`.
    pub(crate) fn draw(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % below
    }

    fn tick(&mut self, below: usize) -> u32 {
        u32::try_from(self.draw(below)).unwrap()
    }
}

/// What happened, each step with all that stands after it.
pub(crate) struct History {
    steps: Vec<Step>,
}

/// The market after a step. There is a trade in each, numbered as the step is.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) id: u64,
    pub(crate) bids: Ticks,
    pub(crate) asks: Ticks,
    /// Whether a bid, and its tick.
    touched: Vec<(bool, u32)>,
    /// The ticker: the last price, and open interest.
    pub(crate) last: u32,
    pub(crate) open: u32,
}

const MS: u64 = 1_000_000;
const START_MS: u64 = 1_700_000_000_000;
const STEP_MS: u64 = 10;

impl History {
    pub(crate) fn new() -> Self {
        let ticks = |from: u32| (from..from + 20).map(|tick| (tick, 5)).collect();
        let (bids, asks, touched) = (ticks(80), ticks(100), Vec::new());
        Self { steps: vec![Step { id: 1000, bids, asks, touched, last: 0, open: 0 }] }
    }

    pub(crate) fn head(&self) -> usize {
        self.steps.len() - 1
    }

    /// The market goes on by a step.
    pub(crate) fn step(&mut self, dice: &mut Dice) {
        let mut next = self.steps.last().unwrap().clone();
        next.id += 1 + dice.draw(3) as u64;
        next.touched.clear();
        for _ in 0..=dice.draw(3) {
            let (is_bid, tick, quantity) = (dice.draw(2) == 0, dice.tick(20), dice.tick(4));
            let (side, tick) =
                if is_bid { (&mut next.bids, 80 + tick) } else { (&mut next.asks, 100 + tick) };
            match quantity {
                0 => side.remove(&tick),
                quantity => side.insert(tick, quantity),
            };
            next.touched.push((is_bid, tick));
        }
        match dice.draw(3) {
            0 => next.last += 1,
            1 => next.open += 1,
            _ => {}
        }
        self.steps.push(next);
    }

    pub(crate) fn at(&self, step: usize) -> &Step {
        &self.steps[step]
    }

    /// The market when the book had this id.
    pub(crate) fn by_id(&self, id: u64) -> Option<&Step> {
        self.steps.binary_search_by_key(&id, |step| step.id).ok().map(|step| self.at(step))
    }

    /// The market at a time.
    pub(crate) fn by_time(&self, time_ns: u64) -> &Step {
        self.at(usize::try_from((time_ns / MS - START_MS) / STEP_MS).unwrap())
    }

    fn snapshot(&self, step: usize) -> Value {
        let Step { id, bids, asks, .. } = self.at(step);
        let rows = |(tick, quantity): (&u32, &u32)| json!(["new", tick, quantity]);
        let bids: Vec<_> = bids.iter().rev().map(rows).collect();
        book("A", (None, *id), &json!(bids), &json!(asks.iter().map(rows).collect::<Vec<_>>()))
    }

    /// What changed of the book between two steps, as it stands after the second.
    fn change(&self, from: usize, to: usize) -> Value {
        let (before, after) = (self.at(from), self.at(to));
        let touched: BTreeSet<_> = self.steps[from + 1..=to].iter().flat_map(|step| &step.touched).collect();
        let side = |of_bids: bool, before: &Ticks, after: &Ticks| -> Vec<Value> {
            let ticks = touched.iter().filter(|(is_bid, _)| *is_bid == of_bids);
            ticks
                .map(|(_, tick)| match (before.get(tick), after.get(tick)) {
                    (_, None) => json!(["delete", tick, 0]),
                    (None, Some(quantity)) => json!(["new", tick, quantity]),
                    (Some(_), Some(quantity)) => json!(["change", tick, quantity]),
                })
                .collect()
        };
        let (bids, asks) = (side(true, &before.bids, &after.bids), side(false, &before.asks, &after.asks));
        book("A", (Some(before.id), after.id), &json!(bids), &json!(asks))
    }

    fn whole_ticker(&self, step: usize, after_ms: u64) -> Value {
        let Step { last, open, .. } = self.at(step);
        let time = START_MS + step as u64 * STEP_MS + after_ms;
        json!({"type": "snapshot", "timestamp": time, "instrument_name": "A", "last_price": last, "open_interest": open})
    }

    fn ticker_change(&self, step: usize) -> Value {
        let (before, after) = (self.at(step - 1), self.at(step));
        let time = START_MS + step as u64 * STEP_MS;
        let mut data = json!({"type": "change", "timestamp": time, "instrument_name": "A"});
        if before.last != after.last {
            data["last_price"] = json!(after.last);
        }
        if before.open != after.open {
            data["open_interest"] = json!(after.open);
        }
        data
    }

    fn trade(step: usize) -> Value {
        json!([{
            "trade_seq": step, "trade_id": "1", "timestamp": START_MS, "price": 1.5, "amount": 1.0,
            "instrument_name": "A", "direction": "buy",
        }])
    }
}

/// The venue's end of a connection.
pub(crate) struct Replica {
    /// How far it is.
    pub(crate) step: usize,
    /// How far the book is told.
    book_step: usize,
    subscribed: BTreeSet<String>,
    /// What is under way to the session.
    pub(crate) way: VecDeque<Value>,
}

/// What may happen to messages, each once in so many; 0 for never.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Faults {
    /// Changes of the book and trades are lost.
    pub(crate) lost: usize,
    /// A change of the book is joined with the next one.
    pub(crate) joined: usize,
}

impl Replica {
    pub(crate) fn new(step: usize) -> Self {
        Self { step, book_step: step, subscribed: BTreeSet::new(), way: VecDeque::new() }
    }

    /// Does what a request asks for.
    pub(crate) fn on_request(&mut self, request: &Value, history: &History, dice: &mut Dice) {
        let mut answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": meant(request)});
        let mut first = Vec::new();
        match request["method"].as_str().unwrap() {
            "public/subscribe" => {
                for name in channels(request) {
                    let is_new = self.subscribed.insert(name.to_owned());
                    first.extend(self.first_message(name, history, dice).filter(|_| is_new));
                }
                answer["result"].as_array_mut().unwrap().reverse();
            }
            "public/unsubscribe" => {
                for name in channels(request) {
                    self.subscribed.remove(name);
                }
            }
            _ => {}
        }
        // What a channel begins with comes before the answer or behind it.
        let place = dice.draw(first.len() + 1);
        first.insert(place, answer);
        self.way.extend(first);
    }

    fn first_message(&mut self, name: &str, history: &History, dice: &mut Dice) -> Option<Value> {
        match name {
            BOOK => {
                self.book_step = self.step;
                Some(notification(BOOK, &history.snapshot(self.step)))
            }
            // It has the time of the last change, or that of the subscription.
            TICKER => {
                let after_ms = 5 * dice.draw(2) as u64;
                Some(notification(TICKER, &history.whole_ticker(self.step, after_ms)))
            }
            _ => None,
        }
    }

    /// Goes on by a step and tells of it.
    pub(crate) fn advance(&mut self, history: &History, faults: Faults, dice: &mut Dice) {
        if self.step == history.head() {
            return;
        }
        self.step += 1;
        let mut once_in = |times: usize| times > 0 && dice.draw(times) == 0;
        if self.subscribed.contains(TRADES) && !once_in(faults.lost) {
            self.way.push_back(notification(TRADES, &History::trade(self.step)));
        }
        if self.subscribed.contains(TICKER) {
            self.way.push_back(notification(TICKER, &history.ticker_change(self.step)));
        }
        if self.subscribed.contains(BOOK) && !once_in(faults.joined) {
            if !once_in(faults.lost) {
                self.way.push_back(notification(BOOK, &history.change(self.book_step, self.step)));
            }
            self.book_step = self.step;
        }
    }
}
