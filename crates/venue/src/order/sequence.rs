//! The order of a stream that several connections bring: the first copy of each update is news.
//!
//! Every connection, a leg, brings a stream in the venue's order, so that nothing lies between one update of a leg and
//! its next. An update is news when nothing can be missing before it: its ids say so, or its leg stood no further than the
//! stream does. One beyond a hole is left to the legs that have not passed the hole; when there are none, or they take
//! too long, the hole is a gap.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use crate::route::LEGS_MAX;

const _: () = assert!(LEGS_MAX <= u8::BITS as usize, "each leg has a bit");

/// The bit of a leg; none for one that cannot be.
pub(crate) fn bit(leg: usize) -> u8 {
    u32::try_from(leg).ok().and_then(|leg| 1_u8.checked_shl(leg)).unwrap_or(0)
}

/// How long a hole waits for another leg.
pub(crate) const HOLE_WAIT: Duration = Duration::from_secs(1);

/// A stream may lag so far behind what was told by legs that are gone, before its ids are taken to begin anew: a venue that
/// was started again may count from below.
const BEHIND_MAX: Duration = Duration::from_secs(30);

/// A leg goes back so often before its ids are taken to begin anew: more than any venue repeats.
const BACKS_MAX: u32 = 100;

/// Where an update stands in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// By an id that only it has. `previous` is the last id that may come before it, which what stands does not tell.
    Id { id: u64, previous: Option<u64> },
    /// By an id that only it has, and that is more than that of the update before.
    Rising(u64),
    /// By a time, or an id, that it may share with others.
    Time(u64),
    /// The same, in a stream that begins with what stands, which is no update.
    State(u64),
}

impl Mark {
    /// By an id that is one more than that of the update before.
    pub(crate) fn counted(id: u64) -> Self {
        Self::Id { id, previous: Some(id.saturating_sub(1)) }
    }

    pub(super) fn id(self) -> u64 {
        let (Self::Id { id, .. } | Self::Rising(id) | Self::Time(id) | Self::State(id)) = self;
        id
    }
}

/// A place in the order: an id or a time, and which of those that share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    id: u64,
    nth: NonZeroU32,
}

/// Where a leg stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leg {
    /// It does not bring the stream.
    Out,
    /// It does and has not yet; where the stream stood when it began.
    Joined(Option<Place>),
    /// The same, but that it has shown what stands, which is no update.
    Shown(Option<Place>),
    /// The same, and nothing lies between what the stream tells and what it will bring first that the stream has not.
    Level,
    /// At the last that it brought.
    At(Place),
}

impl Leg {
    /// Whether it has brought no update since it joined.
    fn is_silent(self) -> bool {
        matches!(self, Self::Joined(_) | Self::Shown(_))
    }

    /// Whether it has brought what is at this place.
    fn holds(self, last: Place) -> bool {
        self == Self::Level || matches!(self, Self::At(at) if at >= last)
    }

    /// Whether it brings all that comes behind this place.
    fn reaches(self, last: Place) -> bool {
        self == Self::Level || matches!(self, Self::At(at) if at <= last)
    }
}

/// Whether a leg is there that has brought what was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    There,
    Gone,
    /// And since this time others bring what lies before that.
    Behind(Instant),
}

/// What an update of a leg is to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is news.
    Next,
    /// It is news, and what lies between is missing.
    Gap(Hole),
    /// Another leg brought it before.
    Copy,
    /// Its own leg brought it before.
    Repeat,
    /// Another leg will bring it, and what lies between.
    Ahead,
}

/// What is missing: the ids or times beyond `after`, up to `through`, which is less when the venue counts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) after: u64,
    pub(crate) through: u64,
}

impl Hole {
    pub(crate) fn is_new_count(self) -> bool {
        self.through < self.after
    }
}

/// The order of one stream.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// Where the stream stands.
    last: Option<Place>,
    holder: Holder,
    /// It was not wanted for a time: what lies before the next is not missing.
    resumes: bool,
    /// Since when a leg is beyond a hole.
    ahead: Option<Instant>,
    /// How often legs went back, since the last news.
    backs: u32,
    legs: [Leg; LEGS_MAX],
}

impl Default for Sequence {
    fn default() -> Self {
        Self {
            last: None,
            holder: Holder::There,
            resumes: false,
            ahead: None,
            backs: 0,
            legs: [Leg::Out; LEGS_MAX],
        }
    }
}

impl Sequence {
    /// A leg brings the stream from now on.
    pub(crate) fn join(&mut self, leg: usize) {
        let last = self.last;
        // It may have brought something before the venue said that it would.
        if let Some(leg) = self.legs.get_mut(leg).filter(|leg| **leg == Leg::Out) {
            *leg = Leg::Joined(last);
        }
    }

    /// A leg does not bring the stream any more. If it is where the stream stands, those of the `heirs` that are silent since
    /// they joined have missed nothing: all that was before them has come. They may still bring what is old.
    pub(crate) fn leave(&mut self, leg: usize, heirs: u8) {
        let Some(gone) = self.legs.get_mut(leg) else { return };
        let stood = std::mem::replace(gone, Leg::Out);
        let Some(last) = self.last else { return };
        if stood == Leg::At(last) || stood == Leg::Level {
            for (other, stands) in self.legs.iter_mut().enumerate() {
                if stands.is_silent() && heirs & bit(other) != 0 {
                    *stands = Leg::Level;
                }
            }
        }
        if !self.legs.iter().any(|leg| leg.holds(last)) {
            self.holder = Holder::Gone;
        }
    }

    /// Judges an update of a leg, which takes its place.
    #[inline]
    pub(crate) fn judge(&mut self, leg: usize, mark: Mark, now: Instant) -> Verdict {
        let last = self.last;
        let Some(stood) = self.legs.get(leg).copied() else { return Verdict::Next };
        let mut nth = NonZeroU32::MIN;
        if let Leg::At(at) = stood {
            if mark.id() < at.id || (mark.id() == at.id && matches!(mark, Mark::Id { .. } | Mark::Rising(_)))
            {
                return self.judge_back(leg, at, mark);
            }
            if mark.id() == at.id {
                nth = at.nth.saturating_add(1);
            }
        }
        if matches!((mark, stood), (Mark::State(_), Leg::Out | Leg::Joined(_)))
            && self.is_filled_by_others(leg)
        {
            // It shows what stands; the updates are left to those that bring them all.
            let stood = if let Leg::Joined(stood) = stood { stood } else { self.last };
            self.put(leg, Leg::Shown(stood));
            return Verdict::Copy;
        }
        let place = Place { id: mark.id(), nth };
        self.stand(leg, place);
        let Some(last) = last else { return self.advance(place) };
        if place <= last {
            let is_held = self.holder == Holder::There;
            return if is_held { Verdict::Copy } else { self.judge_behind(leg, place, mark, now) };
        }
        let (continues, through) = match mark {
            Mark::Id { previous: Some(previous), .. } => (previous <= last.id, previous),
            // No id lies between.
            Mark::Rising(id) if id == last.id.saturating_add(1) => (true, last.id),
            _ => (stood.reaches(last), place.id.saturating_sub(1)),
        };
        if continues || self.resumes {
            self.advance(place)
        } else {
            self.judge_ahead(leg, place, Hole { after: last.id, through }, now)
        }
    }

    #[inline]
    fn advance(&mut self, place: Place) -> Verdict {
        self.last = Some(place);
        self.holder = Holder::There;
        self.resumes = false;
        self.ahead = None;
        self.backs = 0;
        Verdict::Next
    }

    /// An update that is not beyond what legs have brought that are gone.
    #[cold]
    fn judge_behind(&mut self, leg: usize, place: Place, mark: Mark, now: Instant) -> Verdict {
        if self.last == Some(place) {
            self.holder = Holder::There;
        }
        match (mark, self.holder) {
            (Mark::Id { .. } | Mark::Rising(_), Holder::Gone) => self.holder = Holder::Behind(now),
            (Mark::Id { .. } | Mark::Rising(_), Holder::Behind(since)) if now >= since + BEHIND_MAX => {
                return self.count_anew(leg, place);
            }
            _ => {}
        }
        Verdict::Copy
    }

    /// The venue counts anew.
    fn count_anew(&mut self, leg: usize, place: Place) -> Verdict {
        let after = self.last.map_or(0, |last| last.id);
        self.legs.iter_mut().filter(|leg| **leg != Leg::Out).for_each(|leg| *leg = Leg::Joined(None));
        self.restart(leg, place.id);
        Verdict::Gap(Hole { after, through: place.id.saturating_sub(1) })
    }

    #[cold]
    fn judge_ahead(&mut self, leg: usize, place: Place, hole: Hole, now: Instant) -> Verdict {
        let since = *self.ahead.get_or_insert(now);
        if self.is_filled_by_others(leg) && now < since + HOLE_WAIT {
            return Verdict::Ahead;
        }
        self.advance(place);
        Verdict::Gap(hole)
    }

    /// Whether a leg other than this one may still bring what comes next.
    fn is_filled_by_others(&self, leg: usize) -> bool {
        let Some(last) = self.last else { return false };
        let mut others = self.legs.iter().enumerate().filter(|(other, _)| *other != leg);
        others.any(|(_, other)| match other {
            // It came before what was told last, so that it may bring what lies behind that.
            Leg::Joined(stood) | Leg::Shown(stood) => stood.is_none_or(|stood| stood < last),
            other => other.reaches(last),
        })
    }

    /// An update that is not beyond what its own leg brought before.
    #[cold]
    fn judge_back(&mut self, leg: usize, stood: Place, mark: Mark) -> Verdict {
        let place = Place { id: mark.id(), nth: NonZeroU32::MIN };
        let Some(last) = self.last else { return self.advance(place) };
        match mark {
            // A clock was put back. The first leg to show it takes the stream along.
            Mark::Time(_) | Mark::State(_) => {
                self.stand(leg, place);
                if last < stood { Verdict::Copy } else { self.advance(place) }
            }
            Mark::Id { .. } | Mark::Rising(_) => {
                self.backs += u32::from(place.id < stood.id);
                if self.backs < BACKS_MAX {
                    return Verdict::Repeat;
                }
                self.count_anew(leg, place)
            }
        }
    }

    fn stand(&mut self, leg: usize, place: Place) {
        self.put(leg, Leg::At(place));
    }

    fn put(&mut self, leg: usize, stands: Leg) {
        if let Some(leg) = self.legs.get_mut(leg) {
            *leg = stands;
        }
    }

    /// When the hole is a gap even without another update.
    pub(crate) fn overdue_at(&self) -> Option<Instant> {
        Some(self.ahead? + HOLE_WAIT)
    }

    /// Gives up waiting for what lies before a leg that is ahead, if it is time or no leg can bring it any more.
    pub(crate) fn give_up(&mut self, now: Instant) -> Option<Hole> {
        let (last, since) = (self.last?, self.ahead?);
        let place = |leg: &Leg| if let Leg::At(at) = leg { Some(*at) } else { None };
        let furthest = self.legs.iter().filter_map(place).max().filter(|furthest| *furthest > last);
        let Some(furthest) = furthest else {
            self.ahead = None;
            return None;
        };
        if self.is_filled_by_others(usize::MAX) && now < since + HOLE_WAIT {
            return None;
        }
        self.advance(furthest);
        Some(Hole { after: last.id, through: furthest.id })
    }

    /// It is wanted again: what was told is not told once more, and what came meanwhile is not missing.
    pub(super) fn resume(&mut self) {
        self.resumes = true;
        self.holder = Holder::Gone;
        self.legs = [Leg::Out; LEGS_MAX];
    }

    /// Begins anew at an id, which a leg has brought.
    pub(crate) fn restart(&mut self, leg: usize, id: u64) {
        let place = Place { id, nth: NonZeroU32::MIN };
        self.stand(leg, place);
        self.advance(place);
    }

    /// Whether nothing would be missing if this leg were the only one: it stands no further than the stream, or the
    /// stream has not moved since it joined.
    pub(crate) fn is_level(&self, leg: usize) -> bool {
        match (self.legs.get(leg), self.last) {
            (Some(Leg::At(at)), Some(last)) => *at <= last,
            (Some(Leg::Joined(stood) | Leg::Shown(stood)), last) => *stood == last,
            (Some(Leg::At(_)), None) | (Some(Leg::Level), _) => true,
            (Some(Leg::Out) | None, _) => false,
        }
    }

    /// Whether a leg is silent since it joined, and one of the `elders` has brought what was told last.
    pub(super) fn is_heir(&self, leg: usize, elders: u8) -> bool {
        let Some(last) = self.last else { return false };
        let holds = |(elder, leg): (usize, &Leg)| elders & bit(elder) != 0 && leg.holds(last);
        self.legs.get(leg).is_some_and(|leg| leg.is_silent()) && self.legs.iter().enumerate().any(holds)
    }

    /// Whether a leg has brought something, and nothing as late as an id.
    pub(super) fn is_behind(&self, leg: usize, id: u64) -> bool {
        matches!(self.legs.get(leg), Some(Leg::At(at)) if at.id < id)
    }

    /// Where the stream stands.
    pub(super) fn last(&self) -> Option<Place> {
        self.last
    }

    /// Whether a leg has brought everything up to a place, or the stream has not moved since it joined.
    pub(super) fn has_brought(&self, leg: usize, place: Place) -> bool {
        match self.legs.get(leg) {
            Some(Leg::At(at)) => *at >= place,
            Some(Leg::Joined(stood) | Leg::Shown(stood)) => *stood == self.last,
            Some(Leg::Level) => self.last == Some(place),
            Some(Leg::Out) | None => true,
        }
    }
}
