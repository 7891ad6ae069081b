//! The authorities that a server names, before anybody knows whether it is the right server.
//!
//! The server's certificate is not verified here, so nothing is sent but a request for `/ca.pem`: no token, no cookie, no
//! certificate. The response is not trusted until its fingerprint was confirmed.

use std::sync::Arc;

use http::Method;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::configuration::Server;
use crate::link::Fingerprint;
use crate::transport::Transport;
use crate::trust::{Trust, provider};

use super::EnrolmentError;

/// Where a server publishes its root certificates.
const PATH: &str = "/ca.pem";
/// More than an authority and its successor need.
const MAX_AUTHORITIES: usize = 8;

/// Root certificates as a server publishes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities {
    pub pem: String,
    pub fingerprints: Vec<Fingerprint>,
}

impl Authorities {
    pub fn read(pem: &[u8]) -> Option<Self> {
        let certificates: Vec<CertificateDer<'_>> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
        if certificates.is_empty() || certificates.len() > MAX_AUTHORITIES {
            return None;
        }
        let fingerprints = certificates.iter().map(|der| Fingerprint::of(der)).collect();
        // Encoded again, so that nothing but certificates is stored.
        let pem = certificates.iter().map(|der| package::pem("CERTIFICATE", der).to_string()).collect();
        Some(Self { pem, fingerprints })
    }

    /// Of these, the one that was confirmed.
    pub fn only(&self, fingerprint: Fingerprint) -> Option<Self> {
        let pem = CertificateDer::pem_slice_iter(self.pem.as_bytes())
            .filter_map(Result::ok)
            .find(|der| Fingerprint::of(der) == fingerprint)
            .map(|der| package::pem("CERTIFICATE", &der).to_string())?;
        Some(Self { pem, fingerprints: vec![fingerprint] })
    }

    pub fn trust(&self) -> Result<Trust, EnrolmentError> {
        Trust::in_authorities(self.pem.as_bytes()).map_err(|_| EnrolmentError::NoAuthority)
    }
}

/// From `server`, whoever it is.
pub async fn fetch_unverified(server: &Server) -> Result<Authorities, EnrolmentError> {
    let unverified = Trust::System(Arc::new(AcceptAny(provider())));
    fetch(&Transport::anonymous(server.clone(), &unverified)?).await
}

/// From the server that a transport leads to.
pub async fn fetch(transport: &Transport) -> Result<Authorities, EnrolmentError> {
    let url = transport.server().at(PATH, None);
    let answer = transport.exchange(Method::GET, url, http::HeaderMap::new(), Vec::new()).await?;
    let found = answer.status.is_success().then(|| Authorities::read(&answer.body)).flatten();
    found.ok_or(EnrolmentError::NoAuthority)
}

/// Accepts every certificate, but the server must have its key.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
