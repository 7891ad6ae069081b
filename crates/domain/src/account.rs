//! People's accounts, their sessions, and what leads to one.

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

/// Where an account stands. Only an active one has factors to sign in with.
#[derive(Debug, Clone)]
pub enum AccountState {
    Invited,
    Active { password_hash: String, totp_secret_sealed: Vec<u8> },
    Disabled,
}

/// What an account may do.
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

/// A session of the panel or of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub account_id: AccountId,
    pub kind: SessionKind,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionKind {
    /// The desktop's, bound to the machine's certificate (RFC 8705).
    Native { certificate_id: CertificateId },
    /// The browser's, named by a cookie.
    Panel {
        /// Up to a minute old, so that not every request writes.
        last_used_at: i64,
    },
}

/// A right password that waits for its second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub account_id: AccountId,
    /// Of the certificate that the sign-in is bound to; `None`: the panel's.
    pub fingerprint: Option<String>,
    pub expires_at: i64,
}

/// A link that lets a person choose a password and a second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupLink {
    /// `None`: the link that makes the first administrator.
    pub account_id: Option<AccountId>,
    pub totp_secret_sealed: Vec<u8>,
    pub expires_at: i64,
    pub used_at: Option<i64>,
}
