//! Messages sent by one end arrive at the other: any fragments, Pings between them, both directions, plain and with every
//! way of compression.

use crate::drive::{Outcome, Seen, deflate, pair, read_size, run, transmitted};
use arbitrary::{Result, Unstructured};
use tickwire_ws::{Config, Connection, Kind};

/// Input: compression, how large reads and writes are, then messages.
pub fn roundtrip(input: &[u8]) {
    // An input that ends early ends the conversation early.
    let _ = conversation(&mut Unstructured::new(input));
}

fn conversation(input: &mut Unstructured<'_>) -> Result<()> {
    let [kind, windows, read, write] = input.arbitrary()?;
    let deflate = (kind & 0x80 != 0).then(|| deflate(windows, kind));
    let (mut client, mut server) = pair(&Config { deflate, ..Config::default() });
    while !input.is_empty() {
        let choice: u8 = input.arbitrary()?;
        let (from, to) =
            if choice & 1 == 0 { (&mut client, &mut server) } else { (&mut server, &mut client) };
        let mut sent = Outcome::default();
        for _ in 0..=(choice >> 1 & 3) {
            send(from, input, &mut sent)?;
        }
        let bytes = transmitted(from, read_size(write));
        let arrived = run(to, &bytes, read_size(read));
        compare(&sent, &arrived);
        let pongs = run(from, &transmitted(to, read_size(write)), read_size(read));
        assert_eq!((pongs.seen, pongs.error), (answers(&sent), None));
    }
    Ok(())
}

/// Sends one message in fragments, with Pings between them, and notes what should arrive.
fn send(from: &mut Connection, input: &mut Unstructured<'_>, sent: &mut Outcome) -> Result<()> {
    let [shape, fragments, size] = input.arbitrary::<[u8; 3]>()?;
    let kind = if shape & 1 == 0 { Kind::Text } else { Kind::Binary };
    let payload = payload(input, kind, size, shape >> 4)?;
    let parts = cut(input, &payload, fragments % 8)?;
    let last = parts.len() - 1;
    for (i, part) in parts.iter().enumerate() {
        from.send_fragment(kind, part, i == last).unwrap();
        if shape & 2 != 0 {
            from.ping(&part[..part.len().min(125)]).unwrap();
            sent.seen.push(Seen::Ping(part[..part.len().min(125)].to_vec()));
        }
    }
    sent.seen.push(Seen::Message(kind, parts.into_iter().map(<[u8]>::to_vec).collect()));
    Ok(())
}

/// A few bytes of the input, repeated: large messages out of small inputs.
fn payload(input: &mut Unstructured<'_>, kind: Kind, size: u8, times: u8) -> Result<Vec<u8>> {
    let bytes = input.bytes(usize::from(size).min(input.len()))?;
    let bytes = match kind {
        Kind::Text => String::from_utf8_lossy(bytes).into_owned().into_bytes(),
        Kind::Binary => bytes.to_vec(),
    };
    Ok(bytes.repeat(1 << times.min(6)))
}

/// Cut anywhere, in the middle of a code point too.
fn cut<'a>(input: &mut Unstructured<'_>, payload: &'a [u8], cuts: u8) -> Result<Vec<&'a [u8]>> {
    let mut rest = payload;
    let mut parts = Vec::new();
    for _ in 0..cuts {
        let (part, after) = rest.split_at(usize::from(input.arbitrary::<u16>()?) % (rest.len() + 1));
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    Ok(parts)
}

/// Pings may pass data that has not begun, so each kind is compared in its own order.
fn compare(sent: &Outcome, arrived: &Outcome) {
    assert_eq!(arrived.error, None);
    let apart = |of: &Outcome| -> (Vec<Seen>, Vec<Seen>) {
        of.seen.iter().cloned().partition(|seen| matches!(seen, Seen::Message(..)))
    };
    assert_eq!(apart(arrived), apart(sent));
}

/// RFC 6455 5.5.3: a Pong carries what its Ping carried.
fn answers(sent: &Outcome) -> Vec<Seen> {
    let pong = |seen: &Seen| match seen {
        Seen::Ping(payload) => Some(Seen::Pong(payload.clone())),
        _ => None,
    };
    sent.seen.iter().filter_map(pong).collect()
}
