//! Whole numbers in as few bytes as they need: seven bits a byte, lowest first (LEB128); signed ones in zigzag.

pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
}

/// Takes a number off the front; `None` if there is no whole one, or one that is too large.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for at in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        number |= bits.checked_shl(7 * at).filter(|shifted| shifted >> (7 * at) == bits)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

pub(super) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let number = take(bytes)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_written_as_leb128_writes_them() {
        // The examples of the DWARF standard, version 4, figures 22 and 23, and the extremes.
        for (number, expected) in [
            (2, &b"\x02"[..]),
            (127, b"\x7f"),
            (128, b"\x80\x01"),
            (12857, b"\xb9\x64"),
            (u64::MAX, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        ] {
            let mut out = Vec::new();
            put(&mut out, number);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn what_is_cut_or_too_large_is_refused() {
        for bytes in [&b""[..], b"\x80", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", &[0x80; 11]] {
            assert_eq!(take(&mut &*bytes), None, "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_survive(number: u64, signed: i64, rest: Vec<u8>) {
            let mut out = Vec::new();
            put(&mut out, number);
            put_signed(&mut out, signed);
            out.extend(&rest);
            let mut bytes = out.as_slice();
            prop_assert_eq!(take(&mut bytes), Some(number));
            prop_assert_eq!(take_signed(&mut bytes), Some(signed));
            prop_assert_eq!(bytes, rest);
        }
    }
}
