//! One symbol: its book now, as it was last published, and as it was at the beginning.

use std::collections::BTreeSet;

use super::book::{Book, Level, Side};
use super::interval::{Diff, Interval};

/// What a symbol trades like, in 0.00000001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The price at the beginning.
    pub(crate) start: u64,
    pub(crate) tick: u64,
    pub(crate) lot: u64,
}

/// Both best levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Top {
    pub(crate) bid: Level,
    pub(crate) ask: Level,
}

impl Top {
    pub(crate) fn of(book: &Book) -> Self {
        Self { bid: book.best(Side::Bid).unwrap_or_default(), ask: book.best(Side::Ask).unwrap_or_default() }
    }

    /// Halfway between the two prices.
    pub(crate) fn middle(&self) -> u64 {
        self.bid.0.midpoint(self.ask.0)
    }
}

/// A book with the update id it is the state after.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) last_id: u64,
    pub(crate) book: Book,
}

/// The diffs of one cadence: the growing one, and the book at the end of the last.
#[derive(Debug)]
struct Publication {
    interval: Interval,
    snapshot: Snapshot,
}

/// One symbol's book and counters.
#[derive(Debug)]
pub(crate) struct Instrument {
    pub(crate) symbol: String,
    pub(crate) terms: Terms,
    live: Snapshot,
    /// Before the first event.
    genesis: Snapshot,
    publications: Vec<Publication>,
    /// What the current event did to the book.
    changed: Vec<(Side, Level)>,
    pub(super) top: Top,
    pub(super) trade_id: u64,
    pub(super) aggregate_id: u64,
    /// Prices of the levels placed by the last burst and not yet withdrawn.
    wall: Wall,
}

impl Instrument {
    /// With diffs of so many cadences.
    pub(super) fn new(symbol: &str, terms: Terms, genesis: Snapshot, cadences: usize) -> Self {
        let publication =
            || Publication { interval: Interval::after(genesis.last_id), snapshot: genesis.clone() };
        Self {
            symbol: symbol.to_owned(),
            terms,
            live: genesis.clone(),
            publications: std::iter::repeat_with(publication).take(cadences).collect(),
            changed: Vec::new(),
            top: Top::of(&genesis.book),
            genesis,
            trade_id: 0,
            aggregate_id: 0,
            wall: Wall::default(),
        }
    }

    /// The book now, which may lie inside a diff's interval.
    pub(crate) fn live(&self) -> &Snapshot {
        &self.live
    }

    /// The book at the last end of a diff of this cadence.
    pub(crate) fn published(&self, cadence: usize) -> &Snapshot {
        self.publications.get(cadence).map_or(&self.live, |publication| &publication.snapshot)
    }

    /// The book before any event a client can see.
    pub(crate) fn genesis(&self) -> &Snapshot {
        &self.genesis
    }

    /// Both best levels now.
    pub(crate) fn top(&self) -> Top {
        self.top
    }

    /// Ends a diff interval; `None` when there was no event in it, or when nothing came of its events and
    /// such diffs are not wanted.
    pub(crate) fn cut(&mut self, cadence: usize, with_empty: bool) -> Option<Diff> {
        let Snapshot { last_id, book } = &self.live;
        let publication = self.publications.get_mut(cadence)?;
        let diff = publication.interval.cut(book, *last_id)?;
        if diff.is_empty() && !with_empty {
            publication.interval = Interval::after(diff.previous_id);
            return None;
        }
        diff.apply_to(&mut publication.snapshot.book);
        publication.snapshot.last_id = diff.last_id;
        Some(diff)
    }

    /// The book moves on to this update id.
    pub(super) fn begin_event(&mut self, update_id: u64) {
        self.live.last_id = update_id;
        for publication in &mut self.publications {
            publication.interval.begin_event(update_id);
        }
    }

    pub(super) fn set(&mut self, side: Side, price: u64, quantity: u64) {
        let before = self.live.book.quantity(side, price);
        for publication in &mut self.publications {
            publication.interval.touch(side, price, before);
        }
        self.live.book.set(side, price, quantity);
        if quantity == 0 {
            self.wall.side_mut(side).remove(&price);
        }
        self.changed.push((side, (price, quantity)));
    }

    /// What the event did, level by level in its order.
    pub(super) fn end_event(&mut self) -> Vec<(Side, Level)> {
        std::mem::take(&mut self.changed)
    }

    pub(super) fn best(&self, side: Side) -> Level {
        // Nothing takes a side below the walk's least number of levels, so there is always a best one.
        self.live.book.best(side).unwrap_or((self.terms.start, self.terms.lot))
    }

    /// Number of levels, without those of a burst.
    pub(super) fn levels(&self, side: Side) -> usize {
        self.live.book.len(side).saturating_sub(self.wall.side(side).len())
    }

    /// Places a level that belongs to a burst.
    pub(super) fn place_wall(&mut self, side: Side, price: u64, quantity: u64) {
        self.set(side, price, quantity);
        self.wall.side_mut(side).insert(price);
    }

    /// Withdraws what is left of the last burst; `false` when there is nothing.
    pub(super) fn withdraw_wall(&mut self) -> bool {
        let Wall { bids, asks } = std::mem::take(&mut self.wall);
        for (side, prices) in [(Side::Bid, &bids), (Side::Ask, &asks)] {
            for &price in prices {
                self.set(side, price, 0);
            }
        }
        !(bids.is_empty() && asks.is_empty())
    }
}

#[derive(Debug, Default)]
struct Wall {
    bids: BTreeSet<u64>,
    asks: BTreeSet<u64>,
}

impl Wall {
    fn side(&self, side: Side) -> &BTreeSet<u64> {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeSet<u64> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }
}
