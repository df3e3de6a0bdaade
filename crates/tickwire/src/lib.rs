//! A WebSocket client SDK for exchange market data.
//!
//! [`Client`] is one connection: nonblocking, without an async runtime, every rule of RFC 6455 checked, whole messages
//! handed out as slices of the receive buffer. [`Feed`] drives a [`venue`] session over its clients: typed events and
//! exact order books.
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
mod tls;
mod transport;
mod wait;

pub use builder::Builder;
pub use client::{Client, Event};
pub use dial::Socket;
pub use endpoint::UrlError;
pub use error::{DialError, Error};
pub use feed::{Counts, Feed};
pub use tls::Tls;
pub use transport::{Plain, Transport};
pub use wait::WaitPolicy;

pub use mio;
pub use rustls;
pub use tickwire_venue as venue;
pub use tickwire_ws as ws;
pub use tickwire_ws::{
    Close, CloseCode, Fragments, FrameAssembler, Kind, Limits, Message, Payload, SendError, Timeouts,
};
