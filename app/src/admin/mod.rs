//! The panel's frame and its first page.

pub mod api;
mod frame;
mod overview;

use serde::{Deserialize, Serialize};

pub use frame::{AdminFrame, PanelPage};
pub use overview::OverviewPage;

/// The dashboard's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    pub pending_requests: u64,
    pub machines: u64,
    pub accounts: u64,
    pub analyses_today: u64,
    /// Mails to be copied, and mails that were given up.
    pub mails_needing_attention: u64,
    /// The organisation's name, from the configuration.
    pub organisation: String,
}
