//! Keys, and the signatures that venues ask for.
//!
//! What is signed is each venue's own; for Binance it is [`binance::payload`](crate::binance::payload).
//!
//! ```
//! use tickwire_venue::binance::payload;
//! use tickwire_venue::sign::{ApiKey, Credentials, SigningKey};
//!
//! let credentials = Credentials { api_key: ApiKey::new("example")?, key: SigningKey::hmac("secret")? };
//! let text = payload(&[("timestamp", "1700000000000"), ("apiKey", credentials.api_key.as_str())]);
//! assert_eq!(text, "apiKey=example&timestamp=1700000000000");
//! assert_eq!(credentials.key.sign(&text)?.len(), 64);
//! assert_eq!(format!("{credentials:?}"), "Credentials { api_key: ApiKey(hidden), key: SigningKey(HmacSha256) }");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is wiped
//!
//! A secret that is dropped does not stay in memory:
//!
//! - An HMAC secret is not kept at all, but the state of the hash after it, which signs as well. It lies on the heap
//!   and the library wipes it when the key is dropped.
//! - An Ed25519 or RSA key lies on the heap of the library, which wipes what it frees. What the PEM text decodes to
//!   is wiped before the constructor returns.
//! - An [`ApiKey`] wipes its text.
//!
//! Out of reach are the text that a constructor is given, which is the caller's, and what the compiler and the
//! library leave on the stack while a key is made or used. Keys are not `Clone`; share them with an `Arc`.

use std::fmt;

use aws_lc_rs::{
    error::KeyRejected,
    hmac,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// Who signs in: the name that the venue gave a key, and the key.
#[derive(Debug)]
pub struct Credentials {
    /// The name: Binance's API key, Deribit's client id.
    pub api_key: ApiKey,
    /// The key.
    pub key: SigningKey,
}

/// The name that a venue gave a key. [`Debug`](fmt::Debug) does not show it.
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Takes the name as the venue shows it.
    ///
    /// # Errors
    /// [`KeyError::Empty`], and [`KeyError::Character`] for anything but visible ASCII, for quotes and for backslashes:
    /// the name goes into HTTP headers and JSON.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        checked(text, |c| c.is_ascii_graphic() && c != '"' && c != '\\')?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The name, to be sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// A secret or private key that signs. [`Debug`](fmt::Debug) shows nothing but its algorithm.
pub struct SigningKey(Key);

enum Key {
    /// Boxed, so that moving the key leaves no copy behind.
    Hmac(Box<hmac::Key>),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256; signatures are lower-case hexadecimal.
    HmacSha256,
    /// Ed25519; signatures are base64.
    Ed25519,
    /// RSA with PKCS #1 v1.5 padding and SHA-256; signatures are base64.
    RsaSha256,
}

impl SigningKey {
    /// A secret that the venue shares.
    ///
    /// # Errors
    /// [`KeyError::Empty`], and [`KeyError::Character`] for white space and control characters, which no venue puts
    /// into a secret: a line end, or a PEM text, got in.
    pub fn hmac(secret: &str) -> Result<Self, KeyError> {
        checked(secret, |c| !c.is_whitespace() && !c.is_control())?;
        Ok(Self(Key::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))))
    }

    /// An Ed25519 private key: PKCS #8 as PEM, not encrypted, white space around it allowed.
    ///
    /// # Errors
    /// [`KeyError`] for any other text.
    pub fn ed25519_pem(pem: &str) -> Result<Self, KeyError> {
        let key = match private_key(pem)? {
            PrivateKey::Pkcs8(der) => Ed25519KeyPair::from_pkcs8(&der).map_err(rejected)?,
            PrivateKey::Pkcs1(_) => return Err(KeyError::WrongAlgorithm),
        };
        Ok(Self(Key::Ed25519(key)))
    }

    /// An RSA private key of 2048 to 8192 bits: PKCS #8 or PKCS #1 as PEM, not encrypted, white space around it
    /// allowed.
    ///
    /// # Errors
    /// [`KeyError`] for any other text.
    pub fn rsa_pem(pem: &str) -> Result<Self, KeyError> {
        let key = match private_key(pem)? {
            PrivateKey::Pkcs8(der) => RsaKeyPair::from_pkcs8(&der),
            PrivateKey::Pkcs1(der) => RsaKeyPair::from_der(&der),
        };
        Ok(Self(Key::Rsa(key.map_err(rejected)?)))
    }

    /// How the key signs.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Key::Hmac(_) => Algorithm::HmacSha256,
            Key::Ed25519(_) => Algorithm::Ed25519,
            Key::Rsa(_) => Algorithm::RsaSha256,
        }
    }

    /// The signature of a text, as text in the form that [`Algorithm`] says: what Binance calls `signature`.
    ///
    /// # Errors
    /// [`SignError::Library`]; an HMAC never fails.
    pub fn sign(&self, payload: &str) -> Result<String, SignError> {
        let payload = payload.as_bytes();
        match &self.0 {
            Key::Hmac(key) => Ok(hexadecimal(hmac::sign(key, payload).as_ref())),
            Key::Ed25519(key) => {
                let signature = key.try_sign(payload).map_err(|_| SignError::Library)?;
                Ok(STANDARD.encode(signature))
            }
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                // The padding is the same each time; the library wants a source of chance and does not use it.
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), payload, &mut signature)
                    .map_err(|_| SignError::Library)?;
                Ok(STANDARD.encode(signature))
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.algorithm())
    }
}

/// Deribit's `signature` of a `client_signature` sign-in over WebSocket: of the time in milliseconds, the nonce and
/// `data`, which may be empty, with the key of the client secret.
///
/// # Errors
/// [`SignError::NotHmac`] for another key: Deribit takes them, but how it wants such a signature written is not
/// established.
pub fn client_signature(
    key: &SigningKey,
    timestamp_ms: u64,
    nonce: &str,
    data: &str,
) -> Result<String, SignError> {
    match key.algorithm() {
        Algorithm::HmacSha256 => key.sign(&format!("{timestamp_ms}\n{nonce}\n{data}")),
        Algorithm::Ed25519 | Algorithm::RsaSha256 => Err(SignError::NotHmac),
    }
}

/// Why a text is not a key; the caller is to blame. Nothing of the text is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no text.
    #[error("the key is empty")]
    Empty,
    /// A character that no such key has.
    #[error("the key holds a character that does not belong into one, such as a space or a line end")]
    Character,
    /// The text is not one PEM block.
    #[error("the key is not a PEM text")]
    NotPem,
    /// The key is encrypted; decrypt it first.
    #[error("the key is encrypted")]
    Encrypted,
    /// The PEM block is something else than a private key, such as a public one.
    #[error("the PEM text is not a private key of PKCS #8 or PKCS #1")]
    NotPrivateKey,
    /// The key is for another algorithm.
    #[error("the key is for another algorithm")]
    WrongAlgorithm,
    /// The key is damaged, or too small or large to be trusted.
    #[error("the key is not acceptable: {0}")]
    Unacceptable(&'static str),
}

/// Why nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The venue's signature is an HMAC, and the key does not make one.
    #[error("this signature takes an HMAC secret")]
    NotHmac,
    /// The cryptographic library failed, for want of memory for example.
    #[error("the cryptographic library could not sign")]
    Library,
}

fn checked(text: &str, allowed: impl Fn(char) -> bool) -> Result<(), KeyError> {
    if text.is_empty() {
        return Err(KeyError::Empty);
    }
    if text.chars().all(allowed) { Ok(()) } else { Err(KeyError::Character) }
}

/// A private key in DER, by its container.
enum PrivateKey {
    Pkcs8(Zeroizing<Vec<u8>>),
    Pkcs1(Zeroizing<Vec<u8>>),
}

fn private_key(pem: &str) -> Result<PrivateKey, KeyError> {
    let pem = pem.trim();
    // The older way to encrypt says so in a header, which the PEM reader does not take.
    if pem.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(KeyError::Encrypted);
    }
    let mut reader = pem_rfc7468::Decoder::new_detect_wrap(pem.as_bytes()).map_err(|_| KeyError::NotPem)?;
    let mut der = Zeroizing::new(vec![0; reader.remaining_len()]);
    reader.decode(&mut der).map_err(|_| KeyError::NotPem)?;
    match reader.type_label() {
        "PRIVATE KEY" => Ok(PrivateKey::Pkcs8(der)),
        "RSA PRIVATE KEY" => Ok(PrivateKey::Pkcs1(der)),
        "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
        _ => Err(KeyError::NotPrivateKey),
    }
}

fn rejected(reason: KeyRejected) -> KeyError {
    match reason.description_() {
        "WrongAlgorithm" => KeyError::WrongAlgorithm,
        reason => KeyError::Unacceptable(reason),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
