//! A local Binance Spot on real sockets: for tests, benches and demonstrations of market data clients.
//!
//! A [`Server`] listens on 127.0.0.1, with TLS under a throw-away authority or without, and speaks the
//! venue's protocol: raw and combined streams, control messages, pings, rate limits, the closes that go
//! with them, and the WebSocket API for snapshots. What it says comes from a seeded market of full order
//! books ([`Source::Market`]) or, byte for byte, from a [`Recording`]. [`Faults`] make it misbehave.
//!
//! The contract:
//! - Streams of the generated market are consistent. Diffs are contiguous; a book made of a snapshot and
//!   the `depth@100ms` diffs after it is the market's book; a `bookTicker` is the top of that book at its
//!   update id; fills, their aggregates and the book tell the same story. Only a fault breaks this.
//! - Snapshots stand at the end of a `depth@100ms` diff. For the slower `depth` that can be inside an
//!   interval, and then, as at the venue, a level may stay wrong until it changes next.
//! - The same seed gives the same events in the same order. How many fall into one diff follows the clock,
//!   and the market rests while there is no client.
//! - Everything is bounded: 256 connections, 10 s for a handshake, 64 KiB a message, 8 MiB unsent; a client that
//!   exceeds one of them loses its own connection and nothing else.
//! - One simplification: payloads are always in milliseconds; a `timeUnit` in the URL is refused.
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
mod clock;
mod deribit;
mod error;
mod exchange;
mod feed;
mod market;
mod net;
mod options;
mod publisher;
mod rate;
mod recording;
mod rules;
mod truth;
mod venue;

pub use error::Error;
pub use net::Server;
pub use options::{
    BinanceRules, Bursts, DeribitRules, Faults, Fragments, Key, Options, Refusals, Source, Venue,
};
pub use recording::Recording;
pub use truth::Levels;
