//! Deribit's messages as events that all venues share.

use super::{channel::candle_seconds, tickers::standing, wire};
use crate::{
    decimal::Decimal,
    event::{Candle, CandleOf, Event, Funding, Index, Instrument, Interval, Mark, Quote, Snapshot, Trade},
    level::Side,
};

/// `None` for a direction that is not known.
pub(super) fn trade(instrument: Instrument, trade: &wire::Trade<'_>) -> Option<Event<'static>> {
    let taker = match trade.direction {
        "buy" => Side::Bid,
        "sell" => Side::Ask,
        _ => return None,
    };
    Some(Event::Trade(Trade {
        instrument,
        id: trade.sequence,
        price: trade.price,
        quantity: trade.amount,
        taker,
        fills: None,
        venue_time_ns: trade.time_ns,
        event_time_ns: trade.time_ns,
    }))
}

pub(super) fn quote(instrument: Instrument, quote: &wire::Quote<'_>) -> Event<'static> {
    Event::Quote(Quote {
        instrument,
        update_id: None,
        bid: standing(quote.bid_price, quote.bid_amount),
        ask: standing(quote.ask_price, quote.ask_amount),
        venue_time_ns: Some(quote.time_ns),
    })
}

/// The best levels, which are lent later.
pub(super) fn picture(instrument: Instrument, book: &wire::GroupedBook<'_>) -> Event<'static> {
    Event::Snapshot(Snapshot {
        instrument,
        update_id: book.change_id,
        bids: &[],
        asks: &[],
        partial: true,
        venue_time_ns: Some(book.time_ns),
    })
}

/// `None` where the rate is not told.
pub(super) fn funding(instrument: Instrument, told: &wire::Perpetual) -> Option<Event<'static>> {
    let (index, venue_time_ns) = (told.index_price, told.time_ns);
    Some(Event::Funding(Funding { instrument, rate: told.interest?, index, venue_time_ns }))
}

pub(super) fn index(instrument: Instrument, price: Decimal, venue_time_ns: u64) -> Event<'static> {
    Event::Index(Index { instrument, price, venue_time_ns })
}

/// `None` for a length that is not known.
pub(super) fn candle(instrument: Instrument, channel: &str, candle: &wire::Candle) -> Option<Event<'static>> {
    Some(Event::Candle(Candle {
        instrument,
        of: CandleOf::Trades,
        interval: Interval::Seconds(candle_seconds(channel)?),
        open_time_ns: candle.open_time_ns,
        close_time_ns: None,
        open: candle.open,
        high: candle.high,
        low: candle.low,
        close: candle.close,
        volume: candle.volume,
        turnover: candle.cost,
        trades: None,
        closed: None,
        venue_time_ns: None,
    }))
}

pub(super) fn option_mark(
    instrument: Instrument,
    mark: &wire::OptionMark<'_>,
    venue_time_ns: u64,
) -> Event<'static> {
    Event::Mark(Mark {
        instrument,
        price: mark.price,
        index: None,
        funding_rate: None,
        next_funding_ns: None,
        implied_volatility: mark.volatility,
        venue_time_ns,
    })
}
