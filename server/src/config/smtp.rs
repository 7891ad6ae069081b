//! The SMTP server for outgoing mail.

use std::path::PathBuf;

use domain::secret::Secret;
use protocol::access::EmailAddress;
use serde::Deserialize;

use super::source::ConfigReader;

/// How mails are sent.
#[derive(Debug, Clone)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    /// User name and password.
    pub credentials: Option<(String, Secret)>,
    pub from: EmailAddress,
    pub reply_to: Option<EmailAddress>,
    /// A root certificate (PEM) to trust besides those of the system.
    pub ca_certificate: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Plain text. With credentials only for a mail server on this machine.
    None,
    /// Starts in plain text and must switch to TLS before anything else (RFC 3207).
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Section {
    host: Option<String>,
    port: Option<u16>,
    encryption: Encryption,
    username: Option<String>,
    password: Option<String>,
    password_file: Option<PathBuf>,
    from: Option<String>,
    reply_to: Option<String>,
    ca_certificate: Option<PathBuf>,
}

impl Section {
    fn is_empty(&self) -> bool {
        let Self { host, port, username, password, password_file, from, reply_to, ca_certificate, .. } = self;
        let texts = [host, username, password, from, reply_to];
        texts.iter().all(|t| t.is_none())
            && port.is_none()
            && password_file.is_none()
            && ca_certificate.is_none()
    }
}

/// `None` when the section is absent or empty.
pub(super) fn smtp(reader: &mut ConfigReader) -> Option<Smtp> {
    let section: Section = reader.section("smtp");
    if section.is_empty() {
        return None;
    }
    let password = reader.secret("smtp.password", section.password, section.password_file.as_deref());
    let credentials = match (section.username, password) {
        (Some(name), Some(password)) => Some((name, password)),
        (None, None) => None,
        (Some(_), None) => {
            reader.invalid("smtp.password", "expected the password of smtp.username");
            None
        }
        (None, Some(_)) => {
            reader.invalid("smtp.username", "expected the name that smtp.password belongs to");
            None
        }
    };
    let host = section.host.filter(|host| !host.trim().is_empty()).unwrap_or_else(|| {
        reader.invalid("smtp.host", "expected the mail server's name");
        String::new()
    });
    let is_local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
    reader.ensure(
        credentials.is_none() || section.encryption != Encryption::None || is_local,
        "smtp.encryption",
        "expected starttls or tls: a password must not cross the network in plain text",
    );
    let ca_certificate = section.ca_certificate.map(|path| reader.path(&path));
    if let Some(Err(error)) = ca_certificate.as_ref().map(std::fs::File::open) {
        reader.invalid("smtp.ca_certificate", &format!("expected a readable PEM file: {error}"));
    }
    let reply_to = section.reply_to.and_then(|text| address(reader, "smtp.reply_to", &text));
    let sender = address(reader, "smtp.from", section.from.as_deref().unwrap_or_default())?;
    let port = section.port.unwrap_or(match section.encryption {
        Encryption::None => 25,
        Encryption::Starttls => 587,
        Encryption::Tls => 465,
    });
    Some(Smtp {
        host,
        port,
        encryption: section.encryption,
        credentials,
        from: sender,
        reply_to,
        ca_certificate,
    })
}

fn address(reader: &mut ConfigReader, field: &str, text: &str) -> Option<EmailAddress> {
    text.parse()
        .map_err(|_| reader.invalid(field, "expected an e-mail address, such as assistant@example.org"))
        .ok()
}
