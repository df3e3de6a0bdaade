//! The key of the opening handshake and its answer, RFC 6455 4.2.2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

/// RFC 6455 4.2.2: base64 of the SHA-1 of the key and the protocol's own GUID.
pub(super) fn accept_key(key: &str) -> String {
    let digest =
        Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    STANDARD.encode(digest)
}

pub(super) fn encode_key(nonce: [u8; 16]) -> String {
    STANDARD.encode(nonce)
}

/// RFC 6455 4.2.1: the key is the base64 of 16 bytes.
pub(super) fn is_key(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_accept_key_of_the_rfc() {
        // RFC 6455 1.3
        assert_eq!(super::accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(super::is_key("dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(!super::is_key("dGhlIHNhbXBsZQ=="));
    }
}
