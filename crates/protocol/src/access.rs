//! Access requests: what a requester submits and sees.

mod download;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use domain::access::{
    AccessRequestFilter, AccessRequestRow, DeviceName, EmailAddress, Links, MatchCode, Message, Platform,
    RequestState,
};
pub use domain::{Invalid, Page};
pub use download::{DownloadOffer, DownloadState, NewLink};

/// A request for access before validation: `POST /public/request-access`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestAccess {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true, max_length = 254, examples("anna@example.org")))]
    pub email: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Platform>))]
    pub platform: Option<String>,
    /// The name of the machine: visible characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 64, examples("Anna’s laptop")))]
    pub device_name: Option<String>,
    /// A message to the administrators.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub message: Option<String>,
}

/// A request for access whose fields are all valid.
#[derive(Debug, Clone)]
pub struct ValidatedRequest {
    pub email: EmailAddress,
    pub platform: Option<Platform>,
    pub device_name: Option<DeviceName>,
    pub message: Message,
}

impl RequestAccess {
    /// Validates all fields. The error is 422 with every invalid one.
    pub fn check(&self) -> Result<ValidatedRequest, crate::Problem> {
        fn optional<T: FromStr<Err = Invalid>>(value: Option<&str>) -> Result<Option<T>, Invalid> {
            value.map(str::trim).filter(|v| !v.is_empty()).map(str::parse).transpose()
        }
        let mut problem = crate::Problem::invalid_input();
        let mut reject = |field: &str, error: Invalid| {
            problem.errors.push(crate::FieldError::new(field, error.to_string()));
        };
        let email = self.email.parse::<EmailAddress>().map_err(|e| reject("email", e)).ok();
        let platform =
            optional::<Platform>(self.platform.as_deref()).map_err(|e| reject("platform", e)).ok().flatten();
        let device_name = optional::<DeviceName>(self.device_name.as_deref())
            .map_err(|e| reject("device_name", e))
            .ok()
            .flatten();
        let message = optional::<Message>(self.message.as_deref())
            .map_err(|e| reject("message", e))
            .ok()
            .flatten()
            .unwrap_or_default();
        match email {
            Some(email) if problem.errors.is_empty() => {
                Ok(ValidatedRequest { email, platform, device_name, message })
            }
            _ => Err(problem),
        }
    }
}

/// The answer to a request for access: the same whether or not the address is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestReceipt {
    /// To be compared with what the administrator sees, by voice or chat.
    #[cfg_attr(feature = "openapi", schema(examples("ABCD-2345")))]
    pub match_code: String,
    /// Where the request's state can be looked up. Whoever has this address can look.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub status_url: String,
}

/// What the holder of a status URL may know: `GET /public/request-status/{token}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestStatus {
    pub state: RequestState,
    /// `ABCD-EFGH`; only for the requesting browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub match_code: Option<String>,
    /// Seconds since the Unix epoch.
    pub requested_at: i64,
    /// When the present state expires, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub expires_at: Option<i64>,
    /// Why it was rejected, if the administrator gave a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reason: Option<String>,
    /// When a reminder was last asked for, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reminded_at: Option<i64>,
    /// The next reminder, while one is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reminder: Option<Reminder>,
}

/// How the administrators can be reminded of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reminder {
    /// When it is possible, in seconds since the Unix epoch; absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub at: Option<i64>,
    /// How many are left, this one included.
    pub left: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_invalid_fields_are_reported_together() {
        let request = RequestAccess {
            email: "nobody".into(),
            platform: Some("amiga".into()),
            device_name: Some("\u{202E}x".into()),
            message: Some("x".repeat(501)),
        };
        let problem = request.check().unwrap_err();
        let fields: Vec<_> = problem.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["email", "platform", "device_name", "message"]);
    }
}
