//! Binance.

pub mod wire;
