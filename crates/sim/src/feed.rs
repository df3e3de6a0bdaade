//! Where the data of one server comes from, as its connections see it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::clock::Now;
use crate::error::Error;
use crate::exchange::{Exchange, Publish};
use crate::market::Market;
use crate::options::{Faults, Source};
use crate::recording::Recording;

#[derive(Debug)]
pub(crate) enum Feed {
    Market(Box<Exchange>),
    Recording { recording: Recording, speed: f64 },
}

impl Feed {
    pub(crate) fn new(source: Source, faults: &Faults, now: Instant) -> Result<Self, Error> {
        match source {
            Source::Market { seed, symbols, events_per_second } => {
                check_symbols(&symbols)?;
                let market = Market::new(seed, &symbols);
                Ok(Self::Market(Box::new(Exchange::new(market, events_per_second, faults.clone(), now))))
            }
            Source::Recording { speed, .. } if !speed.is_finite() || speed < 0.0 => {
                Err(Error::Options("the speed of a recording is 0 or a positive number"))
            }
            Source::Recording { recording, speed } => Ok(Self::Recording { recording, speed }),
        }
    }

    /// When something will happen by itself for all connections.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        match self {
            Self::Market(exchange) => Some(exchange.next_deadline()),
            Self::Recording { .. } => None,
        }
    }

    pub(crate) fn advance(&mut self, now: Now, publish: &mut Publish<'_>) {
        if let Self::Market(exchange) = self {
            exchange.advance(now, publish);
        }
    }

    /// A snapshot's text; `request` counts, from 0, one connection's requests for this symbol.
    pub(crate) fn depth(&mut self, symbol: &str, limit: usize, request: usize) -> Option<String> {
        match self {
            Self::Market(exchange) => exchange.depth(symbol, limit),
            Self::Recording { recording, .. } => recording.snapshot(symbol, request).map(str::to_owned),
        }
    }
}

/// Symbols become parts of stream names and of JSON texts, and name one instrument each.
fn check_symbols(symbols: &[String]) -> Result<(), Error> {
    let plain = |symbol: &String| {
        !symbol.is_empty() && symbol.chars().all(|c| c.is_alphanumeric() && !c.is_lowercase())
    };
    let distinct: BTreeSet<_> = symbols.iter().collect();
    if symbols.is_empty() {
        Err(Error::Options("a market needs a symbol"))
    } else if distinct.len() < symbols.len() {
        Err(Error::Options("a symbol is named twice"))
    } else if !symbols.iter().all(plain) {
        Err(Error::Options("symbols are upper case letters and digits"))
    } else {
        Ok(())
    }
}

/// How far a connection is in a recording.
#[derive(Debug)]
pub(crate) struct Playback {
    started: Instant,
    next: usize,
    /// When the end of the recording is told.
    over: Option<Instant>,
}

/// From the last line to the close: a client may still be waiting for snapshots on its other connection.
const END_PAUSE: Duration = Duration::from_secs(1);

impl Playback {
    pub(crate) fn starting(now: Instant) -> Self {
        Self { started: now, next: 0, over: None }
    }

    /// Whether the end may be told, some time after the last line.
    pub(crate) fn is_over(&mut self, now: Instant) -> bool {
        now >= *self.over.get_or_insert(now + END_PAUSE)
    }

    /// When the next line, or the end, is due; `None` while the end has not been reached.
    pub(crate) fn due(&self, recording: &Recording, speed: f64) -> Option<Instant> {
        let Some(line) = recording.lines().get(self.next) else { return self.over };
        let scaled = line.at.as_secs_f64() / speed;
        // At speed 0 the quotient is no duration, and the line is due at once.
        let after = Duration::try_from_secs_f64(scaled).unwrap_or_default();
        Some(self.started.checked_add(after).unwrap_or(self.started))
    }

    pub(crate) fn advance(&mut self) {
        self.next += 1;
    }

    pub(crate) fn next(&self) -> usize {
        self.next
    }
}
