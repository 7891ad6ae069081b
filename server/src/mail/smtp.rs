//! Sending over SMTP (RFC 5321): one connection per mail, with timeouts.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use domain::clock::Clock;
use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use protocol::access::EmailAddress;

use super::{Mail, Mailer, SendError, SendErrorKind};
use crate::config::{Encryption, Smtp};

/// For connecting, and for each of the server's replies.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// For one whole mail.
const SEND_TIMEOUT: Duration = Duration::from_mins(2);

/// Sends through the configured mail server.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
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
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
            .port(smtp.port)
            .timeout(Some(REPLY_TIMEOUT))
            .hello_name(ClientId::Domain(host.to_owned()))
            .tls(match smtp.encryption {
                Encryption::None => Tls::None,
                Encryption::Starttls => Tls::Required(tls),
                Encryption::Tls => Tls::Wrapper(tls),
            });
        if let Some((name, password)) = &smtp.credentials {
            transport = transport.credentials(Credentials::new(name.clone(), password.expose().to_owned()));
        }
        Ok(Self {
            transport: transport.build(),
            clock,
            organisation: organisation.to_owned(),
            host: host.to_owned(),
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
        match tokio::time::timeout(SEND_TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(SendError {
                kind: error_kind(error.status().map(u16::from)),
                reason: match error.status() {
                    Some(code) if is_auth_failure(code.into()) => {
                        format!("the mail server does not accept this server’s sign-in ({code})")
                    }
                    Some(code) => format!("the mail server answered {code}"),
                    None if error.is_tls() => "TLS with the mail server failed".to_owned(),
                    None => "the mail server cannot be reached or broke off".to_owned(),
                },
                source: Some(error.into()),
            }),
            Err(_) => Err(SendError {
                kind: SendErrorKind::Connection,
                reason: "the mail server took too long".to_owned(),
                source: None,
            }),
        }
    }
}

/// Classifies the mail server's reply code; `None`: there was no reply. Problems of the connection, the certificate or the
/// sign-in can be fixed, and the mail is sent then.
fn error_kind(code: Option<u16>) -> SendErrorKind {
    match code {
        // 421: the server is shutting down (RFC 5321 §3.8).
        None | Some(421) => SendErrorKind::Connection,
        Some(code) if is_auth_failure(code) => SendErrorKind::Connection,
        Some(code) if code >= 500 => SendErrorKind::Permanent,
        Some(_) => SendErrorKind::Transient,
    }
}

/// Reply codes about wrong or missing credentials (RFC 4954 §4.7 and §6).
fn is_auth_failure(code: u16) -> bool {
    matches!(code, 432 | 454 | 530 | 534 | 535 | 538)
}

impl std::fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpMailer").field("host", &self.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
