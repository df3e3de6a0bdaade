//! The connections to one endpoint.
//!
//! ```text
//!             dial                         renew               dial
//!   Waiting ────────► Single ───────────────────────► Renewing ────────► Renewing, with a successor
//!      ▲                │ ▲                                │                  │
//!      └─── lost ───────┘ └────── successor ready, the old one retires ──────┘  (lost: the other goes on alone)
//! ```

use std::time::{Duration, Instant};

use tickwire_venue::{LEGS_MAX, Renewal};

use crate::retry::Retry;

/// An endpoint with the connections that are kept to it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) places: Vec<Place>,
    /// By leg.
    pub(crate) links: [Option<Link>; LEGS_MAX],
}

/// A connection that is wanted, whichever it is at the time.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) life: Life,
    pub(crate) retry: Retry,
    /// When it was lost, while it is.
    pub(crate) lost_at: Option<Instant>,
    /// Not renewed for its lag before this time.
    pub(crate) patient_until: Option<Instant>,
}

/// What serves a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Nothing; an attempt is due at a time.
    Waiting(Instant),
    /// One connection.
    Single(usize),
    /// One connection, and another that takes over.
    Renewing { old: usize, next: Next },
    /// Nothing, and nothing will.
    Stopped,
}

/// What takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing yet; an attempt is due at a time.
    Waiting(Instant),
    /// A connection that is not ready.
    Leg(usize),
    /// A connection that was ready, beside which the old one goes on to a time.
    Overlap { leg: usize, until: Instant },
}

/// One connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) place: usize,
    pub(crate) began: Instant,
    pub(crate) state: State,
    /// When it is renewed, and why.
    pub(crate) renewal: Option<(Instant, Renewal)>,
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
        let place = || Place {
            life: Life::Waiting(now),
            retry: Retry::default(),
            lost_at: None,
            patient_until: None,
        };
        Self { places: std::iter::repeat_with(place).take(places).collect(), links: [None; LEGS_MAX] }
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
        let ready = |link: &Option<Link>| matches!(link, Some(Link { state: State::Ready { .. }, .. }));
        (0..LEGS_MAX).filter(move |leg| self.links.get(*leg).is_some_and(ready))
    }

    /// When there is something to do about it; `look` is when to see whether connections are ready.
    pub(crate) fn deadline(&self, look: Instant) -> Option<Instant> {
        let of_places = self.places.iter().filter_map(|place| match place.life {
            Life::Waiting(at) => Some(at),
            Life::Renewing { next: Next::Waiting(at), .. } => Some(at),
            Life::Renewing { next: Next::Overlap { until, .. }, .. } => Some(until.max(look)),
            Life::Single(leg) => self.link(leg).and_then(|link| link.renewal).map(|(at, _)| at),
            Life::Renewing { next: Next::Leg(_), .. } | Life::Stopped => None,
        });
        let opening = self.links.iter().flatten().any(|link| link.state == State::Open);
        of_places.chain(opening.then_some(look)).min()
    }
}

impl Link {
    pub(crate) fn dialing(place: usize, now: Instant) -> Self {
        Self { place, began: now, state: State::Dialing, renewal: None, slow_looks: 0, lags: false }
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
