//! A header that parses encodes back to the very bytes it was parsed from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tickwire_ws::{HEADER_BYTES_MAX, Header};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some((header, size))) = Header::parse(bytes) {
        assert!(size <= HEADER_BYTES_MAX && size <= bytes.len());
        let mut encoded = Vec::new();
        header.encode(&mut encoded);
        assert_eq!(encoded, bytes[..size]);
    }
});
