//! Sending over SMTP (RFC 5321): one connection per mail, with timeouts.
//!
//! What the mail server refuses before it has heard of the mail (its greeting, our name, TLS, the sign-in) is not the mail's
//! fault: all of them wait until that is put right.

mod session;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use domain::clock::Clock;
use lettre::Message;
use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use protocol::access::EmailAddress;

use self::session::SmtpServer;
use super::{Mail, Mailer, SendError, SendErrorKind};
use crate::config::{Smtp, hello_name};

/// For connecting, and for each step of the conversation.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// For one whole mail.
const SEND_TIMEOUT: Duration = Duration::from_mins(2);

/// Sends through the configured mail server.
pub struct SmtpMailer {
    server: SmtpServer,
    clock: Arc<dyn Clock>,
    organisation: String,
    /// The domain part of message ids.
    host: String,
    from: EmailAddress,
    reply_to: Option<EmailAddress>,
}

impl SmtpMailer {
    /// `host` is the host of `public_url`; `organisation` is the sender's display name. Fails when the configured CA
    /// certificate cannot be used.
    pub fn new(
        smtp: &Smtp,
        organisation: &str,
        host: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SendError> {
        let unusable = |reason: &str, source: Box<dyn Error + Send + Sync>| SendError {
            kind: SendErrorKind::Connection,
            reason: reason.to_owned(),
            source: Some(source),
        };
        let mut tls = TlsParameters::builder(smtp.host.clone());
        if let Some(path) = &smtp.ca_certificate {
            let pem =
                std::fs::read(path).map_err(|e| unusable("smtp.ca_certificate cannot be read", e.into()))?;
            let authority = Certificate::from_pem(&pem)
                .map_err(|e| unusable("smtp.ca_certificate is no certificate", e.into()))?;
            tls = tls.add_root_certificate(authority);
        }
        let tls =
            tls.build_rustls().map_err(|e| unusable("TLS for the mail server cannot be set up", e.into()))?;
        let hello = smtp.hello_name.clone().or_else(|| hello_name(host));
        let credentials = smtp.credentials.as_ref();
        let server = SmtpServer {
            host: smtp.host.clone(),
            port: smtp.port,
            encryption: smtp.encryption,
            tls,
            hello,
            credentials: credentials
                .map(|(name, word)| Credentials::new(name.clone(), word.expose().to_owned())),
            timeout: REPLY_TIMEOUT,
        };
        Ok(Self {
            server,
            clock,
            organisation: organisation.to_owned(),
            // An address stands in brackets here too (RFC 5322 §3.6.4).
            host: hello_name(host).map_or_else(|| host.to_owned(), |name| name.to_string()),
            from: smtp.from.clone(),
            reply_to: smtp.reply_to.clone(),
        })
    }

    fn message(&self, id: &str, mail: &Mail) -> Result<Message, Box<dyn Error + Send + Sync>> {
        // Ids are UUIDs; filtered all the same, so that no id can break the header.
        let id: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let auto =
            HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let mut message = Message::builder()
            .from(mailbox(&self.from, Some(self.organisation.clone()))?)
            .to(mailbox(&mail.to, None)?)
            .subject(mail.subject.as_str())
            .date(SystemTime::from(self.clock.now()))
            .message_id(Some(format!("<{id}@{}>", self.host)))
            .raw_header(auto);
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(mailbox(reply_to, None)?);
        }
        Ok(message.multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))?)
    }
}

fn mailbox(address: &EmailAddress, name: Option<String>) -> Result<Mailbox, AddressError> {
    Ok(Mailbox::new(name, address.as_str().parse()?))
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, id: &str, mail: &Mail) -> Result<(), SendError> {
        let message = self.message(id, mail).map_err(|error| SendError {
            kind: SendErrorKind::Permanent,
            reason: "the mail cannot be composed".to_owned(),
            source: Some(error),
        })?;
        match tokio::time::timeout(SEND_TIMEOUT, self.server.send(&message)).await {
            Ok(result) => result,
            Err(_) => Err(SendError {
                kind: SendErrorKind::Connection,
                reason: "the mail server took too long".to_owned(),
                source: None,
            }),
        }
    }
}

impl std::fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpMailer").field("host", &self.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
