//! Who is asking: what the server found out about a request before any page or server function runs.
//!
//! The server puts a [`Visit`] into the context of every page and server function. What an action needs beyond it,
//! such as an [`Administrator`], can only be made from it, so no server function can forget to authorise.

use leptos::prelude::use_context;
use protocol::Problem;
use protocol::certificate::CertificateReport;
use protocol::people::{Role, SignedIn};

/// One request, as the server judged it.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The account of the panel's session, if there is one.
    pub signed_in: Option<SignedIn>,
    /// The panel's session has ended because it was not used for so many minutes.
    pub unused_minutes: Option<u32>,
    /// The session's secret as the cookie carried it, for signing out. Never shown.
    pub session: Option<Cookie>,
    /// The secret of a sign-in that waits for its second factor.
    pub challenge: Option<Cookie>,
    /// The secrets of the access requests that this browser made.
    pub asked: Option<Cookie>,
    /// The peer's address, or the one that the trusted proxy told.
    pub address: std::net::IpAddr,
    pub user_agent: String,
    /// Whether the request came through TLS (here or at the proxy): decides on the cookies' attributes.
    pub secure: bool,
    pub certificate: CertificateReport,
    /// Where the public pages are, if the visitor came to the machines' host: `https://host`, without a path. What a browser
    /// is to remember, such as that it asked for access, it can only remember there.
    pub pages_elsewhere: Option<String>,
}

/// A cookie's value. Prints as `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie(pub String);

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Proof that an administrator asks.
#[derive(Debug, Clone)]
pub struct Administrator {
    pub account_id: String,
    pub email: String,
}

impl Visit {
    /// The visit of the running server function or page.
    pub fn current() -> Result<Self, Problem> {
        use_context::<Self>().ok_or_else(Problem::internal)
    }

    pub fn administrator(&self) -> Result<Administrator, Problem> {
        match &self.signed_in {
            None => Err(match self.unused_minutes {
                Some(minutes) => Problem::sign_in_required().detail(unused_words(minutes)),
                None => Problem::sign_in_required(),
            }),
            Some(person) if person.role == Role::Administrator => {
                Ok(Administrator { account_id: person.account_id.clone(), email: person.email.clone() })
            }
            Some(_) => Err(Problem::forbidden().detail("This needs an administrator's account.")),
        }
    }
}

/// Why a session has ended that nobody used.
pub fn unused_words(minutes: u32) -> String {
    let minutes = if minutes == 1 { "a minute".to_owned() } else { format!("{minutes} minutes") };
    format!("You were signed out, since the panel was not used for {minutes}.")
}

/// The first line of every administrator's server function.
pub fn require_administrator() -> Result<Administrator, Problem> {
    Visit::current()?.administrator()
}

/// What a service answers when it also has cookies to set: each entry is a whole `Set-Cookie` value.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    pub value: T,
    pub cookies: Vec<String>,
}

impl<T> Answer<T> {
    pub fn plain(value: T) -> Self {
        Self { value, cookies: Vec::new() }
    }

    /// Hands the cookies to the HTTP response that is being made and gives the value on.
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
