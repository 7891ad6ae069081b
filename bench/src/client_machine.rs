//! A machine that was provisioned on the server under test, and its identity as the download page gives it (PKCS#12).

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use protocol::mode::ModeSummary;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// A machine with a certificate, and the person who is signed in on it.
#[derive(Debug)]
pub struct ClientMachine {
    pub email: String,
    /// DER.
    pub certificate: Vec<u8>,
    /// PKCS#12.
    pub package_file: PathBuf,
    pub package_password: String,
    /// PEM.
    pub authority_file: PathBuf,
    /// Presents the certificate, and speaks HTTP/1.1.
    pub tls: Arc<ClientConfig>,
    /// The access token.
    pub token: String,
    /// What `/native/modes` answered.
    pub modes: Vec<ModeSummary>,
}

impl ClientMachine {
    pub fn certificate_base64(&self) -> String {
        STANDARD.encode(&self.certificate)
    }

    /// As `tls`, towards a server whose certificate another authority made (PEM).
    pub fn tls_towards(&self, authority: &[u8]) -> Result<Arc<ClientConfig>> {
        let package = fs::read(&self.package_file)
            .with_context(|| format!("reading {}", self.package_file.display()))?;
        Ok(open_package(&package, &self.package_password, authority)?.1)
    }
}

/// Opens a package. Returns the leaf (DER) and a TLS configuration that presents it. `authority` is PEM.
pub fn open_package(
    package: &[u8],
    password: &str,
    authority: &[u8],
) -> Result<(Vec<u8>, Arc<ClientConfig>)> {
    let store = KeyStore::from_pkcs12(package, password, Pkcs12ImportPolicy::Strict)
        .context("opening the machine's package")?;
    let (_, chain) = store.private_key_chain().context("the machine's package holds no key")?;
    let certificates: Vec<_> =
        chain.certs().iter().map(|certificate| CertificateDer::from(certificate.as_der().to_vec())).collect();
    let leaf = certificates.first().context("the machine's package holds no certificate")?.to_vec();
    let key = PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority)?)?;
    let mut tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates, key.into())?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((leaf, Arc::new(tls)))
}
