//! Sans-IO sessions of exchange market data: a venue's messages in, typed events, exact order books
//! and the messages to send out.
//!
//! A [`Session`] opens no socket, reads no clock and draws no random numbers: it says what to connect to
//! ([`Session::endpoints`]) and is told what happens, and when. It knows the venue's text, not the
//! protocol that carries it, so it runs as well on a file. [`binance::Binance`] and [`deribit::Deribit`] are sessions.
//! Several connections may bring the same streams; when to open and close them is decided elsewhere.
//!
//! Events ([`Event`]) are the same for every venue: prices and quantities are exact [`Decimal`]s, times are the
//! venue's, instruments are numbers. What a venue tells beyond that is in its own messages, which
//! [`binance::wire`], [`binance::sbe`] and [`deribit::wire`] type.
//!
//! # The contract
//!
//! After each `on_open`, `on_closed`, `on_message`, `on_binary`, `on_fetched`, `on_deadline`, `subscribe` and `unsubscribe`:
//!
//! 1. call [`poll_event`](Session::poll_event) until it returns `None`;
//! 2. call [`poll_command`](Session::poll_command) until it returns `None`, doing what it says;
//! 3. call [`on_deadline`](Session::on_deadline) when [`next_deadline`](Session::next_deadline) has come.
//!
//! Events lend levels and text that the next call may overwrite. A message while events wait is refused
//! ([`Misuse::Undrained`]) and changes nothing, so no event is ever lost.
//!
//! ```
//! use std::time::{Instant, UNIX_EPOCH};
//! use tickwire_venue::binance::{Binance, Config, Stream};
//! use tickwire_venue::{Command, Event, Now, Route, Session};
//!
//! # #[expect(clippy::disallowed_methods)]
//! fn clock() -> Now {
//!     let unix_ns = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64);
//!     Now { instant: Instant::now(), unix_ns }
//! }
//! /// What follows each call on the session.
//! fn drain(session: &mut Binance, sent: &mut Vec<String>) -> Vec<String> {
//!     let mut told = Vec::new();
//!     while let Some(event) = session.poll_event() {
//!         match event {
//!             Event::Trade(trade) => told.push(format!("{} at {}", trade.quantity, trade.price)),
//!             Event::Subscribed { stream, .. } => told.push(format!("{stream} confirmed")),
//!             other => told.push(format!("{other:?}")),
//!         }
//!     }
//!     while let Some(command) = session.poll_command() {
//!         if let Command::Send { text, .. } = command {
//!             sent.push(text.to_owned());
//!         }
//!     }
//!     told
//! }
//!
//! let config = Config {
//!     symbols: vec!["btcusdt".into()],
//!     streams: vec![Stream::Trade],
//!     ..Config::spot()
//! };
//! let mut session = Binance::new(config)?;
//! let (stream, mut sent) = (Route::first(0), Vec::new());
//! assert_eq!(session.endpoints()[stream.endpoint].url, "wss://stream.binance.com:9443/stream");
//!
//! session.on_open(stream, clock());
//! assert!(drain(&mut session, &mut sent).is_empty());
//! assert_eq!(sent, [r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#]);
//!
//! session.on_message(stream, br#"{"result":null,"id":1}"#, clock())?;
//! assert_eq!(drain(&mut session, &mut sent), ["btcusdt@trade confirmed"]);
//!
//! let text = br#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000001,"s":"BTCUSDT","t":7,
//!     "p":"41000.50","q":"0.020","T":1700000000000,"m":false,"M":true}}"#;
//! session.on_message(stream, text, clock())?;
//! assert_eq!(drain(&mut session, &mut sent), ["0.020 at 41000.50"]);
//! # Ok::<(), tickwire_venue::Error>(())
//! ```
//!
//! # What is never silent
//!
//! A message that is malformed or was not asked for is an [`Error`] that names the stream and the place, one of a kind
//! without an event of its own an [`Event::Other`]; a refusal, a missing answer, a gap of a stream or a book, a stream that
//! is silent, a stale snapshot, a book that crosses or contradicts a quote, a level dropped because a bound was met are
//! events. An error leaves the session usable; a book that misses a message because of it reports the gap.
//!
//! # Bounds
//!
//! A text is read if it has at most 4 MiB. A book keeps [`binance::Config::levels_max`] or
//! [`deribit::Config::levels_max`] levels a side. While one of Binance's waits for a snapshot, at most 200000 levels
//! of diffs are collected for it, and at most 4096 quotes wait to be compared with it. At most 131072 instruments,
//! of names of at most 128 bytes, are given a number. Of messages that name no order, the last 4096 of an endpoint are
//! known again. The order of a stream takes some 300 bytes for each instrument that it tells of. The queues of events and commands hold what one call brings.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod binance;
pub mod deribit;
#[cfg(feature = "sign")]
pub mod sign;

mod book;
mod decimal;
mod digits;
mod error;
mod event;
mod json;
mod level;
mod order;
mod pace;
mod patience;
mod queue;
mod recent;
mod route;
mod session;
mod streams;
mod subscriptions;
mod symbols;
mod watch;

pub use book::{Book, BookFault};
pub use decimal::{Decimal, DecimalError};
pub use error::{ConfigError, Error, Excerpt, Misuse};
pub use event::{
    BookChange, BookEvent, Candle, CandleOf, Cause, Delta, Event, Fills, Funding, Gap, Index, Instrument,
    InstrumentState, Interval, LinkChange, LinkEvent, Liquidation, Mark, Outcome, Quote, Rejection, Renewal,
    Request, Snapshot, Status, StatusKind, Ticker, TopCheck, Trade,
};
/// What holds spans of time ([`LegCounts::lag_us`]), as the library of its name has it.
pub use hdrhistogram::Histogram;
pub use json::{Way, Ways};
pub use level::{Level, Side};
pub use order::LegCounts;
pub use pace::Pace;
pub use route::{LEGS_MAX, Route};
pub use session::{Attempts, BookState, BookView, Command, Ending, Endpoint, Fetched, Now, Session, Terms};
