//! What a subscription or a request gets at once: books, tickers, listings.

use serde_json::Value;

use super::Deribit;
use super::books::BookStyle;
use super::fields::{Fields, Item};
use super::names::{self, Channel, Kind};
use super::publish::ticker;
use super::rpc::{Fault, Request, notification};
use crate::clock::Now;
use crate::feed::Feed;
use crate::market::{Instrument, Market, Side};

/// Levels a side that a request for a book may name; other numbers are rounded up.
const DEPTHS: [u64; 8] = [1, 5, 10, 20, 50, 100, 1_000, 10_000];

impl Deribit {
    /// Whether a channel exists here.
    pub(super) fn has(&self, name: &str, channel: Channel<'_>, feed: &Feed) -> bool {
        let Some(market) = feed.market() else {
            return feed.has_recorded(name);
        };
        match channel {
            Channel::Index { name } => self.indexes.iter().any(|(known, _)| known == name),
            Channel::Perpetual { instrument, .. } if !instrument.ends_with("-PERPETUAL") => false,
            other => other.instrument().is_none_or(|instrument| market.find(instrument).is_some()),
        }
    }

    /// The first message of a new subscription, for the channels that begin with one.
    pub(super) fn first(
        &mut self,
        name: &str,
        channel: Channel<'_>,
        feed: &Feed,
        now: Now,
    ) -> Option<String> {
        let market = feed.market()?;
        let at = market.find(channel.instrument()?)?;
        let (instrument, row) = (market.instrument(at)?, self.rows.get_mut(at)?);
        let (unix_ms, spelling) = (now.unix_ms(), self.books.spelling);
        let data = match channel {
            Channel::Book { cadence, .. } => {
                self.books.snapshot(instrument, instrument.published(cadence), unix_ms)
            }
            Channel::Grouped { group, depth, .. } => {
                self.books.grouped(instrument, instrument.live(), (group, depth), unix_ms)
            }
            Channel::Ticker { .. } => ticker(row, instrument, market, now).write(spelling),
            Channel::IncrementalTicker { .. } => {
                // All subscribers know the same, so that one change serves them all.
                let told = row.told.take().unwrap_or_else(|| ticker(row, instrument, market, now));
                let text = format!(r#"{{"type":"snapshot",{}}}"#, told.members(spelling));
                row.told = Some(told);
                text
            }
            _ => return None,
        };
        Some(notification(name, &data))
    }

    /// The answer to `public/get_instruments`: those of a currency and kind, where they are named.
    pub(super) fn instruments(&self, request: &Request, feed: &Feed) -> String {
        let is_wanted = |name: &str, value: &str| {
            let wanted = request.parameters.get(name).and_then(Value::as_str);
            wanted.is_none_or(|wanted| wanted == "any" || wanted == value)
        };
        let listed = feed.instruments().iter().filter(|instrument| {
            let name = &instrument.symbol;
            is_wanted("currency", names::currency(name)) && is_wanted("kind", Kind::of(name).name())
        });
        let texts: Vec<_> = listed.map(|instrument| listing(instrument).write(self.spelling())).collect();
        format!("[{}]", texts.join(","))
    }

    /// The answer to `public/ticker`.
    pub(super) fn ticker_of(&self, name: &str, feed: &Feed, now: Now) -> Result<String, Fault> {
        let (market, at) = find(name, feed)?;
        let (Some(instrument), Some(row)) = (market.instrument(at), self.rows.get(at)) else {
            return Err(Fault::NOT_FOUND);
        };
        Ok(ticker(row, instrument, market, now).write(self.spelling()))
    }

    /// The answer to `public/get_order_book`: the book of the moment, and the ticker.
    pub(super) fn order_book(&self, name: &str, depth: u64, feed: &Feed, now: Now) -> Result<String, Fault> {
        let (market, at) = find(name, feed)?;
        let (Some(instrument), Some(row)) = (market.instrument(at), self.rows.get(at)) else {
            return Err(Fault::NOT_FOUND);
        };
        let depth = DEPTHS.into_iter().find(|&most| most >= depth).unwrap_or(10_000);
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        let (books, live): (BookStyle, _) = (self.books, instrument.live());
        let [bids, asks] = [Side::Bid, Side::Ask].map(|side| books.levels(live.book.all(side).take(depth)));
        let rest = ticker(row, instrument, market, now).members(self.spelling());
        Ok(format!(r#"{{{rest},"change_id":{},"bids":{bids},"asks":{asks}}}"#, live.last_id))
    }
}

/// What is told of an instrument that is for trade.
fn listing(instrument: &Instrument) -> Fields {
    let (name, terms) = (&instrument.symbol, instrument.terms);
    let period = if name.ends_with("-PERPETUAL") { "perpetual" } else { "month" };
    Fields(vec![
        ("instrument_name", Item::Text(name.clone())),
        ("kind", Item::Text(Kind::of(name).name().to_owned())),
        ("base_currency", Item::Text(names::base(name).split('_').next().unwrap_or_default().to_owned())),
        ("settlement_currency", Item::Text(names::currency(name).to_owned())),
        ("price_index", Item::Text(names::index(name))),
        ("settlement_period", Item::Text(period.to_owned())),
        ("tick_size", Item::of(terms.tick)),
        ("min_trade_amount", Item::of(terms.lot)),
        ("contract_size", Item::of(terms.lot)),
        ("state", Item::Text("open".to_owned())),
    ])
}

fn find<'a>(name: &str, feed: &'a Feed) -> Result<(&'a Market, usize), Fault> {
    let market = feed.market().ok_or(Fault::NOT_FOUND)?;
    Ok((market, market.find(name).ok_or(Fault::NOT_FOUND)?))
}
