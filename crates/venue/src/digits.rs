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
    let (rest, count) = match behind.first_chunk::<8>() {
        Some(next) => {
            let next = u64::from_le_bytes(*next) ^ ZEROS;
            let digits = leading_small(next);
            if digits < 8 { (partial(next, digits), digits) } else { one_by_one(behind) }
        }
        None => one_by_one(behind),
    };
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

/// A number at the front of `text` with up to seven digits before its point and up to eight behind it: the number that
/// all its digits make, how many of them are behind the point, and its length. It is for the caller to see that the
/// number ends there.
#[inline(always)]
pub(crate) fn plain(text: &[u8]) -> Option<(u64, u8, usize)> {
    let word = u64::from_le_bytes(*text.first_chunk::<8>()?) ^ ZEROS;
    let others = others(word);
    let whole = places(others);
    let padded = word & 0xff == 0 && whole > 1;
    if whole == 0 || whole > 7 || padded {
        return None;
    }
    let has_point = (word >> (8 * whole)) & 0xff == POINT;
    // Without branches, for prices and quantities have points and none by turns.
    let end = places(if has_point { others & (others - 1) } else { others });
    if end > 7 {
        let (fraction, digits) = up_to_eight(text.get(whole + 1..)?)?;
        let number = first(word, whole) * power_of_ten(digits) + fraction;
        return Some((number, small(digits), whole + 1 + digits));
    }
    let point = usize::from(has_point);
    // The point taken out; without one, what is above the digits does not count.
    let before = (1 << (8 * whole)) - 1;
    let digits = (word & before) | ((word >> 8) & !before);
    let scale = end - whole - point;
    (scale > 0 || !has_point).then_some((first(digits, end - point), small(scale), end))
}

/// One to eight digits at the front of `text`, and how many they are.
#[inline(always)]
fn up_to_eight(text: &[u8]) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(*text.first_chunk::<8>()?) ^ ZEROS;
    let digits = leading_small(word);
    (digits > 0).then(|| (first(word, digits), digits))
}

/// The number of the first `digits` of a word, one to eight.
#[inline(always)]
fn first(word: u64, digits: usize) -> u64 {
    joined(word << (64 - 8 * digits))
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "up to fifteen are kept")]
fn small(digits: usize) -> u8 {
    (digits & 0xf) as u8
}

/// The point, as the words here have it.
const POINT: u64 = 0x2e ^ 0x30;

/// How many of the eight bytes, from the lowest, are below ten. A carry only spoils bytes above the first
/// that is not.
#[inline(always)]
fn leading_small(word: u64) -> usize {
    places(others(word))
}

/// The high bit of each byte that is ten or more; right up to the first of them, and to the second if the first is ASCII.
#[inline(always)]
fn others(word: u64) -> u64 {
    (word.wrapping_add(0x7676_7676_7676_7676) | word) & HIGH_BITS
}

/// In which byte the lowest bit is; 8 if there is none.
#[inline(always)]
fn places(bits: u64) -> usize {
    // At most 8.
    (bits.trailing_zeros() / 8) as usize
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
        fn plain_numbers_are_read_as_the_standard_library_reads_them(
            number in "(0|[1-9][0-9]{0,6})(\\.[0-9]{1,8})?",
            tail in "[\"\\],}e]\\PC{8,12}",
        ) {
            let read = plain(format!("{number}{tail}").as_bytes());
            let digits: String = number.chars().filter(char::is_ascii_digit).collect();
            let scale = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            prop_assert_eq!(read, Some((digits.parse().unwrap(), u8::try_from(scale).unwrap(), number.len())));
        }

        #[test]
        fn what_is_no_plain_number_is_not_read(text in "[0-9.\\-+e\"]{8,12}") {
            if let Some((value, scale, len)) = plain(text.as_bytes()) {
                let number = &text[..len];
                let digits: String = number.chars().filter(|c| *c != '.').collect();
                prop_assert_eq!(value, digits.parse::<u64>().unwrap(), "{}", number);
                let fraction = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                prop_assert_eq!(usize::from(scale), fraction);
                prop_assert!(serde_json::from_str::<f64>(number).is_ok(), "{}", number);
            }
        }

        #[test]
        fn any_bytes_end_the_run(text in "[0-9]{0,9}", byte: u8, tail in proptest::collection::vec(any::<u8>(), 0..12)) {
            prop_assume!(!byte.is_ascii_digit());
            let whole = [text.as_bytes(), &[byte], &tail].concat();
            prop_assert_eq!(leading(&whole), (text.parse().unwrap_or(0), text.len()));
        }
    }
}
