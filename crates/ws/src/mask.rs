//! Masking, RFC 6455 5.3: an XOR with a four-byte key, eight bytes at a time.

/// XORs `bytes` in place with `key`; `phase` is how many bytes of the same payload came before.
pub(crate) fn apply(bytes: &mut [u8], key: [u8; 4], phase: usize) {
    let key = rotated(key, phase);
    let wide = widened(key);
    let (words, tail) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// What is copied before it is masked: it is still in the nearest cache then. A multiple of the key's length.
const CHUNK_BYTES: usize = 4 << 10;

/// Appends `payload` XORed with `key`.
pub(crate) fn extend(out: &mut Vec<u8>, payload: &[u8], key: [u8; 4]) {
    out.reserve(payload.len());
    for chunk in payload.chunks(CHUNK_BYTES) {
        let start = out.len();
        out.extend_from_slice(chunk);
        apply(out.get_mut(start..).unwrap_or_default(), key, 0);
    }
}

fn rotated(key: [u8; 4], phase: usize) -> [u8; 4] {
    let mut key = key;
    key.rotate_left(phase % 4);
    key
}

fn widened([a, b, c, d]: [u8; 4]) -> u64 {
    u64::from_ne_bytes([a, b, c, d, a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 5.3, word for word: octet i of the payload XOR octet i modulo 4 of the key.
    fn naive(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
        payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect()
    }

    #[test]
    fn the_example_of_the_rfc() {
        let mut bytes = *b"Hello";
        apply(&mut bytes, [0x37, 0xfa, 0x21, 0x3d], 0);
        assert_eq!(bytes, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn both_ways_agree_with_the_naive_loop_at_every_length_and_phase() {
        let payload: Vec<u8> = (0..70).map(|i: u8| i.wrapping_mul(37)).collect();
        let key = [1, 0x80, 0xff, 7];
        for len in 0..payload.len() {
            let expected = naive(&payload[..len], key);
            let mut appended = vec![9];
            extend(&mut appended, &payload[..len], key);
            assert_eq!(appended[1..], expected);
            for cut in 0..=len {
                let mut bytes = payload[..len].to_vec();
                let (first, second) = bytes.split_at_mut(cut);
                apply(first, key, 0);
                apply(second, key, cut);
                assert_eq!(bytes, expected, "{len} bytes cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_appended_chunk_by_chunk_agrees_too() {
        let payload: Vec<u8> = (0..=255).cycle().take(2 * CHUNK_BYTES + 3).collect();
        for len in [CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, payload.len()] {
            let mut appended = Vec::new();
            extend(&mut appended, &payload[..len], [1, 0x80, 0xff, 7]);
            assert_eq!(appended, naive(&payload[..len], [1, 0x80, 0xff, 7]), "{len} bytes");
        }
    }
}
