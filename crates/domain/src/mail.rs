//! Mails in the outbox.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::MailId;
use crate::text::Invalid;

/// Where a mail of the outbox stands.
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

/// A mail that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueMail {
    pub id: MailId,
    pub recipient: String,
    pub subject: String,
    pub body_sealed: Option<Vec<u8>>,
    pub attempts: i64,
    /// Since when it waits.
    pub queued_at: i64,
}

/// A mail as the panel lists it; its body is still sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMail {
    pub id: MailId,
    pub recipient: String,
    pub subject: String,
    pub body_sealed: Option<Vec<u8>>,
    pub state: MailState,
    pub attempts: i64,
    pub last_error: Option<String>,
    pub created_at: i64,
    pub sent_at: Option<i64>,
}
