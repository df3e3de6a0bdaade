//! A client of ours and a server of rustls, in memory.

use crate::forge::{Forge, Secrets};
use rcgen::{CertifiedKey, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, SupportedCipherSuite};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use tickwire::{Error, Tls, TlsRecords, Transport as _};

pub(crate) const HOST: &str = "venue.example";
pub(crate) const LAYERS: [TlsRecords; 2] = [TlsRecords::Direct, TlsRecords::Rustls];

/// Bytes on their way: to the client, from the client, and how many a read brings.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    pub(crate) to_client: VecDeque<u8>,
    pub(crate) to_server: VecDeque<u8>,
    pub(crate) read: usize,
    pub(crate) ended: bool,
    /// A stream that takes 1,000 bytes at a time, and nothing every other time; whether it has just taken some.
    pub(crate) slow: Option<bool>,
    /// A stream that takes nothing.
    pub(crate) full: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Pipe(pub(crate) Rc<RefCell<Wire>>);

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
        let mut wire = self.0.borrow_mut();
        if wire.full {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = match &mut wire.slow {
            None => from.len(),
            Some(taken) => {
                *taken = !*taken;
                if *taken { from.len().min(1000) } else { return Err(ErrorKind::WouldBlock.into()) }
            }
        };
        wire.to_server.extend(&from[..count]);
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) struct Pair {
    pub(crate) client: Tls<Pipe>,
    pub(crate) server: ServerConnection,
    pub(crate) wire: Rc<RefCell<Wire>>,
    /// What the server has read.
    pub(crate) arrived: Vec<u8>,
    /// The room that the client reads into.
    pub(crate) room: usize,
}

/// How a client's reading ends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// More may come.
    Open,
    /// The peer has said goodbye.
    Closed,
    /// The stream has ended without that.
    Cut,
    Failed(rustls::Error),
}

impl End {
    fn of(error: io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof {
            return Self::Cut;
        }
        match Error::from(error) {
            Error::Tls(error) => Self::Failed(error),
            error => panic!("{error}"),
        }
    }

    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Self::Cut | Self::Failed(_))
    }
}

/// What both sides trust and speak.
pub(crate) struct Settings {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
    secrets: Arc<Secrets>,
}

pub(crate) fn settings(suites: &[SupportedCipherSuite]) -> Settings {
    certified(suites, &rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap())
}

pub(crate) fn certified(suites: &[SupportedCipherSuite], key: &CertifiedKey<KeyPair>) -> Settings {
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
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private)
        .unwrap();
    let secrets = Arc::new(Secrets::default());
    server.key_log = Arc::clone(&secrets) as Arc<dyn rustls::KeyLog>;
    server.enable_secret_extraction = true;
    Settings { client: Arc::new(client), server: Arc::new(server), secrets }
}

impl Pair {
    pub(crate) fn new(settings: &Settings, read: usize, room: usize) -> Self {
        Self::with(settings, read, room, TlsRecords::Direct)
    }

    pub(crate) fn with(settings: &Settings, read: usize, room: usize, records: TlsRecords) -> Self {
        let wire = Rc::new(RefCell::new(Wire { read, ..Wire::default() }));
        let config = Arc::clone(&settings.client);
        let client = Tls::with_records(Pipe(Rc::clone(&wire)), config, HOST, records).unwrap();
        let server = ServerConnection::new(Arc::clone(&settings.server)).unwrap();
        Self { client, server, wire, arrived: Vec::new(), room }
    }

    /// A pair after the handshake, begun by a first write of the client's.
    pub(crate) fn open(settings: &Settings, read: usize, room: usize) -> Self {
        Self::opened(settings, read, room, TlsRecords::Direct)
    }

    pub(crate) fn opened(settings: &Settings, read: usize, room: usize, records: TlsRecords) -> Self {
        let mut pair = Self::with(settings, read, room, records);
        assert_eq!(pair.client.write(b"hello").unwrap(), 5);
        assert_eq!(pair.client_reads().unwrap(), b"");
        assert_eq!(pair.server_reads(), b"hello");
        pair.server_sends(b"");
        pair
    }

    /// The server's keys, and the client without it.
    pub(crate) fn forge(self, settings: &Settings) -> (Forge, Self) {
        let suite = self.server.negotiated_cipher_suite().unwrap();
        let fresh = ServerConnection::new(Arc::clone(&settings.server)).unwrap();
        let secrets = self.server.dangerous_extract_secrets().unwrap();
        (Forge::new(suite, secrets, &settings.secrets), Self { server: fresh, ..self })
    }

    /// What a client reads of `bytes`, and how it ends.
    pub(crate) fn reads(&mut self, bytes: &[u8]) -> (Vec<u8>, End) {
        self.wire.borrow_mut().to_client.extend(bytes);
        let mut out = Vec::new();
        let mut room = vec![0; self.room];
        loop {
            match self.client.read(&mut room) {
                Ok(0) => return (out, End::Closed),
                Ok(count) => out.extend_from_slice(&room[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return (out, End::Open),
                Err(error) => return (out, End::of(error)),
            }
        }
    }

    /// The same when nothing follows.
    pub(crate) fn reads_to_end(&mut self, bytes: &[u8]) -> (Vec<u8>, End) {
        self.wire.borrow_mut().ended = true;
        self.reads(bytes)
    }

    /// What the server has written and nobody has read.
    pub(crate) fn on_the_wire(&mut self) -> Vec<u8> {
        self.wire.borrow_mut().to_client.drain(..).collect()
    }

    /// Lets both sides talk until the client has nothing more to read; what has come out there.
    pub(crate) fn client_reads(&mut self) -> io::Result<Vec<u8>> {
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
    pub(crate) fn server_moves(&mut self) -> bool {
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

    pub(crate) fn server_writes(&mut self) -> bool {
        let mut sealed = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut sealed).unwrap();
        }
        self.wire.borrow_mut().to_client.extend(&sealed);
        !sealed.is_empty()
    }

    pub(crate) fn server_sends(&mut self, bytes: &[u8]) {
        self.server.writer().write_all(bytes).unwrap();
        self.server_writes();
    }

    pub(crate) fn server_reads(&mut self) -> Vec<u8> {
        self.server_moves();
        std::mem::take(&mut self.arrived)
    }

    pub(crate) fn client_sends(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = self.client.write(bytes).unwrap();
            bytes = &bytes[count..];
        }
    }
}

pub(crate) const SUITES: [SupportedCipherSuite; 6] = [
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

pub(crate) fn text(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect()
}
