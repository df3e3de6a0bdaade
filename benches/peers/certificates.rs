//! A throw-away identity, and TLS 1.3 with one cipher suite for everybody.

use crate::Outcome;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::sync::Arc;
use tickwire::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tickwire::rustls::pki_types::{PrivateKeyDer, ServerName};
use tickwire::rustls::{ClientConfig, RootCertStore, ServerConfig, version};

/// The name in the certificate.
pub(crate) const HOST: &str = "localhost";
/// The address in the certificate.
pub(crate) const ADDRESS: &str = "127.0.0.1";

/// Both ends' settings.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) name: ServerName<'static>,
    /// The certificate, for a client in another process.
    pub(crate) certificate: Vec<u8>,
}

impl Identity {
    /// A new key and certificate. The server gives its keys away, because the floors and the echo use the bare cipher.
    pub(crate) fn new() -> Outcome<Self> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([HOST.to_owned(), ADDRESS.to_owned()])?;
        let key = PrivateKeyDer::try_from(signing_key.serialize_der())?;
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        server.enable_secret_extraction = true;
        // Tickets would be records of their own among the counted ones.
        server.send_tls13_tickets = 0;
        let certificate = cert.der().to_vec();
        let client = client(&certificate)?;
        Ok(Self { client, server: Arc::new(server), name: ServerName::try_from(HOST)?, certificate })
    }
}

fn provider() -> Arc<CryptoProvider> {
    let suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256];
    Arc::new(CryptoProvider { cipher_suites: suites, ..aws_lc_rs::default_provider() })
}

/// A client that trusts this certificate and no other.
pub(crate) fn client(certificate: &[u8]) -> Outcome<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.to_vec().into())?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
