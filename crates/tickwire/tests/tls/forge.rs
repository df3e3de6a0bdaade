//! A server that can send any record: the keys of a real one, and a record layer that knows no rules.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use std::sync::Mutex;
use tickwire::rustls::{ConnectionTrafficSecrets, ExtractedSecrets, KeyLog, SupportedCipherSuite};

/// Takes the traffic secrets of a server, which new keys come from (RFC 8446 7.2).
#[derive(Debug, Default)]
pub(crate) struct Secrets(Mutex<Vec<u8>>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        if label == "SERVER_TRAFFIC_SECRET_0" {
            secret.clone_into(&mut self.0.lock().unwrap());
        }
    }
}

/// One direction.
struct Half {
    key: LessSafeKey,
    iv: [u8; 12],
    number: u64,
}

impl Half {
    fn new((number, secrets): (u64, ConnectionTrafficSecrets)) -> (Self, &'static aead::Algorithm) {
        let (algorithm, key, iv) = match &secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&aead::AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&aead::AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&aead::CHACHA20_POLY1305, key, iv),
            _ => panic!("an unknown suite"),
        };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key.as_ref()).unwrap());
        (Self { key, iv: iv.as_ref().try_into().unwrap(), number }, algorithm)
    }

    fn counted(&self) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.number.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }

    /// RFC 5246 6.2.3.3.
    fn aad12(&self, outer: u8, len: usize) -> Vec<u8> {
        let len = u16::try_from(len).unwrap().to_be_bytes();
        [&self.number.to_be_bytes()[..], &[outer, 3, 3], &len].concat()
    }
}

pub(crate) struct Forge {
    tx: Half,
    rx: Half,
    algorithm: &'static aead::Algorithm,
    tls13: bool,
    /// RFC 5288 3: the nonce is in the record.
    explicit: bool,
    secret: Vec<u8>,
}

pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const CONTENT: u8 = 23;

impl Forge {
    pub(crate) fn new(suite: SupportedCipherSuite, secrets: ExtractedSecrets, log: &Secrets) -> Self {
        let tls13 = suite.tls13().is_some();
        let (tx, algorithm) = Half::new(secrets.tx);
        let (rx, _) = Half::new(secrets.rx);
        let explicit = !tls13 && *algorithm != aead::CHACHA20_POLY1305;
        Self { tx, rx, algorithm, tls13, explicit, secret: log.0.lock().unwrap().clone() }
    }

    /// An ordinary record.
    pub(crate) fn record(&mut self, content: u8, bytes: &[u8]) -> Vec<u8> {
        if self.tls13 {
            self.sealed(CONTENT, &[bytes, &[content]].concat())
        } else {
            self.sealed(content, bytes)
        }
    }

    /// Seals whatever it is given; the outer type is authenticated as it is.
    pub(crate) fn sealed(&mut self, outer: u8, inner: &[u8]) -> Vec<u8> {
        let mut nonce = self.tx.counted();
        let mut prefix = Vec::new();
        if self.explicit {
            prefix = self.tx.number.to_be_bytes().to_vec();
            nonce[..4].copy_from_slice(&self.tx.iv[..4]);
            nonce[4..].copy_from_slice(&prefix);
        }
        let len = u16::try_from(prefix.len() + inner.len() + 16).unwrap().to_be_bytes();
        let header = [outer, 3, 3, len[0], len[1]];
        let aad = if self.tls13 { header.to_vec() } else { self.tx.aad12(outer, inner.len()) };
        let mut text = inner.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.tx.key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut text).unwrap();
        self.tx.number += 1;
        [&header[..], &prefix, &text].concat()
    }

    /// RFC 8446 7.2: the next key of the server's, for what comes after a KeyUpdate.
    pub(crate) fn update(&mut self) {
        let (hash, len) = match self.secret.len() {
            32 => (hkdf::HKDF_SHA256, 32),
            _ => (hkdf::HKDF_SHA384, 48),
        };
        self.secret = expand(hash, &self.secret, "traffic upd", len);
        let key = expand(hash, &self.secret, "key", self.algorithm.key_len());
        let iv = expand(hash, &self.secret, "iv", 12).try_into().unwrap();
        let key = LessSafeKey::new(UnboundKey::new(self.algorithm, &key).unwrap());
        self.tx = Half { key, iv, number: 0 };
    }

    /// What the client has sent: type and content of each record.
    pub(crate) fn opened(&mut self, mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut records = Vec::new();
        while let Some((header, rest)) = bytes.split_first_chunk::<5>() {
            let (payload, rest) = rest.split_at(usize::from(u16::from_be_bytes([header[3], header[4]])));
            bytes = rest;
            let mut nonce = self.rx.counted();
            let (explicit, sealed) = payload.split_at(if self.explicit { 8 } else { 0 });
            if self.explicit {
                nonce[..4].copy_from_slice(&self.rx.iv[..4]);
                nonce[4..].copy_from_slice(explicit);
            }
            let aad = if self.tls13 { header.to_vec() } else { self.rx.aad12(header[0], sealed.len() - 16) };
            let mut text = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(nonce);
            let mut opened = self.rx.key.open_in_place(nonce, Aad::from(aad), &mut text).unwrap().to_vec();
            self.rx.number += 1;
            let content = if self.tls13 { opened.pop().unwrap() } else { header[0] };
            records.push((content, opened));
        }
        records
    }
}

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// RFC 8446 7.1: HKDF-Expand-Label without context.
fn expand(hash: hkdf::Algorithm, secret: &[u8], label: &str, len: usize) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let info = [&u16::try_from(len).unwrap().to_be_bytes()[..], &[u8::try_from(label.len()).unwrap()]];
    let info = [info.concat().as_slice(), label.as_bytes(), &[0]].concat();
    let mut out = vec![0; len];
    let prk = hkdf::Prk::new_less_safe(hash, secret);
    prk.expand(&[&info], Len(len)).unwrap().fill(&mut out).unwrap();
    out
}
