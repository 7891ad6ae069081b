//! Requests that change something must not come from another site's page.
//!
//! Browsers say where a request comes from in `Sec-Fetch-Site` (only over TLS or to this machine) and in `Origin`. A
//! request with neither comes from no browser of our time; without a cookie it carries nobody's rights but those that it
//! proves itself, and passes.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, header};
use protocol::Problem;

use crate::problem::ProblemResponse;

pub(super) async fn check(State(origins): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    if may_pass(&origins, request.method(), request.headers()) {
        next.run(request).await
    } else {
        ProblemResponse(cross_site()).into_response()
    }
}

/// 403 to every request that may change something and does not come from our pages.
pub fn cross_site() -> Problem {
    Problem::new("cross-site", 403, "This came from another site's page")
        .detail("Open the page on this server and try again there.")
}

fn may_pass(origins: &[String], method: &Method, headers: &HeaderMap) -> bool {
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

    fn passes(method: Method, entries: &[(&'static str, &'static str)]) -> bool {
        let origins = ["https://a.example.org".to_owned(), "https://a.example.org:8443".to_owned()];
        let headers = entries.iter().map(|(k, v)| (HeaderName::from_static(k), v.parse().unwrap())).collect();
        may_pass(&origins, &method, &headers)
    }

    #[test]
    fn where_a_change_may_come_from() {
        let cookie = ("cookie", "session=1");
        for right in [
            &[("sec-fetch-site", "same-origin"), cookie] as &[_],
            &[("sec-fetch-site", "none"), cookie],
            &[("origin", "https://a.example.org"), cookie],
            &[("origin", "https://a.example.org:8443"), cookie],
            &[("authorization", "Bearer x")],
            &[],
        ] {
            assert!(passes(Method::POST, right), "{right:?}");
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
                assert!(!passes(method, wrong), "{wrong:?}");
            }
            assert!(passes(Method::GET, wrong), "reading is free");
        }
    }
}
