//! Mails: their content and how they are sent. The outbox decides when they are sent and retried.
//!
//! Invariants: a recipient is a validated address and a subject is one line, so no field can inject a header; user input is
//! escaped in the HTML part; no mail contains a match code or a password.

mod body;
mod smtp;
mod templates;

use async_trait::async_trait;
use parking_lot::Mutex;
use protocol::access::EmailAddress;

pub use smtp::SmtpMailer;
pub use templates::{CertificateEnd, CodesTried, MailTemplates, Purpose};

/// A mail, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub to: EmailAddress,
    pub subject: Subject,
    pub text: String,
    pub html: String,
}

/// A single line: control characters become spaces.
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

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct SendError {
    pub kind: SendErrorKind,
    /// For the operator; no personal data except what the mail server's answer contains.
    pub reason: String,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Whether a failed mail is retried, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendErrorKind {
    /// The mail server is unreachable or rejects this server's sign-in: not the mail's fault.
    Connection,
    /// The mail server rejected the mail for good (5xx).
    Permanent,
    /// The mail server deferred the mail (4xx).
    Transient,
}

#[async_trait]
pub trait Mailer: Send + Sync + std::fmt::Debug {
    /// `id` becomes the Message-ID and stays the same across retries, so that receivers can recognise a duplicate.
    async fn send(&self, id: &str, mail: &Mail) -> Result<(), SendError>;
}

/// Keeps mails in memory and fails on demand. For tests.
#[derive(Debug, Default)]
pub struct MemoryMailer {
    sent: Mutex<Vec<Mail>>,
    failure: Mutex<Option<SendErrorKind>>,
}

impl MemoryMailer {
    pub fn sent(&self) -> Vec<Mail> {
        self.sent.lock().clone()
    }

    /// Makes every following mail fail, or (`None`) succeed.
    pub fn fail(&self, kind: Option<SendErrorKind>) {
        *self.failure.lock() = kind;
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, _id: &str, mail: &Mail) -> Result<(), SendError> {
        if let Some(kind) = *self.failure.lock() {
            return Err(SendError { kind, reason: "failure on demand".to_owned(), source: None });
        }
        self.sent.lock().push(mail.clone());
        Ok(())
    }
}
