//! The mails that the server has sent or waits to send.

pub mod api;
mod list;

use serde::{Deserialize, Serialize};

pub use list::OutboxPage;

/// A mail as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRow {
    pub id: String,
    pub to: String,
    pub subject: String,
    /// The plain text, to be copied where there is no SMTP server.
    pub text: String,
    pub state: MailState,
    pub attempts: i64,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    pub sent_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailState {
    /// Given up after all retries.
    Dead,
    /// There is no SMTP server: an administrator copies it.
    Kept,
    Sent,
    /// Waits for its first or next attempt.
    Waiting,
}
