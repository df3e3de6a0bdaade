//! The keys of one direction, and what RFC 8446 5.2 and RFC 5246 6.2.3.3 do with them.

use super::record::{Content, Header, PLAINTEXT_BYTES_MAX};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, InvalidMessage, PeerMisbehaved, ProtocolVersion};

/// The tag of every suite that there is.
const TAG_BYTES: usize = 16;
/// RFC 5288 3: the part of the nonce that stands in front of each record.
const EXPLICIT_BYTES: usize = 8;

/// How a record is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// RFC 8446 5.2: the content's type is sealed with it, padding may follow.
    Tls13,
    /// RFC 5288 3: part of the nonce is in the record.
    Tls12Explicit,
    /// RFC 7905 2: the nonce is counted.
    Tls12Counted,
}

/// The key of one direction, its nonces' base, and the number of the next record.
pub(super) struct Keys {
    key: LessSafeKey,
    iv: [u8; 12],
    number: u64,
    layout: Layout,
}

impl Keys {
    pub(super) fn new(
        (number, secrets): (u64, ConnectionTrafficSecrets),
        version: ProtocolVersion,
    ) -> Result<Self, Error> {
        let unknown = || Error::General("a cipher suite that the record layer does not know".into());
        let (algorithm, key, iv, tls12) = match &secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv, Layout::Tls12Explicit),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv, Layout::Tls12Explicit),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => {
                (&CHACHA20_POLY1305, key, iv, Layout::Tls12Counted)
            }
            _ => return Err(unknown()),
        };
        let layout = match version {
            ProtocolVersion::TLSv1_3 => Layout::Tls13,
            ProtocolVersion::TLSv1_2 => tls12,
            _ => return Err(unknown()),
        };
        let key = UnboundKey::new(algorithm, key.as_ref()).map_err(|_| unknown())?;
        let iv = iv.as_ref().try_into().map_err(|_| unknown())?;
        Ok(Self { key: LessSafeKey::new(key), iv, number, layout })
    }

    /// How many records the key has served.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Opens a record into the front of `out`, which must have room for its whole payload; the type and the length of
    /// the content.
    #[inline]
    pub(super) fn open(
        &mut self,
        header: Header,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<(Content, usize), Error> {
        if !self.expects(header[0]) {
            return Err(self.unexpected(header[0]));
        }
        let explicit = if self.layout == Layout::Tls12Explicit { EXPLICIT_BYTES } else { 0 };
        let (explicit, sealed) = payload.split_at_checked(explicit).ok_or(Error::DecryptError)?;
        let len = sealed.len().checked_sub(TAG_BYTES).ok_or(Error::DecryptError)?;
        let (ciphertext, tag) = sealed.split_at_checked(len).ok_or(Error::DecryptError)?;
        let out = out.get_mut(..len).ok_or(Error::DecryptError)?;
        let mut nonce = self.nonce();
        if let Some(explicit) = explicit.first_chunk::<EXPLICIT_BYTES>() {
            nonce[4..].copy_from_slice(explicit);
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = match self.layout {
            Layout::Tls13 => self.key.open_separate_gather(nonce, Aad::from(header), ciphertext, tag, out),
            _ => self.key.open_separate_gather(nonce, self.aad(header, len), ciphertext, tag, out),
        };
        opened.map_err(|_| Error::DecryptError)?;
        self.number = self.number.checked_add(1).ok_or(Error::EncryptError)?;
        if self.layout != Layout::Tls13 {
            return checked(header[0], len);
        }
        // RFC 8446 5.4: zeros pad the content and its type, all of which is no longer than content and type may be.
        if len > PLAINTEXT_BYTES_MAX + 1 {
            return Err(Error::PeerSentOversizedRecord);
        }
        let end = out.iter().rposition(|byte| *byte != 0).ok_or(PeerMisbehaved::IllegalTlsInnerPlaintext)?;
        checked(out.get(end).copied().unwrap_or(0), end)
    }

    /// Appends a record of `plaintext`, which holds at most [`PLAINTEXT_BYTES_MAX`].
    pub(super) fn seal(
        &mut self,
        content: Content,
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let outer = if self.layout == Layout::Tls13 { Content::Application } else { content };
        let explicit = if self.layout == Layout::Tls12Explicit { EXPLICIT_BYTES } else { 0 };
        let inner = usize::from(self.layout == Layout::Tls13);
        let len =
            u16::try_from(explicit + plaintext.len() + inner + TAG_BYTES).map_err(|_| Error::EncryptError)?;
        let [high, low] = len.to_be_bytes();
        // RFC 8446 5.1: every version since 1.2 calls itself 1.2 here.
        let header = [outer as u8, 3, 3, high, low];
        let nonce = self.nonce();
        out.extend_from_slice(&header);
        if explicit > 0 {
            out.extend_from_slice(nonce.get(4..).unwrap_or_default());
        }
        let start = out.len();
        out.extend_from_slice(plaintext);
        if inner > 0 {
            out.push(content as u8);
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        let text = out.get_mut(start..).unwrap_or_default();
        let tag = match self.layout {
            Layout::Tls13 => self.key.seal_in_place_separate_tag(nonce, Aad::from(header), text),
            _ => {
                let aad = self.aad(header, plaintext.len());
                self.key.seal_in_place_separate_tag(nonce, aad, text)
            }
        };
        out.extend_from_slice(tag.map_err(|_| Error::EncryptError)?.as_ref());
        self.number = self.number.checked_add(1).ok_or(Error::EncryptError)?;
        Ok(())
    }

    /// RFC 8446 5: what is sealed calls itself content, and a ChangeCipherSpec belongs into the handshake.
    #[inline]
    fn expects(&self, outer: u8) -> bool {
        match self.layout {
            Layout::Tls13 => outer == Content::Application as u8,
            _ => Content::from_byte(outer).is_some(),
        }
    }

    #[cold]
    fn unexpected(&self, outer: u8) -> Error {
        match (ContentType::from(outer), self.layout) {
            (ContentType::Unknown(_), _) => InvalidMessage::InvalidContentType.into(),
            (got_type, Layout::Tls13) => {
                let expect_types = vec![ContentType::ApplicationData, ContentType::Handshake];
                Error::InappropriateMessage { expect_types, got_type }
            }
            (got_type, _) => {
                Error::InappropriateMessage { expect_types: vec![ContentType::ApplicationData], got_type }
            }
        }
    }

    /// RFC 8446 5.3: the record's number, over the end of the base.
    #[inline]
    fn nonce(&self) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.number.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }

    /// RFC 5246 6.2.3.3: what is authenticated besides the content.
    fn aad(&self, [content, major, minor, ..]: Header, len: usize) -> Aad<[u8; 13]> {
        let [.., high, low] = len.to_be_bytes();
        let mut aad = [0; 13];
        aad[..8].copy_from_slice(&self.number.to_be_bytes());
        aad[8..].copy_from_slice(&[content, major, minor, high, low]);
        Aad::from(aad)
    }
}

#[inline]
fn checked(content: u8, len: usize) -> Result<(Content, usize), Error> {
    let content = Content::from_byte(content).ok_or(InvalidMessage::InvalidContentType)?;
    if len > PLAINTEXT_BYTES_MAX { Err(Error::PeerSentOversizedRecord) } else { Ok((content, len)) }
}
