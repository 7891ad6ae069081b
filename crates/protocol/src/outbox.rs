//! The mails of the outbox.

pub use domain::mail::MailState;
use serde::{Deserialize, Serialize};

/// A mail as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRow {
    pub id: String,
    pub to: String,
    pub subject: String,
    /// The plain text, to be copied where there is no SMTP server. `None` once it was sent: it may contain a link. That of a
    /// mail that an administrator has sent is kept for a while.
    pub text: Option<String>,
    /// Whether it is a notice to administrators, who see the same in the panel: nobody has to send it.
    #[serde(default)]
    pub notice: bool,
    pub state: MailState,
    pub attempts: i64,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    pub sent_at: Option<i64>,
}
