//! The streams of one endpoint: which are wanted, and what became of each on every connection.
//!
//! ```text
//!             subscribe              confirmed               resync, not wanted
//!   Waiting ─────────────► Asked ─────────────────► Live ───────────────────────► Leave
//!    ▲  ▲                  │ │ │                                                  │
//!    │  └── for now, mute ─┘ │ └─ left out ──► Missing                 unsubscribe │
//!    │     or one of many    └─── for good ──► Refused                             ▼
//!    └─────────────────── wanted ───────────────────────────────────────────── Leaving ◄── unsubscribe ── Unsure
//!                                            Idle ◄── not wanted ──────────────────┘ └─ for now, mute, many ─►┘
//! ```
//!
//! A subscription that is mute is waiting `Again`: it may be there all the same. When nobody wants it any more it is unsure,
//! too, and left first if it is wanted again.
//!
//! What a leg was not given waits again while another brings it. On a new connection all that is wanted waits. A request
//! that is refused for good and names several streams is made again in halves, so that one name does not take others down.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::route::LEGS_MAX;

/// After what time a stream is asked for again that a leg was not given, although another leg brings it.
const NOT_GIVEN_FOR: Duration = Duration::from_secs(10);

/// What a stream shares a request with: those of other groups have requests of their own.
pub(crate) type Group = u8;

#[derive(Debug)]
pub(crate) struct Subscriptions {
    streams: Vec<Stream>,
    index: FxHashMap<Box<str>, usize>,
    /// How many are wanted.
    wanted: usize,
    /// Streams in one request.
    batch_max: u16,
    legs: [Option<Vec<Standing>>; LEGS_MAX],
}

#[derive(Debug)]
struct Stream {
    name: Box<str>,
    group: Group,
    wanted: bool,
}

/// What became of a stream on one leg.
#[derive(Debug, Clone, Copy)]
struct Standing {
    state: State,
    /// Streams that may be in a request with it.
    batch: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// To be subscribed, not before this time.
    Waiting(Instant),
    /// The same, but perhaps it is there already, for a request had no answer.
    Again(Instant),
    /// Subscribed by the request of this id.
    Asked(u64),
    Live,
    /// To be unsubscribed, not before this time.
    Leave(Instant),
    /// Unsubscribed by the request of this id.
    Leaving(u64),
    /// Perhaps it is there, for a request had no answer; to be unsubscribed, not before this time.
    Unsure(Instant),
    Missing,
    Refused,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    Subscribe,
    Unsubscribe,
}

impl Subscriptions {
    pub(crate) fn new(batch_max: u16) -> Self {
        let legs = [const { None }; LEGS_MAX];
        Self { streams: Vec::new(), index: FxHashMap::default(), wanted: 0, batch_max, legs }
    }

    /// Wants a stream; its place, unless it is wanted already. Open legs subscribe it.
    pub(crate) fn add(&mut self, name: &str, group: Group, now: Option<Instant>) -> Option<usize> {
        if let Some(at) = self.find(name) {
            let stream = self.streams.get_mut(at)?;
            if std::mem::replace(&mut stream.wanted, true) {
                return None;
            }
            self.wanted += 1;
            self.each_standing(at, |state| match (state, now) {
                (State::Idle | State::Missing | State::Refused, Some(now)) => State::Waiting(now),
                (State::Leave(_), _) => State::Live,
                // What is unsure is left first: it may end in the midst of what the leg brings.
                (state, _) => state,
            });
            return Some(at);
        }
        let stream = Stream { name: name.into(), group, wanted: true };
        let standing = Standing { state: now.map_or(State::Idle, State::Waiting), batch: self.batch_max };
        let at = self.unused().unwrap_or(self.streams.len());
        match self.streams.get_mut(at) {
            Some(unused) => {
                self.index.remove(&unused.name);
                *unused = stream;
                let standings = self.legs.iter_mut().flatten().filter_map(|leg| leg.get_mut(at));
                standings.for_each(|unused| *unused = standing);
            }
            None => {
                self.streams.push(stream);
                self.legs.iter_mut().flatten().for_each(|leg| leg.push(standing));
            }
        }
        self.index.insert(name.into(), at);
        self.wanted += 1;
        Some(at)
    }

    /// A place that is not needed any more, so that names that come and go need no more memory than those there are.
    fn unused(&self) -> Option<usize> {
        self.streams.iter().enumerate().position(|(at, stream)| !stream.wanted && self.is_idle(at))
    }

    /// Does not want a stream any more; its place, if it was wanted. Legs that have it unsubscribe it.
    pub(crate) fn remove(&mut self, name: &str, now: Instant) -> Option<usize> {
        let at = self.find(name)?;
        let stream = self.streams.get_mut(at)?;
        if !std::mem::replace(&mut stream.wanted, false) {
            return None;
        }
        self.wanted -= 1;
        self.each_standing(at, |state| match state {
            State::Waiting(_) | State::Missing | State::Refused => State::Idle,
            State::Again(at) => State::Unsure(at),
            State::Live => State::Leave(now),
            state => state,
        });
        Some(at)
    }

    fn each_standing(&mut self, at: usize, change: impl Fn(State) -> State) {
        let batch = self.batch_max;
        for standing in self.legs.iter_mut().flatten().filter_map(|leg| leg.get_mut(at)) {
            *standing = Standing { state: change(standing.state), batch };
        }
    }

    /// The place of a stream that is or was wanted.
    #[inline]
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    pub(crate) fn name(&self, stream: usize) -> &str {
        self.streams.get(stream).map_or("", |stream| &stream.name)
    }

    /// How many streams are wanted.
    pub(crate) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Whether a stream is wanted.
    pub(crate) fn is_wanted(&self, stream: usize) -> bool {
        self.streams.get(stream).is_some_and(|stream| stream.wanted)
    }

    /// The places and names of all that is wanted.
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, &str)> {
        let named = |(at, stream): (usize, &'_ Stream)| stream.wanted.then_some(at);
        let places = self.streams.iter().enumerate().filter_map(named);
        places.map(|at| (at, self.name(at)))
    }

    pub(crate) fn is_open(&self, leg: usize) -> bool {
        self.legs.get(leg).is_some_and(Option::is_some)
    }

    /// Whether any connection is open.
    pub(crate) fn has_leg(&self) -> bool {
        self.legs.iter().any(Option::is_some)
    }

    pub(crate) fn open_legs(&self) -> impl Iterator<Item = usize> + use<> {
        let open = self.legs.each_ref().map(Option::is_some);
        (0..LEGS_MAX).filter(move |leg| open.get(*leg).copied().unwrap_or(false))
    }

    /// A connection is new: nothing is subscribed there.
    pub(crate) fn on_open(&mut self, leg: usize, now: Instant) {
        let batch = self.batch_max;
        let standing = |stream: &Stream| Standing {
            state: if stream.wanted { State::Waiting(now) } else { State::Idle },
            batch,
        };
        let standings = self.streams.iter().map(standing).collect();
        if let Some(leg) = self.legs.get_mut(leg) {
            *leg = Some(standings);
        }
    }

    /// A connection is gone. The streams that were live there, and that all others have given up.
    pub(crate) fn on_closed(&mut self, leg: usize) -> Vec<usize> {
        let mut live: Vec<usize> = (0..self.streams.len()).filter(|at| self.is_live(leg, *at)).collect();
        if let Some(leg) = self.legs.get_mut(leg) {
            *leg = None;
        }
        live.retain(|at| self.is_wanted(*at) && self.is_given_up(*at));
        live
    }

    /// Marks the streams of the next request of a leg, and says of which group they are.
    pub(crate) fn ask(&mut self, leg: usize, aim: Aim, id: u64, now: Instant) -> Option<Group> {
        let Self { streams, legs, .. } = self;
        let standings = legs.get_mut(leg)?.as_mut()?;
        let is_due = |standing: &Standing| standing.state.due(aim).is_some_and(|at| at <= now);
        let first = standings.iter().position(is_due)?;
        let group = streams.get(first)?.group;
        let batch = standings.get(first)?.batch;
        let streams = streams.iter().zip(standings).skip(first);
        let alike = streams
            .filter(|(stream, standing)| stream.group == group && is_due(standing) && standing.batch <= batch)
            .take(usize::from(batch));
        for (_, standing) in alike {
            standing.state = match aim {
                Aim::Subscribe => State::Asked(id),
                Aim::Unsubscribe => State::Leaving(id),
            };
        }
        Some(group)
    }

    /// When a leg has something to ask for.
    pub(crate) fn due_at(&self, leg: usize, aim: Aim) -> Option<Instant> {
        self.standings(leg).iter().filter_map(|standing| standing.state.due(aim)).min()
    }

    /// The places and names of the streams that a request is about.
    pub(crate) fn of(&self, leg: usize, id: u64) -> impl Iterator<Item = (usize, &str)> {
        let about = move |(_, standing): &(usize, &Standing)| standing.state.is_of(id);
        self.standings(leg).iter().enumerate().filter(about).map(|(at, _)| (at, self.name(at)))
    }

    /// Request `id` was answered: the places it was about, and whether each is live now. `is_named` says which the
    /// answer confirms; the others of a subscription are missing.
    pub(crate) fn on_done(
        &mut self,
        leg: usize,
        id: u64,
        now: Instant,
        is_named: impl Fn(&str) -> bool,
    ) -> Vec<(usize, Became)> {
        let places: Vec<usize> = self.of(leg, id).map(|(at, _)| at).collect();
        let mut became = Vec::with_capacity(places.len());
        for at in places {
            let is_covered = self.is_covered(at);
            let Some(stream) = self.streams.get(at) else { continue };
            let (is_named, is_wanted) = (is_named(&stream.name), stream.wanted);
            let Some(standing) = self.standings_mut(leg).get_mut(at) else { continue };
            let (state, what) = match (standing.state, is_wanted) {
                (State::Leaving(_), true) => (State::Waiting(now), Became::Left),
                (State::Leaving(_), false) => (State::Idle, Became::Left),
                (_, true) if is_named && is_covered => (State::Live, Became::Live),
                (_, true) if is_named => (State::Live, Became::First),
                (_, false) if is_named => (State::Leave(now), Became::Live),
                (_, true) if is_covered => (State::Waiting(now + NOT_GIVEN_FOR), Became::Missing),
                (_, true) => (State::Missing, Became::Missing),
                (_, false) => (State::Idle, Became::Missing),
            };
            standing.state = state;
            if what == Became::First {
                self.hope(at, now);
            }
            became.push((at, what));
        }
        became
    }

    /// A leg was given a stream: so may be those that were not.
    fn hope(&mut self, at: usize, now: Instant) {
        for standing in self.legs.iter_mut().flatten().filter_map(|leg| leg.get_mut(at)) {
            if matches!(standing.state, State::Missing | State::Refused) {
                standing.state = State::Waiting(now + NOT_GIVEN_FOR);
            }
        }
    }

    /// Request `id` came to nothing for now: it is made again at a time.
    pub(crate) fn on_put_off(&mut self, leg: usize, id: u64, again_at: Instant) {
        let Self { streams, legs, .. } = self;
        let standings = legs.get_mut(leg).and_then(Option::as_mut).map_or(&mut [][..], Vec::as_mut_slice);
        for (stream, standing) in streams.iter().zip(standings) {
            standing.state = match standing.state {
                State::Asked(of) if of == id && stream.wanted => State::Again(again_at),
                State::Asked(of) | State::Leaving(of) if of == id => State::Unsure(again_at),
                state => state,
            };
        }
    }

    /// Request `id` was refused for good. That says something of one stream alone, which it returns; of several, each half
    /// is asked for again.
    pub(crate) fn on_refused(&mut self, leg: usize, id: u64, now: Instant) -> Option<usize> {
        let about: Vec<_> = self.of(leg, id).map(|(at, _)| at).collect();
        let half = u16::try_from(about.len() / 2).unwrap_or(u16::MAX);
        let alone = about.first().copied().filter(|_| about.len() == 1);
        for at in about {
            let (is_wanted, is_covered) = (self.is_wanted(at), self.is_covered(at));
            let Some(standing) = self.standings_mut(leg).get_mut(at) else { continue };
            let is_leaving = matches!(standing.state, State::Leaving(_));
            standing.state = match (alone, is_wanted) {
                // A request before it may have had no answer.
                (None, true) if !is_leaving => State::Again(now),
                (None, _) => State::Unsure(now),
                // It was not there to be left.
                (Some(_), true) if is_leaving => State::Waiting(now),
                (Some(_), true) if is_covered => State::Waiting(now + NOT_GIVEN_FOR),
                (Some(_), true) => State::Refused,
                (Some(_), false) => State::Idle,
            };
            if alone.is_none() {
                standing.batch = half;
            }
        }
        alone
    }

    /// A stream is to be subscribed anew on a leg, not before a time. Whether it was live there.
    pub(crate) fn renew(&mut self, leg: usize, stream: usize, at: Instant) -> bool {
        let standing = self.standings_mut(leg).get_mut(stream);
        let Some(standing) = standing.filter(|standing| standing.state == State::Live) else { return false };
        standing.state = State::Leave(at);
        true
    }

    /// Gives up what waits on a leg and is of a group; the places.
    pub(crate) fn give_up(&mut self, leg: usize, is_hopeless: impl Fn(Group) -> bool) -> Vec<usize> {
        let Self { streams, legs, .. } = self;
        let standings = legs.get_mut(leg).and_then(Option::as_mut).map_or(&mut [][..], Vec::as_mut_slice);
        let mut missing = Vec::new();
        for (at, (stream, standing)) in streams.iter().zip(standings).enumerate() {
            if is_hopeless(stream.group) && matches!(standing.state, State::Waiting(_) | State::Again(_)) {
                standing.state = if stream.wanted { State::Missing } else { State::Idle };
                missing.push(at);
            }
        }
        missing
    }

    /// Whether a leg brings a stream: it is confirmed there.
    pub(crate) fn is_live(&self, leg: usize, stream: usize) -> bool {
        let state = self.standings(leg).get(stream).map(|standing| standing.state);
        matches!(state, Some(State::Live | State::Leave(_)))
    }

    /// Whether any leg brings it.
    pub(crate) fn is_covered(&self, stream: usize) -> bool {
        (0..LEGS_MAX).any(|leg| self.is_live(leg, stream))
    }

    /// Whether no leg has anything to do with it any more.
    pub(crate) fn is_idle(&self, stream: usize) -> bool {
        let mut standings = self.legs.iter().flatten().filter_map(|leg| leg.get(stream));
        standings.all(|standing| standing.state == State::Idle)
    }

    /// The places of streams that are not wanted any more and that some leg is not done with.
    pub(crate) fn leftovers(&self) -> Vec<usize> {
        let is_left = |at: &usize| !self.is_wanted(*at) && !self.is_idle(*at);
        (0..self.streams.len()).filter(is_left).collect()
    }

    /// Whether it is known of each stream that is wanted whether a leg brings it, and it brings all that others do.
    pub(crate) fn is_settled(&self, leg: usize) -> bool {
        let settled = |(at, standing): (usize, &Standing)| match standing.state {
            State::Idle | State::Live => true,
            State::Missing | State::Refused => !self.is_covered(at),
            _ => false,
        };
        self.is_open(leg) && self.standings(leg).iter().enumerate().all(settled)
    }

    /// Streams that are wanted, not covered, and not given up on each open leg.
    pub(crate) fn pending(&self) -> usize {
        self.all().filter(|(at, _)| !self.is_covered(*at) && !self.is_given_up(*at)).count()
    }

    /// Whether there are legs, and each has given a stream up.
    fn is_given_up(&self, stream: usize) -> bool {
        let mut standings = self.legs.iter().flatten().filter_map(|leg| leg.get(stream));
        self.has_leg() && standings.all(|standing| matches!(standing.state, State::Missing | State::Refused))
    }

    fn standings(&self, leg: usize) -> &[Standing] {
        self.legs.get(leg).and_then(Option::as_deref).unwrap_or_default()
    }

    fn standings_mut(&mut self, leg: usize) -> &mut [Standing] {
        self.legs.get_mut(leg).and_then(Option::as_deref_mut).unwrap_or_default()
    }
}

/// What a request made of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    /// It comes, and is wanted, and came from no leg before.
    First,
    /// It comes.
    Live,
    /// The answer left it out.
    Missing,
    /// It is not subscribed any more.
    Left,
}

impl State {
    fn is_of(self, id: u64) -> bool {
        self == Self::Asked(id) || self == Self::Leaving(id)
    }

    fn due(self, aim: Aim) -> Option<Instant> {
        match (self, aim) {
            (Self::Waiting(at) | Self::Again(at), Aim::Subscribe) => Some(at),
            (Self::Leave(at) | Self::Unsure(at), Aim::Unsubscribe) => Some(at),
            _ => None,
        }
    }
}
