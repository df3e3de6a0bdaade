//! TLS over another byte stream, by rustls.

use crate::error::Error;
use crate::transport::Transport;
use mio::event::Source;
use mio::{Interest, Registry, Token};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io::{self, Read, Write};
use std::sync::Arc;

/// A TLS session of the client's side over a nonblocking stream.
#[derive(Debug)]
pub struct Tls<S> {
    stream: S,
    session: ClientConnection,
    /// The session has failed; what was decrypted before that comes first.
    failed: Option<rustls::Error>,
}

impl<S: Read + Write> Tls<S> {
    /// Begins a session with `host`, whose name the certificate must bear. The handshake goes on by itself as the
    /// stream is read and written.
    ///
    /// # Errors
    /// [`Error::TlsSettings`] if `host` can be in no certificate, [`Error::Tls`] for a configuration without usable suites.
    pub fn new(stream: S, config: Arc<ClientConfig>, host: &str) -> Result<Self, Error> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::TlsSettings(format!("{host:?} can be in no certificate")))?;
        let session = ClientConnection::new(config, name).map_err(Error::Tls)?;
        Ok(Self { stream, session, failed: None })
    }

    /// Writes the records that wait.
    fn write_records(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            if self.session.write_tls(&mut self.stream)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Reads records and moves the session on. `false` at the end of the stream or after the peer's close_notify.
    fn read_records(&mut self) -> io::Result<bool> {
        if let Some(error) = &self.failed {
            return Err(io::Error::new(io::ErrorKind::InvalidData, error.clone()));
        }
        let count = self.session.read_tls(&mut self.stream)?;
        let closed = match self.session.process_new_packets() {
            Ok(state) => state.peer_has_closed(),
            Err(error) => {
                self.failed = Some(error);
                false
            }
        };
        // Handshake messages and alerts. What cannot be written waits, and the next flush tells: reading comes first.
        let _ = self.write_records();
        Ok((count > 0 && !closed) || self.failed.is_some())
    }
}

impl<S: Read + Write> Transport for Tls<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            // An `Ok(0)` is the peer's close_notify, an `UnexpectedEof` the end without one.
            match self.session.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            if !self.read_records()? && self.session.is_handshaking() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        // Room is made first: a full session "would block" only if the socket does, or no readiness would follow.
        match self.write_records() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        match self.session.writer().write(from)? {
            // Full: the socket takes no more, or the handshake waits for the peer.
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => {
                // What was taken is sealed and waits in the session; an error comes again with the next call.
                let _ = self.write_records();
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_records()?;
        self.stream.flush()
    }

    fn shutdown(&mut self) {
        self.session.send_close_notify();
        let _ = self.write_records();
    }
}

impl<S: Source> Source for Tls<S> {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.stream.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.stream.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.stream.deregister(registry)
    }
}

/// A configuration that trusts the public web's roots and `extra` ones.
pub(crate) fn config(extra: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in extra {
        roots.add(certificate.clone()).map_err(|error| Error::TlsSettings(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The certificates of a PEM text; at least one.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(list) if list.is_empty() => {
            Err(Error::TlsSettings("there is no certificate in the PEM text".into()))
        }
        Ok(list) => Ok(list),
        Err(error) => Err(Error::TlsSettings(format!("not a PEM text: {error}"))),
    }
}
