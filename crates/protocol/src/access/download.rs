//! What is behind the link of an approved request.

use serde::{Deserialize, Serialize};

use super::Platform;

/// What the link of an approved request opens: `GET /public/download-certs/{token}` spends nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadOffer {
    /// Whether this link still gives a package.
    pub state: DownloadState,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub device_name: Option<String>,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub platform: Option<Platform>,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
    /// Whether the match code must be entered: this is not the browser that asked.
    pub needs_match_code: bool,
    /// Whether only the certificate of the machine that the link is about opens it, and was not shown: the link renews that
    /// certificate, and nobody asked for it.
    pub needs_certificate: bool,
    /// Where the person goes on to choose a password, once the package is there; `null` when the account is set up.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub setup_url: Option<String>,
    /// The server that the certificate opens.
    pub machines_url: String,
    /// How an ended link's holder asks for a new one, if that is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub new_link: Option<NewLink>,
    /// Where people ask for access and set up their sign-in.
    pub pages_url: String,
    /// Opens the desktop program, which fetches a certificate by itself; `null` for a link that renews one.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub desktop_link: Option<String>,
}

/// Asking the administrators for a new link. Whoever has only the link, and neither the asking browser nor the match
/// code, learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewLink {
    /// Whether they can be asked now.
    pub open: bool,
    /// When they were asked already, in seconds since the Unix epoch; only for the browser that asked for access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub asked_at: Option<i64>,
    /// From when on they can be asked again, in seconds since the Unix epoch.
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
