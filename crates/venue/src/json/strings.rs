//! Strings of JSON texts that need no unescaping.

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The length of the string behind an opening quote, and what is behind its closing one. `None` for a string with
/// escapes or control characters, or without an end.
#[inline]
pub(super) fn plain(text: &[u8]) -> Option<(usize, &[u8])> {
    let len = run(text);
    match text.get(len..) {
        Some([b'"', behind @ ..]) => Some((len, behind)),
        _ => None,
    }
}

/// How many bytes at the front are neither a quote, nor a backslash, nor control characters.
#[inline]
fn run(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            // At most 7.
            return text.len() - rest.len() + (special.trailing_zeros() / 8) as usize;
        }
        rest = behind;
    }
    text.len() - rest.len() + rest.iter().take_while(|byte| is_plain(**byte)).count()
}

fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

/// The high bit of each byte that is not plain; right up to the first of them.
#[inline]
fn special(word: u64) -> u64 {
    let zero_where = |word: u64| word.wrapping_sub(LOW_BITS) & !word;
    let quote = zero_where(word ^ (LOW_BITS * 0x22));
    let backslash = zero_where(word ^ (LOW_BITS * 0x5c));
    let control = word.wrapping_sub(LOW_BITS * 0x20) & !word;
    (quote | backslash | control) & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strings_of_all_kinds() {
        let rows = [
            (r#"","#, Some(0)),
            (r#"BTCUSDT","E":1"#, Some(7)),
            (r#"a longer text, with spaces" "#, Some(26)),
            ("\u{ff11}\u{ff12}x\"y", Some(7)),
            (r#"a\"b""#, None),
            (r#"\u0041""#, None),
            ("a\tb\"", None),
            ("\u{ff11}\t\"", None),
            ("no end", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(plain(text.as_bytes()).map(|(len, _)| len), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_plain_means_what_serde_json_reads(text in ".{0,20}", tail in "[a\"\\\\\u{1}]{0,3}") {
            let whole = format!("\"{text}{tail}\"");
            let oracle = serde_json::from_str::<String>(&whole).ok();
            let inside = whole.get(1..).unwrap();
            let ours = plain(inside.as_bytes()).filter(|(_, behind)| behind.is_empty()).map(|(len, _)| len);
            let simple = !inside.bytes().any(|byte| byte == b'\\' || byte < 0x20);
            prop_assert_eq!(ours.map(|len| inside[..len].to_owned()), oracle.filter(|_| simple));
        }
    }
}
