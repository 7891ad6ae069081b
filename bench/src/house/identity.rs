//! A machine's identity as the download page gives it (PKCS#12), made ready for connections.

use std::sync::Arc;

use anyhow::{Context, Result};
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// Gives the leaf (DER) and what a client presents it with. `authority` is PEM.
pub fn open(package: &[u8], password: &str, authority: &[u8]) -> Result<(Vec<u8>, Arc<ClientConfig>)> {
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
