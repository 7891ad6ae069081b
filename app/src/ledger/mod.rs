//! What left the machines: one's own entries, and for administrators how much was sent.

pub mod api;
mod own;
mod usage;

pub use own::LedgerPage;
pub use usage::UsePage;
