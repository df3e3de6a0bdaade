//! A header that parses encodes back to the very bytes it was parsed from.

use tickwire_ws::{HEADER_BYTES_MAX, Header};

pub fn header(bytes: &[u8]) {
    if let Ok(Some((header, size))) = Header::parse(bytes) {
        assert!(size <= HEADER_BYTES_MAX && size <= bytes.len());
        let mut encoded = Vec::new();
        header.encode(&mut encoded);
        assert_eq!(encoded, bytes[..size]);
    }
}
