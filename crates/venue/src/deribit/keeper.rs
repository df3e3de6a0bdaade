//! The book of one instrument: the sync rule, the channel that feeds it, and what is to bring the next snapshot.
//!
//! ```text
//!   repair:  None ──lost──► Anew ──confirmed──► Awaited ──snapshot of any connection──► None
//!              │             ▲                    ▲ │
//!              │             └───── overdue ──────┼─┘
//!              └───────── confirmed ──────────────┘
//! ```

use std::time::{Duration, Instant};

use super::{
    sync::{Sync, Taken},
    wire::BookUpdate,
};
use crate::{
    event::{BookChange, BookEvent, Event, Instrument},
    order::Hole,
    pace::Repairs,
    queue::Queue,
    route::LEGS_MAX,
    subscriptions::Subscriptions,
};

/// How long a snapshot may take after the venue confirmed the channel.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Keeper {
    instrument: Instrument,
    /// The place of its channel among the streams.
    pub(super) channel: usize,
    pub(super) sync: Sync,
    repair: Repair,
    /// The leg that was beyond a hole last.
    ahead: usize,
    legs: [Leg; LEGS_MAX],
    /// Up to which id it was told what the channel brought, or that it is missing; `None` before anything was.
    told: Option<u64>,
    /// It was not wanted since, so that nothing is missing behind that.
    resumes: bool,
    repairs: Repairs,
}

/// What is to bring the next snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repair {
    /// Nothing: the book is live, or no connection has the channel yet.
    None,
    /// A leg that leaves the channel and subscribes it anew.
    Anew { leg: usize },
    /// A leg that has subscribed it, before this time.
    Awaited { leg: usize, until: Instant },
}

/// Whether a leg has brought something since it asked for the channel: its snapshot, if it brings one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leg {
    /// Not yet; what was [told](Keeper::told) when it asked first.
    Asked { told: Option<u64> },
    /// It has, or it has not asked.
    Begun,
}

impl Keeper {
    pub(super) fn new(instrument: Instrument, channel: usize, levels_max: usize) -> Self {
        Self {
            instrument,
            channel,
            sync: Sync::new(levels_max),
            repair: Repair::None,
            ahead: 0,
            legs: [Leg::Begun; LEGS_MAX],
            told: None,
            resumes: false,
            repairs: Repairs::new(Duration::from_secs(30)),
        }
    }

    /// A channel feeds the book from now on, in place of the one before. One that `was_known` may still bring what is old.
    pub(super) fn on_followed(&mut self, channel: usize, was_known: bool) {
        self.channel = channel;
        self.told = self.told.filter(|_| was_known);
        self.resumes = true;
        self.sync.on_followed();
    }

    /// The channel is followed no more.
    pub(super) fn on_unfollowed(&mut self) {
        self.repair = Repair::None;
        // Its place may be another's.
        self.channel = usize::MAX;
        self.sync.on_unfollowed();
    }

    /// A leg asks for the channel: a snapshot follows, unless it was subscribed all the time.
    pub(super) fn on_subscribing(&mut self, leg: usize) {
        let told = self.told;
        if let Some(leg) = self.legs.get_mut(leg).filter(|leg| **leg == Leg::Begun) {
            *leg = Leg::Asked { told };
        }
    }

    /// A leg brings something of the channel.
    #[inline]
    pub(super) fn on_heard(&mut self, leg: usize) {
        if let Some(leg) = self.legs.get_mut(leg) {
            *leg = Leg::Begun;
        }
    }

    /// Whether the book is live, and a leg brings all that it needs from here on.
    pub(super) fn is_ready(&self, leg: usize) -> bool {
        self.sync.is_live() && self.has_begun(leg)
    }

    /// The venue confirmed the channel on a leg.
    pub(super) fn on_confirmed(&mut self, leg: usize, subscriptions: &mut Subscriptions, now: Instant) {
        if !self.sync.is_waiting() {
            return;
        }
        if self.has_begun(leg) {
            // The book was lost since, and the leg brings no other snapshot.
            self.make_anew(leg, subscriptions, now);
        } else if self.repair == Repair::None || self.repair_leg() == Some(leg) {
            self.repair = Repair::Awaited { leg, until: now + SNAPSHOT_TIMEOUT };
        }
    }

    /// No connection has the channel any more.
    pub(super) fn on_uncovered(&mut self, queue: &mut Queue) {
        self.repair = Repair::None;
        if self.sync.is_live() {
            self.sync.give_up();
            self.tell(queue, BookChange::Stale { update_id: self.sync.update_id() });
        }
    }

    /// A leg will not bring a snapshot. Another that has the channel is to, if that one was.
    pub(super) fn on_left(&mut self, leg: usize, subscriptions: &mut Subscriptions, now: Instant) {
        if self.repair_leg() == Some(leg) {
            self.repair = Repair::None;
            self.seek_snapshot(subscriptions, now);
        }
    }

    /// Sees to it that a book that is not live gets a snapshot, if a leg has the channel: of those the one that was ahead
    /// last, for it is not dead.
    pub(super) fn seek_snapshot(&mut self, subscriptions: &mut Subscriptions, now: Instant) {
        if !self.sync.is_waiting() || self.repair != Repair::None {
            return;
        }
        let has_it = |leg: &usize| subscriptions.is_live(*leg, self.channel);
        let leg = Some(self.ahead).filter(has_it).or_else(|| subscriptions.open_legs().find(has_it));
        if let Some(leg) = leg {
            self.make_anew(leg, subscriptions, now);
        }
    }

    /// Leaves the channel on a leg and subscribes it anew, for only that brings another snapshot.
    pub(super) fn make_anew(&mut self, leg: usize, subscriptions: &mut Subscriptions, now: Instant) {
        self.repair = Repair::Anew { leg };
        subscriptions.renew(leg, self.channel, self.repairs.next(now));
    }

    /// When the snapshot is overdue.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if let Repair::Awaited { until, .. } = self.repair { Some(until) } else { None }
    }

    /// Gives up on a snapshot that is overdue; whether it did.
    pub(super) fn on_deadline(&mut self, subscriptions: &mut Subscriptions, now: Instant) -> bool {
        let Repair::Awaited { leg, until } = self.repair else { return false };
        if until > now {
            return false;
        }
        self.make_anew(self.behind(leg, subscriptions), subscriptions, now);
        true
    }

    /// The next leg in a circle that has the channel: one that does not bring a snapshot may bring nothing of it any more.
    fn behind(&self, leg: usize, subscriptions: &Subscriptions) -> usize {
        let mut circle = (1..=LEGS_MAX).map(|step| (leg + step) % LEGS_MAX);
        circle.find(|leg| subscriptions.is_live(*leg, self.channel)).unwrap_or(leg)
    }

    /// A leg is beyond a hole.
    pub(super) fn on_ahead(&mut self, leg: usize) {
        self.ahead = leg;
    }

    /// What was not told before a snapshot of this id: the book was lost, or there was no connection.
    pub(super) fn untold(&self, snapshot_id: u64) -> Option<Hole> {
        let after = self.told.filter(|told| snapshot_id > *told && !self.resumes)?;
        Some(Hole { after, through: snapshot_id.saturating_sub(1) })
    }

    /// Whether a snapshot that a leg begins with is older than what was told. If it is older even than what was told when
    /// the leg asked for it, the venue counts anew.
    pub(super) fn is_outdated(&self, leg: usize, snapshot_id: u64) -> bool {
        let is_older_than = |told: Option<u64>| told.is_some_and(|told| snapshot_id < told);
        match self.legs.get(leg) {
            Some(Leg::Asked { told }) => is_older_than(self.told) && !is_older_than(*told),
            _ => is_older_than(self.told),
        }
    }

    /// A leg brought a snapshot that is outdated, and is to bring another unless one is asked for already.
    pub(super) fn on_outdated(&mut self, leg: usize, subscriptions: &mut Subscriptions, now: Instant) {
        if !matches!(self.repair, Repair::Anew { .. }) && self.repair_leg().is_none_or(|of| of == leg) {
            self.make_anew(leg, subscriptions, now);
        }
    }

    /// Everything up to an id was told, or told to be missing.
    pub(super) fn on_told(&mut self, id: u64) {
        self.told = Some(id);
        self.resumes = false;
    }

    /// Takes an update and tells what became of it. Whether the book is live after it.
    pub(super) fn on_update(&mut self, update: &BookUpdate<'_>, queue: &mut Queue) -> bool {
        let trimmed = self.sync.trimmed();
        let taken = self.sync.on_update(update);
        let update_id = self.sync.update_id();
        match taken {
            Taken::Unwanted => return false,
            Taken::Loaded { again } => {
                self.repair = Repair::None;
                let change =
                    if again { BookChange::Resynced { update_id } } else { BookChange::Synced { update_id } };
                self.tell(queue, change);
            }
            Taken::Applied => self.tell(queue, BookChange::Updated { update_id }),
            Taken::Gap { expected } => {
                let got = update.previous_id.unwrap_or(update.change_id);
                self.tell(queue, BookChange::Gap { expected, got });
            }
            Taken::Crossed => self.tell(queue, BookChange::Crossed { update_id }),
        }
        let levels = self.sync.trimmed() - trimmed;
        if levels > 0 {
            self.tell(queue, BookChange::Trimmed { levels });
        }
        matches!(taken, Taken::Loaded { .. } | Taken::Applied)
    }

    /// An update came once more.
    pub(super) fn on_repeat(&self, last_id: u64, queue: &mut Queue) {
        self.tell(queue, BookChange::Ignored { last_id, update_id: self.sync.update_id() });
    }

    /// Changes are missing, and it will be some time before the next one shows it.
    pub(super) fn on_hole(&mut self, hole: Hole, queue: &mut Queue) {
        self.sync.give_up();
        self.tell(queue, BookChange::Gap { expected: hole.after, got: hole.through });
    }

    fn repair_leg(&self) -> Option<usize> {
        match self.repair {
            Repair::None => None,
            Repair::Anew { leg } | Repair::Awaited { leg, .. } => Some(leg),
        }
    }

    fn has_begun(&self, leg: usize) -> bool {
        self.legs.get(leg) == Some(&Leg::Begun)
    }

    fn tell(&self, queue: &mut Queue, change: BookChange) {
        queue.push(Event::Book(BookEvent { instrument: self.instrument, change }));
    }
}
