//! Binance: spot, futures and options, with order books kept by the venue's own rules.

pub mod sbe;
pub mod wire;

#[cfg(feature = "sign")]
mod account;
mod api;
mod binary;
mod config;
mod crosscheck;
mod flight;
mod keeper;
mod link;
mod market;
mod payload;
mod product;
mod requests;
mod session;
mod stream;
mod sync;
mod translate;

pub use config::Config;
pub use crosscheck::CheckCounts;
pub use payload::payload;
pub use product::{Product, Snapshots};
pub use session::Binance;
pub use stream::Stream;
