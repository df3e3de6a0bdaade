//! What requests cost, and what their address has used up.

use std::collections::BTreeMap;

use super::fault::{Fault, Wait};
use crate::clock::Now;
use crate::options::Refusals;
use crate::rate::Minute;

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
    /// Snapshots asked for over HTTP, by symbol.
    pub(super) asked: BTreeMap<String, usize>,
}

impl Account {
    pub(super) fn new(tariff: &'static Tariff, refusals: Option<Refusals>) -> Self {
        Self { tariff, minute: Minute::default(), refusals, refused: 0, asked: BTreeMap::new() }
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
        let limit = self.tariff.weight_per_minute;
        let wait = Wait { from_ms: now.unix_ms(), until_ms: self.minute.ends_ms() };
        let message = format!("Too much request weight used; current limit is {limit} per MINUTE.");
        Err(Fault { status: 429, code: -1003, message, wait: Some(wait) })
    }

    /// Charges a request for a snapshot, which may have to be refused on purpose.
    pub(super) fn charge_depth(&mut self, limit: u64, now: Now) -> Result<(), Fault> {
        if let Some(refusals) = self.refusals.filter(|refusals| self.refused < refusals.requests) {
            self.refused += 1;
            let after_ms = u64::try_from(refusals.retry_after.as_millis()).unwrap_or(u64::MAX);
            let wait = Wait { from_ms: now.unix_ms(), until_ms: now.unix_ms().saturating_add(after_ms) };
            let (status, what) = if refusals.banned { (418, "Way too much") } else { (429, "Too much") };
            let message = format!("{what} request weight used; wait until {}.", wait.until_ms);
            return Err(Fault { status, code: -1003, message, wait: Some(wait) });
        }
        self.charge((self.tariff.depth_weight)(limit), now)
    }
}
