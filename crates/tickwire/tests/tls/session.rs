//! A session of the client's: every suite, any split, and what may come after the handshake.

use crate::pair::{End, LAYERS, Pair, SUITES, settings, text};
use rustls::crypto::CipherSuiteCommon;
use rustls::crypto::aws_lc_rs::cipher_suite;
use rustls::{AlertDescription, HandshakeKind, InvalidMessage, SupportedCipherSuite, Tls13CipherSuite};
use std::io::{ErrorKind, Read as _};
use tickwire::Transport as _;

#[test]
fn bytes_go_both_ways_with_every_suite_in_any_split() {
    let long = text(50_000);
    for suite in SUITES {
        let settings = settings(&[suite]);
        for (read, room) in [(1, 64 << 10), (7, 3), (1000, 1), (usize::MAX, 64 << 10), (usize::MAX, 20_000)] {
            let mut pair = Pair::open(&settings, read, room);
            for bytes in [&long[..1], &long[..300], &long] {
                pair.server_sends(bytes);
                assert_eq!(
                    pair.client_reads().unwrap(),
                    bytes,
                    "{suite:?}, reads of {read}, room for {room}"
                );
                pair.client_sends(bytes);
                assert_eq!(pair.server_reads(), bytes, "{suite:?}");
            }
        }
    }
}

#[test]
fn several_records_come_out_of_one_read_behind_one_another() {
    let mut pair = Pair::open(&settings(&SUITES[..1]), usize::MAX, 64 << 10);
    for part in text(1000).chunks(10) {
        pair.server_sends(part);
    }
    let mut room = vec![0; 64 << 10];
    assert_eq!(pair.client.read(&mut room).unwrap(), 1000);
    assert_eq!(room[..1000], text(1000));
}

/// So that what is known of the latest read of the stream, such as the kernel's time, is true of all that comes out.
#[test]
fn the_stream_is_not_read_before_all_has_come_out_of_what_was_read() {
    let settings = settings(&SUITES[..1]);
    for records in LAYERS {
        let mut pair = Pair::opened(&settings, usize::MAX, 100, records);
        assert_eq!(pair.client_reads().unwrap(), b"");
        let content = text(900);
        content.chunks(300).for_each(|record| pair.server_sends(record));
        let mut room = [0; 7];
        let mut out = Vec::new();
        loop {
            let count = pair.client.read(&mut room).unwrap();
            out.extend_from_slice(&room[..count]);
            if out.len() == content.len() {
                break;
            }
            pair.server_sends(b"later");
            let waiting = pair.wire.borrow().to_client.len();
            assert!(waiting > 0, "{records:?}: read after {} bytes", out.len());
        }
        assert_eq!(out, content, "{records:?}");
        let waiting = pair.wire.borrow().to_client.len();
        assert_eq!(
            waiting,
            (content.len().div_ceil(7) - 1) * (5 + 22),
            "{records:?}: each later record is untouched"
        );
    }
}

#[test]
fn keys_change_when_the_peer_asks_for_it() {
    for suite in &SUITES[..3] {
        let mut pair = Pair::open(&settings(&[*suite]), 100, 64 << 10);
        for round in 0..5 {
            pair.server_sends(b"before");
            // RFC 8446 4.6.3: an update that asks for one in return.
            pair.server.refresh_traffic_keys().unwrap();
            pair.server_sends(b"after");
            assert_eq!(pair.client_reads().unwrap(), b"beforeafter", "{suite:?}, round {round}");
            pair.client_sends(b"answer");
            assert_eq!(pair.server_reads(), b"answer", "{suite:?}, round {round}");
        }
    }
}

#[test]
fn key_updates_without_end_are_refused() {
    let mut pair = Pair::open(&settings(&SUITES[..1]), usize::MAX, 64 << 10);
    for _ in 0..40 {
        pair.server.refresh_traffic_keys().unwrap();
        pair.server_writes();
    }
    assert!(pair.client_reads().unwrap_err().to_string().contains("TooManyKeyUpdateRequests"));
}

#[test]
fn a_key_is_renewed_before_it_has_served_too_many_records() {
    let SupportedCipherSuite::Tls13(suite) = cipher_suite::TLS13_AES_128_GCM_SHA256 else { panic!() };
    let tired = Tls13CipherSuite {
        common: CipherSuiteCommon {
            suite: suite.common.suite,
            hash_provider: suite.common.hash_provider,
            confidentiality_limit: 10,
        },
        hkdf_provider: suite.hkdf_provider,
        aead_alg: suite.aead_alg,
        quic: None,
    };
    let tired = SupportedCipherSuite::Tls13(Box::leak(Box::new(tired)));
    let mut pair = Pair::open(&settings(&[tired]), usize::MAX, 64 << 10);
    for i in 0..100u8 {
        pair.client_sends(&[i]);
        assert_eq!(pair.server_reads(), [i], "the peer follows each change of key");
    }
}

#[test]
fn a_ticket_that_comes_after_the_handshake_is_used_by_the_next_connection() {
    let settings = settings(&SUITES[..1]);
    let first = Pair::open(&settings, usize::MAX, 64 << 10);
    assert_eq!(first.server.handshake_kind(), Some(HandshakeKind::Full));
    let second = Pair::open(&settings, usize::MAX, 64 << 10);
    assert_eq!(second.server.handshake_kind(), Some(HandshakeKind::Resumed));
}

#[test]
fn what_came_before_a_forged_record_is_handed_out_and_the_peer_is_told() {
    for suite in [SUITES[0], SUITES[3]] {
        let mut pair = Pair::open(&settings(&[suite]), usize::MAX, 64 << 10);
        pair.server_sends(b"good");
        pair.server_sends(b"forged");
        *pair.wire.borrow_mut().to_client.back_mut().unwrap() ^= 1;
        let mut room = vec![0; 64 << 10];
        assert_eq!(pair.client.read(&mut room).unwrap(), 4);
        for _ in 0..2 {
            let error = pair.client.read(&mut room).unwrap_err();
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            assert_eq!(inner, Some(&rustls::Error::DecryptError), "it sticks");
        }
        let bytes: Vec<u8> = pair.wire.borrow_mut().to_server.drain(..).collect();
        pair.server.read_tls(&mut bytes.as_slice()).unwrap();
        let told = pair.server.process_new_packets().unwrap_err();
        assert_eq!(told, rustls::Error::AlertReceived(AlertDescription::BadRecordMac));
    }
}

#[test]
fn a_record_longer_than_any_may_be_is_refused_by_its_header() {
    let mut pair = Pair::open(&settings(&SUITES[..1]), usize::MAX, 64 << 10);
    pair.wire.borrow_mut().to_client.extend([23, 3, 3, 0x41, 0x01]);
    let error = pair.client_reads().unwrap_err();
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    assert_eq!(inner, Some(&rustls::Error::PeerSentOversizedRecord), "RFC 8446 5.2: 2^14 + 256");
}

#[test]
fn a_message_of_the_handshake_that_is_too_long_for_its_buffer_is_refused_by_name() {
    let mut pair = Pair::new(&settings(&SUITES[..1]), usize::MAX, 64 << 10);
    // RFC 8446 4: a ServerHello of 2^16 - 1 bytes, a byte a record.
    let header = [[22, 3, 3, 0, 1, 2], [22, 3, 3, 0, 1, 0], [22, 3, 3, 0, 1, 0xFF], [22, 3, 3, 0, 1, 0xFF]];
    let bytes = [header.concat(), [22, 3, 3, 0, 1, 7].repeat(60_000)].concat();
    let end = End::Failed(InvalidMessage::HandshakePayloadTooLarge.into());
    assert_eq!(pair.reads(&bytes), (Vec::new(), end.clone()));
    assert_eq!(pair.reads(&[]), (Vec::new(), end), "it sticks");
}

#[test]
fn the_peers_goodbye_is_the_end_and_an_end_without_it_is_an_error() {
    for suite in [SUITES[0], SUITES[3]] {
        let settings = settings(&[suite]);
        let mut pair = Pair::open(&settings, usize::MAX, 64 << 10);
        pair.server_sends(b"last");
        pair.server.send_close_notify();
        pair.server_writes();
        let mut room = vec![0; 64 << 10];
        assert_eq!(pair.client.read(&mut room).unwrap(), 4);
        assert_eq!(pair.client.read(&mut room).unwrap(), 0);
        pair.client.shutdown();
        pair.server_moves();
        assert_eq!(pair.server.reader().read(&mut room).unwrap(), 0, "the client says goodbye, too");

        let mut cut = Pair::open(&settings, usize::MAX, 64 << 10);
        cut.wire.borrow_mut().ended = true;
        assert_eq!(cut.client.read(&mut room).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}

#[test]
fn an_alert_is_an_error_with_its_name() {
    let mut strange = settings(&SUITES[..1]);
    strange.client = settings(&SUITES[..1]).client;
    let mut pair = Pair::new(&strange, usize::MAX, 64 << 10);
    let error = pair.client_reads().unwrap_err();
    assert!(error.to_string().contains("certificate"), "another authority: {error}");
}

#[test]
fn a_stream_that_never_takes_everything_costs_no_more_memory_than_may_wait() {
    for records in LAYERS {
        let mut pair = Pair::opened(&settings(&SUITES[..1]), usize::MAX, 64 << 10, records);
        pair.wire.borrow_mut().slow = Some(false);
        let used = allocation_counter::measure(|| {
            let mut taken = 0;
            while taken < 10_000_000 {
                taken += pair.client.write(&[0; 2000]).unwrap_or(0);
                pair.wire.borrow_mut().to_server.clear();
            }
        });
        assert!(used.bytes_max < 512 << 10, "{records:?}: {}", used.bytes_max);
    }
}

#[test]
fn a_goodbye_in_the_same_read_as_the_handshakes_end_is_heard() {
    for records in LAYERS {
        for content in [&b""[..], b"content"] {
            let settings = settings(&SUITES[3..4]);
            let mut pair = Pair::with(&settings, usize::MAX, 64 << 10, records);
            assert_eq!(pair.reads(&[]), (Vec::new(), End::Open));
            assert!(pair.server_moves());
            assert_eq!(pair.reads(&[]), (Vec::new(), End::Open));
            // RFC 5246 7.3: in a full handshake of TLS 1.2 the server is the last to speak.
            assert!(pair.server_moves());
            pair.server_sends(content);
            pair.server.send_close_notify();
            pair.server_writes();
            assert_eq!(pair.reads(&[]), (content.to_vec(), End::Closed), "{records:?}");
        }
    }
}
