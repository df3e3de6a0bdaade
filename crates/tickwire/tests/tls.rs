//! The record layer against rustls as the server, in memory: every suite, any split, and what may come after the handshake.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use rustls::crypto::aws_lc_rs::{self, cipher_suite};
use rustls::crypto::{CipherSuiteCommon, CryptoProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::{
    AlertDescription, ClientConfig, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    SupportedCipherSuite, Tls13CipherSuite,
};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use tickwire::{Tls, Transport as _};

/// Bytes on their way: to the client, from the client, and how many a read brings.
#[derive(Default)]
struct Wire {
    to_client: VecDeque<u8>,
    to_server: VecDeque<u8>,
    read: usize,
    ended: bool,
}

#[derive(Clone)]
struct Pipe(Rc<RefCell<Wire>>);

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        let count = into.len().min(wire.read).min(wire.to_client.len());
        if count == 0 && !wire.ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        for (to, from) in into.iter_mut().zip(wire.to_client.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().to_server.extend(from);
        Ok(from.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Pair {
    client: Tls<Pipe>,
    server: ServerConnection,
    wire: Rc<RefCell<Wire>>,
    /// What the server has read.
    arrived: Vec<u8>,
    /// The room that the client reads into.
    room: usize,
}

/// What both sides trust and speak.
struct Settings {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

fn settings(suites: &[SupportedCipherSuite]) -> Settings {
    let key = rcgen::generate_simple_self_signed(["venue.example".to_owned()]).unwrap();
    let provider =
        Arc::new(CryptoProvider { cipher_suites: suites.to_vec(), ..aws_lc_rs::default_provider() });
    let version = suites.first().unwrap().version();
    let certificate = key.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let private = PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private)
        .unwrap();
    Settings { client: Arc::new(client), server: Arc::new(server) }
}

impl Pair {
    fn new(settings: &Settings, read: usize, room: usize) -> Self {
        let wire = Rc::new(RefCell::new(Wire { read, ..Wire::default() }));
        let client = Tls::new(Pipe(Rc::clone(&wire)), Arc::clone(&settings.client), "venue.example").unwrap();
        let server = ServerConnection::new(Arc::clone(&settings.server)).unwrap();
        Self { client, server, wire, arrived: Vec::new(), room }
    }

    /// A pair after the handshake, begun by a first write of the client's.
    fn open(settings: &Settings, read: usize, room: usize) -> Self {
        let mut pair = Self::new(settings, read, room);
        assert_eq!(pair.client.write(b"hello").unwrap(), 5);
        assert_eq!(pair.client_reads().unwrap(), b"");
        assert_eq!(pair.server_reads(), b"hello");
        pair.server_sends(b"");
        pair
    }

    /// Lets both sides talk until the client has nothing more to read; what has come out there.
    fn client_reads(&mut self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut room = vec![0; self.room];
        loop {
            match self.client.read(&mut room) {
                Ok(0) => return Ok(out),
                Ok(count) => out.extend_from_slice(&room[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !self.server_moves() {
                        return Ok(out);
                    }
                }
                Err(error) if out.is_empty() => return Err(error),
                Err(_) => return Ok(out),
            }
        }
    }

    /// The server takes what there is and answers; true if it had something to say.
    fn server_moves(&mut self) -> bool {
        let bytes: Vec<u8> = self.wire.borrow_mut().to_server.drain(..).collect();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            self.server.read_tls(&mut rest).unwrap();
            self.server.process_new_packets().unwrap();
            match self.server.reader().read_to_end(&mut self.arrived) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
                _ => {}
            }
        }
        self.server_writes()
    }

    fn server_writes(&mut self) -> bool {
        let mut sealed = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut sealed).unwrap();
        }
        self.wire.borrow_mut().to_client.extend(&sealed);
        !sealed.is_empty()
    }

    fn server_sends(&mut self, bytes: &[u8]) {
        self.server.writer().write_all(bytes).unwrap();
        self.server_writes();
    }

    fn server_reads(&mut self) -> Vec<u8> {
        self.server_moves();
        std::mem::take(&mut self.arrived)
    }

    fn client_sends(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = self.client.write(bytes).unwrap();
            bytes = &bytes[count..];
        }
    }
}

const SUITES: [SupportedCipherSuite; 6] = [
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

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
