//! The download link of an approved request.

use serde::{Deserialize, Serialize};

use super::Platform;

/// What a download link offers: `GET /public/download-certs/{token}`, which does not use the link up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadOffer {
    /// Whether the link can still be used.
    pub state: DownloadState,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub device_name: Option<String>,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub platform: Option<Platform>,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
    /// Whether the match code is required, since this is not the requesting browser.
    pub needs_match_code: bool,
    /// Whether the link requires the machine's present certificate, which was not presented. So it is for renewal links, which
    /// nobody has requested.
    pub needs_certificate: bool,
    /// Where the person sets up the account, after fetching the package; `null` if it is set up already.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub setup_url: Option<String>,
    /// The address for which the certificate is valid.
    pub machines_url: String,
    /// How a new link can be requested, if that is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub new_link: Option<NewLink>,
    /// The address of the pages, where people request access and set up their accounts.
    pub pages_url: String,
    /// Opens the desktop program, which fetches the certificate itself; `null` for a renewal link.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub desktop_link: Option<String>,
}

/// Whether and when a new link can be requested. It reveals nothing to those who have only the link, and neither the
/// requesting browser nor the match code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewLink {
    /// Whether it can be requested now.
    pub open: bool,
    /// When it was requested already, in seconds since the Unix epoch; only for the requesting browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub asked_at: Option<i64>,
    /// When it can be requested again, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub at: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DownloadState {
    Expired,
    Ready,
    Redeemed,
}
