//! What a venue makes of the market: how it is listed, and what is told of its events.

use std::time::Duration;

use crate::clock::Now;
use crate::market::{Diff, Instrument, Market, Step, Style};

/// Takes a stream's name and a way to write its message, which is used only if somebody listens.
pub(crate) type Publish<'a> = dyn FnMut(&str, &dyn Fn(Form) -> String) + 'a;

/// How one connection wants its payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// With the stream's name around them.
    pub(crate) combined: bool,
    /// With times in microseconds.
    pub(crate) microseconds: bool,
}

/// One venue's view of the market, shared by its connections.
pub(crate) trait Publisher: Sized {
    /// What kind of market it has.
    fn style() -> Style;

    /// Times between two diffs of a book, multiples of 50 ms; zero for every event.
    /// Snapshots stand at the end of a diff of the first cadence.
    fn cadences() -> &'static [Duration];

    /// Whether the ends of a cadence's diffs are told of where nothing has happened, too.
    fn is_steady(_cadence: usize) -> bool {
        false
    }

    /// A book event has happened.
    fn on_step(&mut self, at: usize, market: &Market, step: &Step, now: Now, publish: &mut Publish<'_>);

    /// A diff interval has ended.
    fn on_cut(&mut self, cut: &Cut<'_>, market: &Market, now: Now, publish: &mut Publish<'_>);

    /// Another quarter of a second is over.
    fn on_quarter(&mut self, quarter: u64, market: &Market, now: Now, publish: &mut Publish<'_>);
}

/// The end of one book's interval at one cadence.
#[derive(Debug)]
pub(crate) struct Cut<'a> {
    pub(crate) at: usize,
    pub(crate) instrument: &'a Instrument,
    pub(crate) cadence: usize,
    /// `None` when there is nothing to tell.
    pub(crate) diff: Option<&'a Diff>,
    /// Whether the diff gets lost on its way.
    pub(crate) lost: bool,
}
