//! The grammar of Deribit's JSON messages: text to typed, borrowed messages.

mod answer;
mod message;
mod shape;
#[cfg(test)]
mod tests;
mod ticker;

use std::fmt;

pub use self::{
    answer::{Answer, Body, Login, Refusal, Secret},
    message::{
        Announcement, BlockTrade, BookUpdate, Candle, ExpirationPrice, GroupedBook, InstrumentCreation,
        InstrumentState, OptionMark, Perpetual, PlatformState, PriceIndex, PriceRanking, PriceStatistics,
        PublicMethodsState, Quote, Trade, VolatilityIndex,
    },
    ticker::{Greeks, GreeksChange, Stats, StatsChange, Ticker, TickerChange, Told},
};
pub use crate::json::{Action, Id, Names};

use self::shape::Out;
use crate::{
    error::{Error, Excerpt},
    json::{Arena, Cursor, Library, Rows, Way, Ways},
    level::Level,
};

/// A message. Levels and lists are borrowed from the decoder, texts from the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is named for the type in it, which is documented")]
pub enum Message<'a> {
    Book(BookUpdate<'a>),
    GroupedBook(GroupedBook<'a>),
    Trade(Trade<'a>),
    Ticker(Ticker<'a>),
    /// The first message of an incremental ticker, which tells all.
    IncrementalTicker(Ticker<'a>),
    TickerChange(TickerChange<'a>),
    Quote(Quote<'a>),
    Perpetual(Perpetual),
    Candle(Candle),
    PriceIndex(PriceIndex<'a>),
    PriceRanking(PriceRanking<'a>),
    PriceStatistics(PriceStatistics<'a>),
    VolatilityIndex(VolatilityIndex<'a>),
    ExpirationPrice(ExpirationPrice),
    OptionMark(OptionMark<'a>),
    InstrumentState(InstrumentState<'a>),
    InstrumentCreation(InstrumentCreation<'a>),
    PlatformState(PlatformState<'a>),
    PublicMethodsState(PublicMethodsState),
    Announcement(Announcement<'a>),
    BlockTrade(BlockTrade<'a>),
    /// The connection lives.
    Heartbeat,
    /// The venue wants to hear from us.
    TestRequest,
    Answer(Answer<'a>),
    /// Something about an account, or for a party to a block trade.
    Account {
        /// The channel.
        kind: &'a str,
        /// When it happened, where that is told.
        time_ns: Option<u64>,
    },
    /// A kind that is not known here.
    Other {
        /// The channel or the method, or a word for it.
        kind: &'a str,
    },
}

/// The longest text that is decoded: the snapshot of a book is a tenth of it. The JSON library takes up to thirty
/// times the text in memory.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Decodes one message at a time, in memory that it keeps.
///
/// ```
/// use tickwire_venue::deribit::wire::{Decoder, Message};
///
/// let text = br#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"quote.BTC-PERPETUAL","data":{
///     "timestamp":1700000000000,"instrument_name":"BTC-PERPETUAL","best_bid_price":41000.0,"best_bid_amount":6.4e4,
///     "best_ask_price":41000.5,"best_ask_amount":20.0}}}"#;
/// let mut decoder = Decoder::new();
/// let mut bids = Vec::new();
/// decoder.decode(text, |channel, message| {
///     assert_eq!(channel, Some("quote.BTC-PERPETUAL"));
///     if let Message::Quote(quote) = message {
///         bids.push((quote.bid_price, quote.bid_amount));
///     }
/// })?;
/// assert_eq!(bids, [(Some("41000".parse()?), Some("64000".parse()?))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Decoder {
    arena: Arena,
    /// The sides of the last message that had any.
    sides: (Rows, Rows),
    library: Library,
    ways: Ways,
}

type Sink<'s> = dyn FnMut(Option<&str>, Message<'_>) + 's;

impl Decoder {
    /// A decoder.
    pub fn new() -> Self {
        Self {
            arena: Arena::default(),
            sides: Default::default(),
            library: Library::new(),
            ways: Ways::default(),
        }
    }

    /// How the messages so far were read.
    pub fn ways(&self) -> Ways {
        self.ways
    }

    /// The bids and asks of the message that was decoded last, if it had any.
    pub fn levels(&mut self) -> (&[Level], &[Level]) {
        let (bids, asks) = self.sides;
        self.arena.sides(bids, asks)
    }

    /// Types a text, and hands `sink` the channel that it names, if any, and the message, or each message of an array.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is not JSON or not of a documented shape; then `sink` was not called.
    pub fn decode(&mut self, text: &[u8], sink: impl FnMut(Option<&str>, Message<'_>)) -> Result<(), Error> {
        self.decode_from(Way::Fixed, text, sink)
    }

    /// As [`decode`](Self::decode), by no way that is faster than `first`: what one way makes of a text can be compared
    /// with what another does.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    #[inline(always)]
    pub fn decode_from(
        &mut self,
        first: Way,
        text: &[u8],
        mut sink: impl FnMut(Option<&str>, Message<'_>),
    ) -> Result<(), Error> {
        self.arena.clear();
        self.sides = Default::default();
        if text.len() > TEXT_BYTES_MAX {
            return Err(Error::malformed("longer than any documented message", text));
        }
        if first == Way::Fixed {
            let mut out = Out { arena: &self.arena, sides: &mut self.sides, sink: &mut sink };
            if shape::fixed(text, &mut out) {
                self.ways.count(Way::Fixed);
                return Ok(());
            }
        }
        self.decode_slowly(first, text, &mut sink)
    }

    /// In any order of keys, or else by the library, whose judgement counts.
    #[inline(never)]
    fn decode_slowly(&mut self, first: Way, text: &[u8], sink: &mut Sink<'_>) -> Result<(), Error> {
        let mut stopped = None;
        if first <= Way::AnyOrder {
            self.arena.clear();
            match self.any_order(first, text, sink) {
                Ok(()) => {
                    self.ways.count(Way::AnyOrder);
                    return Ok(());
                }
                Err(at) => stopped = Some(at),
            }
        }
        self.arena.clear();
        self.sides = Default::default();
        self.ways.count(Way::Library);
        let Self { arena, sides, library, .. } = self;
        let mut channel = None;
        let read = library.read(text, arena, |tape| {
            let content = shape::read(&mut tape.clone())?;
            channel = content.channel.map(Into::into);
            Out { arena, sides, sink }.deliver(content).map_err(|(wrong, _)| wrong)
        });
        read.map_err(|(what, offset)| Error::Malformed {
            what: what.into(),
            stream: channel.or_else(|| named_channel(text)),
            offset: offset.or(stopped),
            excerpt: Excerpt::new(text),
        })
    }

    /// In any order of keys; otherwise says where it stopped.
    fn any_order(&mut self, first: Way, text: &[u8], sink: &mut Sink<'_>) -> Result<(), usize> {
        let place = |cursor: &Cursor<'_, '_>| cursor.at();
        let Self { arena, sides, .. } = self;
        let Some(mut cursor) = Cursor::new(text, arena) else { return Err(0) };
        if first == Way::AnyOrder {
            cursor = cursor.without_fixed_orders();
        }
        let content = shape::read(&mut cursor);
        match content {
            Ok(content) if cursor.is_done() => {
                Out { arena, sides, sink }.deliver(content).map_err(|(_, cursor)| place(&cursor))
            }
            _ => Err(place(&cursor)),
        }
    }
}

/// The channel that a text names which is not JSON.
fn named_channel(text: &[u8]) -> Option<Box<str>> {
    const KEY: &[u8] = br#""channel":""#;
    const LEN_MAX: usize = 128;
    let at = text.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let name = text.get(at..)?;
    let len = name.iter().take(LEN_MAX).position(|byte| *byte == b'"')?;
    str::from_utf8(name.get(..len)?).ok().map(Into::into)
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("ways", &self.ways).finish_non_exhaustive()
    }
}
