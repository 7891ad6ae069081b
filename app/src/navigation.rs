//! Redirects that work with and without scripts, to paths on this server only.

use std::fmt::Write as _;

/// `next` if it is a path on this server, and nothing that a browser could read as another host.
pub fn local_path(next: &str) -> Option<&str> {
    let elsewhere = next.starts_with("//") || next.contains('\\') || next.chars().any(char::is_control);
    (next.starts_with('/') && !elsewhere).then_some(next)
}

/// The sign-in page, which returns to `path` afterwards.
pub fn login_path(path: &str) -> String {
    with_query("/login", &[("next", local_path(path).unwrap_or_default())])
}

/// `path` with the parameters whose value is not empty.
pub fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut url = path.to_owned();
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        url.push_str(&percent_encoded(value, b"-._~/"));
    }
    url
}

/// The page that `?page=2` names, from 0: people count from 1.
pub fn page_number(in_address: Option<&str>) -> u32 {
    in_address.and_then(|page| page.parse::<u32>().ok()).unwrap_or_default().saturating_sub(1)
}

/// The reverse of [`page_number`]; empty for the first page, whose address names none.
pub fn page_in_address(page: u32) -> String {
    if page == 0 { String::new() } else { page.saturating_add(1).to_string() }
}

/// Untrusted text as one path segment: it can neither end the segment nor lead to the parent.
pub fn path_segment(part: &str) -> String {
    percent_encoded(part, b"-_~")
}

fn percent_encoded(text: &str, unescaped: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || unescaped.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// The path, query and fragment of an address: `https://host/a?b` → `/a?b`.
pub fn path_of(address: &str) -> &str {
    match address.split_once("://") {
        None => address,
        Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
    }
}

/// Sends a browser without scripts back to the page that it posted from.
#[cfg(feature = "ssr")]
pub fn redirect_back() {
    if !wants_html() {
        return;
    }
    redirect(referring_path().as_deref().unwrap_or("/"));
}

/// The path of the page that the request comes from, if it is one of this server.
#[cfg(feature = "ssr")]
pub fn referring_path() -> Option<String> {
    let parts = leptos::prelude::use_context::<http::request::Parts>()?;
    let referer = parts.headers.get(http::header::REFERER)?.to_str().ok()?;
    local_path(path_of(referer)).map(str::to_owned)
}

/// Redirects from the current server function or page: 303 for a browser that posted a form or opened a page, otherwise
/// a header that the page's scripts follow.
#[cfg(feature = "ssr")]
pub fn redirect(path: &str) {
    use http::header::{HeaderName, HeaderValue, LOCATION};
    use leptos::prelude::use_context;

    let Some(response) = use_context::<leptos_axum::ResponseOptions>() else { return };
    let Ok(location) = HeaderValue::from_str(path) else { return };
    response.insert_header(LOCATION, location);
    if wants_html() {
        response.set_status(http::StatusCode::SEE_OTHER);
    } else {
        let followed_by_scripts = HeaderName::from_static(leptos::server_fn::redirect::REDIRECT_HEADER);
        response.insert_header(followed_by_scripts, HeaderValue::from_static(""));
    }
}

/// Whether the browser itself made the request (it opened a page or posted a form), not the page's scripts.
#[cfg(feature = "ssr")]
pub fn wants_html() -> bool {
    leptos::prelude::use_context::<http::request::Parts>()
        .and_then(|parts| {
            parts.headers.get(http::header::ACCEPT)?.to_str().ok().map(|v| v.contains("text/html"))
        })
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_followed() {
        for good in ["/", "/admin", "/admin/requests?state=pending&search=a%40b", "/a#b"] {
            assert_eq!(local_path(good), Some(good));
        }
        for bad in [
            "",
            "admin",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x=y",
            " /admin",
        ] {
            assert_eq!(local_path(bad), None, "{bad:?} was followed");
        }
    }

    #[test]
    fn a_login_path_carries_the_full_return_path() {
        assert_eq!(
            login_path("/admin/requests?search=a+b&page=2"),
            "/login?next=/admin/requests%3Fsearch%3Da%2Bb%26page%3D2"
        );
        assert_eq!(login_path("//evil.example"), "/login");
    }

    #[test]
    fn an_address_is_reduced_to_its_path() {
        assert_eq!(path_of("https://localhost:8443/a/b?c=d"), "/a/b?c=d");
        assert_eq!(path_of("http://localhost"), "/");
        assert_eq!(path_of("/a"), "/a");
        assert_eq!(local_path(path_of("http://host//evil.example")), None);
    }

    #[test]
    fn a_path_segment_stays_one_segment() {
        assert_eq!(path_segment("aB-_9"), "aB-_9");
        assert_eq!(path_segment("../a/b?c#d\r\n"), "%2E%2E%2Fa%2Fb%3Fc%23d%0D%0A");
    }

    #[test]
    fn pages_are_counted_from_one_in_addresses() {
        for (address, page) in [(None, 0), (Some("1"), 0), (Some("2"), 1), (Some("0"), 0), (Some("x"), 0)] {
            assert_eq!(page_number(address), page, "{address:?}");
        }
        assert_eq!((page_in_address(0), page_in_address(1)), (String::new(), "2".to_owned()));
    }

    #[test]
    fn empty_parameters_are_left_out() {
        assert_eq!(with_query("/x", &[("a", ""), ("b", "ü 1"), ("c", "2")]), "/x?b=%C3%BC%201&c=2");
        assert_eq!(with_query("/x?y=1", &[("a", "2")]), "/x?y=1&a=2");
    }
}
