//! The pages that this program makes itself: HTML without scripts, since they must work when all else fails. Forms are sent
//! to this program and nowhere else.

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

/// For text between tags and in quoted attributes.
pub use html_escape::encode_quoted_attribute as escaped;

/// The server's page that the window shows. The pages made here lead back to it.
pub const SIDEBAR: &str = "/sidebar";

pub const STYLE: &str = "\
:root{color-scheme:light dark;--paper:oklch(.99 .002 250);--ink:oklch(.22 .02 255);\
--muted:oklch(.48 .02 255);--focus:oklch(.6 .16 255);--raised:oklch(1 0 0);--line:oklch(.82 .01 255);\
--bad:oklch(.54 .19 27)}\
@media(prefers-color-scheme:dark){:root{--paper:oklch(.17 .01 255);--ink:oklch(.95 .005 255);\
--muted:oklch(.72 .01 255);--focus:oklch(.72 .14 255);--raised:oklch(.21 .01 255);--line:oklch(.38 .01 255);\
--bad:oklch(.7 .17 25)}}\
body{margin:0;padding:32px 24px;background:var(--paper);color:var(--ink);font:14px/20px system-ui,sans-serif}\
h1{font-size:20px;line-height:28px;font-weight:600;letter-spacing:-.01em;margin:0 0 12px}\
form{margin:0 0 20px}\
label{display:block;font-weight:600;margin:0 0 4px}.hint{margin:0 0 8px}\
input{box-sizing:border-box;width:100%;padding:8px 12px;border:1px solid var(--line);border-radius:8px;\
background:var(--raised);color:var(--ink);font:inherit}input.code,code{font-family:ui-monospace,monospace}\
input[aria-invalid]{border-color:var(--bad)}.bad{color:var(--bad);font-weight:600}\
dl{margin:0 0 20px}dt{color:var(--muted)}dd{margin:0 0 12px;overflow-wrap:anywhere}\
.groups code{display:inline-block;margin-right:8px;font-size:16px;line-height:26px}\
.notice{border:1px solid var(--line);border-radius:12px;padding:12px 16px;margin:0 0 20px}.notice p{margin:0}\
.plain{border:0;background:none;padding:8px 0;text-decoration:underline}\
p,ul{color:var(--muted);margin:0 0 20px;overflow-wrap:anywhere}ul{padding-left:20px}\
a{color:var(--ink)}:focus-visible{outline:2px solid var(--focus);outline-offset:2px}\
button{font:inherit;color:inherit;cursor:pointer}\
.action{display:inline-block;border:0;font-weight:600;padding:8px 16px;border-radius:8px;background:var(--ink);color:var(--paper);\
text-decoration:none}";

/// A page that stays until the user leaves it.
pub fn html(status: StatusCode, title: &str, body: &str) -> Response<Vec<u8>> {
    document(status, title, body, "")
}

/// A page that redirects to `path`. The old page stays on screen until the next one has loaded.
pub fn redirecting(title: &str, body: &str, path: &str) -> Response<Vec<u8>> {
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"0; url={}\">", escaped(path));
    document(StatusCode::OK, title, body, &refresh)
}

fn document(status: StatusCode, title: &str, body: &str, head: &str) -> Response<Vec<u8>> {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">{head}\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>",
        escaped(title)
    );
    let mut response = answer(status, "text/html; charset=utf-8", text.into_bytes());
    // Windows' webview writes the app scheme as a host under HTTP.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; \
                  form-action 'self' assistant://localhost http://assistant.localhost";
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

pub fn answer(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
