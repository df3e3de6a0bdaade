//! TLS 1.3 application records by the bare cipher: what no TLS library can be faster than.

use crate::Outcome;
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::io::{self, Read, Write};
use tickwire::rustls::{ConnectionTrafficSecrets, ServerConnection};

/// Type 23 and a version that never changes.
const OUTER: [u8; 3] = [23, 3, 3];
pub(crate) const HEAD: usize = 5;
const TAG: usize = 16;
/// The type of the content, hidden behind it.
const INNER: u8 = 23;

/// One direction's key, and the number of its next record.
pub(crate) struct Direction {
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
}

impl Direction {
    /// The same key at both ends, for a connection that never saw a handshake.
    pub(crate) fn fixed(byte: u8) -> Self {
        let key = UnboundKey::new(&AES_128_GCM, &[byte; 16]).expect("16 bytes");
        Self { key: LessSafeKey::new(key), iv: [byte; 12], sequence: 0 }
    }

    fn agreed((sequence, secrets): (u64, ConnectionTrafficSecrets)) -> Outcome<Self> {
        let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else {
            return Err("another cipher was agreed on".into());
        };
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key.as_ref())?);
        Ok(Self { key, iv: iv.as_ref().try_into()?, sequence })
    }

    fn nonce(&mut self) -> Nonce {
        let mut nonce = self.iv;
        for (byte, part) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= part;
        }
        self.sequence += 1;
        Nonce::assume_unique_for_key(nonce)
    }

    /// Appends one record with `plain` in it.
    pub(crate) fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let size = u16::try_from(plain.len() + 1 + TAG).expect("a record's size");
        let [high, low] = size.to_be_bytes();
        let head = [OUTER[0], OUTER[1], OUTER[2], high, low];
        out.extend_from_slice(&head);
        let start = out.len();
        out.extend_from_slice(plain);
        out.push(INNER);
        let nonce = self.nonce();
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(head), &mut out[start..])
            .expect("a record's size");
        out.extend_from_slice(tag.as_ref());
    }

    /// Opens one whole record where it lies.
    #[inline]
    pub(crate) fn open<'a>(&mut self, record: &'a mut [u8]) -> &'a [u8] {
        let (head, body) = record.split_at_mut(HEAD);
        let head: [u8; HEAD] = [head[0], head[1], head[2], head[3], head[4]];
        let nonce = self.nonce();
        let plain = self.key.open_in_place(nonce, Aad::from(head), body).expect("an authentic record");
        let (inner, content) = plain.split_last().expect("a content type");
        assert_eq!(*inner, INNER);
        content
    }
}

/// The size of the record at the front of `bytes`, if all of it is there.
#[inline]
pub(crate) fn whole(bytes: &[u8]) -> Option<usize> {
    let [_, _, _, high, low, ..] = bytes else { return None };
    let size = HEAD + usize::from(u16::from_be_bytes([*high, *low]));
    (bytes.len() >= size).then_some(size)
}

/// The server's handshake on a blocking stream; then it steps aside: (to the client, from the client).
pub(crate) fn accept(
    mut session: ServerConnection,
    stream: &mut (impl Read + Write),
) -> Outcome<(Direction, Direction)> {
    while session.is_handshaking() || session.wants_write() {
        if session.complete_io(stream)? == (0, 0) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    let secrets = session.dangerous_extract_secrets()?;
    Ok((Direction::agreed(secrets.tx)?, Direction::agreed(secrets.rx)?))
}
