//! The futures' event texts, with the members in the venue's order.

use crate::binance::statistics::{Family, Row};
use crate::binance::text::{Clock, Places};
use crate::market::{AggregateTrade, Diff, Instrument, Side, Snapshot, Top, Trade};

/// Eight hours, in milliseconds.
const FUNDING_INTERVAL_MS: u64 = 8 * 3_600_000;
/// Prices have at least so many decimals.
const PRICE_PLACES_MIN: u32 = 2;

/// As many as tick and lot need.
pub(super) fn places(instrument: &Instrument) -> Places {
    let terms = instrument.terms;
    Places { price: Places::needed(terms.tick).max(PRICE_PLACES_MIN), quantity: Places::needed(terms.lot) }
}

/// A book down to `limit` levels a side: the answer to `depth`.
pub(super) fn snapshot(instrument: &Instrument, snapshot: &Snapshot, limit: usize, clock: Clock) -> String {
    let places = places(instrument);
    format!(
        r#"{{"lastUpdateId":{},"E":{now},"T":{now},"bids":{},"asks":{}}}"#,
        snapshot.last_id,
        places.levels(snapshot.book.all(Side::Bid).take(limit)),
        places.levels(snapshot.book.all(Side::Ask).take(limit)),
        now = clock.now()
    )
}

/// Writes with the fields of one time.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) family: Family,
}

impl Writer {
    fn has_new_fields(&self) -> bool {
        self.family == Family::Futures
    }

    /// A diff, or as much as its cadence shows of a book.
    fn depth(&self, instrument: &Instrument, diff: &Diff, levels: [String; 2], clock: Clock) -> String {
        let [bids, asks] = levels;
        format!(
            concat!(
                r#"{{"e":"depthUpdate","E":{now},"T":{now},{symbol},"U":{first},"u":{last},"pu":{previous},"#,
                r#""b":{bids},"a":{asks}{mark}}}"#
            ),
            now = clock.now(),
            symbol = self.family.symbol(&instrument.symbol),
            first = diff.first_id,
            last = diff.last_id,
            previous = diff.previous_id,
            bids = bids,
            asks = asks,
            mark = self.family.mark()
        )
    }

    pub(super) fn depth_update(&self, instrument: &Instrument, diff: &Diff, clock: Clock) -> String {
        let places = places(instrument);
        self.depth(instrument, diff, [&diff.bids, &diff.asks].map(|changes| places.changes(changes)), clock)
    }

    /// The best levels in the same shape as a diff.
    pub(super) fn partial_depth(
        &self,
        instrument: &Instrument,
        diff: &Diff,
        levels: usize,
        clock: Clock,
    ) -> String {
        let (places, book) = (places(instrument), &instrument.live().book);
        let best = [Side::Bid, Side::Ask].map(|side| places.levels(book.all(side).take(levels)));
        self.depth(instrument, diff, best, clock)
    }

    pub(super) fn book_ticker(
        &self,
        instrument: &Instrument,
        update_id: u64,
        top: &Top,
        clock: Clock,
    ) -> String {
        let places = places(instrument);
        format!(
            concat!(
                r#"{{"e":"bookTicker","u":{update_id},{symbol},"b":"{bid}","B":"{bids}","a":"{ask}","A":"{asks}","#,
                r#""T":{now},"E":{now}{mark}}}"#
            ),
            update_id = update_id,
            symbol = self.family.symbol(&instrument.symbol),
            bid = places.price(top.bid.0),
            bids = places.quantity(top.bid.1),
            ask = places.price(top.ask.0),
            asks = places.quantity(top.ask.1),
            now = clock.now(),
            mark = self.family.mark()
        )
    }

    pub(super) fn aggregate_trade(
        &self,
        instrument: &Instrument,
        aggregate: &AggregateTrade,
        buyer_is_maker: bool,
        clock: Clock,
    ) -> String {
        let places = places(instrument);
        let quantity = places.quantity(aggregate.quantity);
        let normal = if self.has_new_fields() { format!(r#""nq":"{quantity}","#) } else { String::new() };
        format!(
            concat!(
                r#"{{"e":"aggTrade","E":{now},"a":{id},"s":"{symbol}","p":"{price}","q":"{quantity}",{normal}"#,
                r#""f":{first},"l":{last},"T":{now},"m":{maker}{mark}}}"#
            ),
            now = clock.now(),
            id = aggregate.id,
            symbol = instrument.symbol,
            price = places.price(aggregate.price),
            quantity = quantity,
            normal = normal,
            first = aggregate.first_trade,
            last = aggregate.last_trade,
            maker = buyer_is_maker,
            mark = self.family.mark()
        )
    }

    pub(super) fn trade(
        &self,
        instrument: &Instrument,
        trade: &Trade,
        buyer_is_maker: bool,
        clock: Clock,
    ) -> String {
        let places = places(instrument);
        format!(
            concat!(
                r#"{{"e":"trade","E":{now},"T":{now},"s":"{symbol}","t":{id},"p":"{price}","q":"{quantity}","#,
                r#""X":"MARKET","m":{maker}{mark}}}"#
            ),
            now = clock.now(),
            symbol = instrument.symbol,
            id = trade.id,
            price = places.price(trade.price),
            quantity = places.quantity(trade.quantity),
            maker = buyer_is_maker,
            mark = self.family.mark()
        )
    }

    /// The mark price is the middle of the book here, and the index a little below.
    pub(super) fn mark(&self, instrument: &Instrument, clock: Clock) -> String {
        let price = instrument.top().middle();
        let average = format!(r#""ap":"{}","#, Places::FULL.price(price));
        let next_funding = (clock.now() / FUNDING_INTERVAL_MS + 1) * FUNDING_INTERVAL_MS;
        format!(
            concat!(
                r#"{{"e":"markPriceUpdate","E":{now},"s":"{symbol}","p":"{price}",{average}"P":"{price}","#,
                r#""i":"{index}","r":"0.00010000","T":{next_funding}{mark}}}"#
            ),
            now = clock.now(),
            symbol = instrument.symbol,
            price = Places::FULL.price(price),
            average = if self.has_new_fields() { average } else { String::new() },
            index = Places::FULL.price(price - price / 10_000),
            next_funding = next_funding,
            mark = self.family.mark()
        )
    }

    pub(super) fn liquidation(
        &self,
        row: &Row,
        trade: &AggregateTrade,
        bought: bool,
        clock: Clock,
    ) -> String {
        let places = row.places;
        let (symbol, price, quantity) =
            (&row.symbol, places.price(trade.price), places.quantity(trade.quantity));
        let side = if bought { "BUY" } else { "SELL" };
        let pair = symbol.split('_').next().unwrap_or_default();
        let tail = if self.has_new_fields() { format!(r#","ps":"{pair}","st":1"#) } else { String::new() };
        format!(
            concat!(
                r#"{{"e":"forceOrder","E":{now},"o":{{"s":"{symbol}","S":"{side}","o":"LIMIT","f":"IOC","#,
                r#""q":"{quantity}","p":"{price}","ap":"{price}","X":"FILLED","l":"{quantity}","z":"{quantity}","#,
                r#""T":{now}}}{tail}}}"#
            ),
            now = clock.now(),
            symbol = symbol,
            side = side,
            quantity = quantity,
            price = price,
            tail = tail
        )
    }
}
