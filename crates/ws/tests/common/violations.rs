//! Every way to break RFC 6455 with frames, one row each, and the close code that it must cause.
//!
//! Plain data, so that the tests of the connection and those of the client on a real socket share it.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, reason = "shared by tests")]

use tickwire_ws::Violation;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2: u8 = 0x20;
const RSV3: u8 = 0x10;

/// RFC 6455 7.4.1: a protocol error.
const PROTOCOL: u16 = 1002;
/// RFC 6455 7.4.1: a payload that is not what its type says.
const PAYLOAD: u16 = 1007;

/// Frames that break one rule, what is broken, and the code of the Close frame that answers.
pub struct Row {
    pub name: String,
    pub frames: Vec<Frame>,
    pub violation: Violation,
    pub code: u16,
    /// Whether the peer masks as its role demands.
    pub masks_rightly: bool,
}

impl Row {
    /// The bytes as a peer of that role sends them.
    pub fn bytes(&self, from_client: bool) -> Vec<u8> {
        let masked = from_client == self.masks_rightly;
        self.frames.iter().flat_map(|frame| frame.bytes(masked)).collect()
    }

    /// What is broken, as seen by the receiver.
    pub fn violation(&self, from_client: bool) -> Violation {
        match (self.masks_rightly, from_client) {
            (false, true) => Violation::UnmaskedClientFrame,
            (false, false) => Violation::MaskedServerFrame,
            (true, _) => self.violation,
        }
    }
}

/// A frame whose first byte and length are written as they are given.
pub struct Frame {
    first: u8,
    len: Len,
    payload: Vec<u8>,
}

/// How the length is written (RFC 6455 5.2).
enum Len {
    Shortest,
    Bits16(u16),
    Bits64(u64),
}

impl Frame {
    fn bytes(&self, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut out = vec![self.first];
        match (&self.len, self.payload.len()) {
            (Len::Shortest, len @ 0..=125) => out.push(mask | u8::try_from(len).unwrap()),
            (Len::Shortest, len) => {
                out.push(mask | 126);
                out.extend(u16::try_from(len).unwrap().to_be_bytes());
            }
            (Len::Bits16(len), _) => {
                out.push(mask | 126);
                out.extend(len.to_be_bytes());
            }
            (Len::Bits64(len), _) => {
                out.push(mask | 127);
                out.extend(len.to_be_bytes());
            }
        }
        let key = if masked { [0x37, 0xfa, 0x21, 0x3d] } else { [0; 4] };
        if masked {
            out.extend(key);
        }
        out.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        out
    }
}

fn frame(first: u8, payload: &[u8]) -> Frame {
    Frame { first, len: Len::Shortest, payload: payload.to_vec() }
}

fn row(name: impl Into<String>, frames: Vec<Frame>, violation: Violation, code: u16) -> Row {
    Row { name: name.into(), frames, violation, code, masks_rightly: true }
}

/// Every violation on a connection without extensions.
pub fn plain() -> Vec<Row> {
    let mut rows = masking();
    rows.extend(reserved_bits());
    rows.extend(reserved_opcodes());
    rows.extend(control_frames());
    rows.extend(fragmentation());
    rows.extend(lengths());
    rows.extend(closes());
    rows.extend(texts());
    rows
}

/// RFC 6455 5.1: a client masks every frame, a server none.
fn masking() -> Vec<Row> {
    [("text", TEXT, &b"x"[..]), ("empty binary", BINARY, b""), ("ping", PING, b""), ("close", CLOSE, b"")]
        .map(|(name, opcode, payload)| Row {
            masks_rightly: false,
            ..row(
                format!("{name} masked by the wrong side"),
                vec![frame(FIN | opcode, payload)],
                Violation::MaskedServerFrame,
                PROTOCOL,
            )
        })
        .into()
}

/// RFC 6455 5.2: reserved bits are zero unless an extension gives them a meaning.
fn reserved_bits() -> Vec<Row> {
    let kinds = [("text", TEXT), ("binary", BINARY), ("close", CLOSE), ("ping", PING), ("pong", PONG)];
    let mut rows = Vec::new();
    for (bit, rsv) in [("RSV1", RSV1), ("RSV2", RSV2), ("RSV3", RSV3), ("all", RSV1 | RSV2 | RSV3)] {
        for (name, opcode) in kinds {
            let frames = vec![frame(FIN | rsv | opcode, b"")];
            rows.push(row(format!("{bit} on {name}"), frames, Violation::ReservedBit, PROTOCOL));
        }
        let frames = vec![frame(TEXT, b"a"), frame(FIN | rsv | CONTINUATION, b"b")];
        rows.push(row(format!("{bit} on continuation"), frames, Violation::ReservedBit, PROTOCOL));
    }
    rows
}

/// RFC 6455 5.2: opcodes 3 to 7 and 11 to 15 are reserved.
fn reserved_opcodes() -> Vec<Row> {
    let opcode = |opcode: u8| {
        let violation = Violation::ReservedOpcode(opcode);
        let alone = vec![frame(FIN | opcode, b"")];
        let inside = vec![frame(TEXT, b"a"), frame(opcode, b"b")];
        [
            row(format!("opcode {opcode}"), alone, violation, PROTOCOL),
            row(format!("opcode {opcode} in a message"), inside, violation, PROTOCOL),
        ]
    };
    (3..=7).chain(11..=15).flat_map(opcode).collect()
}

/// RFC 6455 5.5: control frames are whole and carry 125 bytes at most.
fn control_frames() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, opcode) in [("close", CLOSE), ("ping", PING), ("pong", PONG)] {
        let one = |frame| vec![frame];
        rows.push(row(
            format!("fragmented {name}"),
            one(frame(opcode, b"")),
            Violation::FragmentedControl,
            PROTOCOL,
        ));
        rows.push(row(
            format!("{name} of 126 bytes"),
            one(frame(FIN | opcode, &[b'x'; 126])),
            Violation::ControlTooLong,
            PROTOCOL,
        ));
        let long = Frame { first: FIN | opcode, len: Len::Bits64(0x1_0000), payload: Vec::new() };
        rows.push(row(format!("{name} of 64 KiB"), one(long), Violation::ControlTooLong, PROTOCOL));
    }
    rows
}

/// RFC 6455 5.4: fragments of two messages are never mixed.
fn fragmentation() -> Vec<Row> {
    let (unexpected, expected) = (Violation::UnexpectedContinuation, Violation::ExpectedContinuation);
    let mut rows = vec![
        row("continuation without a start", vec![frame(CONTINUATION, b"x")], unexpected, PROTOCOL),
        row("last continuation without a start", vec![frame(FIN, b"x")], unexpected, PROTOCOL),
        row(
            "new message after a continuation",
            vec![frame(BINARY, b"a"), frame(CONTINUATION, b"b"), frame(FIN | BINARY, b"c")],
            expected,
            PROTOCOL,
        ),
    ];
    for (name, opcode) in [("text", TEXT), ("binary", BINARY), ("fragmented text", TEXT)] {
        let fin = if name.starts_with("fragmented") { 0 } else { FIN };
        let frames = vec![frame(TEXT, b"a"), frame(fin | opcode, b"b")];
        rows.push(row(format!("{name} inside a message"), frames, expected, PROTOCOL));
    }
    rows
}

/// RFC 6455 5.2: the shortest form of a length, and its top bit zero.
fn lengths() -> Vec<Row> {
    let padded = |opcode: u8, len: Len, payload: usize| {
        vec![Frame { first: FIN | opcode, len, payload: vec![b'x'; payload] }]
    };
    let mut rows = Vec::new();
    for (name, opcode) in [("text", TEXT), ("binary", BINARY), ("ping", PING), ("close", CLOSE)] {
        for len in [0, 1, 125_u16] {
            let frames = padded(opcode, Len::Bits16(len), len.into());
            rows.push(row(format!("{name} of {len} bytes in 16 bits"), frames, Violation::Length, PROTOCOL));
        }
        for len in [0, 125, 126, 65_535_u16] {
            let frames = padded(opcode, Len::Bits64(len.into()), len.into());
            rows.push(row(format!("{name} of {len} bytes in 64 bits"), frames, Violation::Length, PROTOCOL));
        }
        for len in [1 << 63, u64::MAX] {
            let frames = padded(opcode, Len::Bits64(len), 0);
            rows.push(row(format!("{name} of {len:#x} bytes"), frames, Violation::Length, PROTOCOL));
        }
    }
    rows
}

/// RFC 6455 5.5.1 and 7.4: the body of a Close frame.
fn closes() -> Vec<Row> {
    let close = |body: &[u8]| vec![frame(FIN | CLOSE, body)];
    let mut rows = vec![row("half a close code", close(b"\x03"), Violation::CloseLength, PROTOCOL)];
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535_u16] {
        let bare = close(&code.to_be_bytes());
        let reason = close(&[&code.to_be_bytes()[..], b"bye"].concat());
        let violation = Violation::CloseCode(code);
        rows.push(row(format!("close code {code}"), bare, violation, PROTOCOL));
        rows.push(row(format!("close code {code} with a reason"), reason, violation, PROTOCOL));
    }
    for (name, reason) in ILL_FORMED {
        let body = [b"\x03\xe8ab", reason].concat();
        rows.push(row(format!("close reason with {name}"), close(&body), Violation::CloseReason, PAYLOAD));
    }
    rows
}

/// RFC 3629 3 and 4: what is not UTF-8.
const ILL_FORMED: [(&str, &[u8]); 9] = [
    ("a lone continuation byte", b"\x80"),
    ("an overlong slash", b"\xc0\xaf"),
    ("an overlong slash in three bytes", b"\xe0\x80\xaf"),
    ("half a surrogate pair", b"\xed\xa0\x80"),
    ("a code point above 10FFFF", b"\xf4\x90\x80\x80"),
    ("a byte of no encoding", b"\xff"),
    ("an unfinished sequence of two", b"\xce"),
    ("an unfinished sequence of three", b"\xe2\x82"),
    ("an unfinished sequence of four", b"\xf0\x9f\xa6"),
];

/// RFC 6455 8.1: text is UTF-8, over all its fragments.
fn texts() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, bytes) in ILL_FORMED {
        let text = [b"ab", bytes].concat();
        let one = vec![frame(FIN | TEXT, &text)];
        rows.push(row(format!("text with {name}"), one, Violation::Utf8, PAYLOAD));
        for cut in 1..=text.len() {
            let (first, second) = text.split_at(cut);
            let frames = vec![frame(TEXT, first), frame(CONTINUATION, b""), frame(FIN, second)];
            rows.push(row(format!("text with {name}, cut at {cut}"), frames, Violation::Utf8, PAYLOAD));
        }
    }
    rows
}

/// Every violation that needs permessage-deflate to be agreed on (RFC 7692).
pub fn compressed() -> Vec<Row> {
    // RFC 7692 7.2.3.1: "Hello".
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let bit = Violation::ReservedBit;
    // RFC 7692 6: only the first frame of a message says that it is compressed, and control frames never do.
    let mut rows = vec![
        row("RSV1 on close", vec![frame(FIN | RSV1 | CLOSE, b"")], bit, PROTOCOL),
        row("RSV1 on ping", vec![frame(FIN | RSV1 | PING, b"")], bit, PROTOCOL),
        row("RSV1 on pong", vec![frame(FIN | RSV1 | PONG, b"")], bit, PROTOCOL),
        row(
            "RSV1 on the continuation of a compressed message",
            vec![frame(RSV1 | TEXT, &hello[..3]), frame(FIN | RSV1, &hello[3..])],
            bit,
            PROTOCOL,
        ),
        row(
            "RSV1 on the continuation of a plain message",
            vec![frame(TEXT, b"a"), frame(FIN | RSV1, &hello)],
            bit,
            PROTOCOL,
        ),
        row("RSV1 and RSV2", vec![frame(FIN | RSV1 | RSV2 | TEXT, &hello)], bit, PROTOCOL),
        row("RSV3", vec![frame(FIN | RSV3 | TEXT, &hello)], bit, PROTOCOL),
        row("RSV1 on opcode 3", vec![frame(FIN | RSV1 | 3, b"")], Violation::ReservedOpcode(3), PROTOCOL),
        row("RSV1 on a continuation of nothing", vec![frame(FIN | RSV1, &hello)], bit, PROTOCOL),
        row(
            "a new message inside a compressed one",
            vec![frame(RSV1 | TEXT, &hello[..3]), frame(FIN | RSV1 | TEXT, &hello)],
            Violation::ExpectedContinuation,
            PROTOCOL,
        ),
    ];
    // RFC 1951 3.2.3 to 3.2.5, the text a stored block of one byte that is not UTF-8.
    for (name, payload, violation) in [
        ("a block of the reserved type", &[0x07][..], Violation::Deflate),
        ("a stored block whose lengths differ", &[0x00, 0x05, 0x00, 0x00, 0x00], Violation::Deflate),
        ("a distance beyond all that came", &[0xf2, 0x00, 0x11, 0x00, 0x00], Violation::Deflate),
        ("text that is not UTF-8", &[0x00, 0x01, 0x00, 0xfe, 0xff, 0xff, 0x00], Violation::Utf8),
        (
            "text that ends in a code point",
            &[0x00, 0x02, 0x00, 0xfd, 0xff, b'a', 0xc3, 0x00],
            Violation::Utf8,
        ),
        ("a block with fixed codes that is cut", &hello[..3], Violation::Deflate),
        ("a stored block that is cut", &[0x00, 0x05, 0x00, 0xfa, 0xff, b'H', b'e'], Violation::Deflate),
    ] {
        rows.push(row(name, vec![frame(FIN | RSV1 | TEXT, payload)], violation, PAYLOAD));
        let (first, rest) = payload.split_at(1);
        let frames = vec![frame(RSV1 | TEXT, first), frame(FIN, rest)];
        rows.push(row(format!("{name}, in fragments"), frames, violation, PAYLOAD));
    }
    // RFC 7692 7.2.3.6: even an empty message has one octet.
    rows.push(row("no octet at all", vec![frame(FIN | RSV1 | TEXT, b"")], Violation::Deflate, PAYLOAD));
    rows
}
