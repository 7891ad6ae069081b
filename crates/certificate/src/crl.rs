//! The revocation list (RFC 5280 §5), signed by the issuing key.

use protocol::certificate::RevocationReason;
use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use time::OffsetDateTime;

use crate::authority::Authority;
use crate::fields::parse;
use crate::profile::whole_seconds;

/// One revoked certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedEntry {
    /// Hexadecimal.
    pub serial: String,
    pub revoked_at: OffsetDateTime,
    pub reason: RevocationReason,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum CrlError {
    #[error("the next update must come after this one")]
    NextUpdate,
    #[error("{0:?} is not a serial number of 1 to 20 octets")]
    Serial(String),
    #[error("the list could not be signed")]
    Signing(#[from] rcgen::Error),
}

impl Authority {
    /// The list as of `now`, DER. `number` increases with every list; clients fetch the next one at `next_update`.
    ///
    /// # Errors
    /// [`CrlError`].
    pub fn crl(
        &self,
        now: OffsetDateTime,
        revoked: &[RevokedEntry],
        number: u64,
        next_update: OffsetDateTime,
    ) -> Result<Vec<u8>, CrlError> {
        let (this_update, next_update) = (whole_seconds(now), whole_seconds(next_update));
        if next_update <= this_update {
            return Err(CrlError::NextUpdate);
        }
        let list = CertificateRevocationListParams {
            this_update,
            next_update,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect::<Result<_, _>>()?,
            key_identifier_method: self.issuing_key_identifier(),
        };
        Ok(list.signed_by(&self.issuer)?.der().to_vec())
    }

    /// The list must name the issuing key as its certificate does (RFC 5280 §5.2.1).
    fn issuing_key_identifier(&self) -> KeyIdMethod {
        use x509_parser::extensions::ParsedExtension::SubjectKeyIdentifier;
        parse(self.issuing_der())
            .and_then(|certificate| {
                certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
                    SubjectKeyIdentifier(identifier) => {
                        Some(KeyIdMethod::PreSpecified(identifier.0.to_vec()))
                    }
                    _ => None,
                })
            })
            .unwrap_or(KeyIdMethod::Sha256)
    }
}

/// RFC 5280 §5.3.1: the code for an unspecified reason is left out.
fn code(reason: RevocationReason) -> Option<rcgen::RevocationReason> {
    match reason {
        RevocationReason::Unspecified => None,
        RevocationReason::KeyCompromise => Some(rcgen::RevocationReason::KeyCompromise),
        RevocationReason::AffiliationChanged => Some(rcgen::RevocationReason::AffiliationChanged),
        RevocationReason::CessationOfOperation => Some(rcgen::RevocationReason::CessationOfOperation),
        RevocationReason::PrivilegeWithdrawn => Some(rcgen::RevocationReason::PrivilegeWithdrawn),
        RevocationReason::Superseded => Some(rcgen::RevocationReason::Superseded),
    }
}

fn entry(revoked: &RevokedEntry) -> Result<RevokedCertParams, CrlError> {
    let serial = hex::decode(&revoked.serial)
        .ok()
        .filter(|bytes| (1..=20).contains(&bytes.len()))
        .ok_or_else(|| CrlError::Serial(revoked.serial.clone()))?;
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from(serial),
        revocation_time: whole_seconds(revoked.revoked_at),
        reason_code: code(revoked.reason),
        invalidity_date: None,
    })
}
