//! The frame header, RFC 6455 5.2.

use crate::error::Violation;

/// The opcodes of RFC 6455 11.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the message in progress.
    Continuation = 0x0,
    /// The first or only frame of a text message.
    Text = 0x1,
    /// The first or only frame of a binary message.
    Binary = 0x2,
    /// Connection close.
    Close = 0x8,
    /// Ping.
    Ping = 0x9,
    /// Pong.
    Pong = 0xA,
}

impl Opcode {
    /// The opcode of these four bits; `None` when they are reserved.
    #[inline]
    #[must_use]
    pub fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// Whether frames of this opcode may come between the fragments of a message (RFC 6455 5.4).
    #[inline]
    #[must_use]
    pub fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// The first reserved bit of [`Header::rsv`], which RFC 7692 6 gives a meaning.
pub(crate) const RSV1: u8 = 0b100;

/// The longest header: two bytes, a 64-bit length, a masking key.
pub const HEADER_BYTES_MAX: usize = 14;

/// A frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Last fragment of its message.
    pub fin: bool,
    /// The three reserved bits, RSV1 the highest (0b100).
    pub rsv: u8,
    /// What the frame is.
    pub opcode: Opcode,
    /// The masking key, if the payload is masked.
    pub mask: Option<[u8; 4]>,
    /// Payload length in bytes, below 2^63.
    pub len: u64,
}

/// The first byte of an unmasked frame, the length of its header and that of its payload; `None` for anything that
/// [`Header::parse`] has to judge.
#[inline]
pub(crate) fn plain(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    // RFC 6455 5.2: the minimal number of bytes must be used.
    match *bytes {
        [first, len @ 0..=125, ..] => Some((first, 2, usize::from(len))),
        [first, 126, high, low, ..] if high > 0 || low >= 126 => {
            Some((first, 4, usize::from(u16::from_be_bytes([high, low]))))
        }
        [first, 127, 0, 0, 0, 0, a, b, c, d, ..] if a > 0 || b > 0 => {
            Some((first, 10, u32::from_be_bytes([a, b, c, d]) as usize))
        }
        _ => None,
    }
}

impl Header {
    /// Reads a header and its own length in bytes from the start of `bytes`; `None` while it is incomplete.
    ///
    /// # Errors
    /// A [`Violation`] that every receiver must refuse, whatever its role and state: reserved opcodes, lengths not
    /// in their shortest form, control frames that are fragmented or too long. Reserved bits and masking are left
    /// to the connection, which knows its extensions and its role.
    ///
    /// ```
    /// use tickwire_ws::{Header, Opcode};
    /// // RFC 6455 5.7: a single-frame unmasked text message
    /// let (header, bytes) = Header::parse(b"\x81\x05Hello")?.unwrap();
    /// assert_eq!((header.opcode, header.fin, header.len, bytes), (Opcode::Text, true, 5, 2));
    /// # Ok::<(), tickwire_ws::Violation>(())
    /// ```
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        let Some(opcode) = Opcode::from_bits(first & 0x0F) else {
            return Err(Violation::ReservedOpcode(first & 0x0F));
        };
        let fin = first & 0x80 != 0;
        let (len, rest, mut size) = match second & 0x7F {
            126 => {
                let Some((field, rest)) = rest.split_first_chunk::<2>() else {
                    return Ok(None);
                };
                (u64::from(u16::from_be_bytes(*field)), rest, 4)
            }
            127 => {
                let Some((field, rest)) = rest.split_first_chunk::<8>() else {
                    return Ok(None);
                };
                (u64::from_be_bytes(*field), rest, 10)
            }
            short => (u64::from(short), rest, 2),
        };
        // RFC 6455 5.2: the minimal number of bytes must be used, and the top bit of a 64-bit length is zero.
        let minimal = match size {
            4 => len >= 126,
            10 => len > 0xFFFF && len >> 63 == 0,
            _ => true,
        };
        if !minimal {
            return Err(Violation::Length);
        }
        if opcode.is_control() {
            if !fin {
                return Err(Violation::FragmentedControl);
            }
            if len > 125 {
                return Err(Violation::ControlTooLong);
            }
        }
        let mut mask = None;
        if second & 0x80 != 0 {
            let Some(key) = rest.first_chunk::<4>() else {
                return Ok(None);
            };
            mask = Some(*key);
            size += 4;
        }
        Ok(Some((Self { fin, rsv: first >> 4 & 0b111, opcode, mask, len }, size)))
    }

    /// Appends the header in its shortest form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        out.push(u8::from(self.fin) << 7 | (self.rsv & 0b111) << 4 | self.opcode as u8);
        match (u8::try_from(self.len), u16::try_from(self.len)) {
            (Ok(len @ 0..=125), _) => out.push(masked | len),
            (_, Ok(len)) => {
                out.push(masked | 126);
                out.extend_from_slice(&len.to_be_bytes());
            }
            _ => {
                out.push(masked | 127);
                out.extend_from_slice(&self.len.to_be_bytes());
            }
        }
        if let Some(key) = self.mask {
            out.extend_from_slice(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 5.7 and the edges of each length form.
    #[expect(
        clippy::type_complexity,
        reason = "a table: bytes, fin, opcode, masked, payload length, header length"
    )]
    const VECTORS: &[(&[u8], bool, Opcode, bool, u64, usize)] = &[
        (&[0x81, 0x05], true, Opcode::Text, false, 5, 2),
        (&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d], true, Opcode::Text, true, 5, 6),
        (&[0x01, 0x03], false, Opcode::Text, false, 3, 2),
        (&[0x80, 0x02], true, Opcode::Continuation, false, 2, 2),
        (&[0x89, 0x05], true, Opcode::Ping, false, 5, 2),
        (&[0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d], true, Opcode::Pong, true, 5, 6),
        (&[0x82, 0x7E, 0x01, 0x00], true, Opcode::Binary, false, 256, 4),
        (&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], true, Opcode::Binary, false, 65_536, 10),
        (&[0x82, 0x7D], true, Opcode::Binary, false, 125, 2),
        (&[0x82, 0x7E, 0x00, 0x7E], true, Opcode::Binary, false, 126, 4),
        (&[0x82, 0x7E, 0xFF, 0xFF], true, Opcode::Binary, false, 65_535, 4),
        (&[0x88, 0x7D], true, Opcode::Close, false, 125, 2),
        (
            &[0x82, 0x7F, 0x7F, 255, 255, 255, 255, 255, 255, 255],
            true,
            Opcode::Binary,
            false,
            u64::MAX >> 1,
            10,
        ),
    ];

    #[test]
    fn vectors_parse_and_encode_back() {
        for &(bytes, fin, opcode, masked, len, size) in VECTORS {
            let (header, parsed) = Header::parse(bytes).unwrap().unwrap();
            assert_eq!(
                (header.fin, header.opcode, header.mask.is_some(), header.len, parsed),
                (fin, opcode, masked, len, size),
                "{bytes:02x?}"
            );
            let mut out = Vec::new();
            header.encode(&mut out);
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn every_prefix_of_a_header_is_incomplete() {
        for &(bytes, .., size) in VECTORS {
            for cut in 0..size {
                assert_eq!(Header::parse(&bytes[..cut]), Ok(None), "{cut} bytes of {bytes:02x?}");
            }
        }
    }

    #[test]
    fn headers_that_no_receiver_accepts_are_refused() {
        let refused: &[(&[u8], Violation)] = &[
            (&[0x83, 0], Violation::ReservedOpcode(3)),
            (&[0x8F, 0], Violation::ReservedOpcode(15)),
            (&[0x82, 126, 0, 125], Violation::Length),
            (&[0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255], Violation::Length),
            (&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], Violation::Length),
            (&[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255], Violation::Length),
            (&[0x09, 0], Violation::FragmentedControl),
            (&[0x89, 126, 0, 126], Violation::ControlTooLong),
            (&[0x88, 127, 0, 0, 0, 0, 0, 1, 0, 0], Violation::ControlTooLong),
        ];
        for (bytes, violation) in refused {
            assert_eq!(Header::parse(bytes), Err(*violation), "{bytes:02x?}");
        }
    }
}
