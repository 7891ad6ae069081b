//! Client certificates as seen from outside.

pub use domain::certificate::RevocationReason;
use serde::{Deserialize, Serialize};

/// Why a client certificate was not good enough. The name ends the problem's `type` and is the `reason` of the redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RejectionReason {
    /// None was sent.
    Missing,
    Expired,
    NotYetValid,
    /// Not ours, or ours but unknown to the database.
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

/// What the server saw of the visitor's certificate; shown on "test my certificate".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateReport {
    /// `None`: the certificate is good.
    pub rejection: Option<RejectionReason>,
    /// What the certificate says of itself, if there was one.
    pub presented: Option<PresentedCertificate>,
    /// When the certificate ended that this browser presented here last, if it has and none was presented now. Seconds since
    /// the Unix epoch. The browser's own word, worth a hint to its person and nothing else.
    pub last_ended: Option<i64>,
}

/// The readable parts of a presented certificate. Nothing here is proof of anything.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_for_revoking_read_back_as_they_are_written() {
        for reason in RevocationReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(serde_json::to_value(reason).ok(), Some(reason.as_str().into()));
        }
        assert!("bored".parse::<RevocationReason>().is_err());
    }
}
