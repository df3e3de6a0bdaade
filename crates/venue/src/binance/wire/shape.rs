//! Which message a text is.
//!
//! Most name their kind (`e`). Of the others, partial depth has a `lastUpdateId`, a quote of spot both sides and no
//! kind, an answer a `result`, an `error` or a `code`, and account messages wrap an `event`.

use super::{
    Answer, Body, Message,
    answer::{AnswerFields, Outcome},
    message::{DepthFields, DepthUpdate, PartialDepth, PartialFields},
};
use crate::{
    json::{Arena, Compact, Cursor, Kind, Record, Rows, Source, Wrong, record, time},
    level::Level,
};

/// A message whose levels are still in the arena.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::large_enum_variant, reason = "on the stack, and not on the fastest way")]
pub(super) enum Shape<'a> {
    Plain(Message<'a>),
    Depth(DepthFields<'a>),
    Partial(PartialFields),
    Answer(AnswerFields<'a>),
}

/// What a text holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content<'a, S> {
    /// The stream that it names.
    pub(super) stream: Option<&'a str>,
    pub(super) payload: Payload<'a, S>,
}

#[derive(Debug, Clone, Copy)]
#[expect(clippy::large_enum_variant, reason = "on the stack, and not on the fastest way")]
pub(super) enum Payload<'a, S> {
    One(Shape<'a>),
    /// An array of messages, each of which was read once already.
    Many(S),
}

/// Reads a frequent message whose keys come in an order that is known, and hands it to `sink`; otherwise says no. The
/// message goes straight from the registers to the sink, not by way of a [`Shape`].
#[inline(always)]
pub(super) fn fixed(
    text: &[u8],
    arena: &Arena,
    sides: &mut (Rows, Rows),
    sink: &mut impl FnMut(Option<&str>, Message<'_>),
) -> bool {
    let Some(mut cursor) = Cursor::new(text, arena) else { return false };
    let mut stream = None;
    if cursor.literal(b"{\"stream\":\"") {
        stream = cursor.string();
        if stream.is_none() || !cursor.literal(b",\"data\":") {
            return false;
        }
    }
    if !cursor.literal(b"{\"e\":\"") {
        return cursor.take(b'{') && fixed_plain(cursor, true, stream, Message::BookTicker, sink);
    }
    if cursor.literal(b"depthUpdate\"") {
        return fixed_depth(cursor, stream, arena, sides, sink);
    }
    if cursor.literal(b"bookTicker\"") {
        return fixed_plain(cursor, false, stream, Message::BookTicker, sink);
    }
    if cursor.literal(b"aggTrade\"") {
        return fixed_plain(cursor, false, stream, Message::AggTrade, sink);
    }
    cursor.literal(b"trade\"") && fixed_plain(cursor, false, stream, Message::Trade, sink)
}

/// Whether the text ends where the payload does.
#[inline(always)]
fn ends(cursor: &mut Cursor<'_, '_>, stream: Option<&str>) -> bool {
    (stream.is_none() || cursor.take(b'}')) && cursor.is_done()
}

#[inline(always)]
fn fixed_plain<'a, T: Record<'a>>(
    mut cursor: Cursor<'a, '_>,
    opened: bool,
    stream: Option<&str>,
    message: fn(T) -> Message<'a>,
    sink: &mut impl FnMut(Option<&str>, Message<'_>),
) -> bool {
    match T::read_fixed(&mut cursor, opened) {
        Some(record) if ends(&mut cursor, stream) => {
            sink(stream, message(record));
            true
        }
        _ => false,
    }
}

#[inline(always)]
fn fixed_depth(
    mut cursor: Cursor<'_, '_>,
    stream: Option<&str>,
    arena: &Arena,
    sides: &mut (Rows, Rows),
    sink: &mut impl FnMut(Option<&str>, Message<'_>),
) -> bool {
    let Some(fields) = DepthFields::read_fixed(&mut cursor, false) else { return false };
    let levels = arena.levels();
    match depth(fields, &levels) {
        Ok(update) if ends(&mut cursor, stream) => {
            *sides = (fields.bids, fields.asks);
            sink(stream, Message::DepthUpdate(update));
            true
        }
        _ => false,
    }
}

/// Reads any text. A message of an array is read and left for [`Payload::Many`].
pub(super) fn read<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Content<'a, S>, Wrong> {
    let (stream, mut payload) = unwrapped(source)?;
    if payload.kind() != Kind::Array {
        return Ok(Content { stream, payload: Payload::One(shape(payload)?) });
    }
    let many = Payload::Many(payload);
    let mut empty = true;
    payload.array(|element| {
        empty = false;
        of_array(*element)?;
        element.skip()
    })?;
    if empty { Err("an empty array") } else { Ok(Content { stream, payload: many }) }
}

/// The message that an element of an array is.
pub(super) fn of_array<'a, 's, S: Source<'a, 's>>(element: S) -> Result<Message<'a>, Wrong> {
    match shape(element)? {
        Shape::Plain(message) => Ok(message),
        _ => Err("an array of something with levels"),
    }
}

/// The stream that a text names, if it does.
pub(super) fn stream_of<'a, 's, S: Source<'a, 's>>(mut source: S) -> Option<&'a str> {
    unwrapped(&mut source).ok()?.0
}

/// The name of the stream and the payload, of the combined form or the raw one. Leaves the source at the end.
fn unwrapped<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<(Option<&'a str>, S), Wrong> {
    let whole = *source;
    if whole.kind() != Kind::Object {
        source.skip()?;
        return Ok((None, whole));
    }
    let (mut stream, mut data) = (None, None);
    source.object(|key, value| {
        match key {
            "stream" if value.kind() == Kind::Text => return value.text().map(|name| stream = Some(name)),
            "data" => data = Some(*value),
            _ => {}
        }
        value.skip()
    })?;
    Ok(match (stream, data) {
        (Some(stream), Some(data)) => (Some(stream), data),
        _ => (None, whole),
    })
}

/// The keys that tell what an object is.
#[derive(Debug, Default)]
struct Marks<'a> {
    kind: Option<&'a str>,
    event_time_ns: Option<u64>,
    partial: bool,
    bids: bool,
    answer: bool,
}

fn shape<'a, 's, S: Source<'a, 's>>(source: S) -> Result<Shape<'a>, Wrong> {
    let mut marks = Marks::default();
    let mut event = None;
    let mut ahead = source;
    ahead.object(|key, value| {
        let mut value_ahead = *value;
        match key {
            "e" if value.kind() == Kind::Text => marks.kind = Some(value_ahead.text()?),
            "E" if value.kind() == Kind::Number => marks.event_time_ns = time(&mut value_ahead).ok(),
            "lastUpdateId" => marks.partial = true,
            "b" => marks.bids = true,
            "result" | "error" | "code" => marks.answer = true,
            "event" if value.kind() == Kind::Object => event = Some(*value),
            _ => {}
        }
        value.skip()
    })?;
    match (marks.kind, event) {
        (Some(kind), _) => named(kind, marks.event_time_ns, source),
        (None, Some(event)) => wrapped(event),
        _ if marks.answer => { source }.record().map(Shape::Answer),
        _ if marks.partial => { source }.record().map(Shape::Partial),
        _ if marks.bids => plain(source, Message::BookTicker),
        _ => Err("an object of no known kind"),
    }
}

record! {
    /// What every event of an account has.
    struct AccountEvent<'a> {
        "e" kind: &'a str,
        "E" event_time_ns: Option<u64> = crate::json::maybe_time,
    }
}

/// The `event` of an account message or of the API.
fn wrapped<'a, 's, S: Source<'a, 's>>(mut event: S) -> Result<Shape<'a>, Wrong> {
    let mut ahead = event;
    let AccountEvent { kind, event_time_ns } = ahead.record()?;
    if kind == "serverShutdown" {
        return event.record().map(|notice| Shape::Plain(Message::ServerShutdown(notice)));
    }
    Ok(Shape::Plain(Message::Account { kind, event_time_ns }))
}

fn named<'a, 's, S: Source<'a, 's>>(
    kind: &'a str,
    event_time_ns: Option<u64>,
    mut source: S,
) -> Result<Shape<'a>, Wrong> {
    match kind {
        "depthUpdate" => source.record().map(Shape::Depth),
        "bookTicker" => plain(source, Message::BookTicker),
        "aggTrade" => plain(source, Message::AggTrade),
        "trade" => plain(source, Message::Trade),
        "blockTrade" => plain(source, Message::BlockTrade),
        "kline" => plain(source, Message::Kline),
        "markPrice_kline" => plain(source, Message::MarkPriceKline),
        "indexPrice_kline" => plain(source, Message::IndexPriceKline),
        "continuous_kline" => plain(source, Message::ContinuousKline),
        "24hrMiniTicker" => plain(source, Message::MiniTicker),
        "24hrTicker" | "1hTicker" | "4hTicker" | "1dTicker" => plain(source, Message::Ticker),
        "avgPrice" => plain(source, Message::AvgPrice),
        "referencePrice" => plain(source, Message::ReferencePrice),
        "markPriceUpdate" => plain(source, Message::MarkPrice),
        "markPrice" => plain(source, Message::OptionMarkPrice),
        "indexPriceUpdate" | "index" => plain(source, Message::IndexPrice),
        "forceOrder" => plain(source, Message::ForceOrder),
        "contractInfo" => plain(source, Message::ContractInfo),
        "assetIndexUpdate" => plain(source, Message::AssetIndex),
        "compositeIndex" => plain(source, Message::CompositeIndex),
        "serverShutdown" => plain(source, Message::ServerShutdown),
        _ if is_account(kind) => Ok(Shape::Plain(Message::Account { kind, event_time_ns })),
        _ => Ok(Shape::Plain(Message::Other { kind })),
    }
}

/// Kinds that futures send over a connection of their own, without a wrapper.
fn is_account(kind: &str) -> bool {
    matches!(
        kind,
        "ORDER_TRADE_UPDATE"
            | "ACCOUNT_UPDATE"
            | "ACCOUNT_CONFIG_UPDATE"
            | "MARGIN_CALL"
            | "TRADE_LITE"
            | "listenKeyExpired"
            | "eventStreamTerminated"
    )
}

fn plain<'a, 's, T: Record<'a>, S: Source<'a, 's>>(
    mut source: S,
    message: fn(T) -> Message<'a>,
) -> Result<Shape<'a>, Wrong> {
    source.record().map(|record| Shape::Plain(message(record)))
}

/// Whether an object has a key.
pub(super) fn has_key<'a, 's, S: Source<'a, 's>>(mut object: S, wanted: &str) -> Result<bool, Wrong> {
    let mut has = false;
    object.object(|key, value| {
        has |= key == wanted;
        value.skip()
    })?;
    Ok(has)
}

impl<'a> Shape<'a> {
    /// Where its levels are.
    #[inline(always)]
    pub(super) fn sides(&self) -> (Rows, Rows) {
        match self {
            Self::Depth(fields) => (fields.bids, fields.asks),
            Self::Partial(PartialFields { bids, asks, .. })
            | Self::Answer(AnswerFields {
                result: Outcome::Snapshot(PartialFields { bids, asks, .. }),
                ..
            }) => (*bids, *asks),
            _ => Default::default(),
        }
    }

    /// The message, with its levels.
    #[inline(always)]
    pub(super) fn message<'m>(self, levels: &'m [Level]) -> Result<Message<'m>, Wrong>
    where
        'a: 'm,
    {
        Ok(match self {
            Self::Plain(message) => message,
            Self::Depth(fields) => Message::DepthUpdate(depth(fields, levels)?),
            Self::Partial(fields) => Message::PartialDepth(partial(fields, levels)),
            Self::Answer(fields) => Message::Answer(Answer {
                id: fields.id,
                status: fields.status,
                body: match (fields.refusal(), fields.result) {
                    (Some(refusal), _) => Body::Refused(refusal),
                    (None, Outcome::Done) => Body::Done,
                    (None, Outcome::Snapshot(snapshot)) => Body::Snapshot(partial(snapshot, levels)),
                    (None, Outcome::Other) => Body::Other,
                    (None, Outcome::Missing) => return Err("an answer without a result"),
                },
            }),
        })
    }
}

#[inline(always)]
fn depth<'a>(fields: DepthFields<'a>, levels: &'a [Level]) -> Result<DepthUpdate<'a>, Wrong> {
    let DepthFields { event_time_ns, transaction_time_ns, symbol, pair, last_id, previous_id, .. } = fields;
    let first_id = fields.first_id.unwrap_or(last_id);
    if first_id > last_id {
        return Err("DepthUpdate \"U\" above \"u\"");
    }
    let (bids, asks) = (fields.bids.of(levels), fields.asks.of(levels));
    Ok(DepthUpdate {
        event_time_ns,
        transaction_time_ns,
        symbol,
        pair,
        first_id,
        last_id,
        previous_id,
        bids,
        asks,
    })
}

fn partial(fields: PartialFields, levels: &[Level]) -> PartialDepth<'_> {
    let PartialFields { update_id, event_time_ns, transaction_time_ns, bids, asks } = fields;
    let (bids, asks) = (bids.of(levels), asks.of(levels));
    PartialDepth { update_id, event_time_ns, transaction_time_ns, bids, asks }
}
