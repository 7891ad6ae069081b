//! The page's request as the server gets it.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};
use protocol::Problem;
use tauri::Url;

use super::is_ours;
use crate::configuration::Server;

/// A request as it is sent to the server.
#[derive(Debug)]
pub struct Forwarded {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why a page's request is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceError {
    /// The page is not one of the server's, such as a sandboxed frame.
    ForeignOrigin,
    /// Only GET, HEAD and POST.
    Method,
}

impl ServiceError {
    pub fn problem(self) -> Problem {
        match self {
            Self::ForeignOrigin => {
                Problem::forbidden().detail("Only the assistant's own pages may ask the server.")
            }
            Self::Method => Problem::new("method-not-allowed", 405, "This is not done here"),
        }
    }
}

/// The page's headers that are sent to the server. All others are removed: the page must not send cookies and
/// credentials, and encodings are between this program and the server.
const FORWARDED: [HeaderName; 11] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::CONTENT_TYPE,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::PRAGMA,
    header::RANGE,
    header::USER_AGENT,
    HeaderName::from_static("x-requested-with"),
];

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the response becomes a page, rather than going to a script. Webviews send no `Sec-Fetch-Mode` on an
/// app scheme (old ones never); then `Accept` decides.
pub fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let value = |name: &HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    match value(&SEC_FETCH_MODE) {
        Some(mode) => mode == "navigate",
        None => {
            matches!(*method, Method::GET | Method::HEAD | Method::POST)
                && value(&header::ACCEPT).is_some_and(|accept| accept.contains("text/html"))
        }
    }
}

/// The request that the server gets: the same path and body, as a browser would send it from a page of the
/// server.
pub fn forward(server: &Server, request: Request<Vec<u8>>) -> Result<Forwarded, ServiceError> {
    let (parts, body) = request.into_parts();
    if !matches!(parts.method, Method::GET | Method::HEAD | Method::POST) {
        return Err(ServiceError::Method);
    }
    from_our_pages(&parts.headers)?;
    let mut headers: HeaderMap = FORWARDED
        .iter()
        .filter_map(|name| parts.headers.get(name).map(|value| (name.clone(), value.clone())))
        .collect();
    let navigation = is_navigation(&parts.method, &parts.headers);
    let (mode, destination) = if navigation { ("navigate", "document") } else { ("cors", "empty") };
    headers.insert(SEC_FETCH_SITE, HeaderValue::from_static("same-origin"));
    headers.insert(SEC_FETCH_MODE, HeaderValue::from_static(mode));
    headers.insert(SEC_FETCH_DEST, HeaderValue::from_static(destination));
    if parts.method == Method::POST
        && let Ok(origin) = HeaderValue::from_str(&server.origin())
    {
        headers.insert(header::ORIGIN, origin);
    }
    if let Some(referer) = parts.headers.get(header::REFERER).and_then(|v| on_server(server, v)) {
        headers.insert(header::REFERER, referer);
    }
    let url = server.at(parts.uri.path(), parts.uri.query());
    Ok(Forwarded { method: parts.method, url, headers, body })
}

/// Webviews send `Origin` with every request that could change something.
pub fn from_our_pages(headers: &HeaderMap) -> Result<(), ServiceError> {
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    if origin.is_none_or(is_our_origin) { Ok(()) } else { Err(ServiceError::ForeignOrigin) }
}

fn is_our_origin(origin: &[u8]) -> bool {
    std::str::from_utf8(origin).ok().and_then(|text| Url::parse(text).ok()).is_some_and(|url| is_ours(&url))
}

/// The referring page by its address on the server, which redirects a form without scripts back to it.
fn on_server(server: &Server, referer: &HeaderValue) -> Option<HeaderValue> {
    let page = Url::parse(referer.to_str().ok()?).ok().filter(is_ours)?;
    HeaderValue::from_str(server.at(page.path(), page.query()).as_str()).ok()
}
