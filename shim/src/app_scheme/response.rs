//! The server's response as the page gets it.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use tauri::Url;

use super::{page, policy};
use crate::configuration::Server;
use crate::transport::BufferedResponse;

/// Headers between this program and the server only: transfer of the body, cookies (they are in the transport's jar),
/// and what is bound to a host name, which an app scheme does not have.
const REMOVED: [HeaderName; 9] = [
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

/// The response to the page's request for `url`.
pub fn deliver(server: &Server, url: &Url, navigation: bool, answer: BufferedResponse) -> Response<Vec<u8>> {
    let BufferedResponse { status, mut headers, body } = answer;
    for name in REMOVED {
        headers.remove(name);
    }
    if let Some(target) = location(url, &headers) {
        if navigation && is_redirect(status) {
            return redirect(server, &target);
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

/// A webview does not follow redirects on an app scheme. Following them here would show content under another address; a
/// page that redirects does not.
fn redirect(server: &Server, target: &Url) -> Response<Vec<u8>> {
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
