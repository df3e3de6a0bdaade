//! Binance: spot market data, with order books kept by the venue's own rule.

mod config;
mod crosscheck;
mod keeper;
mod pace;
mod payload;
mod requests;
pub mod sbe;
mod session;
mod spot;
mod subscribe;
mod sync;
mod wire;

pub use config::{Config, PartialDepth, Streams};
pub use crosscheck::CheckCounts;
pub use payload::payload;
pub use session::Binance;
