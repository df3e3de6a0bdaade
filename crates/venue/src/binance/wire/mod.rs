//! The grammar of Binance's JSON messages: text to typed, borrowed messages.

mod answer;
mod message;
mod shape;
#[cfg(test)]
mod tests;

use std::fmt;

pub use answer::{Answer, Body, Refusal, RetryAfter};
pub use message::{
    AggTrade, AssetIndex, AvgPrice, BlockTrade, BookTicker, CompositeIndex, ContinuousKline, ContractInfo,
    DepthUpdate, ForceOrder, IndexPrice, Kline, KlineCandle, LiquidationOrder, MarkPrice, MiniTicker,
    OptionMarkPrice, PartialDepth, ReferencePrice, ServerShutdown, Ticker, Trade,
};

use self::shape::{Content, Payload};
pub use crate::json::Id;
use crate::{
    error::{Error, Excerpt},
    json::{Arena, Cursor, Library, Rows, Source, Way, Ways, Wrong},
    level::Level,
};

/// A message. Levels are borrowed from the decoder, texts from the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is named for the type in it, which is documented")]
pub enum Message<'a> {
    Trade(Trade<'a>),
    AggTrade(AggTrade<'a>),
    BlockTrade(BlockTrade<'a>),
    BookTicker(BookTicker<'a>),
    DepthUpdate(DepthUpdate<'a>),
    PartialDepth(PartialDepth<'a>),
    Kline(Kline<'a>),
    MarkPriceKline(Kline<'a>),
    IndexPriceKline(Kline<'a>),
    ContinuousKline(ContinuousKline<'a>),
    MiniTicker(MiniTicker<'a>),
    Ticker(Ticker<'a>),
    AvgPrice(AvgPrice<'a>),
    ReferencePrice(ReferencePrice<'a>),
    MarkPrice(MarkPrice<'a>),
    OptionMarkPrice(OptionMarkPrice<'a>),
    IndexPrice(IndexPrice<'a>),
    ForceOrder(ForceOrder<'a>),
    ContractInfo(ContractInfo<'a>),
    AssetIndex(AssetIndex<'a>),
    CompositeIndex(CompositeIndex<'a>),
    ServerShutdown(ServerShutdown),
    Answer(Answer<'a>),
    /// Something about an account.
    Account {
        /// The kind (`e`).
        kind: &'a str,
        /// When the venue sent it.
        event_time_ns: Option<u64>,
    },
    /// A kind that is not known here.
    Other {
        /// The kind (`e`), or a word for it.
        kind: &'a str,
    },
}

/// The longest text that is decoded: a snapshot of 5000 levels a side is a tenth of it. The JSON library takes up to
/// thirty times the text in memory.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Decodes one message at a time, in memory that it keeps.
///
/// ```
/// use tickwire_venue::binance::wire::{Decoder, Message};
///
/// let text = br#"{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}"#;
/// let mut decoder = Decoder::new();
/// let mut asks = Vec::new();
/// decoder.decode(text, |stream, message| {
///     assert_eq!(stream, None);
///     if let Message::BookTicker(ticker) = message {
///         asks.push(ticker.ask_price.to_string());
///     }
/// })?;
/// assert_eq!(asks, ["25.36520000"]);
/// # Ok::<(), tickwire_venue::Error>(())
/// ```
pub struct Decoder {
    arena: Arena,
    /// The sides of the last message that had any.
    sides: (Rows, Rows),
    library: Library,
    ways: Ways,
}

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

    /// Types a text, and hands `sink` the stream that it names, if any, and the message, or each message of an array.
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
        if first == Way::Fixed && shape::fixed(text, &self.arena, &mut self.sides, &mut sink) {
            self.ways.count(Way::Fixed);
            return Ok(());
        }
        self.decode_slowly(first, text, &mut sink)
    }

    /// In any order of keys, or else by the library, whose judgement counts.
    #[inline(never)]
    fn decode_slowly(
        &mut self,
        first: Way,
        text: &[u8],
        sink: &mut dyn FnMut(Option<&str>, Message<'_>),
    ) -> Result<(), Error> {
        self.arena.clear();
        let Self { arena, sides, library, ways } = self;
        let mut stopped = None;
        if first <= Way::AnyOrder
            && let Some(mut cursor) = Cursor::new(text, arena)
        {
            if first == Way::AnyOrder {
                cursor = cursor.without_fixed_orders();
            }
            if let Ok(content) = shape::read(&mut cursor)
                && cursor.is_done()
                && deliver(content, arena, sides, sink).is_ok()
            {
                ways.count(Way::AnyOrder);
                return Ok(());
            }
            stopped = Some(cursor.at());
        }
        arena.clear();
        ways.count(Way::Library);
        let mut stream = None;
        let read = library.read(text, arena, |tape| {
            stream = shape::stream_of(tape).map(Into::into);
            deliver(shape::read(&mut tape.clone())?, arena, sides, sink)
        });
        read.map_err(|(what, offset)| Error::Malformed {
            what: what.into(),
            stream,
            offset: offset.or(stopped),
            excerpt: Excerpt::new(text),
        })
    }
}

fn deliver<'a, 's, S: Source<'a, 's>>(
    content: Content<'a, S>,
    arena: &Arena,
    sides: &mut (Rows, Rows),
    sink: &mut dyn FnMut(Option<&str>, Message<'_>),
) -> Result<(), Wrong> {
    match content.payload {
        Payload::One(shape) => {
            *sides = shape.sides();
            sink(content.stream, shape.message(&arena.levels())?);
        }
        Payload::Many(mut elements) => elements.array(|element| {
            sink(content.stream, shape::of_array(element)?);
            Ok(())
        })?,
    }
    Ok(())
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
