//! How the server's certificate is verified.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// One of the two, never both: where the organisation's own authority issues the server's certificate, no public one may.
#[derive(Debug, Clone)]
pub enum Trust {
    /// By these authorities, and no other.
    Authorities(Arc<RootCertStore>),
    /// By the system's trust store.
    System(Arc<dyn ServerCertVerifier>),
}

/// A PEM text without a certificate, or with something that is none.
#[derive(Debug, thiserror::Error)]
#[error("expected certificates in PEM")]
pub struct NotAuthorities(#[source] Option<Box<dyn std::error::Error + Send + Sync>>);

impl Trust {
    /// The certificates of a PEM text.
    pub fn in_authorities(pem: &[u8]) -> Result<Self, NotAuthorities> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| NotAuthorities(Some(Box::new(error))))?;
            roots.add(certificate).map_err(|error| NotAuthorities(Some(Box::new(error))))?;
        }
        if roots.is_empty() { Err(NotAuthorities(None)) } else { Ok(Self::Authorities(Arc::new(roots))) }
    }

    pub fn in_system() -> Result<Self, rustls::Error> {
        Ok(Self::System(Arc::new(rustls_platform_verifier::Verifier::new(provider())?)))
    }

    pub fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
        match self {
            Self::Authorities(roots) => {
                let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider());
                Ok(verifier.build().map_err(|error| rustls::Error::General(error.to_string()))?)
            }
            Self::System(verifier) => Ok(Arc::clone(verifier)),
        }
    }
}

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
