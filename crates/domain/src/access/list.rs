//! The administrator's list of requests.

use serde::{Deserialize, Serialize};

use super::{AddressNote, Platform, RequestState};

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
    /// When the present state expires, in seconds since the Unix epoch.
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
    /// When the holder of the last one requested a new link, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub asked_at: Option<i64>,
    /// How many wrong match codes were sent with the last one. After ten, only the requesting browser can use it.
    pub wrong_codes: u32,
}

/// Which requests to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct AccessRequestFilter {
    /// Only requests in this state.
    #[serde(default)]
    pub state: Option<RequestState>,
    /// Without `state`: only pending requests and those for a new link, which wait for an administrator.
    #[serde(default)]
    pub waiting: bool,
    /// Part of the address, the device's name or the match code.
    #[serde(default)]
    pub search: String,
    /// Counted from 0.
    #[serde(default)]
    pub page: u32,
}
