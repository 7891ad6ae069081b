//! The mail server.

use std::path::PathBuf;

use protocol::access::EmailAddress;
use serde::Deserialize;

use super::source::Reading;
use domain::secret::Secret;

/// How mails leave.
#[derive(Debug, Clone)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    /// User name and password.
    pub credentials: Option<(String, Secret)>,
    pub from: EmailAddress,
    pub reply_to: Option<EmailAddress>,
    /// An authority (PEM) to trust beside the system's.
    pub ca_certificate: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Plain text. Only for a mail server on this machine.
    None,
    /// Starts in plain text and must change to TLS before anything is said (RFC 3207).
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
pub(super) fn smtp(from: &mut Reading) -> Option<Smtp> {
    let section: Section = from.section("smtp");
    if section.is_empty() {
        return None;
    }
    let password = from.secret("smtp.password", section.password, section.password_file.as_deref());
    let credentials = match (section.username, password) {
        (Some(name), Some(password)) => Some((name, password)),
        (None, None) => None,
        (Some(_), None) => {
            from.wrong("smtp.password", "expected the password of smtp.username");
            None
        }
        (None, Some(_)) => {
            from.wrong("smtp.username", "expected the name that smtp.password belongs to");
            None
        }
    };
    let host = section.host.filter(|host| !host.trim().is_empty()).unwrap_or_else(|| {
        from.wrong("smtp.host", "expected the mail server's name");
        String::new()
    });
    let here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
    from.expect(
        credentials.is_none() || section.encryption != Encryption::None || here,
        "smtp.encryption",
        "expected starttls or tls: a password must not cross the network in plain text",
    );
    let ca_certificate = section.ca_certificate.map(|path| from.path(&path));
    if let Some(Err(error)) = ca_certificate.as_ref().map(std::fs::File::open) {
        from.wrong("smtp.ca_certificate", &format!("expected a readable PEM file: {error}"));
    }
    let reply_to = section.reply_to.and_then(|text| address(from, "smtp.reply_to", &text));
    let sender = address(from, "smtp.from", section.from.as_deref().unwrap_or_default())?;
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

fn address(from: &mut Reading, field: &str, text: &str) -> Option<EmailAddress> {
    text.parse()
        .map_err(|_| from.wrong(field, "expected an e-mail address, such as assistant@example.org"))
        .ok()
}
