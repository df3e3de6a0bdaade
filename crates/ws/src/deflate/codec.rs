//! The two directions of compression, in memory that is kept from message to message.

use super::WindowBits;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What RFC 7692 7.2.1 takes off the end of a message.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// What is put back (RFC 7692 7.2.2), and an empty stored block: out of both comes nothing, unless the message stopped
/// within a block and takes them for data.
const END: [u8; 9] = [0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0xFF, 0xFF];
/// The first room for a message, and the least it grows by.
const ROOM_BYTES: usize = 16 << 10;
/// What is kept of a buffer that one large message has grown.
const KEPT_BYTES: usize = 256 << 10;

/// Why a compressed message cannot be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is not DEFLATE.
    Corrupt,
    /// It is longer than allowed.
    TooLong,
}

/// Bytes that have come out, in a buffer that stays initialised: each byte of it is cleared once, not once a call.
#[derive(Default)]
struct Output {
    buf: Vec<u8>,
    len: usize,
}

impl Output {
    fn bytes(&self) -> &[u8] {
        self.buf.get(..self.len).unwrap_or_default()
    }

    fn room(&mut self) -> &mut [u8] {
        self.buf.get_mut(self.len..).unwrap_or_default()
    }

    fn is_full(&self) -> bool {
        self.len == self.buf.len()
    }

    fn grow_to(&mut self, size: usize) {
        self.buf.reserve_exact(size.saturating_sub(self.buf.len()));
        self.buf.resize(size, 0);
    }

    /// Empty again; what one large message took is given back.
    fn clear(&mut self) {
        self.len = 0;
        if self.buf.len() > KEPT_BYTES {
            self.buf.truncate(KEPT_BYTES);
            self.buf.shrink_to_fit();
        }
    }
}

/// Inflates messages piece by piece; the pieces of the current message lie behind one another in one buffer.
///
/// After a final block (RFC 7692 7.2.3.4) the window is empty, as with zlib.
pub(crate) struct Inflater {
    state: Decompress,
    out: Output,
    forgets: bool,
    /// A final block has ended and nothing followed: there is nothing for the tail to continue.
    ended: bool,
}

impl Inflater {
    pub(crate) fn new(forgets: bool) -> Self {
        // A window of 15 bits takes what was compressed with any smaller one.
        Self { state: Decompress::new(false), out: Output::default(), forgets, ended: false }
    }

    /// Inflates the next piece of the message; at most `max` bytes of it in all.
    pub(crate) fn push(&mut self, mut piece: &[u8], max: usize) -> Result<(), Flaw> {
        while !piece.is_empty() {
            piece = self.step(piece, max)?;
        }
        Ok(())
    }

    /// Ends the message, which must stand at the end of a block.
    pub(crate) fn finish(&mut self, max: usize) -> Result<(), Flaw> {
        if !self.ended {
            let len = self.out.len;
            let pushed = self.push(&END, max.saturating_add(END.len()));
            // What came out is no part of the message.
            let extra = std::mem::replace(&mut self.out.len, len) > len;
            if pushed.is_err() || extra {
                return Err(Flaw::Corrupt);
            }
        }
        self.ended = false;
        if self.forgets {
            self.state.reset(false);
        }
        Ok(())
    }

    /// Lets the message go.
    pub(crate) fn release(&mut self) {
        self.out.clear();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.out.bytes()
    }

    /// Inflates as much as there is room for; returns what is left of the piece. All output of a piece that is used up
    /// has come out.
    fn step<'a>(&mut self, piece: &'a [u8], max: usize) -> Result<&'a [u8], Flaw> {
        let mut rest = piece;
        loop {
            if self.out.is_full() {
                self.grow(max)?;
            }
            let (consumed, produced) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(rest, self.out.room(), FlushDecompress::None);
            let consumed = count(consumed, self.state.total_in());
            let produced = count(produced, self.state.total_out());
            self.out.len += produced;
            if self.out.len > max {
                // Parts that were let go leave more room than is allowed.
                self.out.len = max.saturating_add(1);
                return Err(Flaw::TooLong);
            }
            let status = status.map_err(|_| Flaw::Corrupt)?;
            rest = rest.get(consumed..).unwrap_or_default();
            self.ended = status == Status::StreamEnd;
            if self.ended {
                self.state.reset(false);
                return Ok(rest);
            }
            // Room that is left over means that nothing waits inside.
            if rest.is_empty() && !self.out.is_full() {
                return Ok(rest);
            }
            if consumed == 0 && produced == 0 && !self.out.is_full() {
                return Err(Flaw::Corrupt);
            }
        }
    }

    /// More room, but never more than one byte beyond what is allowed.
    fn grow(&mut self, max: usize) -> Result<(), Flaw> {
        let wanted = (self.out.len * 2).max(ROOM_BYTES).min(max.saturating_add(1));
        if wanted <= self.out.len {
            return Err(Flaw::TooLong);
        }
        self.out.grow_to(wanted);
        Ok(())
    }
}

/// How much a counter of zlib's has advanced.
fn count(before: u64, now: u64) -> usize {
    usize::try_from(now - before).unwrap_or(usize::MAX)
}

/// Compresses messages piece by piece.
pub(crate) struct Deflater {
    state: Compress,
    out: Output,
    forgets: bool,
}

impl Deflater {
    /// `None` for a window of 8 bits, which cannot be done: messages go as they are.
    pub(crate) fn new(level: u8, bits: WindowBits, forgets: bool) -> Option<Self> {
        if bits == WindowBits::MIN {
            return None;
        }
        let level = Compression::new(u32::from(level.min(9)));
        let state = Compress::new_with_window_bits(level, false, bits.into());
        Some(Self { state, out: Output::default(), forgets })
    }

    /// The next piece of a message, compressed; the last one without its tail (RFC 7692 7.2.1).
    pub(crate) fn push(&mut self, piece: &[u8], last: bool) -> &[u8] {
        self.out.clear();
        if !piece.is_empty() {
            self.compress(piece);
        }
        if last {
            self.out.len = self.out.len.saturating_sub(TAIL.len());
            if self.forgets {
                self.state.reset();
            }
        }
        match piece {
            // RFC 7692 7.2.3.6: an empty block without its tail.
            [] if last => &[0],
            _ => self.out.bytes(),
        }
    }

    /// The most that a piece can become: some effort levels write incompressible bytes with nine bits each, and small
    /// windows cannot always fall back to stored blocks.
    pub(crate) fn bytes_max(piece: usize) -> usize {
        piece + (piece >> 3) + (piece >> 8) + (piece >> 9) + 64
    }

    fn compress(&mut self, piece: &[u8]) {
        let max = Self::bytes_max(piece.len());
        if self.out.buf.len() < max {
            self.out.grow_to(max);
        }
        // Into room for the worst case it goes in one call, which fails only for parameters that are never used here.
        let before = self.state.total_out();
        let done = self.state.compress(piece, self.out.room(), FlushCompress::Sync);
        debug_assert!(matches!(done, Ok(Status::Ok)), "{done:?}");
        self.out.len = count(before, self.state.total_out());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Miri takes a thousand times as long.
    const SCALE: usize = if cfg!(miri) { 100 } else { 1 };

    fn inflate(inflater: &mut Inflater, pieces: &[&[u8]]) -> Result<Vec<u8>, Flaw> {
        inflater.release();
        for piece in pieces {
            inflater.push(piece, 1 << 20)?;
        }
        inflater.finish(1 << 20)?;
        Ok(inflater.bytes().to_vec())
    }

    #[test]
    fn the_examples_of_the_rfc_inflate() {
        // RFC 7692 7.2.3.1 to 7.2.3.6
        let mut inflater = Inflater::new(false);
        assert_eq!(inflate(&mut inflater, &[&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]]).unwrap(), b"Hello");
        assert_eq!(
            inflate(&mut inflater, &[&[0xf2, 0x00, 0x11, 0x00, 0x00]]).unwrap(),
            b"Hello",
            "sharing the window"
        );
        let fresh = || Inflater::new(true);
        assert_eq!(
            inflate(&mut fresh(), &[&[0xf2, 0x48, 0xcd], &[0xc9, 0xc9, 0x07, 0x00]]).unwrap(),
            b"Hello"
        );
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        assert_eq!(inflate(&mut fresh(), &[&stored]).unwrap(), b"Hello");
        let r#final = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        assert_eq!(inflate(&mut fresh(), &[&r#final]).unwrap(), b"Hello");
        let two_blocks = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&mut fresh(), &[&two_blocks]).unwrap(), b"Hello");
        assert_eq!(inflate(&mut fresh(), &[&[0x00]]).unwrap(), b"");
    }

    #[test]
    fn a_final_block_leaves_the_next_message_in_order() {
        let r#final = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let bare = &r#final[..7];
        let mut inflater = Inflater::new(false);
        for message in [&r#final[..], bare, &r#final[..], &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]] {
            assert_eq!(inflate(&mut inflater, &[message]).unwrap(), b"Hello");
        }
    }

    #[test]
    fn every_window_and_takeover_goes_round() {
        let text: Vec<u8> = (0..50_000u32).flat_map(|i| (i / 7 % 251).to_le_bytes()).collect();
        let text = &text[..text.len() / SCALE];
        for bits in (9..=15).step_by(if cfg!(miri) { 6 } else { 1 }) {
            for forgets in [false, true] {
                let mut deflater = Deflater::new(6, WindowBits::new(bits).unwrap(), forgets).unwrap();
                let mut inflater = Inflater::new(forgets);
                for message in [text, b"", b"x", &text[..1000], &text[..1000]] {
                    let compressed = deflater.push(message, true).to_vec();
                    assert_eq!(
                        inflate(&mut inflater, &[&compressed]).unwrap(),
                        message,
                        "{bits} bits, forgets {forgets}"
                    );
                }
                let (head, tail) = text.split_at(777);
                let pieces = [
                    deflater.push(head, false).to_vec(),
                    deflater.push(b"", false).to_vec(),
                    deflater.push(tail, true).to_vec(),
                ];
                let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
                assert_eq!(inflate(&mut inflater, &pieces).unwrap(), text);
            }
        }
        assert!(Deflater::new(6, WindowBits::MIN, false).is_none());
    }

    #[test]
    fn a_bomb_ends_at_the_limit_and_takes_no_more_memory_than_that() {
        let mut deflater = Deflater::new(9, WindowBits::MAX, false).unwrap();
        let bomb = deflater.push(&vec![0; (64 << 20) / SCALE], true).to_vec();
        assert!(bomb.len() < 100_000);
        let mut inflater = Inflater::new(false);
        let max = (1 << 20) / SCALE;
        assert_eq!(inflater.push(&bomb, max), Err(Flaw::TooLong));
        assert!(inflater.out.buf.capacity() <= max + 1, "{} bytes", inflater.out.buf.capacity());
    }

    #[test]
    fn exactly_the_limit_passes() {
        let mut deflater = Deflater::new(6, WindowBits::MAX, false).unwrap();
        let message = vec![7; 100_000 / SCALE];
        let compressed = deflater.push(&message, true).to_vec();
        let mut inflater = Inflater::new(false);
        let max = message.len();
        inflater.push(&compressed, max).unwrap();
        inflater.finish(max).unwrap();
        assert_eq!(inflater.bytes(), message);
        let mut inflater = Inflater::new(false);
        let all = inflater.push(&compressed, max - 1).and_then(|()| inflater.finish(max - 1));
        assert_eq!(all, Err(Flaw::TooLong));
    }

    #[test]
    fn a_message_that_stops_within_a_block_is_a_flaw() {
        // RFC 7692 7.2.3.1 and 7.2.3.3: "Hello" in a block with fixed codes, and stored.
        let fixed = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        for forgets in [false, true] {
            for whole in [&fixed[..], &stored[..]] {
                // A single 0 is the empty message (RFC 7692 7.2.3.6).
                for cut in (0..whole.len()).filter(|cut| whole.get(..*cut) != Some(&[0])) {
                    let mut inflater = Inflater::new(forgets);
                    assert_eq!(inflate(&mut inflater, &[whole]).unwrap(), b"Hello");
                    let part = whole.get(..cut).unwrap();
                    assert_eq!(inflate(&mut inflater, &[part]), Err(Flaw::Corrupt), "{part:02x?}");
                    assert_eq!(
                        inflate(&mut Inflater::new(forgets), &[part]),
                        Err(Flaw::Corrupt),
                        "{part:02x?}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_piece_becomes_longer_than_the_worst_case() {
        let mut state = 7u32;
        // Bytes from 144 on have codes of nine bits.
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            144 + u8::try_from(state >> 24).unwrap() % 112
        })
        .take(300_000 / SCALE)
        .collect();
        for level in 0..=9 {
            for bits in (9..=15).step_by(if cfg!(miri) { 6 } else { 1 }) {
                let mut deflater = Deflater::new(level, WindowBits::new(bits).unwrap(), false).unwrap();
                for len in [1, 100, 3000, noise.len()] {
                    let became = deflater.push(noise.get(..len).unwrap(), false).to_vec();
                    assert!(
                        became.len() <= Deflater::bytes_max(len),
                        "{len} at level {level}: {}",
                        became.len()
                    );
                    assert!(became.ends_with(&TAIL), "{len} at level {level} with {bits} bits is flushed");
                }
            }
        }
    }

    #[test]
    fn the_compressor_keeps_within_its_window() {
        let mut state = 7u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::try_from(state >> 24).unwrap()
        })
        .take(1000)
        .collect();
        let size = |bits| {
            let mut deflater = Deflater::new(6, WindowBits::new(bits).unwrap(), false).unwrap();
            deflater.push(&noise.repeat(2), true).len()
        };
        assert!(size(9) > 1900, "1,000 bytes back is beyond 512: {}", size(9));
        assert!(size(15) < 1200, "and within 32,768: {}", size(15));
    }

    #[test]
    fn a_reserved_block_type_is_a_flaw() {
        assert_eq!(Inflater::new(false).push(&[0x07], 1000), Err(Flaw::Corrupt));
    }
}
