//! A block: a piece of the file that is whole or refused.

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use std::io::{self, Read, Write};

const HEAD_BYTES: usize = 12;
/// The most that a block may inflate to: the largest message, a block's usual size and room for more.
const PLAIN_BYTES_MAX: u32 = 64 << 20;

/// Why a block cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The file ends inside it.
    Torn,
    /// It does not have the checksum that it should have.
    Checksum,
    /// Its checksum is right, and what is in it is not what this program writes.
    Content,
}

/// Writes one block as a whole: what is written by one call is whole or, on a full disk, torn.
pub(super) fn write(out: &mut impl Write, plain: &[u8], scratch: &mut Vec<u8>) -> io::Result<()> {
    scratch.clear();
    scratch.resize(HEAD_BYTES, 0);
    let mut encoder = DeflateEncoder::new(&mut *scratch, Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()?;
    let too_long = |_| io::Error::other("a block of more than 4 GiB");
    let packed = u32::try_from(scratch.len() - HEAD_BYTES).map_err(too_long)?;
    let length = u32::try_from(plain.len()).map_err(too_long)?;
    let crc = checksum(packed, length, scratch.get(HEAD_BYTES..).unwrap_or_default());
    for (place, number) in scratch.chunks_exact_mut(4).zip([packed, length, crc]) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    out.write_all(scratch)
}

/// Reads one block into `plain`; false at the end of the file.
pub(super) fn read(input: &mut impl Read, plain: &mut Vec<u8>) -> io::Result<Result<bool, Damage>> {
    plain.clear();
    let mut head = Vec::new();
    input.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let mut numbers =
        head.chunks_exact(4).filter_map(|bytes| Some(u32::from_le_bytes(bytes.try_into().ok()?)));
    let (Some(packed), Some(length), Some(crc)) = (numbers.next(), numbers.next(), numbers.next()) else {
        return Ok(if head.is_empty() { Ok(false) } else { Err(Damage::Torn) });
    };
    let mut payload = Vec::new();
    input.by_ref().take(u64::from(packed)).read_to_end(&mut payload)?;
    if payload.len() as u64 != u64::from(packed) {
        return Ok(Err(Damage::Torn));
    }
    if checksum(packed, length, &payload) != crc {
        return Ok(Err(Damage::Checksum));
    }
    Ok(inflate(&payload, length, plain).map(|()| true))
}

fn inflate(payload: &[u8], length: u32, plain: &mut Vec<u8>) -> Result<(), Damage> {
    if length > PLAIN_BYTES_MAX {
        return Err(Damage::Content);
    }
    let mut decoder = DeflateDecoder::new(payload).take(u64::from(length) + 1);
    let inflated = decoder.read_to_end(plain);
    if inflated.is_err() || plain.len() as u64 != u64::from(length) {
        return Err(Damage::Content);
    }
    Ok(())
}

fn checksum(packed: u32, length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&packed.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}
