//! How connections are kept, as the command line says.

use crate::clock::span;
use clap::builder::RangedU64ValueParser;
use std::time::Duration;
use tickwire::{LEGS_WANTED_MAX, Plan};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Keeping {
    /// So many connections bring the same streams, 1 to 4: the first copy of each update counts, and when one connection
    /// is lost nothing else is.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=LEGS_WANTED_MAX as u64))]
    pub(crate) legs: usize,
    /// Renew each connection at this age, such as 30s, 90m or 23h, or up to a tenth before: another one takes over
    /// without a break [default: an hour before the venue would end it].
    #[arg(long, value_name = "DURATION", value_parser = span)]
    renew_after: Option<Duration>,
    /// How long a connection goes on beside its successor once that is ready; with less than 10s, streams without ids may
    /// tell gaps that are none [default: 12s].
    #[arg(long, value_name = "DURATION", value_parser = span)]
    overlap: Option<Duration>,
}

impl Keeping {
    pub(crate) fn plan(&self) -> Plan {
        let usual = Plan::default();
        let overlap = self.overlap.unwrap_or(usual.overlap);
        Plan { legs: self.legs, renew_after: self.renew_after, overlap, ..usual }
    }
}
