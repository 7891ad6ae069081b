//! Certificates: the administrator's list, and "test my certificate".

pub mod api;
mod list;
mod replacement;
mod report;

pub use list::CertificatesPage;
pub use report::{CertificateTestPage, LastEnded};
