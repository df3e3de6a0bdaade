//! The decisions of a market data feed, without a socket, a clock or chance of its own.
//!
//! A [`Machine`] keeps the connections that a [venue session](tickwire_venue::Session) needs: it connects again after a
//! loss, renews a connection before the venue ends it, and keeps several to the same streams if wanted, of which the first
//! to bring an update wins. It is told what happens (a connection is open, a message came, a connection ended, time has
//! passed) and says what is to be done (connect, send, close, when to wake it). Whoever moves the bytes runs it: the SDK
//! over sockets, a simulation over none, with the same decisions.
//!
//! # The contract
//!
//! After each call that tells it something or wants something:
//!
//! 1. [`poll_event`](Machine::poll_event) until `None`;
//! 2. [`carry_out`](Machine::carry_out), and both again while [`has_event`](Machine::has_event): what is done is told, too;
//! 3. [`on_deadline`](Machine::on_deadline) when [`next_deadline`](Machine::next_deadline) has come.
//!
//! Every [`Command::Dial`] ends in one [`on_ended`](Machine::on_ended), with or without an [`on_open`](Machine::on_open) before,
//! unless a [`Command::Drop`] came first. A message that cannot be read is an event, not an error.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod cause;
mod machine;
mod place;
mod plan;
mod retry;
mod site;
mod stats;

/// What holds spans of time in [`Stats`], as the library of its name has it.
pub use hdrhistogram::Histogram;

pub use cause::{cause_of, ending_of};
pub use machine::{Command, Machine, Phase};
pub use plan::{LEGS_WANTED_MAX, Plan};
pub use stats::Stats;
