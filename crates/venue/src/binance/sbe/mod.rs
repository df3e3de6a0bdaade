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
//! use tickwire_venue::binance::sbe::{self, Message};
//!
//! let frame = b"\
//!     \x1a\x00\x13\x27\x01\x00\x00\x00\
//!     \x01\x40\x1e\x18\x24\x0a\x06\x00\
//!     \x07\x00\x00\x00\x00\x00\x00\x00\
//!     \x09\x00\x00\x00\x00\x00\x00\x00\
//!     \xfe\xfb\
//!     \x10\x00\x01\x00\
//!     \xd2\x8f\x3e\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
//!     \x10\x00\x00\x00\
//!     \x07BTCUSDT";
//! match sbe::decode(frame)? {
//!     Message::DepthDiff(diff) => {
//!         assert_eq!((diff.symbol, diff.first_id, diff.last_id), ("BTCUSDT", 7, 9));
//!         let bids: Vec<String> = diff.bids.map(|bid| format!("{} at {}", bid.quantity, bid.price)).collect();
//!         assert_eq!(bids, ["0.00000 at 41000.50"]);
//!     }
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), sbe::Error>(())
//! ```

mod decode;
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
