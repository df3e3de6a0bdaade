//! A hostile network between a server and the two record layers: the same script for both, and the own one never accepts
//! what rustls refuses.

use crate::forge::{ALERT, CONTENT, Forge, HANDSHAKE, Secrets};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use tickwire::rustls::client::Resumption;
use tickwire::rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, aws_lc_rs};
use tickwire::rustls::pki_types::PrivateKeyDer;
use tickwire::rustls::{
    self, ClientConfig, RootCertStore, ServerConfig, ServerConnection, SupportedCipherSuite, version,
};
use tickwire::{Tls, TlsRecords, Transport as _};

/// What the server does, and what becomes of it on the way.
#[derive(Debug)]
enum Act<'a> {
    /// Content.
    Send(&'a [u8]),
    /// The longest records.
    SendLong(u16),
    /// TLS 1.3: a change of key that asks for one in return.
    Update,
    Goodbye,
    /// Bytes that nobody has sealed.
    Inject(&'a [u8]),
    /// One of the bytes that wait to be read is another one.
    Flip(u16, u8),
    /// The last of the waiting bytes are lost.
    Cut(u16),
    /// What waits comes once more.
    Replay,
    /// The client reads so many bytes at a time, into so much room.
    Read(u16, u16),
    /// The client writes.
    Write(&'a [u8]),
    /// A record of any type, sealed by a server that keeps no rules.
    Seal(u8, &'a [u8]),
    /// The same with its type and its padding in the bytes.
    SealRaw(u8, &'a [u8]),
}

fn number(input: &mut &[u8]) -> u16 {
    let Some((number, rest)) = input.split_first_chunk() else { return 0 };
    *input = rest;
    u16::from_be_bytes(*number)
}

fn bytes<'a>(input: &mut &'a [u8]) -> &'a [u8] {
    let Some((count, rest)) = input.split_first() else { return &[] };
    let (bytes, rest) = rest.split_at(rest.len().min(usize::from(*count)));
    *input = rest;
    bytes
}

const HOST: &str = "venue.example";
/// What a run may move: the long reads in small steps are no news.
const RECEIVED_MAX: usize = 1 << 17;

/// Input: the suite and whether the server is forged, and a script as [`Act::parse`] reads it.
pub fn tls(input: &[u8]) {
    let [suite, rest @ ..] = input else { return };
    let acts = Act::parse(rest);
    let settings = settings(usize::from(*suite & 0x7f));
    let forged = suite & 0x80 != 0;
    let [ours, theirs] =
        [TlsRecords::Direct, TlsRecords::Rustls].map(|records| run(settings, records, forged, &acts));
    assert!(theirs.received.starts_with(&ours.received), "nothing comes out that rustls does not hand out");
    if ours.end == End::Closed {
        assert_eq!(theirs.end, End::Closed, "a goodbye is one for both");
    }
    if acts.iter().all(Act::is_honest) {
        assert_eq!(ours, theirs, "without an attacker there is no difference");
    }
}

impl<'a> Act<'a> {
    /// A byte says which, and what it needs follows: numbers in two bytes, bytes behind their count.
    fn parse(mut input: &'a [u8]) -> Vec<Self> {
        let mut acts = Vec::new();
        while let Some((kind, rest)) = input.split_first() {
            input = rest;
            acts.push(match kind % 12 {
                0 => Self::Send(bytes(&mut input)),
                1 => Self::SendLong(number(&mut input)),
                2 => Self::Update,
                3 => Self::Goodbye,
                4 => Self::Inject(bytes(&mut input)),
                5 => Self::Flip(number(&mut input), number(&mut input).to_be_bytes()[1]),
                6 => Self::Cut(number(&mut input)),
                7 => Self::Replay,
                8 => Self::Read(number(&mut input), number(&mut input)),
                9 => Self::Write(bytes(&mut input)),
                10 => Self::Seal(number(&mut input).to_be_bytes()[1], bytes(&mut input)),
                _ => Self::SealRaw(number(&mut input).to_be_bytes()[1], bytes(&mut input)),
            });
        }
        acts
    }

    fn is_honest(&self) -> bool {
        !matches!(
            self,
            Self::Inject(_)
                | Self::Flip(..)
                | Self::Cut(_)
                | Self::Replay
                | Self::Seal(..)
                | Self::SealRaw(..)
        )
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    received: Vec<u8>,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Open,
    Closed,
    /// The stream has ended without a goodbye.
    Cut,
    Failed(String),
}

/// Bytes on their way, and how many a read brings.
#[derive(Debug, Default)]
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

/// One of rustls's, or its keys.
enum Server {
    Honest(Box<ServerConnection>),
    Forged { forge: Box<Forge>, tls13: bool },
}

struct Pair {
    client: Tls<Pipe>,
    server: Server,
    wire: Rc<RefCell<Wire>>,
    room: usize,
    /// The server's content, and how much of it the client has.
    sent: Vec<u8>,
    outcome: Outcome,
}

fn run(settings: &Settings, records: TlsRecords, forged: bool, acts: &[Act<'_>]) -> Outcome {
    let wire = Rc::new(RefCell::new(Wire { read: usize::MAX, ..Wire::default() }));
    let client =
        Tls::with_records(Pipe(Rc::clone(&wire)), Arc::clone(&settings.client), HOST, records).unwrap();
    assert_eq!(client.records(), records);
    let server = ServerConnection::new(Arc::clone(&settings.server)).unwrap();
    let outcome = Outcome { received: Vec::new(), end: End::Open };
    let server = Server::Honest(Box::new(server));
    let mut pair = Pair { client, server, wire, room: 64 << 10, sent: Vec::new(), outcome };
    pair.shake_hands();
    if forged {
        pair.forge(settings);
    }
    for act in acts {
        pair.act(act);
    }
    pair.client_reads();
    pair.wire.borrow_mut().ended = true;
    pair.client_reads();
    pair.hear_the_alerts();
    pair.outcome
}

impl Pair {
    fn shake_hands(&mut self) {
        while let Server::Honest(server) = &self.server
            && server.is_handshaking()
        {
            self.client_reads();
            assert_eq!(self.outcome.end, End::Open);
            self.server_reads().unwrap();
        }
        // The end of it, and tickets.
        self.client_reads();
    }

    fn forge(&mut self, settings: &Settings) {
        let Server::Honest(server) = &mut self.server else { return };
        let suite = server.negotiated_cipher_suite().unwrap();
        let empty = ServerConnection::new(Arc::clone(&settings.server)).unwrap();
        let secrets = std::mem::replace(server.as_mut(), empty).dangerous_extract_secrets().unwrap();
        self.server = Server::Forged {
            forge: Box::new(Forge::new(suite, secrets, &settings.secrets)),
            tls13: suite.tls13().is_some(),
        };
    }

    /// Whatever has happened, the forged server can open what the client has said of it. rustls has a new key by then if it
    /// was asked for one.
    fn hear_the_alerts(&mut self) {
        if let Server::Forged { forge, .. } = &mut self.server
            && self.client.records() == TlsRecords::Direct
        {
            let said: Vec<u8> = self.wire.borrow_mut().to_server.drain(..).collect();
            assert!(forge.opened(&said).iter().all(|(content, said)| *content == ALERT && said.len() == 2));
        }
    }

    fn act(&mut self, act: &Act<'_>) {
        match act {
            Act::Send(bytes) => self.server_sends(bytes),
            Act::SendLong(len) => self.server_sends(&vec![7; usize::from(*len)]),
            Act::Update => self.server_updates(),
            Act::Goodbye => self.server_says_goodbye(),
            Act::Inject(bytes) => self.wire.borrow_mut().to_client.extend(*bytes),
            Act::Flip(at, bits) => {
                let mut wire = self.wire.borrow_mut();
                let at = usize::from(*at) % wire.to_client.len().max(1);
                if let Some(byte) = wire.to_client.get_mut(at) {
                    *byte ^= bits;
                }
            }
            Act::Cut(count) => {
                let mut wire = self.wire.borrow_mut();
                let left = wire.to_client.len().saturating_sub(usize::from(*count));
                wire.to_client.truncate(left);
            }
            Act::Replay => {
                let mut wire = self.wire.borrow_mut();
                let again = wire.to_client.clone();
                if again.len() < RECEIVED_MAX {
                    wire.to_client.extend(again);
                }
            }
            Act::Read(read, room) => {
                self.wire.borrow_mut().read = usize::from(*read) + 1;
                self.room = usize::from(*room) + 1;
                self.client_reads();
            }
            Act::Write(bytes) => self.client_writes(bytes),
            Act::Seal(content, bytes) => self.server_seals(*content, bytes),
            Act::SealRaw(outer, bytes) => self.server_seals_raw(*outer, bytes),
        }
    }

    fn server_sends(&mut self, bytes: &[u8]) {
        if self.sent.len() >= RECEIVED_MAX {
            return;
        }
        match &mut self.server {
            Server::Forged { .. } => bytes.chunks(1 << 14).for_each(|part| self.server_seals(CONTENT, part)),
            Server::Honest(server) => {
                server.writer().write_all(bytes).unwrap();
                self.sent.extend(bytes);
                self.server_writes();
            }
        }
    }

    fn server_seals(&mut self, content: u8, bytes: &[u8]) {
        match self.server {
            // RFC 8446 5.4: a type of zero is padding, and then a byte of the content is the type.
            Server::Forged { tls13: true, .. } => {
                self.server_seals_raw(CONTENT, &[bytes, &[content]].concat())
            }
            _ => self.server_seals_raw(content, bytes),
        }
    }

    fn server_seals_raw(&mut self, outer: u8, inner: &[u8]) {
        let Server::Forged { forge, tls13 } = &mut self.server else { return };
        self.wire.borrow_mut().to_client.extend(forge.sealed(outer, inner));
        let content = if *tls13 {
            let unpadded = inner.len() - inner.iter().rev().take_while(|byte| **byte == 0).count();
            inner[..unpadded].strip_suffix(&[CONTENT])
        } else {
            Some(inner).filter(|_| outer == CONTENT)
        };
        self.sent.extend(content.unwrap_or_default());
    }

    fn server_updates(&mut self) {
        match &mut self.server {
            // TLS 1.2 has none, and a server that has said goodbye says nothing more.
            Server::Honest(server) => {
                let _ = server.refresh_traffic_keys();
                self.server_writes();
            }
            Server::Forged { forge, tls13: true } => {
                let mut wire = self.wire.borrow_mut();
                wire.to_client.extend(forge.record(HANDSHAKE, &[24, 0, 0, 1, 1]));
                forge.update();
            }
            Server::Forged { .. } => {}
        }
    }

    fn server_says_goodbye(&mut self) {
        match &mut self.server {
            Server::Honest(server) => {
                server.send_close_notify();
                self.server_writes();
            }
            Server::Forged { .. } => self.server_seals(ALERT, &[1, 0]),
        }
    }

    fn server_writes(&mut self) {
        let Server::Honest(server) = &mut self.server else { return };
        let mut sealed = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut sealed).unwrap();
        }
        self.wire.borrow_mut().to_client.extend(sealed);
    }

    /// The server takes what there is; what it makes of a client of ours is never an error but an alert.
    fn server_reads(&mut self) -> Result<Vec<u8>, rustls::Error> {
        let Server::Honest(server) = &mut self.server else { return Ok(Vec::new()) };
        let bytes: Vec<u8> = self.wire.borrow_mut().to_server.drain(..).collect();
        let mut rest = bytes.as_slice();
        let mut arrived = Vec::new();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets()?;
            let _ = server.reader().read_to_end(&mut arrived);
        }
        self.server_writes();
        Ok(arrived)
    }

    fn client_reads(&mut self) {
        let mut room = vec![0; self.room];
        loop {
            let end = match self.client.read(&mut room) {
                Ok(0) => End::Closed,
                Ok(count) => {
                    assert_eq!(self.outcome.end, End::Open, "an end is the end");
                    let at = self.outcome.received.len();
                    assert_eq!(room[..count], self.sent[at..at + count], "what was sent, in order");
                    self.outcome.received.extend(&room[..count]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => End::Open,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => End::Cut,
                Err(error) => End::Failed(error.to_string()),
            };
            assert!(self.outcome.end == End::Open || self.outcome.end == end, "an end sticks");
            self.outcome.end = end;
            let answers = self.wire.borrow().to_server.len();
            let shaken = !matches!(&self.server, Server::Honest(server) if server.is_handshaking());
            assert!(!shaken || answers < 256, "a server that does not read: {answers}");
            return;
        }
    }

    /// Of a forged server the keys for what the client writes are not followed.
    fn client_writes(&mut self, bytes: &[u8]) {
        if matches!(self.server, Server::Forged { .. }) {
            return;
        }
        match self.client.write(bytes) {
            Ok(count) => match self.server_reads() {
                Ok(arrived) => {
                    assert_eq!(arrived, bytes[..count], "what the server reads is what was written")
                }
                Err(rustls::Error::AlertReceived(_)) => assert!(self.has_failed()),
                Err(error) => panic!("the client has sent what is none: {error}"),
            },
            Err(error) if error.kind() == ErrorKind::WouldBlock => assert!(bytes.is_empty()),
            Err(_) => assert!(self.has_failed()),
        }
    }

    fn has_failed(&self) -> bool {
        matches!(self.outcome.end, End::Failed(_))
    }
}

struct Settings {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    secrets: Arc<Secrets>,
}

const SUITES: [SupportedCipherSuite; 6] = [
    aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
    aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// Made once a process: a certificate costs more than a session.
fn settings(suite: usize) -> &'static Settings {
    static MADE: OnceLock<Vec<Settings>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let certified = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        SUITES.iter().map(|suite| make(*suite, &certified)).collect()
    });
    &made[suite % made.len()]
}

fn make(suite: SupportedCipherSuite, certified: &rcgen::CertifiedKey<rcgen::KeyPair>) -> Settings {
    let provider = aws_lc_rs::default_provider();
    let provider = CryptoProvider { cipher_suites: vec![suite], secure_random: &Fixed, ..provider };
    let provider = Arc::new(provider);
    let versions: &[_] = if suite.tls13().is_some() { &[&version::TLS13] } else { &[&version::TLS12] };
    let certificate = certified.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // What one run leaves must not change the next.
    client.resumption = Resumption::disabled();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let secrets = Arc::new(Secrets::default());
    server.key_log = Arc::clone(&secrets) as Arc<dyn rustls::KeyLog>;
    server.enable_secret_extraction = true;
    Settings { client: Arc::new(client), server: Arc::new(server), secrets }
}

/// Not random at all: as much of a run as possible is the same the next time. Keys are still drawn elsewhere.
#[derive(Debug)]
struct Fixed;

impl SecureRandom for Fixed {
    fn fill(&self, into: &mut [u8]) -> Result<(), GetRandomFailed> {
        into.fill(7);
        Ok(())
    }
}
