//! The link that a machine enrols with: from the mail, or from the page that opens this program.
//!
//! | | carries |
//! |---|---|
//! | `https://HOST/public/download-certs/TOKEN` | host and token |
//! | `aiwe://enrol?server=https://HOST:PORT&ca=SHA-256&token=TOKEN` | these, and how to recognise the server |
//! | `…&tls=system` | that the system's trust store may verify the server, where its authority did not issue the certificate |
//!
//! It comes from outside, so whatever is not exactly one of the two is refused. Hosts are kept in
//! ASCII: an internationalised name shows as `xn--…`, and cannot pass for one that it looks like.

mod fingerprint;

use std::str::FromStr;

use protocol::Secret;
use protocol::enrolment::{SCHEME, TLS_PARAMETER, TLS_SYSTEM};
use protocol::text::is_invisible;
use tauri::Url;

use crate::configuration::Server;
pub use fingerprint::Fingerprint;

/// Longer than any link of a server: 253 characters of a host, 64 and 43 of the others.
const MAX_BYTES: usize = 1024;
const PAGE: [&str; 2] = ["public", "download-certs"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub server: Server,
    /// Of the authority that the server names; `None` when the link does not say.
    pub authority: Option<Fingerprint>,
    /// Whether the system's trust store may verify the server, where that authority did not issue its certificate. Only the
    /// link can say so: a man in the middle can make the check by the authority fail.
    pub system_trust: bool,
    pub token: Secret,
}

/// Why a text is no such link, for the person who pasted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("The link has the same part twice. Copy it again from where you got it.")]
    Ambiguous,
    #[error("Paste the link here.")]
    Empty,
    #[error(
        "The link does not say how to recognise the server. Copy all of it, or paste the link from the mail."
    )]
    Fingerprint,
    #[error(
        "The link wants the server to be recognised in a way that this program does not know. Update the program."
    )]
    Judgement,
    #[error("This is not a link for setting up a machine. It begins with https:// or {SCHEME}://.")]
    NotALink,
    #[error("The link names no server that can be reached safely. Copy it again from where you got it.")]
    Server,
    #[error("The link's last part is missing or damaged. Copy all of it.")]
    Token,
    #[error("This is too long for such a link.")]
    TooLong,
    #[error(
        "This link is not encrypted. Open it in a browser on this machine, and choose “Open in the desktop program” there."
    )]
    Unencrypted,
    #[error("The link has a user name in it, which hides what server it leads to. Do not use it.")]
    UserInfo,
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LinkError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(LinkError::TooLong);
        }
        // The URL parser ignores line breaks and tabs, so a text could read as another address.
        if text.contains(|c: char| c.is_whitespace() || is_invisible(c) || c == '\\') {
            return Err(LinkError::NotALink);
        }
        let url = Url::parse(text).map_err(|_| LinkError::NotALink)?;
        match url.scheme() {
            SCHEME => of_program(&url),
            "https" | "http" => of_mail(&url),
            _ => Err(LinkError::NotALink),
        }
    }
}

fn of_program(url: &Url) -> Result<Link, LinkError> {
    if has_user(url) {
        return Err(LinkError::UserInfo);
    }
    let bare = matches!(url.path(), "" | "/") && url.fragment().is_none() && url.port().is_none();
    if url.host_str() != Some("enrol") || !bare {
        return Err(LinkError::NotALink);
    }
    let server = parameter(url, "server")?.ok_or(LinkError::Server)?;
    let authority = parameter(url, "ca")?.ok_or(LinkError::Fingerprint)?;
    Ok(Link {
        server: server_of(&server)?,
        authority: Some(authority.parse().map_err(|_| LinkError::Fingerprint)?),
        system_trust: system_trust(url)?,
        token: token_of(&parameter(url, "token")?.ok_or(LinkError::Token)?)?,
    })
}

fn of_mail(url: &Url) -> Result<Link, LinkError> {
    if has_user(url) {
        return Err(LinkError::UserInfo);
    }
    let path: Vec<&str> = url.path().split('/').skip(1).collect();
    let [first, second, token] = path[..] else { return Err(LinkError::NotALink) };
    if [first, second] != PAGE || url.query().is_some() || url.fragment().is_some() {
        return Err(LinkError::NotALink);
    }
    if url.scheme() == "http" {
        return Err(LinkError::Unencrypted);
    }
    let server = server_of(&url.origin().ascii_serialization())?;
    Ok(Link { server, authority: None, system_trust: false, token: token_of(token)? })
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// A parameter that is there once. Other parameters are ignored, as a newer server may send them.
fn parameter(url: &Url, name: &str) -> Result<Option<String>, LinkError> {
    let mut all = url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let first = all.next();
    if all.next().is_some() { Err(LinkError::Ambiguous) } else { Ok(first) }
}

fn system_trust(url: &Url) -> Result<bool, LinkError> {
    match parameter(url, TLS_PARAMETER)?.as_deref() {
        None => Ok(false),
        Some(TLS_SYSTEM) => Ok(true),
        Some(_) => Err(LinkError::Judgement),
    }
}

fn server_of(text: &str) -> Result<Server, LinkError> {
    if text.contains(|c: char| c.is_whitespace() || is_invisible(c) || c == '\\') {
        return Err(LinkError::Server);
    }
    if Url::parse(text).is_ok_and(|url| has_user(&url)) {
        Err(LinkError::UserInfo)
    } else {
        text.parse().map_err(|_| LinkError::Server)
    }
}

/// base64url, at least 128 bits.
fn token_of(text: &str) -> Result<Secret, LinkError> {
    let right = (22..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if right { Ok(Secret::new(text)) } else { Err(LinkError::Token) }
}

#[cfg(test)]
mod tests;
