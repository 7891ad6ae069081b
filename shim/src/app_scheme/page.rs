//! What the window shows when there is no page of the server.

use http::{Response, StatusCode};
use protocol::Problem;
use protocol::access::Platform;
use protocol::certificate::RejectionReason;
use tauri::Url;

use crate::connection::ConnectionState;
use crate::enrolment::ENROL;
use crate::page::{SIDEBAR, answer, escaped, html, redirecting};

/// What the window shows first; it redirects to `path`. The old page stays on screen until the next one has loaded.
pub fn welcome(state: &ConnectionState, path: &str) -> Response<Vec<u8>> {
    let whom = match state {
        ConnectionState::Connected(connected) => connected.transport.server().to_string(),
        _ => "your system’s key store".to_owned(),
    };
    let body = format!("<h1>Connecting</h1><p>Waiting for {}.</p>", escaped(&whom));
    redirecting("Connecting", &body, path)
}

/// What is wrong and what to do: a page for a navigation, the problem document for a script.
pub fn problem(problem: &Problem, navigation: bool) -> Response<Vec<u8>> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !navigation {
        let body = serde_json::to_vec(problem).unwrap_or_default();
        return answer(status, "application/problem+json", body);
    }
    let fields = problem
        .errors
        .iter()
        .map(|e| format!("<li><code>{}</code>: {}</li>", escaped(&e.field), escaped(&e.message)))
        .collect::<Vec<_>>()
        .concat();
    let body = format!(
        "<h1>{}</h1><p role=\"alert\">{}</p>{}{}",
        escaped(&problem.title),
        escaped(&problem.detail),
        if fields.is_empty() { fields } else { format!("<ul>{fields}</ul>") },
        // Configuration and key store are read at the start: only a restart helps there.
        if problem.is("configuration") {
            String::new()
        } else if problem.is("identity") {
            new_link()
        } else {
            try_again()
        },
    );
    html(status, &problem.title, &body)
}

fn try_again() -> String {
    format!("<p><a class=\"action\" href=\"{SIDEBAR}\">Try again</a></p>")
}

fn new_link() -> String {
    format!("<p><a class=\"action\" href=\"{ENROL}\">Set this machine up with a link</a></p>")
}

/// Why the server does not accept this machine's certificate, and how to get another one: by asking in the system's
/// browser, where the person gets the match code and, later, the mail.
pub fn refused(
    reason: Option<RejectionReason>,
    pages: &str,
    device_name: Option<&str>,
    may_enrol: bool,
) -> Response<Vec<u8>> {
    let title = reason.map_or("Ask for access in your browser", RejectionReason::explanation);
    let next = match reason {
        Some(RejectionReason::NotYetValid) => "Set the machine’s date and time, then try again.",
        Some(RejectionReason::Revoked) => {
            "Talk to your administrator. If the machine is to be used again, ask for access."
        }
        _ => "Ask for access again; an administrator approves it as before, and you keep your account.",
    };
    let url = request_url(reason, pages, device_name);
    let ask = escaped(url.as_ref().map_or(pages, Url::as_str));
    let enrol = if may_enrol {
        format!("<p>You have a new link already? <a href=\"{ENROL}\">Set this machine up with it</a>.</p>")
    } else {
        String::new()
    };
    let body = format!(
        "<h1>{}</h1><p role=\"alert\">{next}</p>\
         <p><a class=\"action\" href=\"{ask}\">Ask for access in your browser</a></p>{enrol}\
         <p><a href=\"{SIDEBAR}\">Try again</a></p>",
        escaped(title)
    );
    html(StatusCode::FORBIDDEN, title, &body)
}

fn request_url(reason: Option<RejectionReason>, pages: &str, device_name: Option<&str>) -> Option<Url> {
    let mut url = Url::parse(pages).ok()?.join("/request-access").ok()?;
    let parts = [
        ("reason", reason.map(RejectionReason::as_str)),
        ("platform", platform().map(Platform::as_str)),
        ("device_name", device_name),
    ];
    url.query_pairs_mut().extend_pairs(parts.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Some(url)
}

fn platform() -> Option<Platform> {
    match std::env::consts::OS {
        "linux" => Some(Platform::Linux),
        "macos" => Some(Platform::Macos),
        "windows" => Some(Platform::Windows),
        _ => None,
    }
}

/// Redirects to a path of the server.
pub fn moved(path: &str) -> Response<Vec<u8>> {
    let body = format!("<p><a href=\"{}\">Continue</a></p>", escaped(path));
    redirecting("One moment", &body, path)
}

/// The server redirects to another host: the user decides.
pub fn elsewhere(target: &Url) -> Response<Vec<u8>> {
    let address = escaped(target.as_str());
    let body = format!(
        "<h1>This page is elsewhere</h1><p>It opens in your browser:</p>\
         <p><a href=\"{address}\">{address}</a></p><p><a class=\"action\" href=\"{SIDEBAR}\">Back</a></p>"
    );
    html(StatusCode::OK, "This page is elsewhere", &body)
}
