//! Certificates: the administrator's list, and "test my certificate".

pub mod api;
mod list;
mod replacement;
mod report;

pub use domain::certificate::CertificateRow;
use serde::{Deserialize, Serialize};

pub use list::CertificatesPage;
pub use report::{CertificateTestPage, LastEnded};

/// One authority is replacing another; both are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityChange {
    /// Machines without a certificate of the new authority.
    pub machines_left: u64,
}
