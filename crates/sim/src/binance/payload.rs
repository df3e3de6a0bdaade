//! Event texts, with the members in the venue's order.

use std::fmt;

use crate::book::{Diff, Level, Side};
use crate::market::{AggregateTrade, Snapshot, Top, Trade};

/// A number of 0.00000001, written with all eight decimals.
struct Decimal(u64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:08}", self.0 / 100_000_000, self.0 % 100_000_000)
    }
}

/// `[["price","quantity"],…]`.
struct Levels<'a>(&'a [Level]);

impl fmt::Display for Levels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, &(price, quantity)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}[\"{}\",\"{}\"]", Decimal(price), Decimal(quantity))?;
        }
        f.write_str("]")
    }
}

/// `{"stream":…,"data":…}` of a combined connection. Stream names need no escaping.
pub(crate) fn combined(stream: &str, payload: &str) -> String {
    format!(r#"{{"stream":"{stream}","data":{payload}}}"#)
}

pub(crate) fn trade(symbol: &str, trade: &Trade, buyer_is_maker: bool, unix_ms: u64) -> String {
    let (price, quantity) = (Decimal(trade.price), Decimal(trade.quantity));
    format!(
        concat!(
            r#"{{"e":"trade","E":{ms},"s":"{symbol}","t":{id},"p":"{price}","q":"{quantity}","#,
            r#""T":{ms},"m":{maker},"M":true}}"#
        ),
        ms = unix_ms,
        symbol = symbol,
        id = trade.id,
        price = price,
        quantity = quantity,
        maker = buyer_is_maker
    )
}

pub(crate) fn aggregate_trade(
    symbol: &str,
    aggregate: &AggregateTrade,
    buyer_is_maker: bool,
    unix_ms: u64,
) -> String {
    format!(
        concat!(
            r#"{{"e":"aggTrade","E":{ms},"s":"{symbol}","a":{id},"p":"{price}","q":"{quantity}","#,
            r#""f":{first},"l":{last},"T":{ms},"m":{maker},"M":true}}"#
        ),
        ms = unix_ms,
        symbol = symbol,
        id = aggregate.id,
        price = Decimal(aggregate.price),
        quantity = Decimal(aggregate.quantity),
        first = aggregate.first_trade,
        last = aggregate.last_trade,
        maker = buyer_is_maker
    )
}

pub(crate) fn book_ticker(symbol: &str, update_id: u64, top: &Top) -> String {
    format!(
        r#"{{"u":{update_id},"s":"{symbol}","b":"{}","B":"{}","a":"{}","A":"{}"}}"#,
        Decimal(top.bid.0),
        Decimal(top.bid.1),
        Decimal(top.ask.0),
        Decimal(top.ask.1)
    )
}

pub(crate) fn depth_update(symbol: &str, diff: &Diff, unix_ms: u64) -> String {
    format!(
        r#"{{"e":"depthUpdate","E":{unix_ms},"s":"{symbol}","U":{},"u":{},"b":{},"a":{}}}"#,
        diff.first_id,
        diff.last_id,
        Levels(&diff.bids),
        Levels(&diff.asks)
    )
}

/// A book down to `limit` levels a side: partial depth and the answer to `depth`.
pub(crate) fn snapshot(snapshot: &Snapshot, limit: usize) -> String {
    format!(
        r#"{{"lastUpdateId":{},"bids":{},"asks":{}}}"#,
        snapshot.last_id,
        Levels(&snapshot.book.top(Side::Bid, limit)),
        Levels(&snapshot.book.top(Side::Ask, limit))
    )
}

/// The notice of a coming disconnect.
pub(crate) fn server_shutdown(unix_ms: u64) -> String {
    format!(r#"{{"e":"serverShutdown","E":{unix_ms}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_eight_places() {
        assert_eq!(Decimal(0).to_string(), "0.00000000");
        assert_eq!(Decimal(1).to_string(), "0.00000001");
        assert_eq!(Decimal(9_125_012_000_000).to_string(), "91250.12000000");
    }

    #[test]
    fn a_book_ticker_reads_like_the_documented_example() {
        let top = Top { bid: (2_535_190_000, 3_121_000_000), ask: (2_536_520_000, 4_066_000_000) };
        let expected = concat!(
            r#"{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","#,
            r#""a":"25.36520000","A":"40.66000000"}"#
        );
        assert_eq!(book_ticker("BNBUSDT", 400_900_217, &top), expected);
    }
}
