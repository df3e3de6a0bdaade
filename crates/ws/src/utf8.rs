//! Text is checked as it arrives, RFC 6455 8.1: a code point may be split over reads and over fragments.

use crate::error::Violation;

/// Below this the standard library is the faster validator: a call into the vector code costs more than it saves.
const SIMD_BYTES_MIN: usize = 64;
/// Up to this size texts are looked at as ASCII first, which market data is.
const ASCII_BYTES_MAX: usize = 1536;

/// The check of one text message. It holds the up to three bytes of a code point that is not complete yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Utf8 {
    carry: [u8; 4],
    carried: usize,
}

impl Utf8 {
    /// Takes the next piece; fails as soon as no continuation could make the text valid.
    #[inline]
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), Violation> {
        let complete = self.carried == 0 && piece.last().is_none_or(|last| *last < 0x80);
        if complete && is_valid(piece) { Ok(()) } else { self.push_any(piece) }
    }

    /// A piece that begins or ends within a code point, or is wrong.
    #[inline(never)]
    fn push_any(&mut self, mut piece: &[u8]) -> Result<(), Violation> {
        if self.carried > 0 {
            piece = self.complete(piece)?;
        }
        let Some(last) = piece.last() else { return Ok(()) };
        if *last >= 0x80 {
            let (whole, tail) = split_incomplete(piece);
            self.hold(tail)?;
            piece = whole;
        }
        if is_valid(piece) { Ok(()) } else { Err(Violation::Utf8) }
    }

    /// The end of the message: nothing may be left over. Ready for the next message afterwards.
    #[inline]
    pub(crate) fn finish(&mut self) -> Result<(), Violation> {
        if std::mem::take(&mut self.carried) == 0 { Ok(()) } else { Err(Violation::Utf8) }
    }

    /// Feeds the held code point byte by byte until it is complete; returns the rest of the piece.
    fn complete<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], Violation> {
        let mut rest = piece;
        while let Some((byte, after)) = rest.split_first() {
            let Some(slot) = self.carry.get_mut(self.carried) else {
                return Err(Violation::Utf8);
            };
            *slot = *byte;
            self.carried += 1;
            rest = after;
            match std::str::from_utf8(self.carry.get(..self.carried).unwrap_or_default()) {
                Ok(_) => {
                    self.carried = 0;
                    return Ok(rest);
                }
                Err(error) if error.error_len().is_some() => return Err(Violation::Utf8),
                Err(_) => {}
            }
        }
        Ok(rest)
    }

    /// Holds the beginning of a code point, if it can be one.
    fn hold(&mut self, tail: &[u8]) -> Result<(), Violation> {
        self.complete(tail).map(|_| ())
    }
}

/// Whether a whole text is UTF-8.
#[inline(never)]
pub(crate) fn is_valid(bytes: &[u8]) -> bool {
    let ascii = match bytes.len() {
        64..=ASCII_BYTES_MAX => is_ascii::<64>(bytes),
        16..64 => is_ascii::<16>(bytes),
        _ => false,
    };
    if ascii {
        true
    } else if bytes.len() < SIMD_BYTES_MIN {
        std::str::from_utf8(bytes).is_ok()
    } else {
        simdutf8::basic::from_utf8(bytes).is_ok()
    }
}

/// Whether no byte has its top bit set, without a branch on what the bytes are. False for what is shorter than a step.
#[inline]
fn is_ascii<const STEP: usize>(bytes: &[u8]) -> bool {
    let (steps, _) = bytes.as_chunks::<STEP>();
    let Some(last) = bytes.last_chunk::<STEP>() else { return false };
    // The last step overlaps the one before it.
    let mut seen = *last;
    for step in steps {
        for (seen, byte) in seen.iter_mut().zip(step) {
            *seen |= byte;
        }
    }
    seen.iter().fold(0, |all, byte| all | byte) < 0x80
}

/// Splits off the beginning of a code point that the piece's end cuts.
fn split_incomplete(piece: &[u8]) -> (&[u8], &[u8]) {
    for back in 1..=piece.len().min(3) {
        let at = piece.len() - back;
        let (whole, tail) = piece.split_at(at);
        let needed = match tail.first() {
            Some(0xF0..=0xFF) => 4,
            Some(0xE0..=0xEF) => 3,
            Some(0xC0..=0xDF) => 2,
            Some(0x80..=0xBF) => continue,
            _ => break,
        };
        return if needed > back { (whole, tail) } else { (piece, &[]) };
    }
    (piece, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let mut utf8 = Utf8::default();
        pieces.into_iter().all(|piece| utf8.push(piece).is_ok()) && utf8.finish().is_ok()
    }

    /// Well-formed and ill-formed sequences around every edge of RFC 3629 4.
    const TEXTS: &[&[u8]] = &[
        b"",
        b"plain ascii that is longer than the sixty-four bytes of the short path, for sure",
        "κόσμε, 世界, 🦀: long enough that the vector path takes it, with a crab at the end 🦀".as_bytes(),
        "\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}".as_bytes(),
        b"\x80",
        b"a\xbf",
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xe0\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf0\x80\x80\xaf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xfe",
        b"\xff",
        b"ab\xe2\x82",
        b"ab\xf0\x9f\xa6",
        b"\xce",
        b"\xe4\xb8\x96\xe4\xb8",
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    ];

    #[test]
    fn any_cut_gives_the_verdict_of_the_standard_library() {
        for text in TEXTS {
            let expected = std::str::from_utf8(text).is_ok();
            for cut in 0..=text.len() {
                for second in cut..=text.len() {
                    let pieces = [&text[..cut], &text[cut..second], &text[second..]];
                    assert_eq!(verdict(pieces), expected, "{text:02x?} cut at {cut} and {second}");
                }
            }
        }
    }

    #[test]
    fn a_text_fails_with_the_byte_that_no_continuation_can_mend() {
        for text in TEXTS {
            let Err(error) = std::str::from_utf8(text) else {
                continue;
            };
            let Some(len) = error.error_len() else { continue };
            let offending = error.valid_up_to() + len;
            let mut utf8 = Utf8::default();
            // The offending byte is the last of the maximal ill-formed part, or the one after its valid beginning.
            let failed = text.iter().position(|byte| utf8.push(&[*byte]).is_err()).expect("fails");
            assert!(
                failed == offending || failed + 1 == offending,
                "{text:02x?}: failed at {failed}, {error}"
            );
        }
    }
}
