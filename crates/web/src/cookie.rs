//! The server's cookies: names, attributes and lifetimes.

use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use http::HeaderMap;

/// A cookie that the server sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieKind {
    /// Proves that this browser submitted an access request. `Lax`, so that it is sent when a link in a mail is opened.
    Requester,
    /// The expiry of the certificate that the browser presented last. Browsers do not offer expired certificates, so only
    /// this cookie distinguishes an expired one from none. `Lax` like [`Self::Requester`].
    CertificateEnd,
    /// A verified password that still needs its second factor.
    Challenge,
    /// The panel's session.
    Session,
}

impl CookieKind {
    /// The name. With TLS, the `__Host-` prefix binds the cookie to this very host (RFC 6265bis §4.1.3.2).
    pub fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Requester, true) => "__Host-aiwe_asked",
            (Self::Requester, false) => "aiwe_asked",
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
        let same_site = match self {
            Self::Requester | Self::CertificateEnd => SameSite::Lax,
            Self::Challenge | Self::Session => SameSite::Strict,
        };
        Cookie::build((self.name(secure), value))
            .path("/")
            .max_age(Duration::seconds(max_age))
            .http_only(true)
            .same_site(same_site)
            .secure(secure)
            .to_string()
    }

    /// A `Set-Cookie` value that removes the cookie.
    pub fn remove(self, secure: bool) -> String {
        self.set("", 0, secure)
    }
}

/// The value of a cookie in the headers of a request. `None` also for an empty value.
pub fn cookie_value(headers: &HeaderMap, kind: CookieKind, secure: bool) -> Option<String> {
    let name = kind.name(secure);
    headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(Cookie::split_parse)
        .flatten()
        .find(|cookie| cookie.name() == name && !cookie.value().is_empty())
        .map(|cookie| cookie.value().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_cookie_is_http_only_and_same_site() {
        let parse = |cookie: String| Cookie::parse(cookie).unwrap();
        let expected = Cookie::build(("__Host-aiwe_session", "abc"))
            .path("/")
            .max_age(Duration::minutes(1))
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(true);
        assert_eq!(parse(CookieKind::Session.set("abc", 60, true)), expected.build());
        assert_eq!(parse(CookieKind::Session.set("abc", 60, false)).secure(), None);
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", "a=1; aiwe_session=tok; b=2".parse().unwrap());
        assert_eq!(cookie_value(&headers, CookieKind::Session, false).as_deref(), Some("tok"));
        assert_eq!(cookie_value(&headers, CookieKind::Session, true), None);
    }
}
