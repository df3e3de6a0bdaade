//! Local venues, Binance Spot, Binance USD-M and Deribit, on real sockets or in a simulated world: for tests, benches and
//! demonstrations of market data clients.
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
//!
//! A [`World`] has the same venues behind a simulated network, without a thread, a socket or real time. Whoever drives it
//! dials, reads and writes [`Wire`]s, moves the time with [`World::advance`] and is told [`Event`]s. What can go wrong is a
//! [`Hazard`], how often is said by [`Hazards`]. The same seed and the same calls give the same bytes at the same nanosecond.
//! The market never rests there, and it has an event, not a portion of them, at a time. [`trial`] puts the feed into such a
//! world and holds it to what was published.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use tickwire_sim::{Event, Hazard, Options, World, WorldOptions};
//!
//! # #[expect(clippy::disallowed_methods)]
//! let start = Instant::now();
//! let mut options = WorldOptions::new(7, start);
//! options.hosts.push(("venue.test".to_owned(), Options::default()));
//! options.hazards.set(Hazard::Cut, 1_000);
//! let mut world = World::new(options)?;
//! let wire = world.dial("venue.test");
//! world.advance(start + Duration::from_secs(1));
//! assert_eq!(world.poll_event(), Some(Event::Connected(wire)));
//! world.write(wire, b"GET /ws/btcusdt@trade HTTP/1.1\r\nHost: venue.test\r\n\r\n")?;
//! world.advance(start + Duration::from_secs(2));
//! assert_eq!(world.poll_event(), Some(Event::Readable(wire)));
//! let mut answer = [0; 12];
//! assert_eq!(world.read(wire, &mut answer)?, 12);
//! assert_eq!(&answer, b"HTTP/1.1 400");
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
pub mod trial;
mod truth;
mod venue;
mod witness;
mod world;

pub use error::Error;
pub use hazard::{Hazard, Hazards};
pub use net::{Server, Trouble};
pub use options::{
    BinanceRules, Bursts, DeribitRules, Faults, Fragments, Key, Options, Refusals, Source, Venue,
};
pub use recording::Recording;
pub use truth::Levels;
pub use witness::Witnessed;
pub use world::{Document, Event, Failure, Network, TlsAlert, Wire, World, WorldOptions};
