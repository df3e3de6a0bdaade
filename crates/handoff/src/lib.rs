//! Hands the streams of one reader to consumers on other threads, and their messages to the one that sends.
//!
//! A [`Registry`] belongs to the thread that reads. It knows which [`Consumer`] takes which [`Stream`], and copies each
//! message into a buffer of that consumer's, which comes back when the message was used: nothing is allocated once there are
//! enough buffers. What happens when a stream has no room is its own rule ([`Overflow`]): the reader holds back, the oldest
//! message is dropped, or the latest of each key stands in for it. What is dropped is counted and told with the next message.
//! Each stream keeps its order; those of one consumer take turns.
//! Everything has an upper bound.
//!
//! A [`Writer`] puts whole messages into an [`Outbox`] from any thread; the thread that owns the connection takes them out.
//!
//! ```
//! use tickwire_handoff::{Delivery, Offer, Overflow, Registry, Stream};
//!
//! let mut registry = Registry::new(100);
//! let (id, mut consumer) = registry.consumer(1 << 20);
//! let stream = Stream::new("btcusdt@trade").overflow(Overflow::DropOldest).messages_max(2);
//! registry.add(&stream, id)?;
//! let thread = std::thread::spawn(move || {
//!     let mut told = Vec::new();
//!     while let Ok(Some(delivery)) = consumer.next(None) {
//!         if let Delivery::Message(message) = delivery {
//!             told.push((message.missed, message.bytes.to_vec()));
//!         }
//!     }
//!     told
//! });
//! assert_eq!(registry.offer("btcusdt@trade", 0, (), [&b"a trade"[..]]), Offer::Taken);
//! assert_eq!(registry.offer("ethusdt@trade", 0, (), [&b"a trade"[..]]), Offer::Unknown);
//! drop(registry);
//! assert_eq!(thread.join().unwrap(), [(0, b"a trade".to_vec())]);
//! # Ok::<(), tickwire_handoff::RegistryError>(())
//! ```
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod consumer;
mod lanes;
mod outbox;
mod registry;
mod room;
mod stream;
mod sync;
mod waker;

pub use consumer::{Consumer, Delivery, Gone, Message};
pub use outbox::{Outbox, WriteError, Writer, outbox};
pub use registry::{ConsumerId, Offer, Registry, RegistryError, Unknown};
pub use stream::{End, Overflow, Stream};
pub use waker::Waker;
