//! A client's compressed frames made plain before the WebSocket library, which knows no extension, sees them.
//!
//! What cannot be made plain passes as it is, and the library refuses it.

use flate2::{Decompress, FlushDecompress, Status};

use super::deflate::TAIL;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;

/// A frame's head, as far as it matters here.
#[derive(Clone, Copy, Debug)]
struct Head {
    first: u8,
    mask: Option<[u8; 4]>,
    /// Bytes of the head.
    len: usize,
    payload: u64,
}

impl Head {
    /// `None` until it is complete.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (payload, mut len) = match second & !MASKED {
            126 => (u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
            short => (u64::from(short), 2),
        };
        let mut mask = None;
        if second & MASKED != 0 {
            mask = Some(bytes.get(len..len + 4)?.try_into().ok()?);
            len += 4;
        }
        Some(Self { first, mask, len, payload })
    }

    fn is_control(&self) -> bool {
        self.first & CONTROL != 0
    }
}

#[derive(Debug)]
pub(super) struct Inflater {
    decompress: Decompress,
    /// Bytes of a frame that is not decided or not whole yet.
    raw: Vec<u8>,
    /// What is left to pass of a plain frame.
    passing: u64,
    /// Whether a compressed message has begun and not ended.
    inside: bool,
    /// A message or frame beyond this many bytes is not made plain as a whole.
    most: usize,
}

impl Inflater {
    pub(super) fn new(most: usize) -> Self {
        let decompress = Decompress::new(false);
        Self { decompress, raw: Vec::new(), passing: 0, inside: false, most }
    }

    /// Takes bytes from the network; appends to `plain` what the library may read.
    pub(super) fn push(&mut self, bytes: &[u8], plain: &mut Vec<u8>) {
        self.raw.extend_from_slice(bytes);
        let mut raw = std::mem::take(&mut self.raw);
        let mut at = 0;
        while let Some(taken) = raw.get(at..).and_then(|rest| self.next(rest, plain)) {
            at += taken;
        }
        raw.drain(..at);
        self.raw = raw;
    }

    /// Handles the beginning of `rest`; returns how much of it is done, `None` if more must come first.
    fn next(&mut self, rest: &[u8], plain: &mut Vec<u8>) -> Option<usize> {
        if rest.is_empty() {
            return None;
        }
        if self.passing > 0 {
            let len = usize::try_from(self.passing).unwrap_or(usize::MAX).min(rest.len());
            plain.extend_from_slice(rest.get(..len)?);
            self.passing -= len as u64;
            return Some(len);
        }
        let head = Head::parse(rest)?;
        let compressed = !head.is_control() && (self.inside || head.first & RSV1 != 0);
        let payload_len = usize::try_from(head.payload).unwrap_or(usize::MAX);
        let (Some(mask), true) = (head.mask, compressed && payload_len <= self.most) else {
            self.passing = head.payload;
            plain.extend_from_slice(rest.get(..head.len)?);
            return Some(head.len);
        };
        let end = head.len + payload_len;
        let masked = rest.get(head.len..end)?;
        let payload: Vec<_> = masked.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        let fin = head.first & FIN != 0;
        match self.inflate(&payload, fin) {
            Some(text) => frame(head.first & !RSV1, &text, plain),
            None => frame(head.first | RSV1, &payload, plain),
        }
        self.inside = !fin;
        Some(end)
    }

    fn inflate(&mut self, payload: &[u8], fin: bool) -> Option<Vec<u8>> {
        let tail: &[u8] = if fin { &TAIL } else { &[] };
        let packed = [payload, tail].concat();
        // One byte more than may be, so that the library sees what is too long.
        let mut text = vec![0; self.most + 1];
        let mut rest = packed.as_slice();
        let mut len = 0;
        loop {
            let (before_in, before_out) = (self.decompress.total_in(), self.decompress.total_out());
            let room = text.get_mut(len..)?;
            let status = self.decompress.decompress(rest, room, FlushDecompress::Sync).ok()?;
            let taken = usize::try_from(self.decompress.total_in() - before_in).ok()?;
            let made = usize::try_from(self.decompress.total_out() - before_out).ok()?;
            rest = rest.get(taken..)?;
            len += made;
            let stuck = taken == 0 && made == 0;
            if rest.is_empty() || len > self.most || stuck || status == Status::StreamEnd {
                break;
            }
        }
        text.truncate(len);
        (rest.is_empty() || len > self.most).then_some(text)
    }
}

/// A frame as a client sends it, with a mask that changes nothing.
fn frame(first: u8, payload: &[u8], plain: &mut Vec<u8>) {
    plain.extend_from_slice(&[first, MASKED | 127]);
    plain.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    plain.extend_from_slice(&[0; 4]);
    plain.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::deflate::{Deflater, agree};

    /// A masked frame.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let len = u8::try_from(payload.len()).expect("a short one");
        let key = [7, 77, 177, 27];
        let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
        [first, MASKED | len].into_iter().chain(key).chain(payload).collect()
    }

    /// What a server without extensions reads of it.
    fn read(bytes: &[u8]) -> Vec<tungstenite::Message> {
        let stream = std::io::Cursor::new(bytes.to_vec());
        let mut socket =
            tungstenite::WebSocket::from_raw_socket(stream, tungstenite::protocol::Role::Server, None);
        std::iter::from_fn(|| socket.read().ok()).collect()
    }

    #[test]
    fn compressed_messages_become_plain_whole_in_fragments_and_byte_by_byte() {
        let mut deflater = Deflater::new(&agree("permessage-deflate", false).expect("agreed"));
        let [one, two] =
            ["hello hello", "hello again"].map(|text| deflater.message(text.as_bytes()).expect("packed"));
        let (left, right) = two.split_at(two.len() / 2);
        let bytes = [
            masked(FIN | RSV1 | 1, &one),
            masked(RSV1 | 1, left),
            masked(FIN | 9, b"ping"),
            masked(FIN, right),
            masked(FIN | 1, b"plain"),
        ]
        .concat();
        let expected: Vec<tungstenite::Message> = vec![
            "hello hello".into(),
            tungstenite::Message::Ping("ping".into()),
            "hello again".into(),
            "plain".into(),
        ];
        for size in [1, 7, bytes.len()] {
            let (mut inflater, mut plain) = (Inflater::new(1_000), Vec::new());
            for part in bytes.chunks(size) {
                inflater.push(part, &mut plain);
            }
            assert_eq!(read(&plain), expected, "{size} bytes at a time");
        }
    }

    #[test]
    fn what_is_not_deflate_or_too_long_is_left_to_the_library_to_refuse() {
        let mut deflater = Deflater::new(&agree("permessage-deflate", false).expect("agreed"));
        let bomb = deflater.message(&[b'a'; 5_000]).expect("packed");
        for payload in [bomb.as_slice(), &[0xff, 0xff]] {
            let (mut inflater, mut plain) = (Inflater::new(1_000), Vec::new());
            inflater.push(&masked(FIN | RSV1 | 1, payload), &mut plain);
            let limit = tungstenite::protocol::WebSocketConfig::default().max_message_size(Some(1_000));
            let stream = std::io::Cursor::new(plain);
            let mut socket = tungstenite::WebSocket::from_raw_socket(
                stream,
                tungstenite::protocol::Role::Server,
                Some(limit),
            );
            assert!(socket.read().is_err());
        }
    }
}
