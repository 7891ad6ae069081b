//! Protection against cross-site request forgery, without tokens.
//!
//! Browsers state the origin of a request in `Sec-Fetch-Site` (only to HTTPS and loopback URLs) and in `Origin` (RFC 6454
//! §7). A request with neither does not come from a current browser. It passes if it has no cookie, since it then has only
//! the rights that it proves otherwise.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, header};
use protocol::Problem;

use crate::problem::ProblemResponse;

pub(super) async fn check(State(origins): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    if is_allowed(&origins, request.method(), request.headers()) {
        next.run(request).await
    } else {
        ProblemResponse(cross_site()).into_response()
    }
}

/// 403 for a request with an unsafe method (RFC 9110 §9.2.1) that does not come from the server's own pages.
pub fn cross_site() -> Problem {
    Problem::new("cross-site", 403, "This came from another site's page")
        .detail("Open the page on this server and try again there.")
}

fn is_allowed(origins: &[String], method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE) {
        return true;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(header::ORIGIN) {
        Some(origin) => origins.iter().any(|own| own.as_bytes() == origin.as_bytes()),
        None => !headers.contains_key(header::COOKIE),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn allowed(method: Method, entries: &[(&'static str, &'static str)]) -> bool {
        let origins = ["https://a.example.org".to_owned(), "https://a.example.org:8443".to_owned()];
        let headers = entries.iter().map(|(k, v)| (HeaderName::from_static(k), v.parse().unwrap())).collect();
        is_allowed(&origins, &method, &headers)
    }

    #[test]
    fn unsafe_methods_need_an_own_origin() {
        let cookie = ("cookie", "session=1");
        for right in [
            &[("sec-fetch-site", "same-origin"), cookie] as &[_],
            &[("sec-fetch-site", "none"), cookie],
            &[("origin", "https://a.example.org"), cookie],
            &[("origin", "https://a.example.org:8443"), cookie],
            &[("authorization", "Bearer x")],
            &[],
        ] {
            assert!(allowed(Method::POST, right), "{right:?}");
        }
        for wrong in [
            &[("sec-fetch-site", "cross-site")] as &[_],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://a.example.org")],
            &[("origin", "https://b.example.org")],
            &[("origin", "http://a.example.org")],
            &[("origin", "https://a.example.org.evil.net")],
            &[("origin", "null")],
            &[cookie],
        ] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert!(!allowed(method, wrong), "{wrong:?}");
            }
            assert!(allowed(Method::GET, wrong), "GET is always allowed");
        }
    }
}
