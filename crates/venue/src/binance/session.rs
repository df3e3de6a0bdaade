//! The spot session: one stream connection, one API connection for snapshots, a book a symbol.

use std::time::Instant;

use super::{
    config::Config,
    crosscheck::CheckCounts,
    requests,
    spot::{API, Asking, Queued, STREAM, Spot, at},
    wire::Decoder,
};
use crate::{
    error::{Error, Misuse},
    event::{Delta, Depth, Event, Instrument, Rejection},
    session::{BookView, Command, Endpoint, Route, Session},
};

/// A Binance spot session.
///
/// Route 0 is the combined stream, subscribed after the handshake; route 1, there only when
/// [`Streams::depth`](super::Streams::depth) is on, the WebSocket API for snapshots. A snapshot is asked
/// for once its stream is confirmed and the API is open; what the stream brings before that counts.
///
/// A well-formed symbol that does not exist is confirmed by the venue and stays mute; with `depth` on, the
/// refusal of its snapshot tells.
#[derive(Debug)]
pub struct Binance {
    endpoints: Vec<Endpoint>,
    decoder: Decoder,
    /// Apart from the decoder, whose messages are borrowed while they are handled.
    spot: Spot,
    outgoing: String,
}

impl Binance {
    /// A session of the spot market.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot be served.
    pub fn spot(config: Config) -> Result<Self, Error> {
        let (symbols, names) = config.names()?;
        let stream = format!("{}/stream", config.stream_url.trim_end_matches('/'));
        let mut endpoints = vec![Endpoint { name: "stream", url: stream }];
        if config.streams.depth {
            endpoints.push(Endpoint { name: "api", url: config.api_url.clone() });
        }
        let spot = Spot::new(&config, symbols, names);
        Ok(Self { endpoints, decoder: Decoder::new(), spot, outgoing: String::new() })
    }

    /// How the quotes of an instrument compared with its book, if both are followed.
    pub fn check_counts(&self, instrument: Instrument) -> Option<CheckCounts> {
        let keeper = self.spot.keepers.get(at(instrument))?;
        Some(keeper.cross.as_ref()?.counts())
    }

    fn check_open(&self, route: Route) -> Result<(), Misuse> {
        if self.endpoints.get(route.0).is_none() {
            return Err(Misuse::UnknownRoute(route.0));
        }
        let open = if route == STREAM { self.spot.stream_open } else { self.spot.api_open };
        if open { Ok(()) } else { Err(Misuse::RouteClosed(route.0)) }
    }
}

impl Session for Binance {
    fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    fn on_open(&mut self, route: Route, now: Instant) {
        self.on_closed(route, now);
        if self.endpoints.get(route.0).is_some() {
            self.spot.on_open(route, now);
        }
    }

    fn on_closed(&mut self, route: Route, now: Instant) {
        if self.endpoints.get(route.0).is_some() {
            self.spot.on_closed(route, now);
        }
    }

    fn on_message(&mut self, route: Route, text: &[u8], now: Instant) -> Result<(), Error> {
        self.check_open(route)?;
        if self.has_event() {
            return Err(Misuse::Undrained.into());
        }
        let message = self.decoder.decode(text)?;
        self.spot.on_message(route, message, text, now)?;
        self.spot.settle(now);
        Ok(())
    }

    fn has_event(&self) -> bool {
        !self.spot.events.is_empty()
    }

    fn poll_event(&mut self) -> Option<Event<'_>> {
        let levels = self.decoder.levels();
        let (bids, asks) = (levels.bids.as_slice(), levels.asks.as_slice());
        let words = self.spot.words.as_str();
        Some(match self.spot.events.pop_front()? {
            Queued::Whole(event) => event,
            Queued::Delta { instrument, first_id, last_id, venue_time_ns } => {
                Event::Delta(Delta { instrument, first_id, last_id, bids, asks, venue_time_ns })
            }
            Queued::Depth { instrument, update_id } => {
                Event::Depth(Depth { instrument, update_id, bids, asks })
            }
            Queued::Rejected { request, instrument, code, outcome } => {
                Event::Rejected(Rejection { request, instrument, code, message: words, outcome })
            }
            Queued::Other => Event::Other { kind: words },
        })
    }

    fn poll_command(&mut self) -> Option<Command<'_>> {
        let text = &mut self.outgoing;
        let route = match self.spot.commands.pop_front()? {
            Asking::Subscribe { chunk, id } => {
                requests::subscribe(text, id, self.spot.subscriptions.names(chunk));
                STREAM
            }
            Asking::Snapshot { instrument, id } => {
                let symbol = self.spot.symbols.get(at(instrument))?;
                requests::snapshot(text, id, symbol, self.spot.snapshot_limit);
                API
            }
        };
        Some(Command { route, text })
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.spot.wake
    }

    fn on_deadline(&mut self, now: Instant) {
        self.spot.settle(now);
    }

    fn instruments(&self) -> u32 {
        self.spot.count()
    }

    fn symbol(&self, instrument: Instrument) -> Option<&str> {
        self.spot.symbols.get(at(instrument)).map(AsRef::as_ref)
    }

    fn instrument(&self, symbol: &str) -> Option<Instrument> {
        self.spot.index.get(symbol).copied().map(Instrument)
    }

    fn book(&self, instrument: Instrument) -> Option<BookView<'_>> {
        self.spot.keepers.get(at(instrument)).map(|keeper| keeper.sync.view())
    }
}
