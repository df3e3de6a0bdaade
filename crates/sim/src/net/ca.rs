//! A certificate authority that lives as long as one server, so that nothing on disk needs to be trusted.

use std::sync::Arc;

use rcgen::KeyUsagePurpose;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::error::Error;

/// What the server presents, and what a client must trust for it.
#[derive(Debug)]
pub(super) struct Identity {
    /// TLS 1.2 and 1.3 with a certificate for `localhost` and 127.0.0.1.
    pub(super) config: Arc<ServerConfig>,
    /// The authority's certificate, PEM.
    pub(super) ca_pem: String,
}

/// Makes an authority with a fresh key and lets it sign one server certificate.
pub(super) fn identity() -> Result<Identity, Error> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    authority.distinguished_name.push(DnType::CommonName, "tickwire-sim throw-away authority");
    let authority_key = KeyPair::generate()?;
    let ca_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);

    // rcgen turns a name that parses as an IP address into an IP entry.
    let mut server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    server.distinguished_name.push(DnType::CommonName, "localhost");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server_key = KeyPair::generate()?;
    let certificate = server.signed_by(&server_key, &issuer)?;

    let key = PrivatePkcs8KeyDer::from(server_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())?;
    Ok(Identity { config: Arc::new(config), ca_pem })
}
