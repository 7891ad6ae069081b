//! Responses where no route matches: an HTML page for browsers, a problem document for programs.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};
use protocol::Problem;

use crate::problem::ProblemResponse;

/// Whether a browser will show the response as a page: `Sec-Fetch-Mode: navigate`, or without that header an `Accept` that
/// contains `text/html`.
pub fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let accepts_html = || {
        let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
        accept.is_some_and(|accept| accept.contains("text/html"))
    };
    matches!(*method, Method::GET | Method::HEAD)
        && headers.get("sec-fetch-mode").map_or_else(accepts_html, |mode| mode == "navigate")
}

/// 404, for `Router::fallback`.
pub async fn not_found(method: Method, headers: HeaderMap) -> Response {
    respond(&method, &headers, Problem::not_found().detail("Check the address."))
}

/// 405, for `Router::method_not_allowed_fallback`.
pub async fn method_not_allowed(method: Method, headers: HeaderMap) -> Response {
    let problem = Problem::new("method-not-allowed", 405, "This address does not take this method");
    respond(&method, &headers, problem)
}

pub(super) fn respond(method: &Method, headers: &HeaderMap, problem: Problem) -> Response {
    if !is_navigation(method, headers) {
        return ProblemResponse(problem).into_response();
    }
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::NOT_FOUND);
    // Needs no escaping: the texts are constants and contain nothing of the request.
    let Problem { title, detail, .. } = problem;
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/pkg/aiwe.css\">\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <p>{detail}</p>\n<p><a href=\"/\">To the start page</a></p>\n</main>\n</body>\n</html>\n"
    );
    (status, Html(page)).into_response()
}
