//! Binance's spot market data in Simple Binary Encoding: a binary frame to a typed message that borrows it.
//!
//! [`decode`] checks the whole frame, so that what it returns is good to the last entry: the groups are iterators
//! over the frame's bytes that cannot fail. Nothing is allocated and nothing that a peer sends panics.
//!
//! - Blocks are as long as the frame says, so fields that a later version of the schema appends to them are skipped,
//!   whatever the version number. A block too short for the known fields is refused, and so are bytes after the
//!   symbol, which ends every message.
//! - A message of a template that is not known is [`Message::Other`]. Under another schema id no template means
//!   anything: [`Error::UnknownSchema`].
//! - A price or quantity is `mantissa × 10^exponent` with one exponent a message for each. It is exact or refused,
//!   and never below zero.
//! - Null (-2^63) is refused, with one exception: a best bid or ask whose price and quantity are both null is a side
//!   without orders, `None`.
//! - Times are nanoseconds since the Unix epoch; the venue sends microseconds.
//!
//! ```
//! use tickwire_venue::binance::sbe::{self, Message, encode};
//!
//! # let message = encode::Message::DepthDiff(encode::DepthDiff {
//! #     event_time_us: 1_700_000_000_000_001,
//! #     first_id: 7,
//! #     last_id: 9,
//! #     exponents: encode::Exponents { price: -2, quantity: -5 },
//! #     bids: &[encode::Level { price: 4_100_050, quantity: 0 }],
//! #     asks: &[],
//! #     symbol: "BTCUSDT",
//! # });
//! # let mut frame = Vec::new();
//! # encode::encode(&message, encode::Layout::default(), &mut frame)?;
//! match sbe::decode(&frame)? {
//!     Message::DepthDiff(diff) => {
//!         assert_eq!((diff.symbol, diff.first_id, diff.last_id), ("BTCUSDT", 7, 9));
//!         let bids: Vec<String> = diff.bids.map(|bid| format!("{} at {}", bid.quantity, bid.price)).collect();
//!         assert_eq!(bids, ["0.00000 at 41000.50"]);
//!     }
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decode;
pub mod encode;
mod error;
mod group;
mod message;
mod reader;
mod schema;
mod value;

pub use decode::decode;
pub use error::{Error, Fault};
pub use group::{Levels, Trade, TradeEntries};
pub use message::{BestBidAsk, DepthDiff, DepthSnapshot, Message, Trades};
