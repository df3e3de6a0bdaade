//! One stream: what was published of it, and whether the feed tells each update once, in order, or a gap in its place.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::published::{Published, Update, has_ids};

/// How long a message of a stream that is wanted no more can be under way.
const UNDER_WAY_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Ledger {
    /// Whether no two updates have the same id.
    has_ids: bool,
    /// Updates may be missing without a word: the venue leaves some out, and the ids around them do not show it.
    is_lossy: bool,
    /// What a subscription begins with that nobody publishes.
    first: First,
    /// Whether the feed is to follow it.
    wanted: bool,
    /// What is published and was not told, oldest first.
    published: VecDeque<Published>,
    /// The last that was published before those, when that was, and the longest time that lay between two.
    stands: Option<Update>,
    stood_at: Option<Instant>,
    longest: Duration,
    /// The last that was told since it is wanted.
    last: Option<u64>,
    last_told: Option<Update>,
    /// Nothing was told since it is wanted.
    resumes: bool,
    /// Gaps that were told since: beyond the first id, up to the second.
    gaps: Vec<(u64, u64)>,
    /// From when on nothing that is published may be missing, with or without a gap.
    fair_since: Option<Instant>,
    pub(super) told: u64,
    pub(super) missed: u64,
    /// Of them, those that no gap covers.
    pub(super) unshown: u64,
}

/// What a subscription begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// The next that is published.
    Published,
    /// The last that was published, at the time of the subscription.
    Stands,
    /// What would be published now.
    Now,
}

impl First {
    fn of(stream: &str) -> Self {
        match stream.split_once('.') {
            Some(("quote", _)) => Self::Stands,
            Some(("ticker", _)) => Self::Now,
            _ => Self::Published,
        }
    }
}

impl Ledger {
    pub(super) fn new(stream: &str, is_lossy: bool) -> Self {
        Self {
            has_ids: has_ids(stream),
            is_lossy,
            first: First::of(stream),
            wanted: false,
            published: VecDeque::new(),
            stands: None,
            stood_at: None,
            longest: Duration::ZERO,
            last: None,
            last_told: None,
            resumes: true,
            gaps: Vec::new(),
            fair_since: None,
            told: 0,
            missed: 0,
            unshown: 0,
        }
    }

    /// The user wants it, or no more. What is under way may still come.
    pub(super) fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
        // What was told is not told again, and what came while it was not wanted is not missing.
        self.resumes = true;
        self.gaps.clear();
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(super) fn publish(&mut self, update: Update, at: Instant) {
        self.published.push_back(Published { at, update });
        if !self.wanted {
            let is_old = |published: &Published| published.at + UNDER_WAY_MAX < at;
            while self.published.front().is_some_and(is_old) {
                self.take_oldest();
            }
        }
    }

    pub(super) fn on_gap(&mut self, after: u64, through: u64) -> Result<(), String> {
        match self.last {
            _ if !self.wanted => Ok(()),
            // A gap may go on where another ended.
            Some(last)
                if after == self.gaps.last().map_or(last, |(_, through)| *through) && through >= after =>
            {
                self.gaps.push((after, through));
                Ok(())
            }
            last => Err(format!("a gap from {after} through {through} behind {last:?}")),
        }
    }

    pub(super) fn on_told(&mut self, told: &Update) -> Result<(), String> {
        if !self.wanted {
            return Ok(());
        }
        if let Some(last) = self.last
            && (told.id < last || (self.has_ids && told.id == last))
        {
            return Err(format!("{} is told again, or late: {last} was told before", told.id));
        }
        if !self.has_ids && self.last_told.as_ref() == Some(told) {
            // One that a connection brings twice cannot be told from two that are alike.
            return Ok(());
        }
        self.last_told = Some(told.clone());
        loop {
            let Some(published) = self.published.front() else {
                // What was published before it was wanted is not known here.
                self.gaps.retain(|(_, through)| *through > told.id);
                let is_first = std::mem::take(&mut self.resumes);
                self.last = Some(told.id);
                self.told += 1;
                return if is_first || self.is_what_stands(told) {
                    Ok(())
                } else {
                    Err(format!("{told:?} was not published"))
                };
            };
            let update = &published.update;
            if update == told {
                self.take_oldest();
                break;
            }
            // One that was published before the stream was wanted, or that shows what stands.
            if update.id > told.id && (self.resumes || self.is_what_stands(told)) {
                break;
            }
            if update.id > told.id || (update.id == told.id && self.has_ids) {
                return Err(format!("{told:?} is told, {update:?} was published"));
            }
            let passed = self.take_oldest();
            passed.iter().try_for_each(|published| self.on_missing(published))?;
        }
        self.last = Some(told.id);
        self.resumes = false;
        self.told += 1;
        self.gaps.retain(|(_, through)| *through > told.id);
        Ok(())
    }

    fn take_oldest(&mut self) -> Option<Published> {
        self.longest = self.longest.max(self.silence().unwrap_or_default());
        let published = self.published.pop_front()?;
        self.stands = Some(published.update.clone());
        self.stood_at = Some(published.at);
        Some(published)
    }

    /// How long nothing was published before what is to be told next.
    fn silence(&self) -> Option<Duration> {
        Some(self.published.front()?.at.saturating_duration_since(self.stood_at?))
    }

    /// Whether that was longer than ever.
    pub(super) fn is_oddly_silent(&self) -> bool {
        self.silence().is_some_and(|silence| silence > self.longest)
    }

    /// Whether a subscription can begin with this.
    fn is_what_stands(&self, told: &Update) -> bool {
        match self.first {
            First::Published => false,
            First::Stands => self.stands.as_ref().is_none_or(|stands| stands.numbers == told.numbers),
            First::Now => true,
        }
    }

    /// The book of the stream begins anew at an id, which nothing but a gap brings about.
    pub(super) fn on_snapshot(&mut self, id: u64) -> Result<(), String> {
        if !self.wanted {
            return Ok(());
        }
        let missing = self.published.iter().take_while(|published| published.update.id <= id).count();
        match self.last {
            Some(last) if id < last => return Err(format!("a snapshot at {id} behind {last}")),
            Some(last) if missing > 0 && self.gaps.is_empty() && !self.resumes => {
                return Err(format!("a snapshot at {id} leaves out {missing} behind {last} without a gap"));
            }
            _ => {}
        }
        for _ in 0..missing {
            self.take_oldest().iter().try_for_each(|published| self.on_passed(published))?;
        }
        self.last = Some(id);
        self.resumes = false;
        self.gaps.clear();
        Ok(())
    }

    /// An update was passed over.
    fn on_missing(&mut self, published: &Published) -> Result<(), String> {
        let update = &published.update;
        let Some(last) = self.last.filter(|_| !self.resumes) else { return Ok(()) };
        let is_covered = self.is_covered(update.id);
        // Of several that share a time, those before the last that was told have been told.
        let is_shared = !self.has_ids && update.id == last;
        if is_covered || is_shared || self.is_lossy {
            self.unshown += u64::from(!is_covered && !is_shared);
            return self.on_passed(published);
        }
        Err(format!("{} is missing behind {last}, and no gap was told ({:?})", update.id, self.gaps))
    }

    /// An update was passed over that may be missing, if there was any reason for it.
    fn on_passed(&mut self, published: &Published) -> Result<(), String> {
        self.missed += 1;
        match self.fair_since {
            Some(since) if published.at >= since => {
                Err(format!("{} is missing in fair weather", published.update.id))
            }
            _ => Ok(()),
        }
    }

    /// From a time on there is no reason why anything should be missing, or there is one again.
    pub(super) fn be_fair(&mut self, since: Option<Instant>) {
        self.fair_since = since;
    }

    /// What was published before a time and has neither been told nor is covered by a gap.
    pub(super) fn overdue(&self, before: Instant) -> Option<u64> {
        let published = self.published.front().filter(|published| self.wanted && published.at < before)?;
        let id = published.update.id;
        (!self.is_covered(id)).then_some(id)
    }

    /// Whether a gap was told that covers an update.
    fn is_covered(&self, id: u64) -> bool {
        self.gaps.iter().any(|(after, through)| *after < id && id <= *through)
    }
}
