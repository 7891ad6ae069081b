//! Client certificates of machines, and the authorities that issue them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, AuthorityId, CertificateId, MachineId};
use crate::text::Invalid;

/// Why a certificate was revoked: the reason codes of RFC 5280 §5.3.1 that an administrator can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    #[default]
    Unspecified,
    KeyCompromise,
    AffiliationChanged,
    CessationOfOperation,
    PrivilegeWithdrawn,
    Superseded,
}

impl RevocationReason {
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
        Self::Superseded,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
            Self::Superseded => "superseded",
        }
    }

    /// The label for people; `None` for an unspecified reason.
    pub fn label(self) -> Option<&'static str> {
        match self {
            Self::Unspecified => None,
            Self::KeyCompromise => Some("Lost, stolen or copied"),
            Self::AffiliationChanged => Some("Its owner has left"),
            Self::CessationOfOperation => Some("No longer used"),
            Self::PrivilegeWithdrawn => Some("Access withdrawn"),
            Self::Superseded => Some("Replaced by another"),
        }
    }
}

impl FromStr for RevocationReason {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or(Invalid(
            "unspecified, key-compromise, affiliation-changed, cessation-of-operation, privilege-withdrawn or superseded",
        ))
    }
}

/// A machine's certificate as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRow {
    pub id: String,
    pub owner: String,
    pub device_name: String,
    /// Hexadecimal.
    pub serial: String,
    /// Seconds since the Unix epoch, as the instants below.
    pub not_before: i64,
    pub not_after: i64,
    pub revoked_at: Option<i64>,
    pub revocation_reason: RevocationReason,
    /// The administrator's comment on the revocation.
    pub revocation_words: String,
    /// The last request with this certificate.
    pub last_seen_at: Option<i64>,
}

/// A certificate that this server issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineCertificate {
    pub id: CertificateId,
    /// Stays the same when the certificate is renewed.
    pub machine_id: MachineId,
    /// The only account that may sign in with it.
    pub account_id: AccountId,
    pub device_name: String,
    /// Hexadecimal.
    pub serial: String,
    /// SHA-256 over the DER, hexadecimal.
    pub fingerprint: String,
    /// DER.
    pub certificate: Vec<u8>,
    /// Seconds since the Unix epoch, as the instants below.
    pub not_before: i64,
    pub not_after: i64,
    pub revoked_at: Option<i64>,
    /// The certificate that this one replaced.
    pub renewed_from: Option<CertificateId>,
    /// The issuer; `None`: issued by a version of the server with a single authority.
    pub authority_id: Option<AuthorityId>,
}

/// An entry of an authority's revocation list (RFC 5280 §5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedSerial {
    /// Hexadecimal.
    pub serial: String,
    /// Seconds since the Unix epoch.
    pub revoked_at: i64,
    pub reason: RevocationReason,
}

/// An authority as it is stored. Its keys are encrypted with the data key.
#[derive(Debug, Clone)]
pub struct StoredAuthority {
    pub id: AuthorityId,
    /// PEM.
    pub root_certificate: String,
    /// `None`: the root key is not stored here.
    pub root_key_sealed: Option<Vec<u8>>,
    /// PEM.
    pub issuing_certificate: String,
    pub issuing_key_sealed: Vec<u8>,
    /// Seconds since the Unix epoch, as the instants below.
    pub created_at: i64,
    pub superseded_at: Option<i64>,
    pub retired_at: Option<i64>,
}

/// The state of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorityState {
    /// It issues certificates.
    InUse,
    /// It issues no more certificates; those that it has issued stay valid.
    Superseded,
    /// No certificate that it has issued is valid.
    Retired,
}

impl StoredAuthority {
    pub fn state(&self) -> AuthorityState {
        match (self.superseded_at, self.retired_at) {
            (_, Some(_)) => AuthorityState::Retired,
            (Some(_), None) => AuthorityState::Superseded,
            (None, None) => AuthorityState::InUse,
        }
    }
}

/// The mails that remind of a certificate's expiry, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndReminder {
    /// After two thirds of the validity period.
    First = 1,
    /// Shortly before the expiry.
    Last = 2,
}

/// When the reminders of a certificate's expiry are due, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndReminderTimes {
    /// The first one: this long after two thirds of the validity period.
    pub after_two_thirds: i64,
    /// The last one: this long before the expiry.
    pub before_end: i64,
}
