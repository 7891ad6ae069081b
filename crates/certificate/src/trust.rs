//! The authorities that are trusted: roots, and the issuing certificates below them.

use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::anchor_from_trusted_cert;
use x509_parser::certificate::X509Certificate;

use crate::fields::parse;

/// Why there are no trust anchors. A server must not start without them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    #[error("issuing certificate {0} (from 1) was not issued by one of the roots")]
    ForeignIssuing(usize),
    #[error("there is no root certificate")]
    NoRoot,
    #[error("root certificate {0} (from 1) cannot be read or is not a certificate authority's")]
    UnusableRoot(usize),
}

/// The authorities whose client certificates are accepted: several while one replaces another.
#[derive(Debug, Clone)]
pub struct TrustAnchors {
    pub(crate) roots: Vec<TrustAnchor<'static>>,
    pub(crate) issuing: Vec<CertificateDer<'static>>,
}

impl TrustAnchors {
    /// Trusts these roots. Clients do not have to send the issuing certificates that are given here. All DER.
    ///
    /// # Errors
    /// [`TrustError`]: no root at all, or a certificate that cannot be used. There is no partial success.
    pub fn new(roots: &[Vec<u8>], issuing: &[Vec<u8>]) -> Result<Self, TrustError> {
        if roots.is_empty() {
            return Err(TrustError::NoRoot);
        }
        let mut parsed = Vec::with_capacity(roots.len());
        let mut anchors = Vec::with_capacity(roots.len());
        for (index, der) in roots.iter().enumerate() {
            let unusable = TrustError::UnusableRoot(index + 1);
            let certificate = parse(der).filter(|root| root.is_ca()).ok_or(unusable.clone())?;
            let der = CertificateDer::from(der.as_slice());
            anchors.push(anchor_from_trusted_cert(&der).map_err(|_| unusable)?.to_owned());
            parsed.push(certificate);
        }
        for (index, der) in issuing.iter().enumerate() {
            parse(der)
                .filter(|certificate| {
                    certificate.is_ca() && parsed.iter().any(|root| issued_by(certificate, root))
                })
                .ok_or(TrustError::ForeignIssuing(index + 1))?;
        }
        Ok(Self {
            roots: anchors,
            issuing: issuing.iter().map(|der| CertificateDer::from(der.clone())).collect(),
        })
    }

    /// Trusts both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.roots.extend(other.roots);
        self.issuing.extend(other.issuing);
        self
    }
}

/// Whether issuer name and signature match. Dates and permissions are not checked.
pub(crate) fn issued_by(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == issuer.subject().as_raw()
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}
