//! Runs of decimal digits, eight at a time.

const ZEROS: u64 = 0x3030_3030_3030_3030;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The most digits of which every number fits a `u64`.
pub(crate) const DIGITS_MAX: usize = 19;

const POWERS: [u64; DIGITS_MAX + 1] = powers();

#[expect(clippy::indexing_slicing, reason = "the compiler runs it")]
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
#[inline(always)]
pub(crate) fn power_of_ten(exponent: usize) -> u64 {
    POWERS.get(exponent).copied().unwrap_or(0)
}

/// The number that the digits at the front of `text` make, and how many they are. The number is right for
/// up to [`DIGITS_MAX`] of them.
#[inline(always)]
pub(crate) fn leading(text: &[u8]) -> (u64, usize) {
    let Some((word, behind)) = text.split_first_chunk::<8>() else { return one_by_one(text) };
    let word = u64::from_le_bytes(*word) ^ ZEROS;
    let digits = leading_small(word);
    if digits < 8 {
        return (partial(word, digits), digits);
    }
    // Eight decimals are as many as most venues print.
    if behind.first().is_none_or(|next| !next.is_ascii_digit()) {
        return (joined(word), 8);
    }
    let (rest, count) = further(behind);
    (joined(word).wrapping_mul(power_of_ten(count)).wrapping_add(rest), 8 + count)
}

/// As [`leading`], behind the first eight.
#[inline(never)]
fn further(text: &[u8]) -> (u64, usize) {
    let Some((word, behind)) = text.split_first_chunk::<8>() else { return one_by_one(text) };
    let word = u64::from_le_bytes(*word) ^ ZEROS;
    let digits = leading_small(word);
    if digits < 8 {
        return (partial(word, digits), digits);
    }
    let (rest, count) = one_by_one(behind);
    (joined(word).wrapping_mul(power_of_ten(count)).wrapping_add(rest), 8 + count)
}

#[inline(never)]
fn one_by_one(text: &[u8]) -> (u64, usize) {
    let digits = text.iter().map(|byte| byte ^ b'0').take_while(|digit| *digit <= 9);
    let add = |(value, count): (u64, usize), digit| {
        (value.wrapping_mul(10).wrapping_add(u64::from(digit)), count + 1)
    };
    digits.fold((0, 0), add)
}

/// The number of the first `digits` of a word, fewer than eight.
#[inline(always)]
fn partial(word: u64, digits: usize) -> u64 {
    // Twice, for a shift by all 64 bits is none.
    joined((word << 8) << (56 - 8 * digits))
}

/// How many of the eight bytes, from the lowest, are below ten. A carry only spoils bytes above the first
/// that is not.
#[inline(always)]
fn leading_small(word: u64) -> usize {
    let not = (word.wrapping_add(0x7676_7676_7676_7676) | word) & HIGH_BITS;
    // At most 8.
    (not.trailing_zeros() / 8) as usize
}

/// The number of eight digits, the lowest byte first: pairs, then fours, then all.
#[inline(always)]
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
