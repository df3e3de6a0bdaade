//! What happens to records on their way: any cut does nothing, and any change is refused.

use crate::pair::{End, LAYERS, Pair, SUITES, Settings, settings, text};
use rustls::Error;
use tickwire::TlsRecords;

const ROOM: usize = 64 << 10;

fn open(settings: &Settings, records: TlsRecords) -> Pair {
    let mut pair = Pair::opened(settings, usize::MAX, ROOM, records);
    // Tickets.
    assert_eq!(pair.reads(&[]), (Vec::new(), End::Open));
    pair
}

/// A record for each of `contents`, as the server seals them.
fn sealed<const N: usize>(pair: &mut Pair, contents: [&[u8]; N]) -> [Vec<u8>; N] {
    contents.map(|content| {
        pair.server_sends(content);
        pair.on_the_wire()
    })
}

#[test]
fn a_flipped_bit_anywhere_in_a_record_is_refused_with_all_of_it() {
    for suite in SUITES {
        let settings = settings(&[suite]);
        let len = sealed(&mut open(&settings, TlsRecords::Direct), [b"victim"])[0].len();
        for (at, bit) in (0..len).flat_map(|at| [(at, 1), (at, 0x80)]) {
            let mut pair = open(&settings, TlsRecords::Direct);
            let [good, mut victim, after] = sealed(&mut pair, [b"good", b"victim", b"after"]);
            victim[at] ^= bit;
            let (plaintext, end) = pair.reads_to_end(&[good, victim, after].concat());
            assert_eq!(plaintext, b"good", "{suite:?}, byte {at}");
            assert!(end.is_error(), "{suite:?}, byte {at}: {end:?}");
            assert_eq!(pair.reads(&[]), (Vec::new(), end), "it sticks");
        }
    }
}

#[test]
fn records_out_of_order_replayed_or_dropped_are_refused_by_both_layers() {
    for suite in SUITES {
        let settings = settings(&[suite]);
        for records in LAYERS {
            let orders: [(&[usize], &[u8]); 4] =
                [(&[1, 0], b""), (&[0, 0], b"a"), (&[0, 2], b"a"), (&[0, 1, 0], b"ab")];
            for (order, expected) in orders {
                let mut pair = open(&settings, records);
                let stream = sealed(&mut pair, [b"a", b"b", b"c"]);
                let bytes: Vec<u8> = order.iter().flat_map(|at| stream[*at].clone()).collect();
                let failed = End::Failed(Error::DecryptError);
                assert_eq!(
                    pair.reads(&bytes),
                    (expected.to_vec(), failed),
                    "{suite:?}, {records:?}, {order:?}"
                );
            }
        }
    }
}

#[test]
fn a_stream_cut_anywhere_ends_in_an_error_behind_what_was_whole() {
    for suite in [SUITES[0], SUITES[3]] {
        let settings = settings(&[suite]);
        for records in LAYERS {
            let lens = sealed(&mut open(&settings, records), [b"whole", b"half"]).map(|record| record.len());
            for cut in 0..=lens[0] + lens[1] {
                let mut pair = open(&settings, records);
                let stream = sealed(&mut pair, [b"whole", b"half"]).concat();
                let expected: &[u8] = match cut {
                    cut if cut < lens[0] => b"",
                    cut if cut < stream.len() => b"whole",
                    _ => b"wholehalf",
                };
                assert_eq!(
                    pair.reads_to_end(&stream[..cut]),
                    (expected.to_vec(), End::Cut),
                    "{records:?}, {cut}"
                );
            }
        }
    }
}

/// What a server says after the handshake: tickets, content, a change of keys, an empty line of goodbye.
fn conversation(pair: &mut Pair, tls13: bool) -> Vec<u8> {
    pair.server_sends(b"one");
    pair.server_sends(&text(300));
    if tls13 {
        pair.server.refresh_traffic_keys().unwrap();
    }
    pair.server_sends(b"two");
    pair.server.send_close_notify();
    pair.server_writes();
    pair.on_the_wire()
}

#[test]
fn where_reads_cut_a_stream_makes_no_difference() {
    let expected = [&b"one"[..], &text(300), b"two"].concat();
    for suite in [SUITES[0], SUITES[3]] {
        let settings = settings(&[suite]);
        for records in LAYERS {
            let mut at = 0;
            loop {
                // The tickets are still on the wire.
                let mut pair = Pair::opened(&settings, usize::MAX, ROOM, records);
                let tickets = pair.on_the_wire();
                let stream = [tickets, conversation(&mut pair, suite.tls13().is_some())].concat();
                let (first, rest) = stream.split_at(at);
                let (mut plaintext, _) = pair.reads(first);
                let (more, end) = pair.reads(rest);
                plaintext.extend(more);
                assert_eq!((plaintext, end), (expected.clone(), End::Closed), "{suite:?}, {records:?}, {at}");
                if rest.is_empty() {
                    break;
                }
                at += 1;
            }
        }
    }
}

#[test]
fn where_reads_cut_the_handshake_makes_no_difference() {
    for suite in [SUITES[0], SUITES[3]] {
        let settings = settings(&[suite]);
        for records in LAYERS {
            let mut at = 1;
            loop {
                let mut pair = Pair::with(&settings, usize::MAX, ROOM, records);
                assert_eq!(pair.reads(&[]), (Vec::new(), End::Open));
                pair.server_moves();
                let flight = pair.on_the_wire();
                let (first, rest) = flight.split_at(at.min(flight.len()));
                assert_eq!(pair.reads(first), (Vec::new(), End::Open));
                assert_eq!(pair.reads(rest), (Vec::new(), End::Open));
                pair.client_reads().unwrap();
                pair.server_sends(b"content");
                assert_eq!(pair.reads(&[]), (b"content".to_vec(), End::Open), "{suite:?}, {records:?}, {at}");
                if rest.is_empty() {
                    break;
                }
                at += 1;
            }
        }
    }
}

#[test]
fn a_handshake_cut_short_is_an_error() {
    for suite in [SUITES[0], SUITES[3]] {
        let settings = settings(&[suite]);
        for records in LAYERS {
            let mut at = 0;
            loop {
                let mut pair = Pair::with(&settings, usize::MAX, ROOM, records);
                assert_eq!(pair.reads(&[]), (Vec::new(), End::Open));
                pair.server_moves();
                let flight = pair.on_the_wire();
                // All of the first flight would be the whole handshake of TLS 1.3.
                if at + 1 >= flight.len() {
                    break;
                }
                assert_eq!(
                    pair.reads_to_end(&flight[..at]),
                    (Vec::new(), End::Cut),
                    "{suite:?}, {records:?}, {at}"
                );
                at += 7;
            }
        }
    }
}
