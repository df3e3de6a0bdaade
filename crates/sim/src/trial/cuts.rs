//! Connections that are cut one at a time, but for the oldest to each endpoint, so that it grows old enough to be renewed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tickwire_venue::Session;

use super::client::Client;
use super::scene::Scene;
use crate::chance::Chance;
use crate::hazard::Hazard;
use crate::world::{Wire, World};

/// Which stream of chance they have.
const CUTS: u64 = 3 << 60;

pub(super) struct Cuts {
    chance: Chance,
    every: Option<Duration>,
    next: Option<Instant>,
    /// A connection that will end with one of its next bytes.
    cut: Option<Wire>,
}

impl Cuts {
    pub(super) fn new(scene: &Scene, start: Instant) -> Self {
        let next = scene.cuts.map(|every| start + every);
        Self { chance: Chance::new(scene.seed, CUTS), every: scene.cuts, next, cut: None }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.next
    }

    pub(super) fn rest(&mut self) {
        self.next = None;
    }

    /// Cuts a connection, if it is time; never one while another is not ready or about to end.
    pub(super) fn act<S: Session>(&mut self, client: &Client<S>, world: &mut World) {
        if self.next.is_none_or(|next| next > world.now()) {
            return;
        }
        let is_there = |cut: Wire| client.wires().any(|(wire, _)| wire == cut);
        if self.cut.is_some_and(is_there) || client.unready().is_some() {
            self.next = Some(world.now() + Duration::from_secs(1));
        } else if self.cut.take().is_some() {
            self.next = self.every.map(|every| world.now() + self.chance.between(every / 2..=every * 3 / 2));
        } else if let Some((first, others)) = younger(client).split_first() {
            let wire = self.chance.pick(*first, others);
            self.cut = Some(wire);
            world.strike(wire, Hazard::Cut);
        }
    }
}

/// All connections but the oldest to each endpoint.
fn younger<S: Session>(client: &Client<S>) -> Vec<Wire> {
    let mut seen = BTreeSet::new();
    client.wires().filter(|(_, endpoint)| !seen.insert(*endpoint)).map(|(wire, _)| wire).collect()
}
