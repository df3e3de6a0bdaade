//! Binary frames against a naive reading by the offsets of the schema.

use tickwire_venue::binance::sbe::{self, Message};
use tickwire_venue::{Decimal, Level};

pub fn sbe(frame: &[u8]) {
    let decoded = sbe::decode(frame);
    assert_eq!(decoded.as_ref().ok().map(told), read(frame), "{decoded:?}");
    if decoded.is_ok_and(|message| !matches!(message, Message::Other { .. })) {
        for length in 0..frame.len() {
            assert!(sbe::decode(&frame[..length]).is_err(), "{length} bytes are enough");
        }
    }
}

/// A message as text, one fact after the other.
fn told(message: &Message<'_>) -> Vec<String> {
    match message {
        Message::Trades(message) => {
            let mut told = vec![message.event_time_ns.to_string(), message.trade_time_ns.to_string()];
            for trade in message.trades.clone() {
                let maker = u8::from(trade.buyer_is_maker);
                told.push(format!("{} {} {} {maker}", trade.id, trade.price, trade.quantity));
            }
            told.push(message.symbol.to_owned());
            told
        }
        Message::BestBidAsk(message) => {
            let mut told = vec![message.event_time_ns.to_string(), message.update_id.to_string()];
            told.extend([message.bid, message.ask].map(|side| side.map_or("none".to_owned(), level)));
            told.push(message.symbol.to_owned());
            told
        }
        Message::DepthSnapshot(message) => {
            let mut told = vec![message.event_time_ns.to_string(), message.update_id.to_string()];
            told.extend(message.bids.clone().map(level));
            told.push("asks".to_owned());
            told.extend(message.asks.clone().map(level));
            told.push(message.symbol.to_owned());
            told
        }
        Message::DepthDiff(message) => {
            let ids = format!("{} {}", message.first_id, message.last_id);
            let mut told = vec![message.event_time_ns.to_string(), ids];
            told.extend(message.bids.clone().map(level));
            told.push("asks".to_owned());
            told.extend(message.asks.clone().map(level));
            told.push(message.symbol.to_owned());
            told
        }
        Message::Other { template_id } => vec![format!("other {template_id}")],
        other => panic!("unknown message {other:?}"),
    }
}

fn level(level: Level) -> String {
    format!("{} {}", level.price, level.quantity)
}

/// The same facts, each taken from where the schema has it; nothing where one is wrong.
fn read(frame: &[u8]) -> Option<Vec<String>> {
    let length = usize::try_from(unsigned(frame, 0, 2)?).ok()?;
    let template = unsigned(frame, 2, 2)?;
    unsigned(frame, 6, 2)?;
    if unsigned(frame, 4, 2)? != 1 {
        return None;
    }
    let least = match template {
        10_000 | 10_002 => 18,
        10_001 => 50,
        10_003 => 26,
        other => return Some(vec![format!("other {other}")]),
    };
    let root = frame.get(8..8 + length).filter(|root| root.len() >= least)?;
    let rest = &frame[8 + length..];
    let mut told = vec![time(root, 0)?];
    let rest = match template {
        10_000 => {
            told.push(time(root, 8)?);
            let trade = |entry: &[u8]| {
                let maker = unsigned(entry, 24, 1).filter(|maker| *maker < 2)?;
                Some(format!("{} {} {maker}", id(entry, 0)?, pair(entry, 8, root, 16)?))
            };
            group(rest, 4, 25, trade, &mut told)?
        }
        10_001 => {
            told.push(id(root, 8)?.to_string());
            for at in [18, 34] {
                let nulls = [at, at + 8].map(|at| signed(root, at) == Some(i64::MIN));
                told.push(if nulls == [true, true] { "none".to_owned() } else { pair(root, at, root, 16)? });
            }
            rest
        }
        _ => {
            let exponents = if template == 10_002 {
                told.push(id(root, 8)?.to_string());
                16
            } else {
                let (first, last) = (id(root, 8)?, id(root, 16)?);
                told.push(format!("{first} {last}"));
                (first <= last).then_some(24)?
            };
            let level = |entry: &[u8]| pair(entry, 0, root, exponents);
            let rest = group(rest, 2, 16, level, &mut told)?;
            told.push("asks".to_owned());
            group(rest, 2, 16, level, &mut told)?
        }
    };
    let (length, symbol) = rest.split_first()?;
    told.push(
        std::str::from_utf8(symbol).ok().filter(|symbol| symbol.len() == usize::from(*length))?.to_owned(),
    );
    Some(told)
}

/// Tells each entry of a group whose count has `width` bytes, and gives what follows the group.
fn group<'a>(
    bytes: &'a [u8],
    width: usize,
    least: usize,
    tell: impl Fn(&[u8]) -> Option<String>,
    told: &mut Vec<String>,
) -> Option<&'a [u8]> {
    let length = usize::try_from(unsigned(bytes, 0, 2)?).ok()?;
    let count = unsigned(bytes, 2, width)?;
    let mut rest = &bytes[2 + width..];
    for _ in 0..count {
        told.push(tell(rest.get(..length).filter(|entry| entry.len() >= least)?)?);
        rest = &rest[length..];
    }
    Some(rest)
}

fn unsigned(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    Some(bytes.get(at..at + width)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn signed(bytes: &[u8], at: usize) -> Option<i64> {
    unsigned(bytes, at, 8).map(u64::cast_signed)
}

fn id(bytes: &[u8], at: usize) -> Option<i64> {
    signed(bytes, at).filter(|id| *id >= 0)
}

/// Microseconds are three digits short of nanoseconds, which 64 bits have to hold.
fn time(bytes: &[u8], at: usize) -> Option<String> {
    let nanoseconds = i128::from(id(bytes, at)?) * 1000;
    (nanoseconds <= i128::from(u64::MAX)).then(|| nanoseconds.to_string())
}

/// A price and a quantity, with their exponents at `exponents` of the root block, as decimal texts are read.
fn pair(bytes: &[u8], at: usize, root: &[u8], exponents: usize) -> Option<String> {
    let number = |which: usize| {
        let mantissa = id(bytes, at + 8 * which)?;
        let exponent = root.get(exponents + which)?.cast_signed();
        format!("{mantissa}e{exponent}").parse::<Decimal>().ok()
    };
    Some(format!("{} {}", number(0)?, number(1)?))
}
