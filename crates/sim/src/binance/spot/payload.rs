//! Spot's event texts, with the members in the venue's order.

use crate::binance::statistics::Row;
use crate::binance::text::{Clock, Places};
use crate::market::{AggregateTrade, Diff, Side, Snapshot, Top, Trade};

const PLACES: Places = Places::FULL;

pub(super) fn trade(symbol: &str, trade: &Trade, buyer_is_maker: bool, clock: Clock) -> String {
    format!(
        concat!(
            r#"{{"e":"trade","E":{now},"s":"{symbol}","t":{id},"p":"{price}","q":"{quantity}","#,
            r#""T":{now},"m":{maker},"M":true}}"#
        ),
        now = clock.now(),
        symbol = symbol,
        id = trade.id,
        price = PLACES.price(trade.price),
        quantity = PLACES.quantity(trade.quantity),
        maker = buyer_is_maker
    )
}

pub(super) fn aggregate_trade(
    symbol: &str,
    aggregate: &AggregateTrade,
    buyer_is_maker: bool,
    clock: Clock,
) -> String {
    format!(
        concat!(
            r#"{{"e":"aggTrade","E":{now},"s":"{symbol}","a":{id},"p":"{price}","q":"{quantity}","#,
            r#""f":{first},"l":{last},"T":{now},"m":{maker},"M":true}}"#
        ),
        now = clock.now(),
        symbol = symbol,
        id = aggregate.id,
        price = PLACES.price(aggregate.price),
        quantity = PLACES.quantity(aggregate.quantity),
        first = aggregate.first_trade,
        last = aggregate.last_trade,
        maker = buyer_is_maker
    )
}

pub(super) fn book_ticker(symbol: &str, update_id: u64, top: &Top) -> String {
    format!(
        r#"{{"u":{update_id},"s":"{symbol}","b":"{}","B":"{}","a":"{}","A":"{}"}}"#,
        PLACES.price(top.bid.0),
        PLACES.quantity(top.bid.1),
        PLACES.price(top.ask.0),
        PLACES.quantity(top.ask.1)
    )
}

pub(super) fn depth_update(symbol: &str, diff: &Diff, clock: Clock) -> String {
    format!(
        r#"{{"e":"depthUpdate","E":{},"s":"{symbol}","U":{},"u":{},"b":{},"a":{}}}"#,
        clock.now(),
        diff.first_id,
        diff.last_id,
        PLACES.changes(&diff.bids),
        PLACES.changes(&diff.asks)
    )
}

/// A book down to `limit` levels a side: partial depth and the answer to `depth`.
pub(super) fn snapshot(snapshot: &Snapshot, limit: usize) -> String {
    format!(
        r#"{{"lastUpdateId":{},"bids":{},"asks":{}}}"#,
        snapshot.last_id,
        PLACES.levels(snapshot.book.all(Side::Bid).take(limit)),
        PLACES.levels(snapshot.book.all(Side::Ask).take(limit))
    )
}

/// The mean price, here since the market began.
pub(super) fn average(row: &Row, clock: Clock) -> String {
    format!(
        r#"{{"e":"avgPrice","E":{now},"s":"{}","i":"5m","w":"{}","T":{now}}}"#,
        row.symbol,
        PLACES.price(row.tally.day.mean()),
        now = clock.now()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
