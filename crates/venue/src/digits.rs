//! Runs of decimal digits, eight at a time.

const ZEROS: u64 = 0x3030_3030_3030_3030;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The most digits of which every number fits a `u64`.
pub(crate) const DIGITS_MAX: usize = 19;

const POWERS: [u64; DIGITS_MAX + 1] = powers();

const fn powers() -> [u64; DIGITS_MAX + 1] {
    let mut powers = [1; DIGITS_MAX + 1];
    let mut at = 1;
    while at <= DIGITS_MAX {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
}

/// 10^`exponent`, or 0 where that does not fit.
#[inline]
pub(crate) fn power_of_ten(exponent: usize) -> u64 {
    POWERS.get(exponent).copied().unwrap_or(0)
}

/// The number that the digits at the front of `text` make, and how many they are. The number is right for
/// up to [`DIGITS_MAX`] of them.
#[inline]
pub(crate) fn leading(text: &[u8]) -> (u64, usize) {
    let mut rest = text;
    let mut value: u64 = 0;
    let mut count = 0;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word) ^ ZEROS;
        let digits = leading_small(word);
        if digits < 8 {
            if digits > 0 {
                let aligned = word << (64 - 8 * digits);
                value = value.wrapping_mul(power_of_ten(digits)).wrapping_add(joined(aligned));
            }
            return (value, count + digits);
        }
        value = value.wrapping_mul(100_000_000).wrapping_add(joined(word));
        count += 8;
        rest = behind;
    }
    for byte in rest {
        let digit = byte ^ b'0';
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    (value, count)
}

/// How many of the eight bytes, from the lowest, are below ten. A carry only spoils bytes above the first
/// that is not.
#[inline]
fn leading_small(word: u64) -> usize {
    let not = (word.wrapping_add(0x7676_7676_7676_7676) | word) & HIGH_BITS;
    // At most 8.
    (not.trailing_zeros() / 8) as usize
}

/// The number of eight digits, the lowest byte first: pairs, then fours, then all.
#[inline]
fn joined(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn digits_are_read_as_the_standard_library_reads_them(text in "[0-9]{0,19}", tail in "([^0-9].{0,12})?") {
            let (value, count) = leading(format!("{text}{tail}").as_bytes());
            prop_assert_eq!(count, text.len());
            prop_assert_eq!(value, text.parse().unwrap_or(0));
        }

        #[test]
        fn any_bytes_end_the_run(text in "[0-9]{0,9}", byte: u8, tail in proptest::collection::vec(any::<u8>(), 0..12)) {
            prop_assume!(!byte.is_ascii_digit());
            let whole = [text.as_bytes(), &[byte], &tail].concat();
            prop_assert_eq!(leading(&whole), (text.parse().unwrap_or(0), text.len()));
        }
    }
}
