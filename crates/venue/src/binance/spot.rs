//! What the messages of the spot market mean for the events, the books and the requests of a session.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use super::{
    config::{Config, DEPTH_SUFFIX},
    keeper::{Fetch, Keeper},
    pace::Pace,
    subscribe::Subscriptions,
    sync::Update,
    wire::{Answer, Body, Diff, Id, Message, Partial, Refusal, Ticker, Trade as WireTrade},
};
use crate::{
    error::Error,
    event::{Aggressor, Event, Fills, Instrument, Outcome, Quote, Request, Trade},
    session::Route,
};

pub(super) const STREAM: Route = Route(0);
pub(super) const API: Route = Route(1);

/// How long an answer may take before the request is sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What the session spends of the 6000 weight that one address has a minute; the rest is for others.
const WEIGHT_PER_MINUTE: usize = 5000;

#[derive(Debug)]
pub(super) struct Spot {
    pub(super) symbols: Vec<Box<str>>,
    /// Upper and lower case spelling to index.
    pub(super) index: HashMap<Box<str>, u32>,
    /// By instrument; empty when depth is off.
    pub(super) keepers: Vec<Keeper>,
    pub(super) subscriptions: Subscriptions,
    snapshot_pace: Pace,
    pub(super) snapshot_limit: u16,
    next_id: u64,
    pub(super) stream_open: bool,
    pub(super) api_open: bool,
    /// Something changed that may call for a request.
    restless: bool,
    pub(super) wake: Option<Instant>,
    pub(super) events: VecDeque<Queued>,
    /// The text that a queued event lends: at most one event a message does.
    pub(super) words: String,
    pub(super) commands: VecDeque<Asking>,
}

/// An event without what it will borrow.
#[derive(Debug)]
pub(super) enum Queued {
    Whole(Event<'static>),
    Delta { instrument: Instrument, first_id: u64, last_id: u64, venue_time_ns: u64 },
    Depth { instrument: Instrument, update_id: u64 },
    Rejected { request: Request, instrument: Option<Instrument>, code: i64, outcome: Outcome },
    Other,
}

/// A command without its text.
#[derive(Debug)]
pub(super) enum Asking {
    Subscribe { chunk: usize, id: u64 },
    Snapshot { instrument: Instrument, id: u64 },
}

impl Spot {
    pub(super) fn new(config: &Config, symbols: Vec<Box<str>>, names: Vec<String>) -> Self {
        let mut index = HashMap::new();
        for (at, symbol) in (0..).zip(&symbols) {
            index.insert(symbol.to_ascii_lowercase().into(), at);
            index.insert(symbol.clone(), at);
        }
        let books = names.iter().enumerate().filter(|(_, name)| name.ends_with(DEPTH_SUFFIX));
        let cross = config.streams.book_ticker;
        let keepers = (0..).zip(books).map(|(instrument, (position, _))| {
            let chunk = Subscriptions::chunk_of(position);
            Keeper::new(Instrument(instrument), chunk, config.levels_max, cross)
        });
        let snapshots_a_minute = WEIGHT_PER_MINUTE / weight(config.snapshot_limit);
        Self {
            index,
            keepers: keepers.collect(),
            symbols,
            subscriptions: Subscriptions::new(names),
            snapshot_pace: Pace::new(snapshots_a_minute, Duration::from_secs(60)),
            snapshot_limit: config.snapshot_limit,
            next_id: 1,
            stream_open: false,
            api_open: false,
            restless: false,
            wake: None,
            events: VecDeque::new(),
            words: String::new(),
            commands: VecDeque::new(),
        }
    }

    pub(super) fn count(&self) -> u32 {
        // Configurations hold at most 1024 symbols.
        u32::try_from(self.symbols.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn on_open(&mut self, route: Route, now: Instant) {
        if route == STREAM {
            self.stream_open = true;
            self.subscriptions.reset();
            self.keepers.iter_mut().for_each(Keeper::on_stream_open);
        } else {
            self.api_open = true;
        }
        self.restless = true;
        self.settle(now);
    }

    pub(super) fn on_closed(&mut self, route: Route, now: Instant) {
        let events = &mut self.events;
        if route == STREAM {
            self.stream_open = false;
            self.commands.retain(|asking| !matches!(asking, Asking::Subscribe { .. }));
            for keeper in &mut self.keepers {
                keeper.on_stream_closed(&mut |event| events.push_back(Queued::Whole(event)));
            }
        } else {
            self.api_open = false;
            self.commands.retain(|asking| !matches!(asking, Asking::Snapshot { .. }));
            self.keepers.iter_mut().for_each(|keeper| keeper.on_unanswered(now));
        }
        self.restless = true;
        self.settle(now);
    }

    pub(super) fn on_message(
        &mut self,
        route: Route,
        message: Message<'_>,
        text: &[u8],
        now: Instant,
    ) -> Result<(), Error> {
        let odd = match message {
            Message::Answer(answer) if route == STREAM => self.on_control_answer(answer, now),
            Message::Answer(answer) => self.on_api_answer(answer, now),
            Message::Shutdown { event_time_ns } => {
                self.tell(Event::ServerShutdown { event_time_ns });
                Ok(())
            }
            Message::Other { kind } => {
                self.tell_other(kind);
                Ok(())
            }
            _ if route != STREAM => Err("market data on the API"),
            Message::Trade(trade) => self.on_trade(trade),
            Message::Ticker(ticker) => self.on_ticker(ticker),
            Message::Diff(diff) => self.on_diff(diff, now),
            Message::Partial(partial) => self.on_partial(partial),
        };
        odd.map_err(|what| Error::unexpected(what, text))
    }

    fn on_trade(&mut self, trade: WireTrade<'_>) -> Result<(), Odd> {
        let instrument = self.find(trade.symbol)?;
        self.tell(Event::Trade(Trade {
            instrument,
            id: trade.id,
            price: trade.price,
            quantity: trade.quantity,
            taker: if trade.buyer_is_maker { Aggressor::Sell } else { Aggressor::Buy },
            fills: trade.fills.map(|(first_id, last_id)| Fills { first_id, last_id }),
            venue_time_ns: trade.trade_time_ns,
            event_time_ns: trade.event_time_ns,
        }));
        Ok(())
    }

    fn on_ticker(&mut self, ticker: Ticker<'_>) -> Result<(), Odd> {
        let instrument = self.find(ticker.symbol)?;
        let Ticker { update_id, bid, ask, .. } = ticker;
        let quote = Quote { instrument, update_id, bid, ask };
        self.tell(Event::Quote(quote));
        if let Some(keeper) = self.keepers.get_mut(at(instrument)) {
            keeper.on_quote(quote, &mut |event| self.events.push_back(Queued::Whole(event)));
        }
        Ok(())
    }

    fn on_diff(&mut self, diff: Diff<'_>, now: Instant) -> Result<(), Odd> {
        let instrument = self.find(diff.symbol)?;
        let Diff { first_id, last_id, bids, asks, event_time_ns, .. } = diff;
        self.events.push_back(Queued::Delta { instrument, first_id, last_id, venue_time_ns: event_time_ns });
        if let Some(keeper) = self.keepers.get_mut(at(instrument)) {
            let update = Update { first_id, last_id, bids, asks };
            let before = keeper.fetch;
            keeper.on_diff(update, now, &mut |event| {
                self.events.push_back(Queued::Whole(event));
            });
            self.restless |= keeper.fetch != before;
        }
        Ok(())
    }

    fn on_partial(&mut self, partial: Partial<'_>) -> Result<(), Odd> {
        let instrument = match (partial.stream, self.symbols.len()) {
            (Some(stream), _) => self.find(stream.split_once('@').map_or(stream, |(symbol, _)| symbol))?,
            (None, 1) => Instrument(0),
            (None, _) => return Err("partial depth that names no symbol"),
        };
        self.events.push_back(Queued::Depth { instrument, update_id: partial.update_id });
        Ok(())
    }

    fn on_control_answer(&mut self, answer: Answer<'_>, now: Instant) -> Result<(), Odd> {
        match answer.body {
            Body::Done => {
                let Some(chunk) = number(answer.id).and_then(|id| self.subscriptions.answered(id, true))
                else {
                    self.tell_other("answer");
                    return Ok(());
                };
                let streams = self.subscriptions.names(chunk).len();
                self.tell(Event::Subscribed { streams, pending: self.subscriptions.pending() });
                let confirmed = self.keepers.iter_mut().filter(|keeper| keeper.chunk == chunk);
                confirmed.for_each(|keeper| keeper.on_confirmed(now));
            }
            Body::Refused(refusal) => {
                let known = number(answer.id).and_then(|id| self.subscriptions.answered(id, false));
                let request = if known.is_some() { Request::Subscribe } else { Request::Unknown };
                self.tell_rejected(request, None, refusal, Outcome::Final);
            }
            Body::Snapshot { .. } => return Err("a snapshot on the stream"),
            Body::Other => self.tell_other("answer"),
        }
        self.restless = true;
        Ok(())
    }

    fn on_api_answer(&mut self, answer: Answer<'_>, now: Instant) -> Result<(), Odd> {
        let asked = |keeper: &Keeper| matches!(keeper.fetch, Fetch::Asked { id, .. } if number(answer.id) == Some(id));
        let Some(instrument) = self.keepers.iter().position(asked) else {
            match answer.body {
                Body::Refused(refusal) => {
                    self.tell_rejected(Request::Unknown, None, refusal, Outcome::Final);
                }
                _ => self.tell_other("answer"),
            }
            return Ok(());
        };
        self.restless = true;
        let Some(keeper) = self.keepers.get_mut(instrument) else {
            return Ok(());
        };
        match answer.body {
            Body::Snapshot { update_id, bids, asks } => {
                let tell = &mut |event| self.events.push_back(Queued::Whole(event));
                keeper.on_snapshot((update_id, bids, asks), now, tell);
            }
            Body::Refused(refusal) => {
                let (outcome, hold) = keeper.on_refused(answer.status, refusal, now);
                if let Some(until) = hold {
                    self.snapshot_pace.hold(until);
                }
                let instrument = u32::try_from(instrument).ok().map(Instrument);
                self.tell_rejected(Request::Snapshot, instrument, refusal, outcome);
            }
            Body::Done | Body::Other => return Err("a snapshot without a book"),
        }
        Ok(())
    }

    /// Sends what may be sent, gives up on what is overdue, and finds out when to look again. A message
    /// that changes nothing of that costs a comparison.
    pub(super) fn settle(&mut self, now: Instant) {
        if !self.restless && self.wake.is_none_or(|wake| now < wake) {
            return;
        }
        self.restless = false;
        let until = now + ANSWER_TIMEOUT;
        if self.stream_open {
            for _ in 0..self.subscriptions.expire(now) {
                self.tell(Event::Unanswered { request: Request::Subscribe, instrument: None });
            }
            while let Some((chunk, id)) = self.subscriptions.next(&mut self.next_id, now, until) {
                self.commands.push_back(Asking::Subscribe { chunk, id });
            }
        }
        self.settle_snapshots(now, until);
        let subscribe = if self.stream_open { self.subscriptions.deadline(now) } else { None };
        let free = self.snapshot_pace.free_at(now);
        let due = |keeper: &Keeper| match keeper.fetch {
            Fetch::Due(at) if self.api_open => Some(at.max(free)),
            Fetch::Asked { until, .. } => Some(until),
            _ => None,
        };
        self.wake = self.keepers.iter().filter_map(due).chain(subscribe).min();
    }

    fn settle_snapshots(&mut self, now: Instant, until: Instant) {
        for (instrument, keeper) in (0..).map(Instrument).zip(&mut self.keepers) {
            if matches!(keeper.fetch, Fetch::Asked { until, .. } if until <= now) {
                keeper.on_unanswered(now);
                let request = Request::Snapshot;
                let event = Event::Unanswered { request, instrument: Some(instrument) };
                self.events.push_back(Queued::Whole(event));
            }
            let due = matches!(keeper.fetch, Fetch::Due(at) if at <= now);
            if self.api_open && due && self.snapshot_pace.take(now).is_ok() {
                let id = self.next_id;
                self.next_id += 1;
                keeper.fetch = Fetch::Asked { id, until };
                self.commands.push_back(Asking::Snapshot { instrument, id });
            }
        }
    }

    fn find(&self, symbol: &str) -> Result<Instrument, Odd> {
        let found = self.index.get(symbol).copied().map(Instrument);
        found.ok_or("a symbol that is not followed")
    }

    fn tell(&mut self, event: Event<'static>) {
        self.events.push_back(Queued::Whole(event));
    }

    fn tell_other(&mut self, kind: &str) {
        self.lend(kind);
        self.events.push_back(Queued::Other);
    }

    fn tell_rejected(
        &mut self,
        request: Request,
        instrument: Option<Instrument>,
        refusal: Refusal<'_>,
        outcome: Outcome,
    ) {
        self.lend(refusal.message);
        self.events.push_back(Queued::Rejected { request, instrument, code: refusal.code, outcome });
    }

    fn lend(&mut self, words: &str) {
        self.words.clear();
        self.words.push_str(words);
    }
}

/// What is odd about a well-formed message.
type Odd = &'static str;

pub(super) fn at(instrument: Instrument) -> usize {
    // An index that does not fit is beyond every list.
    usize::try_from(instrument.0).unwrap_or(usize::MAX)
}

/// The number of an answer; our requests have no other ids.
fn number(id: Id<'_>) -> Option<u64> {
    match id {
        Id::Number(number) => u64::try_from(number).ok(),
        Id::Null | Id::Text(_) => None,
    }
}

/// What the venue charges for a snapshot.
fn weight(limit: u16) -> usize {
    match limit {
        0..=100 => 5,
        101..=500 => 25,
        501..=1000 => 50,
        _ => 250,
    }
}
