//! The session: stream connections, one for the API where snapshots come from it, a book a symbol.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{
    binary::Sides,
    config::Config,
    crosscheck::CheckCounts,
    market::{Asking, Market, Origin, Owner},
    product::Product,
    requests, sbe,
    wire::{Body, Decoder, Message, Refusal, RetryAfter},
};
use crate::{
    error::{Error, Misuse},
    event::{Event, Instrument},
    json::Ways,
    order::LegCounts,
    route::Route,
    session::{Attempts, BookView, Command, Ending, Endpoint, Fetched, Now, Session},
};

/// A Binance session.
///
/// Its first endpoints are streams, subscribed after the handshake: one, or one for each class of streams where the
/// host divides them, and more where the venue allows a connection no more streams. Behind them is the WebSocket
/// API for snapshots and accounts, there only when it is needed; streams that are added later may need more. A snapshot is
/// asked for once its stream is confirmed; what the stream brings before that counts.
///
/// Of several connections to one endpoint, each is subscribed to all of its streams. Trades and books are put in order by
/// the venue's ids; what has none, by its time.
///
/// A well-formed symbol that does not exist is confirmed by the venue and stays mute; with a book, the refusal of its
/// snapshot tells.
pub struct Binance {
    decoder: Decoder,
    /// The levels of a binary message, and whether the last message was one.
    levels: Sides,
    is_binary: bool,
    /// Apart from the decoder, whose messages are borrowed while they are handled.
    market: Market,
    product: Product,
    snapshot_limit: u16,
    rest_url: String,
    outgoing: String,
}

impl Binance {
    /// A session of the product that the configuration names.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot be served.
    pub fn new(config: Config) -> Result<Self, Error> {
        let plan = config.plan()?;
        let (product, snapshot_limit) = (config.product, config.snapshot_limit);
        let rest_url = config.rest_url.clone();
        Ok(Self {
            decoder: Decoder::new(),
            levels: Sides::default(),
            is_binary: false,
            market: Market::new(config, plan),
            product,
            snapshot_limit,
            rest_url,
            outgoing: String::new(),
        })
    }

    /// The product it follows.
    pub fn product(&self) -> Product {
        self.product
    }

    /// How the quotes of an instrument compared with its book, if both are followed.
    pub fn check_counts(&self, instrument: Instrument) -> Option<CheckCounts> {
        Some(self.market.keeper(instrument)?.cross.as_ref()?.counts())
    }

    /// How its messages were read.
    pub fn ways(&self) -> Ways {
        self.decoder.ways()
    }

    /// Whose connection a route is, if it is open.
    fn open_owner(&self, route: Route) -> Result<Owner, Misuse> {
        let owner = self.market.owner(route).ok_or(Misuse::UnknownRoute(route))?;
        if self.market.is_open(route) == Some(true) { Ok(owner) } else { Err(Misuse::RouteClosed(route)) }
    }

    fn check_drained(&self) -> Result<(), Misuse> {
        if self.has_event() { Err(Misuse::Undrained) } else { Ok(()) }
    }
}

impl fmt::Debug for Binance {
    /// Neither books nor requests, which may hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binance")
            .field("product", &self.product)
            .field("endpoints", &self.market.endpoints)
            .finish_non_exhaustive()
    }
}

impl Session for Binance {
    fn endpoints(&self) -> &[Endpoint] {
        &self.market.endpoints
    }

    fn attempts(&self) -> Attempts {
        self.product.attempts()
    }

    fn subscribe(&mut self, streams: &[&str], now: Now) -> Result<(), Error> {
        streams.iter().try_for_each(|name| self.market.check(name))?;
        for name in streams {
            self.market.follow(name, Some(now.instant));
        }
        self.market.ensure_api();
        self.market.settle(now);
        Ok(())
    }

    fn unsubscribe(&mut self, streams: &[&str], now: Now) {
        for name in streams {
            self.market.unfollow(name, now.instant);
        }
        self.market.settle(now);
    }

    fn on_open(&mut self, route: Route, now: Now) {
        self.on_closed(route, Ending::Lost, now);
        self.market.on_open(route, now);
    }

    fn on_closed(&mut self, route: Route, ending: Ending, now: Now) {
        if self.market.is_open(route) == Some(true) {
            self.market.on_closed(route, ending, now);
        }
    }

    fn is_ready(&self, route: Route) -> bool {
        self.market.is_ready(route)
    }

    fn hand_over(&mut self, route: Route) {
        self.market.hand_over(route);
    }

    fn is_handed_over(&mut self, route: Route) -> bool {
        self.market.is_handed_over(route)
    }

    fn leg_counts(&self, route: Route) -> Option<&LegCounts> {
        self.market.leg_counts(route)
    }

    fn take_lag(&mut self, route: Route) -> Option<Duration> {
        self.market.take_lag(route)
    }

    fn on_readable(&mut self, route: Route, since: Instant) {
        self.market.on_readable(route, since);
    }

    fn on_message(&mut self, route: Route, text: &[u8], now: Now) -> Result<(), Error> {
        let owner = self.open_owner(route)?;
        self.check_drained()?;
        self.is_binary = false;
        let mut origin = Origin::new(route, owner, text, now.instant);
        let market = &mut self.market;
        let mut handled = Ok(());
        self.decoder.decode(text, |stream, message| {
            let one = market.on_message(&mut origin, stream, message, now);
            if handled.is_ok() {
                handled = one;
            }
        })?;
        self.market.settle(now);
        handled.map_err(|what| Error::unexpected(what, text))
    }

    fn on_binary(&mut self, route: Route, bytes: &[u8], now: Now) -> Result<(), Error> {
        let owner = self.open_owner(route)?;
        self.check_drained()?;
        self.is_binary = true;
        self.levels.clear();
        let message = sbe::decode(bytes).map_err(|error| Error::malformed(error.to_string(), bytes))?;
        let mut origin = Origin::new(route, owner, bytes, now.instant);
        let handled = self.market.on_sbe(&mut origin, message, &mut self.levels);
        self.market.settle(now);
        handled.map_err(|what| Error::unexpected(what, bytes))
    }

    fn on_fetched(&mut self, id: u64, fetched: Fetched<'_>, now: Now) -> Result<(), Error> {
        self.check_drained()?;
        let keeper = self.market.keeper_that_asked(id);
        let Fetched::Answer { status, retry_after_s, used_weight, body } = fetched else {
            keeper.into_iter().for_each(|keeper| self.market.on_no_snapshot(keeper, now.instant));
            self.market.settle(now);
            return Ok(());
        };
        self.market.on_used_weight(used_weight, now);
        let after = retry_after_s.map(|seconds| RetryAfter::Ms(seconds.saturating_mul(1000)));
        let market = &mut self.market;
        let Some(keeper) = keeper else {
            let refusal = Refusal { code: 0, message: "", retry_after: after };
            market.on_unwanted_refused(Some(u64::from(status)), refusal, now);
            market.settle(now);
            return Ok(());
        };
        let mut known = false;
        let decoded = self.decoder.decode(body, |_, message| match message {
            Message::PartialDepth(snapshot) if status == 200 => {
                known = true;
                market.on_snapshot(keeper, snapshot, now.instant);
            }
            Message::Answer(answer) => {
                if let Body::Refused(refusal) = answer.body {
                    known = true;
                    let refusal = Refusal { retry_after: refusal.retry_after.or(after), ..refusal };
                    market.on_refused(keeper, Some(u64::from(status)), refusal, now);
                }
            }
            _ => {}
        });
        if !known {
            // A page of a proxy, a firewall or a server in trouble: nobody who knows has refused for good.
            let refusal =
                Refusal { code: 0, message: "an answer that is not the venue's", retry_after: after };
            let status = if matches!(status, 418 | 429) { u64::from(status) } else { 500 };
            self.market.on_refused(keeper, Some(status), refusal, now);
        }
        self.market.settle(now);
        if known || status != 200 { Ok(()) } else { decoded }
    }

    fn has_event(&self) -> bool {
        !self.market.queue.is_empty()
    }

    fn poll_event(&mut self) -> Option<Event<'_>> {
        let levels = if self.is_binary { self.levels.get() } else { self.decoder.levels() };
        self.market.queue.pop(levels)
    }

    fn poll_command(&mut self) -> Option<Command<'_>> {
        let text = &mut self.outgoing;
        let market = &mut self.market;
        Some(match market.pop_command()? {
            Asking::Streams { link, leg, aim, id } => {
                let link = market.links.get(link)?;
                let names = link.streams.subscriptions.of(leg, id).map(|(_, name)| name);
                requests::streams(text, aim, id, names);
                Command::Send { route: Route { endpoint: link.endpoint, leg }, text }
            }
            #[cfg(feature = "sign")]
            Asking::SignIn { leg, text: request } => {
                *text = request;
                Command::Send { route: market.api_route(leg)?, text }
            }
            Asking::Snapshot { instrument, leg, id } => {
                let symbol = market.symbols.name(instrument)?;
                match leg {
                    Some(leg) => {
                        requests::snapshot(text, id, symbol, self.snapshot_limit);
                        Command::Send { route: market.api_route(leg)?, text }
                    }
                    None => {
                        requests::snapshot_url(text, &self.rest_url, symbol, self.snapshot_limit);
                        Command::Fetch { id, url: text }
                    }
                }
            }
            Asking::Renew(route) => Command::Renew { route },
            Asking::Replace(route) => Command::Replace { route },
        })
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.market.wake
    }

    fn on_deadline(&mut self, now: Now) {
        self.market.on_deadline(now);
    }

    fn instruments(&self) -> u32 {
        self.market.symbols.count()
    }

    fn symbol(&self, instrument: Instrument) -> Option<&str> {
        self.market.symbols.name(instrument)
    }

    fn instrument(&self, symbol: &str) -> Option<Instrument> {
        self.market.symbols.find(symbol)
    }

    fn book(&self, instrument: Instrument) -> Option<BookView<'_>> {
        self.market.keeper(instrument).map(|keeper| keeper.sync.view())
    }
}
