//! The book of one instrument: the sync rule, the channel that feeds it, and when that is subscribed anew.

use std::time::{Duration, Instant};

use super::{
    sync::{Sync, Taken},
    wire::BookUpdate,
};
use crate::{
    event::{BookChange, BookEvent, Event, Instrument},
    pace::Repairs,
    queue::Queue,
};

/// How long a snapshot may take after the venue confirmed the channel.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Keeper {
    instrument: Instrument,
    /// The place of its channel among the subscriptions.
    pub(super) channel: usize,
    pub(super) sync: Sync,
    /// Until when the snapshot is waited for.
    snapshot_until: Option<Instant>,
    repairs: Repairs,
}

impl Keeper {
    pub(super) fn new(instrument: Instrument, channel: usize, levels_max: usize) -> Self {
        let repairs = Repairs::new(Duration::from_secs(30));
        let sync = Sync::new(levels_max);
        Self { instrument, channel, sync, snapshot_until: None, repairs }
    }

    pub(super) fn on_subscribing(&mut self) {
        self.sync.on_subscribing();
    }

    /// The venue confirmed the channel; says when to subscribe it anew, if the book was lost in the meantime.
    pub(super) fn on_confirmed(&mut self, now: Instant) -> Option<Instant> {
        self.snapshot_until = Some(now + SNAPSHOT_TIMEOUT).filter(|_| self.sync.is_waiting());
        self.sync.is_lost().then(|| self.repairs.next(now))
    }

    pub(super) fn on_closed(&mut self, queue: &mut Queue) {
        if self.sync.is_live() {
            self.tell(queue, BookChange::Stale { update_id: self.sync.update_id() });
        }
        self.snapshot_until = None;
        self.sync.on_closed();
    }

    /// When the snapshot is overdue.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.snapshot_until
    }

    /// Gives up on a snapshot that is overdue; says when to subscribe anew.
    pub(super) fn on_deadline(&mut self, now: Instant) -> Option<Instant> {
        self.snapshot_until.take_if(|until| *until <= now)?;
        self.sync.give_up();
        Some(self.repairs.next(now))
    }

    /// Takes an update and tells what became of it; says when to subscribe anew, if that is needed.
    pub(super) fn on_update(
        &mut self,
        update: &BookUpdate<'_>,
        now: Instant,
        queue: &mut Queue,
    ) -> Option<Instant> {
        let trimmed = self.sync.trimmed();
        let taken = self.sync.on_update(update);
        let update_id = self.sync.update_id();
        match taken {
            Taken::Unwanted => return None,
            Taken::Loaded { again } => {
                self.snapshot_until = None;
                let change =
                    if again { BookChange::Resynced { update_id } } else { BookChange::Synced { update_id } };
                self.tell(queue, change);
            }
            Taken::Applied => self.tell(queue, BookChange::Updated { update_id }),
            Taken::Old => self.tell(queue, BookChange::Ignored { last_id: update.change_id, update_id }),
            Taken::Gap { expected } => {
                let got = update.previous_id.unwrap_or(update.change_id);
                self.tell(queue, BookChange::Gap { expected, got });
            }
            Taken::Crossed => {
                self.snapshot_until = None;
                self.tell(queue, BookChange::Crossed { update_id });
            }
        }
        let levels = self.sync.trimmed() - trimmed;
        if levels > 0 {
            self.tell(queue, BookChange::Trimmed { levels });
        }
        matches!(taken, Taken::Gap { .. } | Taken::Crossed).then(|| self.repairs.next(now))
    }

    fn tell(&self, queue: &mut Queue, change: BookChange) {
        queue.push(Event::Book(BookEvent { instrument: self.instrument, change }));
    }
}
