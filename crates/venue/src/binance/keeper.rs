//! The book of one symbol: the sync rule, the snapshot it needs, and the check of its top.
//!
//! ```text
//!   fetch:  Idle ──book needed──► Due ──send──► Asked ──book live──► Idle
//!                                  ▲             │ └──refused for good──► Refused, or Idle if the book is live
//!                                  └─────────────┘
//!                         stale, refused for now, no answer
//! ```

use std::time::{Duration, Instant};

use super::{
    crosscheck::CrossCheck,
    sync::{Loaded, Rule, Sync, Taken, Update},
    wire::Refusal,
};
use crate::{
    event::{BookChange, BookEvent, Event, Instrument, Outcome, Quote, TopCheck},
    level::Level,
    order::Hole,
    pace::{Backoff, Repairs},
    session::Now,
};

#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) instrument: Instrument,
    /// The endpoint of the stream that feeds this book.
    pub(super) link: usize,
    /// Which stream of those there it is; none has this number while it is not followed.
    pub(super) stream: usize,
    pub(super) sync: Sync,
    pub(super) fetch: Fetch,
    pub(super) cross: Option<CrossCheck>,
    stale_backoff: Backoff,
    error_backoff: Backoff,
    suspicions: Repairs,
    gaps: Repairs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetch {
    /// No snapshot is needed, or the stream is not confirmed.
    Idle,
    /// One is to be asked for, not before this time.
    Due(Instant),
    /// One was asked for and is expected before this time.
    Asked {
        id: u64,
        /// Over which connection; `None` over HTTP.
        leg: Option<usize>,
        until: Instant,
    },
    /// The venue will not give one.
    Refused,
}

impl Keeper {
    /// A book of which it is yet to be said what feeds it.
    pub(super) fn new(instrument: Instrument, rule: Rule, levels_max: usize) -> Self {
        let first = Duration::from_millis(250);
        Self {
            instrument,
            link: 0,
            stream: 0,
            sync: Sync::new(rule, levels_max),
            fetch: Fetch::Idle,
            cross: None,
            stale_backoff: Backoff::new(first, Duration::from_secs(5)),
            error_backoff: Backoff::new(first, Duration::from_secs(30)),
            suspicions: Repairs::new(Duration::from_secs(60)),
            gaps: Repairs::new(Duration::from_secs(5)),
        }
    }

    /// Compares the book with quotes, or not.
    pub(super) fn compare(&mut self, with_quotes: bool) {
        match with_quotes {
            true => _ = self.cross.get_or_insert_with(CrossCheck::default),
            false => self.cross = None,
        }
    }

    /// The stream is followed no more, and its place may be another's.
    pub(super) fn on_unfollowed(&mut self) {
        self.on_stream_closed(&mut |_| {});
        self.stream = usize::MAX;
    }

    /// A connection that may bring the stream is open.
    pub(super) fn on_stream_open(&mut self) {
        if self.sync.is_closed() {
            self.sync.on_open();
        }
    }

    /// The venue confirmed the stream: from here on every update arrives, so a snapshot is of use.
    pub(super) fn on_confirmed(&mut self, now: Instant) {
        if self.sync.live().is_none() && !matches!(self.fetch, Fetch::Asked { .. }) {
            self.fetch = Fetch::Due(now);
        }
    }

    pub(super) fn on_stream_closed(&mut self, tell: &mut impl FnMut(Event<'static>)) {
        let live = self.sync.live().map(|(update_id, _)| update_id);
        self.sync.on_closed();
        self.fetch = Fetch::Idle;
        if let Some(cross) = &mut self.cross {
            cross.clear();
        }
        if let Some(update_id) = live {
            tell(self.event(BookChange::Stale { update_id }));
        }
    }

    /// A diff came once more.
    pub(super) fn on_repeat(&self, last_id: u64, tell: &mut impl FnMut(Event<'static>)) {
        if let Some((update_id, _)) = self.sync.live() {
            tell(self.event(BookChange::Ignored { last_id, update_id }));
        }
    }

    /// Diffs are missing, and it will be some time before the next one shows it.
    pub(super) fn on_hole(&mut self, hole: Hole, now: Instant, tell: &mut impl FnMut(Event<'static>)) {
        // A snapshot may be newer than what is missing.
        let lacks = |(update_id, _): &(u64, _)| hole.is_new_count() || *update_id < hole.through;
        if let Some((update_id, _)) = self.sync.live().filter(lacks) {
            self.sync.give_up();
            // The stream may have stood elsewhere: its order outlives the book's.
            let (expected, got) = (update_id.saturating_add(1), hole.through.saturating_add(1));
            tell(self.event(BookChange::Gap { expected, got }));
            self.fetch = Fetch::Due(self.gaps.next(now));
        }
    }

    /// The venue counts anew: no id of the book means anything any more.
    pub(super) fn on_new_count(&mut self, hole: Hole, now: Instant, tell: &mut impl FnMut(Event<'static>)) {
        self.on_hole(hole, now, tell);
        self.sync.on_new_count();
    }

    /// An answer will not come: its connection is gone, or its time is over.
    pub(super) fn on_unanswered(&mut self, now: Instant) {
        if matches!(self.fetch, Fetch::Asked { .. }) {
            self.fetch = Fetch::Due(now);
        }
    }

    /// As [`on_unanswered`](Self::on_unanswered), but it is known that nothing is to be had for now.
    pub(super) fn on_failed(&mut self, now: Instant) {
        self.fetch = Fetch::Due(now + self.error_backoff.take());
    }

    pub(super) fn on_quote(&mut self, quote: Quote, now: Instant, tell: &mut impl FnMut(Event<'static>)) {
        let Some(cross) = &mut self.cross else { return };
        if let Some(check) = cross.on_quote(quote, self.sync.live()) {
            tell(Event::Check(check));
            self.on_check(check, now, tell);
        }
    }

    /// A book that a quote contradicts goes on, and is replaced when another snapshot comes.
    fn on_check(&mut self, check: TopCheck, now: Instant, tell: &mut impl FnMut(Event<'static>)) {
        if !check.agrees && self.sync.suspect() {
            self.fetch = Fetch::Due(self.suspicions.next(now));
            tell(self.event(BookChange::Suspect { update_id: check.update_id }));
        }
    }

    pub(super) fn on_diff(
        &mut self,
        update: Update<'_>,
        now: Instant,
        tell: &mut impl FnMut(Event<'static>),
    ) {
        let trimmed = self.sync.trimmed();
        let was_live = self.sync.live().is_some();
        let change = match self.sync.on_diff(update) {
            Taken::Collected | Taken::Unwanted => return,
            Taken::Applied => BookChange::Updated { update_id: update.last_id },
            Taken::Old { update_id } => BookChange::Ignored { last_id: update.last_id, update_id },
            Taken::Gap { expected, got } => BookChange::Gap { expected, got },
            Taken::Overflow { levels } => BookChange::Overflow { levels },
        };
        tell(self.event(change));
        match change {
            BookChange::Updated { update_id } => {
                self.tell_trimmed(trimmed, tell);
                self.check_updated(update_id, now, tell);
            }
            // A book that was not live has its snapshot under way, or waits for its confirmation.
            BookChange::Gap { .. } if was_live => {
                self.fetch = Fetch::Due(self.gaps.next(now));
            }
            _ => {}
        }
    }

    /// Looks whether the book, just updated, can be right.
    fn check_updated(&mut self, update_id: u64, now: Instant, tell: &mut impl FnMut(Event<'static>)) {
        if self.give_up_crossed(update_id, now, tell) {
            return;
        }
        let Some((_, book)) = self.sync.live() else { return };
        let mut wrong = None;
        if let Some(cross) = &mut self.cross {
            cross.on_book(update_id, book, |check| {
                tell(Event::Check(check));
                wrong = wrong.or_else(|| (!check.agrees).then_some(check));
            });
        }
        if let Some(check) = wrong {
            self.on_check(check, now, tell);
        }
    }

    /// Makes a live book that is crossed anew; whether it was.
    fn give_up_crossed(
        &mut self,
        update_id: u64,
        now: Instant,
        tell: &mut impl FnMut(Event<'static>),
    ) -> bool {
        let crossed = self.sync.live().is_some_and(|(_, book)| book.is_crossed());
        if crossed {
            self.sync.give_up();
            self.fetch = Fetch::Due(self.suspicions.next(now));
            tell(self.event(BookChange::Crossed { update_id }));
        }
        crossed
    }

    pub(super) fn on_snapshot(
        &mut self,
        snapshot: (u64, &[Level], &[Level]),
        now: Instant,
        tell: &mut impl FnMut(Event<'static>),
    ) {
        let (snapshot_id, bids, asks) = snapshot;
        let trimmed = self.sync.trimmed();
        let mut checks = Vec::new();
        let cross = &mut self.cross;
        let loaded = self.sync.on_snapshot(snapshot_id, bids, asks, |update_id, book| {
            if let Some(cross) = cross {
                cross.on_book(update_id, book, |check| checks.push(check));
            }
        });
        let update_id = self.sync.view().update_id;
        match loaded {
            Loaded::Unwanted => self.fetch = Fetch::Idle,
            Loaded::Stale { first_id } => {
                self.fetch = Fetch::Due(now + self.stale_backoff.take());
                tell(self.event(BookChange::StaleSnapshot { snapshot_id, first_id }));
            }
            Loaded::Live { again } => {
                self.fetch = Fetch::Idle;
                self.stale_backoff.reset();
                self.error_backoff.reset();
                tell(self.event(match again {
                    true => BookChange::Resynced { update_id },
                    false => BookChange::Synced { update_id },
                }));
                self.tell_trimmed(trimmed, tell);
                checks.iter().for_each(|check| tell(Event::Check(*check)));
                if self.give_up_crossed(update_id, now, tell) {
                    return;
                }
                if let Some(wrong) = checks.into_iter().find(|check| !check.agrees) {
                    self.on_check(wrong, now, tell);
                }
            }
        }
    }

    /// The venue refused a snapshot. Also says until when it wants no requests at all, if it does.
    pub(super) fn on_refused(
        &mut self,
        status: Option<u64>,
        refusal: Refusal<'_>,
        now: Now,
    ) -> (Outcome, Option<Instant>) {
        let retry_at = refusal.retry_at(status, now, &mut self.error_backoff);
        match retry_at {
            Some(at) => self.fetch = Fetch::Due(at),
            None => {
                // A live book without the snapshot that was to replace it is as good as it was.
                let live = self.sync.live().is_some();
                self.fetch = if live { Fetch::Idle } else { Fetch::Refused };
                self.sync.stop_collecting();
            }
        }
        (retry_at.map_or(Outcome::Final, Outcome::Retry), refusal.hold(status, retry_at))
    }

    fn tell_trimmed(&self, before: u64, tell: &mut impl FnMut(Event<'static>)) {
        let levels = self.sync.trimmed() - before;
        if levels > 0 {
            tell(self.event(BookChange::Trimmed { levels }));
        }
    }

    fn event(&self, change: BookChange) -> Event<'static> {
        Event::Book(BookEvent { instrument: self.instrument, change })
    }
}
