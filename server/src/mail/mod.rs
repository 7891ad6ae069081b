//! Mails: what they say and how they leave. When they leave, and how often it is tried, is the outbox's.
//!
//! What always holds: a recipient is a checked address and a subject is one line, so no field can add a header; what
//! people typed is escaped in the HTML part; no mail holds a match code or a password.

mod letter;
mod smtp;
mod templates;

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use protocol::access::EmailAddress;

pub use letter::escape;
pub use smtp::SmtpMailer;
pub use templates::{CertificateEnd, CodesTried, Letterhead, Purpose};

/// A mail, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub to: EmailAddress,
    pub subject: Subject,
    pub text: String,
    pub html: String,
}

/// One line: control characters become spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    pub fn new(text: impl AsRef<str>) -> Self {
        let line: String = text.as_ref().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self(line.trim().to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a mail did not leave.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct SendError {
    pub obstacle: Obstacle,
    /// For the operator; no personal data beyond what the mail server answered.
    pub reason: String,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What stood in a mail's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The mail server cannot be reached, or does not let this server in: nothing is said about the mail.
    Connection,
    /// The mail itself: the mail server will never take it (5xx).
    Mail,
    /// The moment: the mail server wants to be asked again (4xx).
    Moment,
}

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync + std::fmt::Debug {
    /// `id` is the mail's own and stays the same when it is sent again, so that a copy shows as one.
    async fn send(&self, id: &str, mail: &Mail) -> Result<(), SendError>;
}

/// Keeps mails, and fails when told to. For tests.
#[derive(Debug, Default)]
pub struct MemoryMailer {
    sent: Mutex<Vec<Mail>>,
    obstacle: Mutex<Option<Obstacle>>,
}

impl MemoryMailer {
    pub fn sent(&self) -> Vec<Mail> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on every mail fails, or (`None`) every mail leaves.
    pub fn fail(&self, obstacle: Option<Obstacle>) {
        *self.obstacle.lock().unwrap_or_else(PoisonError::into_inner) = obstacle;
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, _id: &str, mail: &Mail) -> Result<(), SendError> {
        if let Some(obstacle) = *self.obstacle.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(SendError { obstacle, reason: "told to fail".to_owned(), source: None });
        }
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
        Ok(())
    }
}
