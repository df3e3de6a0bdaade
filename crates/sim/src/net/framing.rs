//! A text as the frames of one message: compressed or not, in one piece or several.

use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Bytes, Message, Utf8Bytes};

use super::deflate::Deflater;

#[derive(Debug)]
pub(super) struct Framer {
    pieces: usize,
    deflater: Option<Deflater>,
}

impl Framer {
    /// Messages of at most so many frames, at least 1.
    pub(super) fn new(pieces: usize, deflater: Option<Deflater>) -> Self {
        Self { pieces: pieces.max(1), deflater }
    }

    /// The message, or its frames in their order.
    pub(super) fn messages(&mut self, text: Utf8Bytes) -> Vec<Message> {
        let packed = self.deflater.as_mut().and_then(|deflater| deflater.message(text.as_bytes()));
        if packed.is_none() && self.pieces == 1 {
            return vec![Message::Text(text)];
        }
        let compressed = packed.is_some();
        let payload = packed.map_or_else(|| Bytes::from(text), Bytes::from);
        let size = payload.len().div_ceil(self.pieces).max(1);
        let mut starts: Vec<_> = (0..payload.len()).step_by(size).collect();
        if starts.is_empty() {
            starts.push(0);
        }
        let last = starts.len() - 1;
        let frames = starts.into_iter().enumerate().map(|(at, start)| {
            let part = payload.slice(start..payload.len().min(start + size));
            let opcode = OpCode::Data(if at == 0 { Data::Text } else { Data::Continue });
            let mut frame = Frame::message(part, opcode, at == last);
            // RFC 7692 6: only the first frame of a message says so.
            frame.header_mut().rsv1 = compressed && at == 0;
            Message::Frame(frame)
        });
        frames.collect()
    }
}
