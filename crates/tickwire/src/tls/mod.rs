//! TLS over another byte stream: rustls shakes hands; the records are opened here or by rustls, see [`TlsRecords`].

mod aead;
mod buffer;
mod buffered;
mod choice;
mod config;
mod direct;
mod handshake;
mod record;
mod session;
mod stream;

pub use choice::TlsRecords;
pub(crate) use config::{certificates, config};

use crate::error::Error;
use crate::transport::Transport;
use buffered::Buffered;
use direct::Direct;
use mio::event::Source;
use mio::{Interest, Registry, Token};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

/// A TLS session of the client's side over a nonblocking stream.
///
/// rustls does the handshake, with the caller's configuration; [`TlsRecords`] says who opens and seals the records.
pub struct Tls<S> {
    stream: S,
    layer: Layer,
    /// Nothing more will be written.
    shut: bool,
}

/// From outside there is no difference: what came before an error is read first, and then the error sticks; an end of the
/// stream without the peer's goodbye is one.
enum Layer {
    Direct(Box<Direct>),
    Rustls(Box<Buffered>),
}

impl<S: Read + Write> Tls<S> {
    /// Begins a session with `host`, whose name the certificate must bear. The handshake goes on by itself as the
    /// stream is read and written.
    ///
    /// # Errors
    /// [`Error::TlsSettings`] if `host` can be in no certificate, [`Error::Tls`] for a configuration without usable suites.
    pub fn new(stream: S, config: Arc<ClientConfig>, host: &str) -> Result<Self, Error> {
        Self::with_records(stream, config, host, TlsRecords::default())
    }

    /// The same with a choice of who opens and seals the records, as far as the configuration leaves one.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_records(
        stream: S,
        config: Arc<ClientConfig>,
        host: &str,
        records: TlsRecords,
    ) -> Result<Self, Error> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::TlsSettings(format!("{host:?} can be in no certificate")))?;
        let layer = match records.with(&config) {
            TlsRecords::Direct => Direct::new(config, name).map(|layer| Layer::Direct(Box::new(layer))),
            TlsRecords::Rustls => Buffered::new(config, name).map(|layer| Layer::Rustls(Box::new(layer))),
        };
        Ok(Self { stream, layer: layer.map_err(Error::Tls)?, shut: false })
    }
}

impl<S> Tls<S> {
    /// The stream below.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Who opens and seals the records of this session.
    #[must_use]
    pub fn records(&self) -> TlsRecords {
        match &self.layer {
            Layer::Direct(_) => TlsRecords::Direct,
            Layer::Rustls(_) => TlsRecords::Rustls,
        }
    }
}

impl<S: Read + Write> Transport for Tls<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        match &mut self.layer {
            Layer::Direct(layer) => layer.read(&mut self.stream, into),
            Layer::Rustls(layer) => layer.read(&mut self.stream, into),
        }
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        if self.shut {
            return Err(ErrorKind::BrokenPipe.into());
        }
        match &mut self.layer {
            Layer::Direct(layer) => layer.write(&mut self.stream, from),
            Layer::Rustls(layer) => layer.write(&mut self.stream, from),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.layer {
            Layer::Direct(layer) => layer.flush(&mut self.stream),
            Layer::Rustls(layer) => layer.flush(&mut self.stream),
        }
    }

    fn shutdown(&mut self) {
        if std::mem::replace(&mut self.shut, true) {
            // Said once; what could not be written then may be possible now.
            let _ = self.flush();
            return;
        }
        match &mut self.layer {
            Layer::Direct(layer) => layer.shutdown(&mut self.stream),
            Layer::Rustls(layer) => layer.shutdown(&mut self.stream),
        }
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

impl<S: std::fmt::Debug> std::fmt::Debug for Tls<S> {
    /// No keys, no content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let failed = match &self.layer {
            Layer::Direct(layer) => layer.failed(),
            Layer::Rustls(layer) => layer.failed(),
        };
        f.debug_struct("Tls")
            .field("stream", &self.stream)
            .field("records", &self.records())
            .field("failed", &failed)
            .finish_non_exhaustive()
    }
}
