//! A throw-away certificate, for the suite's TLS server and for ours.

use crate::Outcome;
use rcgen::{CertificateParams, DnType, KeyPair};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tickwire::rustls::ServerConfig;
use tickwire::rustls::crypto::aws_lc_rs;
use tickwire::rustls::pki_types::PrivatePkcs8KeyDer;

#[derive(Debug)]
pub(crate) struct Identity {
    /// Files for the suite, PEM.
    pub(crate) key_file: PathBuf,
    pub(crate) certificate_file: PathBuf,
    /// What a client must trust, PEM.
    pub(crate) certificate: String,
    /// TLS 1.2 and 1.3 for our server.
    pub(crate) server: Arc<ServerConfig>,
}

impl Identity {
    /// Makes a key and a certificate for 127.0.0.1, and writes them into `folder`.
    pub(crate) fn make(folder: &Path) -> Outcome<Self> {
        let mut parameters = CertificateParams::new(["127.0.0.1".to_owned()])?;
        parameters.distinguished_name.push(DnType::CommonName, "tickwire-autobahn throw-away certificate");
        let key = KeyPair::generate()?;
        let certificate = parameters.self_signed(&key)?;
        let (key_file, certificate_file) = (folder.join("key.pem"), folder.join("certificate.pem"));
        fs::write(&key_file, key.serialize_pem())?;
        fs::write(&certificate_file, certificate.pem())?;
        let der = PrivatePkcs8KeyDer::from(key.serialize_der());
        let server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], der.into())?;
        Ok(Self { key_file, certificate_file, certificate: certificate.pem(), server: Arc::new(server) })
    }
}
