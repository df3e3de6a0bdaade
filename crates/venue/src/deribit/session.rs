//! The session: one connection, a book for each channel that feeds one.

use std::time::Instant;

use super::{
    config::Config,
    control::Control,
    market::Market,
    subscriptions::Subscriptions,
    sync::Oddities,
    wire::{Decoder, Message},
};
use crate::{
    error::{Error, Misuse},
    event::{Event, Instrument},
    json::Ways,
    session::{BookView, Command, Endpoint, Now, Route, Session},
};

const ROUTE: Route = Route(0);

/// A Deribit session.
///
/// It has one route. After the handshake it asks for heartbeats, signs in if it has credentials, then subscribes. Where
/// a change of a book does not continue it, its channel is unsubscribed and subscribed anew, for only that brings
/// another snapshot.
///
/// Tickers tell a [`Ticker`](crate::Ticker), whose `volume` is in base currency and `turnover` in dollars, and a
/// [`Mark`](crate::Mark). A volatility index is an index by the name of its channel. When nothing at all, heartbeats
/// included, came for two intervals and five seconds, an [`Event::Status`] says `silent`, once: connect again.
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
        let market = Market::new(&config.instruments, &names, config.levels_max);
        let subscriptions = Subscriptions::new(names, config.event_node);
        Ok(Self {
            endpoints: [Endpoint::new("api", config.url)],
            decoder: Decoder::new(),
            market,
            control: Control::new(subscriptions, config.credentials, config.heartbeat_s),
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
        if route != ROUTE {
            return Err(Misuse::UnknownRoute(route.0));
        }
        if !self.control.is_open() {
            return Err(Misuse::RouteClosed(route.0));
        }
        if self.has_event() { Err(Misuse::Undrained) } else { Ok(()) }
    }
}

impl Session for Deribit {
    fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    fn on_open(&mut self, route: Route, now: Now) {
        self.on_closed(route, now);
        if route == ROUTE {
            self.control.on_open(now.instant);
            self.control.settle(now, &mut self.market);
        }
    }

    fn on_closed(&mut self, route: Route, _: Now) {
        if route == ROUTE {
            self.control.on_closed();
            self.market.on_closed();
        }
    }

    fn on_message(&mut self, route: Route, text: &[u8], now: Now) -> Result<(), Error> {
        self.check(route)?;
        let Self { decoder, market, control, .. } = self;
        control.on_heard(now.instant);
        let mut handled = Ok(());
        let decoded = decoder.decode(text, |channel, message| {
            let one = match (message, channel) {
                (Message::Heartbeat, _) => Ok(()),
                (Message::TestRequest, _) => {
                    control.on_test_request(now.instant);
                    Ok(())
                }
                (Message::Answer(answer), _) => control.on_answer(&answer, now.instant, market),
                (message, channel) => {
                    let channel = channel.unwrap_or("");
                    market.on_message(channel, message, now.instant, &mut control.subscriptions).map(|lost| {
                        if lost {
                            control.on_lost();
                        }
                    })
                }
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
        let text = self.control.outbox.pop()?;
        Some(Command::Send { route: ROUTE, text })
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.control.wake
    }

    fn on_deadline(&mut self, now: Now) {
        self.control.settle(now, &mut self.market);
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
