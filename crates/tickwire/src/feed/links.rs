//! The clients of a feed, by the names of their connections.

use super::options::Leg;
use crate::builder::Builder;
use crate::client::Client;
use crate::error::Error;
use crate::wait::Waiter;
use mio::Token;
use std::time::Instant;
use tickwire_venue::{Endpoint, LEGS_MAX, Route};
use tickwire_ws::{CloseCode, Timeouts};

/// Clients in slots, [`LEGS_MAX`] for each endpoint.
#[derive(Debug, Default)]
pub(super) struct Links(Vec<Option<Link>>);

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: Client,
    /// There may be something to read: the poll or a deadline said so, and no read has found nothing since.
    pub(super) ready: bool,
}

impl Links {
    /// Begins to connect.
    pub(super) fn dial(
        &mut self,
        route: Route,
        endpoint: &Endpoint,
        place: usize,
        way: Way<'_>,
        waiter: &mut Waiter,
    ) -> Result<(), Error> {
        let mut builder = way.builder.clone();
        if endpoint.terms.races {
            if let Some(leg) = way.legs.get(place) {
                builder = leg.apply(builder);
            }
            // Connections to the same streams are better not all to one machine.
            builder = builder.address_offset(place);
        }
        let (ping_after, pong) = (Some(endpoint.terms.ping_after), endpoint.terms.pong_within);
        builder = builder.usual_timeouts(Timeouts { ping_after, pong, ..Timeouts::default() });
        let builder =
            endpoint.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value));
        let mut client = builder.connect(&endpoint.url)?;
        let slot = slot(route);
        waiter.add(&mut client, Token(slot))?;
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, || None);
        }
        if let Some(empty) = self.0.get_mut(slot) {
            *empty = Some(Link { client, ready: true });
        }
        Ok(())
    }

    /// Queues and writes a text; a connection that is closing is told so by its end.
    pub(super) fn send(&mut self, route: Route, text: &str) -> Result<(), Error> {
        let Some(link) = self.get_mut(slot(route)).filter(|link| link.client.is_open()) else {
            return Ok(());
        };
        link.client.send_text(text)?;
        // An error of writing is told by reading, behind what can still be read.
        let _ = link.client.flush();
        Ok(())
    }

    /// Begins to close a connection.
    pub(super) fn close(&mut self, route: Route) {
        if let Some(link) = self.get_mut(slot(route)) {
            // Refused only by a client that has failed, and its end is told.
            let _ = link.client.close(CloseCode::NORMAL, "");
            // The next turn writes it.
            link.ready = true;
        }
    }

    /// Takes a connection out.
    pub(super) fn take(&mut self, slot: usize) -> Option<Link> {
        self.0.get_mut(slot)?.take()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut Link> {
        self.0.get_mut(slot)?.as_mut()
    }

    pub(super) fn slots(&self) -> usize {
        self.0.len()
    }

    /// All connections with their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Route, &Link)> {
        self.0.iter().enumerate().filter_map(|(slot, link)| Some((route(slot), link.as_ref()?)))
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.0.iter().flatten().filter_map(|link| link.client.next_deadline()).min()
    }

    /// Timers that are due are something to read for, too.
    pub(super) fn on_time(&mut self, now: Instant) {
        for link in self.0.iter_mut().flatten() {
            link.ready |= link.client.next_deadline().is_some_and(|deadline| deadline <= now);
        }
    }
}

/// How to connect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) builder: &'a Builder,
    pub(super) legs: &'a [Leg],
}

pub(super) fn slot(route: Route) -> usize {
    route.endpoint * LEGS_MAX + route.leg
}

pub(super) fn route(slot: usize) -> Route {
    Route { endpoint: slot / LEGS_MAX, leg: slot % LEGS_MAX }
}
