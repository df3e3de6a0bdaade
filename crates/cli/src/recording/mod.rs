//! Recordings: what a session was told and when, in a file that survives a crash.
//!
//! ```text
//! file    = "TICKWIRE" version:u16 block*
//! block   = packed:u32 plain:u32 crc32:u32 payload      numbers little-endian
//! payload = DEFLATE, `packed` bytes that inflate to `plain`; the checksum covers both lengths and the payload
//! ```
//!
//! The first block is the header, a text that this module does not look into; the others hold [`Record`]s, and the last
//! record is an end mark. Each block stands for itself, so that what is in front of a damage can be read.

mod block;
mod reader;
mod record;
mod varint;
mod writer;

pub(crate) use reader::{Error, Reader, is_recording};
pub(crate) use record::{Moment, Record};
pub(crate) use writer::Writer;

/// What a recording begins with.
const MAGIC: &[u8; 8] = b"TICKWIRE";
const VERSION: u16 = 2;

#[cfg(test)]
mod tests;
