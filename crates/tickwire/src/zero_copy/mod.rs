//! Sends that the kernel makes from the payload's own memory (Linux, `MSG_ZEROCOPY`), over TCP without TLS.
//!
//! ```text
//!  payload ─► send ──────► tracker ── a handle on the payload for each send, by its number
//!              │ no room       ▲
//!              ▼               └── completions, from the error queue of the socket
//!           plain write
//! ```

#[cfg(target_os = "linux")]
mod kernel;
mod settings;
#[cfg_attr(not(target_os = "linux"), path = "absent.rs")]
mod stream;
#[cfg(any(target_os = "linux", test))]
mod tracker;

pub use settings::{ZeroCopy, ZeroCopyStats};
pub(crate) use stream::Stream;
