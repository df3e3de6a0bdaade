//! A frame to a message: the layout of each template.

use crate::level::Level;

use super::{
    error::Error,
    group::{ASKS, BIDS, Entries, LevelNames, Levels, TradeEntries},
    message::{BestBidAsk, DepthDiff, DepthSnapshot, Message, Trades},
    reader::Reader,
    schema::{BEST_BID_ASK, DEPTH_DIFF, DEPTH_SNAPSHOT, NULL, SCHEMA_ID, TRADES},
    value::{self, Exponents},
};

/// Types one binary frame.
///
/// # Errors
/// [`Error`] for a frame that is not one whole message of the market data schema, or holds a number that is null,
/// negative or out of range.
pub fn decode(frame: &[u8]) -> Result<Message<'_>, Error> {
    let mut frame = Reader::new(frame);
    let (Some(block_length), Some(template_id), Some(schema_id), Some(_version)) =
        (frame.u16(), frame.u16(), frame.u16(), frame.u16())
    else {
        return Err(Error::Truncated("the header"));
    };
    if schema_id != SCHEMA_ID {
        return Err(Error::UnknownSchema(schema_id));
    }
    match template_id {
        TRADES => trades(frame, block_length).map(Message::Trades),
        BEST_BID_ASK => best_bid_ask(frame, block_length).map(Message::BestBidAsk),
        DEPTH_SNAPSHOT => depth_snapshot(frame, block_length).map(Message::DepthSnapshot),
        DEPTH_DIFF => depth_diff(frame, block_length).map(Message::DepthDiff),
        template_id => Ok(Message::Other { template_id }),
    }
}

fn trades(mut frame: Reader<'_>, block_length: u16) -> Result<Trades<'_>, Error> {
    let (event_time, transact_time, exponents) =
        root(&mut frame, block_length, "TradesStreamEvent", |root| {
            Some((root.i64()?, root.i64()?, exponents(root)?))
        })?;
    let length = frame.u16().ok_or(Error::Truncated("trades"))?;
    let count = frame.u32().ok_or(Error::Truncated("trades"))?;
    let entries = entries(&mut frame, length, count, "trades")?;
    Ok(Trades {
        event_time_ns: value::time_ns(event_time, "eventTime")?,
        trade_time_ns: value::time_ns(transact_time, "transactTime")?,
        trades: TradeEntries::new(entries, exponents)?,
        symbol: symbol(frame)?,
    })
}

fn best_bid_ask(mut frame: Reader<'_>, block_length: u16) -> Result<BestBidAsk<'_>, Error> {
    let (event_time, update_id, exponents, bid, ask) =
        root(&mut frame, block_length, "BestBidAskStreamEvent", |root| {
            let (event_time, update_id, exponents) = (root.i64()?, root.i64()?, exponents(root)?);
            Some((event_time, update_id, exponents, (root.i64()?, root.i64()?), (root.i64()?, root.i64()?)))
        })?;
    Ok(BestBidAsk {
        event_time_ns: value::time_ns(event_time, "eventTime")?,
        update_id: value::natural(update_id, "bookUpdateId")?,
        bid: best(bid, exponents, ("bidPrice", "bidQty"))?,
        ask: best(ask, exponents, ("askPrice", "askQty"))?,
        symbol: symbol(frame)?,
    })
}

fn depth_snapshot(mut frame: Reader<'_>, block_length: u16) -> Result<DepthSnapshot<'_>, Error> {
    let (event_time, update_id, exponents) =
        root(&mut frame, block_length, "DepthSnapshotStreamEvent", |root| {
            Some((root.i64()?, root.i64()?, exponents(root)?))
        })?;
    Ok(DepthSnapshot {
        event_time_ns: value::time_ns(event_time, "eventTime")?,
        update_id: value::natural(update_id, "bookUpdateId")?,
        bids: levels(&mut frame, exponents, &BIDS)?,
        asks: levels(&mut frame, exponents, &ASKS)?,
        symbol: symbol(frame)?,
    })
}

fn depth_diff(mut frame: Reader<'_>, block_length: u16) -> Result<DepthDiff<'_>, Error> {
    let (event_time, first_id, last_id, exponents) =
        root(&mut frame, block_length, "DepthDiffStreamEvent", |root| {
            Some((root.i64()?, root.i64()?, root.i64()?, exponents(root)?))
        })?;
    let first_id = value::natural(first_id, "firstBookUpdateId")?;
    let last_id = value::natural(last_id, "lastBookUpdateId")?;
    if first_id > last_id {
        return Err(Error::Backwards { first_id, last_id });
    }
    Ok(DepthDiff {
        event_time_ns: value::time_ns(event_time, "eventTime")?,
        first_id,
        last_id,
        bids: levels(&mut frame, exponents, &BIDS)?,
        asks: levels(&mut frame, exponents, &ASKS)?,
        symbol: symbol(frame)?,
    })
}

/// Reads the known fields of a root block and passes what was appended to them.
fn root<'a, T>(
    frame: &mut Reader<'a>,
    length: u16,
    part: &'static str,
    read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
) -> Result<T, Error> {
    let block = frame.bytes(length.into()).ok_or(Error::Truncated(part))?;
    read(&mut Reader::new(block)).ok_or(Error::BlockTooShort { part, length })
}

fn exponents(root: &mut Reader<'_>) -> Option<Exponents> {
    Some(Exponents { price: root.i8()?, quantity: root.i8()? })
}

fn best(
    (price, quantity): (i64, i64),
    exponents: Exponents,
    (price_name, quantity_name): (&'static str, &'static str),
) -> Result<Option<Level>, Error> {
    if price == NULL && quantity == NULL {
        return Ok(None);
    }
    Ok(Some(Level {
        price: value::decimal(price, exponents.price, price_name)?,
        quantity: value::decimal(quantity, exponents.quantity, quantity_name)?,
    }))
}

fn levels<'a>(
    frame: &mut Reader<'a>,
    exponents: Exponents,
    names: &'static LevelNames,
) -> Result<Levels<'a>, Error> {
    let length = frame.u16().ok_or(Error::Truncated(names.group))?;
    let count = frame.u16().ok_or(Error::Truncated(names.group))?;
    let entries = entries(frame, length, count.into(), names.group)?;
    Levels::new(entries, exponents, names)
}

/// Where the entries of a group lie. An empty group may give them any length, as none is read.
fn entries<'a>(
    frame: &mut Reader<'a>,
    length: u16,
    count: u32,
    part: &'static str,
) -> Result<Entries<'a>, Error> {
    if length == 0 && count > 0 {
        return Err(Error::BlockTooShort { part, length });
    }
    let bytes = usize::try_from(u64::from(length) * u64::from(count)).ok();
    let bytes = bytes.and_then(|count| frame.bytes(count)).ok_or(Error::Truncated(part))?;
    Ok(bytes.chunks_exact(usize::from(length).max(1)))
}

/// The symbol, with which every message ends.
fn symbol<'a>(mut frame: Reader<'a>) -> Result<&'a str, Error> {
    let length = frame.u8().ok_or(Error::Truncated("symbol"))?;
    let symbol = frame.bytes(length.into()).ok_or(Error::Truncated("symbol"))?;
    match frame.rest() {
        [] => std::str::from_utf8(symbol).map_err(|_| Error::SymbolNotUtf8),
        rest => Err(Error::Trailing { bytes: rest.len() }),
    }
}
