//! Judging what a client presents.
//!
//! Who signed it is settled first, at an instant at which the certificate itself was valid; only then its
//! dates are looked at. So an expired certificate of ours is told as expired, and a stranger's is a
//! stranger's whatever its dates. Whether a certificate is known and not revoked is in the caller's database,
//! and must be asked too.

use protocol::certificate::RejectionReason;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use time::OffsetDateTime;
use uuid::Uuid;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;

use crate::authority::issued_by;
use crate::facts::{common_name, fingerprint_hex, owner_and_machine, parse, serial_hex};

/// A client may send this many certificates above its own; more are not looked at.
const SENT_INTERMEDIATES: usize = 4;

/// Who the peer proved to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    pub serial_hex: String,
    /// SHA-256 over the DER, hexadecimal.
    pub fingerprint_hex: String,
    pub device_name: String,
    pub owner_email: String,
    pub machine: Uuid,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

/// `Expired`, `NotYetValid` and `Untrusted` are the only reasons given here.
pub type Judgement = Result<ClientIdentity, RejectionReason>;

/// Why there is nobody to trust. A server must not start with that.
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
    roots: Vec<TrustAnchor<'static>>,
    issuing: Vec<CertificateDer<'static>>,
}

impl TrustAnchors {
    /// Trust in these roots. Clients need not send the issuing certificates that are given here. All DER.
    ///
    /// # Errors
    /// [`TrustError`]: no root at all, or a certificate that is of no use. There is no partial success.
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

    /// Trust in both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.roots.extend(other.roots);
        self.issuing.extend(other.issuing);
        self
    }

    /// Judges a client's certificate, with whatever it sent above it, at `now`.
    ///
    /// # Errors
    /// The reason to refuse it. The certificate itself is proven by the TLS handshake, not here.
    pub fn judge(&self, leaf_der: &[u8], intermediates: &[Vec<u8>], now: OffsetDateTime) -> Judgement {
        let leaf = parse(leaf_der).ok_or(RejectionReason::Untrusted)?;
        let (not_before, not_after) =
            (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
        let now = now.unix_timestamp();
        if not_before > not_after || !is_for_clients(&leaf) {
            return Err(RejectionReason::Untrusted);
        }
        if !self.stands_behind(leaf_der, intermediates, now.clamp(not_before, not_after)) {
            return Err(RejectionReason::Untrusted);
        }
        let identity = identity(&leaf, leaf_der).ok_or(RejectionReason::Untrusted)?;
        if now < not_before {
            Err(RejectionReason::NotYetValid)
        } else if now > not_after {
            Err(RejectionReason::Expired)
        } else {
            Ok(identity)
        }
    }

    fn stands_behind(&self, leaf_der: &[u8], intermediates: &[Vec<u8>], unix_seconds: i64) -> bool {
        let Ok(seconds) = u64::try_from(unix_seconds) else { return false };
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let sent =
            intermediates.iter().take(SENT_INTERMEDIATES).map(|der| CertificateDer::from(der.as_slice()));
        let above: Vec<CertificateDer<'_>> = self.issuing.iter().cloned().chain(sent).collect();
        let leaf_der = CertificateDer::from(leaf_der);
        EndEntityCert::try_from(&leaf_der).is_ok_and(|leaf| {
            let algorithms = webpki::ALL_VERIFICATION_ALGS;
            leaf.verify_for_usage(algorithms, &self.roots, &above, at, KeyUsage::client_auth(), None, None)
                .is_ok()
        })
    }
}

/// Chain building accepts a leaf without extended key usage for every use; ours always carry it.
fn is_for_clients(leaf: &X509Certificate<'_>) -> bool {
    leaf.extended_key_usage().ok().flatten().is_some_and(|usage| usage.value.client_auth)
}

fn identity(leaf: &X509Certificate<'_>, der: &[u8]) -> Option<ClientIdentity> {
    let (owner_email, machine) = owner_and_machine(leaf)?;
    Some(ClientIdentity {
        serial_hex: serial_hex(leaf),
        fingerprint_hex: fingerprint_hex(der),
        device_name: common_name(leaf)?,
        owner_email,
        machine,
        not_before: leaf.validity().not_before.to_datetime(),
        not_after: leaf.validity().not_after.to_datetime(),
    })
}
