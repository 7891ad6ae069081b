//! The server's cookies: names, attributes and lifetimes.

use http::HeaderMap;

/// A cookie that the server sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieKind {
    /// Proves that this browser made a request for access. Sent when a link in a mail is opened, hence `Lax`.
    Asked,
    /// The expiry of the certificate that the browser presented last. Browsers do not offer expired certificates, so only
    /// this cookie distinguishes an expired one from none. `Lax` like [`Self::Asked`].
    CertificateEnd,
    /// A correct password that waits for its second factor.
    Challenge,
    /// The panel's session.
    Session,
}

impl CookieKind {
    /// The name. With TLS, the `__Host-` prefix binds the cookie to this very host (RFC 6265bis §4.1.3.2).
    pub fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Asked, true) => "__Host-aiwe_asked",
            (Self::Asked, false) => "aiwe_asked",
            (Self::CertificateEnd, true) => "__Host-aiwe_certificate_end",
            (Self::CertificateEnd, false) => "aiwe_certificate_end",
            (Self::Challenge, true) => "__Host-aiwe_challenge",
            (Self::Challenge, false) => "aiwe_challenge",
            (Self::Session, true) => "__Host-aiwe_session",
            (Self::Session, false) => "aiwe_session",
        }
    }

    /// A `Set-Cookie` value with a lifetime of `max_age` seconds.
    pub fn set(self, value: &str, max_age: i64, secure: bool) -> String {
        let name = self.name(secure);
        let same_site = match self {
            Self::Asked | Self::CertificateEnd => "Lax",
            Self::Challenge | Self::Session => "Strict",
        };
        let secure = if secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite={same_site}{secure}")
    }

    /// A `Set-Cookie` value that removes the cookie.
    pub fn remove(self, secure: bool) -> String {
        self.set("", 0, secure)
    }
}

/// The value of a cookie in a request's headers.
pub fn cookie_value(headers: &HeaderMap, kind: CookieKind, secure: bool) -> Option<String> {
    let name = kind.name(secure);
    headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_cookie_is_http_only_and_same_site() {
        let cookie = CookieKind::Session.set("abc", 60, true);
        assert_eq!(cookie, "__Host-aiwe_session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
        assert!(!CookieKind::Session.set("abc", 60, false).contains("Secure"));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", "a=1; aiwe_session=tok; b=2".parse().unwrap());
        assert_eq!(cookie_value(&headers, CookieKind::Session, false).as_deref(), Some("tok"));
        assert_eq!(cookie_value(&headers, CookieKind::Session, true), None);
    }
}
