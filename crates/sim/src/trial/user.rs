//! A user who changes their mind.

use std::time::{Duration, Instant};

use tickwire_venue::Session;

use super::client::{Client, now};
use super::judge::Judge;
use super::scene::Scene;
use crate::chance::Chance;
use crate::world::World;

/// Which stream of chance a user has.
const USERS: u64 = 2 << 60;

pub(super) struct User {
    chance: Chance,
    every: Option<Duration>,
    renews: bool,
    next: Option<Instant>,
    /// All streams there are, and whether each is wanted.
    streams: Vec<(String, bool)>,
}

impl User {
    pub(super) fn new(scene: &Scene, judge: &mut Judge<'_>, start: Instant) -> Self {
        let names = scene.names();
        let stream = |symbol: &String, kind: &'static str| {
            (names.of(kind, symbol), scene.first_kinds().contains(&kind))
        };
        let of_symbol = |symbol| names.kinds().map(move |kind| stream(symbol, kind));
        let streams: Vec<_> = scene.symbols.iter().flat_map(of_symbol).collect();
        streams.iter().filter(|(_, wanted)| *wanted).for_each(|(name, _)| judge.want(name, true));
        let next = scene.whims.map(|every| start + every);
        Self {
            chance: Chance::new(scene.seed, USERS),
            every: scene.whims,
            renews: scene.renews,
            next,
            streams,
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.next
    }

    /// What is followed stays as it is.
    pub(super) fn rest(&mut self) {
        self.next = None;
    }

    /// The names of all streams.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.streams.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a stream is wanted.
    pub(super) fn wants(&self, stream: &str) -> bool {
        self.streams.iter().any(|(name, wanted)| name == stream && *wanted)
    }

    /// Changes something, if it is time.
    pub(super) fn act<S: Session>(
        &mut self,
        client: &mut Client<S>,
        world: &mut World,
        judge: &mut Judge<'_>,
    ) {
        if self.next.is_none_or(|next| next > world.now()) {
            return;
        }
        self.next = self.every.map(|every| world.now() + self.chance.gap(every));
        // What was published until now belongs to what was wanted until now.
        judge.witness(world);
        if self.renews && self.chance.one_in(6) {
            judge.note(world, "the user renews all connections");
            client.machine.renew(now(world));
        } else {
            let changes = if self.chance.one_in(8) { self.streams.len() } else { 1 };
            (0..changes).for_each(|_| self.change_one(client, world, judge));
        }
        client.settle(world, judge);
    }

    fn change_one<S: Session>(&mut self, client: &mut Client<S>, world: &mut World, judge: &mut Judge<'_>) {
        let at = self.chance.size(self.streams.len()) - 1;
        let Some((name, wanted)) = self.streams.get_mut(at) else { return };
        *wanted = !*wanted;
        judge.note(world, &format!("the user {} {name}", if *wanted { "wants" } else { "wants no more" }));
        judge.want(name, *wanted);
        if *wanted {
            let subscribed = client.machine.subscribe(&[name.as_str()], now(world));
            subscribed.unwrap_or_else(|error| judge.blame(world, &error.to_string()));
        } else {
            client.machine.unsubscribe(&[name.as_str()], now(world));
        }
    }
}
