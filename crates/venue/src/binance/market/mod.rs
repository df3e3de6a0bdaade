//! What a session follows, and what happens to it: its streams, its books, its connections.

mod answers;
mod messages;
mod settle;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

pub(super) use messages::{Odd, Of, Origin};

use super::{
    api::Api,
    config::{Config, Plan},
    keeper::{Fetch, Keeper},
    link::Link,
    product::{Class, Product, Snapshots, class_of},
    stream::{DepthKind, Kind, Stream},
};
use crate::{
    error::ConfigError,
    event::{Event, Gap, Instrument},
    order::{LegCounts, StreamGap},
    pace::Pace,
    queue::Queue,
    route::Route,
    session::{Ending, Endpoint, Now},
    subscriptions::{Aim, Subscriptions},
    symbols::{Symbols, at},
};

#[derive(Debug)]
pub(super) struct Market {
    config: Config,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) symbols: Symbols,
    /// By instrument, of those that a book is kept of.
    keepers: Vec<Option<Keeper>>,
    /// What follows the `@` of the stream that feeds the books.
    book: Option<String>,
    /// The stream endpoints.
    pub(super) links: Vec<Link>,
    /// There when snapshots come from it or somebody signs in.
    pub(super) api: Option<Api>,
    snapshot_pace: Pace,
    /// The venue has answered a request: what others at this address have used before is known, if it tells.
    weight_known: bool,
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

/// A command without its text.
#[derive(Debug)]
pub(super) enum Asking {
    Streams {
        link: usize,
        leg: usize,
        aim: Aim,
        id: u64,
    },
    Snapshot {
        instrument: Instrument,
        leg: Option<usize>,
        id: u64,
    },
    #[cfg(feature = "sign")]
    SignIn {
        leg: usize,
        text: String,
    },
    /// The venue is about to close a connection, or it does not bring what it should.
    Renew(Route),
    /// A connection brings nothing.
    Replace(Route),
}

/// Whose connection a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Link(usize),
    Api,
}

impl Market {
    pub(super) fn new(config: Config, plan: Plan) -> Self {
        let product = config.product;
        let mut symbols = Symbols::default();
        for symbol in &plan.symbols {
            if let Some(instrument) = symbols.intern(symbol) {
                symbols.alias(instrument, &symbol.to_ascii_lowercase());
            }
        }
        let (budget, span) = product.weight_budget();
        let mut market = Self {
            endpoints: Vec::new(),
            symbols,
            keepers: Vec::new(),
            book: plan.book,
            links: Vec::new(),
            api: None,
            snapshot_pace: Pace::new(budget / product.snapshot_weight(config.snapshot_limit), span),
            weight_known: false,
            open_ended: !config.markets.is_empty(),
            usual_depth: usual_depth(&config),
            next_id: 1,
            restless: false,
            wake: None,
            queue: Queue::default(),
            commands: VecDeque::new(),
            config,
        };
        // Books and what changes with them first: their endpoints come first, too.
        let (public, others): (Vec<_>, Vec<_>) =
            plan.names.iter().partition(|name| market.class_of(name) == Class::Public);
        for name in public.into_iter().chain(others) {
            market.follow(name, None);
        }
        market.ensure_api();
        market
    }

    /// Follows one more stream, by a name that was checked. `now` is there once connections may be.
    pub(super) fn follow(&mut self, name: &str, now: Option<Instant>) {
        let is_wanted = |link: &Link| {
            let stream = link.streams.subscriptions.find(name);
            stream.is_some_and(|stream| link.streams.subscriptions.is_wanted(stream))
        };
        if self.links.iter().any(is_wanted) {
            return;
        }
        let of_symbol = name.split_once('@').filter(|_| !name.starts_with('!'));
        let subject = of_symbol.and_then(|(symbol, _)| self.subject(symbol));
        self.open_ended |= subject.is_none();
        let at = self.link_with_room(self.class_of(name));
        let silence_max = self.config.silence_max(name);
        let Some(stream) = self.links.get_mut(at).and_then(|link| link.add(name, subject, silence_max, now))
        else {
            return;
        };
        if let (Some(instrument), Some((_, suffix))) = (subject, of_symbol) {
            match Kind::of(suffix) {
                Some(Kind::Diff) => {
                    if now.is_some() {
                        self.book.get_or_insert_with(|| suffix.to_owned());
                    }
                    self.keep_book(instrument, suffix, (at, stream), now);
                }
                Some(Kind::BookTicker) => self.compare(instrument, true),
                _ => {}
            }
        }
        self.restless = true;
    }

    /// The instrument of a stream's symbol. Streams that are named in full may be of symbols that are not configured.
    fn subject(&mut self, symbol: &str) -> Option<Instrument> {
        let upper = symbol.to_ascii_uppercase();
        let instrument = self.symbols.intern(&upper)?;
        self.symbols.alias(instrument, symbol);
        Some(instrument)
    }

    /// Keeps a book by this stream, if it is of the speed that books are kept by.
    fn keep_book(
        &mut self,
        instrument: Instrument,
        suffix: &str,
        place: (usize, usize),
        now: Option<Instant>,
    ) {
        if self.book.as_deref() != Some(suffix) {
            return;
        }
        let subscriptions = self.links.get(place.0).map(|link| &link.streams.subscriptions);
        let is_open = subscriptions.is_some_and(Subscriptions::has_leg);
        // It was not left yet, so that nobody will confirm it.
        let is_covered = subscriptions.is_some_and(|subscriptions| subscriptions.is_covered(place.1));
        let rule = self.config.product.rule();
        if self.keepers.len() <= at(instrument) {
            self.keepers.resize_with(at(instrument) + 1, || None);
        }
        let compares = self.is_compared(instrument);
        if let Some(slot) = self.keepers.get_mut(at(instrument)) {
            let keeper = slot.get_or_insert_with(|| Keeper::new(instrument, rule, self.config.levels_max));
            (keeper.link, keeper.stream) = place;
            keeper.compare(compares);
            if is_open {
                keeper.on_stream_open();
            }
            now.filter(|_| is_covered).into_iter().for_each(|now| keeper.on_confirmed(now));
        }
    }

    /// Whether the quotes of an instrument are followed.
    fn is_compared(&self, instrument: Instrument) -> bool {
        let is_quotes = |link: &Link| {
            let stream = link.stream_of(instrument, Kind::BookTicker);
            stream.is_some_and(|stream| link.streams.subscriptions.is_wanted(stream))
        };
        self.links.iter().any(is_quotes)
    }

    /// Quotes of an instrument are followed, or no more.
    fn compare(&mut self, instrument: Instrument, with_quotes: bool) {
        if let Some(keeper) = self.keeper_mut(instrument) {
            keeper.compare(with_quotes);
        }
    }

    fn class_of(&self, name: &str) -> Class {
        if self.config.divided { class_of(name) } else { Class::Public }
    }

    /// A link whose connections may carry one more stream.
    fn link_with_room(&mut self, class: Class) -> usize {
        let streams_max = self.config.product.streams_max();
        let has_room = |link: &Link| link.class == class && link.streams.subscriptions.wanted() < streams_max;
        self.links.iter().position(has_room).unwrap_or_else(|| {
            self.links.push(Link::new(self.endpoints.len(), class));
            self.endpoints.push(self.config.stream_endpoint(class));
            self.links.len() - 1
        })
    }

    /// The WebSocket API is of use when snapshots come from it or somebody signs in.
    pub(super) fn ensure_api(&mut self) {
        let has_books = self.keepers.iter().any(Option::is_some);
        let needs = (has_books && self.config.snapshots == Snapshots::Api) || self.config.has_account();
        if needs && self.api.is_none() {
            #[cfg(feature = "sign")]
            let api = Api::new(self.endpoints.len(), self.config.account.clone());
            #[cfg(not(feature = "sign"))]
            let api = Api::new(self.endpoints.len());
            self.api = Some(api);
            self.endpoints.push(self.config.api_endpoint());
        }
    }

    /// Whether a stream may be added while connections are open.
    pub(super) fn check(&self, name: &str) -> Result<(), ConfigError> {
        self.config.check_more(name, self.book.as_deref())
    }

    /// Follows a stream no more.
    pub(super) fn unfollow(&mut self, name: &str, now: Instant) {
        for at in 0..self.links.len() {
            let Some(link) = self.links.get_mut(at) else { return };
            let Some(stream) = link.streams.subscriptions.remove(name, now) else { continue };
            self.restless = true;
            let subject = link.streams.subject(stream);
            if let Some(keeper) = self.keeper_fed_by((at, stream)) {
                keeper.on_unfollowed();
            }
            let suffix = name.split_once('@').map(|(_, suffix)| suffix);
            if let (Some(instrument), Some(Kind::BookTicker)) = (subject, suffix.and_then(Kind::of)) {
                self.compare(instrument, false);
            }
            self.tell_over(at, &[stream]);
        }
    }

    /// Tells which of the streams that are not wanted any more are followed no more: no connection has anything to do with
    /// them.
    fn tell_over(&mut self, at: usize, leftovers: &[usize]) {
        let Some(link) = self.links.get(at) else { return };
        for stream in leftovers.iter().filter(|stream| link.streams.subscriptions.is_idle(**stream)) {
            self.queue.push_with_words(
                Event::Unsubscribed { stream: "" },
                link.streams.subscriptions.name(*stream),
            );
        }
    }

    pub(super) fn owner(&self, route: Route) -> Option<Owner> {
        if self.api.as_ref().is_some_and(|api| api.endpoint == route.endpoint) {
            return Some(Owner::Api);
        }
        // Endpoints of links are in their order, with that of the API among them.
        let behind = usize::from(self.api.as_ref().is_some_and(|api| api.endpoint < route.endpoint));
        let at = route.endpoint - behind;
        self.links.get(at).map(|_| Owner::Link(at))
    }

    /// Whether a connection is open; `None` for one of no endpoint.
    #[inline]
    pub(super) fn is_open(&self, route: Route) -> Option<bool> {
        Some(match self.owner(route)? {
            Owner::Link(link) => self.links.get(link)?.streams.subscriptions.is_open(route.leg),
            Owner::Api => self.api.as_ref()?.is_open(route.leg),
        })
    }

    pub(super) fn on_open(&mut self, route: Route, now: Now) {
        match self.owner(route) {
            None => return,
            Some(Owner::Api) => {
                self.api.iter_mut().for_each(|api| api.on_open(route.leg, now.instant));
            }
            Some(Owner::Link(at)) => {
                let Some(link) = self.links.get_mut(at) else { return };
                link.on_open(route.leg, self.config.product.requests_per_second(), now.instant);
                self.keepers_of(at).for_each(Keeper::on_stream_open);
            }
        }
        self.restless = true;
        self.settle(now);
    }

    pub(super) fn on_closed(&mut self, route: Route, ending: Ending, now: Now) {
        match self.owner(route) {
            None => return,
            Some(Owner::Api) => self.on_api_closed(route.leg, now.instant),
            Some(Owner::Link(at)) => self.on_link_closed(at, route.leg, ending, now.instant),
        }
        self.restless = true;
        self.settle(now);
    }

    fn on_link_closed(&mut self, at: usize, leg: usize, ending: Ending, now: Instant) {
        let Some(link) = self.links.get_mut(at) else { return };
        let leftovers = link.streams.subscriptions.leftovers();
        let missing = link.on_closed(leg, ending == Ending::InOrder, now);
        self.commands.retain(
            |asking| !matches!(asking, Asking::Streams { link, leg: of, .. } if (*link, *of) == (at, leg)),
        );
        let Self { links, keepers, queue, .. } = self;
        let Some(link) = links.get(at) else { return };
        let has_leg = link.streams.subscriptions.has_leg();
        let fed = keepers.iter_mut().flatten().filter(|keeper| keeper.link == at);
        for keeper in fed.filter(|keeper| !link.streams.subscriptions.is_covered(keeper.stream)) {
            keeper.on_stream_closed(&mut |event| queue.push(event));
            if has_leg {
                keeper.on_stream_open();
            }
        }
        for stream in missing {
            let event = Event::Missing { stream: "" };
            queue.push_with_words(event, link.streams.subscriptions.name(stream));
        }
        self.tell_over(at, &leftovers);
    }

    fn on_api_closed(&mut self, leg: usize, now: Instant) {
        self.api.iter_mut().for_each(|api| api.on_closed(leg));
        self.commands.retain(|asking| match asking {
            Asking::Streams { .. } | Asking::Renew(_) | Asking::Replace(_) => true,
            Asking::Snapshot { leg: over, .. } => *over != Some(leg),
            #[cfg(feature = "sign")]
            Asking::SignIn { leg: over, .. } => *over != leg,
        });
        let asked_there = |keeper: &&mut Keeper| matches!(keeper.fetch, Fetch::Asked { leg: over, .. } if over == Some(leg));
        self.keepers.iter_mut().flatten().filter(asked_there).for_each(|keeper| keeper.on_unanswered(now));
    }

    /// Whether a connection brings all that it should.
    pub(super) fn is_ready(&self, route: Route) -> bool {
        match self.owner(route) {
            None => false,
            Some(Owner::Api) => self.api.as_ref().is_some_and(|api| api.is_ready(route.leg)),
            Some(Owner::Link(at)) => self.links.get(at).is_some_and(|link| {
                link.streams.subscriptions.is_settled(route.leg) && link.streams.order.is_level(route.leg)
            }),
        }
    }

    /// A connection to the API.
    pub(super) fn api_route(&self, leg: usize) -> Option<Route> {
        Some(Route { endpoint: self.api.as_ref()?.endpoint, leg })
    }

    /// A connection is to bring everything up to where the streams stand now.
    pub(super) fn hand_over(&mut self, route: Route) {
        if let Some(Owner::Link(at)) = self.owner(route)
            && let Some(link) = self.links.get_mut(at)
        {
            link.streams.order.hand_over(route.leg);
        }
    }

    /// Whether it has.
    pub(super) fn is_handed_over(&mut self, route: Route) -> bool {
        let Some(Owner::Link(at)) = self.owner(route) else { return true };
        self.links.get_mut(at).is_none_or(|link| link.streams.order.is_handed_over(route.leg))
    }

    /// How a connection fares among those with the same streams.
    pub(super) fn leg_counts(&self, route: Route) -> Option<&LegCounts> {
        let Owner::Link(at) = self.owner(route)? else { return None };
        self.links.get(at)?.streams.order.counts(route.leg)
    }

    /// How far it lags since this was asked last.
    pub(super) fn take_lag(&mut self, route: Route) -> Option<Duration> {
        let Owner::Link(at) = self.owner(route)? else { return None };
        self.links.get_mut(at)?.streams.order.take_lag(route.leg)
    }

    /// It has something to read, which came at this time at the earliest.
    pub(super) fn on_readable(&mut self, route: Route, since: Instant) {
        let Some(Owner::Link(at)) = self.owner(route) else { return };
        if let Some(link) = self.links.get_mut(at) {
            link.streams.order.on_readable(route.leg, since);
        }
    }

    pub(super) fn keeper(&self, instrument: Instrument) -> Option<&Keeper> {
        self.keepers.get(at(instrument))?.as_ref()
    }

    fn keeper_mut(&mut self, instrument: Instrument) -> Option<&mut Keeper> {
        self.keepers.get_mut(at(instrument))?.as_mut()
    }

    fn keepers_of(&mut self, link: usize) -> impl Iterator<Item = &mut Keeper> {
        self.keepers.iter_mut().flatten().filter(move |keeper| keeper.link == link)
    }

    fn keeper_fed_by(&mut self, place: (usize, usize)) -> Option<&mut Keeper> {
        self.keepers.iter_mut().flatten().find(|keeper| (keeper.link, keeper.stream) == place)
    }

    /// The next command. A request that was answered before it left is about nothing any more, and is none.
    pub(super) fn pop_command(&mut self) -> Option<Asking> {
        loop {
            match self.commands.pop_front()? {
                Asking::Streams { link, leg, id, .. } if !self.is_about_any(link, leg, id) => {}
                asking => return Some(asking),
            }
        }
    }

    fn is_about_any(&self, link: usize, leg: usize, id: u64) -> bool {
        self.links.get(link).is_some_and(|link| link.streams.subscriptions.of(leg, id).next().is_some())
    }

    /// Tells a gap in a stream.
    fn tell_gap(&mut self, link: usize, gap: StreamGap) {
        let Some(link) = self.links.get(link) else { return };
        let StreamGap { stream, instrument, hole } = gap;
        let told = Gap { stream: "", instrument, after: hole.after, through: hole.through };
        self.queue.push_with_words(Event::Gap(told), link.streams.subscriptions.name(stream));
    }
}

/// Spot's partial depth has a shape of its own, so that a `depthUpdate` there is a diff.
fn usual_depth(config: &Config) -> DepthKind {
    let partial = config.streams.iter().any(|stream| matches!(stream, Stream::PartialDepth { .. }));
    let spot = matches!(config.product, Product::Spot | Product::SpotSbe);
    if !spot && partial { DepthKind::Partial } else { DepthKind::Diff }
}
