//! The mails that the server has sent or waits to send.

pub mod api;
mod list;

use std::str::FromStr;

use protocol::access::Invalid;
use serde::{Deserialize, Serialize};

pub use list::OutboxPage;

/// A mail as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRow {
    pub id: String,
    pub to: String,
    pub subject: String,
    /// The plain text, to be copied where there is no SMTP server. `None` once it has gone: it may hold a link.
    pub text: Option<String>,
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

impl MailState {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Dead, Self::Kept, Self::Sent];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Kept => "kept",
            Self::Sent => "sent",
            Self::Waiting => "waiting",
        }
    }
}

impl FromStr for MailState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(Invalid("waiting, dead, kept or sent"))
    }
}
