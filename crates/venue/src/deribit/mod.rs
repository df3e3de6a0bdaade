//! Deribit: futures, options and spot, with order books kept by the venue's own rules.

pub mod channel;
pub mod wire;

mod auth;
mod config;
mod control;
mod credits;
mod keeper;
mod leg;
mod market;
mod outbox;
mod reaction;
mod requests;
mod session;
mod sync;
mod tickers;
mod translate;

pub use auth::Credentials;
pub use channel::{Channel, Depth, Kind, Rate, Resolution};
pub use config::Config;
pub use reaction::Reaction;
pub use session::Deribit;
pub use sync::Oddities;
