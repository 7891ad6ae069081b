//! Verifying the certificate that a client presents.
//!
//! The chain is verified first, at an instant at which the certificate itself was valid; only then its dates are checked.
//! So an expired certificate of this authority is reported as expired, and a foreign one as untrusted whatever its dates.
//! Whether a certificate is known and not revoked is in the caller's database and has to be checked there.

use protocol::certificate::RejectionReason;
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;
use uuid::Uuid;
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::certificate::X509Certificate;

use crate::fields::{common_name, fingerprint_hex, owner_and_machine, parse, serial_hex};
use crate::trust::TrustAnchors;

/// Of the intermediate certificates that a client sends, this many are used.
const MAX_INTERMEDIATES: usize = 4;

/// The identity in a verified client certificate.
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
pub type Verification = Result<ClientIdentity, RejectionReason>;

impl TrustAnchors {
    /// Verifies a client's certificate, with the intermediates that it sent, at `now`.
    ///
    /// # Errors
    /// The reason to reject it. Possession of the key is proven by the TLS handshake, not here.
    pub fn verify_client(
        &self,
        leaf_der: &[u8],
        intermediates: &[Vec<u8>],
        now: OffsetDateTime,
    ) -> Verification {
        let leaf = parse(leaf_der).ok_or(RejectionReason::Untrusted)?;
        let (not_before, not_after) =
            (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
        let now = now.unix_timestamp();
        if not_before > not_after || !has_client_usage(&leaf) {
            return Err(RejectionReason::Untrusted);
        }
        if !self.verifies_chain(leaf_der, intermediates, now.clamp(not_before, not_after)) {
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

    fn verifies_chain(&self, leaf_der: &[u8], intermediates: &[Vec<u8>], unix_seconds: i64) -> bool {
        let Ok(seconds) = u64::try_from(unix_seconds) else { return false };
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let sent =
            intermediates.iter().take(MAX_INTERMEDIATES).map(|der| CertificateDer::from(der.as_slice()));
        let above: Vec<CertificateDer<'_>> = self.issuing.iter().cloned().chain(sent).collect();
        let leaf_der = CertificateDer::from(leaf_der);
        EndEntityCert::try_from(&leaf_der).is_ok_and(|leaf| {
            let algorithms = webpki::ALL_VERIFICATION_ALGS;
            leaf.verify_for_usage(algorithms, &self.roots, &above, at, KeyUsage::client_auth(), None, None)
                .is_ok()
        })
    }
}

/// webpki accepts a leaf without extended key usage for every purpose; this authority always sets it.
fn has_client_usage(leaf: &X509Certificate<'_>) -> bool {
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
