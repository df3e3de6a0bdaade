//! What becomes of the channels on the connections.

use std::time::Instant;

use super::{Market, fed_by};
use crate::{event::Event, subscriptions::Became};

impl Market {
    /// Request `id` of a connection subscribes channels.
    pub(in crate::deribit) fn on_subscribing(&mut self, leg: usize, id: u64) {
        let Self { streams, keepers, .. } = self;
        for (stream, _) in streams.subscriptions.of(leg, id) {
            fed_by(keepers, streams, stream).into_iter().for_each(|keeper| keeper.on_subscribing(leg));
        }
    }

    /// A connection brings a channel from now on.
    pub(in crate::deribit) fn on_joined(&mut self, leg: usize, stream: usize, now: Instant) {
        let Self { streams, keepers, .. } = self;
        streams.order.join(stream, leg, now);
        if let Some(keeper) = fed_by(keepers, streams, stream) {
            keeper.on_confirmed(leg, &mut streams.subscriptions, now);
        }
    }

    /// A connection does not bring a channel: it has left it, perhaps to come again, or was not given it.
    pub(in crate::deribit) fn on_without(&mut self, leg: usize, stream: usize, became: Became, now: Instant) {
        let Self { streams, keepers, queue, .. } = self;
        if became == Became::Left {
            streams.order.leave(stream, leg, true, now);
        }
        let is_covered = streams.subscriptions.is_covered(stream);
        if let Some(keeper) = fed_by(keepers, streams, stream) {
            if !is_covered {
                keeper.on_uncovered(queue);
            } else if became == Became::Missing {
                keeper.on_left(leg, &mut streams.subscriptions, now);
            }
        }
        if !self.streams.subscriptions.is_wanted(stream) {
            self.tell_if_over(stream);
        } else if became == Became::Missing && !is_covered {
            self.tell_missing(stream);
        }
    }

    pub(super) fn tell_missing(&mut self, stream: usize) {
        let event = Event::Missing { stream: "" };
        self.queue.push_with_words(event, self.streams.subscriptions.name(stream));
    }

    /// Tells that a channel that is not wanted any more is followed no more, once no connection has anything to do with it.
    pub(super) fn tell_if_over(&mut self, stream: usize) {
        if self.streams.subscriptions.is_idle(stream) {
            let event = Event::Unsubscribed { stream: "" };
            self.queue.push_with_words(event, self.streams.subscriptions.name(stream));
        }
    }

    pub(in crate::deribit) fn tell_subscribed(&mut self, stream: usize, pending: usize) {
        let event = Event::Subscribed { stream: "", pending };
        self.queue.push_with_words(event, self.streams.subscriptions.name(stream));
    }
}
