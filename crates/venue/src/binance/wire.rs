//! The grammar of Binance's JSON messages: text to typed, borrowed messages.
//!
//! Keys may come in any order and unknown ones are skipped; a known key must be there and have the
//! documented type.

use std::fmt;

use simd_json::{
    Buffers, Tape,
    prelude::*,
    tape::{Array, Object, Value},
};

use crate::{decimal::Decimal, error::Error, level::Level};

/// A message, borrowed from the decoder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Message<'a> {
    Trade(Trade<'a>),
    Ticker(Ticker<'a>),
    Diff(Diff<'a>),
    Partial(Partial<'a>),
    Answer(Answer<'a>),
    Shutdown { event_time_ns: u64 },
    Other { kind: &'a str },
}

/// `trade` and `aggTrade`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trade<'a> {
    pub(super) symbol: &'a str,
    pub(super) id: u64,
    pub(super) price: Decimal,
    pub(super) quantity: Decimal,
    /// First and last trade id of an aggregate.
    pub(super) fills: Option<(u64, u64)>,
    pub(super) buyer_is_maker: bool,
    pub(super) trade_time_ns: u64,
    pub(super) event_time_ns: u64,
}

/// `bookTicker`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ticker<'a> {
    pub(super) symbol: &'a str,
    pub(super) update_id: u64,
    pub(super) bid: Level,
    pub(super) ask: Level,
}

/// `depthUpdate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Diff<'a> {
    pub(super) symbol: &'a str,
    pub(super) first_id: u64,
    pub(super) last_id: u64,
    pub(super) bids: &'a [Level],
    pub(super) asks: &'a [Level],
    pub(super) event_time_ns: u64,
}

/// Partial depth, which names its symbol only in the stream name of the combined form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Partial<'a> {
    pub(super) stream: Option<&'a str>,
    pub(super) update_id: u64,
    pub(super) bids: &'a [Level],
    pub(super) asks: &'a [Level],
}

/// An answer to a control message or an API request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Answer<'a> {
    pub(super) id: Id<'a>,
    /// Only API answers have one.
    pub(super) status: Option<u64>,
    pub(super) body: Body<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Id<'a> {
    /// Null, or left out.
    Null,
    Number(i64),
    Text(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Body<'a> {
    /// `"result":null`, the confirmation of a control message.
    Done,
    /// A book snapshot.
    Snapshot { update_id: u64, bids: &'a [Level], asks: &'a [Level] },
    /// A refusal.
    Refused(Refusal<'a>),
    /// Any other result.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Refusal<'a> {
    pub(super) code: i64,
    pub(super) message: &'a str,
    /// Milliseconds from the server's time to the time before which it wants no request.
    pub(super) retry_after_ms: Option<u64>,
}

/// The longest text that is decoded: a snapshot of 5000 levels a side is a tenth of it. The JSON reader takes up to
/// thirty times the text in memory.
const TEXT_BYTES_MAX: usize = 4 << 20;
/// What the decoder keeps for the next text; more is given back.
const TEXT_BYTES_KEPT: usize = 1 << 20;

/// Decodes one message at a time, in memory that it keeps.
pub(super) struct Decoder {
    text: Vec<u8>,
    buffers: Buffers,
    /// Empty between messages; kept for its memory.
    tape: Tape<'static>,
    levels: Levels,
}

/// The levels of the last message that had any.
#[derive(Debug, Default)]
pub(super) struct Levels {
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("levels", &self.levels).finish_non_exhaustive()
    }
}

impl Decoder {
    pub(super) fn new() -> Self {
        let tape = Tape::null().reset();
        Self { text: Vec::new(), buffers: Buffers::default(), tape, levels: Levels::default() }
    }

    /// Types one message.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is not JSON or not of a documented shape.
    pub(super) fn decode(&mut self, text: &[u8]) -> Result<Message<'_>, Error> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Error::malformed("longer than any documented message", text));
        }
        if self.text.capacity() > TEXT_BYTES_KEPT {
            *self = Self::new();
        }
        self.text.clear();
        self.text.extend_from_slice(text);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let filled = simd_json::fill_tape(&mut self.text, &mut self.buffers, &mut tape);
        let shape = match filled {
            Ok(()) => top(tape.as_value(), &mut self.levels),
            Err(_) => Err("not JSON"),
        };
        self.tape = tape.reset();
        let shape = shape.map_err(|what| Error::malformed(what, text))?;
        Ok(shape.with(&self.levels))
    }

    /// The levels of the last [`Message::Diff`], [`Message::Partial`] or snapshot.
    pub(super) fn levels(&self) -> &Levels {
        &self.levels
    }
}

/// A message whose levels are still in the decoder.
enum Shape<'a> {
    Plain(Message<'a>),
    Diff { symbol: &'a str, first_id: u64, last_id: u64, event_time_ns: u64 },
    Partial { stream: Option<&'a str>, update_id: u64 },
    Snapshot { id: Id<'a>, status: Option<u64>, update_id: u64 },
}

impl<'a> Shape<'a> {
    fn with(self, levels: &'a Levels) -> Message<'a> {
        let (bids, asks) = (levels.bids.as_slice(), levels.asks.as_slice());
        match self {
            Self::Plain(message) => message,
            Self::Diff { symbol, first_id, last_id, event_time_ns } => {
                Message::Diff(Diff { symbol, first_id, last_id, bids, asks, event_time_ns })
            }
            Self::Partial { stream, update_id } => {
                Message::Partial(Partial { stream, update_id, bids, asks })
            }
            Self::Snapshot { id, status, update_id } => {
                Message::Answer(Answer { id, status, body: Body::Snapshot { update_id, bids, asks } })
            }
        }
    }
}

/// The part of a message that is wrong.
type Wrong = &'static str;

fn top<'a>(value: Value<'_, 'a>, levels: &mut Levels) -> Result<Shape<'a>, Wrong> {
    if let Some(array) = value.as_array() {
        return all_market(None, &array);
    }
    let object = value.as_object().ok_or("neither an object nor an array")?;
    if let Some(stream) = object.get("stream") {
        let stream = stream.into_string().ok_or("stream")?;
        let data = object.get("data").ok_or("data")?;
        if let Some(array) = data.as_array() {
            return all_market(Some(stream), &array);
        }
        return payload(Some(stream), &data.as_object().ok_or("data")?, levels);
    }
    if let Some(event) = object.get("event") {
        return payload(None, &event.as_object().ok_or("event")?, levels);
    }
    if object.get("e").is_none() && ["result", "error", "code"].iter().any(|key| object.get(*key).is_some()) {
        return answer(&object, levels);
    }
    payload(None, &object, levels)
}

/// The array of an all-market stream, which has a name in the combined form only.
fn all_market<'a>(stream: Option<&'a str>, array: &Array<'_, 'a>) -> Result<Shape<'a>, Wrong> {
    let first = || array.get(0)?.as_object()?.get("e")?.into_string();
    let kind = stream.or_else(first).ok_or("array of an unknown kind")?;
    Ok(Shape::Plain(Message::Other { kind }))
}

fn payload<'a>(
    stream: Option<&'a str>,
    object: &Object<'_, 'a>,
    levels: &mut Levels,
) -> Result<Shape<'a>, Wrong> {
    if let Some(kind) = object.get("e") {
        return match kind.into_string().ok_or("e")? {
            "depthUpdate" => diff(object, levels),
            "trade" => trade(object, "t", false),
            "aggTrade" => trade(object, "a", true),
            "bookTicker" => ticker(object),
            "serverShutdown" => {
                Ok(Shape::Plain(Message::Shutdown { event_time_ns: time(object, "E", "serverShutdown.E")? }))
            }
            kind => Ok(Shape::Plain(Message::Other { kind })),
        };
    }
    if object.get("lastUpdateId").is_some() {
        let update_id = snapshot(object, levels)?;
        return Ok(Shape::Partial { stream, update_id });
    }
    if object.get("u").is_some() {
        return ticker(object);
    }
    Err("object of an unknown shape")
}

fn trade<'a>(object: &Object<'_, 'a>, id: &str, aggregate: bool) -> Result<Shape<'a>, Wrong> {
    let fills = if aggregate {
        Some((integer(object, "f", "aggTrade.f")?, integer(object, "l", "aggTrade.l")?))
    } else {
        None
    };
    Ok(Shape::Plain(Message::Trade(Trade {
        symbol: text(object, "s", "trade.s")?,
        id: integer(object, id, "trade id")?,
        price: decimal(object.get("p"), "trade.p")?,
        quantity: decimal(object.get("q"), "trade.q")?,
        fills,
        buyer_is_maker: object.get("m").and_then(|value| value.as_bool()).ok_or("trade.m")?,
        trade_time_ns: time(object, "T", "trade.T")?,
        event_time_ns: time(object, "E", "trade.E")?,
    })))
}

fn ticker<'a>(object: &Object<'_, 'a>) -> Result<Shape<'a>, Wrong> {
    let level = |price, price_name, quantity, quantity_name| {
        let price = decimal(object.get(price), price_name)?;
        let quantity = decimal(object.get(quantity), quantity_name)?;
        Ok::<_, Wrong>(Level { price, quantity })
    };
    Ok(Shape::Plain(Message::Ticker(Ticker {
        symbol: text(object, "s", "bookTicker.s")?,
        update_id: integer(object, "u", "bookTicker.u")?,
        bid: level("b", "bookTicker.b", "B", "bookTicker.B")?,
        ask: level("a", "bookTicker.a", "A", "bookTicker.A")?,
    })))
}

fn diff<'a>(object: &Object<'_, 'a>, levels: &mut Levels) -> Result<Shape<'a>, Wrong> {
    rows(object.get("b"), &mut levels.bids, "depthUpdate.b")?;
    rows(object.get("a"), &mut levels.asks, "depthUpdate.a")?;
    let first_id = integer(object, "U", "depthUpdate.U")?;
    let last_id = integer(object, "u", "depthUpdate.u")?;
    if first_id > last_id {
        return Err("depthUpdate.U is above u");
    }
    let symbol = text(object, "s", "depthUpdate.s")?;
    Ok(Shape::Diff { symbol, first_id, last_id, event_time_ns: time(object, "E", "depthUpdate.E")? })
}

fn snapshot(object: &Object<'_, '_>, levels: &mut Levels) -> Result<u64, Wrong> {
    rows(object.get("bids"), &mut levels.bids, "bids")?;
    rows(object.get("asks"), &mut levels.asks, "asks")?;
    integer(object, "lastUpdateId", "lastUpdateId")
}

fn answer<'a>(object: &Object<'_, 'a>, levels: &mut Levels) -> Result<Shape<'a>, Wrong> {
    let id = match object.get("id") {
        None => Id::Null,
        Some(id) if id.is_null() => Id::Null,
        Some(id) => match (id.as_i64(), id.into_string()) {
            (Some(number), _) => Id::Number(number),
            (_, Some(text)) => Id::Text(text),
            _ => return Err("id"),
        },
    };
    let status = match object.get("status") {
        None => None,
        Some(status) => Some(status.as_u64().ok_or("status")?),
    };
    let body = if let Some(error) = object.get("error") {
        Body::Refused(refusal(&error.as_object().ok_or("error")?)?)
    } else if object.get("code").is_some() {
        Body::Refused(refusal(object)?)
    } else {
        match object.get("result") {
            Some(result) if result.is_null() => Body::Done,
            Some(result) => match result.as_object().filter(|result| result.get("lastUpdateId").is_some()) {
                Some(result) => {
                    return Ok(Shape::Snapshot { id, status, update_id: snapshot(&result, levels)? });
                }
                None => Body::Other,
            },
            None => return Err("answer without a result"),
        }
    };
    Ok(Shape::Plain(Message::Answer(Answer { id, status, body })))
}

fn refusal<'a>(object: &Object<'_, 'a>) -> Result<Refusal<'a>, Wrong> {
    let code = object.get("code").and_then(|code| code.as_i64()).ok_or("error.code")?;
    let data = object.get("data").and_then(|data| data.as_object());
    let milliseconds = |key: &str| data.as_ref()?.get(key)?.as_u64();
    let retry_after_ms = milliseconds("retryAfter")
        .zip(milliseconds("serverTime"))
        .map(|(retry_after, server_time)| retry_after.saturating_sub(server_time));
    Ok(Refusal { code, message: text(object, "msg", "error.msg")?, retry_after_ms })
}

/// Rows of `[price, quantity, …]`; whatever follows the quantity is left out.
fn rows(value: Option<Value<'_, '_>>, levels: &mut Vec<Level>, what: Wrong) -> Result<(), Wrong> {
    levels.clear();
    for row in value.and_then(|value| value.as_array()).ok_or(what)?.iter() {
        let row = row.as_array().ok_or(what)?;
        let mut row = row.iter();
        let price = decimal(row.next(), what)?;
        let quantity = decimal(row.next(), what)?;
        levels.push(Level { price, quantity });
    }
    Ok(())
}

fn text<'a>(object: &Object<'_, 'a>, key: &str, what: Wrong) -> Result<&'a str, Wrong> {
    object.get(key).and_then(|value| value.into_string()).ok_or(what)
}

fn integer(object: &Object<'_, '_>, key: &str, what: Wrong) -> Result<u64, Wrong> {
    object.get(key).and_then(|value| value.as_u64()).ok_or(what)
}

/// A price or quantity, which Binance sends as text, never below zero.
fn decimal(value: Option<Value<'_, '_>>, what: Wrong) -> Result<Decimal, Wrong> {
    let text = value.and_then(|value| value.into_string()).ok_or(what)?;
    let decimal = Decimal::parse(text.as_bytes()).map_err(|_| what)?;
    if decimal.mantissa() < 0 { Err(what) } else { Ok(decimal) }
}

/// A time as nanoseconds: 16 digits are microseconds, 13 digits milliseconds.
fn time(object: &Object<'_, '_>, key: &str, what: Wrong) -> Result<u64, Wrong> {
    const MICROSECONDS_FROM: u64 = 100_000_000_000_000;
    let ticks = integer(object, key, what)?;
    let unit = if ticks < MICROSECONDS_FROM { 1_000_000 } else { 1_000 };
    ticks.checked_mul(unit).ok_or(what)
}
