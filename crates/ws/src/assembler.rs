//! Joining borrowed fragments into memory of the caller's.

use thiserror::Error;

/// The target of [`FrameAssembler::reassemble_into`] is too small; it was left untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{needed} bytes are needed, the target has {available}")]
pub struct TooSmall {
    /// Bytes of all fragments together.
    pub needed: usize,
    /// Bytes of the target.
    pub available: usize,
}

/// A list of borrowed fragments that can be joined.
///
/// ```
/// use tickwire_ws::FrameAssembler;
/// let mut assembler: FrameAssembler = [&b"tick"[..], b"wire"].into_iter().collect();
/// assert_eq!(assembler.reassemble(), b"tickwire");
/// assembler.append(b"!");
/// let mut target = [0; 16];
/// assert_eq!(assembler.reassemble_into(&mut target)?, b"tickwire!");
/// # Ok::<(), tickwire_ws::TooSmall>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FrameAssembler<'a> {
    parts: Vec<&'a [u8]>,
}

impl<'a> FrameAssembler<'a> {
    /// An assembler without fragments.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fragment at the end.
    pub fn append(&mut self, fragment: &'a [u8]) {
        self.parts.push(fragment);
    }

    /// The fragments, in order.
    #[must_use]
    pub fn slices(&self) -> &[&'a [u8]] {
        &self.parts
    }

    /// Bytes of all fragments together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    /// Whether there is not one byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The fragments joined in new memory.
    #[must_use]
    pub fn reassemble(&self) -> Vec<u8> {
        self.parts.concat()
    }

    /// The fragments joined at the start of `target`; returns that part of it.
    ///
    /// # Errors
    /// [`TooSmall`] if they do not fit; `target` is untouched then.
    pub fn reassemble_into<'t>(&self, target: &'t mut [u8]) -> Result<&'t [u8], TooSmall> {
        let (needed, available) = (self.len(), target.len());
        let Some(joined) = target.get_mut(..needed) else {
            return Err(TooSmall { needed, available });
        };
        let mut rest = &mut *joined;
        for part in &self.parts {
            let Some((space, behind)) = rest.split_at_mut_checked(part.len()) else {
                break;
            };
            space.copy_from_slice(part);
            rest = behind;
        }
        Ok(joined)
    }
}

impl<'a> FromIterator<&'a [u8]> for FrameAssembler<'a> {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(fragments: I) -> Self {
        Self { parts: fragments.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty() {
        let assembler = FrameAssembler::new();
        assert!(assembler.is_empty() && assembler.slices().is_empty());
        assert_eq!(assembler.reassemble(), b"");
        assert_eq!(assembler.reassemble_into(&mut []), Ok(&b""[..]));
    }

    #[test]
    fn one_fragment() {
        let assembler: FrameAssembler<'_> = [&b"hello"[..]].into_iter().collect();
        assert_eq!((assembler.len(), assembler.slices()), (5, &[&b"hello"[..]][..]));
        assert_eq!(assembler.reassemble(), b"hello");
    }

    #[test]
    fn several_fragments_join_in_order_the_empty_ones_included() {
        let assembler: FrameAssembler<'_> = [&b"a"[..], b"", b"bc", b"d"].into_iter().collect();
        assert_eq!(assembler.slices().len(), 4);
        assert_eq!(assembler.reassemble(), b"abcd");
    }

    #[test]
    fn a_target_that_is_too_small_is_reported_and_untouched() {
        let assembler: FrameAssembler<'_> = [&b"abc"[..], b"def"].into_iter().collect();
        let mut target = [7; 5];
        assert_eq!(assembler.reassemble_into(&mut target), Err(TooSmall { needed: 6, available: 5 }));
        assert_eq!(target, [7; 5]);
        let mut target = [7; 8];
        assert_eq!(assembler.reassemble_into(&mut target), Ok(&b"abcdef"[..]));
        assert_eq!(target, *b"abcdef\x07\x07");
    }

    #[test]
    fn appending_grows_the_length() {
        let mut assembler = FrameAssembler::new();
        for (count, part) in [&b"x"[..], b"yy", b"zzz"].into_iter().enumerate() {
            assembler.append(part);
            assert_eq!(assembler.slices().len(), count + 1);
        }
        assert_eq!((assembler.len(), assembler.reassemble()), (6, b"xyyzzz".to_vec()));
    }
}
