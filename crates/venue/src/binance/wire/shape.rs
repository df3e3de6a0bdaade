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
        // What has no kind is known by its keys: one that is not known may make it something else.
        cursor = cursor.without_unknown_keys();
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
    let mut ahead = *source;
    if let Some(content) = combined(&mut ahead) {
        *source = ahead;
        return Ok(content);
    }
    if source.kind() != Kind::Object {
        return Ok(Content { stream: None, payload: payload(source)? });
    }
    let (marks, end) = Marks::of(*source)?;
    match (marks.kind, marks.stream, marks.data) {
        (None, Some(stream), Some(mut data)) => {
            *source = end;
            Ok(Content { stream: Some(stream), payload: payload(&mut data)? })
        }
        _ => Ok(Content { stream: None, payload: Payload::One(shape(marks, source)?) }),
    }
}

/// The combined form in the usual order, `{"stream":…,"data":…}`, in one pass.
fn combined<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Option<Content<'a, S>> {
    let (mut stream, mut data) = (None, None);
    source
        .object(|key, value| match key {
            "stream" if stream.is_none() => value.text().map(|name| stream = Some(name)),
            "data" if stream.is_some() && data.is_none() => {
                payload(value).map(|payload| data = Some(payload))
            }
            _ => Err("another form"),
        })
        .ok()?;
    Some(Content { stream, payload: data? })
}

fn payload<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Payload<'a, S>, Wrong> {
    if source.kind() != Kind::Array {
        let (marks, _) = Marks::of(*source)?;
        return shape(marks, source).map(Payload::One);
    }
    let many = Payload::Many(*source);
    let mut empty = true;
    source.array(|element| {
        empty = false;
        of_array(element).map(drop)
    })?;
    if empty { Err("an empty array") } else { Ok(many) }
}

/// The message that an element of an array is.
pub(super) fn of_array<'a, 's, S: Source<'a, 's>>(element: &mut S) -> Result<Message<'a>, Wrong> {
    let (marks, _) = Marks::of(*element)?;
    match shape(marks, element)? {
        Shape::Plain(message) => Ok(message),
        _ => Err("an array of something with levels"),
    }
}

/// The stream that a text names, if it does.
pub(super) fn stream_of<'a, 's, S: Source<'a, 's>>(mut source: S) -> Option<&'a str> {
    let (mut stream, mut data) = (None, false);
    source
        .object(|key, value| {
            match key {
                "stream" if value.kind() == Kind::Text => stream = { *value }.text().ok(),
                "data" => data = true,
                _ => {}
            }
            value.skip()
        })
        .ok()?;
    stream.filter(|_| data)
}

/// What of an object tells what it is.
struct Marks<'a, S> {
    kind: Option<&'a str>,
    stream: Option<&'a str>,
    data: Option<S>,
    event: Option<S>,
    partial: bool,
    bids: bool,
    answer: bool,
}

impl<'a, S> Marks<'a, S> {
    /// Those of an object, and its end if it does not name its kind: then nothing else counts.
    fn of<'s>(source: S) -> Result<(Self, S), Wrong>
    where
        S: Source<'a, 's>,
    {
        let (mut kind, mut stream, mut data, mut event) = (None, None, None, None);
        let (mut partial, mut bids, mut answer) = (false, false, false);
        let mut end = source;
        let read = end.object(|key, value| {
            match key {
                "e" if value.kind() == Kind::Text => {
                    kind = Some(value.text()?);
                    return Err("no more is to be read");
                }
                "stream" if value.kind() == Kind::Text => stream = Some({ *value }.text()?),
                "data" => data = Some(*value),
                "event" if value.kind() == Kind::Object => event = Some(*value),
                "lastUpdateId" => partial = true,
                "b" => bids = true,
                "result" | "error" | "code" => answer = true,
                _ => {}
            }
            value.skip()
        });
        if kind.is_none() {
            read?;
        }
        Ok((Self { kind, stream, data, event, partial, bids, answer }, end))
    }
}

/// Reads an object with these marks.
fn shape<'a, 's, S: Source<'a, 's>>(marks: Marks<'a, S>, source: &mut S) -> Result<Shape<'a>, Wrong> {
    match (marks.kind, marks.event) {
        (Some(kind), _) => named(kind, source),
        (None, Some(event)) => {
            source.skip()?;
            wrapped(event)
        }
        _ if marks.answer => source.record().map(Shape::Answer),
        _ if marks.partial => source.record().map(Shape::Partial),
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

fn named<'a, 's, S: Source<'a, 's>>(kind: &'a str, source: &mut S) -> Result<Shape<'a>, Wrong> {
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
        _ if is_account(kind) => {
            let event_time_ns = event_time(source)?;
            Ok(Shape::Plain(Message::Account { kind, event_time_ns }))
        }
        _ => source.skip().map(|()| Shape::Plain(Message::Other { kind })),
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

/// When the venue sent an event, if it says so.
fn event_time<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Option<u64>, Wrong> {
    let mut event_time_ns = None;
    source.object(|key, value| {
        if key == "E" && value.kind() == Kind::Number {
            event_time_ns = Some(time(&mut { *value })?);
        }
        value.skip()
    })?;
    Ok(event_time_ns)
}

fn plain<'a, 's, T: Record<'a>, S: Source<'a, 's>>(
    source: &mut S,
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
                used_weight: fields.used.0,
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
