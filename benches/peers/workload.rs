//! What the server sends: messages like a venue's, as frames.

use crate::arm::Tally;
use tickwire::ws::{Header, Opcode};

/// What a message says: text costs its reader the UTF-8 check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Text,
    Binary,
}

impl Content {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }

    fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}

/// The size and the shape of one message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) len: usize,
    pub(crate) frames: usize,
}

pub(crate) const TICKER: Shape = Shape { name: "160 B", len: 160, frames: 1 };
pub(crate) const DEPTH: Shape = Shape { name: "1.2 KB", len: 1200, frames: 1 };
pub(crate) const SNAPSHOT: Shape = Shape { name: "64 KiB", len: 64 << 10, frames: 1 };
pub(crate) const HISTORY: Shape = Shape { name: "1 MiB", len: 1 << 20, frames: 1 };
pub(crate) const FRAGMENTS: Shape = Shape { name: "4 x 4 KiB", len: 16 << 10, frames: 4 };

/// `len` bytes of text that reads like an order book's update.
pub(crate) fn payload(len: usize) -> Vec<u8> {
    let unit = br#"{"e":"depthUpdate","E":1,"s":"TICKWIRE","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}"#;
    unit.iter().copied().cycle().take(len).collect()
}

impl Shape {
    /// One message as the frames that carry it.
    pub(crate) fn message(&self, content: Content) -> Vec<u8> {
        let payload = payload(self.len);
        let mut bytes = Vec::with_capacity(self.len + 16 * self.frames);
        for (index, part) in payload.chunks(self.len.div_ceil(self.frames)).enumerate() {
            let opcode = if index == 0 { content.opcode() } else { Opcode::Continuation };
            let fin = index + 1 == self.frames;
            Header { fin, rsv: 0, opcode, mask: None, len: part.len() as u64 }.encode(&mut bytes);
            bytes.extend_from_slice(part);
        }
        bytes
    }

    /// What `messages` of them amount to.
    pub(crate) fn tally(&self, messages: usize) -> Tally {
        Tally { messages: messages as u64, bytes: (messages * self.len) as u64 }
    }
}
