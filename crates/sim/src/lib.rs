//! Local venues on real sockets, Binance Spot, Binance USD-M and Deribit: for tests, benches and demonstrations of
//! market data clients.
//!
//! A [`Server`] listens on 127.0.0.1, with TLS under a throw-away authority or without, and speaks the protocol of the
//! [`Venue`] that its [`Options`] name: its paths, control messages, payloads, keep-alive, limits, and the closes that
//! go with them. What it says comes from a seeded market of full order books ([`Source::Market`]) or, byte for byte,
//! from a [`Recording`]. [`Faults`] make it misbehave; [`BinanceRules`] and [`DeribitRules`] choose among a venue's ways.
//!
//! The contract:
//! - Streams of the generated market are consistent. A book made of a snapshot and the diffs after it, by the venue's
//!   rule, is the market's book, which [`Server::book_at`] tells; a quote is the top of that book at its update id;
//!   fills, their aggregates, candles and the book tell the same story. Only a fault breaks this.
//! - Binance's snapshots stand at the end of a `depth@100ms` diff. For slower diffs that can be inside an interval, and
//!   then, as at the venue, a level may stay wrong until it changes next.
//! - The same seed gives the same events in the same order. How many fall into one diff follows the clock,
//!   and the market rests while there is no client.
//! - Everything is bounded: 256 connections, 10 s for a handshake, 64 KiB a message, 8 MiB unsent; a client that
//!   exceeds one of them loses its own connection and nothing else.
//!
//! What it does not do: user data, SBE, options, streams that have no market behind them (they are acknowledged and
//! mute), requests beyond `ping`, `time`, `depth` at Binance and the public ones of market data at Deribit. All clients
//! come from one address, so that request weight is one account.
//!
//! ```
//! use tickwire_sim::{Options, Server, Source};
//!
//! let symbols = vec!["BTCUSDT".to_owned()];
//! let source = Source::Market { seed: 7, symbols, events_per_second: 200 };
//! let server = Server::start(Options { tls: false, source, ..Options::default() })?;
//! let (mut socket, _) = tungstenite::connect(format!("{}/ws/btcusdt@depth@100ms", server.stream_url()))?;
//! let first = socket.read()?.into_text()?;
//! assert!(first.starts_with(r#"{"e":"depthUpdate""#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod binance;
mod chance;
mod clock;
mod deribit;
mod error;
mod exchange;
mod feed;
mod hazard;
mod market;
mod net;
mod options;
mod pace;
mod publisher;
mod rate;
mod recording;
mod rules;
mod truth;
mod venue;
mod witness;

pub use error::Error;
pub use net::Server;
pub use options::{
    BinanceRules, Bursts, DeribitRules, Faults, Fragments, Key, Options, Refusals, Source, Venue,
};
pub use recording::Recording;
pub use truth::Levels;
