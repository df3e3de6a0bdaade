//! Books against a sorted map of decimals.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// One side as plainly as can be.
type Plain = BTreeMap<Decimal, Decimal>;

fn decimal(mantissa: i64, scale: u8) -> Decimal {
    Decimal::new(mantissa, scale).unwrap()
}

fn level(price: i64, quantity: i64) -> Level {
    Level { price: decimal(price, 2), quantity: decimal(quantity, 3) }
}

fn levels(of: impl IntoIterator<Item = (i64, i64)>) -> Vec<Level> {
    of.into_iter().map(|(price, quantity)| level(price, quantity)).collect()
}

/// The book that every function of [`Book`] is held to.
struct Oracle {
    bids: Plain,
    asks: Plain,
    levels_max: usize,
    trimmed: u64,
}

impl Oracle {
    fn new(levels_max: usize) -> Self {
        Self { bids: Plain::new(), asks: Plain::new(), levels_max, trimmed: 0 }
    }

    fn apply(&mut self, bids: &[Level], asks: &[Level]) {
        for (side, changes) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for change in changes {
                side.remove(&change.price);
                if !change.quantity.is_zero() {
                    side.insert(change.price, change.quantity);
                }
            }
        }
        while self.bids.len() > self.levels_max {
            self.bids.pop_first();
            self.trimmed += 1;
        }
        while self.asks.len() > self.levels_max {
            self.asks.pop_last();
            self.trimmed += 1;
        }
    }

    fn load(&mut self, bids: &[Level], asks: &[Level]) {
        self.bids.clear();
        self.asks.clear();
        self.apply(bids, asks);
    }

    fn bids(&self) -> Vec<Level> {
        self.bids.iter().rev().map(|(price, quantity)| Level { price: *price, quantity: *quantity }).collect()
    }

    fn asks(&self) -> Vec<Level> {
        self.asks.iter().map(|(price, quantity)| Level { price: *price, quantity: *quantity }).collect()
    }

    fn check(&self, book: &Book) {
        let (bids, asks) = (self.bids(), self.asks());
        assert_eq!(book.bids().collect::<Vec<_>>(), bids);
        assert_eq!(book.asks().collect::<Vec<_>>(), asks);
        assert!(book.bids().rev().eq(bids.iter().rev().copied()));
        assert!(book.asks().rev().eq(asks.iter().rev().copied()));
        assert_eq!((book.bids().len(), book.asks().len()), (bids.len(), asks.len()));
        assert_eq!((book.len(Side::Bid), book.len(Side::Ask)), (bids.len(), asks.len()));
        assert_eq!((book.best_bid(), book.best_ask()), (bids.first().copied(), asks.first().copied()));
        assert_eq!(book.is_empty(), bids.is_empty() && asks.is_empty());
        assert_eq!(book.trimmed(), self.trimmed);
        book.bids.assert_consistent();
        book.asks.assert_consistent();
        match (bids.first(), asks.first()) {
            (Some(bid), Some(ask)) if bid.price >= ask.price => {
                assert_eq!(book.check(), Err(BookFault::Crossed { bid: *bid, ask: *ask }));
                assert!(book.is_crossed());
            }
            _ => {
                assert_eq!(book.check(), Ok(()));
                assert!(!book.is_crossed());
            }
        }
    }

    fn check_quantities(&self, book: &Book, prices: impl Iterator<Item = Decimal>) {
        for price in prices {
            assert_eq!(book.quantity_at(Side::Bid, price), self.bids.get(&price).copied(), "{price}");
            assert_eq!(book.quantity_at(Side::Ask, price), self.asks.get(&price).copied(), "{price}");
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Apply(Vec<Level>, Vec<Level>),
    Load(Vec<Level>, Vec<Level>),
    Set(Level),
    Clear,
}

/// A script on a book and on the oracle, which must agree after each step.
fn agree(levels_max: usize, script: &[Step]) {
    let mut book = Book::new(levels_max);
    let mut oracle = Oracle::new(levels_max);
    for step in script {
        match step {
            Step::Apply(bids, asks) => {
                book.apply(bids, asks);
                oracle.apply(bids, asks);
                let touched = bids.iter().chain(asks).map(|level| level.price);
                oracle.check_quantities(&book, touched);
            }
            Step::Load(bids, asks) => {
                book.load(bids, asks);
                oracle.load(bids, asks);
            }
            Step::Set(level) => {
                book.set(Side::Ask, *level);
                oracle.apply(&[], &[*level]);
            }
            Step::Clear => {
                book.clear();
                oracle.load(&[], &[]);
            }
        }
        oracle.check(&book);
    }
}

fn steps(levels: impl Strategy<Value = Level> + Clone + 'static, size: usize) -> BoxedStrategy<Vec<Step>> {
    let sides = (vec(levels.clone(), 0..size), vec(levels.clone(), 0..size));
    let step = prop_oneof![
        8 => sides.clone().prop_map(|(bids, asks)| Step::Apply(bids, asks)),
        1 => sides.prop_map(|(bids, asks)| Step::Load(bids, asks)),
        2 => levels.prop_map(Step::Set),
        1 => Just(Step::Clear),
    ];
    vec(step, 0..30).boxed()
}

/// Prices around one another, with gaps wider than a chunk; a third of the quantities zero.
fn near() -> impl Strategy<Value = Level> + Clone {
    let price = prop_oneof![-40_i64..40, (0_i64..40).prop_map(|price| price * 100), Just(-5_000)];
    let quantity = prop_oneof![Just(0_i64), 1_i64..5, 1_i64..1_000_000];
    (price, quantity).prop_map(|(price, quantity)| level(price, quantity))
}

/// The same few values in every spelling there is.
fn spelt() -> impl Strategy<Value = Level> + Clone {
    (-30_i64..30, 0_u8..=6, 0_u8..=6, 0_i64..3).prop_map(|(units, scale, zeros, quantity)| {
        let price = decimal(units * 10_i64.pow(u32::from(zeros)), scale + zeros);
        Level { price, quantity: decimal(quantity, zeros) }
    })
}

/// All that a decimal can be, its ends above all.
fn extreme() -> impl Strategy<Value = Level> + Clone {
    let mantissa = prop_oneof![
        select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX, 1_000_000_000_000_000_000]),
        any::<i64>(),
    ];
    let scale = prop_oneof![Just(0_u8), Just(18_u8), 0_u8..=18];
    (mantissa, scale.clone(), prop_oneof![Just(0_i64), any::<i64>()], scale).prop_map(
        |(mantissa, scale, quantity, quantity_scale)| Level {
            price: decimal(mantissa, scale),
            quantity: decimal(quantity, quantity_scale),
        },
    )
}

proptest! {
    #[test]
    fn a_book_is_a_sorted_map(script in steps(near(), 40)) {
        agree(1000, &script);
    }

    #[test]
    fn a_bounded_book_is_a_sorted_map_without_its_end(levels_max in 1_usize..12, script in steps(near(), 40)) {
        agree(levels_max, &script);
    }

    #[test]
    fn a_price_is_one_level_in_every_spelling(levels_max in 1_usize..60, script in steps(spelt(), 20)) {
        agree(levels_max, &script);
    }

    #[test]
    fn every_decimal_has_its_place(levels_max in 1_usize..60, script in steps(extreme(), 20)) {
        agree(levels_max, &script);
    }
}

#[test]
fn removing_an_absent_level_changes_nothing() {
    let mut book = Book::new(10);
    book.set(Side::Ask, level(100, 5));
    book.set(Side::Ask, level(99, 0));
    book.set(Side::Ask, Level { price: decimal(1, 18), quantity: Decimal::ZERO });
    assert_eq!(book.asks().collect::<Vec<_>>(), [level(100, 5)]);
    assert_eq!(book.best_ask().unwrap().price.to_string(), "1.00");
}

#[test]
fn prices_come_out_in_the_longest_spelling_that_holds_them() {
    let mut book = Book::new(10);
    let texts = |book: &Book| book.bids().map(|level| level.price.to_string()).collect::<Vec<_>>();
    let set = |book: &mut Book, price: &str| {
        book.set(Side::Bid, Level { price: price.parse().unwrap(), quantity: decimal(1, 0) });
        texts(book)
    };
    assert_eq!(set(&mut book, "9.50"), ["9.50"]);
    assert_eq!(set(&mut book, "8"), ["9.50", "8.00"]);
    assert_eq!(set(&mut book, "8.125000"), ["9.500000", "8.125000", "8.000000"]);
    assert_eq!(
        set(&mut book, "9223372036854775807"),
        ["9223372036854775807", "9.500000", "8.125000", "8.000000"]
    );
    book.load(&[], &[]);
    assert_eq!(set(&mut book, "8"), ["8"]);
}

#[test]
fn a_full_side_loses_its_worst_levels_and_counts_them() {
    let mut book = Book::new(2);
    book.apply(&levels([(10, 1), (11, 1), (12, 1)]), &levels([(20, 1), (21, 1), (22, 1), (23, 1)]));
    assert_eq!(book.bids().collect::<Vec<_>>(), levels([(12, 1), (11, 1)]));
    assert_eq!(book.asks().collect::<Vec<_>>(), levels([(20, 1), (21, 1)]));
    assert_eq!(book.trimmed(), 3);
    book.set(Side::Bid, level(9, 1));
    assert_eq!((book.bids().collect::<Vec<_>>(), book.trimmed()), (levels([(12, 1), (11, 1)]), 4));
}

#[test]
fn a_book_is_crossed_when_the_sides_touch() {
    let mut book = Book::new(10);
    assert!(!book.is_crossed());
    book.apply(&levels([(10, 1)]), &levels([(11, 1)]));
    assert!(!book.is_crossed());
    book.set(Side::Bid, level(11, 1));
    assert!(book.is_crossed());
    assert_eq!(book.check(), Err(BookFault::Crossed { bid: level(11, 1), ask: level(11, 1) }));
}

#[test]
fn the_order_of_a_large_diff_does_not_matter() {
    let far = |i: i64| (i * 1000, i + 1);
    let count = 30_000;
    let (up, down): (Vec<_>, Vec<_>) = (levels((0..count).map(far)), levels((0..count).rev().map(far)));
    let mixed = levels((0..count).map(|i| far(i * 7919 % count)));
    for levels_max in [100, 1000, 40_000] {
        let mut oracle = Oracle::new(levels_max);
        oracle.apply(&up, &up);
        for order in [&up, &down, &mixed] {
            let mut book = Book::new(levels_max);
            book.apply(order, order);
            oracle.check(&book);
        }
    }
}

#[test]
fn diffs_that_make_and_empty_chunks_in_the_worst_place_leave_the_right_book() {
    let mut book = Book::new(3000);
    let mut oracle = Oracle::new(3000);
    let standing = levels((1000..3000).map(|i| (i * 1000, 1)));
    book.load(&standing, &standing);
    oracle.load(&standing, &standing);
    for round in 0..6 {
        let quantity = i64::from(round % 3 == 0);
        let worst = levels((0..900).rev().map(|i| (i * 1000 + 500, quantity)));
        let best = levels((5000..5900).map(|i| (i * 1000 + 500, quantity)));
        let middle = levels((1000..1900).map(|i| (i * 1000, i64::from(round % 2))));
        for diff in [worst, best, middle] {
            book.apply(&diff, &diff);
            oracle.apply(&diff, &diff);
            oracle.check(&book);
        }
    }
}

#[test]
fn prices_that_come_and_go_leave_no_chunks_behind() {
    let mut book = Book::new(100_000);
    book.set(Side::Bid, level(1_000_000, 1));
    for i in 0..1000 {
        book.set(Side::Bid, level(i * 1000, 1));
        book.set(Side::Bid, level(i * 1000, 0));
        assert_eq!(book.quantity_at(Side::Bid, decimal(i * 1000, 2)), None);
    }
    assert_eq!(book.bids().collect::<Vec<_>>(), [level(1_000_000, 1)]);
    book.bids.assert_consistent();
    assert!(book.bids.chunks() < 64, "{} chunks for one level", book.bids.chunks());
    book.set(Side::Bid, level(1_000_000, 0));
    assert_eq!((book.best_bid(), book.bids.chunks(), book.check()), (None, 0, Ok(())));
}

#[test]
fn a_wrong_count_is_a_fault() {
    let mut book = Book::new(2);
    book.apply(&levels([(1, 1), (2, 1)]), &[]);
    book.levels_max = 1;
    assert_eq!(book.check(), Err(BookFault::Count { side: Side::Bid, counted: 2, len: 2, levels_max: 1 }));
}
