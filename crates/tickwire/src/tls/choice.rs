//! Who opens and seals the records of a session.

use rustls::crypto::cipher::{AeadKey, Iv};
use rustls::{ClientConfig, ConnectionTrafficSecrets, SupportedCipherSuite};

/// Who opens and seals the records of a TLS session. The handshake, tickets and new keys are rustls's in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsRecords {
    /// This crate, with aws-lc-rs, straight into the receive buffer: nothing is allocated or copied for a record,
    /// once the buffer has room for it.
    ///
    /// Where a configuration does not allow it, [`Rustls`](Self::Rustls) is used instead: a cipher suite whose keys its
    /// provider does not hand over or whose cipher is neither AES-GCM nor ChaCha20-Poly1305, FIPS, early data, or
    /// `max_fragment_size`.
    #[default]
    Direct,
    /// rustls, through its ordinary connection and the ciphers of the configuration's provider.
    Rustls,
}

impl TlsRecords {
    /// What is used of `self` with `config`, decided before the handshake.
    pub(super) fn with(self, config: &ClientConfig) -> Self {
        let provider = config.crypto_provider();
        let validated = config.fips() || provider.fips();
        // Not part of what is done here: early data, and records of another length than the longest.
        let more = config.enable_early_data || config.max_fragment_size.is_some();
        if validated || more || !provider.cipher_suites.iter().all(hands_over) { Self::Rustls } else { self }
    }
}

/// Whether the suite's provider hands over keys, and of a cipher that is known here: it is asked with zeros.
fn hands_over(suite: &SupportedCipherSuite) -> bool {
    let key = AeadKey::from([0; 32]);
    let secrets = match suite {
        SupportedCipherSuite::Tls13(suite) => suite.aead_alg.extract_keys(key, Iv::from([0; 12])),
        SupportedCipherSuite::Tls12(suite) => {
            let shape = suite.aead_alg.key_block_shape();
            let (iv, explicit) = (vec![0; shape.fixed_iv_len], vec![0; shape.explicit_nonce_len]);
            suite.aead_alg.extract_keys(key, &iv, &explicit)
        }
    };
    matches!(
        secrets,
        Ok(ConnectionTrafficSecrets::Aes128Gcm { .. }
            | ConnectionTrafficSecrets::Aes256Gcm { .. }
            | ConnectionTrafficSecrets::Chacha20Poly1305 { .. })
    )
}
