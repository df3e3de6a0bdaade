//! The same client and the same feed, awaited on a tokio runtime.
//!
//! They are wrapped, not written again: the runtime watches the descriptor of their poll, and everything else is done by them
//! when there is something to do. So a future that is dropped before it is ready has lost nothing: what was read stays in the
//! client, and the next call goes on there.
//!
//! ```no_run
//! use tickwire::tokio::AsyncClient;
//!
//! # async fn follow() -> Result<(), tickwire::Error> {
//! let mut client = AsyncClient::connect("wss://stream.binance.com:9443/ws/btcusdt@trade").await?;
//! while let Some(message) = client.next_message_direct().await? {
//!     for fragment in message.fragments() {
//!         println!("{}", String::from_utf8_lossy(fragment));
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A runtime adds its own time to each wait; where that matters, give the client or the feed a thread of its own.

mod client;
mod feed;
mod ready;

pub use client::AsyncClient;
pub use feed::AsyncFeed;
