//! Base URLs under which clients reach the server.

use std::str::FromStr;

use url::{Host, Url};

/// Scheme (`http` or `https`), host and optional port. There is no path, so links are built by appending one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    https: bool,
    host: Host,
    port: u16,
    origin: String,
}

impl BaseUrl {
    /// Stands in for an invalid URL until all invalid fields are reported.
    pub(super) fn placeholder() -> Self {
        let host = Host::Domain("localhost".to_owned());
        Self { https: false, host, port: 80, origin: "http://localhost".to_owned() }
    }

    /// The origin as browsers send it: without a trailing slash or a default port (RFC 6454 §6.2).
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host alone, without the port. An IPv6 address has its brackets, as in a URL.
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// The host as certificates name it: an IPv6 address without brackets.
    pub fn server_name(&self) -> String {
        match &self.host {
            Host::Ipv6(address) => address.to_string(),
            host => host.to_string(),
        }
    }

    /// The port: the explicit one or the default of the scheme.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether the host is `localhost` or a loopback address.
    pub fn is_local(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }

    /// Whether the host is an IP address.
    pub fn is_address(&self) -> bool {
        !matches!(self.host, Host::Domain(_))
    }

    /// The absolute URL of `path`, which starts with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

impl FromStr for BaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected an address without a path, such as https://assistant.example.org";
        let url = Url::parse(text.trim()).map_err(|_| EXPECTED)?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        match (url.scheme(), url.host(), url.port_or_known_default()) {
            (scheme @ ("http" | "https"), Some(host), Some(port)) if bare => Ok(Self {
                https: scheme == "https",
                host: host.to_owned(),
                port,
                origin: url.origin().ascii_serialization(),
            }),
            _ => Err(EXPECTED),
        }
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_what_browsers_send() {
        let url: BaseUrl = "https://Assistant.example.org:443/".parse().unwrap();
        assert_eq!(url.origin(), "https://assistant.example.org");
        assert_eq!(url.join("/login"), "https://assistant.example.org/login");
        assert_eq!((url.host().as_str(), url.port()), ("assistant.example.org", 443));
        let url: BaseUrl = "http://localhost:8080".parse().unwrap();
        assert_eq!(url.origin(), "http://localhost:8080");
        assert!(url.is_local() && !url.is_https());
        let url: BaseUrl = "https://[2001:DB8:0::5]:8443".parse().unwrap();
        assert_eq!((url.host().as_str(), url.server_name().as_str()), ("[2001:db8::5]", "2001:db8::5"));
        assert!("https://[::1]:8443".parse::<BaseUrl>().unwrap().is_local());
    }

    #[test]
    fn only_urls_without_a_path() {
        for text in
            ["", "localhost:8080", "ftp://a", "https://a/b", "https://a/?b", "https://u:p@a", "https://a/#f"]
        {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }
}
