//! A connection that begins to lag while all is well, and does not stop: it has to be renewed for that, and no other.

use std::time::{Duration, Instant};

use tickwire_venue::Session;

use super::client::Client;
use super::judge::Judge;
use super::scene::Scene;
use crate::chance::Chance;
use crate::world::World;

/// Which stream of chance it has.
const LAGGARDS: u64 = 4 << 60;
/// How long a feed may take to notice it.
const NOTICED_IN: Duration = Duration::from_secs(60);
/// Further than a feed bears, and not so far that the connection seems silent.
const LEAST: Duration = Duration::from_millis(400);
const MOST: Duration = Duration::from_secs(4);

pub(super) struct Laggard {
    chance: Chance,
    next: Next,
}

/// What is to happen, and when.
#[derive(Clone, Copy)]
enum Next {
    Nothing,
    Lag(Instant),
    Noticed(Instant),
}

impl Laggard {
    pub(super) fn new(scene: &Scene, start: Instant) -> Self {
        let next = scene.lags_after.map_or(Next::Nothing, |after| Next::Lag(start + after));
        Self { chance: Chance::new(scene.seed, LAGGARDS), next }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match self.next {
            Next::Nothing => None,
            Next::Lag(at) | Next::Noticed(at) => Some(at),
        }
    }

    /// Makes one lag, or sees that it was renewed, if it is time.
    pub(super) fn act<S: Session>(&mut self, client: &Client<S>, world: &mut World, judge: &mut Judge<'_>) {
        if self.next_deadline().is_none_or(|at| at > world.now()) {
            return;
        }
        if matches!(self.next, Next::Noticed(_)) {
            judge.must_have_renewed_laggard(world);
            self.next = Next::Nothing;
        } else if let Some((first, others)) =
            client.racing().split_first().filter(|(_, rest)| !rest.is_empty())
        {
            let (wire, route) = self.chance.pick(*first, others);
            let lag = self.chance.between(LEAST..=MOST);
            world.lag(wire, lag);
            judge.expect_renewal(route, lag, world);
            self.next = Next::Noticed(world.now() + NOTICED_IN);
        } else {
            self.next = Next::Lag(world.now() + Duration::from_secs(1));
        }
    }
}
