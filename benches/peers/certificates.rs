//! A throw-away identity, and TLS 1.3 with one cipher suite for everybody.

use crate::Outcome;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::sync::Arc;
use tickwire::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tickwire::rustls::pki_types::{PrivateKeyDer, ServerName};
use tickwire::rustls::{ClientConfig, RootCertStore, ServerConfig, version};

/// The name in the certificate.
pub(crate) const HOST: &str = "localhost";

/// Both ends' settings.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) name: ServerName<'static>,
}

impl Identity {
    /// A new key and certificate. The server gives its keys away, because the floors and the echo use the bare cipher.
    pub(crate) fn new() -> Outcome<Self> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()])?;
        let suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256];
        let provider = Arc::new(CryptoProvider { cipher_suites: suites, ..aws_lc_rs::default_provider() });
        let key = PrivateKeyDer::try_from(signing_key.serialize_der())?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        server.enable_secret_extraction = true;
        // Tickets would be records of their own among the counted ones.
        server.send_tls13_tickets = 0;
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone())?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(HOST)?;
        Ok(Self { client: Arc::new(client), server: Arc::new(server), name })
    }
}
