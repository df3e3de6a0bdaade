//! What requests cost, and what their address has used up.

use std::collections::BTreeMap;

use super::fault::{Fault, Wait};
use crate::clock::Now;
use crate::hazard::Hazard;
use crate::options::Refusals;
use crate::rate::Minute;
use crate::venue::Ban;

/// A venue's prices.
#[derive(Debug)]
pub(super) struct Tariff {
    pub(super) weight_per_minute: u64,
    pub(super) connect_weight: u64,
    /// Levels of a snapshot that does not say how many.
    pub(super) default_limit: u64,
    pub(super) is_limit: fn(u64) -> bool,
    pub(super) depth_weight: fn(u64) -> u64,
    /// What a method's name may begin with.
    pub(super) version: &'static str,
}

/// The account of the one address that all clients come from.
#[derive(Debug)]
pub(super) struct Account {
    tariff: &'static Tariff,
    minute: Minute,
    refusals: Option<Refusals>,
    refused: u32,
    /// Refuses snapshots for a time.
    pub(super) ban: Option<Ban>,
    breached: bool,
    /// Snapshots asked for over HTTP, by symbol.
    pub(super) asked: BTreeMap<String, usize>,
}

impl Account {
    pub(super) fn new(tariff: &'static Tariff, refusals: Option<Refusals>) -> Self {
        let (minute, asked) = (Minute::default(), BTreeMap::new());
        Self { tariff, minute, refusals, refused: 0, ban: None, breached: false, asked }
    }

    pub(super) fn tariff(&self) -> &'static Tariff {
        self.tariff
    }

    /// What was used in this minute.
    pub(super) fn used(&mut self, now: Now) -> u64 {
        self.minute.add(0, now.unix_ms())
    }

    /// A connection has been made.
    pub(super) fn connect(&mut self, now: Now) {
        self.minute.add(self.tariff.connect_weight, now.unix_ms());
    }

    /// Charges a request.
    pub(super) fn charge(&mut self, weight: u64, now: Now) -> Result<(), Fault> {
        let used = self.minute.add(weight, now.unix_ms());
        if used <= self.tariff.weight_per_minute {
            return Ok(());
        }
        self.breached = true;
        let limit = self.tariff.weight_per_minute;
        let wait = Wait { from_ms: now.unix_ms(), until_ms: self.minute.ends_ms() };
        let message = format!("Too much request weight used; current limit is {limit} per MINUTE.");
        Err(Fault { status: 429, code: -1003, message, wait: Some(wait) })
    }

    /// Whether more was used than is allowed, since the last call.
    pub(super) fn take_breach(&mut self) -> Option<&'static str> {
        std::mem::take(&mut self.breached).then_some("more request weight in a minute than is allowed")
    }

    /// Charges a request for a snapshot, which may have to be refused on purpose.
    pub(super) fn charge_depth(&mut self, limit: u64, now: Now) -> Result<(), Fault> {
        let from_ms = now.unix_ms();
        if let Some(ban) = self.ban.as_ref().filter(|ban| from_ms < ban.until_ms) {
            ban.counts.add(Hazard::SnapshotsRefused);
            return Err(refusal(Wait { from_ms, until_ms: ban.until_ms }, ban.banned));
        }
        if let Some(refusals) = self.refusals.filter(|refusals| self.refused < refusals.requests) {
            self.refused += 1;
            let after_ms = u64::try_from(refusals.retry_after.as_millis()).unwrap_or(u64::MAX);
            let wait = Wait { from_ms, until_ms: from_ms.saturating_add(after_ms) };
            return Err(refusal(wait, refusals.banned));
        }
        self.charge((self.tariff.depth_weight)(limit), now)
    }
}

fn refusal(wait: Wait, banned: bool) -> Fault {
    let (status, what) = if banned { (418, "Way too much") } else { (429, "Too much") };
    let message = format!("{what} request weight used; wait until {}.", wait.until_ms);
    Fault { status, code: -1003, message, wait: Some(wait) }
}
