//! Security headers of every response.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use crate::peer::Peer;

/// The nonce of a page's inline scripts and styles, a response extension of every page that has any. It is not sent; the
/// `Content-Security-Policy` header names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CspNonce(pub String);

/// The headers with the same value on every response.
const FIXED_HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(self), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// `max-age` of two years (RFC 6797 §6.1.1).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

pub(super) async fn add(State(hsts_hosts): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let with_hsts = request.extensions().get::<Peer>().is_some_and(|peer| peer.tls)
        && host(request.uri(), request.headers())
            .is_some_and(|host| hsts_hosts.iter().any(|known| known.eq_ignore_ascii_case(host)));
    let mut response = next.run(request).await;
    let nonce = response.extensions_mut().remove::<CspNonce>();
    let headers = response.headers_mut();
    for (name, value) in FIXED_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, policy(headers, nonce));
    if with_hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    // Caching is opt-in: only responses with a lifetime of their own, such as assets, are cached.
    let cache_control = headers.get(header::CACHE_CONTROL).and_then(|v| v.to_str().ok());
    if !cache_control.is_some_and(|value| value.contains("max-age")) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn policy(headers: &HeaderMap, nonce: Option<CspNonce>) -> HeaderValue {
    const DENY_ALL: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    let html =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !html {
        return DENY_ALL;
    }
    // A nonce is base64 or hex. Other characters could inject directives.
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"+/=-_".contains(&c);
    let (scripts, inline_styles) = match nonce {
        Some(CspNonce(nonce)) if !nonce.is_empty() && nonce.bytes().all(plain) => {
            (format!("'strict-dynamic' 'nonce-{nonce}' 'wasm-unsafe-eval'"), format!(" 'nonce-{nonce}'"))
        }
        _ => ("'none'".to_owned(), String::new()),
    };
    let policy = format!(
        "default-src 'none'; script-src {scripts}; style-src 'self'{inline_styles}; img-src 'self' data: blob:; \
         connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(DENY_ALL)
}

/// The host of the request, without the port. HTTP/2 has it in the URI.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let named = uri.host().or_else(|| headers.get(header::HOST)?.to_str().ok())?;
    match named.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => Some(host),
        _ => Some(named),
    }
}
