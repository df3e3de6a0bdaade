//! What messages mean for the events, the books and the requests of a session.

mod settle;

use std::{collections::VecDeque, time::Instant};

use rustc_hash::FxHashMap;

#[cfg(feature = "sign")]
use super::account::Account;
use super::{
    config::{Config, Plan, stream_name},
    keeper::{Fetch, Keeper},
    product::{Product, Snapshots},
    stream::{DepthKind, Stream, depth_kind},
    subscribe::Subscriptions,
    sync::Update,
    translate,
    wire::{Answer, Body, DepthUpdate, Id, Message, PartialDepth, Refusal},
};
use crate::{
    event::{
        CandleOf, Delta, Event, Instrument, InstrumentState, Outcome, Quote, Rejection, Request, Snapshot,
        Status, StatusKind,
    },
    pace::Pace,
    queue::Queue,
    session::{Now, Route},
    symbols::{Symbols, at},
};

#[derive(Debug)]
pub(super) struct Market {
    pub(super) symbols: Symbols,
    /// By instrument; empty when no book is kept.
    pub(super) keepers: Vec<Keeper>,
    /// What follows the `@` of the stream that feeds the books.
    book: Option<String>,
    /// The stream connections, by route.
    pub(super) links: Vec<Link>,
    /// The connection behind those, for snapshots; there only if it is needed.
    pub(super) api_open: Option<bool>,
    snapshots: Snapshots,
    snapshot_pace: Pace,
    #[cfg(feature = "sign")]
    account: Option<Account>,
    /// Symbols that are not configured may appear: a stream of the whole market is followed.
    open_ended: bool,
    /// What a `depthUpdate` is when its stream is not named.
    usual_depth: DepthKind,
    next_id: u64,
    /// Something changed that may call for a request.
    restless: bool,
    pub(super) wake: Option<Instant>,
    pub(super) queue: Queue,
    pub(super) commands: VecDeque<Asking>,
}

/// A stream connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) subscriptions: Subscriptions,
    pub(super) open: bool,
}

/// A command without its text.
#[derive(Debug)]
pub(super) enum Asking {
    Subscribe {
        link: usize,
        chunk: usize,
        id: u64,
    },
    Snapshot {
        instrument: Instrument,
        id: u64,
    },
    #[cfg(feature = "sign")]
    SignIn {
        text: String,
    },
}

/// What is odd about a well-formed message.
pub(super) type Odd = &'static str;

impl Market {
    pub(super) fn new(config: &Config, plan: Plan) -> Self {
        let product = config.product;
        let mut symbols = Symbols::default();
        for symbol in &plan.symbols {
            if let Some(instrument) = symbols.intern(symbol) {
                symbols.alias(instrument, &symbol.to_ascii_lowercase());
            }
        }
        let keepers = keepers(config, &plan);
        let (budget, span) = product.weight_budget();
        let api = needs_api(config, &plan);
        let requests = product.requests_per_second();
        let link = |names| Link { subscriptions: Subscriptions::new(names, requests), open: false };
        Self {
            symbols,
            keepers,
            book: plan.book,
            links: plan.links.into_iter().map(|plan| link(plan.names)).collect(),
            api_open: api.then_some(false),
            snapshots: config.snapshots,
            snapshot_pace: Pace::new(budget / product.snapshot_weight(config.snapshot_limit), span),
            #[cfg(feature = "sign")]
            account: config.account.clone().map(Account::new),
            open_ended: !config.markets.is_empty(),
            usual_depth: usual_depth(config),
            next_id: 1,
            restless: false,
            wake: None,
            queue: Queue::default(),
            commands: VecDeque::new(),
        }
    }

    /// The route of the API.
    pub(super) fn api(&self) -> Route {
        Route(self.links.len())
    }

    /// Whether a connection is open; `None` for one that does not exist.
    pub(super) fn is_open(&self, route: Route) -> Option<bool> {
        match self.links.get(route.0) {
            Some(link) => Some(link.open),
            None => self.api_open.filter(|_| route == self.api()),
        }
    }

    pub(super) fn on_open(&mut self, route: Route, now: Now) {
        if let Some(link) = self.links.get_mut(route.0) {
            link.open = true;
            link.subscriptions.reset();
            let fed = self.keepers.iter_mut().filter(|keeper| keeper.link == route.0);
            fed.for_each(Keeper::on_stream_open);
        } else {
            self.api_open = Some(true);
            #[cfg(feature = "sign")]
            self.account.iter_mut().for_each(|account| account.on_open(now.instant));
        }
        self.restless = true;
        self.settle(now);
    }

    pub(super) fn on_closed(&mut self, route: Route, now: Now) {
        let queue = &mut self.queue;
        if let Some(link) = self.links.get_mut(route.0) {
            link.open = false;
            self.commands
                .retain(|asking| !matches!(asking, Asking::Subscribe { link, .. } if *link == route.0));
            for keeper in self.keepers.iter_mut().filter(|keeper| keeper.link == route.0) {
                keeper.on_stream_closed(&mut |event| queue.push(event));
            }
        } else {
            self.api_open = Some(false);
            let fetches = self.snapshots == Snapshots::Rest;
            self.commands.retain(|asking| match asking {
                Asking::Subscribe { .. } => true,
                Asking::Snapshot { .. } => fetches,
                #[cfg(feature = "sign")]
                Asking::SignIn { .. } => false,
            });
            #[cfg(feature = "sign")]
            self.account.iter_mut().for_each(Account::on_closed);
            let asked_there = self.keepers.iter_mut().filter(|_| !fetches);
            asked_there.for_each(|keeper| keeper.on_unanswered(now.instant));
        }
        self.restless = true;
        self.settle(now);
    }

    pub(super) fn on_message(
        &mut self,
        route: Route,
        stream: Option<&str>,
        message: Message<'_>,
        moment: Now,
    ) -> Result<(), Odd> {
        let now = moment.instant;
        let link = (route != self.api()).then_some(route.0);
        match (message, link) {
            (Message::Answer(answer), Some(link)) => self.on_control_answer(link, answer, now),
            (Message::Answer(answer), None) => self.on_api_answer(answer, moment),
            (Message::ServerShutdown(notice), _) => {
                let venue_time_ns = Some(notice.event_time_ns);
                self.queue.push(Event::Status(Status {
                    kind: StatusKind::Shutdown,
                    text: "",
                    venue_time_ns,
                }));
                Ok(())
            }
            (Message::Account { kind, event_time_ns }, _) => {
                let event = Event::Account { kind: "", venue_time_ns: event_time_ns };
                self.queue.push_with_words(event, kind);
                #[cfg(feature = "sign")]
                if kind == "eventStreamTerminated" {
                    self.restless = true;
                    self.account.iter_mut().for_each(|account| account.on_terminated(now));
                }
                Ok(())
            }
            (Message::Other { kind }, _) => self.on_other(kind),
            (_, None) => Err("market data on the API"),
            (message, Some(_)) => self.on_market(stream, message, now),
        }
    }

    fn on_market(&mut self, stream: Option<&str>, message: Message<'_>, now: Instant) -> Result<(), Odd> {
        let event = match message {
            Message::DepthUpdate(update) => return self.on_depth(stream, update, now),
            Message::PartialDepth(partial) => return self.on_partial(stream, partial),
            Message::BookTicker(ticker) => {
                let quote = translate::quote(self.instrument(ticker.symbol)?, &ticker);
                self.on_quote(quote, now);
                return Ok(());
            }
            Message::Trade(trade) => translate::trade(self.instrument(trade.symbol)?, &trade),
            Message::AggTrade(trade) => translate::agg_trade(self.instrument(trade.symbol)?, &trade),
            Message::BlockTrade(trade) => translate::block_trade(self.instrument(trade.symbol)?, &trade),
            Message::MiniTicker(ticker) => translate::mini_ticker(self.instrument(ticker.symbol)?, &ticker),
            Message::Ticker(ticker) => translate::ticker(self.instrument(ticker.symbol)?, &ticker),
            Message::MarkPrice(mark) => translate::mark(self.instrument(mark.symbol)?, &mark),
            Message::OptionMarkPrice(mark) => translate::option_mark(self.instrument(mark.symbol)?, &mark),
            Message::Kline(kline) => {
                let symbol = kline.symbol.or(kline.candle.symbol).ok_or("a candle without a symbol")?;
                return self.on_candle(symbol, CandleOf::Trades, kline);
            }
            Message::MarkPriceKline(kline) => {
                let symbol = kline.candle.symbol.or(kline.symbol).or(kline.pair);
                return self.on_candle(symbol.ok_or("a candle without a symbol")?, CandleOf::Mark, kline);
            }
            Message::IndexPriceKline(kline) => {
                let pair = kline.pair.or(kline.symbol);
                return self.on_candle(pair.ok_or("a candle without a pair")?, CandleOf::Index, kline);
            }
            Message::IndexPrice(index) => {
                let name = index.pair.or(index.symbol).ok_or("an index without a name")?;
                translate::index(self.instrument(name)?, index.price, index.event_time_ns)
            }
            Message::CompositeIndex(index) => {
                translate::index(self.instrument(index.symbol)?, index.price, index.event_time_ns)
            }
            Message::AssetIndex(index) => {
                translate::index(self.instrument(index.symbol)?, index.price, index.event_time_ns)
            }
            Message::ForceOrder(force) => {
                let instrument = self.instrument(force.order.symbol)?;
                translate::liquidation(instrument, &force.order).ok_or("an order of no known side")?
            }
            Message::ContractInfo(contract) => {
                let instrument = self.instrument(contract.symbol)?;
                let open = contract.state == "TRADING";
                let venue_time_ns = Some(contract.event_time_ns);
                let event = Event::State(InstrumentState { instrument, state: "", open, venue_time_ns });
                self.queue.push_with_words(event, contract.state);
                return Ok(());
            }
            Message::ContinuousKline(_) => return self.on_other("continuous_kline"),
            Message::AvgPrice(_) => return self.on_other("avgPrice"),
            Message::ReferencePrice(_) => return self.on_other("referencePrice"),
            Message::Answer(_)
            | Message::ServerShutdown(_)
            | Message::Account { .. }
            | Message::Other { .. } => return Ok(()),
        };
        self.queue.push(event);
        Ok(())
    }

    pub(super) fn on_quote(&mut self, quote: Quote, now: Instant) {
        self.queue.push(Event::Quote(quote));
        if let Some(keeper) = self.keepers.get_mut(at(quote.instrument)) {
            let before = keeper.fetch;
            keeper.on_quote(quote, now, &mut |event| self.queue.push(event));
            self.restless |= keeper.fetch != before;
        }
    }

    pub(super) fn on_other(&mut self, kind: &str) -> Result<(), Odd> {
        self.queue.push_with_words(Event::Other { kind: "" }, kind);
        Ok(())
    }

    fn on_candle(&mut self, symbol: &str, of: CandleOf, kline: super::wire::Kline<'_>) -> Result<(), Odd> {
        let instrument = self.instrument(symbol)?;
        match translate::candle(instrument, of, &kline.candle, kline.event_time_ns) {
            Some(event) => {
                self.queue.push(event);
                Ok(())
            }
            None => self.on_other("kline of an unknown interval"),
        }
    }

    pub(super) fn on_depth(
        &mut self,
        stream: Option<&str>,
        update: DepthUpdate<'_>,
        now: Instant,
    ) -> Result<(), Odd> {
        let instrument = self.instrument(update.symbol)?;
        let DepthUpdate { first_id, last_id, previous_id, bids, asks, .. } = update;
        let venue_time_ns = update.transaction_time_ns.unwrap_or(update.event_time_ns);
        match depth_kind(stream, self.usual_depth) {
            DepthKind::Rpi => return self.on_other("rpiDepth"),
            DepthKind::Partial => {
                let venue_time_ns = Some(venue_time_ns);
                self.push_picture(instrument, last_id, venue_time_ns);
                return Ok(());
            }
            DepthKind::Diff => {}
        }
        self.queue.push_with_levels(Event::Delta(Delta {
            instrument,
            first_id,
            last_id,
            previous_id,
            bids: &[],
            asks: &[],
            venue_time_ns,
        }));
        if self.feeds_book(stream)
            && let Some(keeper) = self.keepers.get_mut(at(instrument))
        {
            let update = Update { first_id, last_id, previous_id, bids, asks };
            let before = keeper.fetch;
            keeper.on_diff(update, now, &mut |event| self.queue.push(event));
            self.restless |= keeper.fetch != before;
        }
        Ok(())
    }

    /// Whether a diff is of the stream that the books follow: those of another speed have a chain of their own.
    fn feeds_book(&self, stream: Option<&str>) -> bool {
        let kind = stream.and_then(|stream| stream.split_once('@')).map(|(_, kind)| kind);
        kind.is_none() || kind == self.book.as_deref()
    }

    fn on_partial(&mut self, stream: Option<&str>, partial: PartialDepth<'_>) -> Result<(), Odd> {
        let instrument = match (stream, self.symbols.count()) {
            (Some(stream), _) => {
                self.instrument(stream.split_once('@').map_or(stream, |(symbol, _)| symbol))?
            }
            (None, 1) => Instrument(0),
            (None, _) => return Err("partial depth that names no symbol"),
        };
        self.push_picture(instrument, partial.update_id, partial.transaction_time_ns);
        Ok(())
    }

    pub(super) fn push_picture(
        &mut self,
        instrument: Instrument,
        update_id: u64,
        venue_time_ns: Option<u64>,
    ) {
        let (bids, asks, partial) = (&[], &[], true);
        let picture = Snapshot { instrument, update_id, bids, asks, partial, venue_time_ns };
        self.queue.push_with_levels(Event::Snapshot(picture));
    }

    fn on_control_answer(&mut self, link: usize, answer: Answer<'_>, now: Instant) -> Result<(), Odd> {
        let id = number(answer.id);
        let answered =
            |links: &mut [Link], confirmed| links.get_mut(link)?.subscriptions.answered(id?, confirmed);
        self.restless = true;
        match answer.body {
            Body::Done => {
                let Some(chunk) = answered(&mut self.links, true) else { return self.on_other("answer") };
                let streams = self.links.get(link).map_or(0, |link| link.subscriptions.names(chunk).len());
                let pending = self.links.iter().map(|link| link.subscriptions.pending()).sum();
                self.queue.push(Event::Subscribed { streams, pending });
                let fed = |keeper: &&mut Keeper| (keeper.link, keeper.chunk) == (link, chunk);
                self.keepers.iter_mut().filter(fed).for_each(|keeper| keeper.on_confirmed(now));
                Ok(())
            }
            Body::Refused(refusal) => {
                let known = answered(&mut self.links, false).is_some();
                let request = if known { Request::Subscribe } else { Request::Unknown };
                self.tell_rejected(request, None, refusal, Outcome::Final);
                Ok(())
            }
            Body::Snapshot(_) => Err("a snapshot on the stream"),
            Body::Other => self.on_other("answer"),
        }
    }

    fn on_api_answer(&mut self, answer: Answer<'_>, now: Now) -> Result<(), Odd> {
        #[cfg(feature = "sign")]
        if self.is_sign_in(&answer) {
            self.on_sign_in(answer, now);
            return Ok(());
        }
        let keeper = number(answer.id).and_then(|id| self.keeper_that_asked(id));
        match (keeper, answer.body) {
            (None, Body::Refused(refusal)) => {
                self.tell_rejected(Request::Unknown, None, refusal, Outcome::Final);
                Ok(())
            }
            (None, _) => self.on_other("answer"),
            (Some(keeper), Body::Snapshot(snapshot)) => {
                self.on_snapshot(keeper, snapshot, now.instant);
                Ok(())
            }
            (Some(keeper), Body::Refused(refusal)) => {
                self.on_refused(keeper, answer.status, refusal, now);
                Ok(())
            }
            (Some(_), Body::Done | Body::Other) => Err("a snapshot without a book"),
        }
    }

    /// Whether an answer is about the account: to its request, or that it is signed out.
    #[cfg(feature = "sign")]
    fn is_sign_in(&self, answer: &Answer<'_>) -> bool {
        let Some(account) = &self.account else { return false };
        number(answer.id).is_some_and(|id| account.asked(id))
            || (answer.id == Id::None && answer.status == Some(401))
    }

    #[cfg(feature = "sign")]
    fn on_sign_in(&mut self, answer: Answer<'_>, now: Now) {
        self.restless = true;
        let Some(account) = &mut self.account else { return };
        match answer.body {
            Body::Refused(refusal) => {
                let (outcome, hold) = account.on_refused(answer.status, refusal, now);
                hold.into_iter().for_each(|until| self.snapshot_pace.hold(until));
                self.tell_rejected(Request::SignIn, None, refusal, outcome);
            }
            _ if account.on_done(now.instant) => self.queue.push(Event::SignedIn),
            _ => {}
        }
    }

    /// The document of a snapshot asked for by HTTP; `None` is a snapshot that nobody waits for any more.
    pub(super) fn keeper_that_asked(&self, id: u64) -> Option<usize> {
        let asked = |keeper: &Keeper| matches!(keeper.fetch, Fetch::Asked { id: asked, .. } if asked == id);
        self.keepers.iter().position(asked)
    }

    pub(super) fn on_snapshot(&mut self, keeper: usize, snapshot: PartialDepth<'_>, now: Instant) {
        self.restless = true;
        if let Some(keeper) = self.keepers.get_mut(keeper) {
            let PartialDepth { update_id, bids, asks, .. } = snapshot;
            keeper.on_snapshot((update_id, bids, asks), now, &mut |event| self.queue.push(event));
        }
    }

    /// Nothing came of a request for a snapshot.
    pub(super) fn on_no_snapshot(&mut self, keeper: usize, now: Instant) {
        self.restless = true;
        let instrument = u32::try_from(keeper).ok().map(Instrument);
        if let Some(keeper) = self.keepers.get_mut(keeper) {
            keeper.on_failed(now);
            self.queue.push(Event::Unanswered { request: Request::Snapshot, instrument });
        }
    }

    pub(super) fn on_refused(&mut self, at: usize, status: Option<u64>, refusal: Refusal<'_>, now: Now) {
        self.restless = true;
        let Some(keeper) = self.keepers.get_mut(at) else { return };
        let (outcome, hold) = keeper.on_refused(status, refusal, now);
        hold.into_iter().for_each(|until| self.snapshot_pace.hold(until));
        let instrument = u32::try_from(at).ok().map(Instrument);
        self.tell_rejected(Request::Snapshot, instrument, refusal, outcome);
    }

    #[inline]
    pub(super) fn instrument(&mut self, symbol: &str) -> Result<Instrument, Odd> {
        match self.symbols.find(symbol) {
            Some(known) => Ok(known),
            None if self.open_ended => self.symbols.intern(symbol).ok_or("too many symbols"),
            None => Err("a symbol that is not followed"),
        }
    }

    fn tell_rejected(
        &mut self,
        request: Request,
        instrument: Option<Instrument>,
        refusal: Refusal<'_>,
        outcome: Outcome,
    ) {
        let Refusal { code, message, .. } = refusal;
        let rejection = Rejection { request, instrument, code, message: "", outcome };
        self.queue.push_with_words(Event::Rejected(rejection), message);
    }
}

/// Whether the WebSocket API is of use.
pub(super) fn needs_api(config: &Config, plan: &Plan) -> bool {
    (plan.book.is_some() && config.snapshots == Snapshots::Api) || config.has_account()
}

/// One for each symbol, by instrument, if books are kept.
fn keepers(config: &Config, plan: &Plan) -> Vec<Keeper> {
    let Some(suffix) = &plan.book else { return Vec::new() };
    let cross = config.streams.contains(&Stream::BookTicker);
    let rule = config.product.rule();
    let places: FxHashMap<&str, (usize, usize)> = plan
        .links
        .iter()
        .enumerate()
        .flat_map(|(link, plan)| {
            let names = plan.names.iter().enumerate();
            names.map(move |(position, name)| (name.as_str(), (link, Subscriptions::chunk_of(position))))
        })
        .collect();
    let keeper = |(instrument, symbol): (Instrument, &str)| {
        let place = *places.get(stream_name(symbol, suffix).as_str())?;
        Some(Keeper::new(instrument, place, rule, config.levels_max, cross))
    };
    // Each symbol's stream is in the plan, so none is left out.
    (0..).map(Instrument).zip(plan.symbols.iter().map(AsRef::as_ref)).filter_map(keeper).collect()
}

/// Spot's partial depth has a shape of its own, so that a `depthUpdate` there is a diff.
fn usual_depth(config: &Config) -> DepthKind {
    let partial = config.streams.iter().any(|stream| matches!(stream, Stream::PartialDepth { .. }));
    let spot = matches!(config.product, Product::Spot | Product::SpotSbe);
    if !spot && partial { DepthKind::Partial } else { DepthKind::Diff }
}

/// The number of an answer; our requests have no other ids.
fn number(id: Id<'_>) -> Option<u64> {
    match id {
        Id::Number(number) => u64::try_from(number).ok(),
        Id::None | Id::Text(_) => None,
    }
}
