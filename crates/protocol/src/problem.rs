//! Errors on the wire: problem documents (RFC 9457).
//!
//! A problem only contains what its reader may know. Details for the operator go to the log instead.

pub use domain::FieldError;
use serde::{Deserialize, Serialize};

/// The prefix of every problem's `type` (RFC 9457 §3.1.1). Stable: clients compare the whole string.
pub const TYPE_PREFIX: &str = "urn:aiwe:problem:";

/// An error document, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:aiwe:problem:` and a stable name, such as `invalid-input`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^urn:aiwe:problem:[a-z:-]+$"))]
    pub kind: String,
    /// The same for every occurrence of this type.
    pub title: String,
    /// The HTTP status code.
    #[cfg_attr(feature = "openapi", schema(minimum = 400, maximum = 599))]
    pub status: u16,
    /// What happened this time and what to do, in plain words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Which fields were wrong and what was expected of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Seconds until it makes sense to try again; also sent as `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// `name`: the stable name that ends the `type`. `status`: the HTTP status code.
    pub fn new(name: &str, status: u16, title: &str) -> Self {
        Self {
            kind: format!("{TYPE_PREFIX}{name}"),
            title: title.to_owned(),
            status,
            detail: String::new(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// Sets the detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Sets the seconds until it makes sense to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds an invalid field.
    #[must_use]
    pub fn field(mut self, field: &str, message: impl Into<String>) -> Self {
        self.errors.push(FieldError::new(field, message));
        self
    }

    /// 422: some fields are invalid. Add each with [`Problem::field`].
    pub fn invalid_input() -> Self {
        Self::new("invalid-input", 422, "Some fields need another value")
    }

    /// 401: nobody is signed in.
    pub fn sign_in_required() -> Self {
        Self::new("sign-in-required", 401, "Sign in first")
    }

    /// 401: the same for every wrong e-mail address, password or code.
    pub fn wrong_credentials() -> Self {
        Self::new("wrong-credentials", 401, "That did not match")
            .detail("Check the e-mail address, the password and the code, and try again.")
    }

    /// 403: signed in, but not allowed.
    pub fn forbidden() -> Self {
        Self::new("forbidden", 403, "You may not do this")
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::new("not-found", 404, "There is nothing here")
    }

    /// 410: the link has been used or has expired.
    pub fn gone(detail: &str) -> Self {
        Self::new("gone", 410, "This link has been used or has expired").detail(detail)
    }

    /// 409: the resource is no longer in the state that this operation requires.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new("conflict", 409, "Somebody was faster").detail(detail)
    }

    /// 429: the rate limit is exceeded. `seconds`: until the next attempt.
    pub fn too_many_requests(seconds: u64) -> Self {
        Self::new("too-many-requests", 429, "Too many tries")
            .detail(format!("Try again in {seconds} seconds."))
            .retry_after(seconds)
    }

    /// 503: the server is overloaded, or a component is unavailable. `seconds`: until the next attempt.
    pub fn unavailable(detail: &str, seconds: u64) -> Self {
        Self::new("unavailable", 503, "The server is busy").detail(detail).retry_after(seconds)
    }

    /// 500: an error of the server. The log has the cause, under the request id.
    pub fn internal() -> Self {
        Self::new("internal", 500, "Something went wrong on the server")
            .detail("See the server’s log for details.")
    }

    /// Whether this is the problem with this name.
    pub fn is(&self, name: &str) -> bool {
        self.kind.strip_prefix(TYPE_PREFIX) == Some(name)
    }

    /// The message about `field`, if it is invalid.
    pub fn error_of(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|e| e.field == field).map(|e| e.message.as_str())
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        for error in &self.errors {
            write!(f, " ({}: {})", error.field, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl From<Vec<FieldError>> for Problem {
    fn from(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::invalid_input() }
    }
}
