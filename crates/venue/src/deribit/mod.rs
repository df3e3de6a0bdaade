//! Deribit: futures, options and spot, with order books kept by the venue's own rules.

pub mod channel;
pub mod wire;
