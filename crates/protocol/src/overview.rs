//! The first page of the panel.

use serde::{Deserialize, Serialize};

/// The dashboard's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    pub pending_requests: u64,
    pub machines: u64,
    pub accounts: u64,
    /// Accounts of administrators that can sign in.
    #[serde(default)]
    pub administrators: u64,
    /// Model servers, from the configuration and entered in the panel.
    #[serde(default)]
    pub model_servers: u64,
    pub analyses_today: u64,
    /// Mails to be copied, and mails that were given up.
    pub mails_needing_attention: u64,
    /// The configured model servers that failed when they were last asked.
    #[serde(default)]
    pub failing_models: Vec<FailingModel>,
    /// The organisation's name, from the configuration.
    pub organisation: String,
}

/// A model server that gave no whole answer when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailingModel {
    /// Its name in the configuration.
    pub provider: String,
    /// What happened.
    pub failure: String,
    /// Seconds since the Unix epoch.
    pub failed_at: i64,
}
