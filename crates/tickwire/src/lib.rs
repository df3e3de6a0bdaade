//! A WebSocket client SDK for exchange market data: one thread, no async runtime.
//!
//! - [`Client`] is one connection: nonblocking, every rule of RFC 6455 checked, whole messages handed out as slices of
//!   the receive buffer.
//! - [`Feed`] drives a session of [`venue`] over its clients and keeps them: typed events and exact order books, over
//!   connections that are made again, renewed, and several if wanted.
//! - [`handoff`] passes the streams of either on to consumers on other threads, and their messages back.
//!
//! ```no_run
//! # fn main() -> Result<(), tickwire::Error> {
//! let mut client = tickwire::Client::connect("wss://stream.binance.com:9443/ws/btcusdt@trade")?;
//! while !client.is_closed() {
//!     client.wait(None)?;
//!     while let Some(message) = client.next_message_direct()? {
//!         for fragment in message.fragments() {
//!             println!("{}", String::from_utf8_lossy(fragment));
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The contract
//!
//! - Nothing blocks but [`Client::wait`], [`Feed::next`], a [`MessageWriter`] or [`MessageReader`], and what [`handoff`] has
//!   for threads that wait for each other. [`Client::connect`] returns at once; looking up, connecting
//!   and the handshakes go on while the client is waited for and read.
//! - A message is borrowed until the next call on its client. Read until `None` before waiting again.
//! - "Nothing yet" is `Ok(None)`; a normal close ends with [`Client::is_closed`]; an [`Error`] says whose fault it is, and
//!   that of a client sticks.
//! - Everything is bounded, see [`Limits`]; timers run by themselves while the client is read or waited for.
//!
//! # Settings
//!
//! [`Client::builder`] takes header fields, limits, timeouts, the [`WaitPolicy`], compression (feature `deflate`, on by
//! default), and whom to trust:
//! [`Builder::extra_roots_pem`] for a venue on this machine, [`Builder::tls_config`] for everything else; [`TlsRecords`]
//! says who opens the records, [`Builder::proxy`] what is in between, [`Builder::zero_copy`] which payloads leave from their
//! own memory, and [`Builder::kernel_timestamps`] has the kernel tell when it got each message. Feature `tokio` has the client
//! and the feed for its runtime, feature `stages` the time that messages take in each stage. To poll many things at once,
//! register the client with a `mio::Poll` of your own. To bring your own stream, see [`Builder::connect_over`],
//! [`Builder::upgraded`] and [`Transport`].
//!
//! A client is one connection and dies once. Where no session fits and so no feed connects again, the caller does, with a
//! delay that grows:
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//!
//! fn read(client: &mut tickwire::Client) -> Result<(), tickwire::Error> {
//!     while !client.is_closed() {
//!         client.wait(None)?;
//!         while let Some(message) = client.next_message()? {
//!             println!("{} bytes", message.bytes.len());
//!         }
//!     }
//!     Ok(())
//! }
//!
//! # fn main() -> Result<(), tickwire::Error> {
//! let [shortest, longest] = [1, 60].map(Duration::from_secs);
//! let mut delay = shortest;
//! loop {
//!     let began = Instant::now();
//!     let mut client = tickwire::Client::connect("wss://stream.binance.com:9443/ws/btcusdt@trade")?;
//!     println!("{:?}; again in {delay:?}", read(&mut client));
//!     let lasted = began.elapsed();
//!     std::thread::sleep(delay);
//!     delay = if lasted > longest { shortest } else { longest.min(delay * 2) };
//! }
//! # }
//! ```
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod builder;
mod client;
mod clock;
mod dial;
mod endpoint;
mod error;
mod feed;
mod proxy;
mod reader;
mod rest;
mod stages;
mod tcp;
mod tls;
#[cfg(feature = "tokio")]
pub mod tokio;
mod transport;
mod wait;
mod writer;
mod zero_copy;

pub use builder::Builder;
pub use client::{Client, Event};
pub use dial::Socket;
pub use endpoint::UrlError;
pub use error::{DialError, Error};
pub use feed::{Arrival, Connection, Feed, FeedBuilder, Leg};
pub use proxy::{Proxy, ProxyError, ProxyUrlError};
pub use reader::MessageReader;
#[cfg(feature = "stages")]
pub use stages::Stages;
pub use tls::{Tls, TlsRecords};
pub use transport::{Plain, Transport};
pub use wait::WaitPolicy;
pub use writer::MessageWriter;
pub use zero_copy::{ZeroCopy, ZeroCopyStats};

/// What the README shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}

pub use bytes;
pub use mio;
pub use rustls;
/// What holds spans of time in [`Stats`] and [`venue::LegCounts`], as the library of its name has it.
pub use tickwire_feed::Histogram;
pub use tickwire_feed::{LEGS_WANTED_MAX, Phase, Plan, Stats};
pub use tickwire_handoff as handoff;
pub use tickwire_venue as venue;
pub use tickwire_ws as ws;
pub use tickwire_ws::{
    Close, CloseCode, CloseNumber, Fragments, FrameAssembler, Kind, Limits, Message, Part, Payload,
    SendError, Timeouts,
};
#[cfg(feature = "deflate")]
pub use tickwire_ws::{Deflate, WindowBits};
