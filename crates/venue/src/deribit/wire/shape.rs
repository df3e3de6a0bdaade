//! Which message a text is: a notification of a channel, whose name says what its data are, a heartbeat, or an answer.

use super::{
    Answer, Message,
    answer::AnswerFields,
    message::{BookFields, BookUpdate, GroupedBook, GroupedFields},
    ticker::{Ticker, TickerChange},
};
use crate::{
    deribit::channel::Topic,
    json::{Arena, Compact, Cursor, Kind, Record, Rows, Source, Wrong, time},
};

/// How every notification begins on the wire.
const HEAD: &[u8] = br#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":""#;

/// Where messages go.
pub(super) struct Out<'o, F: ?Sized> {
    pub(super) arena: &'o Arena,
    /// The sides of the last message that had any.
    pub(super) sides: &'o mut (Rows, Rows),
    pub(super) sink: &'o mut F,
}

/// What a text holds, found in one pass over it.
pub(super) struct Content<'a, S> {
    pub(super) channel: Option<&'a str>,
    body: Body<'a, S>,
}

enum Body<'a, S> {
    Notification { channel: &'a str, data: S },
    Heartbeat { kind: &'a str },
    Answer(S),
    Other { kind: &'a str },
}

/// Reads a frequent message whose keys come in an order that is known, and says whether it was one.
#[inline(always)]
pub(super) fn fixed<F: FnMut(Option<&str>, Message<'_>)>(text: &[u8], out: &mut Out<'_, F>) -> bool {
    let Some(mut cursor) = Cursor::new(text, out.arena) else { return false };
    if !cursor.literal(HEAD) {
        return false;
    }
    let Some(channel) = cursor.string() else { return false };
    if !cursor.literal(b",\"data\":") {
        return false;
    }
    let read = match Topic::of(channel) {
        Topic::Book => fixed_book(&mut cursor, channel, out),
        Topic::GroupedBook => fixed_grouped(&mut cursor, channel, out),
        Topic::Trades => fixed_array(&mut cursor, channel, Message::Trade, out),
        Topic::Quote => fixed_plain(&mut cursor, channel, Message::Quote, out),
        Topic::Ticker => fixed_ticker(&mut cursor, channel, out),
        Topic::PriceIndex => fixed_plain(&mut cursor, channel, Message::PriceIndex, out),
        _ => None,
    };
    read.is_some()
}

#[inline(always)]
fn fixed_record<'a, T: Record<'a>>(cursor: &mut Cursor<'a, '_>) -> Option<T> {
    if cursor.take(b'{') { T::read_fixed(cursor, true) } else { None }
}

#[inline(always)]
fn fixed_end(cursor: &mut Cursor<'_, '_>) -> Option<()> {
    (cursor.literal(b"}}") && cursor.is_done()).then_some(())
}

#[inline(always)]
fn fixed_book<'a, F: FnMut(Option<&str>, Message<'_>)>(
    cursor: &mut Cursor<'a, '_>,
    channel: &'a str,
    out: &mut Out<'_, F>,
) -> Option<()> {
    let fields = fixed_record(cursor)?;
    fixed_end(cursor)?;
    out.book(channel, fields).ok()
}

#[inline(never)]
fn fixed_grouped<'a, F: FnMut(Option<&str>, Message<'_>)>(
    cursor: &mut Cursor<'a, '_>,
    channel: &'a str,
    out: &mut Out<'_, F>,
) -> Option<()> {
    let fields = fixed_record(cursor)?;
    fixed_end(cursor)?;
    out.grouped(channel, fields);
    Some(())
}

#[inline(never)]
fn fixed_ticker<'a, F: FnMut(Option<&str>, Message<'_>)>(
    cursor: &mut Cursor<'a, '_>,
    channel: &'a str,
    out: &mut Out<'_, F>,
) -> Option<()> {
    fixed_plain(cursor, channel, Message::Ticker, out)
}

#[inline(always)]
fn fixed_plain<'a, T: Record<'a>, F: FnMut(Option<&str>, Message<'_>)>(
    cursor: &mut Cursor<'a, '_>,
    channel: &'a str,
    message: fn(T) -> Message<'a>,
    out: &mut Out<'_, F>,
) -> Option<()> {
    let record = fixed_record(cursor)?;
    fixed_end(cursor)?;
    (out.sink)(Some(channel), message(record));
    Some(())
}

/// Elements of an array that are kept until all of it was read; more are read twice.
const KEPT: usize = 8;

#[inline(never)]
fn fixed_array<'a, T: Record<'a> + Copy, F: FnMut(Option<&str>, Message<'_>)>(
    cursor: &mut Cursor<'a, '_>,
    channel: &'a str,
    message: fn(T) -> Message<'a>,
    out: &mut Out<'_, F>,
) -> Option<()> {
    let mut kept = [None; KEPT];
    let mut more = None;
    let mut count = 0;
    if !cursor.take(b'[') {
        return None;
    }
    loop {
        let here = *cursor;
        let record: T = fixed_record(cursor)?;
        match kept.get_mut(count) {
            Some(slot) => *slot = Some(record),
            None => drop(more.get_or_insert(here)),
        }
        count += 1;
        if !cursor.take(b',') {
            break;
        }
    }
    if !cursor.take(b']') {
        return None;
    }
    fixed_end(cursor)?;
    for record in kept.into_iter().take(count).flatten() {
        (out.sink)(Some(channel), message(record));
    }
    for _ in KEPT..count {
        let again = more.as_mut()?;
        (out.sink)(Some(channel), message(fixed_record(again)?));
        again.take(b',');
    }
    Some(())
}

/// Finds out what a text is, and leaves the source behind it.
pub(super) fn read<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Content<'a, S>, Wrong> {
    let whole = *source;
    let (mut method, mut params, mut answer) = (None, None, false);
    source.object(|key, value| {
        let mut ahead = *value;
        match key {
            "method" if value.kind() == Kind::Text => method = Some(ahead.text()?),
            "params" if value.kind() == Kind::Object => {
                return of_params(value).map(|found| params = Some(found));
            }
            "result" | "error" => answer = true,
            _ => {}
        }
        value.skip()
    })?;
    let Params { channel, data, kind } = params.unwrap_or_default();
    let body = match (method, channel, data) {
        (Some("subscription"), Some(channel), Some(data)) => Body::Notification { channel, data },
        (Some("heartbeat"), ..) => Body::Heartbeat { kind: kind.unwrap_or("heartbeat") },
        (Some(kind), ..) => Body::Other { kind },
        (None, ..) if answer => Body::Answer(whole),
        (None, ..) => return Err("neither a notification nor an answer"),
    };
    Ok(Content { channel, body })
}

/// The parameters of a notification.
struct Params<'a, S> {
    channel: Option<&'a str>,
    data: Option<S>,
    kind: Option<&'a str>,
}

impl<S> Default for Params<'_, S> {
    fn default() -> Self {
        Self { channel: None, data: None, kind: None }
    }
}

fn of_params<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Params<'a, S>, Wrong> {
    let mut params = Params::default();
    source.object(|key, value| {
        let mut ahead = *value;
        match key {
            "channel" if value.kind() == Kind::Text => params.channel = Some(ahead.text()?),
            "type" if value.kind() == Kind::Text => params.kind = Some(ahead.text()?),
            "data" => params.data = Some(*value),
            _ => {}
        }
        value.skip()
    })?;
    Ok(params)
}

impl<F: FnMut(Option<&str>, Message<'_>) + ?Sized> Out<'_, F> {
    #[inline(always)]
    fn book(&mut self, channel: &str, fields: BookFields<'_>) -> Result<(), Wrong> {
        let previous_id = fields.previous()?;
        let BookFields { time_ns, change_id, instrument, bids, asks, .. } = fields;
        *self.sides = (bids.rows, asks.rows);
        let (levels, actions) = (self.arena.levels(), self.arena.actions());
        let update = BookUpdate {
            time_ns,
            instrument,
            change_id,
            previous_id,
            bids: bids.rows.of(&levels),
            bid_actions: bids.of(&actions),
            asks: asks.rows.of(&levels),
            ask_actions: asks.of(&actions),
        };
        (self.sink)(Some(channel), Message::Book(update));
        Ok(())
    }

    #[inline(always)]
    fn grouped(&mut self, channel: &str, fields: GroupedFields<'_>) {
        let GroupedFields { time_ns, change_id, instrument, bids, asks } = fields;
        *self.sides = (bids, asks);
        let levels = self.arena.levels();
        let (bids, asks) = (bids.of(&levels), asks.of(&levels));
        let book = GroupedBook { time_ns, instrument, change_id, bids, asks };
        (self.sink)(Some(channel), Message::GroupedBook(book));
    }

    /// Reads what was found, and gives it out when all of it was read; otherwise the source says where reading
    /// stopped.
    pub(super) fn deliver<'a, 's, S: Source<'a, 's>>(
        &mut self,
        content: Content<'a, S>,
    ) -> Result<(), (Wrong, S)> {
        match content.body {
            Body::Notification { channel, mut data } => {
                self.notification(channel, &mut data).map_err(|wrong| (wrong, data))
            }
            Body::Heartbeat { kind } => {
                let message = match kind {
                    "heartbeat" => Message::Heartbeat,
                    "test_request" => Message::TestRequest,
                    _ => Message::Other { kind },
                };
                (self.sink)(None, message);
                Ok(())
            }
            Body::Answer(mut source) => self.answer(&mut source).map_err(|wrong| (wrong, source)),
            Body::Other { kind } => {
                (self.sink)(content.channel, Message::Other { kind });
                Ok(())
            }
        }
    }

    fn answer<'a, 's, S: Source<'a, 's>>(&mut self, source: &mut S) -> Result<(), Wrong> {
        let fields: AnswerFields<'a> = source.record()?;
        let texts = self.arena.texts();
        let body = fields.body(|list| list.of(&texts))?;
        let AnswerFields { id, in_time_ns, out_time_ns, testnet, .. } = fields;
        (self.sink)(None, Message::Answer(Answer { id, body, in_time_ns, out_time_ns, testnet }));
        Ok(())
    }

    fn notification<'a, 's, S: Source<'a, 's>>(
        &mut self,
        channel: &'a str,
        data: &mut S,
    ) -> Result<(), Wrong> {
        match Topic::of(channel) {
            Topic::Book => self.book(channel, data.record()?),
            Topic::GroupedBook => {
                let fields = data.record()?;
                self.grouped(channel, fields);
                Ok(())
            }
            Topic::Trades => self.plain(channel, data, Message::Trade),
            Topic::Ticker => self.plain(channel, data, Message::Ticker),
            Topic::IncrementalTicker => self.incremental(channel, data),
            Topic::Quote => self.plain(channel, data, Message::Quote),
            Topic::Perpetual => self.plain(channel, data, Message::Perpetual),
            Topic::ChartTrades => self.plain(channel, data, Message::Candle),
            Topic::PriceIndex => self.plain(channel, data, Message::PriceIndex),
            Topic::PriceRanking => self.plain(channel, data, Message::PriceRanking),
            Topic::PriceStatistics => self.plain(channel, data, Message::PriceStatistics),
            Topic::VolatilityIndex => self.plain(channel, data, Message::VolatilityIndex),
            Topic::ExpirationPrice => self.plain(channel, data, Message::ExpirationPrice),
            Topic::OptionMarks => self.plain(channel, data, Message::OptionMark),
            Topic::InstrumentState => self.plain(channel, data, Message::InstrumentState),
            Topic::InstrumentCreation => self.plain(channel, data, Message::InstrumentCreation),
            Topic::PlatformState => self.plain(channel, data, Message::PlatformState),
            Topic::PublicMethodsState => self.plain(channel, data, Message::PublicMethodsState),
            Topic::Announcements => self.plain(channel, data, Message::Announcement),
            Topic::BlockTrades => self.plain(channel, data, Message::BlockTrade),
            Topic::Private => {
                let time_ns = time_of(*data)?;
                (self.sink)(Some(channel), Message::Account { kind: channel, time_ns });
                Ok(())
            }
            Topic::Unknown => {
                (self.sink)(Some(channel), Message::Other { kind: channel });
                Ok(())
            }
        }
    }

    /// One record, or each of an array.
    fn plain<'a, 's, T: Record<'a>, S: Source<'a, 's>>(
        &mut self,
        channel: &str,
        data: &mut S,
        message: fn(T) -> Message<'a>,
    ) -> Result<(), Wrong> {
        if data.kind() != Kind::Array {
            let record = data.record()?;
            (self.sink)(Some(channel), message(record));
            return Ok(());
        }
        let mut again = *data;
        data.array(|element| element.record::<T>().map(drop))?;
        again.array(|element| {
            let record = element.record()?;
            (self.sink)(Some(channel), message(record));
            Ok(())
        })
    }

    fn incremental<'a, 's, S: Source<'a, 's>>(&mut self, channel: &str, data: &mut S) -> Result<(), Wrong> {
        let ahead = *data;
        let change: TickerChange<'a> = data.record()?;
        if change.kind != Some("snapshot") {
            (self.sink)(Some(channel), Message::TickerChange(change));
            return Ok(());
        }
        let whole: Ticker<'a> = { ahead }.record()?;
        (self.sink)(Some(channel), Message::IncrementalTicker(whole));
        Ok(())
    }
}

/// When something about an account happened: the time that the data name, or the first of them.
fn time_of<'a, 's, S: Source<'a, 's>>(mut data: S) -> Result<Option<u64>, Wrong> {
    let mut object = Some(data);
    if data.kind() == Kind::Array {
        object = None;
        data.array(|element| {
            object.get_or_insert(*element);
            element.skip()
        })?;
    }
    let mut told = None;
    if let Some(mut object) = object.filter(|object| object.kind() == Kind::Object) {
        object.object(|key, value| {
            if matches!(key, "timestamp" | "last_update_timestamp") && value.kind() == Kind::Number {
                told = Some(time(&mut { *value })?);
            }
            value.skip()
        })?;
    }
    Ok(told)
}
