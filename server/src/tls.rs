//! TLS of both listeners: TLS 1.2 and 1.3, with HTTP/2 and HTTP/1.1.
//!
//! The machines listener requests a client certificate and accepts any: none, an expired one, one of another authority.
//! It does verify the handshake's signature, so the peer holds the key of the certificate that it presents.

use std::sync::Arc;

use parking_lot::RwLock;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{self, CryptoProvider};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::TlsFiles;

/// The server's own certificate chain, leaf first, and its key.
#[derive(Debug)]
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the certificate and the key cannot be used together")]
    Identity(#[source] rustls::Error),
    #[error("{what} is not what it should be")]
    Pem { what: String, source: rustls_pki_types::pem::Error },
    #[error("{0} holds no certificate")]
    Empty(String),
    #[error("an authority's certificate cannot be read")]
    Authority(#[source] rustls::Error),
}

impl Identity {
    pub fn from_files(files: &TlsFiles) -> Result<Self, TlsError> {
        let certificate = files.certificate.display().to_string();
        let chain = CertificateDer::pem_file_iter(&files.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|source| TlsError::Pem { what: certificate.clone(), source })?;
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .map_err(|source| TlsError::Pem { what: files.key.display().to_string(), source })?;
        if chain.is_empty() { Err(TlsError::Empty(certificate)) } else { Ok(Self { chain, key }) }
    }

    pub fn from_pem(chain: &str, key: &str) -> Result<Self, TlsError> {
        let pem = |what: &str, source| TlsError::Pem { what: what.to_owned(), source };
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| pem("the server's certificate", e))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|e| pem("the server's key", e))?;
        if chain.is_empty() {
            Err(TlsError::Empty("the server's chain".to_owned()))
        } else {
            Ok(Self { chain, key })
        }
    }
}

/// A listener's configuration, which can be replaced while it serves. Handshakes that have begun keep theirs.
#[derive(Debug, Clone)]
pub struct ReloadableConfig(Arc<RwLock<Arc<ServerConfig>>>);

impl ReloadableConfig {
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read())
    }

    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write() = config;
    }
}

/// For the pages listener: never requests a client certificate.
pub fn pages(identity: Identity) -> Result<Arc<ServerConfig>, TlsError> {
    build(builder()?.with_no_client_auth(), identity)
}

/// For the machines listener. The names of `authorities` (DER) are sent to the client, which selects its certificate by
/// them (RFC 8446 §4.2.4).
pub fn machines(identity: Identity, authorities: &[Vec<u8>]) -> Result<Arc<ServerConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(CertificateDer::from(authority.as_slice())).map_err(TlsError::Authority)?;
    }
    let verifier = AnyClientCertificate { provider: provider(), names: roots.subjects() };
    build(builder()?.with_client_cert_verifier(Arc::new(verifier)), identity)
}

type Builder<State> = rustls::ConfigBuilder<ServerConfig, State>;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(crypto::ring::default_provider())
}

fn builder() -> Result<Builder<rustls::WantsVerifier>, TlsError> {
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Identity)
}

fn build(
    builder: Builder<rustls::server::WantsServerCert>,
    identity: Identity,
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = builder.with_single_cert(identity.chain, identity.key).map_err(TlsError::Identity)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Accepts every certificate whose key the client holds.
#[derive(Debug)]
struct AnyClientCertificate {
    provider: Arc<CryptoProvider>,
    names: Vec<DistinguishedName>,
}

impl ClientCertVerifier for AnyClientCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.names
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match crypto::verify_tls13_signature(message, certificate, signature, algorithms) {
            // rustls does not parse certificates of an old version or with unknown critical extensions. The signature is
            // verified with their key all the same, so that their owner gets the page that says what is wrong.
            Err(rustls::Error::InvalidCertificate(reason)) => match X509Certificate::from_der(certificate) {
                Ok((_, parsed)) => {
                    let key = SubjectPublicKeyInfoDer::from(parsed.public_key().raw);
                    crypto::verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
                }
                Err(_) => Err(rustls::Error::InvalidCertificate(reason)),
            },
            result => result,
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
