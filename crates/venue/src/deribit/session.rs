//! The session: connections to one endpoint, a book for each channel that feeds one.

use std::time::{Duration, Instant};

use super::{
    config::{ATTEMPTS, Config},
    control::Control,
    market::{Market, Origin},
    sync::Oddities,
    wire::{Decoder, Message},
};
use crate::{
    error::{Error, Misuse},
    event::{Event, Instrument},
    json::Ways,
    order::LegCounts,
    route::Route,
    session::{Attempts, BookView, Command, Ending, Endpoint, Now, Session},
};

/// A Deribit session.
///
/// It has one endpoint. After the handshake each connection asks for heartbeats, signs in if there are credentials, then
/// subscribes. Where a change of a book does not continue it, its channel is unsubscribed and subscribed anew on the
/// connection that showed it, for only that brings another snapshot. Changes are told while the book is live.
///
/// Books are put in order by their ids, trades by their numbers, most of the rest by time; of what names no order, such as
/// candles and what an account is told, a text that another connection brought before is left out.
///
/// Tickers tell a [`Ticker`](crate::Ticker), whose `volume` is in base currency and `turnover` in dollars, and a
/// [`Mark`](crate::Mark). A volatility index is an index by the name of its channel. When nothing at all, heartbeats
/// included, came over a connection for two intervals and five seconds, an [`Event::Status`] tells it, once, and
/// [`Command::Replace`] asks for another.
#[derive(Debug)]
pub struct Deribit {
    endpoints: [Endpoint; 1],
    decoder: Decoder,
    /// Apart from the decoder, whose messages are borrowed while they are handled.
    market: Market,
    control: Control,
}

impl Deribit {
    /// A session.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot be served.
    pub fn new(config: Config) -> Result<Self, Error> {
        let names = config.names()?;
        Ok(Self {
            endpoints: [config.endpoint()],
            decoder: Decoder::new(),
            market: Market::new(
                &config.instruments,
                &names,
                config.access(),
                config.silence_max,
                config.levels_max,
            ),
            control: Control::new(config.credentials, config.heartbeat_s),
        })
    }

    /// Changes that contradicted the books so far.
    pub fn oddities(&self) -> Oddities {
        let add = |sum: Oddities, one: Oddities| Oddities {
            new_but_there: sum.new_but_there + one.new_but_there,
            changed_but_missing: sum.changed_but_missing + one.changed_but_missing,
        };
        self.market.keepers().map(|keeper| keeper.sync.oddities()).fold(Oddities::default(), add)
    }

    /// How its messages were read.
    pub fn ways(&self) -> Ways {
        self.decoder.ways()
    }

    fn check(&self, route: Route) -> Result<(), Misuse> {
        if route.endpoint >= self.endpoints.len() {
            return Err(Misuse::UnknownRoute(route));
        }
        if !self.control.is_open(route.leg) {
            return Err(Misuse::RouteClosed(route));
        }
        if self.has_event() { Err(Misuse::Undrained) } else { Ok(()) }
    }
}

impl Session for Deribit {
    fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    fn attempts(&self) -> Attempts {
        ATTEMPTS
    }

    fn subscribe(&mut self, streams: &[&str], now: Now) -> Result<(), Error> {
        self.market.check(streams)?;
        for name in streams {
            self.market.follow(name, Some(now.instant));
        }
        self.control.settle(now, &mut self.market);
        Ok(())
    }

    fn unsubscribe(&mut self, streams: &[&str], now: Now) {
        for name in streams {
            self.market.unfollow(name, now.instant);
        }
        self.control.settle(now, &mut self.market);
    }

    fn on_open(&mut self, route: Route, now: Now) {
        self.on_closed(route, Ending::Lost, now);
        if route.endpoint < self.endpoints.len() {
            self.control.on_open(route.leg, now, &mut self.market);
        }
    }

    fn on_closed(&mut self, route: Route, ending: Ending, now: Now) {
        if route.endpoint < self.endpoints.len() {
            self.control.on_closed(route.leg, ending == Ending::InOrder, now, &mut self.market);
        }
    }

    fn is_ready(&self, route: Route) -> bool {
        route.endpoint < self.endpoints.len()
            && self.control.is_settled(route.leg)
            && self.market.is_ready(route.leg)
    }

    fn hand_over(&mut self, route: Route) {
        self.market.streams.order.hand_over(route.leg);
    }

    fn is_handed_over(&mut self, route: Route) -> bool {
        self.market.streams.order.is_handed_over(route.leg)
    }

    fn leg_counts(&self, route: Route) -> Option<&LegCounts> {
        self.market.streams.order.counts(route.leg).filter(|_| route.endpoint < self.endpoints.len())
    }

    fn take_lag(&mut self, route: Route) -> Option<Duration> {
        let is_there = route.endpoint < self.endpoints.len();
        self.market.streams.order.take_lag(route.leg).filter(|_| is_there)
    }

    fn on_readable(&mut self, route: Route, since: Instant) {
        if route.endpoint < self.endpoints.len() {
            self.market.streams.order.on_readable(route.leg, since);
        }
    }

    fn on_message(&mut self, route: Route, text: &[u8], now: Now) -> Result<(), Error> {
        self.check(route)?;
        let leg = route.leg;
        let Self { decoder, market, control, .. } = self;
        control.on_heard(leg, now.instant, market);
        let mut origin = Origin::new(leg, text, now.instant);
        let mut handled = Ok(());
        let decoded = decoder.decode(text, |channel, message| {
            let one = match message {
                Message::Heartbeat => Ok(()),
                Message::TestRequest => {
                    control.on_test_request(leg, now.instant, market);
                    Ok(())
                }
                Message::Answer(answer) => control.on_answer(leg, &answer, now.instant, market),
                message => market.on_message(&mut origin, channel.unwrap_or(""), message),
            };
            if handled.is_ok() {
                handled = one;
            }
        });
        self.control.settle(now, &mut self.market);
        decoded?;
        handled.map_err(|what| Error::unexpected(what, text))
    }

    fn has_event(&self) -> bool {
        !self.market.queue.is_empty()
    }

    fn poll_event(&mut self) -> Option<Event<'_>> {
        self.market.queue.pop(self.decoder.levels())
    }

    fn poll_command(&mut self) -> Option<Command<'_>> {
        self.control.outbox.pop()
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.control.wake
    }

    fn on_deadline(&mut self, now: Now) {
        self.control.on_deadline(now, &mut self.market);
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
