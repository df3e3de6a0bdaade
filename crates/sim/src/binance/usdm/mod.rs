//! Binance USD-M futures.

mod payload;
mod route;
mod streams;

use std::time::Duration;

use payload::Writer;
use route::Route;
use streams::{GRAMMAR, Names};

use super::books::Books;
use super::control::Dialect;
use super::path::{Target, not_found};
use super::rest;
use super::session::BinanceSession;
use super::statistics::{Family, Statistics};
use super::tariff::{Account, Tariff};
use super::text::{Clock, say};
use crate::clock::Now;
use crate::feed::Feed;
use crate::market::{AggregateTrade, Ids, Instrument, Market, ONE, Size, Snapshot, Step, Style, Terms};
use crate::options::BinanceRules;
use crate::publisher::{Cut, Publish, Publisher};
use crate::venue::{Answer, Ban, Reception, Request, Venue};

/// Of the three speeds of the depth streams.
const CADENCES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(250), Duration::from_millis(500)];

/// Symbol, start price, tick and lot, the last three in 0.00000001.
const KNOWN: [(&str, u64, u64, u64); 6] = [
    ("BTCUSDT", 91_250 * ONE, ONE / 10, ONE / 1_000),
    ("ETHUSDT", 3_020 * ONE, ONE / 100, ONE / 1_000),
    ("SOLUSDT", 140 * ONE, ONE / 100, ONE / 100),
    ("XRPUSDT", 2 * ONE + ONE / 8, ONE / 10_000, ONE / 10),
    ("DOGEUSDT", ONE / 8, ONE / 100_000, ONE),
    ("BTCUSDT_261225", 92_100 * ONE, ONE / 10, ONE / 1_000),
];

const TARIFF: Tariff = Tariff {
    weight_per_minute: 2_400,
    connect_weight: 5,
    default_limit: 500,
    is_limit: |limit| [5, 10, 20, 50, 100, 500, 1_000].contains(&limit),
    depth_weight: |limit| match limit {
        0..=50 => 2,
        51..=100 => 5,
        101..=500 => 10,
        _ => 20,
    },
    version: "v1/",
};

#[derive(Debug)]
pub(crate) struct UsdM {
    rules: BinanceRules,
    writer: Writer,
    account: Account,
    names: Vec<Names>,
    statistics: Statistics,
    /// The largest liquidation of each symbol in this second, and whether it bought.
    liquidations: Vec<Option<(AggregateTrade, bool)>>,
}

impl UsdM {
    pub(crate) fn new(rules: BinanceRules, instruments: &[Instrument], now: Now) -> Self {
        let family = if rules.fields_2021 { Family::Futures2021 } else { Family::Futures };
        Self {
            account: Account::new(&TARIFF, rules.refusals),
            rules,
            writer: Writer { family },
            names: instruments.iter().map(|instrument| Names::of(&instrument.symbol)).collect(),
            statistics: Statistics::new(family, instruments, payload::places, now),
            liquidations: vec![None; instruments.len()],
        }
    }

    fn route(&mut self, request: &Request<'_>, feed: &mut Feed, now: Now) -> Result<BinanceSession, Answer> {
        let target = Target::decode(request.path, request.query)?;
        let (route, path) = Route::split(&target.path);
        if let Some(wanted) = target.streams(path, false, &GRAMMAR) {
            let flat_errors = self.rules.flat_errors;
            let dialect = Dialect { grammar: &GRAMMAR, malformed_ends: true, flat_errors };
            return Ok(BinanceSession::streams(
                wanted?,
                dialect,
                route.delivers(self.rules.unrouted_delivers_all),
            ));
        }
        match target.path.as_str() {
            "/ws-fapi/v1" | "/ws-dapi/v1" => {
                Ok(BinanceSession::api(target.rate_limits()?, &mut self.account, now))
            }
            "/fapi/v1/depth" | "/dapi/v1/depth" | "/eapi/v1/depth" if !request.upgrade => {
                Err(rest::answer(self, feed, &target, now))
            }
            _ => Err(not_found()),
        }
    }

    /// Sweeps through several levels stand for liquidations.
    fn note_liquidation(&mut self, at: usize, step: &Step) {
        let largest = step.aggregates.iter().max_by_key(|aggregate| aggregate.quantity);
        let (Some(slot), Some(largest), true) =
            (self.liquidations.get_mut(at), largest, step.aggregates.len() > 1)
        else {
            return;
        };
        if slot.as_ref().is_none_or(|(before, _)| largest.quantity > before.quantity) {
            *slot = Some((largest.clone(), !step.buyer_is_maker));
        }
    }

    fn publish_liquidations(&mut self, now: Now, publish: &mut Publish<'_>) {
        for ((names, row), slot) in self.names.iter().zip(&self.statistics.rows).zip(&mut self.liquidations) {
            let Some((trade, bought)) = slot.take() else {
                continue;
            };
            for name in [names.liquidation.as_str(), "!forceOrder@arr"] {
                say(publish, now, name, |clock| self.writer.liquidation(row, &trade, bought, clock));
            }
        }
    }

    fn publish_marks(&self, seconds: u64, market: &Market, now: Now, publish: &mut Publish<'_>) {
        let slow = seconds.is_multiple_of(3);
        let write = |clock: Clock, instrument: &Instrument| self.writer.mark(instrument, clock);
        for (names, instrument) in self.names.iter().zip(market.instruments()) {
            say(publish, now, &names.mark_fast, |clock| write(clock, instrument));
            if slow {
                say(publish, now, &names.mark_slow, |clock| write(clock, instrument));
            }
        }
        let all = |clock| array(market.instruments().iter().map(|instrument| write(clock, instrument)));
        say(publish, now, "!markPrice@arr@1s", all);
        if slow {
            say(publish, now, "!markPrice@arr", all);
        }
    }

    fn publish_statistics(&mut self, seconds: u64, now: Now, publish: &mut Publish<'_>) {
        if seconds.is_multiple_of(2) {
            self.statistics.publish_minis(now, publish);
            self.statistics.publish_tickers(|_| None, now, publish);
        }
        let family = self.writer.family;
        let changed = self.statistics.take_changed();
        if !changed.is_empty() {
            let minis = |clock| array(changed.iter().map(|row| row.mini(family, clock)));
            say(publish, now, "!miniTicker@arr", minis);
            let tickers = |clock| array(changed.iter().map(|row| row.ticker(family, None, clock)));
            say(publish, now, "!ticker@arr", tickers);
        }
    }
}

fn array(events: impl Iterator<Item = String>) -> String {
    format!("[{}]", events.collect::<Vec<_>>().join(","))
}

impl Books for UsdM {
    const ANNOUNCES_END: bool = false;

    fn account(&mut self) -> &mut Account {
        &mut self.account
    }

    fn book(instrument: &Instrument, snapshot: &Snapshot, limit: usize, now: Now) -> String {
        payload::snapshot(instrument, snapshot, limit, Clock::plain(now))
    }
}

impl Venue for UsdM {
    type Session = BinanceSession;

    fn forgets_window() -> bool {
        true
    }

    fn receive(&mut self, request: &Request<'_>, feed: &mut Feed, now: Now) -> Reception<BinanceSession> {
        self.route(request, feed, now).map_or_else(Reception::Answer, Reception::Upgrade)
    }

    fn ban_snapshots(&mut self, ban: Option<Ban>) {
        self.account.ban = ban;
    }

    fn take_breach(&mut self) -> Option<&'static str> {
        self.account.take_breach()
    }
}

impl Publisher for UsdM {
    fn style() -> Style {
        Style { ids: Ids::Shared, cadences: CADENCES.len(), empty_diffs: true, terms, size: Size::FULL }
    }

    fn cadences() -> &'static [Duration] {
        &CADENCES
    }

    fn on_step(&mut self, at: usize, market: &Market, step: &Step, now: Now, publish: &mut Publish<'_>) {
        self.statistics.add(at, step, now);
        self.note_liquidation(at, step);
        let (Some(names), Some(instrument)) = (self.names.get(at), market.instrument(at)) else {
            return;
        };
        let (writer, maker) = (&self.writer, step.buyer_is_maker);
        for trade in &step.trades {
            say(publish, now, &names.trade, |clock| writer.trade(instrument, trade, maker, clock));
        }
        for aggregate in &step.aggregates {
            say(publish, now, &names.aggregate_trade, |clock| {
                writer.aggregate_trade(instrument, aggregate, maker, clock)
            });
        }
        if let Some(top) = &step.top {
            say(publish, now, &names.book_ticker, |clock| {
                writer.book_ticker(instrument, step.update_id, top, clock)
            });
        }
    }

    fn on_cut(&mut self, cut: &Cut<'_>, _: &Market, now: Now, publish: &mut Publish<'_>) {
        let names = self.names.get(cut.at).and_then(|names| names.depth.get(cut.cadence));
        let (Some(names), Some(diff)) = (names, cut.diff) else {
            return;
        };
        if !cut.lost {
            say(publish, now, &names.diff, |clock| self.writer.depth_update(cut.instrument, diff, clock));
        }
        for (levels, name) in &names.partial {
            say(publish, now, name, |clock| self.writer.partial_depth(cut.instrument, diff, *levels, clock));
        }
    }

    fn on_quarter(&mut self, quarter: u64, market: &Market, now: Now, publish: &mut Publish<'_>) {
        self.statistics.publish_candles(|_| true, now, publish);
        if !quarter.is_multiple_of(4) {
            return;
        }
        let seconds = quarter / 4;
        self.publish_liquidations(now, publish);
        self.publish_marks(seconds, market, now, publish);
        self.publish_statistics(seconds, now, publish);
        if seconds.is_multiple_of(5) {
            for instrument in market.instruments() {
                let (id, top) = (instrument.live().last_id, instrument.top());
                say(publish, now, "!bookTicker", |clock| {
                    self.writer.book_ticker(instrument, id, &top, clock)
                });
            }
        }
    }
}

fn terms(symbol: &str) -> Terms {
    let known = KNOWN.iter().find(|known| known.0 == symbol);
    let &(_, start, tick, lot) = known.unwrap_or(&("", 100 * ONE, ONE / 100, ONE / 1_000));
    Terms { start, tick, lot }
}
