//! One price level of a book.

use crate::decimal::Decimal;

/// The quantity that stands at a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The price.
    pub price: Decimal,
    /// The whole quantity at that price; zero in a diff means that the level is gone.
    pub quantity: Decimal,
}

/// A side of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Buyers: the best price is the highest.
    Bid,
    /// Sellers: the best price is the lowest.
    Ask,
}
