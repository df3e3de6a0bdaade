//! What a book must never be.

use std::cmp::Ordering;

use crate::level::{Level, Side};

/// What is wrong with a book. Only [`Crossed`](Self::Crossed) can be the venue's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BookFault {
    /// The best bid is at or above the best ask.
    #[error("the book is crossed: bid {} and ask {}", bid.price, ask.price)]
    Crossed {
        /// The best bid.
        bid: Level,
        /// The best ask.
        ask: Level,
    },
    /// A level is better than the one in front of it.
    #[error("{side:?} {} is out of order", level.price)]
    Unsorted {
        /// The side.
        side: Side,
        /// The level.
        level: Level,
    },
    /// A price stands twice.
    #[error("{side:?} {} stands twice", level.price)]
    Duplicate {
        /// The side.
        side: Side,
        /// The second level with this price.
        level: Level,
    },
    /// A level has no quantity.
    #[error("{side:?} {} has no quantity", level.price)]
    Zero {
        /// The side.
        side: Side,
        /// The level.
        level: Level,
    },
    /// A side does not have as many levels as it says, or more than it may.
    #[error("{side:?} has {counted} levels, says {len} and may have {levels_max}")]
    Count {
        /// The side.
        side: Side,
        /// Levels there are.
        counted: usize,
        /// Levels it says there are.
        len: usize,
        /// Levels there may be.
        levels_max: usize,
    },
}

/// Looks at each level of a side, best first, and counts them.
pub(super) fn check_order(side: Side, levels: impl Iterator<Item = Level>) -> Result<usize, BookFault> {
    let worse = match side {
        Side::Bid => Ordering::Less,
        Side::Ask => Ordering::Greater,
    };
    let mut counted = 0;
    let mut before: Option<Level> = None;
    for level in levels {
        if level.quantity.is_zero() {
            return Err(BookFault::Zero { side, level });
        }
        match before.map(|before| level.price.cmp(&before.price)) {
            Some(Ordering::Equal) => return Err(BookFault::Duplicate { side, level }),
            Some(order) if order != worse => return Err(BookFault::Unsorted { side, level }),
            _ => before = Some(level),
        }
        counted += 1;
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: &str, quantity: &str) -> Level {
        Level { price: price.parse().unwrap(), quantity: quantity.parse().unwrap() }
    }

    #[test]
    fn each_fault_of_a_side_is_named_with_its_level() {
        let (high, low, again) = (level("1.5", "2"), level("1.25", "1"), level("1.50", "7"));
        let none = level("1", "0.000");
        let (bid, ask) = (Side::Bid, Side::Ask);
        let rows = [
            (bid, vec![], Ok(0)),
            (bid, vec![high, low], Ok(2)),
            (ask, vec![low, high], Ok(2)),
            (bid, vec![low, high], Err(BookFault::Unsorted { side: bid, level: high })),
            (ask, vec![high, low], Err(BookFault::Unsorted { side: ask, level: low })),
            (bid, vec![high, again], Err(BookFault::Duplicate { side: bid, level: again })),
            (bid, vec![high, none], Err(BookFault::Zero { side: bid, level: none })),
        ];
        for (side, levels, expected) in rows {
            assert_eq!(check_order(side, levels.iter().copied()), expected, "{side:?} {levels:?}");
        }
    }
}
