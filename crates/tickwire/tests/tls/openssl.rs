//! OpenSSL as the server, over loopback: `openssl s_server`, which shares no line with rustls.

use crate::pair::{HOST, LAYERS, SUITES, certified};
use rustls::crypto::aws_lc_rs::cipher_suite;
use rustls::{ClientConfig, SupportedCipherSuite};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tickwire::{Tls, TlsRecords, Transport as _};

/// Far more than anything here takes, and how often a socket is read meanwhile.
const DEADLINE: Duration = Duration::from_secs(20);
const READS_MAX: u32 = 1000;

const RSA: [SupportedCipherSuite; 3] = [
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// `openssl` of version 3, which says where it listens; a machine without it is told so.
fn present() -> bool {
    static PRESENT: OnceLock<bool> = OnceLock::new();
    let present = *PRESENT.get_or_init(|| {
        let version = Command::new("openssl").arg("version").stdin(Stdio::null()).output();
        version.is_ok_and(|output| output.stdout.starts_with(b"OpenSSL 3"))
    });
    if !present {
        eprintln!("not tested: there is no openssl of version 3");
    }
    present
}

/// A server that ends with this value.
struct Server {
    child: Child,
    lines: Receiver<String>,
    address: String,
    client: Arc<ClientConfig>,
    /// The latest connection, as the system sees it.
    socket: Option<TcpStream>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// `mode` decides what it does with what it reads.
    fn start(suite: SupportedCipherSuite, mode: &[&str]) -> Self {
        let algorithm =
            if RSA.contains(&suite) { &rcgen::PKCS_RSA_SHA256 } else { &rcgen::PKCS_ECDSA_P256_SHA256 };
        let signing_key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let cert =
            rcgen::CertificateParams::new([HOST.to_owned()]).unwrap().self_signed(&signing_key).unwrap();
        let certified_key = rcgen::CertifiedKey { cert, signing_key };
        let pem = file(&(certified_key.cert.pem() + &certified_key.signing_key.serialize_pem()));
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert"])
            .arg(&pem)
            .args(named(suite))
            .args(mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = lines(child.stdout.take().unwrap());
        let client = certified(&[suite], &certified_key).client;
        let mut server = Self { child, lines, address: String::new(), client, socket: None };
        let accept = server.says("ACCEPT ");
        accept.trim_start_matches("ACCEPT ").clone_into(&mut server.address);
        std::fs::remove_file(pem).unwrap();
        server
    }

    /// Waits for a line that has `text` in it.
    fn says(&self, text: &str) -> String {
        loop {
            let line =
                self.lines.recv_timeout(DEADLINE).unwrap_or_else(|error| panic!("no {text:?}: {error}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Says `text` and lets the session go on until the server has shown it; what it has shown before.
    fn hears(&self, client: &mut Tls<TcpStream>, text: &str) -> Vec<String> {
        write(client, format!("{text}\n").as_bytes());
        let mut shown = Vec::new();
        for _ in 0..READS_MAX {
            for line in self.lines.try_iter() {
                shown.push(line);
            }
            if shown.iter().any(|line| line == text) {
                return shown;
            }
            assert_eq!(client.read(&mut [0; 100]).unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        panic!("{text:?} has not arrived: {shown:?}");
    }

    /// Content for the client, or a command.
    fn types(&mut self, line: &str) {
        self.child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    fn connect(&mut self, records: TlsRecords) -> Tls<TcpStream> {
        let stream = TcpStream::connect(&self.address).unwrap();
        // It blocks, so that a test needs no poll, and for so short a time that there is a look at the server meanwhile.
        stream.set_read_timeout(Some(DEADLINE / READS_MAX)).unwrap();
        self.socket = Some(stream.try_clone().unwrap());
        Tls::with_records(stream, Arc::clone(&self.client), HOST, records).unwrap()
    }
}

/// A file of this process's own.
fn file(text: &str) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("openssl-{}-{}.pem", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// What OpenSSL calls the suite.
fn named(suite: SupportedCipherSuite) -> [String; 3] {
    let name = format!("{:?}", suite.suite());
    if suite.tls13().is_some() {
        ["-tls1_3".into(), "-ciphersuites".into(), name.replace("TLS13_", "TLS_")]
    } else {
        // TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is ECDHE-RSA-AES128-GCM-SHA256, and ChaCha20's hash goes without saying.
        let name =
            name.trim_start_matches("TLS_").replace("_WITH", "").replace("POLY1305_SHA256", "POLY1305");
        ["-tls1_2".into(), "-cipher".into(), name.replace("AES_", "AES").replace('_', "-")]
    }
}

fn lines(stdout: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn write(client: &mut Tls<TcpStream>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let count = client.write(bytes).unwrap();
        bytes = &bytes[count..];
        client.flush().unwrap();
    }
}

fn read(client: &mut Tls<TcpStream>, len: usize) -> Vec<u8> {
    let mut got = Vec::new();
    let mut room = [0; 4096];
    for _ in 0..READS_MAX {
        match client.read(&mut room) {
            Ok(0) => panic!("the end after {} bytes", got.len()),
            Ok(count) => got.extend_from_slice(&room[..count]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        if got.len() >= len {
            break;
        }
    }
    got
}

#[test]
fn lines_come_back_reversed_with_every_suite() {
    if !present() {
        return;
    }
    for suite in SUITES.into_iter().chain(RSA) {
        let mut server = Server::start(suite, &["-rev"]);
        for records in LAYERS {
            let mut client = server.connect(records);
            for len in [1, 100, 3000] {
                let line: Vec<u8> = (0..len).map(|i| b'a' + u8::try_from(i % 26).unwrap()).collect();
                write(&mut client, &[&line[..], b"\n"].concat());
                let mut reversed: Vec<u8> = line.into_iter().rev().collect();
                reversed.push(b'\n');
                assert_eq!(read(&mut client, len + 1), reversed, "{suite:?}, {records:?}");
            }
            assert_eq!(client.records(), records);
            write(&mut client, b"CLOSE\n");
            let mut reads = (0..READS_MAX).map(|_| client.read(&mut [0; 100]));
            let end = reads.find(|read| read.as_ref().map_err(io::Error::kind) != Err(ErrorKind::WouldBlock));
            assert_eq!(end.unwrap().unwrap(), 0, "{suite:?}: its goodbye");
        }
    }
}

#[test]
fn a_second_connection_takes_up_the_session_of_the_first() {
    if !present() {
        return;
    }
    for suite in [SUITES[0], SUITES[1], SUITES[3]] {
        for records in LAYERS {
            let mut server = Server::start(suite, &[]);
            for resumed in [false, true] {
                let mut client = server.connect(records);
                let shown = server.hears(&mut client, "from the client");
                let reused = shown.iter().any(|line| line == "Reused session-id");
                assert_eq!(reused, resumed, "{suite:?}, {records:?}: {shown:?}");
                server.types("from the server\n");
                assert_eq!(read(&mut client, 16), b"from the server\n", "behind the tickets");
                client.shutdown();
            }
        }
    }
}

#[test]
fn keys_change_as_openssl_wants_it() {
    if !present() {
        return;
    }
    for suite in &SUITES[..3] {
        for records in LAYERS {
            let mut server = Server::start(*suite, &[]);
            let mut client = server.connect(records);
            let socket = server.socket.take().unwrap();
            server.hears(&mut client, "begin");
            // K asks for a key in return, k does not.
            for command in ["K", "k", "K"] {
                server.types(&format!("{command}\n"));
                // A command is one read of the server's: what follows has to wait until it has been obeyed.
                let obeyed = (0..READS_MAX).any(|_| socket.peek(&mut [0]).is_ok_and(|count| count > 0));
                assert!(obeyed, "{suite:?}, {records:?}, {command}");
                server.types("under a new key\n");
                assert_eq!(read(&mut client, 16), b"under a new key\n", "{suite:?}, {records:?}, {command}");
                server.hears(&mut client, "answer to it");
            }
        }
    }
}
