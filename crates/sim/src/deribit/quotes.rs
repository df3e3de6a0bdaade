//! Everything about an instrument that is no book: trades, tickers, quotes, candles, indexes.

use super::fields::{Fields, Item};
use super::names::{Kind, base};
use super::number::{Number, Spelling};
use crate::market::{Candle, Instrument, Market, ONE, Tally, TickDirection, Top, Trade};

/// Basis points of the mark price that a price may lie away from it.
const BAND: u64 = 150;
/// Decimals of rates.
const RATE_DECIMALS: u32 = 18;

/// A trade with what is told of it besides.
#[derive(Clone, Debug)]
pub(super) struct Fill {
    pub(super) trade: Trade,
    pub(super) direction: TickDirection,
    pub(super) taker_sold: bool,
    pub(super) unix_ms: u64,
}

/// Where an instrument's prices stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    /// The middle of its own book.
    mark: u64,
    /// That of the perpetual of the same base.
    pub(super) index: u64,
}

impl Marks {
    pub(super) fn of(instrument: &Instrument, market: &Market) -> Self {
        let perpetual = market.find(&format!("{}-PERPETUAL", base(&instrument.symbol)));
        let below = perpetual.and_then(|at| market.instrument(at)).unwrap_or(instrument);
        // A little below the best bid, so that rates are small and never zero.
        let index = below.top().bid.0;
        Self { mark: instrument.top().middle(), index: index - index / 10_007 }
    }

    /// The distance of mark and index as a rate, with all the digits of one.
    fn rate(self) -> Number {
        let scale = i128::from(ONE) * i128::from(ONE) * 100;
        let rate = (i128::from(self.mark) - i128::from(self.index)) * scale / i128::from(self.index.max(1));
        Number::new(i64::try_from(rate).unwrap_or_default(), RATE_DECIMALS)
    }
}

/// The members of `ticker`, the same in each state of an instrument.
pub(super) fn ticker(
    instrument: &Instrument,
    tally: &Tally,
    marks: Marks,
    state: &str,
    unix_ms: u64,
) -> Fields {
    let (day, Top { bid, ask }) = (&tally.day, instrument.top());
    let kind = Kind::of(&instrument.symbol);
    let band = marks.mark / 10_000 * BAND;
    let last = if day.trades == 0 { Item::Null } else { Item::of(day.close) };
    let mut members = vec![
        ("timestamp", Item::Integer(unix_ms)),
        ("state", Item::Text(state.to_owned())),
        ("stats", Item::Group(stats(day))),
        ("index_price", Item::of(marks.index)),
        ("instrument_name", Item::Text(instrument.symbol.clone())),
        ("last_price", last),
        ("settlement_price", Item::of(instrument.terms.start)),
        ("min_price", Item::of(marks.mark.saturating_sub(band))),
        ("max_price", Item::of(marks.mark.saturating_add(band))),
        ("open_interest", Item::of(day.volume.saturating_add(instrument.terms.lot * 1_000_000))),
        ("mark_price", Item::of(marks.mark)),
        ("best_bid_price", Item::of(bid.0)),
        ("best_bid_amount", Item::of(bid.1)),
        ("best_ask_price", Item::of(ask.0)),
        ("best_ask_amount", Item::of(ask.1)),
        ("estimated_delivery_price", Item::of(marks.index)),
    ];
    match kind {
        Kind::Perpetual => members.extend([
            ("current_funding", Item::Number(Number::new(0, 0))),
            ("funding_8h", Item::Number(marks.rate())),
            ("interest_value", Item::Number(marks.rate())),
        ]),
        Kind::Option => members.extend(option(marks)),
        Kind::Future | Kind::Spot => {}
    }
    Fields(members)
}

fn stats(day: &Candle) -> Fields {
    let traded = |item: Item| if day.trades == 0 { Item::Null } else { item };
    let change = (i128::from(day.close) - i128::from(day.open)) * 1_000_000 / i128::from(day.open.max(1));
    let change = Number::new(i64::try_from(change).unwrap_or_default(), 4);
    Fields(vec![
        ("high", traded(Item::of(day.high))),
        ("low", traded(Item::of(day.low))),
        ("price_change", traded(Item::Number(change))),
        ("volume", Item::of(base_amount(day.volume, day.close))),
        ("volume_usd", Item::of(day.volume)),
    ])
}

/// An amount of dollars in what is traded.
fn base_amount(amount: u64, price: u64) -> u64 {
    let amount = u128::from(amount) * u128::from(ONE) / u128::from(price.max(1));
    u64::try_from(amount).unwrap_or(u64::MAX)
}

/// Volatilities and sensitivities, invented but for the underlying price.
fn option(marks: Marks) -> [(&'static str, Item); 7] {
    let number = |digits, decimals| Item::Number(Number::new(digits, decimals));
    let greeks = Fields(vec![
        ("delta", number(82_955, 5)),
        ("gamma", number(27, 5)),
        ("vega", number(142_673, 5)),
        ("theta", number(-26_054, 4)),
        ("rho", number(88_581, 5)),
    ]);
    [
        ("mark_iv", number(7_172, 2)),
        ("bid_iv", number(0, 0)),
        ("ask_iv", number(10_001, 2)),
        ("underlying_price", Item::of(marks.index)),
        ("underlying_index", Item::Text("index_price".to_owned())),
        ("interest_rate", number(0, 0)),
        ("greeks", Item::Group(greeks)),
    ]
}

pub(super) fn quote(instrument: &Instrument, top: &Top, spelling: Spelling, unix_ms: u64) -> String {
    let members = vec![
        ("timestamp", Item::Integer(unix_ms)),
        ("instrument_name", Item::Text(instrument.symbol.clone())),
        ("best_bid_price", Item::of(top.bid.0)),
        ("best_bid_amount", Item::of(top.bid.1)),
        ("best_ask_price", Item::of(top.ask.0)),
        ("best_ask_amount", Item::of(top.ask.1)),
    ];
    Fields(members).write(spelling)
}

pub(super) fn perpetual(marks: Marks, spelling: Spelling, unix_ms: u64) -> String {
    let members = vec![
        ("timestamp", Item::Integer(unix_ms)),
        ("interest", Item::Number(marks.rate())),
        ("index_price", Item::of(marks.index)),
    ];
    Fields(members).write(spelling)
}

pub(super) fn index(name: &str, marks: Marks, spelling: Spelling, unix_ms: u64) -> String {
    let members = vec![
        ("timestamp", Item::Integer(unix_ms)),
        ("price", Item::of(marks.index)),
        ("index_name", Item::Text(name.to_owned())),
    ];
    Fields(members).write(spelling)
}

pub(super) fn candle(candle: &Candle, spelling: Spelling) -> String {
    let members = vec![
        ("volume", Item::of(base_amount(candle.volume, candle.close))),
        ("tick", Item::Integer(candle.opened_ms)),
        ("open", Item::of(candle.open)),
        ("low", Item::of(candle.low)),
        ("high", Item::of(candle.high)),
        ("cost", Item::of(candle.volume)),
        ("close", Item::of(candle.close)),
    ];
    Fields(members).write(spelling)
}

/// A list of trades.
pub(super) fn trades(instrument: &Instrument, fills: &[Fill], marks: Marks, spelling: Spelling) -> String {
    let all: Vec<_> = fills.iter().map(|fill| trade(instrument, fill, marks).write(spelling)).collect();
    format!("[{}]", all.join(","))
}

fn trade(instrument: &Instrument, fill: &Fill, marks: Marks) -> Fields {
    let direction = match fill.direction {
        TickDirection::Plus => 0,
        TickDirection::ZeroPlus => 1,
        TickDirection::Minus => 2,
        TickDirection::ZeroMinus => 3,
    };
    let contracts = fill.trade.quantity / instrument.terms.lot.max(1);
    let mut members = vec![
        ("timestamp", Item::Integer(fill.unix_ms)),
        ("price", Item::of(fill.trade.price)),
        ("amount", Item::of(fill.trade.quantity)),
        ("direction", Item::Text(if fill.taker_sold { "sell" } else { "buy" }.to_owned())),
        ("index_price", Item::of(marks.index)),
        ("instrument_name", Item::Text(instrument.symbol.clone())),
        ("trade_seq", Item::Integer(fill.trade.id)),
        ("mark_price", Item::of(marks.mark)),
        ("tick_direction", Item::Integer(direction)),
        ("trade_id", Item::Text(fill.trade.id.to_string())),
        ("contracts", Item::Number(Number::new(i64::try_from(contracts).unwrap_or_default(), 0))),
    ];
    if Kind::of(&instrument.symbol) == Kind::Option {
        members.push(("iv", Item::Number(Number::new(7_172, 2))));
    }
    Fields(members)
}
