//! Documents over HTTP, for sessions that take snapshots from there.

mod answer;
#[cfg_attr(feature = "rest", path = "fetcher.rs")]
#[cfg_attr(not(feature = "rest"), path = "absent.rs")]
mod fetcher;

pub(crate) use answer::Answer;
pub(crate) use fetcher::Fetcher;
