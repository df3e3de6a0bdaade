//! Times as recorders write them: Unix seconds with a fraction, read without rounding.

/// Nanoseconds of a time such as `1618677480.077084`; digits beyond the ninth are cut.
pub(super) fn nanos(text: &str) -> Option<u64> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let nine: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nine.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_nanoseconds_digit_by_digit() {
        for (text, expected) in [
            ("1618677480.077084", Some(1_618_677_480_077_084_000)),
            ("1618677480", Some(1_618_677_480_000_000_000)),
            ("1.2345678919\n", Some(1_234_567_891)),
            ("18446744073.709551616", None),
            ("-1", None),
            ("1e9", None),
            ("", None),
            (".5", None),
        ] {
            assert_eq!(nanos(text), expected, "{text:?}");
        }
    }
}
