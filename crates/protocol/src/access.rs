//! Asking for access: what a requester enters and sees, and what an administrator sees of it.

mod download;
mod fields;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::review::AddressNote;
pub use crate::text::Invalid;
pub use download::{DownloadOffer, DownloadState, NewLink};
pub use fields::{DeviceName, EmailAddress, MatchCode, Message, Platform};

/// A request for access, unchecked as it arrives: `POST /public/request-access`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestAccess {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true, max_length = 254, examples("anna@example.org")))]
    pub email: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Platform>))]
    pub platform: Option<String>,
    /// What the machine is to be called: visible characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 64, examples("Anna’s laptop")))]
    pub device_name: Option<String>,
    /// A few words to the administrator.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub message: Option<String>,
}

/// A request for access whose every field fits.
#[derive(Debug, Clone)]
pub struct CheckedRequest {
    pub email: EmailAddress,
    pub platform: Option<Platform>,
    pub device_name: Option<DeviceName>,
    pub message: Message,
}

impl RequestAccess {
    /// Tells of every wrong field at once.
    pub fn check(&self) -> Result<CheckedRequest, crate::Problem> {
        fn optional<T: FromStr<Err = Invalid>>(value: &Option<String>) -> Result<Option<T>, Invalid> {
            value.as_deref().map(str::trim).filter(|v| !v.is_empty()).map(str::parse).transpose()
        }
        let mut problem = crate::Problem::invalid_input();
        let mut note = |field: &str, error: Invalid| {
            problem.errors.push(crate::FieldError { field: field.to_owned(), message: error.to_string() })
        };
        let email = self.email.parse::<EmailAddress>().map_err(|e| note("email", e)).ok();
        let platform = optional::<Platform>(&self.platform).map_err(|e| note("platform", e)).ok().flatten();
        let device_name =
            optional::<DeviceName>(&self.device_name).map_err(|e| note("device_name", e)).ok().flatten();
        let message = optional::<Message>(&self.message)
            .map_err(|e| note("message", e))
            .ok()
            .flatten()
            .unwrap_or_default();
        match email {
            Some(email) if problem.errors.is_empty() => {
                Ok(CheckedRequest { email, platform, device_name, message })
            }
            _ => Err(problem),
        }
    }
}

/// The answer to a request for access: the same whether or not the address is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Asked {
    /// To be compared with what the administrator sees, by voice or chat.
    #[cfg_attr(feature = "openapi", schema(examples("ABCD-2345")))]
    pub match_code: String,
    /// Where the request's state can be looked up. Whoever has this address can look.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub status_url: String,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RequestState {
    Approved,
    Expired,
    Pending,
    Redeemed,
    Rejected,
}

impl RequestState {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Approved, Self::Redeemed, Self::Rejected, Self::Expired];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Expired => "expired",
            Self::Pending => "pending",
            Self::Redeemed => "redeemed",
            Self::Rejected => "rejected",
        }
    }
}

impl FromStr for RequestState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or(Invalid("pending, approved, redeemed, rejected or expired"))
    }
}

/// What the holder of a status URL may know: `GET /public/request-status/{token}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestStatus {
    pub state: RequestState,
    /// `ABCD-EFGH`; only for the browser that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub match_code: Option<String>,
    /// Seconds since the Unix epoch.
    pub requested_at: i64,
    /// When the present state ends by itself, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub expires_at: Option<i64>,
    /// Why it was rejected, if the administrator said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reason: Option<String>,
    /// When the administrators were last reminded of it, in seconds since the Unix epoch.
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
    /// From when on, in seconds since the Unix epoch; without it: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub at: Option<i64>,
    /// How many are left, this one included.
    pub left: u32,
}

/// A request as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessRequestRow {
    pub id: String,
    pub email: String,
    /// `ABCD-EFGH`, to be compared with what the requester reads out.
    pub match_code: String,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub platform: Option<Platform>,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub device_name: Option<String>,
    pub message: String,
    pub state: RequestState,
    /// Seconds since the Unix epoch.
    pub requested_at: i64,
    /// When the present state ends by itself, in seconds since the Unix epoch.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub expires_at: Option<i64>,
    /// Seconds since the Unix epoch.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub decided_at: Option<i64>,
    /// The e-mail address of the administrator who decided.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub decided_by: Option<String>,
    /// Why it was rejected.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub reason: Option<String>,
    /// Whether an account with this address exists already.
    pub known_account: bool,
    /// What makes the address suspicious.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub notes: Vec<AddressNote>,
    /// When the requester last reminded the administrators, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reminded_at: Option<i64>,
    /// Its links, once it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub links: Option<Links>,
}

/// The links that an approved request has been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Links {
    pub sent: u32,
    /// How many more can be sent.
    pub left: u32,
    /// When the holder of the last one asked for another, since it was sent; in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub asked_at: Option<i64>,
    /// How many wrong match codes came with the last one. Ten close it to everybody but the asking browser.
    pub wrong_codes: u32,
}

/// Which requests to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct AccessRequestFilter {
    /// Only those that stand here.
    #[serde(default)]
    pub state: Option<RequestState>,
    /// Only what waits for an administrator, unless a state is named: who is pending, and who asks for a new link.
    #[serde(default)]
    pub waiting: bool,
    /// Part of the address, the device's name or the match code.
    #[serde(default)]
    pub search: String,
    /// From 0.
    #[serde(default)]
    pub page: u32,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// From 0.
    pub page: u32,
    /// How many there are on a page, except on the last.
    pub page_size: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named_at_once() {
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
