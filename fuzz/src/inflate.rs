//! Compressed messages of any bytes: no panic, never more than the limit comes out, and cuts do not matter.

use crate::drive::{Outcome, Seen, deflate, pair, read_size, run, run_parts};
use tickwire_ws::{Config, Connection, Error, Header, Limits, Opcode};

/// Input: role and takeover, windows, limit, how large the reads are, how long the frames are, and their payloads.
pub fn inflate(input: &[u8]) {
    let [kind, windows, limit, read, frame, payload @ ..] = input else { return };
    let max = 1 << (limit % 20);
    let limits = Limits { message_bytes_max: max, ..Limits::default() };
    let deflate = deflate(*windows, *kind);
    let config = Config { limits, deflate: Some(deflate), ..Config::default() };
    let to_server = kind & 4 != 0;
    let bytes = frames(payload, usize::from(*frame) + 1, kind >> 3, to_server);
    let make = || agreed(&config, to_server);
    let whole = run(&mut make(), &bytes, bytes.len().max(1));
    for seen in &whole.seen {
        let Seen::Message(_, fragments) = seen else { panic!("{seen:?} out of nothing") };
        assert!(fragments.concat().len() <= max);
    }
    assert!(matches!(whole.error, None | Some(Error::Protocol(_) | Error::Limit(_))), "{:?}", whole.error);
    compare(&run(&mut make(), &bytes, read_size(*read)), &whole);
    compare(&run_parts(&mut make(), &bytes, read_size(*read)).joined(), &whole.joined());
}

/// Also where a message has several faults, the cut does not decide which of them is told.
fn compare(cut: &Outcome, whole: &Outcome) {
    assert_eq!(cut.seen, whole.seen);
    assert_eq!(cut.error, whole.error);
}

fn agreed(config: &Config, server: bool) -> Connection {
    let (client, server_end) = pair(config);
    if server { server_end } else { client }
}

/// The payload in frames of `size` bytes, `fragments` of them a message.
fn frames(payload: &[u8], size: usize, fragments: u8, masked: bool) -> Vec<u8> {
    let fragments = usize::from(fragments % 4) + 1;
    let chunks: Vec<&[u8]> = payload.chunks(size).collect();
    let mut bytes = Vec::new();
    for message in chunks.chunks(fragments) {
        for (i, chunk) in message.iter().enumerate() {
            let text = chunk.len() % 2 == 0;
            let opcode = match (i, text) {
                (0, true) => Opcode::Text,
                (0, false) => Opcode::Binary,
                _ => Opcode::Continuation,
            };
            // RFC 7692 6: the first frame of a message says that it is compressed.
            let rsv = if i == 0 { 0b100 } else { 0 };
            // A key of zeros leaves the payload as it is.
            let mask = masked.then_some([0; 4]);
            Header { fin: i + 1 == message.len(), rsv, opcode, mask, len: chunk.len() as u64 }
                .encode(&mut bytes);
            bytes.extend_from_slice(chunk);
        }
    }
    bytes
}
