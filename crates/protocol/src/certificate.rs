//! Client certificates as their holders and the administrators see them.

pub use domain::certificate::{CertificateRow, RevocationReason};
use serde::{Deserialize, Serialize};

/// Why a client certificate was rejected. The name is the end of the problem's `type`, and the `reason` parameter of the
/// redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RejectionReason {
    /// No certificate was presented.
    Missing,
    Expired,
    NotYetValid,
    /// Not issued by this server, or not in its database.
    Untrusted,
    Revoked,
}

impl RejectionReason {
    pub const ALL: [Self; 5] =
        [Self::Missing, Self::Expired, Self::NotYetValid, Self::Untrusted, Self::Revoked];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Untrusted => "untrusted",
            Self::Revoked => "revoked",
        }
    }

    /// One sentence for the person in front of the machine.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Missing => "This machine did not present a certificate.",
            Self::Expired => "This machine's certificate has expired.",
            Self::NotYetValid => "This machine's certificate is not valid yet. Check the machine's clock.",
            Self::Untrusted => "This machine presented a certificate that this server did not issue.",
            Self::Revoked => "This machine's certificate has been revoked.",
        }
    }
}

impl std::str::FromStr for RejectionReason {
    type Err = crate::access::Invalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|r| r.as_str() == text)
            .ok_or(crate::access::Invalid("missing, expired, not-yet-valid, untrusted or revoked"))
    }
}

/// The server's view of the client's certificate, shown on "test my certificate".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateReport {
    /// `None`: the certificate is valid.
    pub rejection: Option<RejectionReason>,
    /// The fields of the certificate, if one was presented.
    pub presented: Option<PresentedCertificate>,
    /// When the certificate expired that this browser presented last, if it has expired and none is presented now; in seconds
    /// since the Unix epoch. It comes from a cookie, so it is a hint for the person and no proof.
    pub last_ended: Option<i64>,
}

/// The fields of a presented certificate. They are not verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresentedCertificate {
    pub subject: String,
    pub issuer: String,
    /// Hexadecimal.
    pub serial: String,
    /// SHA-256 over the DER, hexadecimal.
    pub fingerprint: String,
    /// Seconds since the Unix epoch.
    pub not_before: i64,
    /// Seconds since the Unix epoch.
    pub not_after: i64,
}

/// One authority is replacing another; both are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityChange {
    /// Machines without a certificate of the new authority.
    pub machines_left: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_revocation_reasons_parse() {
        for reason in RevocationReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(serde_json::to_value(reason).ok(), Some(reason.as_str().into()));
        }
        assert!("bored".parse::<RevocationReason>().is_err());
    }
}
