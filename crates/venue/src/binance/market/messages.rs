//! What the messages of streams mean for the events and the books.

use std::time::Instant;

use super::{Asking, Market, Owner};
use crate::{
    binance::{
        product::Product,
        stream::{DepthKind, Kind, depth_kind},
        sync::{Rule, Update},
        translate,
        wire::{ContractInfo, DepthUpdate, ForceOrder, Kline, Message, PartialDepth},
    },
    decimal::Decimal,
    event::{CandleOf, Delta, Event, Instrument, InstrumentState, Quote, Snapshot, Status, StatusKind},
    order::{Mark, StreamGap, Verdict},
    route::Route,
    session::Now,
    symbols::at,
};

/// What is odd about a well-formed message.
pub(in crate::binance) type Odd = &'static str;

/// Where a message came from.
#[derive(Debug)]
pub(in crate::binance) struct Origin<'a> {
    route: Route,
    owner: Owner,
    /// The whole text, or its bytes.
    text: &'a [u8],
    /// Whether the text as a whole is news, once that was asked.
    is_news: Option<bool>,
    now: Instant,
}

impl<'a> Origin<'a> {
    /// A message of a connection that is open.
    pub(in crate::binance) fn new(route: Route, owner: Owner, text: &'a [u8], now: Instant) -> Self {
        Self { route, owner, text, is_news: None, now }
    }
}

/// The stream that a message names, or what its messages are if it names none.
#[derive(Debug, Clone, Copy)]
pub(in crate::binance) enum Of<'a> {
    Named(&'a str),
    Kind(Option<Kind>),
}

impl<'a> Of<'a> {
    fn new(stream: Option<&'a str>, kind: Option<Kind>) -> Self {
        stream.map_or(Self::Kind(kind), Self::Named)
    }
}

impl Market {
    pub(in crate::binance) fn on_message(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<&str>,
        message: Message<'_>,
        moment: Now,
    ) -> Result<(), Odd> {
        match (message, origin.owner) {
            (Message::Answer(answer), Owner::Link(link)) => {
                self.on_control_answer(link, origin.route.leg, answer, moment.instant)
            }
            (Message::Answer(answer), Owner::Api) => self.on_api_answer(origin.route.leg, answer, moment),
            (Message::ServerShutdown(notice), _) => {
                let (kind, venue_time_ns) = (StatusKind::Shutdown, Some(notice.event_time_ns));
                self.queue.push(Event::Status(Status { kind, text: "", venue_time_ns }));
                self.commands.push_back(Asking::Renew(origin.route));
                Ok(())
            }
            (Message::Account { kind, event_time_ns }, _) => {
                self.on_account(origin, kind, event_time_ns);
                Ok(())
            }
            (Message::Other { kind }, _) => self.on_other(origin, kind),
            (_, Owner::Api) => Err("market data on the API"),
            (message, Owner::Link(_)) => self.on_market(origin, stream, message),
        }
    }

    fn on_account(&mut self, origin: &mut Origin<'_>, kind: &str, venue_time_ns: Option<u64>) {
        #[cfg(feature = "sign")]
        if kind == "eventStreamTerminated"
            && let Some(account) = self.api.as_mut().and_then(|api| api.account_mut(origin.route.leg))
        {
            self.restless = true;
            account.on_terminated(origin.now);
        }
        if self.is_news(origin) {
            self.queue.push_with_words(Event::Account { kind: "", venue_time_ns }, kind);
        }
    }

    fn on_market(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<&str>,
        message: Message<'_>,
    ) -> Result<(), Odd> {
        let of = |kind| Of::new(stream, Some(kind));
        let other = Of::new(stream, None);
        match message {
            Message::DepthUpdate(update) => self.on_depth(origin, stream, update),
            Message::PartialDepth(partial) => self.on_partial(origin, stream, partial),
            Message::BookTicker(ticker) => {
                let (at, instrument) = self.place(origin, of(Kind::BookTicker), ticker.symbol)?;
                self.on_quote(origin, at, translate::quote(instrument, &ticker));
                Ok(())
            }
            Message::Trade(trade) => {
                let mark = self.trade_mark(trade.id);
                self.tell(origin, of(Kind::Trade), trade.symbol, mark, |of| translate::trade(of, &trade))
            }
            Message::AggTrade(trade) => {
                let mark = Mark::counted(trade.id);
                self.tell(origin, of(Kind::AggTrade), trade.symbol, mark, |of| {
                    translate::agg_trade(of, &trade)
                })
            }
            Message::BlockTrade(trade) => {
                let mark = Mark::Rising(trade.id);
                self.tell(origin, of(Kind::BlockTrade), trade.symbol, mark, |of| {
                    translate::block_trade(of, &trade)
                })
            }
            Message::MiniTicker(ticker) => {
                let mark = Mark::Time(ticker.event_time_ns);
                self.tell(origin, other, ticker.symbol, mark, |of| translate::mini_ticker(of, &ticker))
            }
            Message::Ticker(ticker) => {
                let mark = Mark::Time(ticker.event_time_ns);
                self.tell(origin, other, ticker.symbol, mark, |of| translate::ticker(of, &ticker))
            }
            other => self.on_prices(origin, stream, other),
        }
    }

    /// What is made of prices: marks, indices, candles, and what becomes of contracts.
    fn on_prices(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<&str>,
        message: Message<'_>,
    ) -> Result<(), Odd> {
        let other = Of::new(stream, None);
        match message {
            Message::MarkPrice(price) => {
                let mark = Mark::Time(price.event_time_ns);
                self.tell(origin, other, price.symbol, mark, |of| translate::mark(of, &price))
            }
            Message::OptionMarkPrice(price) => {
                let mark = Mark::Time(price.event_time_ns);
                self.tell(origin, other, price.symbol, mark, |of| translate::option_mark(of, &price))
            }
            Message::Kline(kline) => {
                let symbol = kline.symbol.or(kline.candle.symbol).ok_or("a candle without a symbol")?;
                self.on_candle(origin, other, symbol, CandleOf::Trades, kline)
            }
            Message::MarkPriceKline(kline) => {
                let symbol = kline.candle.symbol.or(kline.symbol).or(kline.pair);
                let symbol = symbol.ok_or("a candle without a symbol")?;
                self.on_candle(origin, other, symbol, CandleOf::Mark, kline)
            }
            Message::IndexPriceKline(kline) => {
                let pair = kline.pair.or(kline.symbol).ok_or("a candle without a pair")?;
                self.on_candle(origin, other, pair, CandleOf::Index, kline)
            }
            Message::IndexPrice(index) => {
                let name = index.pair.or(index.symbol).ok_or("an index without a name")?;
                self.on_index(origin, other, name, index.price, index.event_time_ns)
            }
            Message::CompositeIndex(index) => {
                self.on_index(origin, other, index.symbol, index.price, index.event_time_ns)
            }
            Message::AssetIndex(index) => {
                self.on_index(origin, other, index.symbol, index.price, index.event_time_ns)
            }
            Message::ForceOrder(force) => self.on_liquidation(origin, other, &force),
            Message::ContractInfo(contract) => self.on_contract(origin, other, &contract),
            Message::ContinuousKline(_) => self.on_other(origin, "continuous_kline"),
            Message::AvgPrice(_) => self.on_other(origin, "avgPrice"),
            Message::ReferencePrice(_) => self.on_other(origin, "referencePrice"),
            // All that others have taken.
            Message::Answer(_)
            | Message::ServerShutdown(_)
            | Message::Account { .. }
            | Message::Other { .. }
            | Message::DepthUpdate(_)
            | Message::PartialDepth(_)
            | Message::BookTicker(_)
            | Message::Trade(_)
            | Message::AggTrade(_)
            | Message::BlockTrade(_)
            | Message::MiniTicker(_)
            | Message::Ticker(_) => Ok(()),
        }
    }

    fn on_liquidation(
        &mut self,
        origin: &mut Origin<'_>,
        of: Of<'_>,
        force: &ForceOrder<'_>,
    ) -> Result<(), Odd> {
        let (at, instrument) = self.place(origin, of, force.order.symbol)?;
        let event = translate::liquidation(instrument, &force.order).ok_or("an order of no known side")?;
        if self.admit(origin, at, instrument, Mark::Time(force.event_time_ns)) {
            self.queue.push(event);
        }
        Ok(())
    }

    fn on_contract(
        &mut self,
        origin: &mut Origin<'_>,
        of: Of<'_>,
        contract: &ContractInfo<'_>,
    ) -> Result<(), Odd> {
        let (at, instrument) = self.place(origin, of, contract.symbol)?;
        let (open, venue_time_ns) = (contract.state == "TRADING", Some(contract.event_time_ns));
        if self.admit(origin, at, instrument, Mark::Time(contract.event_time_ns)) {
            let event = InstrumentState { instrument, state: "", open, venue_time_ns };
            self.queue.push_with_words(Event::State(event), contract.state);
        }
        Ok(())
    }

    /// Tells a message if it is news.
    #[inline]
    fn tell(
        &mut self,
        origin: &mut Origin<'_>,
        of: Of<'_>,
        symbol: &str,
        mark: Mark,
        event: impl FnOnce(Instrument) -> Event<'static>,
    ) -> Result<(), Odd> {
        let (stream, instrument) = self.place(origin, of, symbol)?;
        if self.admit(origin, stream, instrument, mark) {
            self.queue.push(event(instrument));
        }
        Ok(())
    }

    /// The stream and the instrument of a message.
    #[inline]
    pub(in crate::binance) fn place(
        &mut self,
        origin: &Origin<'_>,
        of: Of<'_>,
        symbol: &str,
    ) -> Result<(Option<usize>, Instrument), Odd> {
        let Owner::Link(at) = origin.owner else { return Err("market data on the API") };
        let Some(link) = self.links.get(at) else { return Err("market data of no connection") };
        match of {
            Of::Named(name) => {
                let stream = link.streams.subscriptions.find(name);
                let subject = stream.and_then(|stream| link.streams.subject(stream));
                let is_it = |subject: &Instrument| self.symbols.name(*subject) == Some(symbol);
                match subject.filter(is_it) {
                    Some(subject) => Ok((stream, subject)),
                    None if subject.is_some() && self.has_one_subject(name) => {
                        Err("a message of another symbol than its stream's")
                    }
                    None => Ok((stream, self.instrument(symbol)?)),
                }
            }
            Of::Kind(kind) => {
                let instrument = self.instrument(symbol)?;
                let link = self.links.get(at);
                Ok((kind.zip(link).and_then(|(kind, link)| link.stream_of(instrument, kind)), instrument))
            }
        }
    }

    /// Whether a stream of a symbol tells of no other: not one of an underlying or a pair.
    #[cold]
    fn has_one_subject(&self, name: &str) -> bool {
        let suffix = name.split_once('@').map(|(_, suffix)| suffix);
        self.config.product != Product::Options && suffix.and_then(Kind::of).is_some()
    }

    /// Whether a message is news: no other connection has brought it, and nothing before it is still to come. Tells what
    /// is missing before it.
    #[inline]
    pub(in crate::binance) fn admit(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<usize>,
        instrument: Instrument,
        mark: Mark,
    ) -> bool {
        self.verdict(origin, stream, instrument, mark).is_some_and(|verdict| match verdict {
            Verdict::Next | Verdict::Gap(_) => true,
            Verdict::Ahead | Verdict::Copy | Verdict::Repeat => false,
        })
    }

    /// The same in detail; `None` for what has no place in an order and is no news.
    #[inline]
    fn verdict(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<usize>,
        instrument: Instrument,
        mark: Mark,
    ) -> Option<Verdict> {
        let (Owner::Link(at), Some(stream)) = (origin.owner, stream) else {
            return self.is_news(origin).then_some(Verdict::Next);
        };
        let link = self.links.get_mut(at)?;
        let verdict = link.streams.judge((stream, instrument), origin.route.leg, mark, origin.now);
        match verdict {
            Verdict::Next | Verdict::Copy | Verdict::Repeat => {}
            Verdict::Ahead => self.restless = true,
            Verdict::Gap(hole) => {
                let instrument = link.streams.is_shared(stream, instrument).then_some(instrument);
                self.tell_gap(at, StreamGap { stream, instrument, hole });
            }
        }
        Some(verdict)
    }

    /// Whether a text that has no place in an order is news.
    #[cold]
    fn is_news(&mut self, origin: &mut Origin<'_>) -> bool {
        let leg = origin.route.leg;
        *origin.is_news.get_or_insert_with(|| match origin.owner {
            Owner::Link(at) => {
                self.links.get_mut(at).is_none_or(|link| link.streams.is_news(leg, origin.text))
            }
            Owner::Api => self.api.as_mut().is_none_or(|api| api.is_news(leg, origin.text)),
        })
    }

    /// Spot numbers its trades one by one; those of other products leave some out.
    fn trade_mark(&self, id: u64) -> Mark {
        match self.config.product.rule() {
            Rule::Contiguous => Mark::counted(id),
            Rule::Chained => Mark::Rising(id),
        }
    }

    #[inline]
    pub(in crate::binance) fn on_quote(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<usize>,
        quote: Quote,
    ) {
        let mark = Mark::Rising(quote.update_id.unwrap_or(0));
        if !self.admit(origin, stream, quote.instrument, mark) {
            return;
        }
        self.queue.push(Event::Quote(quote));
        let Self { keepers, queue, .. } = self;
        if let Some(keeper) = keepers.get_mut(at(quote.instrument)).and_then(Option::as_mut) {
            let before = keeper.fetch;
            keeper.on_quote(quote, origin.now, &mut |event| queue.push(event));
            self.restless |= keeper.fetch != before;
        }
    }

    pub(in crate::binance) fn on_other(&mut self, origin: &mut Origin<'_>, kind: &str) -> Result<(), Odd> {
        if self.is_news(origin) {
            self.tell_other(kind);
        }
        Ok(())
    }

    pub(super) fn tell_other(&mut self, kind: &str) {
        self.queue.push_with_words(Event::Other { kind: "" }, kind);
    }

    fn on_index(
        &mut self,
        origin: &mut Origin<'_>,
        of: Of<'_>,
        name: &str,
        price: Decimal,
        time_ns: u64,
    ) -> Result<(), Odd> {
        self.tell(origin, of, name, Mark::Time(time_ns), |of| translate::index(of, price, time_ns))
    }

    fn on_candle(
        &mut self,
        origin: &mut Origin<'_>,
        of: Of<'_>,
        symbol: &str,
        what: CandleOf,
        kline: Kline<'_>,
    ) -> Result<(), Odd> {
        let (stream, instrument) = self.place(origin, of, symbol)?;
        let Some(event) = translate::candle(instrument, what, &kline.candle, kline.event_time_ns) else {
            return self.on_other(origin, "kline of an unknown interval");
        };
        if self.admit(origin, stream, instrument, Mark::Time(kline.event_time_ns)) {
            self.queue.push(event);
        }
        Ok(())
    }

    fn on_depth(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<&str>,
        update: DepthUpdate<'_>,
    ) -> Result<(), Odd> {
        let kind = depth_kind(stream, self.usual_depth);
        let venue_time_ns = update.transaction_time_ns.unwrap_or(update.event_time_ns);
        match kind {
            DepthKind::Rpi => self.on_other(origin, "rpiDepth"),
            DepthKind::Partial => {
                let of = Of::new(stream, Some(Kind::Partial));
                let (stream, instrument) = self.place(origin, of, update.symbol)?;
                self.on_picture(origin, stream, instrument, update.last_id, Some(venue_time_ns));
                Ok(())
            }
            DepthKind::Diff => {
                let of = Of::new(stream, Some(Kind::Diff));
                let (stream, instrument) = self.place(origin, of, update.symbol)?;
                self.on_diff(origin, stream, instrument, update, venue_time_ns);
                Ok(())
            }
        }
    }

    pub(in crate::binance) fn on_diff(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<usize>,
        instrument: Instrument,
        update: DepthUpdate<'_>,
        venue_time_ns: u64,
    ) {
        let DepthUpdate { first_id, last_id, previous_id, bids, asks, .. } = update;
        let previous = match self.config.product.rule() {
            Rule::Contiguous => Some(first_id.saturating_sub(1)),
            Rule::Chained => previous_id,
        };
        let verdict = self.verdict(origin, stream, instrument, Mark::Id { id: last_id, previous });
        let Self { keepers, queue, .. } = self;
        let keeper = keepers.get_mut(at(instrument)).and_then(Option::as_mut);
        let fed = match (origin.owner, stream) {
            (Owner::Link(link), Some(stream)) => {
                keeper.filter(|keeper| (keeper.link, keeper.stream) == (link, stream))
            }
            _ => None,
        };
        match verdict {
            Some(Verdict::Next | Verdict::Gap(_)) => {}
            Some(Verdict::Repeat) => {
                fed.into_iter().for_each(|keeper| keeper.on_repeat(last_id, &mut |event| queue.push(event)));
                return;
            }
            Some(Verdict::Ahead | Verdict::Copy) | None => return,
        }
        queue.push_with_levels(Event::Delta(Delta {
            instrument,
            first_id,
            last_id,
            previous_id,
            bids: &[],
            asks: &[],
            venue_time_ns,
        }));
        if let Some(keeper) = fed {
            if let Some(Verdict::Gap(hole)) = verdict
                && hole.is_new_count()
            {
                keeper.on_new_count(hole, origin.now, &mut |event| queue.push(event));
            }
            let before = keeper.fetch;
            let update = Update { first_id, last_id, previous_id, bids, asks };
            keeper.on_diff(update, origin.now, &mut |event| queue.push(event));
            self.restless |= keeper.fetch != before;
        }
    }

    fn on_partial(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<&str>,
        partial: PartialDepth<'_>,
    ) -> Result<(), Odd> {
        let (at, instrument) = match (stream, self.symbols.count()) {
            (Some(stream), _) => {
                let symbol = stream.split_once('@').map_or(stream, |(symbol, _)| symbol);
                let instrument = self.instrument(symbol)?;
                let Owner::Link(link) = origin.owner else { return Err("market data on the API") };
                (self.links.get(link).and_then(|link| link.streams.subscriptions.find(stream)), instrument)
            }
            (None, 1) => {
                let Owner::Link(link) = origin.owner else { return Err("market data on the API") };
                let link = self.links.get(link);
                (link.and_then(|link| link.stream_of(Instrument(0), Kind::Partial)), Instrument(0))
            }
            (None, _) => return Err("partial depth that names no symbol"),
        };
        self.on_picture(origin, at, instrument, partial.update_id, partial.transaction_time_ns);
        Ok(())
    }

    pub(in crate::binance) fn on_picture(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<usize>,
        instrument: Instrument,
        update_id: u64,
        venue_time_ns: Option<u64>,
    ) {
        if self.admit(origin, stream, instrument, Mark::Time(update_id)) {
            let (bids, asks, partial) = (&[], &[], true);
            let picture = Snapshot { instrument, update_id, bids, asks, partial, venue_time_ns };
            self.queue.push_with_levels(Event::Snapshot(picture));
        }
    }

    #[inline]
    pub(super) fn instrument(&mut self, symbol: &str) -> Result<Instrument, Odd> {
        match self.symbols.find(symbol) {
            Some(known) => Ok(known),
            None if self.open_ended => self.symbols.intern(symbol).ok_or("too many symbols"),
            None => Err("a symbol that is not followed"),
        }
    }
}
