//! A client that sees frames: what a library hides about fragments and compression.

use std::io::{Read, Write};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use tickwire_sim::Server;

use crate::client::{Stream, tls};

pub const TEXT: u8 = 1;
pub const CONTINUATION: u8 = 0;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;
const MASK: [u8; 4] = [1, 2, 3, 4];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub fin: bool,
    pub rsv1: bool,
    pub opcode: u8,
    pub payload: Vec<u8>,
}

pub struct Frames {
    stream: Stream,
    /// What the server answered to the offered extension.
    pub agreed: Option<String>,
    inflate: Decompress,
    deflate: Compress,
}

impl Frames {
    pub fn open(server: &Server, path: &str, offer: Option<&str>) -> Self {
        let mut stream = tls(server);
        let offer = offer.map(|offer| format!("Sec-WebSocket-Extensions: {offer}\r\n")).unwrap_or_default();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
        )
        .expect("written");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            head.extend(byte);
        }
        let head = String::from_utf8(head).expect("text");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let agreed = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("sec-websocket-extensions").then(|| value.to_owned())
        });
        let deflate = Compress::new(Compression::default(), false);
        Self { stream, agreed, inflate: Decompress::new(false), deflate }
    }

    pub fn next(&mut self) -> Frame {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).expect("a frame in time");
        assert_eq!(head[1] & 0x80, 0, "a server does not mask");
        let len = match head[1] {
            126 => {
                let mut len = [0; 2];
                self.stream.read_exact(&mut len).expect("a length");
                usize::from(u16::from_be_bytes(len))
            }
            127 => {
                let mut len = [0; 8];
                self.stream.read_exact(&mut len).expect("a length");
                usize::try_from(u64::from_be_bytes(len)).expect("a length")
            }
            len => usize::from(len),
        };
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).expect("a payload");
        Frame { fin: head[0] & 0x80 != 0, rsv1: head[0] & 0x40 != 0, opcode: head[0] & 0x0f, payload }
    }

    /// The frames of the next message, with the control frames between them.
    pub fn next_message(&mut self) -> Vec<Frame> {
        let mut frames = vec![self.next()];
        while !frames.iter().any(|frame| frame.fin && frame.opcode <= 2) {
            frames.push(self.next());
        }
        frames
    }

    /// The text of a message's frames, inflated if they are compressed.
    pub fn text(&mut self, frames: &[Frame]) -> String {
        let data: Vec<_> = frames.iter().filter(|frame| frame.opcode <= 2).collect();
        let mut payload: Vec<u8> = data.iter().flat_map(|frame| frame.payload.clone()).collect();
        assert!(data.iter().skip(1).all(|frame| !frame.rsv1 && frame.opcode == CONTINUATION));
        if data[0].rsv1 {
            payload.extend([0, 0, 0xff, 0xff]);
            let mut plain = Vec::with_capacity(4 * 1024 * 1024);
            self.inflate.decompress_vec(&payload, &mut plain, FlushDecompress::Sync).expect("deflate");
            payload = plain;
        }
        String::from_utf8(payload).expect("UTF-8")
    }

    /// Forgets the window, as a receiver may when the sender promised not to use it.
    pub fn forget(&mut self) {
        self.inflate.reset(false);
    }

    pub fn send(&mut self, opcode: u8, payload: &[u8]) {
        self.send_frame(0x80 | opcode, payload);
    }

    pub fn send_compressed(&mut self, text: &str) {
        let mut packed = Vec::with_capacity(text.len() + 1_000);
        self.deflate.compress_vec(text.as_bytes(), &mut packed, FlushCompress::Sync).expect("packed");
        packed.truncate(packed.len() - 4);
        self.send_frame(0x80 | 0x40 | TEXT, &packed);
    }

    fn send_frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first, 0x80 | 126];
        frame.extend(u16::try_from(payload.len()).expect("a short one").to_be_bytes());
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
        self.stream.write_all(&frame).expect("written");
    }
}
