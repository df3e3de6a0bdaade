//! Binance Spot.

mod payload;
mod streams;

use std::time::Duration;

pub(super) use streams::GRAMMAR;
use streams::Names;

use super::books::Books;
use super::control::Dialect;
use super::path::{Target, not_found};
use super::rest;
use super::session::BinanceSession;
use super::statistics::{Family, Statistics};
use super::tariff::{Account, Tariff};
use super::text::{Places, say};
use crate::clock::Now;
use crate::feed::Feed;
use crate::market::{Ids, Instrument, Market, ONE, Size, Snapshot, Step, Style, Terms};
use crate::options::BinanceRules;
use crate::publisher::{Cut, Publish, Publisher};
use crate::venue::{Answer, Ban, Reception, Request, Venue};

/// Of the two speeds of the depth streams.
const CADENCES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// Symbol, start price, tick and lot, the last three in 0.00000001.
const KNOWN: [(&str, u64, u64, u64); 12] = [
    ("BTCUSDT", 91_250 * ONE, ONE / 100, ONE / 100_000),
    ("ETHUSDT", 3_020 * ONE, ONE / 100, ONE / 10_000),
    ("BNBUSDT", 890 * ONE, ONE / 100, ONE / 1_000),
    ("SOLUSDT", 140 * ONE, ONE / 100, ONE / 1_000),
    ("XRPUSDT", 2 * ONE + ONE / 8, ONE / 10_000, ONE / 10),
    ("DOGEUSDT", ONE / 8, ONE / 100_000, ONE),
    ("ADAUSDT", ONE / 2, ONE / 10_000, ONE / 10),
    ("AVAXUSDT", 15 * ONE, ONE / 1_000, ONE / 100),
    ("LINKUSDT", 13 * ONE, ONE / 1_000, ONE / 100),
    ("LTCUSDT", 95 * ONE, ONE / 100, ONE / 1_000),
    ("ETHBTC", ONE / 30, ONE / 100_000, ONE / 10_000),
    ("BNBBTC", ONE / 100, ONE / 1_000_000, ONE / 1_000),
];

pub(super) const TARIFF: Tariff = Tariff {
    weight_per_minute: 6_000,
    connect_weight: 2,
    default_limit: 100,
    is_limit: |limit| (1..=5_000).contains(&limit),
    depth_weight: |limit| match limit {
        0..=100 => 5,
        101..=500 => 25,
        501..=1_000 => 50,
        _ => 250,
    },
    version: "v3/",
};

#[derive(Debug)]
pub(crate) struct Spot {
    rules: BinanceRules,
    account: Account,
    names: Vec<Names>,
    statistics: Statistics,
}

impl Spot {
    pub(crate) fn new(rules: BinanceRules, instruments: &[Instrument], now: Now) -> Self {
        Self {
            account: Account::new(&TARIFF, rules.refusals),
            rules,
            names: instruments.iter().map(|instrument| Names::of(&instrument.symbol)).collect(),
            statistics: Statistics::new(Family::Spot, instruments, |_| Places::FULL, now),
        }
    }

    fn route(&mut self, request: &Request<'_>, feed: &mut Feed, now: Now) -> Result<BinanceSession, Answer> {
        let target = Target::decode(request.path, request.query)?;
        if let Some(wanted) = target.streams(&target.path, true, &GRAMMAR) {
            let flat_errors = self.rules.flat_errors;
            let dialect = Dialect { grammar: &GRAMMAR, malformed_ends: false, flat_errors };
            return Ok(BinanceSession::streams(wanted?, dialect, |_| true));
        }
        match target.path.as_str() {
            "/ws-api/v3" => Ok(BinanceSession::api(target.rate_limits()?, &mut self.account, now)),
            "/api/v3/depth" if !request.upgrade => Err(rest::answer(self, feed, &target, now)),
            _ => Err(not_found()),
        }
    }
}

impl Books for Spot {
    const ANNOUNCES_END: bool = true;

    fn account(&mut self) -> &mut Account {
        &mut self.account
    }

    fn book(_: &Instrument, snapshot: &Snapshot, limit: usize, _: Now) -> String {
        payload::snapshot(snapshot, limit)
    }
}

impl Venue for Spot {
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

impl Publisher for Spot {
    fn style() -> Style {
        Style { ids: Ids::Own, cadences: CADENCES.len(), empty_diffs: true, terms, size: Size::FULL }
    }

    fn cadences() -> &'static [Duration] {
        &CADENCES
    }

    fn on_step(&mut self, at: usize, market: &Market, step: &Step, now: Now, publish: &mut Publish<'_>) {
        self.statistics.add(at, step, now);
        let (Some(names), Some(instrument)) = (self.names.get(at), market.instrument(at)) else {
            return;
        };
        let symbol = instrument.symbol.as_str();
        for trade in &step.trades {
            say(publish, now, &names.trade, |clock| {
                payload::trade(symbol, trade, step.buyer_is_maker, clock)
            });
        }
        for aggregate in &step.aggregates {
            say(publish, now, &names.aggregate_trade, |clock| {
                payload::aggregate_trade(symbol, aggregate, step.buyer_is_maker, clock)
            });
        }
        if let Some(top) = &step.top {
            say(publish, now, &names.book_ticker, |_| payload::book_ticker(symbol, step.update_id, top));
        }
    }

    fn on_cut(&mut self, cut: &Cut<'_>, _: &Market, now: Now, publish: &mut Publish<'_>) {
        let names = self.names.get(cut.at).and_then(|names| names.depth.get(cut.cadence));
        let (Some(names), Some(diff)) = (names, cut.diff) else {
            return;
        };
        if !cut.lost {
            say(publish, now, &names.diff, |clock| {
                payload::depth_update(&cut.instrument.symbol, diff, clock)
            });
        }
        for (levels, name) in &names.partial {
            say(publish, now, name, |_| payload::snapshot(cut.instrument.live(), *levels));
        }
    }

    fn on_quarter(&mut self, quarter: u64, market: &Market, now: Now, publish: &mut Publish<'_>) {
        let (second, two) = (quarter.is_multiple_of(4), quarter.is_multiple_of(8));
        self.statistics.publish_candles(|interval| if interval == "1s" { second } else { two }, now, publish);
        if !second {
            return;
        }
        self.statistics.publish_minis(now, publish);
        self.statistics.publish_tickers(|at| Some(market.instrument(at)?.top()), now, publish);
        for (names, row) in self.names.iter().zip(&self.statistics.rows) {
            say(publish, now, &names.average, |clock| payload::average(row, clock));
        }
        let changed = self.statistics.take_changed();
        if !changed.is_empty() {
            say(publish, now, "!miniTicker@arr", |clock| {
                let minis: Vec<_> = changed.iter().map(|row| row.mini(Family::Spot, clock)).collect();
                format!("[{}]", minis.join(","))
            });
        }
    }
}

fn terms(symbol: &str) -> Terms {
    let known = KNOWN.iter().find(|known| known.0 == symbol);
    let &(_, start, tick, lot) = known.unwrap_or(&("", 100 * ONE, ONE / 100, ONE / 1_000));
    Terms { start, tick, lot }
}
