//! The WebSocket protocol, RFC 6455, as a machine without a socket: no I/O, no clock, no randomness of its own.
//!
//! A [`Connection`] is given bytes and the time, and gives back events and bytes. The same machine serves a TCP
//! socket, a TLS session, a file or a test. Messages are handed out as slices of its receive buffer (compressed ones of
//! what they inflate to), one for each frame they came in, with every rule of the protocol checked and every size bounded by [`Limits`].
//!
//! # The contract: drain
//!
//! 1. Read once into [`recv_buffer`](Connection::recv_buffer) and tell [`received`](Connection::received).
//! 2. [`poll`](Connection::poll) until it answers `None`. [`poll_single`](Connection::poll_single) before each finds the
//!    usual message in less time, [`is_used_up`](Connection::is_used_up) tells that there is none.
//!    [`poll_part`](Connection::poll_part) in its place hands messages out in parts, as they arrive, and
//!    [`poll_control`](Connection::poll_control) sees to Pings while nobody is ready for messages.
//! 3. Write [`transmit`](Connection::transmit) and tell [`transmitted`](Connection::transmitted), until it is empty
//!    ([`wants_transmit`](Connection::wants_transmit) tells).
//! 4. Ask [`next_deadline`](Connection::next_deadline) and call [`on_deadline`](Connection::on_deadline) then.
//!
//! A message is valid until the next call that takes `&mut self`; the borrow checker sees to it. Errors stick.
//!
//! ```
//! use std::time::Instant;
//! use tickwire_ws::{Config, Connection, Event, Kind, Request, Role};
//!
//! let now = Instant::now();
//! let mut client = Connection::client(Request::new("localhost", "/")?, Config::default(), [7; 32], now);
//! let mut server = Connection::server(Config::default(), now);
//! let mut texts = Vec::new();
//! // Two ends joined by copying bytes: a transport would read and write here.
//! while texts.is_empty() {
//!     for (from, to) in [(0, 1), (1, 0)] {
//!         let [client, server] = [&mut client, &mut server];
//!         let (from, to) = if from < to { (client, server) } else { (server, client) };
//!         let count = to.feed(from.transmit(), now);
//!         from.transmitted(count);
//!         while let Some(event) = to.poll()? {
//!             match event {
//!                 Event::Request => to.accept(None)?,
//!                 Event::Open => to.send(Kind::Text, b"hello")?,
//!                 Event::Message => {
//!                     let message = to.message().expect("a message was polled");
//!                     texts.extend(message.fragments().map(<[u8]>::to_vec));
//!                 }
//!                 _ => {}
//!             }
//!         }
//!     }
//! }
//! assert_eq!(texts, [b"hello"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Two messages cannot be held at once:
//!
//! ```compile_fail,E0502
//! # fn two(connection: &mut tickwire_ws::Connection) {
//! let first = connection.message();
//! connection.poll();
//! drop(first);
//! # }
//! ```
//!
//! # Features
//!
//! `deflate`, off by default: compressed messages (RFC 7692). Without it `Deflate` has no values.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod assembler;
mod assembly;
mod close;
mod code;
mod connection;
#[cfg_attr(not(feature = "deflate"), path = "deflate/absent.rs")]
mod deflate;
mod error;
mod handshake;
mod header;
mod http;
mod inbox;
mod limits;
mod mask;
mod message;
mod outbox;
mod timer;
mod utf8;

pub use assembler::{FrameAssembler, TooSmall};
pub use close::Close;
pub use code::{CloseCode, CloseNumber};
pub use connection::{Ahead, Connection, Event, Role};
pub use deflate::Deflate;
#[cfg(feature = "deflate")]
pub use deflate::WindowBits;
pub use error::{Disconnected, Error, Exceeded, HandshakeError, SendError, Timeout, Violation};
pub use header::{HEADER_BYTES_MAX, Header, Opcode};
pub use http::{Headers, Request, RequestError, Response};
pub use limits::{Config, Limits, Timeouts};
pub use message::{Fragments, Kind, Message, Part, Payload};
