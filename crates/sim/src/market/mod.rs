//! A seeded random walk over the full book of each symbol. Nothing here knows the time or a venue: one call
//! is one book event, and the same seed gives the same events.

mod book;
mod instrument;
mod interval;
mod tally;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use book::{Book, Level, Side};
pub(crate) use instrument::{Instrument, Snapshot, Terms, Top};
pub(crate) use interval::{Change, Diff};
pub(crate) use tally::{Candle, Tally, TickDirection};
pub(crate) use walk::{AggregateTrade, Size, Step, Trade};

use chacha20::ChaCha8Rng;
use rand_core::SeedableRng;
use walk::{below, index_below, list};

/// One unit of price or quantity as the market counts them: 0.00000001.
pub(crate) const ONE: u64 = 100_000_000;
/// Events of a symbol before the first client sees the market, so that its oldest book lies in the past.
const WARM_UP: usize = 64;
/// Update ids of a shared counter that other books than these use up between two events: at least 1, below this.
const ID_JUMP_MAX: u64 = 400;

/// Where update ids come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// Each book counts its own events.
    Own,
    /// One counter for all books, of which these are only some.
    Shared,
}

/// What a venue's market is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) ids: Ids,
    /// Number of cadences that diffs are cut at.
    pub(crate) cadences: usize,
    /// Whether a diff is cut when its events came to nothing.
    pub(crate) empty_diffs: bool,
    /// How a symbol trades.
    pub(crate) terms: fn(&str) -> Terms,
    pub(crate) size: Size,
}

/// All symbols, driven by one generator.
#[derive(Debug)]
pub(crate) struct Market {
    style: Style,
    instruments: Vec<Instrument>,
    rng: ChaCha8Rng,
    /// The last id of the shared counter.
    shared_id: u64,
}

impl Market {
    /// A market that has already seen some events. There must be at least one symbol.
    pub(crate) fn new(seed: u64, symbols: &[String], style: Style) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let instruments: Vec<_> = symbols.iter().map(|name| list(name, &style, &mut rng)).collect();
        let shared_id = instruments.iter().map(|instrument| instrument.live().last_id).max().unwrap_or(0);
        let mut market = Self { style, instruments, rng, shared_id };
        for at in 0..market.instruments.len() {
            for _ in 0..WARM_UP {
                market.step_of(at);
            }
            for cadence in 0..style.cadences {
                market.cut(at, cadence);
            }
        }
        market
    }

    pub(crate) fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    pub(crate) fn instrument(&self, at: usize) -> Option<&Instrument> {
        self.instruments.get(at)
    }

    /// The place of a symbol.
    pub(crate) fn find(&self, symbol: &str) -> Option<usize> {
        self.instruments.iter().position(|instrument| instrument.symbol == symbol)
    }

    /// One book event of one symbol: its place and what it published.
    pub(crate) fn step(&mut self) -> Option<(usize, Step)> {
        let at = index_below(&mut self.rng, self.instruments.len());
        Some((at, self.step_of(at)?))
    }

    fn step_of(&mut self, at: usize) -> Option<Step> {
        let id = self.next_id(at)?;
        Some(self.instruments.get_mut(at)?.step(&mut self.rng, id, self.style.size))
    }

    /// One event that places so many levels at once, or takes the last such away.
    pub(crate) fn burst(&mut self, at: usize, levels: usize) -> Option<Step> {
        let id = self.next_id(at)?;
        Some(self.instruments.get_mut(at)?.burst(&mut self.rng, id, levels))
    }

    /// Ends a diff of one symbol at a cadence, if there is one.
    pub(crate) fn cut(&mut self, at: usize, cadence: usize) -> Option<Diff> {
        self.instruments.get_mut(at)?.cut(cadence, self.style.empty_diffs)
    }

    fn next_id(&mut self, at: usize) -> Option<u64> {
        match self.style.ids {
            Ids::Own => Some(self.instruments.get(at)?.live().last_id + 1),
            Ids::Shared => {
                self.shared_id += 2 + below(&mut self.rng, ID_JUMP_MAX);
                Some(self.shared_id)
            }
        }
    }
}
