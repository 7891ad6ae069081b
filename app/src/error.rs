//! The error of every server function: a [`Problem`], which only holds what its reader may know.

use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use protocol::Problem;
use serde::{Deserialize, Serialize};

/// What a server function returns when it fails.
///
/// Converting from a [`Problem`] on the server also sets the status of the current HTTP response, and its `Retry-After`: a
/// page whose data is missing becomes a 404, a server function called without permission a 401 or 403.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppError(Problem);

impl AppError {
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    pub fn into_problem(self) -> Problem {
        self.0
    }
}

impl From<Problem> for AppError {
    fn from(problem: Problem) -> Self {
        #[cfg(feature = "ssr")]
        set_status(&problem);
        Self(problem)
    }
}

/// A response that already redirects stays a redirect: the sign-in matters more than what failed for the lack of one.
#[cfg(feature = "ssr")]
fn set_status(problem: &Problem) {
    let Some(response) = leptos::prelude::use_context::<leptos_axum::ResponseOptions>() else { return };
    let redirects = response.0.read().is_ok_and(|parts| parts.headers.contains_key(http::header::LOCATION));
    if !redirects && let Ok(status) = http::StatusCode::from_u16(problem.status) {
        response.set_status(status);
        if let Some(seconds) = problem.retry_after {
            response.insert_header(http::header::RETRY_AFTER, seconds.into());
        }
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    /// The transport's messages contain internals (types, addresses), so only the kind of error is kept.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let problem = match error {
            ServerFnErrorErr::Request(_) => Problem::new("unreachable", 503, "Can’t reach the server")
                .detail("Check the connection and try again."),
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Serialization(_) => {
                Problem::new("bad-request", 400, "The server didn’t understand this")
                    .detail("Reload the page and try again.")
            }
            ServerFnErrorErr::Deserialization(_) => {
                Problem::new("bad-answer", 502, "This page didn’t understand the server")
                    .detail("The server may have been updated. Reload the page and try again.")
            }
            _ => Problem::internal(),
        };
        Self::from(problem)
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for AppError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_survives_the_wire_with_its_fields() {
        let sent = AppError::from(Problem::invalid_input().field("email", "Enter an address."));
        let arrived = AppError::de(sent.ser());
        assert_eq!(arrived, sent);
        assert_eq!(arrived.problem().error_of("email"), Some("Enter an address."));
        assert_eq!(arrived.problem().error_of("message"), None);
    }

    #[test]
    fn transport_details_do_not_leak() {
        let inside = "missing field `password` at 10.0.0.5";
        for error in [
            ServerFnErrorErr::Args(inside.into()),
            ServerFnErrorErr::Deserialization(inside.into()),
            ServerFnErrorErr::MiddlewareError(inside.into()),
            ServerFnErrorErr::Request(inside.into()),
            ServerFnErrorErr::ServerError(inside.into()),
        ] {
            let shown = AppError::from_server_fn_error(error).to_string();
            assert!(!shown.contains("10.0.0.5") && !shown.contains("password"), "{shown}");
        }
    }

    #[test]
    fn a_response_that_is_no_problem_document_is_reported_as_such() {
        assert!(AppError::de("<html>502</html>".into()).problem().is("bad-answer"));
    }
}
