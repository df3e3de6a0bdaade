//! What the venue understands and says: text in, text out. No socket and no clock.

pub(crate) mod api;
pub(crate) mod control;
pub(crate) mod names;
pub(crate) mod payload;
pub(crate) mod target;
