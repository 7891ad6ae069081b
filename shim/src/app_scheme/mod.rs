//! `assistant://localhost`: the origin of the user interface, served by the server through the mutual-TLS
//! transport.
//!
//! Each request of the page goes to the configured server and nowhere else; what comes back is the page's.
//! Nothing that the page sends can name another destination or carry credentials: cookies, token and key stay
//! on this side. When there is no answer, a page made here says what is wrong and what to do, so that the
//! window is never just empty.

mod page;
mod policy;
mod request;
mod response;

use std::str::FromStr;
use std::sync::Arc;

use http::{Request, Response};
use protocol::Problem;
use tauri::Url;

use crate::transport::Transport;
use request::Forwarded;

pub const SCHEME: &str = "assistant";
/// The page that the window shows.
pub const SIDEBAR: &str = "/sidebar";
/// Shown at once, while the sidebar is on its way.
const WELCOME: &str = "/~shim/welcome";

/// Where the window begins.
pub fn start() -> Result<Url, <Url as FromStr>::Err> {
    format!("{SCHEME}://localhost{WELCOME}").parse()
}

/// Whether an address belongs to the user interface. Windows' webview writes it as a host under HTTP.
pub fn is_ours(url: &Url) -> bool {
    match url.scheme() {
        SCHEME => url.host_str() == Some("localhost"),
        "http" | "https" if cfg!(windows) => url.host_str() == Some("assistant.localhost"),
        _ => false,
    }
}

/// Answers the requests of the page.
#[derive(Debug, Clone)]
pub struct AppScheme {
    /// Or why there is none.
    transport: Result<Arc<Transport>, Problem>,
}

impl AppScheme {
    pub fn new(transport: Result<Arc<Transport>, Problem>) -> Self {
        Self { transport }
    }

    pub async fn answer(&self, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        let navigation = request::is_navigation(request.method(), request.headers());
        let transport = match &self.transport {
            Ok(transport) => transport,
            Err(problem) => return page::problem(problem, navigation),
        };
        let server = transport.server();
        if request.uri().path() == WELCOME {
            return page::welcome(server, SIDEBAR);
        }
        let forwarded = match request::forward(server, request) {
            Ok(forwarded) => forwarded,
            Err(refusal) => return page::problem(&refusal.problem(), navigation),
        };
        let Forwarded { method, url, headers, body } = forwarded;
        match transport.exchange(method, url.clone(), headers, body).await {
            Ok(answer) => {
                tracing::debug!(status = answer.status.as_u16(), navigation, "page request answered");
                response::deliver(server, &url, navigation, answer)
            }
            Err(failure) => {
                tracing::warn!(error = %failure, navigation, "page request failed");
                page::problem(&failure.problem(server), navigation)
            }
        }
    }
}

#[cfg(test)]
mod tests;
