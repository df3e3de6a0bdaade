//! The two directions of compression, in memory that is kept from message to message.

use super::WindowBits;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What RFC 7692 7.2.1 takes off the end of a message and 7.2.2 puts back.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
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

/// Inflates messages piece by piece; the pieces of the current message lie behind one another in one buffer.
pub(crate) struct Inflater {
    state: Decompress,
    out: Vec<u8>,
    forgets: bool,
    /// A final block has ended and nothing followed: the tail would not continue anything (RFC 7692 7.2.3.4).
    at_start: bool,
}

impl Inflater {
    pub(crate) fn new(forgets: bool) -> Self {
        // A window of 15 bits takes what was compressed with any smaller one.
        Self { state: Decompress::new(false), out: Vec::new(), forgets, at_start: true }
    }

    /// Inflates the next piece of the message; at most `max` bytes of it in all.
    pub(crate) fn push(&mut self, mut piece: &[u8], max: usize) -> Result<(), Flaw> {
        while !piece.is_empty() {
            piece = self.step(piece, max)?;
        }
        Ok(())
    }

    /// Ends the message: what the sender took off is put back, and the rest comes out.
    pub(crate) fn finish(&mut self, max: usize) -> Result<(), Flaw> {
        if !self.at_start {
            self.push(&TAIL, max)?;
        }
        if self.forgets {
            self.restart();
        }
        Ok(())
    }

    /// Lets the message go.
    pub(crate) fn release(&mut self) {
        self.out.clear();
        if self.out.capacity() > KEPT_BYTES {
            self.out.shrink_to(KEPT_BYTES);
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Inflates as much as there is room for; returns what is left of the piece. All output of a piece that is used up
    /// has come out.
    fn step<'a>(&mut self, piece: &'a [u8], max: usize) -> Result<&'a [u8], Flaw> {
        let mut rest = piece;
        loop {
            if self.out.len() == self.out.capacity() {
                self.grow(max)?;
            }
            let (consumed, produced) = (self.state.total_in(), self.out.len());
            let status = self.state.decompress_vec(rest, &mut self.out, FlushDecompress::None);
            if self.out.len() > max {
                return Err(Flaw::TooLong);
            }
            let status = status.map_err(|_| Flaw::Corrupt)?;
            let consumed = usize::try_from(self.state.total_in() - consumed).unwrap_or(usize::MAX);
            rest = rest.get(consumed..).unwrap_or_default();
            self.at_start = false;
            if status == Status::StreamEnd {
                self.restart();
                return Ok(rest);
            }
            // Room that is left over means that nothing waits inside.
            if rest.is_empty() && self.out.len() < self.out.capacity() {
                return Ok(rest);
            }
            if consumed == 0 && self.out.len() == produced && self.out.len() < self.out.capacity() {
                return Err(Flaw::Corrupt);
            }
        }
    }

    /// More room, but never more than one byte beyond what is allowed.
    fn grow(&mut self, max: usize) -> Result<(), Flaw> {
        let wanted = (self.out.capacity() * 2).max(ROOM_BYTES).min(max.saturating_add(1));
        if wanted <= self.out.len() {
            return Err(Flaw::TooLong);
        }
        self.out.reserve_exact(wanted - self.out.len());
        Ok(())
    }

    fn restart(&mut self) {
        self.state.reset(false);
        self.at_start = true;
    }
}

/// Compresses messages piece by piece.
pub(crate) struct Deflater {
    state: Compress,
    out: Vec<u8>,
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
        Some(Self { state, out: Vec::new(), forgets })
    }

    /// The next piece of a message, compressed; the last one without its tail (RFC 7692 7.2.1).
    pub(crate) fn push(&mut self, piece: &[u8], last: bool) -> &[u8] {
        self.out.clear();
        if self.out.capacity() > KEPT_BYTES {
            self.out.shrink_to(KEPT_BYTES);
        }
        if piece.is_empty() {
            // RFC 7692 7.2.3.6: an empty block without its tail, or nothing in between.
            self.out.extend_from_slice(if last { &[0] } else { &[] });
        } else {
            self.compress(piece);
            if last {
                self.out.truncate(self.out.len().saturating_sub(TAIL.len()));
            }
        }
        if last && self.forgets {
            self.state.reset();
        }
        &self.out
    }

    /// The piece last compressed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.out
    }

    fn compress(&mut self, piece: &[u8]) {
        let mut rest = piece;
        loop {
            if self.out.capacity() - self.out.len() < 64 {
                self.out.reserve(ROOM_BYTES.max(rest.len() / 2));
            }
            let before = self.state.total_in();
            // It fails only for parameters that are never used here.
            let _ = self.state.compress_vec(rest, &mut self.out, FlushCompress::Sync);
            let consumed = usize::try_from(self.state.total_in() - before).unwrap_or(usize::MAX);
            rest = rest.get(consumed..).unwrap_or_default();
            // zlib: a flush is complete when it leaves room.
            if rest.is_empty() && self.out.len() < self.out.capacity() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for bits in 9..=15 {
            for forgets in [false, true] {
                let mut deflater = Deflater::new(6, WindowBits::new(bits).unwrap(), forgets).unwrap();
                let mut inflater = Inflater::new(forgets);
                for message in [&text[..], b"", b"x", &text[..1000], &text[..1000]] {
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
        let bomb = deflater.push(&vec![0; 64 << 20], true).to_vec();
        assert!(bomb.len() < 100_000);
        let mut inflater = Inflater::new(false);
        assert_eq!(inflater.push(&bomb, 1 << 20), Err(Flaw::TooLong));
        assert!(inflater.out.capacity() <= (1 << 20) + 1, "{} bytes", inflater.out.capacity());
    }

    #[test]
    fn exactly_the_limit_passes() {
        let mut deflater = Deflater::new(6, WindowBits::MAX, false).unwrap();
        let message = vec![7; 100_000];
        let compressed = deflater.push(&message, true).to_vec();
        let mut inflater = Inflater::new(false);
        inflater.push(&compressed, 100_000).unwrap();
        inflater.finish(100_000).unwrap();
        assert_eq!(inflater.bytes(), message);
        let mut inflater = Inflater::new(false);
        let all = inflater.push(&compressed, 99_999).and_then(|()| inflater.finish(99_999));
        assert_eq!(all, Err(Flaw::TooLong));
    }

    #[test]
    fn garbage_is_a_flaw_and_no_panic() {
        for first in 0..=255u8 {
            for second in [0, 0x55, 0xff] {
                let mut inflater = Inflater::new(false);
                let _ = inflater
                    .push(&[first, second, 0xff, 0x12, 0x34, 0xff, 0xff], 1000)
                    .and_then(|()| inflater.finish(1000));
            }
        }
        assert_eq!(Inflater::new(false).push(&[0x07], 1000), Err(Flaw::Corrupt));
    }
}
