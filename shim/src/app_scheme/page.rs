//! The few pages that this program makes itself: HTML without scripts, since they must show when all else
//! fails.

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use protocol::Problem;
use tauri::Url;

use super::SIDEBAR;
use crate::configuration::Server;

/// What the window shows first; it leads on to `path`. The old page stays on screen until the next one has
/// come.
pub fn welcome(server: &Server, path: &str) -> Response<Vec<u8>> {
    let body = format!("<h1>Connecting</h1><p>Waiting for {}.</p>", escaped(&server.to_string()));
    html(StatusCode::OK, "Connecting", &body, Some(path))
}

/// What is wrong and what to do: a page for a navigation, the problem document for a script.
pub fn problem(problem: &Problem, navigation: bool) -> Response<Vec<u8>> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !navigation {
        let body = serde_json::to_vec(problem).unwrap_or_default();
        return answer(status, "application/problem+json", body);
    }
    let fields: String = problem
        .errors
        .iter()
        .map(|e| format!("<li><code>{}</code>: {}</li>", escaped(&e.field), escaped(&e.message)))
        .collect();
    let body = format!(
        "<h1>{}</h1><p role=\"alert\">{}</p>{}{}",
        escaped(&problem.title),
        escaped(&problem.detail),
        if fields.is_empty() { fields } else { format!("<ul>{fields}</ul>") },
        // The configuration is read at the start: only a new start helps there.
        if problem.is("configuration") { String::new() } else { try_again() },
    );
    html(status, &problem.title, &body, None)
}

fn try_again() -> String {
    format!("<p><a class=\"action\" href=\"{SIDEBAR}\">Try again</a></p>")
}

/// Leads on to a path of the server.
pub fn moved(path: &str) -> Response<Vec<u8>> {
    let body = format!("<p><a href=\"{}\">Continue</a></p>", escaped(path));
    html(StatusCode::OK, "One moment", &body, Some(path))
}

/// The server sends the visitor to another host: the visitor decides.
pub fn elsewhere(target: &Url) -> Response<Vec<u8>> {
    let address = escaped(target.as_str());
    let body = format!(
        "<h1>This page is elsewhere</h1><p>It opens in your browser:</p>\
         <p><a href=\"{address}\">{address}</a></p><p><a class=\"action\" href=\"{SIDEBAR}\">Back</a></p>"
    );
    html(StatusCode::OK, "This page is elsewhere", &body, None)
}

const STYLE: &str = "\
:root{color-scheme:light dark;--paper:oklch(.99 .002 250);--ink:oklch(.22 .02 255);\
--muted:oklch(.48 .02 255);--focus:oklch(.6 .16 255)}\
@media(prefers-color-scheme:dark){:root{--paper:oklch(.17 .01 255);--ink:oklch(.95 .005 255);\
--muted:oklch(.72 .01 255);--focus:oklch(.72 .14 255)}}\
body{margin:0;padding:32px 24px;background:var(--paper);color:var(--ink);font:14px/20px system-ui,sans-serif}\
h1{font-size:20px;line-height:28px;font-weight:600;letter-spacing:-.01em;margin:0 0 12px}\
p,ul{color:var(--muted);margin:0 0 20px;overflow-wrap:anywhere}ul{padding-left:20px}\
a{color:var(--ink)}a:focus-visible{outline:2px solid var(--focus);outline-offset:2px}\
.action{display:inline-block;padding:8px 16px;border-radius:8px;background:var(--ink);color:var(--paper);\
text-decoration:none}";

fn html(status: StatusCode, title: &str, body: &str, next: Option<&str>) -> Response<Vec<u8>> {
    let refresh = next
        .map(|path| format!("<meta http-equiv=\"refresh\" content=\"0; url={}\">", escaped(path)))
        .unwrap_or_default();
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">{refresh}\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>",
        escaped(title)
    );
    let mut response = answer(status, "text/html; charset=utf-8", text.into_bytes());
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                  frame-ancestors 'none'";
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

fn answer(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
