//! The decisions about connections, with a session that has no streams and a clock that stands still until it is told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod connections;
mod contract;
mod ends;
mod lag;
mod rig;
mod told;

use std::{collections::BTreeSet, time::Duration};

use rig::{Close, Dial, Drop, Rig, chances, endpoint, leg, ms, seconds};
use tickwire_feed::{Phase, Plan};
use tickwire_venue::{Attempts, Cause, Command as Wish, Ending, LinkChange, Renewal, Route};
