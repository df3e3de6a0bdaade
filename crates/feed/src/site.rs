//! The connections to one endpoint.

use std::time::{Duration, Instant};

use tickwire_venue::LEGS_MAX;

use crate::place::Place;

/// An endpoint with the connections that are kept to it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) places: Vec<Place>,
    /// By leg.
    pub(crate) links: [Option<Link>; LEGS_MAX],
}

/// One connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) place: usize,
    pub(crate) began: Instant,
    pub(crate) state: State,
    /// How many looks in a row have found that it lags too far.
    pub(crate) slow_looks: u8,
    /// It was given up although it lags: what was under way on it may be lost, however it ends.
    pub(crate) lags: bool,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Looked up, connected, shaken hands with.
    Dialing,
    /// It is being subscribed, and catches up.
    Open,
    /// It brings all that it should, since a time.
    Ready { since: Instant },
    /// It is closed in order, and read to its end.
    Retiring,
}

impl Site {
    pub(crate) fn new(places: usize, now: Instant) -> Self {
        let places = std::iter::repeat_with(|| Place::new(now)).take(places);
        Self { places: places.collect(), links: [None; LEGS_MAX] }
    }

    /// A leg that nothing uses.
    pub(crate) fn free_leg(&self) -> Option<usize> {
        self.links.iter().position(Option::is_none)
    }

    pub(crate) fn link(&self, leg: usize) -> Option<&Link> {
        self.links.get(leg)?.as_ref()
    }

    pub(crate) fn link_mut(&mut self, leg: usize) -> Option<&mut Link> {
        self.links.get_mut(leg)?.as_mut()
    }

    /// Connections that are ready.
    pub(crate) fn ready_legs(&self) -> impl Iterator<Item = usize> + '_ {
        (0..LEGS_MAX).filter(|leg| self.link(*leg).is_some_and(Link::is_ready))
    }

    /// When there is something to do about it; `look` is when to see whether connections are ready.
    pub(crate) fn deadline(&self, look: Instant) -> Option<Instant> {
        let of_places = self.places.iter().filter_map(|place| place.deadline(look));
        let opening = self.links.iter().flatten().any(|link| link.state == State::Open);
        of_places.chain(opening.then_some(look)).min()
    }
}

impl Link {
    pub(crate) fn dialing(place: usize, now: Instant) -> Self {
        Self { place, began: now, state: State::Dialing, slow_looks: 0, lags: false }
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready { .. })
    }

    /// For how long it has been ready.
    pub(crate) fn ready_for(&self, now: Instant) -> Option<Duration> {
        if let State::Ready { since } = self.state {
            Some(now.saturating_duration_since(since))
        } else {
            None
        }
    }
}
