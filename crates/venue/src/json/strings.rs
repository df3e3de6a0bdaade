//! Strings of JSON texts that need no unescaping.

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The bytes up to the quote that ends the string, and what is behind it. `None` for a string with escapes or
/// control characters, or without an end.
#[inline]
pub(super) fn plain(text: &[u8]) -> Option<(&str, &[u8])> {
    let len = run(text);
    if text.get(len) == Some(&b'"') {
        let (string, behind) = text.split_at_checked(len)?;
        return Some((str::from_utf8(string).ok()?, behind.get(1..)?));
    }
    beyond_ascii(text, len)
}

/// How many bytes at the front are ASCII and neither a quote, nor a backslash, nor control characters.
#[inline]
fn run(text: &[u8]) -> usize {
    let mut rest = text;
    let mut count = 0;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            // At most 7.
            return count + (special.trailing_zeros() / 8) as usize;
        }
        count += 8;
        rest = behind;
    }
    count + rest.iter().take_while(|byte| is_plain(**byte)).count()
}

fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte < 0x80 && byte != b'"' && byte != b'\\'
}

/// The high bit of each byte that is not plain; right up to the first of them.
#[inline]
fn special(word: u64) -> u64 {
    let zero_where = |word: u64| word.wrapping_sub(LOW_BITS) & !word;
    let quote = zero_where(word ^ (LOW_BITS * 0x22));
    let backslash = zero_where(word ^ (LOW_BITS * 0x5c));
    let control = word.wrapping_sub(LOW_BITS * 0x20) & !word;
    (quote | backslash | control | word) & HIGH_BITS
}

#[cold]
fn beyond_ascii(text: &[u8], from: usize) -> Option<(&str, &[u8])> {
    let end = text.get(from..)?.iter().position(|byte| *byte < 0x80 && !is_plain(*byte))? + from;
    if text.get(end) != Some(&b'"') {
        return None;
    }
    let (string, behind) = text.split_at_checked(end)?;
    Some((str::from_utf8(string).ok()?, behind.get(1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strings_of_all_kinds() {
        let rows = [
            (r#"","#, Some(("", ","))),
            (r#"BTCUSDT","E":1"#, Some(("BTCUSDT", r#","E":1"#))),
            (r#"a longer text, with spaces" "#, Some(("a longer text, with spaces", " "))),
            ("\u{ff11}\u{ff12}x\"y", Some(("\u{ff11}\u{ff12}x", "y"))),
            (r#"a\"b""#, None),
            (r#"\u0041""#, None),
            ("a\tb\"", None),
            ("\u{ff11}\t\"", None),
            ("no end", None),
            ("", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|(string, behind): (&str, &str)| (string, behind.as_bytes()));
            assert_eq!(plain(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(plain(b"\xff\""), None);
    }

    proptest! {
        #[test]
        fn what_is_plain_means_what_serde_json_reads(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let whole = [b"\"".as_slice(), &text, b"\""].concat();
            let oracle = serde_json::from_slice::<String>(&whole).ok();
            let ours = plain(whole.get(1..).unwrap()).filter(|(_, behind)| behind.is_empty());
            let simple = !text.iter().any(|byte| *byte == b'\\' || *byte < 0x20);
            prop_assert_eq!(ours.map(|(string, _)| string.to_owned()), oracle.filter(|_| simple));
        }
    }
}
