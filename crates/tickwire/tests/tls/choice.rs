//! Who opens and seals the records: as chosen, or as the configuration allows; from outside it is the same.

use crate::pair::{End, HOST, LAYERS, Pair, Pipe, SUITES, Settings, settings, text};
use rustls::crypto::aws_lc_rs::cipher_suite;
use rustls::crypto::cipher::{
    AeadKey, Iv, MessageDecrypter, MessageEncrypter, Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::{ClientConfig, ConnectionTrafficSecrets, SupportedCipherSuite, Tls13CipherSuite};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use tickwire::{Error, Tls, TlsRecords, Transport as _};

fn used(config: &Arc<ClientConfig>, records: TlsRecords) -> TlsRecords {
    let stream = Pipe(Rc::new(RefCell::default()));
    Tls::with_records(stream, Arc::clone(config), HOST, records).unwrap().records()
}

#[test]
fn records_are_opened_here_unless_rustls_is_chosen() {
    let settings = settings(&SUITES);
    for records in LAYERS {
        assert_eq!(used(&settings.client, records), records);
        let pair = Pair::opened(&settings, usize::MAX, 64 << 10, records);
        assert_eq!(pair.client.records(), records);
    }
    assert_eq!(used(&settings.client, TlsRecords::default()), TlsRecords::Direct);
}

#[test]
fn early_data_and_a_largest_fragment_are_left_to_rustls() {
    for change in [
        |config: &mut ClientConfig| config.enable_early_data = true,
        |config: &mut ClientConfig| config.max_fragment_size = Some(100),
    ] {
        let Settings { client, .. } = settings(&SUITES[..1]);
        let mut config = Arc::unwrap_or_clone(client);
        change(&mut config);
        assert_eq!(used(&Arc::new(config), TlsRecords::Direct), TlsRecords::Rustls);
    }
}

/// A provider that keeps its keys: all of them, or all but the one of zeros that it is tried with.
struct Keeper {
    inner: &'static dyn Tls13AeadAlgorithm,
    pretends: bool,
}

impl Tls13AeadAlgorithm for Keeper {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        self.inner.encrypter(key, iv)
    }
    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.inner.decrypter(key, iv)
    }
    fn key_len(&self) -> usize {
        self.inner.key_len()
    }
    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        if self.pretends && iv.as_ref() == [0; 12] {
            return self.inner.extract_keys(key, iv);
        }
        Err(UnsupportedOperationError)
    }
}

fn keeping(pretends: bool) -> Settings {
    let SupportedCipherSuite::Tls13(suite) = cipher_suite::TLS13_AES_128_GCM_SHA256 else { panic!() };
    let kept = Tls13CipherSuite {
        common: rustls::crypto::CipherSuiteCommon { ..suite.common },
        hkdf_provider: suite.hkdf_provider,
        aead_alg: Box::leak(Box::new(Keeper { inner: suite.aead_alg, pretends })),
        quic: None,
    };
    settings(&[SupportedCipherSuite::Tls13(Box::leak(Box::new(kept)))])
}

#[test]
fn a_provider_that_keeps_its_keys_is_used_through_rustls() {
    let settings = keeping(false);
    let mut pair = Pair::opened(&settings, 100, 1000, TlsRecords::Direct);
    assert_eq!(pair.client.records(), TlsRecords::Rustls);
    assert!(format!("{:?}", pair.client).contains("records: Rustls"));
    pair.server_sends(&text(50_000));
    assert_eq!(pair.client_reads().unwrap(), text(50_000));
    pair.client_sends(&text(50_000));
    assert_eq!(pair.server_reads(), text(50_000));
}

#[test]
fn keys_that_are_kept_against_expectation_are_an_error_that_says_what_to_do() {
    let mut pair = Pair::new(&keeping(true), usize::MAX, 64 << 10);
    assert_eq!(pair.client.records(), TlsRecords::Direct);
    for _ in 0..2 {
        let Error::TlsSettings(text) = Error::from(pair.client_reads().unwrap_err()) else { panic!() };
        assert!(text.contains("TlsRecords::Rustls"), "{text}");
    }
    let mut chosen = Pair::opened(&keeping(true), usize::MAX, 64 << 10, TlsRecords::Rustls);
    chosen.server_sends(b"content");
    assert_eq!(chosen.client_reads().unwrap(), b"content");
}

/// What the peer does, as bytes decide.
#[derive(Debug, Clone, Copy)]
enum Act {
    Send(usize),
    Update,
    Goodbye,
    Forge,
}

/// A sequence of acts from a number; the last one may end the session.
fn script(mut seed: u64) -> Vec<Act> {
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut acts: Vec<Act> = (0..draw(12))
        .map(|_| match draw(8) {
            0 => Act::Update,
            1 => Act::Send(usize::try_from(draw(40_000)).unwrap()),
            _ => Act::Send(usize::try_from(draw(300)).unwrap()),
        })
        .collect();
    match draw(3) {
        0 => acts.push(Act::Goodbye),
        1 => acts.push(Act::Forge),
        _ => {}
    }
    acts
}

/// What a client makes of a script.
fn outcome(
    settings: &Settings,
    acts: &[Act],
    read: usize,
    room: usize,
    records: TlsRecords,
) -> (Vec<u8>, End) {
    let mut pair = Pair::opened(settings, usize::MAX, room, records);
    let mut bytes = pair.on_the_wire();
    for act in acts {
        match act {
            Act::Send(len) => pair.server_sends(&text(*len)),
            // TLS 1.2 has none.
            Act::Update => pair.server.refresh_traffic_keys().unwrap_or_default(),
            Act::Goodbye => pair.server.send_close_notify(),
            Act::Forge => pair.server_sends(b"forged"),
        }
        pair.server_writes();
        let mut sealed = pair.on_the_wire();
        if let (Act::Forge, Some(last)) = (act, sealed.last_mut()) {
            *last ^= 1;
        }
        bytes.extend(sealed);
    }
    pair.wire.borrow_mut().read = read;
    let (mut plaintext, mut end) = pair.reads(&bytes);
    if end == End::Open {
        let (more, last) = pair.reads_to_end(&[]);
        plaintext.extend(more);
        end = last;
    }
    (plaintext, end)
}

#[test]
fn both_layers_read_the_same_from_the_same_peer() {
    for suite in SUITES {
        let settings = settings(&[suite]);
        for seed in 0..60 {
            let acts = script(seed);
            for (read, room) in
                [(usize::MAX, 64 << 10), (1 + usize::try_from(seed).unwrap() * 13, 1 + acts.len() * 100)]
            {
                let [ours, theirs] = LAYERS.map(|records| outcome(&settings, &acts, read, room, records));
                assert!(
                    ours == theirs,
                    "{suite:?}, seed {seed}, reads of {read}: {:?} and {:?}",
                    ours.1,
                    theirs.1
                );
                let sent: Vec<u8> = acts
                    .iter()
                    .flat_map(|act| if let Act::Send(len) = act { text(*len) } else { Vec::new() })
                    .collect();
                assert!(ours.0 == sent, "{suite:?}, seed {seed}: everything before the end");
            }
        }
    }
}

#[test]
fn nothing_is_written_behind_the_goodbye_which_is_said_once() {
    for suite in [SUITES[0], SUITES[3]] {
        let settings = settings(&[suite]);
        for records in LAYERS {
            let mut pair = Pair::opened(&settings, usize::MAX, 64 << 10, records);
            pair.client.shutdown();
            let said = pair.wire.borrow().to_server.len();
            pair.client.shutdown();
            assert_eq!(pair.client.write(b"more").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
            assert_eq!(pair.wire.borrow().to_server.len(), said, "{records:?}");
        }
    }
}
