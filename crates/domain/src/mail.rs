//! Mails of the outbox.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::MailId;
use crate::text::Invalid;

/// The delivery state of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailState {
    /// Delivery was given up after the last retry.
    Dead,
    /// No SMTP server is configured: an administrator copies the mail.
    Kept,
    Sent,
    /// Queued for the first or the next attempt.
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

/// A mail whose delivery is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueMail {
    pub id: MailId,
    pub recipient: String,
    pub subject: String,
    /// Encrypted with the data key.
    pub body_sealed: Option<Vec<u8>>,
    /// Delivery attempts so far, including the present one.
    pub attempts: i64,
    /// Since when it is queued, in seconds since the Unix epoch.
    pub queued_at: i64,
}

/// How long the body of a mail is kept that an administrator says to have sent, in seconds: until then it can be shown again,
/// and taken back.
pub const DELIVERED_BODY_KEPT: i64 = 24 * 3600;

/// A mail as it is stored. The body is encrypted with the data key, and `None` once the mail has been sent; of one that an
/// administrator has sent it is kept for [`DELIVERED_BODY_KEPT`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMail {
    pub id: MailId,
    pub recipient: String,
    pub subject: String,
    pub body_sealed: Option<Vec<u8>>,
    pub state: MailState,
    /// Whether it is a notice to administrators.
    pub notice: bool,
    pub attempts: i64,
    pub last_error: Option<String>,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    /// Seconds since the Unix epoch.
    pub sent_at: Option<i64>,
}
