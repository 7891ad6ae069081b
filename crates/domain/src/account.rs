//! Accounts, sessions, and the steps that lead to a session.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::EmailAddress;
use crate::id::{AccountId, CertificateId, SessionId};
use crate::text::Invalid;

/// A person's account.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: AccountId,
    pub email: EmailAddress,
    pub role: Role,
    pub state: AccountState,
}

/// The state of an account. Only an active one has credentials.
#[derive(Debug, Clone)]
pub enum AccountState {
    /// The set-up link has not been used yet.
    Invited,
    Active {
        /// A PHC string (Argon2id, RFC 9106).
        password_hash: String,
        /// The TOTP secret (RFC 6238), encrypted with the data key.
        totp_secret_sealed: Vec<u8>,
    },
    Disabled,
}

/// The permissions of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Administrator,
    User,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::User => "user",
        }
    }
}

impl FromStr for Role {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "administrator" => Ok(Self::Administrator),
            "user" => Ok(Self::User),
            _ => Err(Invalid("administrator or user")),
        }
    }
}

/// An [`AccountState`] without its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    Active,
    Disabled,
    Invited,
}

impl FromStr for AccountStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            "invited" => Ok(Self::Invited),
            _ => Err(Invalid("active, disabled or invited")),
        }
    }
}

/// An account in the administrators' list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    pub id: AccountId,
    pub email: String,
    pub role: Role,
    pub status: AccountStatus,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    /// Seconds since the Unix epoch.
    pub last_sign_in_at: Option<i64>,
    /// Machines with a valid certificate.
    pub machines: u64,
}

/// A session of the panel or of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub account_id: AccountId,
    /// The session that the sign-in opened: this one, or the one that renewals have continued. They end together.
    pub sign_in_id: SessionId,
    pub kind: SessionKind,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionKind {
    /// A session of the desktop program, bound to the machine's certificate (RFC 8705 §3).
    Native { certificate_id: CertificateId },
    /// A session of the admin panel, identified by a cookie.
    Panel {
        /// Seconds since the Unix epoch. Up to a minute old, so that not every request writes to the database.
        last_used_at: i64,
        /// The certificate without which the cookie is worth nothing; `None`: the panel needed none.
        certificate_id: Option<CertificateId>,
    },
}

/// A verified password that still needs its second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub account_id: AccountId,
    /// The fingerprint of the certificate that the sign-in is bound to; `None`: a sign-in to a panel that needs none.
    pub fingerprint: Option<String>,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

/// A one-time link with which a person sets a password and a second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupLink {
    /// `None`: the link creates the first administrator.
    pub account_id: Option<AccountId>,
    /// The TOTP secret that the link offers, encrypted with the data key.
    pub totp_secret_sealed: Vec<u8>,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
    /// Seconds since the Unix epoch.
    pub used_at: Option<i64>,
}

/// A machine with a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnMachine {
    pub device_name: String,
    pub serial: String,
    /// When the certificate ends, in seconds since the Unix epoch.
    pub not_after: i64,
    /// Seconds since the Unix epoch.
    pub last_seen_at: Option<i64>,
    pub revoked: bool,
}

/// A session that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSession {
    pub id: String,
    /// The machine of the desktop program's session; `None`: a session in the browser.
    pub device_name: Option<String>,
    /// Seconds since the Unix epoch.
    pub opened_at: i64,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
    /// Whether it is the one that asks.
    pub is_current: bool,
}
