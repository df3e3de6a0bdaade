//! The cases of `cases`, read by both layers, and what the client answers.

use crate::cases::{
    Allowed, HELLO_REQUEST, NO_RENEGOTIATION, Refused, Rustls, UPDATE, allowed12, allowed13, content,
    refused12, refused13, updates,
};
use crate::forge::{ALERT, Forge, HANDSHAKE};
use crate::pair::{End, LAYERS, Pair, SUITES, settings};
use tickwire::TlsRecords;

/// A session of which the forge has the server's part, with reads of `read` bytes.
fn forged(suite: usize, read: usize, room: usize, records: TlsRecords) -> (Forge, Pair) {
    let settings = settings(&SUITES[suite..=suite]);
    let (forge, mut pair) = Pair::opened(&settings, usize::MAX, room, records).forge(&settings);
    assert_eq!(pair.reads(&[]), (Vec::new(), End::Open));
    pair.wire.borrow_mut().read = read;
    pair.wire.borrow_mut().to_server.clear();
    (forge, pair)
}

#[test]
fn what_a_server_rarely_sends_means_the_same_to_both_layers() {
    for (suite, cases) in
        [(0, allowed13()), (1, allowed13()), (2, allowed13()), (3, allowed12()), (5, allowed12())]
    {
        for Allowed(name, make, content, end) in cases {
            for (read, room) in [(usize::MAX, 64 << 10), (usize::MAX, 20), (1, 64 << 10), (13, 2)] {
                for records in LAYERS {
                    let (mut forge, mut pair) = forged(suite, read, room, records);
                    let bytes = make(&mut forge);
                    assert_eq!(
                        pair.reads(&bytes),
                        (content.to_vec(), end.clone()),
                        "{name}, {records:?}, reads of {read}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_no_server_may_send_is_refused_and_the_server_is_told_why() {
    for (suite, cases) in [(0, refused13()), (2, refused13()), (3, refused12()), (5, refused12())] {
        for Refused(name, make, error, alert, rustls) in cases {
            for read in [usize::MAX, 7] {
                let (mut forge, mut pair) = forged(suite, read, 64 << 10, TlsRecords::Direct);
                let before = content(&mut forge);
                let bytes = [before, make(&mut forge)].concat();
                let end = End::Failed(error.clone());
                assert_eq!(pair.reads(&bytes), (b"content".to_vec(), end.clone()), "{name}");
                assert_eq!(pair.reads(&[]), (Vec::new(), end.clone()), "{name}: it sticks");
                let sent: Vec<u8> = pair.wire.borrow_mut().to_server.drain(..).collect();
                let told = forge.opened(&sent).pop();
                assert_eq!(told, alert.map(|alert| (ALERT, vec![2, alert.into()])), "{name}");

                let (mut forge, mut pair) = forged(suite, read, 64 << 10, TlsRecords::Rustls);
                let before = content(&mut forge);
                let bytes = [before, make(&mut forge)].concat();
                let (_, other) = pair.reads(&bytes);
                let verdict = match &other {
                    other if *other == end => Rustls::Same,
                    End::Failed(_) => Rustls::OtherError,
                    _ => Rustls::Accepts,
                };
                assert_eq!(verdict, rustls, "{name}: {other:?}");
            }
        }
    }
}

#[test]
fn a_request_to_renegotiate_is_answered_with_no() {
    let (mut forge, mut pair) = forged(3, usize::MAX, 64 << 10, TlsRecords::Direct);
    let bytes = forge.record(HANDSHAKE, &HELLO_REQUEST);
    assert_eq!(pair.reads(&bytes), (Vec::new(), End::Open));
    let sent: Vec<u8> = pair.wire.borrow_mut().to_server.drain(..).collect();
    assert_eq!(forge.opened(&sent), [(ALERT, NO_RENEGOTIATION.to_vec())]);
}

#[test]
fn peers_that_ask_for_keys_and_do_not_read_are_answered_once() {
    let (mut forge, mut pair) = forged(0, usize::MAX, 64 << 10, TlsRecords::Direct);
    for _ in 0..1000 {
        let bytes = updates(&mut forge, 1);
        assert_eq!(pair.reads(&bytes), (b"content".to_vec(), End::Open));
    }
    assert!(pair.wire.borrow().to_server.is_empty(), "before there is something to say");
    pair.client_sends(b"answer");
    let sent: Vec<u8> = pair.wire.borrow_mut().to_server.drain(..).collect();
    let under_the_old_key = 5 + UPDATE.len() + 1 + 16;
    assert_eq!(forge.opened(&sent[..under_the_old_key]), [(HANDSHAKE, UPDATE.to_vec())]);
    assert_eq!(sent.len(), under_the_old_key + 5 + b"answer".len() + 1 + 16);
}
