//! Binance's messages as events that all venues share.

use super::{
    stream::interval_of,
    wire::{self, KlineCandle},
};
use crate::{
    decimal::Decimal,
    event::{Candle, CandleOf, Event, Fills, Index, Instrument, Liquidation, Mark, Quote, Ticker, Trade},
    level::{Level, Side},
};

pub(super) fn trade(instrument: Instrument, trade: &wire::Trade<'_>) -> Event<'static> {
    Event::Trade(Trade {
        instrument,
        id: trade.id,
        price: trade.price,
        quantity: trade.quantity,
        taker: taker(trade.buyer_is_maker),
        fills: None,
        venue_time_ns: trade.trade_time_ns,
        event_time_ns: trade.event_time_ns,
    })
}

pub(super) fn agg_trade(instrument: Instrument, trade: &wire::AggTrade<'_>) -> Event<'static> {
    Event::Trade(Trade {
        instrument,
        id: trade.id,
        price: trade.price,
        quantity: trade.quantity,
        taker: taker(trade.buyer_is_maker),
        fills: Some(Fills { first_id: trade.first_id, last_id: trade.last_id }),
        venue_time_ns: trade.trade_time_ns,
        event_time_ns: trade.event_time_ns,
    })
}

pub(super) fn block_trade(instrument: Instrument, trade: &wire::BlockTrade<'_>) -> Event<'static> {
    Event::Trade(Trade {
        instrument,
        id: trade.id,
        price: trade.price,
        quantity: trade.quantity,
        taker: taker(trade.buyer_is_maker),
        fills: None,
        venue_time_ns: trade.trade_time_ns,
        event_time_ns: trade.event_time_ns,
    })
}

fn taker(buyer_is_maker: bool) -> Side {
    if buyer_is_maker { Side::Ask } else { Side::Bid }
}

pub(super) fn quote(instrument: Instrument, ticker: &wire::BookTicker<'_>) -> Quote {
    Quote {
        instrument,
        update_id: Some(ticker.update_id),
        bid: level(ticker.bid_price, ticker.bid_quantity),
        ask: level(ticker.ask_price, ticker.ask_quantity),
        venue_time_ns: ticker.transaction_time_ns,
    }
}

/// A side without levels is quoted as quantity zero.
fn level(price: Decimal, quantity: Decimal) -> Option<Level> {
    (!quantity.is_zero()).then_some(Level { price, quantity })
}

pub(super) fn mini_ticker(instrument: Instrument, ticker: &wire::MiniTicker<'_>) -> Event<'static> {
    Event::Ticker(Ticker {
        instrument,
        last: Some(ticker.close),
        open: Some(ticker.open),
        high: Some(ticker.high),
        low: Some(ticker.low),
        volume: Some(ticker.volume),
        turnover: Some(ticker.turnover),
        bid: None,
        ask: None,
        mark: None,
        index: None,
        open_interest: None,
        venue_time_ns: ticker.event_time_ns,
    })
}

pub(super) fn ticker(instrument: Instrument, ticker: &wire::Ticker<'_>) -> Event<'static> {
    let side = |price: Option<_>, quantity: Option<_>| {
        let (price, quantity) = price.zip(quantity)?;
        level(price, quantity)
    };
    Event::Ticker(Ticker {
        instrument,
        last: Some(ticker.close),
        open: Some(ticker.open),
        high: Some(ticker.high),
        low: Some(ticker.low),
        volume: ticker.volume,
        turnover: ticker.turnover,
        bid: side(ticker.bid_price, ticker.bid_quantity),
        ask: side(ticker.ask_price, ticker.ask_quantity),
        mark: None,
        index: None,
        open_interest: None,
        venue_time_ns: ticker.event_time_ns,
    })
}

pub(super) fn mark(instrument: Instrument, mark: &wire::MarkPrice<'_>) -> Event<'static> {
    let funded = mark.next_funding_ns.filter(|time| *time > 0);
    Event::Mark(Mark {
        instrument,
        price: mark.price,
        index: mark.index,
        funding_rate: mark.funding_rate.filter(|_| funded.is_some()),
        next_funding_ns: funded,
        implied_volatility: None,
        venue_time_ns: mark.event_time_ns,
    })
}

pub(super) fn option_mark(instrument: Instrument, mark: &wire::OptionMarkPrice<'_>) -> Event<'static> {
    Event::Mark(Mark {
        instrument,
        price: mark.price,
        index: mark.index,
        funding_rate: None,
        next_funding_ns: None,
        implied_volatility: mark.volatility,
        venue_time_ns: mark.event_time_ns,
    })
}

pub(super) fn index(instrument: Instrument, price: Decimal, venue_time_ns: u64) -> Event<'static> {
    Event::Index(Index { instrument, price, venue_time_ns })
}

/// `None` for a candle of a length that is not documented.
pub(super) fn candle(
    instrument: Instrument,
    of: CandleOf,
    candle: &KlineCandle<'_>,
    venue_time_ns: u64,
) -> Option<Event<'static>> {
    let trades = of == CandleOf::Trades;
    Some(Event::Candle(Candle {
        instrument,
        of,
        interval: interval_of(candle.interval)?,
        open_time_ns: candle.open_time_ns,
        close_time_ns: Some(candle.close_time_ns),
        open: candle.open,
        high: candle.high,
        low: candle.low,
        close: candle.close,
        volume: trades.then_some(candle.volume),
        turnover: trades.then_some(candle.turnover),
        trades: trades.then_some(candle.trades),
        closed: Some(candle.closed),
        venue_time_ns: Some(venue_time_ns),
    }))
}

/// `None` for a side that is neither `BUY` nor `SELL`.
pub(super) fn liquidation(
    instrument: Instrument,
    order: &wire::LiquidationOrder<'_>,
) -> Option<Event<'static>> {
    let side = match order.side {
        "BUY" => Side::Bid,
        "SELL" => Side::Ask,
        _ => return None,
    };
    Some(Event::Liquidation(Liquidation {
        instrument,
        side,
        price: order.price,
        average_price: order.average_price,
        quantity: order.quantity,
        filled: order.filled,
        venue_time_ns: order.trade_time_ns,
    }))
}
