//! Where streams stand, against histories that remember everything; and what is counted and silent.

mod history;
mod oracle;
mod race;
mod script;
mod silence;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use history::{At, History};
use oracle::{Key, Oracle};

use super::*;
use crate::event::Instrument;

const HOLE_WAIT: Duration = Duration::from_secs(1);
const TEN: Duration = Duration::from_secs(10);
const BEHIND_MAX: Duration = Duration::from_secs(30);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[expect(clippy::disallowed_methods, reason = "a manual clock needs some instant to count from")]
fn beginning() -> Instant {
    Instant::now()
}
