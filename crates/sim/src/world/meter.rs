//! What a client sends, counted as a venue's limit counts it: text, binary, ping and pong frames.

/// Fragments count with the last of a message, Close frames not at all.
#[derive(Debug)]
pub(super) enum Meter {
    /// Within the request; so many bytes of the empty line at its end have passed.
    Request { matched: usize },
    /// Within a frame's head, of which this is the beginning.
    Head(Vec<u8>),
    /// Within a frame's payload.
    Payload { left: u64, counts: bool },
}

const END_OF_REQUEST: &[u8] = b"\r\n\r\n";
const FIN: u8 = 0x80;
const MASK_LEN: usize = 4;

impl Meter {
    pub(super) fn new() -> Self {
        Self::Request { matched: 0 }
    }

    /// Passes bytes; returns how many messages ended in them.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> usize {
        let mut messages = 0;
        while let Some((&byte, rest)) = bytes.split_first() {
            match self {
                Self::Request { matched } => {
                    *matched = match END_OF_REQUEST.get(*matched) {
                        Some(&expected) if expected == byte => *matched + 1,
                        _ => usize::from(byte == b'\r'),
                    };
                    bytes = rest;
                    if *matched == END_OF_REQUEST.len() {
                        *self = Self::Head(Vec::new());
                    }
                }
                Self::Head(head) => {
                    head.push(byte);
                    bytes = rest;
                    if let Some((left, counts)) = parse(head) {
                        *self = Self::Payload { left, counts };
                        messages += self.end_frame();
                    }
                }
                Self::Payload { left, .. } => {
                    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= len as u64;
                    bytes = bytes.get(len..).unwrap_or_default();
                    messages += self.end_frame();
                }
            }
        }
        messages
    }

    /// Begins the next frame if this one's payload has passed; 1 if a message ends with it.
    fn end_frame(&mut self) -> usize {
        let Self::Payload { left: 0, counts } = self else {
            return 0;
        };
        let counts = *counts;
        *self = Self::Head(Vec::new());
        usize::from(counts)
    }
}

/// The length of a frame's payload, and whether it counts; `None` while its head is not complete.
fn parse(head: &[u8]) -> Option<(u64, bool)> {
    let (&first, &second) = (head.first()?, head.get(1)?);
    let (extended, short) = match second & 0x7f {
        126 => (2, 0),
        127 => (8, 0),
        short => (0, u64::from(short)),
    };
    let mask = if second & 0x80 == 0 { 0 } else { MASK_LEN };
    let extension = head.get(2..2 + extended)?;
    if head.len() < 2 + extended + mask {
        return None;
    }
    let len = extension.iter().fold(short, |len, byte| len << 8 | u64::from(*byte));
    let counts = first & FIN != 0 && first & 0x0f != 8;
    Some((len, counts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tungstenite::protocol::{Role, WebSocketConfig};
    use tungstenite::{Bytes, Message, WebSocket};

    /// What an independent client writes.
    fn written(messages: Vec<Message>) -> Vec<u8> {
        let stream = std::io::Cursor::new(Vec::new());
        let config = WebSocketConfig::default().write_buffer_size(0);
        let mut socket = WebSocket::from_raw_socket(stream, Role::Client, Some(config));
        for message in messages {
            socket.send(message).expect("a message");
        }
        socket.close(None).expect("a close");
        socket.flush().expect("all written");
        socket.get_ref().get_ref().clone()
    }

    #[test]
    fn texts_pings_and_pongs_count_and_closes_do_not_however_they_are_cut() {
        let long = "x".repeat(70_000);
        let messages: Vec<Message> = vec![
            "hello".into(),
            "".into(),
            Message::Ping(Bytes::new()),
            Message::Pong("1234".into()),
            "y".repeat(200).into(),
            long.into(),
        ];
        let mut bytes = b"GET /ws HTTP/1.1\r\nHost: a\r\r\nX: \r\n\r\n".to_vec();
        bytes.extend(written(messages));
        for size in [1, 2, 7, 1_000, bytes.len()] {
            let mut meter = Meter::new();
            let counted: usize = bytes.chunks(size).map(|part| meter.pass(part)).sum();
            assert_eq!(counted, 6, "{size} bytes at a time");
        }
    }

    #[test]
    fn fragments_count_as_one_message() {
        let mut meter = Meter::Head(Vec::new());
        let masked = |first: u8| [first, 0x81, 1, 2, 3, 4, b'x'];
        let bytes = [masked(0x01), masked(0x89), masked(0x00), masked(0x80)].concat();
        assert_eq!(meter.pass(&bytes), 2, "the message and the ping inside it");
    }
}
