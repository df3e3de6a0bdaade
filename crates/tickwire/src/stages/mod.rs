//! Where the time of a message goes, stage by stage (feature `stages`). With the feature off, `absent` has types without
//! content in its place: no message pays for it, and where something happens on the way nobody asks which it is.

#[cfg(not(feature = "stages"))]
mod absent;
#[cfg(feature = "stages")]
mod laps;
#[cfg(feature = "stages")]
mod recorder;

#[cfg(not(feature = "stages"))]
pub(crate) use absent::{FeedLaps, Laps, ReadMark};
#[cfg(feature = "stages")]
pub(crate) use laps::{FeedLaps, Laps, ReadMark};
#[cfg(feature = "stages")]
pub use recorder::Stages;
