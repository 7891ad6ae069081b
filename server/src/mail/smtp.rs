//! Sending over SMTP (RFC 5321): a connection per mail, with time limits.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use protocol::access::EmailAddress;

use super::{Mail, Mailer, Obstacle, SendError};
use crate::clock::Clock;
use crate::config::{Encryption, Smtp};

/// For each answer of the server, and for connecting.
const ANSWER: Duration = Duration::from_secs(30);
/// For one whole mail.
const MAIL: Duration = Duration::from_secs(120);

/// Sends through the configured mail server.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    clock: Arc<dyn Clock>,
    organisation: String,
    /// The right side of message ids.
    host: String,
    from: EmailAddress,
    reply_to: Option<EmailAddress>,
}

impl SmtpMailer {
    /// `host` is the server's own name, as `public_url` has it; `organisation` stands beside the sender's address.
    /// Fails when the configured authority is no certificate.
    pub fn new(
        smtp: &Smtp,
        organisation: &str,
        host: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SendError> {
        let unusable = |reason: &str, source: Box<dyn Error + Send + Sync>| SendError {
            obstacle: Obstacle::Connection,
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
            .timeout(Some(ANSWER))
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
        // Ids are UUIDs; should one be anything else, it still must not end the header.
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
            obstacle: Obstacle::Mail,
            reason: "the mail cannot be written".to_owned(),
            source: Some(error),
        })?;
        match tokio::time::timeout(MAIL, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(SendError {
                obstacle: obstacle(error.status().map(u16::from)),
                reason: match error.status() {
                    Some(code) if refuses_us(code.into()) => {
                        format!("the mail server does not accept this server’s sign-in ({code})")
                    }
                    Some(code) => format!("the mail server answered {code}"),
                    None if error.is_tls() => "TLS with the mail server failed".to_owned(),
                    None => "the mail server cannot be reached or broke off".to_owned(),
                },
                source: Some(error.into()),
            }),
            Err(_) => Err(SendError {
                obstacle: Obstacle::Connection,
                reason: "the mail server took too long".to_owned(),
                source: None,
            }),
        }
    }
}

/// What an answer of the mail server says; `None`: there was none. A connection, a name, a certificate or a password can
/// be put right, and then the mail leaves.
fn obstacle(code: Option<u16>) -> Obstacle {
    match code {
        None => Obstacle::Connection,
        // 421: it is closing down (RFC 5321 §3.8).
        Some(421) => Obstacle::Connection,
        Some(code) if refuses_us(code) => Obstacle::Connection,
        Some(code) if code >= 500 => Obstacle::Mail,
        Some(_) => Obstacle::Moment,
    }
}

/// Answers about this server's name and password, or their lack (RFC 4954 §4.7 and §6).
fn refuses_us(code: u16) -> bool {
    matches!(code, 432 | 454 | 530 | 534 | 535 | 538)
}

impl std::fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpMailer").field("host", &self.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
