//! Reading a recording as far as it is whole.

use super::block::{self, Damage};
use super::record::{Moment, Record};
use super::{MAGIC, VERSION};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Why a recording, or the rest of it, cannot be read.
#[derive(Debug)]
pub(crate) enum Error {
    /// It does not begin as a recording does.
    NoRecording,
    /// It was written in another version of the format.
    Version(u16),
    /// A block is torn or damaged: that at this place of the file.
    Damaged { offset: u64, damage: Damage },
    /// Its end mark is missing: the program that wrote it was killed, and everything up to its last second is there.
    Unfinished,
    /// There is more behind its end mark, from this place of the file on.
    MoreBehind { offset: u64 },
    /// The system refused.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecording => f.write_str("this is no recording of tickwire"),
            Self::Version(version) => {
                let by = if *version < VERSION { "an older" } else { "a newer" };
                write!(
                    f,
                    "a recording of version {version}, by {by} tickwire, which can replay it; this one reads {VERSION}"
                )
            }
            Self::Damaged { offset, damage } => {
                let what = match damage {
                    Damage::Torn => "the file ends inside the block",
                    Damage::Checksum => "the checksum is wrong of the block",
                    Damage::Content => "the content is wrong of the block",
                };
                write!(f, "{what} at byte {offset}; what is before it was read, what is behind it is lost")
            }
            Self::Unfinished => f.write_str(
                "the end mark is missing: the recording was interrupted; all that is there was read",
            ),
            Self::MoreBehind { offset } => {
                write!(
                    f,
                    "the recording ends at byte {offset}, and there is more in the file, which was not read"
                )
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Whether a file begins as a recording does, of whatever version.
pub(crate) fn is_recording(path: &Path) -> io::Result<bool> {
    let mut beginning = Vec::new();
    File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut beginning)?;
    Ok(beginning == MAGIC)
}

/// Hands out records in their order, up to the first damage.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    input: Counted<R>,
    header: String,
    block: Vec<u8>,
    /// How far into the block, and where in the file it began.
    at: usize,
    offset: u64,
    before: Moment,
    done: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    pub(crate) fn new(input: R) -> Result<Self, Error> {
        let mut input = Counted { input, count: 0 };
        let mut magic = [0; MAGIC.len()];
        let mut version = [0; 2];
        input.read_exact(&mut magic).map_err(|_| Error::NoRecording)?;
        if &magic != MAGIC {
            return Err(Error::NoRecording);
        }
        let offset = input.count;
        let torn = |_| Error::Damaged { offset, damage: Damage::Torn };
        input.read_exact(&mut version).map_err(torn)?;
        match u16::from_le_bytes(version) {
            VERSION => {}
            other => return Err(Error::Version(other)),
        }
        let (offset, mut header) = (input.count, Vec::new());
        let damaged = |damage| Error::Damaged { offset, damage };
        if !block::read(&mut input, &mut header)?.map_err(damaged)? {
            return Err(damaged(Damage::Torn));
        }
        let header = String::from_utf8(header).map_err(|_| damaged(Damage::Content))?;
        let (block, before) = (Vec::new(), Moment::default());
        Ok(Self { offset: input.count, input, header, block, at: 0, before, done: false })
    }

    /// What the recording was begun with.
    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// Bytes of the file that were read.
    pub(crate) fn position(&self) -> u64 {
        self.input.count
    }

    /// The next record; `None` behind the last one of a complete recording. An error is the end.
    pub(crate) fn next(&mut self) -> Result<Option<(Moment, Record<'_>)>, Error> {
        if self.done {
            return Ok(None);
        }
        if self.at >= self.block.len() {
            self.next_block()?;
        }
        let mut rest = self.block.get(self.at..).unwrap_or_default();
        let Some((moment, record)) = Record::take(&mut rest, self.before) else {
            self.done = true;
            return Err(Error::Damaged { offset: self.offset, damage: Damage::Content });
        };
        self.at = self.block.len() - rest.len();
        self.before = moment;
        if record == Record::End {
            self.done = true;
            let offset = self.input.count;
            let more = self.input.read(&mut [0; 1])? > 0;
            return if more { Err(Error::MoreBehind { offset }) } else { Ok(None) };
        }
        Ok(Some((moment, record)))
    }

    fn next_block(&mut self) -> Result<(), Error> {
        // Until a block is there, the next call has nothing to say.
        self.done = true;
        (self.at, self.offset, self.before) = (0, self.input.count, Moment::default());
        let offset = self.offset;
        let damaged = |damage| Error::Damaged { offset, damage };
        if !block::read(&mut self.input, &mut self.block)?.map_err(damaged)? {
            return Err(Error::Unfinished);
        }
        self.done = false;
        Ok(())
    }
}

/// Counts what is read.
#[derive(Debug)]
struct Counted<R> {
    input: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}
