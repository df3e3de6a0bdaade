//! Candles and 24 hour statistics: what is kept of each symbol, and how it is written.

use super::text::{Clock, Difference, Places, say};
use crate::clock::Now;
use crate::market::{Candle, Instrument, ONE, Step, Tally, Top};
use crate::publisher::Publish;

/// The intervals of fixed length, in milliseconds. Those of weeks and months are acknowledged and mute.
pub(super) const PERIODS: [(&str, u64); 14] = [
    ("1s", 1_000),
    ("1m", 60_000),
    ("3m", 180_000),
    ("5m", 300_000),
    ("15m", 900_000),
    ("30m", 1_800_000),
    ("1h", 3_600_000),
    ("2h", 7_200_000),
    ("4h", 14_400_000),
    ("6h", 21_600_000),
    ("8h", 28_800_000),
    ("12h", 43_200_000),
    ("1d", 86_400_000),
    ("3d", 259_200_000),
];

/// What distinguishes the payloads of the futures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Spot,
    /// Before the pair and the family were added.
    Futures2021,
    Futures,
}

impl Family {
    /// `"s"`, and `"ps"` where there is one.
    pub(super) fn symbol(self, symbol: &str) -> String {
        match self {
            Self::Spot | Self::Futures2021 => format!(r#""s":"{symbol}""#),
            // The pair of a delivery contract is what comes before its date.
            Self::Futures => {
                let pair = symbol.split('_').next().unwrap_or_default();
                format!(r#""s":"{symbol}","ps":"{pair}""#)
            }
        }
    }

    /// What stands at the end.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Spot | Self::Futures2021 => "",
            Self::Futures => r#","st":1"#,
        }
    }
}

/// One symbol's sums and the names of their streams.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) symbol: String,
    pub(super) places: Places,
    pub(super) tally: Tally,
    pub(super) mini: String,
    pub(super) ticker: String,
    candles: Vec<String>,
    /// The last trade that the array of changed symbols told of.
    told: u64,
}

#[derive(Debug)]
pub(super) struct Statistics {
    family: Family,
    pub(super) rows: Vec<Row>,
}

impl Statistics {
    pub(super) fn new(
        family: Family,
        instruments: &[Instrument],
        places: impl Fn(&Instrument) -> Places,
        now: Now,
    ) -> Self {
        let rows = instruments.iter().map(|instrument| {
            let lower = instrument.symbol.to_lowercase();
            let periods = PERIODS.iter().map(|(_, period)| *period);
            Row {
                symbol: instrument.symbol.clone(),
                places: places(instrument),
                tally: Tally::new(instrument.top().middle(), now.unix_ms(), periods),
                mini: format!("{lower}@miniTicker"),
                ticker: format!("{lower}@ticker"),
                candles: PERIODS.iter().map(|(name, _)| format!("{lower}@kline_{name}")).collect(),
                told: 0,
            }
        });
        Self { family, rows: rows.collect() }
    }

    pub(super) fn add(&mut self, at: usize, step: &Step, now: Now) {
        if let Some(row) = self.rows.get_mut(at) {
            row.tally.add(step, now.unix_ms());
        }
    }

    /// Tells of the candles that have ended, and of the growing ones of the intervals that are due.
    pub(super) fn publish_candles(
        &mut self,
        is_due: impl Fn(&str) -> bool,
        now: Now,
        publish: &mut Publish<'_>,
    ) {
        for row in &mut self.rows {
            for (at, candle) in row.tally.take_ended(now.unix_ms()) {
                row.publish_candle(at, &candle, true, now, publish);
            }
            for (at, (interval, _)) in PERIODS.iter().enumerate() {
                if let Some(candle) = row.tally.candle(at).filter(|_| is_due(interval)) {
                    row.publish_candle(at, candle, false, now, publish);
                }
            }
        }
    }

    pub(super) fn publish_minis(&self, now: Now, publish: &mut Publish<'_>) {
        for row in &self.rows {
            say(publish, now, &row.mini, |clock| row.mini(self.family, clock));
        }
    }

    pub(super) fn publish_tickers(
        &self,
        top: impl Fn(usize) -> Option<Top>,
        now: Now,
        publish: &mut Publish<'_>,
    ) {
        for (at, row) in self.rows.iter().enumerate() {
            say(publish, now, &row.ticker, |clock| row.ticker(self.family, top(at), clock));
        }
    }

    /// Those whose trades the last array did not tell of.
    pub(super) fn take_changed(&mut self) -> Vec<&Row> {
        let mut changed = Vec::new();
        for row in &mut self.rows {
            if row.tally.day.last_trade != row.told {
                row.told = row.tally.day.last_trade;
                changed.push(&*row);
            }
        }
        changed
    }
}

impl Row {
    fn publish_candle(&self, at: usize, candle: &Candle, closed: bool, now: Now, publish: &mut Publish<'_>) {
        if let (Some(name), Some((interval, period))) = (self.candles.get(at), PERIODS.get(at)) {
            say(publish, now, name, |clock| self.kline(interval, *period, candle, closed, clock));
        }
    }

    fn kline(&self, interval: &str, period: u64, candle: &Candle, closed: bool, clock: Clock) -> String {
        let (symbol, places) = (&self.symbol, self.places);
        // Without trades there are no ids.
        let id = |id: u64| if candle.trades == 0 { "-1".to_owned() } else { id.to_string() };
        format!(
            concat!(
                r#"{{"e":"kline","E":{now},"s":"{symbol}","k":{{"t":{open_time},"T":{close_time},"s":"{symbol}","#,
                r#""i":"{interval}","f":{first},"L":{last},"o":"{open}","c":"{close}","h":"{high}","l":"{low}","#,
                r#""v":"{volume}","n":{trades},"x":{closed},"q":"{turnover}","V":"{bought}","Q":"{paid}","B":"0"}}}}"#
            ),
            now = clock.now(),
            symbol = symbol,
            open_time = clock.at_ms(candle.opened_ms),
            close_time = clock.before_ms(candle.opened_ms + period),
            interval = interval,
            first = id(candle.first_trade),
            last = id(candle.last_trade),
            open = places.price(candle.open),
            close = places.price(candle.close),
            high = places.price(candle.high),
            low = places.price(candle.low),
            volume = places.quantity(candle.volume),
            trades = candle.trades,
            closed = closed,
            turnover = Places::FULL.price(candle.turnover),
            bought = places.quantity(candle.bought_volume),
            paid = Places::FULL.price(candle.bought_turnover),
        )
    }

    pub(super) fn mini(&self, family: Family, clock: Clock) -> String {
        let (day, places) = (&self.tally.day, self.places);
        format!(
            r#"{{"e":"24hrMiniTicker","E":{},{},"c":"{}","o":"{}","h":"{}","l":"{}","v":"{}","q":"{}"{}}}"#,
            clock.now(),
            family.symbol(&self.symbol),
            places.price(day.close),
            places.price(day.open),
            places.price(day.high),
            places.price(day.low),
            places.quantity(day.volume),
            Places::FULL.price(day.turnover),
            family.mark()
        )
    }

    /// With the previous close and both best levels, where there is a top to tell of.
    pub(super) fn ticker(&self, family: Family, top: Option<Top>, clock: Clock) -> String {
        let (day, places) = (&self.tally.day, self.places);
        let scaled = |price: u64| {
            u64::try_from(u128::from(price) * 100 * u128::from(ONE) / u128::from(day.open.max(1)))
        };
        let percent =
            Difference(scaled(day.close).unwrap_or(u64::MAX), scaled(day.open).unwrap_or(u64::MAX), 3);
        let before = top.map(|_| format!(r#","x":"{}""#, places.price(day.open))).unwrap_or_default();
        let best = top.map(|Top { bid, ask }| {
            let [b, a] = [bid.0, ask.0].map(|price| places.price(price));
            let [bids, asks] = [bid.1, ask.1].map(|quantity| places.quantity(quantity));
            format!(r#","b":"{b}","B":"{bids}","a":"{a}","A":"{asks}""#)
        });
        format!(
            concat!(
                r#"{{"e":"24hrTicker","E":{now},{symbol},"p":"{change}","P":"{percent}","w":"{mean}"{before},"#,
                r#""c":"{close}","Q":"{quantity}"{best},"o":"{open}","h":"{high}","l":"{low}","v":"{volume}","#,
                r#""q":"{turnover}","O":{open_time},"C":{now},"F":{first},"L":{last},"n":{trades}{mark}}}"#
            ),
            now = clock.now(),
            symbol = family.symbol(&self.symbol),
            change = Difference(day.close, day.open, places.price),
            percent = percent,
            mean = places.price(day.mean()),
            before = before,
            close = places.price(day.close),
            quantity = places.quantity(self.tally.last_quantity),
            best = best.unwrap_or_default(),
            open = places.price(day.open),
            high = places.price(day.high),
            low = places.price(day.low),
            volume = places.quantity(day.volume),
            turnover = Places::FULL.price(day.turnover),
            open_time = clock.at_ms(day.opened_ms),
            first = day.first_trade,
            last = day.last_trade,
            trades = day.trades,
            mark = family.mark()
        )
    }
}
