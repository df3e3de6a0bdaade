//! Writing a recording, block by block.

use super::record::{Moment, Record};
use super::{MAGIC, VERSION, block};
use std::io::{self, Write};

/// A block is closed at this size: small enough that packing it does not hold up a feed, large enough to pack well.
const BLOCK_BYTES: usize = 256 << 10;
/// And at this age: what a killed program may lose.
const BLOCK_NS: i64 = 1_000_000_000;

/// Writes records. After an error nothing more may be written: what is in the file so far can be read.
#[derive(Debug)]
pub(crate) struct Writer<W> {
    out: W,
    /// The open block.
    block: Vec<u8>,
    /// When its first record was.
    opened_ns: i64,
    before: Moment,
    scratch: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a recording.
    pub(crate) fn new(mut out: W, header: &str) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        let mut scratch = Vec::new();
        block::write(&mut out, header.as_bytes(), &mut scratch)?;
        out.flush()?;
        Ok(Self { out, block: Vec::new(), opened_ns: 0, before: Moment::default(), scratch })
    }

    /// Adds a record to the open block, and writes it if it is large or old enough.
    pub(crate) fn push(&mut self, moment: Moment, record: &Record<'_>) -> io::Result<()> {
        if self.block.is_empty() {
            self.opened_ns = moment.elapsed_ns;
            self.before = Moment::default();
        }
        record.put(&mut self.block, self.before, moment);
        self.before = moment;
        if self.block.len() >= BLOCK_BYTES {
            return self.close_block();
        }
        self.tick(moment.elapsed_ns)
    }

    /// Writes the open block if it is old enough.
    pub(crate) fn tick(&mut self, elapsed_ns: i64) -> io::Result<()> {
        if elapsed_ns.saturating_sub(self.opened_ns) >= BLOCK_NS { self.close_block() } else { Ok(()) }
    }

    /// Puts the end mark in and writes what is left.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.push(self.before, &Record::End)?;
        self.close_block()?;
        Ok(self.out)
    }

    fn close_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        block::write(&mut self.out, &self.block, &mut self.scratch)?;
        self.block.clear();
        self.out.flush()
    }
}

#[cfg(test)]
impl Writer<Vec<u8>> {
    /// What has been written so far.
    pub(super) fn written(&self) -> &[u8] {
        &self.out
    }
}
