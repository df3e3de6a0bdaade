//! Records on the wire (RFC 8446 5.1, RFC 5246 6.2.1).

use rustls::{AlertDescription, Error, InvalidMessage};

/// Type, version, length.
pub(super) const HEADER_BYTES: usize = 5;
/// The most content of a record.
pub(super) const PLAINTEXT_BYTES_MAX: usize = 1 << 14;
/// The most that sealing adds: RFC 8446 5.2 allows 256 bytes, RFC 5246 6.2.3 allows 2,048, of which no suite of ours uses
/// more than 24.
const EXPANSION_BYTES_MAX: usize = 256;
/// The longest record.
pub(super) const RECORD_BYTES_MAX: usize = HEADER_BYTES + PLAINTEXT_BYTES_MAX + EXPANSION_BYTES_MAX;

/// What a record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Content {
    Alert = 21,
    Handshake = 22,
    Application = 23,
}

impl Content {
    #[inline]
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            21 => Some(Self::Alert),
            22 => Some(Self::Handshake),
            23 => Some(Self::Application),
            _ => None,
        }
    }
}

/// RFC 8446 6.2: what the peer is told about a fault of its own.
pub(super) fn alert_for(error: &Error) -> AlertDescription {
    match error {
        Error::DecryptError => AlertDescription::BadRecordMac,
        Error::PeerSentOversizedRecord => AlertDescription::RecordOverflow,
        // RFC 8446 5, 5.4 and 4.6.3.
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::InvalidEmptyPayload)
        | Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        // Tickets without end, for which rustls has no name.
        | Error::General(_) => AlertDescription::UnexpectedMessage,
        Error::InvalidMessage(InvalidMessage::InvalidKeyUpdate) => AlertDescription::IllegalParameter,
        Error::InvalidMessage(_) => AlertDescription::DecodeError,
        _ => AlertDescription::InternalError,
    }
}

/// Type, version and length as they stand on the wire.
pub(super) type Header = [u8; HEADER_BYTES];

/// The header and the payload of the record at the front of `bytes`; `None` while it is incomplete.
#[inline]
pub(super) fn split(bytes: &[u8]) -> Result<Option<(Header, &[u8])>, Error> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let [_, major, _, high, low] = *header;
    let len = usize::from(u16::from_be_bytes([high, low]));
    if major != 3 {
        return Err(InvalidMessage::UnknownProtocolVersion.into());
    }
    if len > PLAINTEXT_BYTES_MAX + EXPANSION_BYTES_MAX {
        return Err(Error::PeerSentOversizedRecord);
    }
    Ok(rest.get(..len).map(|payload| (*header, payload)))
}
