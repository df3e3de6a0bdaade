//! The channels of a session: which were asked for, which the venue confirmed, which are taken back to begin anew.
//!
//! ```text
//!             subscribe           named in the answer            resync
//!   Waiting ─────────────► Asked ─────────────────────► Live ──────────────► Leave
//!    ▲  ▲                  │ │ │                                             │  ▲
//!    │  └── for now, mute ─┘ │ └─ left out ─► Missing            unsubscribe │  │ for now, mute
//!    │                       └─── for good ─► Refused                        ▼  │
//!    └───────────────────────────── answered ───────────────────────────── Leaving
//!                              (a new connection: all Waiting again)
//! ```

use std::time::Instant;

use rustc_hash::FxHashMap;

use super::{
    channel::{Topic, is_raw},
    wire::Names,
};

/// Channels in one request. The venue documents 500, and has refused requests for being too large.
const CHANNELS_MAX: usize = 250;

/// What a channel needs from the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    /// Being signed in: each change, except on event nodes.
    SignIn,
    /// The same, and the private method.
    Private,
}

impl Need {
    pub(super) fn of(channel: &str, event_node: bool) -> Self {
        if Topic::of(channel) == Topic::Private {
            Self::Private
        } else if is_raw(channel) && !event_node {
            Self::SignIn
        } else {
            Self::Nothing
        }
    }
}

#[derive(Debug)]
pub(super) struct Subscriptions {
    channels: Vec<Channel>,
    index: FxHashMap<Box<str>, usize>,
}

#[derive(Debug)]
struct Channel {
    name: Box<str>,
    need: Need,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be subscribed, not before this time.
    Waiting(Instant),
    /// Subscribed by the request of this id.
    Asked(u64),
    Live,
    /// To be unsubscribed, not before this time.
    Leave(Instant),
    /// Unsubscribed by the request of this id.
    Leaving(u64),
    Missing,
    /// Refused, or not asked for yet since there was no connection.
    Refused,
}

impl Subscriptions {
    /// Channels by their names, each once.
    pub(super) fn new(names: Vec<Box<str>>, event_node: bool) -> Self {
        let index = names.iter().cloned().zip(0..).collect();
        let channel =
            |name: Box<str>| Channel { need: Need::of(&name, event_node), name, state: State::Refused };
        Self { channels: names.into_iter().map(channel).collect(), index }
    }

    /// The connection is new: nothing is subscribed.
    pub(super) fn on_open(&mut self, now: Instant) {
        for channel in &mut self.channels {
            channel.state = State::Waiting(now);
        }
    }

    /// Marks the channels of the next request to subscribe, and says what they need.
    pub(super) fn ask(&mut self, id: u64, now: Instant) -> Option<Need> {
        let due = |channel: &&mut Channel| matches!(channel.state, State::Waiting(at) if at <= now);
        let need = self.channels.iter_mut().find(due)?.need;
        let alike = self.channels.iter_mut().filter(due).filter(|channel| channel.need == need);
        for channel in alike.take(CHANNELS_MAX) {
            channel.state = State::Asked(id);
        }
        Some(need)
    }

    /// Marks the channels of the next request to unsubscribe, and says what they need.
    pub(super) fn leave_some(&mut self, id: u64, now: Instant) -> Option<Need> {
        let due = |channel: &&mut Channel| matches!(channel.state, State::Leave(at) if at <= now);
        let need = self.channels.iter_mut().find(due)?.need;
        let alike = self.channels.iter_mut().filter(due).filter(|channel| channel.need == need);
        for channel in alike.take(CHANNELS_MAX) {
            channel.state = State::Leaving(id);
        }
        Some(need)
    }

    /// Whether some are due to be subscribed or unsubscribed.
    pub(super) fn is_due(&self, now: Instant) -> (bool, bool) {
        let any = |due: fn(State) -> Option<Instant>| {
            self.channels.iter().filter_map(|channel| due(channel.state)).any(|at| at <= now)
        };
        (any(State::waiting), any(State::leave))
    }

    /// When the first are due to be subscribed and unsubscribed.
    pub(super) fn due_at(&self) -> (Option<Instant>, Option<Instant>) {
        let first = |due: fn(State) -> Option<Instant>| {
            self.channels.iter().filter_map(|channel| due(channel.state)).min()
        };
        (first(State::waiting), first(State::leave))
    }

    /// The places and names of the channels that a request is about.
    pub(super) fn of(&self, id: u64) -> impl Iterator<Item = (usize, &str)> {
        let about = move |(_, channel): &(usize, &Channel)| channel.state.is_of(id);
        self.channels.iter().enumerate().filter(about).map(|(at, channel)| (at, &*channel.name))
    }

    /// The channels of request `id` that the answer names are subscribed; `missing` is told the others. The places
    /// of those subscribed go into `live`. Says how many the request named.
    pub(super) fn on_subscribed(
        &mut self,
        id: u64,
        named: Names<'_>,
        mut live: impl FnMut(usize),
        mut missing: impl FnMut(&str),
    ) -> usize {
        let mut count = 0;
        for at in named.iter().filter_map(|name| self.index.get(name)) {
            if let Some(channel) =
                self.channels.get_mut(*at).filter(|channel| channel.state == State::Asked(id))
            {
                channel.state = State::Live;
                live(*at);
                count += 1;
            }
        }
        for channel in self.channels.iter_mut().filter(|channel| channel.state == State::Asked(id)) {
            channel.state = State::Missing;
            missing(&channel.name);
            count += 1;
        }
        count
    }

    /// The channels of request `id` are not subscribed any more.
    pub(super) fn on_unsubscribed(&mut self, id: u64, now: Instant) {
        self.set(id, State::Waiting(now));
    }

    /// Request `id` came to nothing; it is made again at a time, or never.
    pub(super) fn on_failed(&mut self, id: u64, again_at: Option<Instant>) {
        for channel in &mut self.channels {
            channel.state = match (channel.state, again_at) {
                (State::Asked(of), Some(at)) if of == id => State::Waiting(at),
                (State::Leaving(of), Some(at)) if of == id => State::Leave(at),
                (State::Asked(of) | State::Leaving(of), None) if of == id => State::Refused,
                (state, _) => state,
            };
        }
    }

    /// A channel is to be subscribed anew, not before a time.
    pub(super) fn leave(&mut self, channel: usize, at: Instant) {
        if let Some(channel) = self.channels.get_mut(channel).filter(|channel| channel.state == State::Live) {
            channel.state = State::Leave(at);
        }
    }

    /// Nobody will be signed in: gives up what needs that, and tells.
    pub(super) fn on_never_signed_in(&mut self, mut missing: impl FnMut(&str)) {
        for channel in self.channels.iter_mut().filter(|channel| channel.need != Need::Nothing) {
            if matches!(channel.state, State::Waiting(_)) {
                channel.state = State::Missing;
                missing(&channel.name);
            }
        }
    }

    /// Channels that are neither confirmed nor given up.
    pub(super) fn pending(&self) -> usize {
        let settled = |state| matches!(state, State::Live | State::Missing | State::Refused);
        self.channels.iter().filter(|channel| !settled(channel.state)).count()
    }

    fn set(&mut self, id: u64, state: State) {
        for channel in self.channels.iter_mut().filter(|channel| channel.state.is_of(id)) {
            channel.state = state;
        }
    }
}

impl State {
    fn is_of(self, id: u64) -> bool {
        self == Self::Asked(id) || self == Self::Leaving(id)
    }

    fn waiting(self) -> Option<Instant> {
        if let Self::Waiting(at) = self { Some(at) } else { None }
    }

    fn leave(self) -> Option<Instant> {
        if let Self::Leave(at) = self { Some(at) } else { None }
    }
}
