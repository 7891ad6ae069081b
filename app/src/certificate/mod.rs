//! Certificates: the administrator's list, and "test my certificate".

pub mod api;
mod list;
mod replacement;
mod report;

use protocol::certificate::RevocationReason;
use serde::{Deserialize, Serialize};

pub use list::CertificatesPage;
pub use report::{CertificateTestPage, LastEnded};

/// One authority is replacing another; both are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityChange {
    /// Those that have no certificate of the new one yet.
    pub machines_left: u64,
}

/// A machine's certificate as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRow {
    pub id: String,
    pub owner: String,
    pub device_name: String,
    /// Hexadecimal.
    pub serial: String,
    /// Seconds since the Unix epoch.
    pub not_before: i64,
    pub not_after: i64,
    pub revoked_at: Option<i64>,
    pub revocation_reason: RevocationReason,
    /// What the administrator wrote about it.
    pub revocation_words: String,
    pub last_seen_at: Option<i64>,
}
