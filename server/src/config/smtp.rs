//! The SMTP server for outgoing mail.

use std::net::IpAddr;
use std::path::PathBuf;

use domain::secret::Secret;
use lettre::transport::smtp::extension::ClientId;
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
    /// How this server introduces itself (EHLO). `None`: by the host of `public_url`.
    pub hello_name: Option<ClientId>,
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
    hello_name: Option<String>,
}

impl Section {
    fn is_empty(&self) -> bool {
        let Self { host, port, username, password, password_file, from, reply_to, .. } = self;
        let texts = [host, username, password, from, reply_to, &self.hello_name];
        texts.iter().all(|t| t.is_none())
            && port.is_none()
            && password_file.is_none()
            && self.ca_certificate.is_none()
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
    let hello_name = section.hello_name.and_then(|text| {
        let name = hello_name(&text);
        if name.is_none() {
            let expected =
                "expected a host name with a dot, or an address such as [192.0.2.1] or [IPv6:2001:db8::1]";
            reader.invalid("smtp.hello_name", expected);
        }
        name
    });
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
        hello_name,
    })
}

/// The name that mail servers accept in EHLO for a host (RFC 5321 §4.1.3): addresses stand in brackets. `None`: it is no name of
/// a host in the Internet, such as `localhost`.
pub fn hello_name(host: &str) -> Option<ClientId> {
    let host = host.trim();
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let literal = literal.strip_prefix("IPv6:").unwrap_or(literal);
    match literal.parse() {
        Ok(IpAddr::V4(address)) => return Some(ClientId::Ipv4(address)),
        Ok(IpAddr::V6(address)) => return Some(ClientId::Ipv6(address)),
        Err(_) => {}
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_name = host.len() <= 253 && host.contains('.') && host.split('.').all(is_label);
    is_name.then(|| ClientId::Domain(host.to_owned()))
}

fn address(reader: &mut ConfigReader, field: &str, text: &str) -> Option<EmailAddress> {
    text.parse()
        .map_err(|_| reader.invalid(field, "expected an e-mail address, such as assistant@example.org"))
        .ok()
}
