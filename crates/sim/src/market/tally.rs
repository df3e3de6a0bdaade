//! What is told of a symbol's trades in sums: candles, the day so far, the direction of the last tick.

use super::ONE;
use super::walk::Step;

/// All trades of a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Candle {
    /// Beginning of the span, milliseconds since 1970.
    pub(crate) opened_ms: u64,
    pub(crate) open: u64,
    pub(crate) high: u64,
    pub(crate) low: u64,
    pub(crate) close: u64,
    pub(crate) volume: u64,
    /// Sum of price times quantity; sums stay at the largest number.
    pub(crate) turnover: u64,
    /// The part of both sums whose taker bought.
    pub(crate) bought_volume: u64,
    pub(crate) bought_turnover: u64,
    /// Ids of the first and the last trade; without a trade both 0.
    pub(crate) first_trade: u64,
    pub(crate) last_trade: u64,
    pub(crate) trades: u64,
}

impl Candle {
    /// One without trades, at the price before it.
    pub(crate) fn flat(opened_ms: u64, price: u64) -> Self {
        Self { opened_ms, open: price, high: price, low: price, close: price, ..Self::default() }
    }

    /// Adds the trades of an event.
    fn add(&mut self, step: &Step) {
        for trade in &step.trades {
            let turnover = product(trade.price, trade.quantity);
            if self.trades == 0 {
                *self = Self { first_trade: trade.id, ..Self::flat(self.opened_ms, trade.price) };
            }
            self.high = self.high.max(trade.price);
            self.low = self.low.min(trade.price);
            self.close = trade.price;
            self.volume = self.volume.saturating_add(trade.quantity);
            self.turnover = self.turnover.saturating_add(turnover);
            if !step.buyer_is_maker {
                self.bought_volume = self.bought_volume.saturating_add(trade.quantity);
                self.bought_turnover = self.bought_turnover.saturating_add(turnover);
            }
            self.last_trade = trade.id;
            self.trades += 1;
        }
    }

    /// The mean price, weighted by quantity.
    pub(crate) fn mean(&self) -> u64 {
        let mean = u128::from(self.turnover) * u128::from(ONE) / u128::from(self.volume.max(1));
        if self.volume == 0 { self.close } else { u64::try_from(mean).unwrap_or(u64::MAX) }
    }
}

fn product(price: u64, quantity: u64) -> u64 {
    u64::try_from(u128::from(price) * u128::from(quantity) / u128::from(ONE)).unwrap_or(u64::MAX)
}

/// How a trade's price compares with the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TickDirection {
    Plus,
    ZeroPlus,
    Minus,
    ZeroMinus,
}

impl TickDirection {
    fn next(self, before: u64, price: u64) -> Self {
        match (price.cmp(&before), self) {
            (std::cmp::Ordering::Greater, _) => Self::Plus,
            (std::cmp::Ordering::Less, _) => Self::Minus,
            (std::cmp::Ordering::Equal, Self::Plus | Self::ZeroPlus) => Self::ZeroPlus,
            (std::cmp::Ordering::Equal, Self::Minus | Self::ZeroMinus) => Self::ZeroMinus,
        }
    }
}

/// One symbol's sums.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Since the market began, which stands for the last 24 hours.
    pub(crate) day: Candle,
    pub(crate) direction: TickDirection,
    /// Of the last trade.
    pub(crate) last_quantity: u64,
    /// Period in milliseconds, with the candle that is growing.
    candles: Vec<(u64, Candle)>,
    /// Candles whose time is over and that nobody took yet, with their places in the list.
    ended: Vec<(usize, Candle)>,
}

impl Tally {
    /// With candles of these periods in milliseconds, none of them 0.
    pub(crate) fn new(price: u64, unix_ms: u64, periods: impl Iterator<Item = u64>) -> Self {
        let open = |period: u64| (period, Candle::flat(unix_ms / period * period, price));
        Self {
            day: Candle::flat(unix_ms, price),
            direction: TickDirection::ZeroPlus,
            last_quantity: 0,
            candles: periods.map(open).collect(),
            ended: Vec::new(),
        }
    }

    /// Takes in an event's trades; returns each trade's direction.
    pub(crate) fn add(&mut self, step: &Step, unix_ms: u64) -> Vec<TickDirection> {
        self.roll(unix_ms);
        let mut directions = Vec::with_capacity(step.trades.len());
        let mut before = self.day.close;
        for trade in &step.trades {
            self.direction = self.direction.next(before, trade.price);
            before = trade.price;
            self.last_quantity = trade.quantity;
            directions.push(self.direction);
        }
        self.day.add(step);
        for (_, candle) in &mut self.candles {
            candle.add(step);
        }
        directions
    }

    /// The candle of a period, by its place in the list.
    pub(crate) fn candle(&self, at: usize) -> Option<&Candle> {
        self.candles.get(at).map(|(_, candle)| candle)
    }

    /// The candles that have ended since the last call, with their places in the list.
    pub(crate) fn take_ended(&mut self, unix_ms: u64) -> Vec<(usize, Candle)> {
        self.roll(unix_ms);
        std::mem::take(&mut self.ended)
    }

    fn roll(&mut self, unix_ms: u64) {
        for (at, (period, candle)) in self.candles.iter_mut().enumerate() {
            let opened_ms = unix_ms / *period * *period;
            if opened_ms > candle.opened_ms {
                self.ended.push((at, std::mem::replace(candle, Candle::flat(opened_ms, candle.close))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Trade;

    fn step(buyer_is_maker: bool, trades: &[(u64, u64)]) -> Step {
        let trades = trades.iter().enumerate();
        let trades =
            trades.map(|(id, &(price, quantity))| Trade { id: 7 + id as u64, price, quantity }).collect();
        Step { update_id: 1, buyer_is_maker, trades, aggregates: vec![], top: None, changed: vec![] }
    }

    #[test]
    fn a_candle_holds_the_sums_of_its_minute_and_the_next_begins_at_its_close() {
        let mut tally = Tally::new(90 * ONE, 61_000, [60_000].into_iter());
        tally.add(&step(false, &[(100 * ONE, 2 * ONE), (101 * ONE, ONE)]), 61_000);
        tally.add(&step(true, &[(99 * ONE, ONE)]), 119_999);
        assert_eq!(tally.take_ended(119_999), []);
        let candle = *tally.candle(0).expect("one period");
        let prices = [candle.open, candle.high, candle.low, candle.close].map(|price| price / ONE);
        assert_eq!(prices, [100, 101, 99, 99]);
        assert_eq!((candle.volume, candle.turnover), (4 * ONE, 400 * ONE));
        assert_eq!((candle.bought_volume, candle.bought_turnover), (3 * ONE, 301 * ONE));
        assert_eq!((candle.opened_ms, candle.trades, candle.first_trade), (60_000, 3, 7));
        tally.add(&step(false, &[]), 120_000);
        assert_eq!(tally.candle(0), Some(&Candle::flat(120_000, 99 * ONE)));
        tally.add(&step(false, &[(50 * ONE, ONE)]), 180_000);
        let flat = Candle::flat(120_000, 99 * ONE);
        assert_eq!(
            tally.take_ended(180_000),
            [(0, candle), (0, flat)],
            "a minute without trades is told as well"
        );
        assert_eq!(tally.candle(0).map(|candle| (candle.opened_ms, candle.open)), Some((180_000, 50 * ONE)));
    }

    #[test]
    fn the_direction_compares_with_the_trade_before() {
        use TickDirection::{Minus, Plus, ZeroMinus, ZeroPlus};
        let mut tally = Tally::new(10, 0, [].into_iter());
        let seen = tally.add(&step(false, &[(11, 1), (11, 1), (10, 1), (10, 1), (12, 1)]), 0);
        assert_eq!(seen, [Plus, ZeroPlus, Minus, ZeroMinus, Plus]);
    }
}
