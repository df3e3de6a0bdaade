//! The books: what their channels bring over which connection, and what is missing.
//!
//! A live book stands where its stream does. A snapshot that is not beyond it is a copy, and shows only where its
//! connection stands; one beyond it is left to the connections that may still bring what lies between, and taken when there
//! are none. A book that is not live takes the first snapshot that comes, whichever connection brings it, and its stream
//! begins anew there; but for one that is older than what was told, instead of which a newer one is asked for. Until then
//! changes only show where the connections stand: those behind the snapshot bring copies up to it, those before it wait for
//! the others.

use std::time::Instant;

use super::{Market, Odd, Origin, fed_by, tell_gap};
use crate::{
    deribit::wire::BookUpdate,
    event::{Delta, Event, Instrument, Request, Snapshot},
    order::{Hole, Mark, StreamGap, Verdict},
};

const NOT_FOLLOWED: Odd = "the book of an instrument that is not followed";

impl Market {
    #[inline]
    pub(super) fn on_book(
        &mut self,
        origin: &mut Origin<'_>,
        channel: &str,
        update: &BookUpdate<'_>,
    ) -> Result<(), Odd> {
        let stream = origin.stream(&self.streams, channel).ok_or(NOT_FOLLOWED)?;
        let subject = self.streams.subject(stream);
        let is_it = |subject: &Instrument| self.symbols.name(*subject) == Some(update.instrument);
        let instrument = subject.filter(is_it).ok_or(NOT_FOLLOWED)?;
        // One that is not followed any more comes until the venue says that it is left.
        let keeper =
            fed_by(&mut self.keepers, &self.streams, stream).filter(|keeper| !keeper.sync.is_closed());
        let Some(keeper) = keeper else { return Ok(()) };
        match update.previous_id {
            None => self.on_snapshot(origin, (stream, instrument), update),
            Some(_) => {
                keeper.on_heard(origin.leg);
                self.on_change(origin, (stream, instrument), update);
            }
        }
        Ok(())
    }

    fn on_snapshot(&mut self, origin: &Origin<'_>, of: (usize, Instrument), update: &BookUpdate<'_>) {
        let (leg, now, (stream, instrument)) = (origin.leg, origin.now, of);
        let Self { streams, keepers, queue, restless, .. } = self;
        let Some(keeper) = fed_by(keepers, streams, stream) else { return };
        let update_id = update.change_id;
        let is_outdated = keeper.is_outdated(leg, update_id);
        keeper.on_heard(leg);
        if keeper.sync.is_live() {
            match streams.order.judge(stream, None, leg, Mark::Id { id: update_id, previous: None }, now) {
                // It leaves out the changes before it, if there were any.
                Verdict::Next | Verdict::Gap(_) => {}
                Verdict::Copy => return,
                Verdict::Repeat => return keeper.on_repeat(update_id, queue),
                Verdict::Ahead => {
                    *restless = true;
                    return keeper.on_ahead(leg);
                }
            }
        } else if is_outdated {
            streams.order.judge(stream, None, leg, Mark::Id { id: update_id, previous: None }, now);
            keeper.on_outdated(leg, &mut streams.subscriptions, now);
            *restless = true;
            return;
        } else {
            streams.order.restart(stream, leg, update_id, now);
        }
        if let Some(hole) = keeper.untold(update_id) {
            tell_gap(queue, streams, StreamGap { stream, instrument: None, hole });
        }
        queue.push_with_levels(Event::Snapshot(Snapshot {
            instrument,
            update_id,
            bids: &[],
            asks: &[],
            partial: false,
            venue_time_ns: Some(update.time_ns),
        }));
        keeper.on_told(update_id);
        if !keeper.on_update(update, queue) {
            *restless = true;
            keeper.make_anew(leg, &mut streams.subscriptions, now);
        }
    }

    #[inline]
    fn on_change(&mut self, origin: &Origin<'_>, of: (usize, Instrument), update: &BookUpdate<'_>) {
        let (leg, now, (stream, instrument)) = (origin.leg, origin.now, of);
        let Self { streams, keepers, queue, restless, .. } = self;
        let BookUpdate { time_ns, change_id, previous_id, .. } = *update;
        let mark = Mark::Id { id: change_id, previous: previous_id };
        let verdict = streams.order.judge(stream, None, leg, mark, now);
        let Some(keeper) = fed_by(keepers, streams, stream) else { return };
        if verdict == Verdict::Ahead {
            *restless = true;
            keeper.on_ahead(leg);
        }
        if !keeper.sync.is_live() {
            return;
        }
        let hole = match verdict {
            Verdict::Next => None,
            Verdict::Gap(hole) => Some(hole),
            Verdict::Repeat if keeper.sync.is_count_anew(update) => {
                streams.order.forget(stream);
                Some(Hole { after: keeper.sync.update_id(), through: change_id.saturating_sub(1) })
            }
            Verdict::Repeat => return keeper.on_repeat(change_id, queue),
            Verdict::Copy | Verdict::Ahead => return,
        };
        if let Some(hole) = hole {
            tell_gap(queue, streams, StreamGap { stream, instrument: None, hole });
        }
        queue.push_with_levels(Event::Delta(Delta {
            instrument,
            first_id: change_id,
            last_id: change_id,
            previous_id,
            bids: &[],
            asks: &[],
            venue_time_ns: time_ns,
        }));
        keeper.on_told(change_id);
        if !keeper.on_update(update, queue) {
            *restless = true;
            keeper.make_anew(leg, &mut streams.subscriptions, now);
        }
    }

    /// Holes that nobody fills become gaps.
    pub(in crate::deribit) fn settle_gaps(&mut self, now: Instant) {
        let Self { streams, keepers, queue, .. } = self;
        while let Some(gap) = streams.order.next_gap(now) {
            match fed_by(keepers, streams, gap.stream) {
                None => tell_gap(queue, streams, gap),
                Some(keeper) if keeper.sync.is_live() => {
                    tell_gap(queue, streams, gap);
                    keeper.on_told(gap.hole.through);
                    keeper.on_hole(gap.hole, queue);
                    keeper.seek_snapshot(&mut streams.subscriptions, now);
                }
                // It waits for a snapshot, which the gap is before.
                Some(_) => {}
            }
        }
    }

    /// Snapshots that are overdue are given up.
    pub(in crate::deribit) fn settle_snapshots(&mut self, now: Instant) {
        let Self { streams, keepers, queue, .. } = self;
        for (instrument, keeper) in (0..).map(Instrument).zip(keepers) {
            let Some(keeper) = keeper else { continue };
            if keeper.on_deadline(&mut streams.subscriptions, now) {
                queue.push(Event::Unanswered { request: Request::Snapshot, instrument: Some(instrument) });
            }
        }
    }

    /// When there will be something to do about streams and books without a message.
    pub(in crate::deribit) fn deadline(&self) -> Option<Instant> {
        self.keepers().filter_map(|keeper| keeper.deadline()).chain(self.streams.deadline()).min()
    }
}
