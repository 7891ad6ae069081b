//! What of the server's answer reaches the page.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use tauri::Url;

use super::{page, policy};
use crate::configuration::Server;
use crate::transport::Answer;

/// Between this program and the server only: how the body travelled, cookies (kept in the transport's jar),
/// and what binds a host name, which an app scheme does not have.
const KEPT_BACK: [HeaderName; 9] = [
    header::ALT_SVC,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::SET_COOKIE,
    header::STRICT_TRANSPORT_SECURITY,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("keep-alive"),
];

/// The page's answer to a request for `url`.
pub fn deliver(server: &Server, url: &Url, navigation: bool, answer: Answer) -> Response<Vec<u8>> {
    let Answer { status, mut headers, body } = answer;
    for name in KEPT_BACK {
        headers.remove(name);
    }
    if let Some(target) = location(url, &headers) {
        if navigation && is_redirect(status) {
            return lead(server, &target);
        }
        let shown = if server.is_origin_of(&target) { path_of(&target) } else { target.to_string() };
        if let Ok(value) = HeaderValue::from_str(&shown) {
            headers.insert(header::LOCATION, value);
        }
    }
    policy::allow_commands(&mut headers);
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// A webview does not follow redirects on an app scheme. A page that leads on keeps address and content
/// together, which following in here would not.
fn lead(server: &Server, target: &Url) -> Response<Vec<u8>> {
    if server.is_origin_of(target) { page::moved(&path_of(target)) } else { page::elsewhere(target) }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn location(url: &Url, headers: &HeaderMap) -> Option<Url> {
    url.join(headers.get(header::LOCATION)?.to_str().ok()?).ok()
}

fn path_of(url: &Url) -> String {
    let mut path = url.path().to_owned();
    // "//host" at the start of an address names a host.
    let slashes = path.len() - path.trim_start_matches('/').len();
    path.replace_range(..slashes, "/");
    for (mark, part) in [('?', url.query()), ('#', url.fragment())] {
        if let Some(part) = part {
            path.push(mark);
            path.push_str(part);
        }
    }
    path
}
