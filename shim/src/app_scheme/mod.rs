//! `assistant://localhost`: the origin of the user interface, served by the server through the mutual-TLS
//! transport.
//!
//! Each request of the page goes to the configured server and nowhere else.
//! Nothing that the page sends can name another destination or carry credentials: cookies, token and key stay
//! on this side. When there is no response, a page made here says what is wrong and what to do, so that the
//! window is never empty. Before a server is known, it redirects to the pages that enrol this machine.

mod page;
mod policy;
mod request;
mod response;

use std::str::FromStr;
use std::sync::Arc;

use http::{Request, Response};
use protocol::certificate::RejectionReason;
use tauri::Url;

use crate::connection::{self, Connected, Connection, ConnectionState};
use crate::enrolment::{ENROL, Wizard};
use crate::page::SIDEBAR;
use crate::transport::TransportError;
use request::Forwarded;

pub const SCHEME: &str = "assistant";
/// Shown at once, while the sidebar loads.
const WELCOME: &str = "/~shim/welcome";
/// Where the server redirects whoever has no valid certificate. Asking for one is done in the system's browser.
const REQUEST_ACCESS: &str = "/request-access";

/// The first address of the window.
pub fn start() -> Result<Url, <Url as FromStr>::Err> {
    format!("{SCHEME}://localhost{WELCOME}").parse()
}

/// The address of the pages that enrol this machine.
pub fn enrol() -> Result<Url, <Url as FromStr>::Err> {
    format!("{SCHEME}://localhost{ENROL}").parse()
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
    connection: Arc<Connection>,
    /// `None` where the command line says all of the connection.
    wizard: Option<Arc<Wizard>>,
}

impl AppScheme {
    pub fn new(connection: Arc<Connection>, wizard: Option<Arc<Wizard>>) -> Self {
        Self { connection, wizard }
    }

    pub async fn handle(&self, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        let navigation = request::is_navigation(request.method(), request.headers());
        let path = request.uri().path();
        if let Some(wizard) = self.wizard.as_ref().filter(|_| path == ENROL || below_enrol(path)) {
            return match request::from_our_pages(request.headers()) {
                Ok(()) => wizard.handle(&request).await,
                Err(refusal) => page::problem(&refusal.problem(), navigation),
            };
        }
        if path == WELCOME
            && let state @ (ConnectionState::Connected(_) | ConnectionState::Opening) =
                self.connection.state()
        {
            return page::welcome(&state, SIDEBAR);
        }
        let connected = match (self.connection.settled().await, &self.wizard) {
            (ConnectionState::Connected(connected), _) => connected,
            (ConnectionState::Unenrolled, Some(wizard)) if navigation => {
                wizard.unlock().await;
                return page::moved(ENROL);
            }
            (ConnectionState::Failed(problem), wizard) => {
                if let Some(wizard) = wizard {
                    wizard.unlock().await;
                }
                return page::problem(&problem, navigation);
            }
            (ConnectionState::Opening | ConnectionState::Unenrolled, _) => {
                return page::problem(&connection::unenrolled(), navigation);
            }
        };
        if navigation && path == REQUEST_ACCESS {
            // Any page can navigate here, not only the server's redirect, so the server is asked.
            if !self.may_enrol().await && is_refused(&connected).await {
                self.unlock().await;
            }
            return self.ask_for_access(&connected, reason_in(request.uri().query())).await;
        }
        self.exchange(&connected, request, navigation).await
    }

    async fn exchange(
        &self,
        connected: &Connected,
        request: Request<Vec<u8>>,
        navigation: bool,
    ) -> Response<Vec<u8>> {
        let server = connected.transport.server();
        let forwarded = match request::forward(server, request) {
            Ok(forwarded) => forwarded,
            Err(refusal) => return page::problem(&refusal.problem(), navigation),
        };
        let Forwarded { method, url, headers, body } = forwarded;
        match connected.transport.exchange(method, url.clone(), headers, body).await {
            Ok(answer) => {
                tracing::debug!(status = answer.status.as_u16(), navigation, "page request answered");
                response::deliver(server, &url, navigation, answer)
            }
            Err(failure) => {
                tracing::warn!(error = %failure, navigation, "page request failed");
                match failure {
                    // Something in front of the server ended the handshake; the server itself would redirect to a page.
                    TransportError::CertificateRefused(alert) if navigation => {
                        self.unlock().await;
                        self.ask_for_access(connected, alert.reason()).await
                    }
                    other => page::problem(&other.problem(server), navigation),
                }
            }
        }
    }

    async fn ask_for_access(
        &self,
        connected: &Connected,
        reason: Option<RejectionReason>,
    ) -> Response<Vec<u8>> {
        let may_enrol = self.may_enrol().await;
        page::refused(reason, &connected.pages, connected.device_name.as_deref(), may_enrol)
    }

    /// The server does not accept this machine any more, so it may be enrolled again.
    async fn unlock(&self) {
        if let Some(wizard) = &self.wizard {
            wizard.unlock().await;
        }
    }

    async fn may_enrol(&self) -> bool {
        match &self.wizard {
            Some(wizard) => wizard.is_unlocked().await,
            None => false,
        }
    }
}

/// Whether the server says now that it does not accept this machine's certificate.
async fn is_refused(connected: &Connected) -> bool {
    let Err(problem) = connected.native_api.certificate().await else { return false };
    let by_name = |reason: RejectionReason| problem.is(&format!("client-certificate:{}", reason.as_str()));
    problem.is("certificate-refused") || RejectionReason::ALL.into_iter().any(by_name)
}

fn below_enrol(path: &str) -> bool {
    path.strip_prefix(ENROL).is_some_and(|rest| rest.starts_with('/'))
}

fn reason_in(query: Option<&str>) -> Option<RejectionReason> {
    let url = Url::parse(&format!("query:?{}", query?)).ok()?;
    url.query_pairs().find(|(name, _)| name == "reason").and_then(|(_, value)| value.parse().ok())
}

#[cfg(test)]
mod tests;
