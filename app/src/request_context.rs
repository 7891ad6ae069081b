//! What the server determined about a request before any page or server function runs: who makes it, and from where.
//!
//! The server puts a [`RequestContext`] into the context of every page and server function. The proof that an action
//! needs, such as an [`Administrator`], can only be made from it, so no server function can forget to authorise.

use domain::id::{AccountId, CertificateId};
use leptos::prelude::use_context;
use protocol::certificate::CertificateReport;
use protocol::people::{Role, SignedIn};
use protocol::{Problem, Secret};

/// One request, after authentication.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The account of the panel's session, if there is one.
    pub signed_in: Option<SignedIn>,
    /// The panel's session ended because it was idle for this many minutes.
    pub idle_minutes: Option<u32>,
    /// The session's secret from the cookie, for signing out. Never shown.
    pub session: Option<Secret>,
    /// The secret of a sign-in that waits for its second factor.
    pub challenge: Option<Secret>,
    /// The secret of a set-up whose recovery codes this browser may show again.
    pub setup: Option<Secret>,
    /// The secrets of the access requests that this browser made.
    pub requester: Option<Secret>,
    /// The peer's address, or the one that the trusted proxy reports.
    pub address: std::net::IpAddr,
    pub user_agent: String,
    /// Whether the request came through TLS (here or at the proxy): then cookies are `Secure`.
    pub secure: bool,
    pub certificate: CertificateReport,
    /// The machine whose certificate the client presents, if that is valid.
    pub machine: Option<MachineIdentity>,
    /// The origin of the public pages (`https://host`), if the request came to the machines' host. Cookies that the public
    /// pages need, such as the one that proves who asked for access, can only be set there.
    pub pages_origin: Option<String>,
}

/// A machine, by its valid certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineIdentity {
    pub certificate_id: CertificateId,
    /// SHA-256 of the certificate's DER, in lower-case hexadecimal.
    pub fingerprint: String,
    pub owner: AccountId,
}

/// Proof that the request comes from an administrator.
#[derive(Debug, Clone)]
pub struct Administrator {
    pub account_id: AccountId,
    pub email: String,
}

impl RequestContext {
    /// The context of the running server function or page.
    pub fn current() -> Result<Self, Problem> {
        use_context::<Self>().ok_or_else(Problem::internal)
    }

    pub fn administrator(&self) -> Result<Administrator, Problem> {
        match &self.signed_in {
            None => Err(match self.idle_minutes {
                Some(minutes) => Problem::sign_in_required().detail(idle_message(minutes)),
                None => Problem::sign_in_required(),
            }),
            Some(person) if person.role == Role::Administrator => {
                Ok(Administrator { account_id: person.account_id.clone(), email: person.email.clone() })
            }
            Some(_) => Err(Problem::forbidden().detail("You need an administrator account.")),
        }
    }
}

/// Why an idle session has ended.
pub fn idle_message(minutes: u32) -> String {
    let minutes = if minutes == 1 { "a minute".to_owned() } else { format!("{minutes} minutes") };
    format!("You were signed out, since the panel was not used for {minutes}.")
}

/// The first line of every administrator's server function.
pub fn require_administrator() -> Result<Administrator, Problem> {
    RequestContext::current()?.administrator()
}

/// A service's result with cookies to set; each entry is a whole `Set-Cookie` value.
#[derive(Debug, Clone)]
pub struct WithCookies<T> {
    pub value: T,
    pub cookies: Vec<String>,
}

impl<T> WithCookies<T> {
    pub fn plain(value: T) -> Self {
        Self { value, cookies: Vec::new() }
    }

    /// Adds the cookies to the current HTTP response and returns the value.
    pub fn deliver(self) -> T {
        if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
            for cookie in &self.cookies {
                if let Ok(value) = http::HeaderValue::from_str(cookie) {
                    response.append_header(http::header::SET_COOKIE, value);
                }
            }
        }
        self.value
    }
}
