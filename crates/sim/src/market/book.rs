//! A full order book. Prices and quantities are whole numbers of 0.00000001.

use std::collections::BTreeMap;

/// Price and quantity.
pub(crate) type Level = (u64, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Bid,
    Ask,
}

/// Levels by price; a level without quantity is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    bids: BTreeMap<u64, u64>,
    asks: BTreeMap<u64, u64>,
}

impl Book {
    fn side(&self, side: Side) -> &BTreeMap<u64, u64> {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    /// Number of levels.
    pub(crate) fn len(&self, side: Side) -> usize {
        self.side(side).len()
    }

    /// Quantity at a price, 0 where there is no level.
    pub(crate) fn quantity(&self, side: Side, price: u64) -> u64 {
        self.side(side).get(&price).copied().unwrap_or(0)
    }

    /// Sets a level's quantity; 0 removes it.
    pub(crate) fn set(&mut self, side: Side, price: u64, quantity: u64) {
        let levels = match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        };
        if quantity == 0 {
            levels.remove(&price);
        } else {
            levels.insert(price, quantity);
        }
    }

    /// The highest bid or the lowest ask.
    pub(crate) fn best(&self, side: Side) -> Option<Level> {
        let found = match side {
            Side::Bid => self.bids.last_key_value(),
            Side::Ask => self.asks.first_key_value(),
        };
        found.map(|(&price, &quantity)| (price, quantity))
    }

    /// The level farthest from the spread.
    pub(crate) fn worst(&self, side: Side) -> Option<Level> {
        let found = match side {
            Side::Bid => self.bids.first_key_value(),
            Side::Ask => self.asks.last_key_value(),
        };
        found.map(|(&price, &quantity)| (price, quantity))
    }

    /// All levels, best first.
    pub(crate) fn all(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        best_first(side, self.side(side))
    }
}

/// Levels by price, as a book lists them.
pub(super) fn best_first(side: Side, levels: &BTreeMap<u64, u64>) -> Box<dyn Iterator<Item = Level> + '_> {
    let levels = levels.iter().map(|(&price, &quantity)| (price, quantity));
    match side {
        Side::Bid => Box::new(levels.rev()),
        Side::Ask => Box::new(levels),
    }
}
