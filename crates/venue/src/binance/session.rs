//! The session: stream connections, one for the API where snapshots come from it, a book a symbol.

use std::{fmt, time::Instant};

use super::{
    binary::Sides,
    config::{Config, LinkPlan},
    crosscheck::CheckCounts,
    market::{Asking, Market, needs_api},
    product::{Product, Snapshots},
    requests, sbe,
    wire::{Body, Decoder, Message, Refusal, RetryAfter},
};
use crate::{
    error::{Error, Misuse},
    event::{Event, Instrument},
    json::Ways,
    session::{BookView, Command, Endpoint, Fetched, Now, Route, Session},
    symbols::at,
};

/// A Binance session.
///
/// Its first routes are streams, subscribed after the handshake: one, or one for each class of streams where the
/// host divides them, and more where the venue allows a connection no more streams. The last route is the WebSocket
/// API for snapshots, there only when it is needed. A snapshot is asked for once its stream is confirmed; what the
/// stream brings before that counts.
///
/// A well-formed symbol that does not exist is confirmed by the venue and stays mute; with a book, the refusal of its
/// snapshot tells.
pub struct Binance {
    endpoints: Vec<Endpoint>,
    decoder: Decoder,
    /// The levels of a binary message, and whether the last message was one.
    levels: Sides,
    is_binary: bool,
    /// Apart from the decoder, whose messages are borrowed while they are handled.
    market: Market,
    product: Product,
    snapshots: Snapshots,
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
        let stream =
            |plan: &LinkPlan| Endpoint { name: "stream", url: plan.url.clone(), headers: config.headers() };
        let mut endpoints: Vec<_> = plan.links.iter().map(stream).collect();
        if needs_api(&config, &plan) {
            endpoints.push(Endpoint::new("api", config.api_url.clone()));
        }
        let market = Market::new(&config, plan);
        Ok(Self {
            endpoints,
            decoder: Decoder::new(),
            levels: Sides::default(),
            is_binary: false,
            market,
            product: config.product,
            snapshots: config.snapshots,
            snapshot_limit: config.snapshot_limit,
            rest_url: config.rest_url,
            outgoing: String::new(),
        })
    }

    /// The product it follows.
    pub fn product(&self) -> Product {
        self.product
    }

    /// How the quotes of an instrument compared with its book, if both are followed.
    pub fn check_counts(&self, instrument: Instrument) -> Option<CheckCounts> {
        let keeper = self.market.keepers.get(at(instrument))?;
        Some(keeper.cross.as_ref()?.counts())
    }

    /// How its messages were read.
    pub fn ways(&self) -> Ways {
        self.decoder.ways()
    }

    fn check_open(&self, route: Route) -> Result<(), Misuse> {
        match self.market.is_open(route) {
            None => Err(Misuse::UnknownRoute(route.0)),
            Some(false) => Err(Misuse::RouteClosed(route.0)),
            Some(true) => Ok(()),
        }
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
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

impl Session for Binance {
    fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    fn on_open(&mut self, route: Route, now: Now) {
        self.on_closed(route, now);
        if self.market.is_open(route).is_some() {
            self.market.on_open(route, now);
        }
    }

    fn on_closed(&mut self, route: Route, now: Now) {
        if self.market.is_open(route).is_some() {
            self.market.on_closed(route, now);
        }
    }

    fn on_message(&mut self, route: Route, text: &[u8], now: Now) -> Result<(), Error> {
        self.check_open(route)?;
        self.check_drained()?;
        self.is_binary = false;
        let market = &mut self.market;
        let mut handled = Ok(());
        self.decoder.decode(text, |stream, message| {
            let one = market.on_message(route, stream, message, now);
            if handled.is_ok() {
                handled = one;
            }
        })?;
        self.market.settle(now);
        handled.map_err(|what| Error::unexpected(what, text))
    }

    fn on_binary(&mut self, route: Route, bytes: &[u8], now: Now) -> Result<(), Error> {
        self.check_open(route)?;
        self.check_drained()?;
        self.is_binary = true;
        self.levels.clear();
        let message = sbe::decode(bytes).map_err(|error| Error::malformed(error.to_string(), bytes))?;
        let handled = self.market.on_sbe(message, &mut self.levels, now.instant);
        self.market.settle(now);
        handled.map_err(|what| Error::unexpected(what, bytes))
    }

    fn on_fetched(&mut self, id: u64, fetched: Fetched<'_>, now: Now) -> Result<(), Error> {
        self.check_drained()?;
        let Some(keeper) = self.market.keeper_that_asked(id) else { return Ok(()) };
        let Fetched::Answer { status, retry_after_s, body } = fetched else {
            self.market.on_no_snapshot(keeper, now.instant);
            self.market.settle(now);
            return Ok(());
        };
        let after = retry_after_s.map(|seconds| RetryAfter::Ms(seconds.saturating_mul(1000)));
        let market = &mut self.market;
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
        Some(match self.market.commands.pop_front()? {
            Asking::Subscribe { link, chunk, id } => {
                let names = self.market.links.get(link)?.subscriptions.names(chunk);
                requests::subscribe(text, id, names);
                Command::Send { route: Route(link), text }
            }
            #[cfg(feature = "sign")]
            Asking::SignIn { text: request } => {
                *text = request;
                Command::Send { route: self.market.api(), text }
            }
            Asking::Snapshot { instrument, id } => {
                let symbol = self.market.symbols.name(instrument)?;
                match self.snapshots {
                    Snapshots::Api => {
                        requests::snapshot(text, id, symbol, self.snapshot_limit);
                        Command::Send { route: self.market.api(), text }
                    }
                    Snapshots::Rest => {
                        requests::snapshot_url(text, &self.rest_url, symbol, self.snapshot_limit);
                        Command::Fetch { id, url: text }
                    }
                }
            }
        })
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.market.wake
    }

    fn on_deadline(&mut self, now: Now) {
        self.market.settle(now);
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
        self.market.keepers.get(at(instrument)).map(|keeper| keeper.sync.view())
    }
}
