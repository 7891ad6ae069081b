//! The server's cookies: names, attributes and lifetimes.

use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use http::HeaderMap;

/// A cookie that the server sets. All are `Lax`: a link in a mail, also in webmail on another site, opens its page with them
/// (docs/decisions/same-site-lax.md), but no other site's form or script is sent with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieKind {
    /// The expiry of the certificate that the browser presented last. Browsers do not offer expired certificates, so only
    /// this cookie distinguishes an expired one from none.
    CertificateEnd,
    /// A verified password that still needs its second factor. Only the server's own pages lead to that step, so it is
    /// `Strict`.
    Challenge,
    /// Proves that this browser submitted an access request.
    Requester,
    /// The panel's session.
    Session,
    /// Proves that this browser set an account up, to see its recovery codes once more.
    Setup,
}

/// What the names of one server's cookies depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieNames {
    /// Whether the request came over TLS.
    pub secure: bool,
    /// Tells the server from others on the same host: cookies know no ports (RFC 6265 §8.5). `None`: the usual port.
    pub port: Option<u16>,
}

impl CookieKind {
    /// The name. With TLS, the `__Host-` prefix binds the cookie to this very host (RFC 6265bis §4.1.3.2).
    pub fn name(self, names: CookieNames) -> String {
        let base = match self {
            Self::CertificateEnd => "aiwe_certificate_end",
            Self::Challenge => "aiwe_challenge",
            Self::Requester => "aiwe_asked",
            Self::Session => "aiwe_session",
            Self::Setup => "aiwe_setup",
        };
        let prefix = if names.secure { "__Host-" } else { "" };
        match names.port {
            None => format!("{prefix}{base}"),
            Some(port) => format!("{prefix}{base}_{port}"),
        }
    }

    /// A `Set-Cookie` value with a lifetime of `max_age` seconds.
    pub fn set(self, value: &str, max_age: i64, names: CookieNames) -> String {
        let same_site = match self {
            Self::CertificateEnd | Self::Requester | Self::Session | Self::Setup => SameSite::Lax,
            Self::Challenge => SameSite::Strict,
        };
        Cookie::build((self.name(names), value))
            .path("/")
            .max_age(Duration::seconds(max_age))
            .http_only(true)
            .same_site(same_site)
            .secure(names.secure)
            .to_string()
    }

    /// A `Set-Cookie` value that removes the cookie.
    pub fn remove(self, names: CookieNames) -> String {
        self.set("", 0, names)
    }
}

/// The value of a cookie in the headers of a request. `None` also for an empty value. An earlier version's name, without the
/// port, counts as long as there is no other: what another server set under it means nothing here.
pub fn cookie_value(headers: &HeaderMap, kind: CookieKind, names: CookieNames) -> Option<String> {
    let value = |names: CookieNames| {
        let name = kind.name(names);
        headers
            .get_all(http::header::COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(Cookie::split_parse)
            .flatten()
            .find(|cookie| cookie.name() == name && !cookie.value().is_empty())
            .map(|cookie| cookie.value().to_owned())
    };
    value(names).or_else(|| names.port.and_then(|_| value(CookieNames { port: None, ..names })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: CookieNames = CookieNames { secure: false, port: None };
    const SECURE: CookieNames = CookieNames { secure: true, port: None };

    #[test]
    fn a_session_cookie_is_http_only_and_not_sent_with_another_sites_forms() {
        let parse = |cookie: String| Cookie::parse(cookie).unwrap();
        let expected = Cookie::build(("__Host-aiwe_session", "abc"))
            .path("/")
            .max_age(Duration::minutes(1))
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(true);
        assert_eq!(parse(CookieKind::Session.set("abc", 60, SECURE)), expected.build());
        assert_eq!(parse(CookieKind::Session.set("abc", 60, PLAIN)).secure(), None);
        assert_eq!(parse(CookieKind::Challenge.set("abc", 60, SECURE)).same_site(), Some(SameSite::Strict));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", "a=1; aiwe_session=tok; b=2".parse().unwrap());
        assert_eq!(cookie_value(&headers, CookieKind::Session, PLAIN).as_deref(), Some("tok"));
        assert_eq!(cookie_value(&headers, CookieKind::Session, SECURE), None);
    }

    #[test]
    fn two_servers_on_one_host_have_cookies_of_their_own() {
        let on = |port| CookieNames { port: Some(port), ..SECURE };
        let name = |port| CookieKind::Requester.name(on(port));
        assert_eq!(
            (name(9080).as_str(), name(9081).as_str()),
            ("__Host-aiwe_asked_9080", "__Host-aiwe_asked_9081")
        );
        let mut headers = HeaderMap::new();
        let cookies = "__Host-aiwe_session=old; __Host-aiwe_session_9080=one; __Host-aiwe_session_9081=two";
        headers.insert("cookie", cookies.parse().unwrap());
        let value = |port| cookie_value(&headers, CookieKind::Session, on(port));
        assert_eq!((value(9080).as_deref(), value(9081).as_deref()), (Some("one"), Some("two")));
        assert_eq!(value(9082).as_deref(), Some("old"), "a session of an earlier version goes on");
        assert_eq!(cookie_value(&headers, CookieKind::Session, SECURE).as_deref(), Some("old"));
    }
}
