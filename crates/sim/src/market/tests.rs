//! The market's own properties, over several seeds.

use super::*;

const SEEDS: [u64; 3] = [0, 1, 0xfeed];
const STYLE: Style = Style { ids: Ids::Own, cadences: 1, empty_diffs: true, terms, size: Size::FULL };

fn terms(symbol: &str) -> Terms {
    match symbol {
        "CHEAP" => Terms { start: ONE / 30, tick: ONE / 100_000, lot: ONE / 10_000 },
        _ => Terms { start: 91_250 * ONE, tick: ONE / 100, lot: ONE / 100_000 },
    }
}

fn market_with(seed: u64, ids: Ids) -> Market {
    let symbols = ["COSTLY", "CHEAP", "OTHER"].map(str::to_owned);
    Market::new(seed, &symbols, Style { ids, ..STYLE })
}

fn lone(seed: u64) -> Market {
    Market::new(seed, &["COSTLY".to_owned()], STYLE)
}

fn market(seed: u64) -> Market {
    market_with(seed, Ids::Own)
}

#[test]
fn the_same_seed_gives_the_same_events_and_another_seed_does_not() {
    let run = |seed| {
        let mut market = market(seed);
        (0..5_000).map(|_| market.step()).collect::<Vec<_>>()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn no_book_is_ever_crossed_or_thin_or_overgrown() {
    // A small book may be a few new best prices above its size until the next touch of its depth.
    let sizes = [(Size::FULL, 450, 1), (Size::of(20), 15, 9), (Size::of(0), 1, 9)];
    for (seed, (size, least, beyond)) in SEEDS.into_iter().flat_map(|seed| sizes.map(|size| (seed, size))) {
        let symbols = ["COSTLY", "CHEAP", "OTHER"].map(str::to_owned);
        let mut market = Market::new(seed, &symbols, Style { size, ..STYLE });
        for count in 0..100_000 {
            let (index, _) = market.step().expect("there are symbols");
            let instrument = &market.instruments()[index];
            let book = &instrument.live().book;
            let (bid, ask) = (instrument.best(Side::Bid), instrument.best(Side::Ask));
            assert!(bid.0 < ask.0 && bid.0 > 0, "seed {seed}, event {count}: {bid:?} {ask:?}");
            assert_eq!(bid.0 % instrument.terms.tick, 0, "seed {seed}, event {count}");
            assert_eq!(bid.1 % instrument.terms.lot, 0, "seed {seed}, event {count}");
            for side in [Side::Bid, Side::Ask] {
                let levels = book.len(side);
                let expected = least..=size.levels_max() + beyond;
                assert!(expected.contains(&levels), "{size:?}, seed {seed}, event {count}: {levels}");
            }
        }
    }
}

#[test]
fn a_snapshot_and_the_diffs_after_it_give_the_book_and_its_ticker() {
    for (seed, ids) in SEEDS.into_iter().flat_map(|seed| [(seed, Ids::Own), (seed, Ids::Shared)]) {
        let mut market = market_with(seed, ids);
        let mut copies: Vec<_> = market.instruments().iter().map(|i| i.published(0).clone()).collect();
        let mut tops = vec![None; copies.len()];
        let mut compared = 0;
        for count in 1..30_000_u32 {
            let (at, step) = market.step().expect("there are symbols");
            tops[at] = step.top.map(|top| (step.update_id, top)).or(tops[at]);
            if count % 50 != 0 {
                continue;
            }
            for (at, copy) in copies.iter_mut().enumerate() {
                let Some(diff) = market.cut(at, 0) else {
                    continue;
                };
                assert_eq!(diff.previous_id, copy.last_id, "seed {seed}, event {count}");
                assert_eq!(diff.first_id == copy.last_id + 1, ids == Ids::Own, "seed {seed}, event {count}");
                diff.apply_to(&mut copy.book);
                copy.last_id = diff.last_id;
                let instrument = &market.instruments()[at];
                assert_eq!(copy.book, instrument.live().book, "seed {seed}, event {count}");
                assert_eq!(copy.book, instrument.published(0).book, "seed {seed}, event {count}");
                if let Some((_, top)) = tops[at].filter(|(id, _)| *id == diff.last_id) {
                    compared += 1;
                    assert_eq!(Top::of(&copy.book), top, "seed {seed}, event {count}");
                }
            }
        }
        assert!(compared > 300, "seed {seed}: only {compared} diffs ended with a change of the top");
    }
}

#[test]
fn a_burst_places_its_levels_and_the_next_one_takes_them_away() {
    let mut market = market(4);
    let before = market.instruments()[1].live().book.clone();
    let step = market.burst(1, 5_000).expect("a symbol");
    assert_eq!(step.changed.len(), 5_000);
    assert_eq!(step.top, None, "the best prices are not concerned");
    let placed = market.cut(1, 0).expect("an event");
    assert_eq!(placed.bids.len() + placed.asks.len(), 5_000);
    market.burst(1, 5_000);
    assert_eq!(market.instruments()[1].live().book, before);
}

#[test]
fn a_diff_that_came_to_nothing_waits_for_more_where_empty_ones_are_not_wanted() {
    let style = Style { ids: Ids::Shared, empty_diffs: false, ..STYLE };
    let mut market = Market::new(9, &["COSTLY".to_owned()], style);
    let last = market.instruments()[0].published(0).last_id;
    market.burst(0, 10);
    market.burst(0, 10);
    assert_eq!(market.cut(0, 0), None);
    market.burst(0, 10);
    assert_eq!(market.cut(0, 0).map(|diff| diff.previous_id), Some(last));
}

#[test]
fn fills_add_up_to_their_aggregates_and_ids_have_no_holes() {
    for seed in SEEDS {
        let mut market = lone(seed);
        let (mut trade_id, mut aggregate_id, mut sweeps) = (None, None, 0);
        for _ in 0..20_000 {
            let (_, step) = market.step().expect("there is a symbol");
            sweeps += usize::from(step.aggregates.len() > 1);
            for trade in &step.trades {
                assert!(trade_id.is_none_or(|id| trade.id == id + 1) && trade.quantity > 0, "seed {seed}");
                trade_id = Some(trade.id);
            }
            let mut fills = step.trades.iter();
            for aggregate in &step.aggregates {
                assert!(aggregate_id.is_none_or(|id| aggregate.id == id + 1), "seed {seed}");
                aggregate_id = Some(aggregate.id);
                let ids = aggregate.first_trade..=aggregate.last_trade;
                let own: Vec<_> = fills.by_ref().take(ids.clone().count()).collect();
                assert!(own.iter().map(|t| t.id).eq(ids), "seed {seed}");
                assert!(own.iter().all(|t| t.price == aggregate.price), "seed {seed}");
                let sum: u64 = own.iter().map(|t| t.quantity).sum();
                assert_eq!(sum, aggregate.quantity, "seed {seed}");
            }
            assert!(fills.next().is_none(), "seed {seed}: a fill without an aggregate");
        }
        assert!(sweeps > 100, "seed {seed}: only {sweeps} orders ate more than one level");
    }
}

#[test]
fn about_a_third_of_the_events_change_the_top() {
    let mut market = lone(3);
    let changes = (0..20_000).filter(|_| market.step().is_some_and(|(_, s)| s.top.is_some())).count();
    assert!((5_000..10_000).contains(&changes), "{changes}");
}
