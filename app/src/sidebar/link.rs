//! Which addresses in an answer become links. A model writes the answer from a picture that may be an attacker's: a link
//! must lead where it says, or it stays text.

use domain::text::is_invisible;

/// An address that may be followed, and what is shown of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SafeLink {
    pub target: String,
    /// The host that a browser would connect to, or the address that a mail would go to.
    pub destination: String,
}

impl SafeLink {
    /// Accepts `http`, `https` and `mailto` with a plain destination. Rejects addresses that browsers parse differently than
    /// people read them: white space and invisible characters (some are dropped by browsers), backslashes (read as slashes),
    /// userinfo before an `@`, percent signs and non-ASCII letters in the host (look-alikes).
    pub fn parse(target: &str) -> Option<Self> {
        if target.len() > 2_000 || target.chars().any(|c| c.is_whitespace() || is_invisible(c) || c == '\\') {
            return None;
        }
        let (scheme, rest) = target.split_once(':')?;
        let destination = match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {
                let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
                is_host(authority).then(|| authority.to_ascii_lowercase())?
            }
            "mailto" => {
                let address = rest.split('?').next()?;
                let (local, domain) = address.split_once('@')?;
                let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
                (!local.is_empty() && local.chars().all(plain) && is_host(domain))
                    .then(|| address.to_owned())?
            }
            _ => return None,
        };
        Some(Self { target: target.to_owned(), destination })
    }
}

/// A name or an IPv4 address, with or without a port; an IPv6 address in brackets.
fn is_host(authority: &str) -> bool {
    let (name, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if !address.is_empty() => {
                return address.chars().all(|c| c.is_ascii_hexdigit() || c == ':' || c == '.')
                    && is_port(port);
            }
            _ => return false,
        },
        None => authority.find(':').map_or((authority, ""), |at| authority.split_at(at)),
    };
    !name.is_empty()
        && !name.starts_with(['.', '-'])
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == '_')
        && is_port(port)
}

fn is_port(port: &str) -> bool {
    port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(target: &str) -> Option<String> {
        SafeLink::parse(target).map(|link| link.destination)
    }

    #[test]
    fn plain_addresses_show_where_they_lead() {
        assert_eq!(destination("https://Example.org/a?b=c#d").as_deref(), Some("example.org"));
        assert_eq!(destination("http://127.0.0.1:8080/x").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(destination("HTTPS://[::1]:8443/").as_deref(), Some("[::1]:8443"));
        assert_eq!(
            destination("https://example.org?to=https://good.example/").as_deref(),
            Some("example.org")
        );
        assert_eq!(destination("mailto:help@example.org?subject=x").as_deref(), Some("help@example.org"));
    }

    #[test]
    fn what_could_deceive_or_run_stays_text() {
        for bad in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            " https://example.org",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "file:///etc/passwd",
            "aiwe://host/token",
            "//example.org",
            "/admin",
            "#top",
            "https:example.org",
            "https:///example.org",
            "https://",
            "https://good.example@evil.example/",
            "https://evil.example\\@good.example/",
            "https://evil.example/\u{202E}elpmaxe.doog//:sptth",
            "https://evil.example/\u{E0041}\u{AD}",
            "https://%65vil.example/",
            "https://exаmple.org/",
            "https://example.org:99999/",
            "https://example.org:x/",
            "mailto:",
            "mailto:a@b@c.example",
            "",
        ] {
            assert_eq!(SafeLink::parse(bad), None, "{bad:?}");
        }
    }
}
