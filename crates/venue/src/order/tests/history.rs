//! Where one stream stands, told from all that was ever brought of it.

use super::*;

/// A place in the order of a stream: an id or a time, and which of those that share it.
pub(super) type At = (u64, usize);

/// What a leg has brought since it joined.
#[derive(Debug, Default)]
struct Tenure {
    /// Where the stream stood then.
    since: Option<At>,
    brought: Vec<At>,
    /// It has shown what stands, which counts for nothing.
    has_shown: bool,
    /// It is known that it has missed nothing.
    is_heir: bool,
}

impl Tenure {
    fn since(since: Option<At>) -> Self {
        Self { since, ..Self::default() }
    }

    fn last(&self) -> Option<At> {
        self.brought.last().copied()
    }

    /// Nothing lies between what it brought last and what it brings next: it will show all beyond a place that it has not
    /// passed.
    fn continues(&self, from: At) -> bool {
        self.last().map_or(self.is_heir, |last| last <= from)
    }

    fn has_reached(&self, at: At) -> bool {
        self.last().map_or(self.is_heir, |last| last >= at)
    }

    /// Whether it may bring what comes behind the place where the stream stands.
    fn may_bring(&self, stands: At) -> bool {
        let has_more = self.brought.is_empty() && !self.is_heir && self.since < Some(stands);
        has_more || self.continues(stands)
    }
}

/// All that was ever brought of a stream, or of an instrument in it.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Where it stood, one after the other.
    told: Vec<At>,
    tenures: BTreeMap<usize, Tenure>,
    hole_since: Option<Instant>,
    /// Nobody is there who has brought the last; and since when others bring what lies before it.
    is_orphan: bool,
    behind_since: Option<Instant>,
    was_unwanted: bool,
    /// How often legs went back since the last news.
    backs: usize,
}

impl History {
    pub(super) fn last(&self) -> Option<At> {
        self.told.last().copied()
    }

    pub(super) fn join(&mut self, leg: usize) {
        let last = self.last();
        self.tenures.entry(leg).or_insert_with(|| Tenure::since(last));
    }

    pub(super) fn leave(&mut self, leg: usize, heirs: &BTreeSet<usize>) {
        let gone = self.tenures.remove(&leg);
        let Some(last) = self.last() else { return };
        let was_at_last = gone.is_some_and(|gone| gone.last().map_or(gone.is_heir, |at| at == last));
        for (leg, tenure) in &mut self.tenures {
            tenure.is_heir |= was_at_last && tenure.brought.is_empty() && heirs.contains(leg);
        }
        if !self.tenures.values().any(|tenure| tenure.has_reached(last)) {
            (self.is_orphan, self.behind_since) = (true, None);
        }
    }

    /// It begins again with these legs: forgotten, or as one that was told before.
    pub(super) fn begin_anew(&mut self, legs: &BTreeSet<usize>, is_forgotten: bool) {
        if is_forgotten {
            *self = Self::default();
        } else {
            (self.was_unwanted, self.is_orphan, self.behind_since) = (true, true, None);
            self.tenures.clear();
        }
        legs.iter().for_each(|leg| self.join(*leg));
    }

    pub(super) fn restart(&mut self, leg: usize, id: u64) {
        self.tenures.insert(leg, Tenure { brought: vec![(id, 1)], ..Tenure::default() });
        self.tell((id, 1));
    }

    pub(super) fn bring(&mut self, leg: usize, mark: Mark, now: Instant) -> Verdict {
        self.join(leg);
        let (id, is_single) = (mark.id(), matches!(mark, Mark::Id { .. } | Mark::Rising(_)));
        let before = self.tenures[&leg].last();
        if before.is_some_and(|before| id < before.0 || (is_single && id == before.0)) {
            return self.go_back(leg, id, is_single);
        }
        let is_awaited = self.is_awaited(Some(leg));
        let tenure = self.tenures.get_mut(&leg).unwrap();
        let is_first = tenure.brought.is_empty() && !tenure.has_shown && !tenure.is_heir;
        if matches!(mark, Mark::State(_)) && is_first && is_awaited {
            tenure.has_shown = true;
            return Verdict::Copy;
        }
        let follows = self.last().is_none_or(|last| match mark {
            Mark::Id { previous: Some(previous), .. } => previous <= last.0,
            Mark::Rising(id) if id == last.0 + 1 => true,
            _ => self.tenures[&leg].continues(last),
        });
        let tenure = self.tenures.get_mut(&leg).unwrap();
        let at = (id, 1 + tenure.brought.iter().rev().take_while(|at| at.0 == id).count());
        tenure.brought.push(at);
        match self.last() {
            Some(last) if at <= last => self.repeat_of_others(leg, at, is_single, now),
            Some(last) if !follows && !self.was_unwanted => {
                let since = *self.hole_since.get_or_insert(now);
                if is_awaited && now < since + HOLE_WAIT {
                    return Verdict::Ahead;
                }
                self.tell(at);
                let before_it =
                    if let Mark::Id { previous: Some(previous), .. } = mark { previous } else { id - 1 };
                Verdict::Gap(Hole { after: last.0, through: before_it })
            }
            _ => {
                self.tell(at);
                Verdict::Next
            }
        }
    }

    /// Something that is not beyond what was told.
    fn repeat_of_others(&mut self, leg: usize, at: At, is_single: bool, now: Instant) -> Verdict {
        if self.last() == Some(at) {
            self.is_orphan = false;
        }
        if self.is_orphan && is_single {
            let since = *self.behind_since.get_or_insert(now);
            if now >= since + BEHIND_MAX {
                return self.count_anew(leg, at.0);
            }
        }
        Verdict::Copy
    }

    /// Something that is not beyond what its own leg brought.
    fn go_back(&mut self, leg: usize, id: u64, is_single: bool) -> Verdict {
        let brought = &mut self.tenures.get_mut(&leg).unwrap().brought;
        let before = *brought.last().unwrap();
        if !is_single {
            // A clock was put back, and the stream with it if nobody did so before.
            brought.push((id, 1));
            if self.last() < Some(before) {
                return Verdict::Copy;
            }
            self.tell((id, 1));
            return Verdict::Next;
        }
        self.backs += usize::from(id < before.0);
        if self.backs < 100 { Verdict::Repeat } else { self.count_anew(leg, id) }
    }

    fn count_anew(&mut self, leg: usize, id: u64) -> Verdict {
        let after = self.last().unwrap().0;
        self.tenures.values_mut().for_each(|tenure| *tenure = Tenure::default());
        self.restart(leg, id);
        Verdict::Gap(Hole { after, through: id - 1 })
    }

    fn tell(&mut self, at: At) {
        self.told.push(at);
        (self.hole_since, self.is_orphan, self.behind_since) = (None, false, None);
        (self.was_unwanted, self.backs) = (false, 0);
    }

    /// Whether somebody other than this leg may bring what comes next.
    fn is_awaited(&self, other_than: Option<usize>) -> bool {
        let mut others = self.tenures.iter().filter(|(leg, _)| Some(**leg) != other_than);
        self.last().is_some_and(|last| others.any(|(_, tenure)| tenure.may_bring(last)))
    }

    pub(super) fn gap(&mut self, now: Instant) -> Option<Hole> {
        let (last, since) = (self.last()?, self.hole_since?);
        let furthest = self.tenures.values().filter_map(Tenure::last).max();
        let Some(furthest) = furthest.filter(|furthest| *furthest > last) else {
            self.hole_since = None;
            return None;
        };
        if self.is_awaited(None) && now < since + HOLE_WAIT {
            return None;
        }
        self.tell(furthest);
        Some(Hole { after: last.0, through: furthest.0 })
    }

    pub(super) fn gap_at(&self) -> Option<Instant> {
        self.hole_since.map(|since| since + HOLE_WAIT)
    }

    /// Whether nothing would be missing with this leg alone.
    /// `elders` have brought all that was published before the leg came.
    pub(super) fn is_level(&self, leg: usize, elders: &BTreeSet<usize>) -> bool {
        let Some(tenure) = self.tenures.get(&leg) else { return false };
        let is_told = |last: At| {
            self.tenures.iter().any(|(elder, tenure)| elders.contains(elder) && tenure.has_reached(last))
        };
        match (tenure.last(), self.last()) {
            (Some(at), last) => last.is_none_or(|last| at <= last),
            (None, last) => tenure.is_heir || tenure.since == last || last.is_some_and(is_told),
        }
    }

    /// Whether a leg has brought everything up to a place, or never will.
    pub(super) fn has_brought(&self, leg: usize, at: At) -> bool {
        let Some(tenure) = self.tenures.get(&leg) else { return true };
        match tenure.last() {
            Some(last) => last >= at,
            None if tenure.is_heir => self.last() == Some(at),
            None => tenure.since == self.last(),
        }
    }
}
