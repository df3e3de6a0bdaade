//! Where the data of one server comes from, as its connections see it.

use std::time::Instant;

use crate::clock::Now;
use crate::exchange::Exchange;
use crate::hazard::Counts;
use crate::market::{Instrument, Market, Snapshot, Style};
use crate::options::{Faults, Source};
use crate::pace::Pace;
use crate::publisher::{Publish, Publisher};
use crate::recording::Recording;
use crate::truth::Truth;

#[derive(Debug)]
pub(crate) enum Feed {
    Market(Box<Exchange>),
    Recording { recording: Recording, speed: f64 },
}

/// A book that a request asked for.
#[derive(Debug)]
pub(crate) enum Picture<'a> {
    Book(&'a Instrument, &'a Snapshot),
    /// As it was recorded.
    Text(&'a str),
}

impl Feed {
    /// From checked options. The pace is made from the number of events in a second, of all symbols together.
    pub(crate) fn new(
        source: Source,
        style: Style,
        faults: &Faults,
        truth: Truth,
        pace: impl FnOnce(u64) -> Pace,
    ) -> Self {
        match source {
            Source::Market { seed, symbols, events_per_second } => {
                let market = Market::new(seed, &symbols, style);
                let pace = pace(u64::from(events_per_second) * symbols.len() as u64);
                Self::Market(Box::new(Exchange::new(market, truth, pace, faults)))
            }
            Source::Recording { recording, speed } => Self::Recording { recording, speed },
        }
    }

    /// The generated market, if there is one.
    pub(crate) fn market(&self) -> Option<&Market> {
        match self {
            Self::Market(exchange) => Some(exchange.market()),
            Self::Recording { .. } => None,
        }
    }

    /// The instruments of the generated market.
    pub(crate) fn instruments(&self) -> &[Instrument] {
        self.market().map_or(&[], Market::instruments)
    }

    /// Whether messages of this stream were recorded.
    pub(crate) fn has_recorded(&self, stream: &str) -> bool {
        matches!(self, Self::Recording { recording, .. } if recording.has_stream(stream))
    }

    /// From now on, or no longer, requests for books are answered with those of this moment.
    pub(crate) fn cache_snapshots(&mut self, caches: bool, counts: &Counts) {
        if let Self::Market(exchange) = self {
            exchange.cache_snapshots(caches, counts);
        }
    }

    /// When something will happen by itself for all connections.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        match self {
            Self::Market(exchange) => Some(exchange.next_deadline()),
            Self::Recording { .. } => None,
        }
    }

    pub(crate) fn advance<V: Publisher>(&mut self, venue: &mut V, now: Now, publish: &mut Publish<'_>) {
        if let Self::Market(exchange) = self {
            exchange.advance(venue, now, publish);
        }
    }

    /// A symbol's book; `request` counts, from 0, one client's requests for this symbol.
    pub(crate) fn picture(&mut self, symbol: &str, request: usize) -> Option<Picture<'_>> {
        match self {
            Self::Market(exchange) => {
                exchange.snapshot(symbol).map(|(instrument, snapshot)| Picture::Book(instrument, snapshot))
            }
            Self::Recording { recording, .. } => recording.snapshot(symbol, request).map(Picture::Text),
        }
    }
}
