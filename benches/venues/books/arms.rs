//! Order books, each as its kind is written without ado. All but tickwire's know that the prices of a stream are
//! spelt alike, so that the digits alone are the price; none of them is bounded.

use std::collections::BTreeMap;

use tickwire::venue::{Book, Decimal, Level, Side};

use super::window::Window;

/// The digits of a price, and of the quantity there.
pub(crate) type Pair = (i64, i64);

pub(crate) trait Arm {
    fn load(bids: &[Level], asks: &[Level]) -> Self;
    fn apply(&mut self, bids: &[Level], asks: &[Level]);
    /// The best bid and the best ask.
    fn top(&self) -> [Option<Pair>; 2];
    /// All bids and all asks, best first.
    fn levels(&self) -> [Vec<Pair>; 2];
}

fn pair(level: Level) -> Pair {
    (level.price.mantissa(), level.quantity.mantissa())
}

impl Arm for Book {
    fn load(bids: &[Level], asks: &[Level]) -> Self {
        let mut book = Self::new(10_000);
        book.load(bids, asks);
        book
    }
    fn apply(&mut self, bids: &[Level], asks: &[Level]) {
        self.apply(bids, asks);
    }
    fn top(&self) -> [Option<Pair>; 2] {
        [self.best_bid().map(pair), self.best_ask().map(pair)]
    }
    fn levels(&self) -> [Vec<Pair>; 2] {
        self.check().expect("a book in order");
        [self.bids().map(pair).collect(), self.asks().map(pair).collect()]
    }
}

/// A B-tree a side.
pub(crate) struct Trees<Q> {
    bids: BTreeMap<i64, Q>,
    asks: BTreeMap<i64, Q>,
}

/// What stands for a quantity.
pub(crate) trait Quantity: Copy {
    fn of(quantity: Decimal) -> Self;
    fn digits(self) -> i64;
}

impl Quantity for i64 {
    fn of(quantity: Decimal) -> Self {
        quantity.mantissa()
    }
    fn digits(self) -> i64 {
        self
    }
}

impl Quantity for Decimal {
    fn of(quantity: Decimal) -> Self {
        quantity
    }
    fn digits(self) -> i64 {
        self.mantissa()
    }
}

fn apply_to_tree<Q: Quantity>(tree: &mut BTreeMap<i64, Q>, changes: &[Level]) {
    for Level { price, quantity } in changes {
        if quantity.is_zero() {
            tree.remove(&price.mantissa());
        } else {
            tree.insert(price.mantissa(), Q::of(*quantity));
        }
    }
}

impl<Q: Quantity> Arm for Trees<Q> {
    fn load(bids: &[Level], asks: &[Level]) -> Self {
        let mut book = Self { bids: BTreeMap::new(), asks: BTreeMap::new() };
        book.apply(bids, asks);
        book
    }
    fn apply(&mut self, bids: &[Level], asks: &[Level]) {
        apply_to_tree(&mut self.bids, bids);
        apply_to_tree(&mut self.asks, asks);
    }
    fn top(&self) -> [Option<Pair>; 2] {
        let pair = |(price, quantity): (&i64, &Q)| (*price, quantity.digits());
        [self.bids.last_key_value().map(pair), self.asks.first_key_value().map(pair)]
    }
    fn levels(&self) -> [Vec<Pair>; 2] {
        let pair = |(price, quantity): (&i64, &Q)| (*price, quantity.digits());
        [self.bids.iter().rev().map(pair).collect(), self.asks.iter().map(pair).collect()]
    }
}

/// One side of a book. A key is a price of which the greater is the better.
pub(crate) trait Ladder {
    /// `unit` divides the digits of every price.
    fn new(unit: i64) -> Self;
    /// Zero removes.
    fn set(&mut self, key: i64, quantity: Decimal);
    fn best(&self) -> Option<Pair>;
    /// Best first.
    fn levels(&self) -> Vec<Pair>;
}

/// A book of two sides of a kind.
pub(crate) struct Sides<L> {
    bids: L,
    asks: L,
}

/// The price of a key, or the key of a price.
fn turned(side: Side, price: i64) -> i64 {
    match side {
        Side::Bid => price,
        Side::Ask => -price,
    }
}

impl<L: Ladder> Arm for Sides<L> {
    fn load(bids: &[Level], asks: &[Level]) -> Self {
        let digits = bids.iter().chain(asks).map(|level| level.price.mantissa());
        let unit =
            (0..18).map(|n| 10_i64.pow(n)).take_while(|unit| digits.clone().all(|m| m % unit == 0)).last();
        let unit = unit.unwrap_or(1);
        let mut book = Self { bids: L::new(unit), asks: L::new(unit) };
        book.apply(bids, asks);
        book
    }
    fn apply(&mut self, bids: &[Level], asks: &[Level]) {
        for level in bids {
            self.bids.set(turned(Side::Bid, level.price.mantissa()), level.quantity);
        }
        for level in asks {
            self.asks.set(turned(Side::Ask, level.price.mantissa()), level.quantity);
        }
    }
    fn top(&self) -> [Option<Pair>; 2] {
        let ask = |(key, quantity)| (turned(Side::Ask, key), quantity);
        [self.bids.best(), self.asks.best().map(ask)]
    }
    fn levels(&self) -> [Vec<Pair>; 2] {
        let ask = |(key, quantity)| (turned(Side::Ask, key), quantity);
        [self.bids.levels(), self.asks.levels().into_iter().map(ask).collect()]
    }
}

/// Levels in order, the best last.
#[derive(Default)]
pub(crate) struct Sorted(Vec<(i64, Decimal)>);

impl Sorted {
    fn put(&mut self, at: usize, key: i64, quantity: Decimal) {
        match (self.0.get_mut(at).filter(|level| level.0 == key), quantity.is_zero()) {
            (Some(level), false) => level.1 = quantity,
            (Some(_), true) => drop(self.0.remove(at)),
            (None, false) => self.0.insert(at, (key, quantity)),
            (None, true) => {}
        }
    }
    fn best(&self) -> Option<Pair> {
        self.0.last().map(|(key, quantity)| (*key, quantity.mantissa()))
    }
    fn levels(&self) -> Vec<Pair> {
        self.0.iter().rev().map(|(key, quantity)| (*key, quantity.mantissa())).collect()
    }
}

pub(crate) struct Binary(Sorted);

impl Ladder for Binary {
    fn new(_: i64) -> Self {
        Self(Sorted::default())
    }
    fn set(&mut self, key: i64, quantity: Decimal) {
        let at = self.0.0.partition_point(|level| level.0 < key);
        self.0.put(at, key, quantity);
    }
    fn best(&self) -> Option<Pair> {
        self.0.best()
    }
    fn levels(&self) -> Vec<Pair> {
        self.0.levels()
    }
}

pub(crate) struct Linear(Sorted);

impl Ladder for Linear {
    fn new(_: i64) -> Self {
        Self(Sorted::default())
    }
    fn set(&mut self, key: i64, quantity: Decimal) {
        let at = self.0.0.iter().rposition(|level| level.0 < key).map_or(0, |worse| worse + 1);
        self.0.put(at, key, quantity);
    }
    fn best(&self) -> Option<Pair> {
        self.0.best()
    }
    fn levels(&self) -> Vec<Pair> {
        self.0.levels()
    }
}

/// The best levels in order, the others in a map.
pub(crate) struct Hybrid {
    near: Sorted,
    /// All of them worse than those near.
    rest: BTreeMap<i64, Decimal>,
}

/// Levels near the best: half of them move when there are more, or none is left.
const NEAR: usize = 64;

impl Ladder for Hybrid {
    fn new(_: i64) -> Self {
        Self { near: Sorted::default(), rest: BTreeMap::new() }
    }
    fn set(&mut self, key: i64, quantity: Decimal) {
        if self.near.0.first().is_some_and(|worst| key < worst.0) {
            if quantity.is_zero() {
                self.rest.remove(&key);
            } else {
                self.rest.insert(key, quantity);
            }
            return;
        }
        let at = self.near.0.partition_point(|level| level.0 < key);
        self.near.put(at, key, quantity);
        if self.near.0.len() > NEAR {
            self.rest.extend(self.near.0.drain(..NEAR / 2));
        } else if self.near.0.is_empty() {
            let best = std::iter::from_fn(|| self.rest.pop_last());
            self.near.0.extend(best.take(NEAR / 2));
            self.near.0.reverse();
        }
    }
    fn best(&self) -> Option<Pair> {
        self.near.best()
    }
    fn levels(&self) -> Vec<Pair> {
        let rest = self.rest.iter().rev().map(|(key, quantity)| (*key, quantity.mantissa()));
        self.near.levels().into_iter().chain(rest).collect()
    }
}

impl Ladder for Window {
    fn new(unit: i64) -> Self {
        Self::new(unit)
    }
    fn set(&mut self, key: i64, quantity: Decimal) {
        self.set(key, quantity);
    }
    fn best(&self) -> Option<Pair> {
        self.best()
    }
    fn levels(&self) -> Vec<Pair> {
        self.levels()
    }
}
